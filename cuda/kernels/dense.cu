// The three products of a dense layer, each with what follows it done on the sums while they are in registers.
#include "job.h"

static __device__ __forceinline__ void load4(float *to, const float *from) {
  Quad f = quad(from);
#pragma unroll
  for (int i = 0; i < 4; i++) to[i] = f.v[i];
}

// Row r of rows of so many bytes; neither is negative, so one instruction multiplies them.
template <class T> static __device__ __forceinline__ const T *row_at(const T *x, int r, int bytes) {
  return (const T *)((const char *)x + (uint64_t)(uint32_t)r * (uint32_t)bytes);
}

// A row-major matrix with rows of `width`, of which Four are four neighbours as they are read.
struct Matrix {
  typedef Quad Four;
  const float *x;
  int width;
  __device__ __forceinline__ const float *row(int r) const { return row_at(x, r, 4 * width); }
  static __device__ __forceinline__ Four none() { return Quad{{0.0f, 0.0f, 0.0f, 0.0f}}; }
  static __device__ __forceinline__ Four four(const float *p) { return device_quad(p); }
  static __device__ __forceinline__ void one(Four *q, int c, const float *p) { q->v[c] = *p; }
  static __device__ __forceinline__ Quad floats(Four q) { return q; }
};

// The step's images as such a matrix, from the bytes of the data set. They stay bytes until they are stored for the
// sums: a thread waits for memory as soon as it computes with what it has read.
struct Images {
  typedef uint32_t Four;
  const uint8_t *x;
  int width;
  const int32_t *order; // null = as they lie
  __device__ __forceinline__ Images(const Job *job, int step, int width)
      : x(job->images), width(width), order(job->order) {
    if (order) order += (size_t)(job->done + step) * job->batch;
    else x = row_at(x, job->lo, width);
  }
  __device__ __forceinline__ const uint8_t *row(int r) const {
    return row_at(x, order ? device_value(order + r) : r, width);
  }
  static __device__ __forceinline__ Four none() { return 0; }
  static __device__ __forceinline__ Four four(const uint8_t *p) { return device_value((const uint32_t *)p); }
  static __device__ __forceinline__ void one(Four *q, int c, const uint8_t *p) {
    *q |= (uint32_t)device_value(p) << 8 * c;
  }
  static __device__ __forceinline__ Quad floats(Four q) {
    Quad f;
#pragma unroll
    for (int c = 0; c < 4; c++) f.v[c] = pixel((uint8_t)(q >> 8 * c));
    return f;
  }
};

enum { DENSE_THREADS = 256 }; // of a block

// What a thread brings of a factor, of which a block takes DEPTH terms of SIDE sums at a time: fours that are
// neighbours in memory. ALONG_K says that they are terms of one sum, else they are the same term of four sums.
//
// Neighbouring threads read neighbours in memory. Along k these are two, of 32 bytes, as less is never moved, and then
// the next row: so no two threads of a warp store into the same bank of shared memory.
template <class X, bool ALONG_K, int SIDE, int DEPTH> struct Feed {
  enum { SPAN = 4 * DENSE_THREADS / SIDE, LOADS = DEPTH / SPAN, LD = SIDE + 4 };
  X x;
  decltype(x.x) line; // along k, the thread's row
  int k, K;           // the thread's first term, and how many there are
  int inside;         // elements of a row from the thread's first on
  int to;             // in shared memory
  bool whole;         // rows begin with four that can be read as one, and so they end
  typename X::Four next[LOADS];

  // The block's sums begin at `first` of `count`.
  __device__ __forceinline__ Feed(X from, int first, int count, int terms) : x(from), K(terms) {
    int t = threadIdx.x;
    int i = ALONG_K ? t / 2 % SIDE : t % (SIDE / 4) * 4;
    k = ALONG_K ? t % 2 * 4 + t / (2 * SIDE) * 8 : t / (SIDE / 4);
    to = k * LD + i;
    inside = count - first - i;
    whole = ((size_t)x.x / sizeof(*x.x) | x.width) % 4 == 0;
    if (!ALONG_K) x.x += first + i;
    else line = x.row(inside > 0 ? first + i : count - 1); // what sums behind the last are does not matter
  }
  // Reads the terms from k0 on; behind the last are zeros.
  __device__ __forceinline__ void load(int k0) {
#pragma unroll
    for (int l = 0; l < LOADS; l++) {
      int at = k0 + k + l * SPAN, n = ALONG_K ? K - at : at < K ? inside : 0;
      auto p = ALONG_K ? line + at : x.row(at < K ? at : 0);
      next[l] = X::none();
      if (whole && n >= 4) next[l] = X::four(p);
      else
#pragma unroll
        for (int c = 0; c < 4; c++)
          if (c < n) X::one(next + l, c, p + c);
    }
  }
  __device__ __forceinline__ void store(float *stage) const {
#pragma unroll
    for (int l = 0; l < LOADS; l++) {
      Quad q = X::floats(next[l]);
      float *p = stage + to + l * SPAN * LD;
      if (!ALONG_K) *(Quad *)p = q;
      else
#pragma unroll
        for (int c = 0; c < 4; c++) p[c * LD] = q.v[c];
    }
  }
};

