// The three products of a dense layer, each with what follows it done on the sums while they are in registers.
#include "job.h"

static __device__ __forceinline__ void load4(float *to, const float *from) {
  Quad f = quad(from);
#pragma unroll
  for (int i = 0; i < 4; i++) to[i] = f.v[i];
}

// A block's share of C = A·B, M×N. A block of 256 threads computes TM×TN sums; a thread has RM×RN of them, and SPLIT groups
// of threads share out the terms, TK at a time each. Sums are taken over rising k within a group, then over the groups in
// order: the same bits every time.
//
// a(m, k) and b(k, n) read elements; ALONG_K of each says in which direction neighbours lie side by side in memory.
// finish(m, n, sum) is called once for each element of C. With COLUMNS, finish.column(n, Σ_k b(k, n)) is called too.
template <int TM, int TN, int RM, int RN, int SPLIT, int TK> struct Tile {
  enum {
    THREADS = 256,
    GROUP = TM / RM * (TN / RN),
    DEPTH = TK * SPLIT, // terms in shared memory
    LDA = TM + 4,
    LDB = TN + 4,
    STAGE = DEPTH * (LDA + LDB),
    PARTIAL = SPLIT > 1 ? SPLIT * TM * TN : TM / RM * TN,
    SIZE = STAGE > PARTIAL ? STAGE : PARTIAL,
    LOADS_A = TM * DEPTH / THREADS,
    LOADS_B = TN * DEPTH / THREADS
  };

  // Where element e of a stage is, so that neighbouring threads read neighbours in memory.
  template <bool ALONG_K> static __device__ __forceinline__ void place(int e, int width, int *i, int *k) {
    *k = ALONG_K ? e % DEPTH : e / width;
    *i = ALONG_K ? e / DEPTH : e % width;
  }
  // The row of a tile that register i of thread t, of a side of R registers, stands for: fours side by side.
  template <int SIDE, int R> static __device__ __forceinline__ int spread(int t, int i) {
    return i / 4 * (SIDE / (R / 4)) + t * 4 + i % 4;
  }

  template <bool COLUMNS, class A, class B, class F>
  static __device__ __forceinline__ void multiply(int M, int N, int K, A a, B b, F finish) {
    __shared__ __attribute__((aligned(16))) float memory[SIZE];
    float *as = memory, *bs = memory + DEPTH * LDA;
    int t = threadIdx.x, m0 = blockIdx.y * TM, n0 = blockIdx.x * TN;
    int group = t / GROUP, ty = t % GROUP / (TN / RN), tx = t % GROUP % (TN / RN);
    float sum[RM][RN], nextA[LOADS_A], nextB[LOADS_B], column = 0.0f;
#pragma unroll
    for (int i = 0; i < RM; i++)
#pragma unroll
      for (int j = 0; j < RN; j++) sum[i][j] = 0.0f;
    auto load = [&](int k0) {
#pragma unroll
      for (int l = 0; l < LOADS_A; l++) {
        int i, k;
        place<A::ALONG_K>(t + l * THREADS, TM, &i, &k);
        nextA[l] = m0 + i < M && k0 + k < K ? a(m0 + i, k0 + k) : 0.0f;
      }
#pragma unroll
      for (int l = 0; l < LOADS_B; l++) {
        int i, k;
        place<B::ALONG_K>(t + l * THREADS, TN, &i, &k);
        nextB[l] = n0 + i < N && k0 + k < K ? b(k0 + k, n0 + i) : 0.0f;
      }
    };
    load(0);
    for (int k0 = 0; k0 < K; k0 += DEPTH) {
#pragma unroll
      for (int l = 0; l < LOADS_A; l++) {
        int i, k;
        place<A::ALONG_K>(t + l * THREADS, TM, &i, &k);
        as[k * LDA + i] = nextA[l];
      }
#pragma unroll
      for (int l = 0; l < LOADS_B; l++) {
        int i, k;
        place<B::ALONG_K>(t + l * THREADS, TN, &i, &k);
        bs[k * LDB + i] = nextB[l];
      }
      __syncthreads();
      if (k0 + DEPTH < K) load(k0 + DEPTH); // while the sums below are taken
      if (COLUMNS && blockIdx.y == 0 && t < TN)
        for (int k = 0; k < DEPTH; k++) column += bs[k * LDB + t];
#pragma unroll
      for (int k = 0; k < TK; k++) {
        const float *ra = as + (group * TK + k) * LDA, *rb = bs + (group * TK + k) * LDB;
        float va[RM], vb[RN];
#pragma unroll
        for (int i = 0; i < RM; i += 4) load4(va + i, ra + spread<TM, RM>(ty, i));
#pragma unroll
        for (int j = 0; j < RN; j += 4) load4(vb + j, rb + spread<TN, RN>(tx, j));
#pragma unroll
        for (int i = 0; i < RM; i++)
#pragma unroll
          for (int j = 0; j < RN; j++) sum[i][j] = fma32(va[i], vb[j], sum[i][j]);
      }
      __syncthreads();
    }
    // Sums go through shared memory, so that neighbouring threads finish neighbouring elements. finish is long and stands
    // in as few places as the registers allow: they can only be numbered by constants.
    constexpr int STEP = SPLIT > 1 ? RM : 1;
#pragma unroll
    for (int i0 = 0; i0 < RM; i0 += STEP) {
      if (i0 > 0) __syncthreads();
#pragma unroll
      for (int i = 0; i < STEP; i++)
#pragma unroll
        for (int j = 0; j < RN; j++)
          memory[(group * STEP * (TM / RM) + i * (TM / RM) + ty) * TN + spread<TN, RN>(tx, j)] = sum[i0 + i][j];
      __syncthreads();
#pragma unroll 1
      for (int e = t; e < STEP * (TM / RM) * TN; e += THREADS) {
        float total = memory[e];
        for (int g = 1; g < SPLIT; g++) total += memory[g * STEP * (TM / RM) * TN + e];
        int i = e / TN / (TM / RM), y = e / TN % (TM / RM);
        int m = m0 + spread<TM, RM>(y, i0 + i), n = n0 + e % TN;
        if (m < M && n < N) finish(m, n, total);
      }
    }
    if constexpr (COLUMNS) {
      if (blockIdx.y == 0 && t < TN && n0 + t < N) finish.column(n0 + t, column);
    }
  }
};

