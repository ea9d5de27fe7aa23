// Softmax, and the loss with its gradient: a warp a row.
#include "job.h"
#include "rows.h"

#define ROW(row, rows)                                                    \
  int row = (int)((blockIdx.x * blockDim.x + threadIdx.x) / 32);          \
  int lane = threadIdx.x % 32;                                            \
  if (row >= (rows)) return // whole warps leave together

// a = softmax(z), rows×cols; a may be z
KERNEL(256, softmax, int rows, int cols, const float *z, float *a) {
  ROW(row, rows);
  z += (size_t)row * cols;
  a += (size_t)row * cols;
  float m, sum;
  softmax_scale(z, cols, lane, &m, &sum);
  float unit = 1.0f / sum;
  for (int c = lane; c < cols; c += 32) a[c] = exp32(z[c] - m) * unit;
}

// out_k = a_k (g_k − Σ_j g_j a_j), rows×cols; out may be g
KERNEL(256, softmax_grad, int rows, int cols, const float *a, const float *g, float *out) {
  ROW(row, rows);
  size_t at = (size_t)row * cols;
  float inner = 0.0f;
  for (int c = lane; c < cols; c += 32) inner = fma32(g[at + c], a[at + c], inner);
  inner = warp_sum(inner);
  for (int c = lane; c < cols; c += 32) out[at + c] = a[at + c] * (g[at + c] - inner);
}

// The mean loss of the step in *mean, and in the job's losses when `report`; its gradient in dp, and behind the
// activation in dz. Targets are the labels of the step where y is null. row_loss holds a number a row, *count is 0
// before and after: the block that finishes last adds up the rows, in an order that does not depend on which block that
// is.
KERNEL(256, loss, int rows, int cols, const float *p, const float *y, const Job *job, int step, int kind, int act,
       float *dp, float *dz, float *mean, int report, float *row_loss, unsigned *count) {
  __shared__ float part[256];
  __shared__ unsigned before;
  int t = threadIdx.x, row = (int)(blockIdx.x * 8 + t / 32), lane = t % 32;
  if (row < rows) {
    size_t at = (size_t)row * cols;
    Target target = {y ? y + at : (const float *)0, y ? 0 : (int)device_value(job->labels + example(job, step, row))};
    float v = loss_row(kind, act, p + at, target, cols, lane, 1.0f / (float)rows, dp ? dp + at : dp, dz ? dz + at : dz,
                       mean != 0);
    v = warp_sum(v);
    if (lane == 0) ((volatile float *)row_loss)[row] = v;
  }
  if (!mean) return;
  __threadfence();
  __syncthreads();
  if (t == 0) before = atomic_add(count, 1u);
  __syncthreads();
  if (before != gridDim.x - 1) return;
  __threadfence();
  float sum = 0.0f;
  for (int r0 = t; r0 < rows; r0 += 8 * 256) { // eight reads under way together
    float v[8];
#pragma unroll
    for (int i = 0; i < 8; i++) v[i] = r0 + i * 256 < rows ? ((volatile float *)row_loss)[r0 + i * 256] : 0.0f;
#pragma unroll
    for (int i = 0; i < 8; i++) sum += v[i];
  }
  part[t] = sum;
  for (int d = 128; d > 0; d /= 2) {
    __syncthreads();
    if (t < d) part[t] += part[t + d];
  }
  if (t == 0) {
    float v = part[0] / (float)rows;
    *mean = v;
    if (report) job->loss[job->done + step] = v;
    *count = 0;
  }
}

// The loss of the step, where it is not what the kernel above computes.
KERNEL(32, report_loss, const Job *job, int step, const float *mean) {
  if (threadIdx.x == 0) job->loss[job->done + step] = *mean;
}
