// What the kernels of persistent.cu and fleet.cu are made of: their layout in shared memory, the exchange between
// blocks, sums shared out over lanes, the first layer, and the way in and out of shared memory.
#pragma once
#include "job.h"
#include "rows.h"

// Where everything lies in a block's shared memory, and what all networks of a shape have alike. Offsets are in floats;
// slices hold parameters and behind them, as often, the state. Laid out as the Go struct persistentLayer.
struct PersistentLayer {
  int32_t in, out, act;
  int32_t units;   // most that a block owns; for the output layer all
  int32_t stride;  // of a row of `columns`: in, rounded up to 4
  uint32_t by_units, by_out, by_quads; // reciprocals of units, out and stride/4: see over
  int32_t columns; // units×stride: those of W that make the block's units
  int32_t rows;    // units of the layer before × out, rounded up to 4: those of W that they reach; not in the first
                   // and last
  int32_t bias;    // units
  int32_t a;       // batch × width: activations of the layer; of the output layer z, and then δ
  int32_t mask;    // batch × width, with dropout
  int32_t delta;   // batch × width; in the first layer batch × units
  int32_t width;   // out, rounded up to 4
};
static_assert(sizeof(PersistentLayer) == 60, "see persistentLayerBytes");

enum { PERSISTENT_LAYERS = 4 };

// Laid out as the Go struct persistentNet. Kernels take it by value: as parameters its fields are operands of
// instructions, and in no registers.
struct PersistentNet {
  PersistentLayer layer[PERSISTENT_LAYERS];
  int32_t method, loss;
  int32_t batch;  // most rows of a step
  int32_t images; // offset of two sets of images, batch × the first layer's stride bytes each
  int32_t index, labels; // offsets of two sets of batch numbers
  int32_t row_loss;      // offset of 32×batch: a lane's part of each row's loss; the last of all but a fleet's FleetJob
  uint32_t by_groups;    // reciprocal of the first layer's units in groups of four
};
static_assert(sizeof(PersistentNet) == PERSISTENT_LAYERS * 60 + 32, "see persistentNetBytes");

// What is a network's own. Laid out as the Go struct persistentOwn.
struct PersistentOwnLayer {
  float *w, *ws, *wt, *b, *bs, *bt; // parameters and state, in×out and out
  uint64_t *forward, *backward;     // words of the exchanges, two sets of batch × width; null for none
  float l2, l1;
};
struct PersistentOwn {
  PersistentOwnLayer layer[PERSISTENT_LAYERS];
  uint64_t seed;
  float momentum, beta1, beta2, epsilon, keep;
  int32_t unused;
};
static_assert(sizeof(PersistentOwn) == PERSISTENT_LAYERS * 72 + 32, "see persistentOwnBytes");

// A network of a fleet, and steps of its call. Laid out as the Go struct fleetJob.
struct FleetJob {
  PersistentOwn own;
  Job job;
  int32_t from, to;
  uint32_t tag;
  int32_t unused;
};
static_assert(sizeof(FleetJob) == sizeof(PersistentOwn) + sizeof(Job) + 16, "see fleetJobBytes");

// What a block knows of itself.
struct Me {
  int t, threads, lane, warp, warps;
  float *memory;
};

// o/d for o·d < 2³¹, with ⌊2³¹/d⌋ + 1 for d. The device has no division of integers: it would take some thirty
// instructions, most of which wait for the one before.
static __device__ __forceinline__ int over(int o, uint32_t reciprocal) {
  return (int)((uint64_t)(uint32_t)o * reciprocal >> 31);
}

// The first of a layer's units that block g owns; those of the next block end its own.
static __device__ __forceinline__ int first_unit(int out, int g) { return (int)((int64_t)out * g / (int)gridDim.x); }

// Gives a unit's value for a row to all blocks. The last unit's owner also gives what fills its row up to `width`, so
// that whoever waits need not tell values from filling.
static __device__ __forceinline__ void publish(const PersistentLayer &l, uint64_t *words, int row, int unit, float v,
                                               uint32_t tag) {
  words += row * l.width + unit;
  store_shared_word(words, (uint64_t)tag << 32 | to_bits(v));
  if (unit == l.out - 1)
    for (int i = l.width - l.out; i > 0; i--) store_shared_word(words + i, (uint64_t)tag << 32);
}

// After so many looks for a word, some seconds, there is a fault: an error is better than a program that hangs.
const int PATIENCE = 1 << 24;

// Waits for n values, an even number.
static __device__ __forceinline__ void receive(const Me &me, const uint64_t *words, int n, uint32_t tag, float *to) {
  const int AT_ONCE = 3; // pairs under way together
  for (int p0 = me.t; p0 < n / 2; p0 += AT_ONCE * me.threads) {
    Pair pair[AT_ONCE];
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++) {
      int p = p0 + k * me.threads;
      if (p < n / 2) pair[k] = load_shared_pair(words + 2 * p);
    }
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++) {
      int p = p0 + k * me.threads;
      if (p < n / 2) {
        for (int looks = 0; (uint32_t)(pair[k].v[0] >> 32) != tag || (uint32_t)(pair[k].v[1] >> 32) != tag; looks++) {
          if (looks == PATIENCE) trap();
          SPIN();
          pair[k] = load_shared_pair(words + 2 * p);
        }
        to[2 * p] = from_bits((uint32_t)pair[k].v[0]);
        to[2 * p + 1] = from_bits((uint32_t)pair[k].v[1]);
      }
    }
  }
}