// A block's share of C = A·B, M×N. A block computes TM×TN sums; a thread has RM×RN of them, and SPLIT groups of threads
// share out the terms, TK at a time each. Sums are taken over rising k within a group, then over the groups in order:
// the same bits every time.
//
// A_ALONG_K says that a row of `a` holds the terms of a row of C, else one term of all; so B_ALONG_K of `b` and
// columns. out() makes what finishes C: its (m, n, sum) is called once for each element, and with COLUMNS its column(n,
// Σ_k B(k, n)).
template <int TM, int TN, int RM, int RN, int SPLIT, int TK> struct Tile {
  enum {
    ROWS = TM / RM, // of a group's threads
    COLS = TN / RN,
    GROUP = ROWS * COLS,
    DEPTH = TK * SPLIT, // terms in shared memory
    LDA = TM + 4,
    LDB = TN + 4,
    STAGE = DEPTH * (LDA + LDB)
  };
  static_assert(GROUP * SPLIT == DENSE_THREADS, "every thread has sums");
  static_assert(SPLIT * ROWS * TN <= 2 * STAGE, "a row of every thread's sums fits where the factors were");

  // The row of a tile that register i of thread t, of a side of R registers, stands for: fours side by side.
  template <int SIDE, int R> static __device__ __forceinline__ int spread(int t, int i) {
    return i / 4 * (SIDE / (R / 4)) + t * 4 + i % 4;
  }

  // Which sums are thread t's. A warp has 4×8 threads of a group, which read the fewest different fours. Every second
  // lane reads the same four of A, and every second pair of lanes the same of B: half a warp can be served at once.
  struct Place {
    int group, y, x;
    __device__ __forceinline__ Place(int t) {
      int warp = t % GROUP / 32;
      group = t / GROUP;
      y = warp / (COLS / 8) * 4 + t / 16 % 2 * 2 + t / 2 % 2;
      x = warp % (COLS / 8) * 8 + t / 4 % 4 * 2 + t % 2;
    }
  };

  template <bool A_ALONG_K, bool B_ALONG_K, bool COLUMNS, class A, class B, class Out>
  static __device__ __forceinline__ void multiply(int M, int N, int K, A a, B b, Out out) {
    __shared__ __attribute__((aligned(16))) float memory[2 * STAGE];
    int t = threadIdx.x, m0 = blockIdx.y * TM, n0 = blockIdx.x * TN;
    float sum[RM][RN], column = 0.0f;
#pragma unroll
    for (int i = 0; i < RM; i++)
#pragma unroll
      for (int j = 0; j < RN; j++) sum[i][j] = 0.0f;
    Feed<A, A_ALONG_K, TM, DEPTH> left(a, m0, M, K);
    Feed<B, B_ALONG_K, TN, DEPTH> right(b, n0, N, K);
    left.load(0);
    right.load(0);
    left.store(memory);
    right.store(memory + DEPTH * LDA);
    __syncthreads();
    // While sums are taken of the terms in one half of memory, the next are on their way to the other.
    Place my(t);
    int at_a = my.group * TK * LDA + spread<TM, RM>(my.y, 0), at_b = my.group * TK * LDB + spread<TN, RN>(my.x, 0);
#pragma unroll 1
    for (int k0 = 0; k0 < K; k0 += DEPTH) {
      left.load(k0 + DEPTH);
      right.load(k0 + DEPTH);
      const float *as = memory + (k0 / DEPTH % 2 ? STAGE : 0), *bs = as + DEPTH * LDA;
      if (COLUMNS && blockIdx.y == 0 && t < TN)
#pragma unroll 16
        for (int k = 0; k < DEPTH; k++) column += bs[k * LDB + t];
#pragma unroll
      for (int k = 0; k < TK; k++) {
        float va[RM], vb[RN];
#pragma unroll
        for (int i = 0; i < RM; i += 4) load4(va + i, as + at_a + k * LDA + spread<TM, RM>(0, i));
#pragma unroll
        for (int j = 0; j < RN; j += 4) load4(vb + j, bs + at_b + k * LDB + spread<TN, RN>(0, j));
#pragma unroll
        for (int i = 0; i < RM; i++)
#pragma unroll
          for (int j = 0; j < RN; j++) sum[i][j] = fma32(va[i], vb[j], sum[i][j]);
      }
      float *other = memory + (k0 / DEPTH % 2 ? 0 : STAGE);
      left.store(other);
      right.store(other + DEPTH * LDA);
      __syncthreads();
    }
    // Sums go through shared memory, so that neighbouring threads finish neighbouring elements: a row of each thread's
    // at a time. finish is long and stands in one place, to which the rows move up: registers can only be numbered by
    // constants.
    asm volatile("" : "+r"(t)); // what follows from t is computed again: the sums above need all registers
    Place its(t);
    auto finish = out();
#pragma unroll 1
    for (int i = 0; i < RM; i++) {
#pragma unroll
      for (int j = 0; j < RN; j++) memory[(its.group * ROWS + its.y) * TN + spread<TN, RN>(its.x, j)] = sum[0][j];
      __syncthreads();
#pragma unroll 1
      for (int e = t; e < ROWS * TN; e += DENSE_THREADS) {
        float total = memory[e];
        for (int g = 1; g < SPLIT; g++) total += memory[g * ROWS * TN + e];
        int m = m0 + spread<TM, RM>(e / TN, i), n = n0 + e % TN;
        if (m < M && n < N) finish(m, n, total);
      }
      __syncthreads();
#pragma unroll
      for (int above = 0; above < RM - 1; above++)
#pragma unroll
        for (int j = 0; j < RN; j++) sum[above][j] = sum[above + 1][j];
    }
    if constexpr (COLUMNS) {
      if (blockIdx.y == 0 && t < TN && n0 + t < N) finish.column(n0 + t, column);
    }
  }
};

