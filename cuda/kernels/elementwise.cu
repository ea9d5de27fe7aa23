// Instructions on each element or each row that are not done by the product before them. They wait for memory and
// nothing else, so a thread takes four elements at a time: arrays begin at multiples of 16 bytes and have room for
// whole fours.
#include "job.h"

// Number q of the fours of n elements, a thread each; launches have as many blocks as it takes.
#define QUADS(q, n)                                       \
  uint32_t q = blockIdx.x * blockDim.x + threadIdx.x;     \
  if (q >= ((int64_t)(n) + 3) / 4) return
#define EACH(i) _Pragma("unroll") for (int i = 0; i < 4; i++)

// Which arrays of a kernel are bfloat16 in memory; the others are float32.
enum { NARROW_IN = 1, NARROW_A = 2, NARROW_OUT = 4 };

static __device__ __forceinline__ uint32_t bf16_bits(float v) { // to the nearest, or the even one of two as near
  uint32_t u = to_bits(v);
  return v == v ? (u + 0x7fffu + (u >> 16 & 1u)) >> 16 : u >> 16 | 64u;
}

static __device__ __forceinline__ Quad read(const void *p, int narrow, size_t q) {
  if (!narrow) return ((const Quad *)p)[q];
  uint64_t u = ((const uint64_t *)p)[q];
  Quad f;
  EACH(i) f.v[i] = from_bits((uint32_t)(u >> (16 * i)) << 16);
  return f;
}

static __device__ __forceinline__ float read_one(const void *p, int narrow, size_t e) {
  return narrow ? from_bits((uint32_t)((const unsigned short *)p)[e] << 16) : ((const float *)p)[e];
}

static __device__ __forceinline__ void write(void *p, int narrow, size_t q, const Quad &f) {
  if (!narrow) {
    ((Quad *)p)[q] = f;
    return;
  }
  uint64_t u = 0;
  EACH(i) u |= (uint64_t)bf16_bits(f.v[i]) << (16 * i);
  ((uint64_t *)p)[q] = u;
}

// out = pixels of the step's examples / 255, rows×in
KERNEL(256, images, int rows, int in, const Job *job, int step, void *out, int narrow) {
  QUADS(q, (int64_t)rows * in);
  Quad f;
  if (in % 4 == 0) {
    uint32_t words = in / 4, row = q / words;
    const uint32_t *x = (const uint32_t *)(job->images + (size_t)example(job, step, row) * in);
    uint32_t word = device_value(x + (q - row * words));
    EACH(i) f.v[i] = pixel((uint8_t)(word >> (8 * i)));
  } else {
    EACH(i) {
      size_t e = 4 * (size_t)q + i, row = e / in;
      f.v[i] = row < (size_t)rows
                   ? pixel(device_value(job->images + (size_t)example(job, step, (int)row) * in + e % in))
                   : 0.0f;
    }
  }
  write(out, narrow & NARROW_OUT, q, f);
}

// out = one-hot labels of the step's examples, rows×classes
KERNEL(256, labels, int rows, int classes, const Job *job, int step, float *out) {
  QUADS(q, (int64_t)rows * classes);
  Quad f;
  EACH(i) {
    size_t e = 4 * (size_t)q + i, row = e / classes;
    f.v[i] = row < (size_t)rows && device_value(job->labels + example(job, step, (int)row)) == e % classes
                 ? 1.0f
                 : 0.0f;
  }
  write(out, 0, q, f);
}

// out = dropout mask
KERNEL(256, mask, int64_t n, const Job *job, int step, float keep, uint64_t seed, int layer, float *out) {
  QUADS(q, n);
  Dropout d = {keep, seed, job->first + (uint64_t)(job->done + step), layer};
  write(out, 0, q, mask_quad(d, q));
}

// z = x + b where there are biases and room, a = σ(z), h = a ⊙ mask with the mask drawn here; rows×cols. NARROW_A is of
// a, NARROW_OUT of h; z and the mask are float32.
KERNEL(256, finish_dense, int rows, int cols, const void *x, const Job *job, int step, const float *bias, float *z,
       void *a, void *h, float *mask, int act, float keep, uint64_t seed, int layer, int narrow) {
  QUADS(q, (int64_t)rows * cols);
  Quad f = read(x, narrow & NARROW_IN, q);
  if (bias && cols % 4 == 0) {
    Quad b = read(bias, 0, q % (uint32_t)(cols / 4));
    EACH(i) f.v[i] += b.v[i];
  } else if (bias) {
    EACH(i) f.v[i] += bias[(4 * (size_t)q + i) % cols];
  }
  if (z) write(z, 0, q, f);
  EACH(i) f.v[i] = activate(act, f.v[i]);
  if (a) write(a, narrow & NARROW_A, q, f);
  if (!h) return;
  Dropout d = {keep, seed, job->first + (uint64_t)(job->done + step), layer};
  Quad k = mask_quad(d, q);
  if (mask) write(mask, 0, q, k);
  EACH(i) f.v[i] *= k.v[i];
  write(h, narrow & NARROW_OUT, q, f);
}

