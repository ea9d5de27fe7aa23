// What a warp does with a row of outputs. Lane l has columns l, l+32, …
#pragma once
#include "functions.h"

static __device__ __forceinline__ float warp_sum(float v) {
  for (int d = 16; d > 0; d /= 2) v += shuffle_xor(v, d);
  return v;
}
static __device__ __forceinline__ float warp_max(float v) {
  for (int d = 16; d > 0; d /= 2) v = max_or_nan(v, shuffle_xor(v, d));
  return v;
}

// The largest z of a row and Σ e^{z − largest}.
static __device__ __forceinline__ void softmax_scale(const float *z, int cols, int lane, float *largest, float *sum) {
  float m = z[0], s = 0.0f;
  for (int c = lane; c < cols; c += 32) m = max_or_nan(m, z[c]);
  m = warp_max(m);
  for (int c = lane; c < cols; c += 32) s += exp32(z[c] - m);
  *largest = m;
  *sum = warp_sum(s);
}

// The targets of a row: one-hot from a label, or as they are given.
struct Target {
  const float *y; // null = one-hot
  int label;
  __device__ __forceinline__ float operator()(int c) const { return y ? y[c] : c == label ? 1.0f : 0.0f; }
};

// Returns the lane's part of a row's loss (see engine.Loss.Row) when it is wanted, and stores scale·∂loss/∂p in dp and
// what that becomes behind the activation in dz, where there is room. p is a for the quadratic loss, z for
// cross-entropy; dp may be dz.
static __device__ __forceinline__ float loss_row(int loss, int act, const float *p, Target y, int cols, int lane,
                                                 float scale, float *dp, float *dz, bool wanted) {
  float total = 0.0f;
  if (loss == QUADRATIC) {
    float inner = 0.0f; // Σ g_k a_k of softmax
    for (int c = lane; c < cols; c += 32) {
      float d = p[c] - y(c);
      if (wanted) total += d * d * 0.5f;
      inner = fma32(d * scale, p[c], inner);
    }
    if (dz && act == SOFTMAX) inner = warp_sum(inner);
    for (int c = lane; c < cols; c += 32) {
      float a = p[c], g = (a - y(c)) * scale;
      if (dp) dp[c] = g;
      if (dz) dz[c] = act == SOFTMAX ? a * (g - inner) : through_activation(act, a, g);
    }
  } else if (act == SOFTMAX) {
    float m, sum;
    softmax_scale(p, cols, lane, &m, &sum);
    float log_sum = wanted ? log32(sum) : 0.0f, unit = 1.0f / sum;
    for (int c = lane; c < cols; c += 32) {
      float z = p[c], t = y(c);
      if (wanted && (t != 0.0f || !(z == z))) total += t * (log_sum - (z - m));
      float g = (exp32(z - m) * unit - t) * scale;
      if (dp) dp[c] = g;
      if (dz) dz[c] = g;
    }
  } else {
    for (int c = lane; c < cols; c += 32) {
      float z = p[c], t = y(c), size = z < 0.0f ? -z : z;
      if (wanted) total += (z < 0.0f ? 0.0f : z) - z * t + log1p32(exp32(-size));
      float g = (sigmoid32(z) - t) * scale;
      if (dp) dp[c] = g;
      if (dz) dz[c] = g;
    }
  }
  return total;
}