// z = sum + b, a = σ(z), h = a ⊙ mask; each is stored where there is room for it.
struct DenseOut {
  int width;
  const float *bias;
  float *z, *a, *h, *mask;
  int act;
  Dropout dropout;
  __device__ __forceinline__ void operator()(int m, int n, float v) const {
    size_t e = (size_t)m * width + n;
    v += bias[n];
    if (z) z[e] = v;
    if (!a && !h) return;
    v = activate(act, v);
    if (a) a[e] = v;
    if (!h) return;
    float k = mask_element(dropout, e);
    if (mask) mask[e] = k;
    h[e] = v * k;
  }
};

// δ = sum ⊙ mask ⊙ σ'(z), where there are a mask and an activation.
struct DeltaOut {
  int width;
  const float *mask, *a;
  int act;
  float *out;
  __device__ __forceinline__ void operator()(int m, int n, float v) const {
    size_t e = (size_t)m * width + n;
    if (mask) v *= mask[e];
    if (a) v = through_activation(act, a[e], v);
    out[e] = v;
  }
};

// The gradient is stored, or where there is no room for it the weights are changed by it; so with the biases.
struct GradientOut {
  int width;
  float *grad, *w, *s, *t;
  float *b, *bs, *bt;
  Rule rule, bias_rule;
  __device__ __forceinline__ void operator()(int m, int n, float v) const {
    size_t e = (size_t)m * width + n;
    if (grad) grad[e] = v;
    else update(rule, v, w + e, s + e, t + e);
  }
  __device__ __forceinline__ void column(int n, float v) const {
    if (b) update(bias_rule, v, b + n, bs + n, bt + n);
  }
};