// out = g ⊙ mask ⊙ σ'(z), where there are a mask and an activation a = σ(z); out may be g. Without both it converts.
KERNEL(256, finish_delta, int64_t n, const void *g, const float *mask, const void *a, int act, void *out, int narrow) {
  QUADS(q, n);
  Quad f = read(g, narrow & NARROW_IN, q);
  if (mask) {
    Quad k = read(mask, 0, q);
    EACH(i) f.v[i] *= k.v[i];
  }
  if (a) {
    Quad s = read(a, narrow & NARROW_A, q);
    EACH(i) f.v[i] = through_activation(act, s.v[i], f.v[i]);
  }
  write(out, narrow & NARROW_OUT, q, f);
}

// out = x + y
KERNEL(256, add, int64_t n, const float *x, const float *y, float *out) {
  QUADS(q, n);
  Quad f = read(x, 0, q), g = read(y, 0, q);
  EACH(i) f.v[i] += g.v[i];
  write(out, 0, q, f);
}

// out = L2·w + L1·sgn(w)
KERNEL(256, penalty_grad, int64_t n, const float *w, float l2, float l1, float *out) {
  QUADS(q, n);
  Quad f = read(w, 0, q);
  EACH(i) f.v[i] = penalty_gradient(f.v[i], l2, l1);
  write(out, 0, q, f);
}

// w changed by the gradient: the sum of `parts` arrays of n numbers at g, one behind the other
KERNEL(256, apply_update, int64_t n, const float *g, int parts, const Job *job, int step, float *w, float *s, float *t,
       int method, float momentum, float beta1, float beta2, float epsilon, float l2, float l1, int pair) {
  QUADS(q, n);
  Rule rule = {method, momentum, beta1, beta2, epsilon, l2, l1, 0.0f, 0.0f, 0.0f};
  set_rates(&rule, job, step, pair);
  Quad sum = {{0.0f, 0.0f, 0.0f, 0.0f}}, v = read(w, 0, q), vs, vt;
  if (n % 4 == 0) {
#pragma unroll 4
    for (int p = 0; p < parts; p++) {
      Quad d = read(g, 0, (size_t)p * (n / 4) + q);
      EACH(i) sum.v[i] += d.v[i];
    }
  } else { // parts do not begin at fours
    for (int p = 0; p < parts; p++)
      EACH(i) if (4 * (int64_t)q + i < n) sum.v[i] += g[(size_t)p * n + 4 * (size_t)q + i];
  }
  if (s) vs = read(s, 0, q);
  if (t) vt = read(t, 0, q);
  EACH(i) update(rule, sum.v[i], v.v + i, vs.v + i, vt.v + i);
  write(w, 0, q, v);
  if (s) write(s, 0, q, vs);
  if (t) write(t, 0, q, vt);
}

// out = Σ_rows δ, cut up: row p of out sums the p-th `share` rows. A block has 128 columns, and 8 threads for each four
// of them, whose sums are added in order.
KERNEL(256, column_sums, int rows, int cols, int share, const void *delta, int narrow, float *out) {
  __shared__ Quad part[8][32];
  int lane = threadIdx.x % 32, group = threadIdx.x / 32, c0 = blockIdx.x * 128 + 4 * lane;
  int first = blockIdx.y * share, end = first + share < rows ? first + share : rows;
  Quad sum = {{0.0f, 0.0f, 0.0f, 0.0f}};
  if (c0 < cols && cols % 4 == 0) {
#pragma unroll 4
    for (int r = first + group; r < end; r += 8) {
      Quad d = read(delta, narrow & NARROW_IN, ((size_t)r * cols + c0) / 4);
      EACH(i) sum.v[i] += d.v[i];
    }
  } else if (c0 < cols) { // rows do not begin at fours
    for (int r = first + group; r < end; r += 8)
      EACH(i) if (c0 + i < cols) sum.v[i] += read_one(delta, narrow & NARROW_IN, (size_t)r * cols + c0 + i);
  }
  part[group][lane] = sum;
  __syncthreads();
  if (group > 0) return;
  for (int g = 1; g < 8; g++)
    EACH(i) sum.v[i] += part[g][lane].v[i];
  EACH(i) if (c0 + i < cols) out[(size_t)blockIdx.y * cols + c0 + i] = sum.v[i];
}