// total sums, each shared out over some lanes of a warp: add(o, part, parts, &sum) adds its share of the terms of sum
// o, put(o, sum) takes it.
template <class Add, class Put>
static __device__ __forceinline__ void sums(const Me &me, int total, Add add, Put put) {
  int shift = 5;
  while (shift > 0 && total << shift > me.threads) shift--;
  int parts = 1 << shift, part = me.t & (parts - 1);
  for (int base = 0; base < total; base += me.threads >> shift) {
    int o = base + (me.t >> shift);
    float sum = 0.0f;
    if (o < total) add(o, part, parts, &sum);
    for (int d = parts >> 1; d > 0; d >>= 1) sum += shuffle_xor(sum, d);
    if (o < total && part == 0) put(o, sum);
  }
}

// Adds Σ x·m·y over this part of the quads; m is null for none.
static __device__ __forceinline__ void dot(const float *x, const float *m, const float *y, int quads, int part,
                                           int parts, float *sum) {
#pragma unroll 4
  for (int q = part; q < quads; q += parts) {
    Quad a = quad(x + 4 * q), b = quad(y + 4 * q);
    if (m) {
      Quad k = quad(m + 4 * q);
#pragma unroll
      for (int i = 0; i < 4; i++) a.v[i] *= k.v[i];
    }
#pragma unroll
    for (int i = 0; i < 4; i++) *sum = fma32(a.v[i], b.v[i], *sum);
  }
}

static __device__ __forceinline__ float byte_of(uint32_t word, int i) { return (float)(word >> (8 * i) & 255u); }

const float UNIT = 1.0f / 255.0f; // of a pixel; sums are taken of bytes and scaled

// The first layer's units of the block for all rows: a warp takes a row and UNITS units at a time, a lane four pixels.
template <int UNITS>
static __device__ __forceinline__ void forward_images(const Me &me, const PersistentLayer &l, uint32_t by_groups,
                                                      const uint8_t *images, int rows, int first, int own, uint32_t tag,
                                                      uint64_t *words) {
  int groups = UNITS == 1 ? 1 : (l.units + UNITS - 1) / UNITS;
  for (int task = me.warp; task < rows * groups; task += me.warps) {
    int r = UNITS == 1 ? task : over(task, by_groups), u0 = (task - r * groups) * UNITS;
    const uint32_t *x = (const uint32_t *)(images + (size_t)r * l.stride);
    const float *w = me.memory + l.columns + u0 * l.stride;
    float sum[UNITS];
#pragma unroll
    for (int u = 0; u < UNITS; u++) sum[u] = 0.0f;
#pragma unroll 4
    for (int q = me.lane; q < l.stride / 4; q += 32) {
      uint32_t word = x[q];
#pragma unroll
      for (int u = 0; u < UNITS; u++) {
        if (u0 + u < own) {
          Quad v = quad(w + u * l.stride + 4 * q);
#pragma unroll
          for (int i = 0; i < 4; i++) sum[u] = fma32(byte_of(word, i), v.v[i], sum[u]);
        }
      }
    }
    float mine = 0.0f; // of lane u, unit u
#pragma unroll
    for (int u = 0; u < UNITS; u++) {
      float s = warp_sum(sum[u]);
      if (me.lane == u) mine = s;
    }
    int u = u0 + me.lane;
    if (me.lane < UNITS && u < own)
      publish(l, words, r, first + u, activate(l.act, fma32(mine, UNIT, me.memory[l.bias + u])), tag);
  }
}