typedef Tile<128, 128, 8, 8, 1, 8> Large;  // for many outputs
typedef Tile<64, 64, 8, 8, 4, 4> Medium;
typedef Tile<16, 32, 4, 4, 8, 8> Small;    // for few rows: the terms are shared out

static __device__ __forceinline__ Dropout dropout_of(const Job *job, int step, float keep, uint64_t seed, int layer) {
  Dropout d = {keep, seed, keep > 0.0f ? job->first + (uint64_t)(job->done + step) : 0, layer};
  return d;
}

// Out = x·W + b and what follows; x: rows×in, W: in×out.
#define DENSE(NAME, TILE, ...)                                                                                         \
  KERNEL_BLOCKS(DENSE_THREADS, 2, NAME, int rows, int in, int out, const float *x, const Job *job, int step,           \
                const float *w, const float *bias, float *z, float *a, float *h, float *mask, int act, float keep,     \
                uint64_t seed, int layer) {                                                                            \
    TILE::multiply<true, false, false>(rows, out, in, __VA_ARGS__, Matrix{w, out}, [=] {                               \
      return DenseOut{out, bias, z, a, h, mask, act, dropout_of(job, step, keep, seed, layer)};                        \
    });                                                                                                                \
  }
DENSE(dense_large, Large, Matrix{x, in})
DENSE(dense_medium, Medium, Matrix{x, in})
DENSE(dense_small, Small, Matrix{x, in})
DENSE(dense_bytes_large, Large, Images(job, step, in))
DENSE(dense_bytes_medium, Medium, Images(job, step, in))
DENSE(dense_bytes_small, Small, Images(job, step, in))

// Out = δ·Wᵀ and what follows; δ: rows×out, W: in×out.
#define DENSE_DX(NAME, TILE)                                                                                           \
  KERNEL_BLOCKS(DENSE_THREADS, 2, NAME, int rows, int in, int out, const float *delta, const float *w,                 \
                const float *mask, const float *a, int act, float *dx) {                                               \
    TILE::multiply<true, true, false>(rows, in, out, Matrix{delta, out}, Matrix{w, out}, [=] {                         \
      return DeltaOut{in, mask, a, act, dx};                                                                           \
    });                                                                                                                \
  }
DENSE_DX(dense_dx_large, Large)
DENSE_DX(dense_dx_medium, Medium)
DENSE_DX(dense_dx_small, Small)

// Out = xᵀ·δ, or the weights changed by it; with b also the biases, by Σ_rows δ.
#define DENSE_DW(NAME, TILE, ...)                                                                                      \
  KERNEL_BLOCKS(DENSE_THREADS, 2, NAME, int rows, int in, int out, const float *x, const Job *job, int step,           \
                const float *delta, float *grad, float *w, float *s, float *t, float *b, float *bs, float *bt,         \
                int method, float momentum, float beta1, float beta2, float epsilon, float l2, float l1, int pair) {   \
    TILE::multiply<false, false, true>(in, out, rows, __VA_ARGS__, Matrix{delta, out}, [=] {                           \
      Rule rule = {method, momentum, beta1, beta2, epsilon, l2, l1, 0.0f, 0.0f, 0.0f};                                 \
      if (w || b) set_rates(&rule, job, step, pair);                                                                   \
      Rule bias_rule = rule;                                                                                           \
      bias_rule.l2 = bias_rule.l1 = 0.0f;                                                                              \
      return GradientOut{out, grad, w, s, t, b, bs, bt, rule, bias_rule};                                              \
    });                                                                                                                \
  }
DENSE_DW(dense_dw_large, Large, Matrix{x, in})
DENSE_DW(dense_dw_medium, Medium, Matrix{x, in})
DENSE_DW(dense_dw_small, Small, Matrix{x, in})
DENSE_DW(dense_dw_bytes_large, Large, Images(job, step, in))
DENSE_DW(dense_dw_bytes_medium, Medium, Images(job, step, in))
DENSE_DW(dense_dw_bytes_small, Small, Images(job, step, in))