// A row-major matrix with rows of `width`.
struct Rows {
  static const bool ALONG_K = true;
  const float *x;
  int width;
  __device__ __forceinline__ float operator()(int m, int k) const { return x[(size_t)m * width + k]; }
};
// The transpose of a row-major matrix, or a right-hand factor as it lies.
struct Columns {
  static const bool ALONG_K = false;
  const float *x;
  int width;
  __device__ __forceinline__ float operator()(int k, int n) const { return x[(size_t)k * width + n]; }
};
// Wᵀ as a right-hand factor.
struct Transposed {
  static const bool ALONG_K = true;
  const float *x;
  int width;
  __device__ __forceinline__ float operator()(int k, int n) const { return x[(size_t)n * width + k]; }
};
// xᵀ as a left-hand factor.
struct ColumnsOfRows {
  static const bool ALONG_K = false;
  const float *x;
  int width;
  __device__ __forceinline__ float operator()(int m, int k) const { return x[(size_t)k * width + m]; }
};
// The step's images, from the bytes of the data set.
struct Pixels {
  static const bool ALONG_K = true;
  const Job *job;
  int step, width;
  __device__ __forceinline__ float operator()(int m, int k) const {
    return pixel(device_value(job->images + (size_t)example(job, step, m) * width + k));
  }
};
struct PixelColumns {
  static const bool ALONG_K = false;
  const Job *job;
  int step, width;
  __device__ __forceinline__ float operator()(int m, int k) const {
    return pixel(device_value(job->images + (size_t)example(job, step, k) * width + m));
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
typedef Tile<64, 64, 4, 4, 1, 16> Medium;
typedef Tile<16, 32, 4, 4, 8, 8> Small;    // for few rows: the terms are shared out

static __device__ __forceinline__ Dropout dropout_of(const Job *job, int step, float keep, uint64_t seed, int layer) {
  Dropout d = {keep, seed, keep > 0.0f ? job->first + (uint64_t)(job->done + step) : 0, layer};
  return d;
}

// Out = x·W + b and what follows; x: rows×in, W: in×out.
#define DENSE(NAME, TILE, X)                                                                                            \
  KERNEL(256, NAME, int rows, int in, int out, const float *x, const Job *job, int step, const float *w,                \
         const float *bias, float *z, float *a, float *h, float *mask, int act, float keep, uint64_t seed, int layer) { \
    DenseOut finish = {out, bias, z, a, h, mask, act, dropout_of(job, step, keep, seed, layer)};                        \
    Columns right = {w, out};                                                                                           \
    TILE::multiply<false>(rows, out, in, X, right, finish);                                                             \
  }
#define FROM_FLOATS Rows{x, in}
#define FROM_BYTES Pixels{job, step, in}
DENSE(dense_large, Large, FROM_FLOATS)
DENSE(dense_medium, Medium, FROM_FLOATS)
DENSE(dense_small, Small, FROM_FLOATS)
DENSE(dense_bytes_large, Large, FROM_BYTES)
DENSE(dense_bytes_medium, Medium, FROM_BYTES)
DENSE(dense_bytes_small, Small, FROM_BYTES)

// Out = δ·Wᵀ and what follows; δ: rows×out, W: in×out.
#define DENSE_DX(NAME, TILE)                                                                                           \
  KERNEL(256, NAME, int rows, int in, int out, const float *delta, const float *w, const float *mask, const float *a,  \
         int act, float *dx) {                                                                                         \
    DeltaOut finish = {in, mask, a, act, dx};                                                                          \
    Rows left = {delta, out};                                                                                          \
    Transposed right = {w, out};                                                                                       \
    TILE::multiply<false>(rows, in, out, left, right, finish);                                                         \
  }
DENSE_DX(dense_dx_large, Large)
DENSE_DX(dense_dx_medium, Medium)
DENSE_DX(dense_dx_small, Small)

// Out = xᵀ·δ, or the weights changed by it; with b also the biases, by Σ_rows δ.
#define DENSE_DW(NAME, TILE, X)                                                                                        \
  KERNEL(256, NAME, int rows, int in, int out, const float *x, const Job *job, int step, const float *delta,           \
         float *grad, float *w, float *s, float *t, float *b, float *bs, float *bt, int method, float momentum,        \
         float beta1, float beta2, float epsilon, float l2, float l1, int pair) {                                      \
    Rule rule = {method, momentum, beta1, beta2, epsilon, l2, l1, 0.0f, 0.0f, 0.0f};                                   \
    if (w || b) set_rates(&rule, job, step, pair);                                                                     \
    Rule bias_rule = rule;                                                                                             \
    bias_rule.l2 = bias_rule.l1 = 0.0f;                                                                                \
    GradientOut finish = {out, grad, w, s, t, b, bs, bt, rule, bias_rule};                                             \
    Columns right = {delta, out};                                                                                      \
    TILE::multiply<true>(in, out, rows, X, right, finish);                                                             \
  }
#define COLUMNS_OF_FLOATS ColumnsOfRows{x, in}
#define COLUMNS_OF_BYTES PixelColumns{job, step, in}
DENSE_DW(dense_dw_large, Large, COLUMNS_OF_FLOATS)
DENSE_DW(dense_dw_medium, Medium, COLUMNS_OF_FLOATS)
DENSE_DW(dense_dw_small, Small, COLUMNS_OF_FLOATS)
DENSE_DW(dense_dw_bytes_large, Large, COLUMNS_OF_BYTES)
DENSE_DW(dense_dw_bytes_medium, Medium, COLUMNS_OF_BYTES)
DENSE_DW(dense_dw_bytes_small, Small, COLUMNS_OF_BYTES)