// The same sums where a block owns many units: a warp takes ROWS rows at a time too, and reads the weights from shared
// memory, whose bandwidth is the bound then, that much less often.
template <int ROWS>
static __device__ __forceinline__ void forward_rows(const Me &me, const PersistentLayer &l, uint32_t by_groups,
                                                    const uint8_t *images, int rows, int first, int own, uint32_t tag,
                                                    uint64_t *words) {
  const int UNITS = 4;
  static_assert(ROWS * UNITS <= 32, "a lane for each sum");
  int groups = (l.units + UNITS - 1) / UNITS;
  for (int task = me.warp; task < (rows + ROWS - 1) / ROWS * groups; task += me.warps) {
    int band = over(task, by_groups), u0 = (task - band * groups) * UNITS, r0 = band * ROWS;
    const float *w = me.memory + l.columns + u0 * l.stride;
    float sum[ROWS][UNITS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int u = 0; u < UNITS; u++) sum[r][u] = 0.0f;
#pragma unroll 1
    for (int q = me.lane; q < l.stride / 4; q += 32) {
      uint32_t word[ROWS];
#pragma unroll
      for (int r = 0; r < ROWS; r++) // the last row again where there are no more
        word[r] = ((const uint32_t *)(images + (size_t)(r0 + r < rows ? r0 + r : rows - 1) * l.stride))[q];
#pragma unroll
      for (int u = 0; u < UNITS; u++) {
        if (u0 + u < own) {
          Quad v = quad(w + u * l.stride + 4 * q);
#pragma unroll
          for (int r = 0; r < ROWS; r++)
#pragma unroll
            for (int i = 0; i < 4; i++) sum[r][u] = fma32(byte_of(word[r], i), v.v[i], sum[r][u]);
        }
      }
    }
    float mine = 0.0f; // of lane r·UNITS + u, unit u for row r
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
#pragma unroll
      for (int u = 0; u < UNITS; u++) {
        float s = warp_sum(sum[r][u]);
        if (me.lane == r * UNITS + u) mine = s;
      }
    }
    int r = r0 + me.lane / UNITS, u = u0 + me.lane % UNITS;
    if (me.lane < ROWS * UNITS && r < rows && u < own)
      publish(l, words, r, first + u, activate(l.act, fma32(mine, UNIT, me.memory[l.bias + u])), tag);
  }
}

// Brings the images of a step's rows into shared memory.
static __device__ __forceinline__ void load_images(const Me &me, const PersistentLayer &l, const Job &job,
                                                   const int *index, int rows, uint8_t *to) {
  const int AT_ONCE = 4; // under way together
  int words = l.stride / 4, n = rows * words;
  if (l.in % 4 != 0) { // rows do not begin at words
    for (int e = me.t; e < n; e += me.threads) {
      int r = over(e, l.by_quads), q = e - r * words;
      const uint8_t *from = job.images + (size_t)index[r] * l.in;
      uint32_t v = 0;
      for (int i = 0; i < 4; i++)
        if (4 * q + i < l.in) v |= (uint32_t)device_value(from + 4 * q + i) << (8 * i);
      ((uint32_t *)to)[e] = v;
    }
    return;
  }
  for (int e0 = me.t; e0 < n; e0 += AT_ONCE * me.threads) {
    uint32_t v[AT_ONCE];
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++) {
      int e = e0 + k * me.threads, r = over(e, l.by_quads);
      v[k] = e < n ? device_value((const uint32_t *)(job.images + (size_t)index[r] * l.in) + e - r * words) : 0;
    }
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++) {
      int e = e0 + k * me.threads;
      if (e < n) ((uint32_t *)to)[e] = v[k];
    }
  }
}

static __device__ __forceinline__ int rows_of(const Job &job, int step) {
  int left = job.examples - step * job.batch;
  return left < 0 ? 0 : left < job.batch ? left : job.batch;
}

// Copies parameters or state between device memory and the block's shared memory.
template <bool OUT> static __device__ __forceinline__ void move(float *global, float *shared) {
  if (OUT) *global = *shared;
  else *shared = *global;
}

// One kind of values of a layer: parameters, or one of their state.
template <bool OUT>
static __device__ __forceinline__ void move_layer(const Me &me, const PersistentLayer &l, bool last, int units_before,
                                                  float *w, float *b, int kind) {
  int g = blockIdx.x, first = last ? 0 : first_unit(l.out, g), own = last ? l.out : first_unit(l.out, g + 1) - first;
  if (OUT && last && g > 0) return; // all blocks have the same
  float *columns = me.memory + l.columns + kind * l.units * l.stride, *bias = me.memory + l.bias + kind * l.units;
  for (int e = me.t; e < own * l.in; e += me.threads)
    move<OUT>(w + (size_t)(e / own) * l.out + first + e % own, columns + e % own * l.stride + e / own);
  for (int u = me.t; u < own; u += me.threads) move<OUT>(b + first + u, bias + u);
  if (OUT || last || units_before == 0) return;
  int before = first_unit(l.in, g), n = first_unit(l.in, g + 1) - before;
  float *rows = me.memory + l.rows + kind * units_before * l.width;
  for (int e = me.t; e < n * l.out; e += me.threads)
    rows[e / l.out * l.width + e % l.out] = w[(size_t)(before + e / l.out) * l.out + e % l.out];
}

template <int LAYERS, bool OUT>
static __device__ __forceinline__ void move_all(const Me &me, const PersistentNet &net, const PersistentOwn &own) {
#pragma unroll
  for (int k = 0; k < LAYERS; k++) {
    const PersistentLayer &l = net.layer[k];
    const PersistentOwnLayer &o = own.layer[k];
    int before = k > 0 ? net.layer[k > 0 ? k - 1 : 0].units : 0;
    bool last = k == LAYERS - 1;
    move_layer<OUT>(me, l, last, before, o.w, o.b, 0);
    if (o.ws) move_layer<OUT>(me, l, last, before, o.ws, o.bs, 1);
    if (o.wt) move_layer<OUT>(me, l, last, before, o.wt, o.bt, 2);
  }
}
