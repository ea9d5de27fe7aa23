// Instructions on each element or each row that are not done by the product before them.
#include "job.h"

// The elements of a matrix, a thread each; launches have as many blocks as it takes.
#define ELEMENT(e, n)                                            \
  size_t e = (size_t)blockIdx.x * blockDim.x + threadIdx.x;      \
  if (e >= (size_t)(n)) return

// out = pixels of the step's examples / 255, rows×in
KERNEL(256, images, int rows, int in, const Job *job, int step, float *out) {
  ELEMENT(e, (int64_t)rows * in);
  out[e] = pixel(device_value(job->images + (size_t)example(job, step, (int)(e / in)) * in + e % in));
}

// out = one-hot labels of the step's examples, rows×classes
KERNEL(256, labels, int rows, int classes, const Job *job, int step, float *out) {
  ELEMENT(e, (int64_t)rows * classes);
  out[e] = device_value(job->labels + example(job, step, (int)(e / classes))) == (int)(e % classes) ? 1.0f : 0.0f;
}

// out = dropout mask
KERNEL(256, mask, int64_t n, const Job *job, int step, float keep, uint64_t seed, int layer, float *out) {
  ELEMENT(e, n);
  Dropout d = {keep, seed, job->first + (uint64_t)(job->done + step), layer};
  out[e] = mask_element(d, e);
}

// z = x + b where there are biases and room, a = σ(z), h = a ⊙ mask with the mask drawn here; rows×cols
KERNEL(256, finish_dense, int rows, int cols, const float *x, const Job *job, int step, const float *bias, float *z, float *a,
       float *h, float *mask, int act, float keep, uint64_t seed, int layer) {
  ELEMENT(e, (int64_t)rows * cols);
  float v = x[e];
  if (bias) v += bias[e % cols];
  if (z) z[e] = v;
  v = activate(act, v);
  if (a) a[e] = v;
  if (!h) return;
  Dropout d = {keep, seed, job->first + (uint64_t)(job->done + step), layer};
  float k = mask_element(d, e);
  if (mask) mask[e] = k;
  h[e] = v * k;
}

// out = g ⊙ mask ⊙ σ'(z), where there are a mask and an activation; out may be g
KERNEL(256, finish_delta, int64_t n, const float *g, const float *mask, const float *a, int act, float *out) {
  ELEMENT(e, n);
  float v = g[e];
  if (mask) v *= mask[e];
  if (a) v = through_activation(act, a[e], v);
  out[e] = v;
}

// out = x + y
KERNEL(256, add, int64_t n, const float *x, const float *y, float *out) {
  ELEMENT(e, n);
  out[e] = x[e] + y[e];
}

// out = L2·w + L1·sgn(w)
KERNEL(256, penalty_grad, int64_t n, const float *w, float l2, float l1, float *out) {
  ELEMENT(e, n);
  out[e] = penalty_gradient(w[e], l2, l1);
}

// w changed by the gradient g
KERNEL(256, apply_update, int64_t n, const float *g, const Job *job, int step, float *w, float *s, float *t, int method,
       float momentum, float beta1, float beta2, float epsilon, float l2, float l1, int pair) {
  ELEMENT(e, n);
  Rule rule = {method, momentum, beta1, beta2, epsilon, l2, l1, 0.0f, 0.0f, 0.0f};
  set_rates(&rule, job, step, pair);
  update(rule, g[e], w + e, s + e, t + e);
}

static __device__ __forceinline__ uint32_t bf16_bits(float v) {
  uint32_t u = to_bits(v);
  return v == v ? (u + 0x7fffu + (u >> 16 & 1u)) >> 16 : u >> 16 | 64u;
}

// out = x rounded to bfloat16, to the nearest or the even one; four elements a thread, out has room for whole fours
KERNEL(256, to_bf16, int64_t n, const float *x, uint64_t *out) {
  ELEMENT(q, (n + 3) / 4);
  uint64_t v = 0;
  for (int i = 0; i < 4; i++)
    if (4 * q + i < (size_t)n) v |= (uint64_t)bf16_bits(x[4 * q + i]) << (16 * i);
  out[q] = v;
}

// out = Σ_rows δ: 32 columns a block, 8 threads a column, added in order
KERNEL(256, column_sums, int rows, int cols, const float *delta, float *out) {
  __shared__ float part[8][32];
  int lane = threadIdx.x % 32, group = threadIdx.x / 32, n = blockIdx.x * 32 + lane;
  float sum = 0.0f;
  if (n < cols)
    for (int r = group; r < rows; r += 8) sum += delta[(size_t)r * cols + n];
  part[group][lane] = sum;
  __syncthreads();
  if (group == 0 && n < cols) {
    for (int g = 1; g < 8; g++) sum += part[g][lane];
    out[n] = sum;
  }
}
