// Functions of one value, the same formula on every device and in the simulator. What they compute is defined by
// package engine/kernel; NaN comes out as NaN from all of them.
#pragma once
#include "device.h"

// The numbers of engine.Activation, engine.Loss and engine.Method.
enum { IDENTITY, SIGMOID, TANH, RELU, SOFTMAX };
enum { QUADRATIC, CROSS_ENTROPY };
enum { SGD, MOMENTUM, NESTEROV, ADAM };

// e^v. 2^n is taken out, n the nearest integer to v/ln 2, with ln 2 in two parts (Cody and Waite, "Software Manual for
// the Elementary Functions", 1980, chapter 6); the polynomial is that of Moshier's Cephes library, expf.
static __device__ __forceinline__ float exp32(float v) {
  float n = fma32(v, 1.44269504f, 12582912.0f) - 12582912.0f; // adding 1.5·2²³ rounds to an integer
  float r = fma32(n, -0.693359375f, v);
  r = fma32(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = fma32(p, r, 1.3981999507e-3f);
  p = fma32(p, r, 8.3334519073e-3f);
  p = fma32(p, r, 4.1665795894e-2f);
  p = fma32(p, r, 1.6666665459e-1f);
  p = fma32(p, r, 5.0000001201e-1f);
  p = fma32(p, r * r, r) + 1.0f;
  if (v > 88.7228394f) return from_bits(0x7f800000u); // above the largest float
  if (v < -103.972084f) return 0.0f;
  if (!(v == v)) return v;
  int k = (int)n, half = k >> 1; // 2^k itself may be no float where e^v is one
  return p * from_bits((uint32_t)(half + 127) << 23) * from_bits((uint32_t)(k - half + 127) << 23);
}

// ln v for a normal v > 0; infinity for infinity. Cephes, logf.
static __device__ __forceinline__ float log32(float v) {
  if (!(v < from_bits(0x7f800000u))) return v;
  uint32_t u = to_bits(v);
  float e = (float)((int)(u >> 23) - 126);
  float m = from_bits((u & 0x007fffffu) | 0x3f000000u); // v = m·2^e, ½ ≤ m < 1
  if (m < 0.707106781f) {
    e -= 1.0f;
    m += m;
  }
  float x = m - 1.0f, xx = x * x;
  float p = 7.0376836292e-2f;
  p = fma32(p, x, -1.1514610310e-1f);
  p = fma32(p, x, 1.1676998740e-1f);
  p = fma32(p, x, -1.2420140846e-1f);
  p = fma32(p, x, 1.4249322787e-1f);
  p = fma32(p, x, -1.6668057665e-1f);
  p = fma32(p, x, 2.0000714765e-1f);
  p = fma32(p, x, -2.4999993993e-1f);
  p = fma32(p, x, 3.3333331174e-1f);
  p = p * x * xx;
  p = fma32(e, -2.12194440e-4f, p);
  p = fma32(xx, -0.5f, p);
  return fma32(e, 0.693359375f, x + p);
}

// ln(1+t) for 0 ≤ t ≤ 1: the error of rounding 1+t is divided out (Goldberg 1991, "What every computer scientist should
// know about floating-point arithmetic", theorem 4).
static __device__ __forceinline__ float log1p32(float t) {
  float u = 1.0f + t;
  return u == 1.0f ? t : log32(u) * (t / (u - 1.0f));
}

// 1/(1+e⁻ᶻ), from e^−|z|, which never overflows.
static __device__ __forceinline__ float sigmoid32(float z) {
  float e = exp32(z < 0.0f ? z : -z);
  return (z < 0.0f ? e : 1.0f) / (1.0f + e);
}

// tanh z; the polynomial near 0 is that of Cephes, tanhf.
static __device__ __forceinline__ float tanh32(float z) {
  float m = z < 0.0f ? -z : z;
  if (m < 0.625f) {
    float s = z * z, p = -5.70498872745e-3f;
    p = fma32(p, s, 2.06390887954e-2f);
    p = fma32(p, s, -5.37397155531e-2f);
    p = fma32(p, s, 1.33314422036e-1f);
    p = fma32(p, s, -3.33332819422e-1f);
    return fma32(p * s, z, z);
  }
  float t = 1.0f - 2.0f / (exp32(m + m) + 1.0f);
  return z < 0.0f ? -t : t;
}

// σ(z), for all activations but softmax.
static __device__ __forceinline__ float activate(int act, float z) {
  switch (act) {
  case SIGMOID: return sigmoid32(z);
  case TANH: return tanh32(z);
  case RELU: return z < 0.0f ? 0.0f : z;
  }
  return z;
}

// g·σ'(z), with a = σ(z).
static __device__ __forceinline__ float through_activation(int act, float a, float g) {
  switch (act) {
  case SIGMOID: return g * (a * (1.0f - a));
  case TANH: return g * (1.0f - a * a);
  case RELU: return a <= 0.0f ? 0.0f : g;
  }
  return g;
}

// The larger, or NaN when one is.
static __device__ __forceinline__ float max_or_nan(float a, float b) { return a > b || !(a == a) ? a : b; }

// Dropout masks from Philox4x32-10 (Salmon et al. 2011), which makes four words at a time; see kernel.Mask.
struct Dropout {
  float keep; // 0 = no dropout
  uint64_t seed, step;
  int layer;
};

static __device__ __forceinline__ uint32_t high_product(uint32_t a, uint32_t b) {
  return (uint32_t)(((uint64_t)a * b) >> 32);
}

struct Words {
  uint32_t w[4];
};

static __device__ __forceinline__ Words philox(const Dropout &d, uint64_t counter) {
  uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)d.layer, c2 = (uint32_t)d.step, c3 = (uint32_t)(d.step >> 32);
  uint32_t k0 = (uint32_t)d.seed, k1 = (uint32_t)(d.seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint32_t h0 = high_product(c0, 0xD2511F53u), l0 = c0 * 0xD2511F53u;
    uint32_t h1 = high_product(c2, 0xCD9E8D57u), l1 = c2 * 0xCD9E8D57u;
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

static __device__ __forceinline__ float mask_of(const Dropout &d, uint32_t word) {
  // keep·2³² is whole: a float below 1 has 24 bits and keep is at least 2⁻²⁴ or the mask is all 0.
  uint64_t threshold = (uint64_t)((double)d.keep * 4294967296.0);
  return word < threshold ? 1.0f / d.keep : 0.0f;
}

static __device__ __forceinline__ float mask_element(const Dropout &d, uint64_t e) {
  Words c = philox(d, e >> 2);
  int word = (int)(e & 3);
  return mask_of(d, word == 0 ? c.w[0] : word == 1 ? c.w[1] : word == 2 ? c.w[2] : c.w[3]);
}

// Elements 4q to 4q+3.
static __device__ __forceinline__ Quad mask_quad(const Dropout &d, uint64_t q) {
  Words c = philox(d, q);
  Quad m;
#pragma unroll
  for (int i = 0; i < 4; i++) m.v[i] = mask_of(d, c.w[i]);
  return m;
}

// How a parameter changes: the constants of an OpUpdate and the numbers of its step.
struct Rule {
  int method;
  float momentum, beta1, beta2, epsilon, l2, l1;
  float rate, unbias1, unbias2; // η, 1/(1−β₁ᵗ), 1/(1−β₂ᵗ)
};

static __device__ __forceinline__ float penalty_gradient(float w, float l2, float l1) {
  float p = l2 == 0.0f ? 0.0f : l2 * w; // 0 also for an infinite w
  if (l1 != 0.0f) {
    if (w > 0.0f) p += l1;
    if (w < 0.0f) p -= l1;
  }
  return p;
}

// One step of a parameter *w with gradient g and state *s, *t; see kernel.Update.
static __device__ __forceinline__ void update(const Rule &r, float g, float *w, float *s, float *t) {
  float v = *w;
  g += penalty_gradient(v, r.l2, r.l1);
  switch (r.method) {
  case SGD:
    *w = v - r.rate * g;
    break;
  case MOMENTUM:
    *s = r.momentum * *s - r.rate * g;
    *w = v + *s;
    break;
  case NESTEROV: {
    float d = r.rate * g;
    *s = r.momentum * *s - d;
    *w = v + (r.momentum * *s - d);
    break;
  }
  case ADAM:
    *s = r.beta1 * *s + (1.0f - r.beta1) * g;
    *t = r.beta2 * *t + (1.0f - r.beta2) * (g * g);
    *w = v - r.rate * (*s * r.unbias1) / (sqrt32(*t * r.unbias2) + r.epsilon);
    break;
  }
}
