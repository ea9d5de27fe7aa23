// Kernels for the simulator's own tests: right ones, and some with a fault.

KERNEL(256, twice, int n, const float *x, float *y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = 2.0f * x[i];
}

// Writes one element too many.
KERNEL(256, past_the_end, int n, float *y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) y[i] = 1.0f;
}

// Reads four values at once, from where they are not aligned as four.
KERNEL(64, skewed, const float *x, float *y) { y[threadIdx.x] = quad(x + 1).v[0]; }

// Each block turns its 64 values round.
template <bool WAIT> static __device__ __forceinline__ void turn(const float *x, float *y) {
  __shared__ float s[64];
  int t = threadIdx.x, i = blockIdx.x * 64 + t;
  s[t] = x[i];
  if (WAIT) __syncthreads();
  y[i] = s[63 - t];
}
KERNEL(64, turned, const float *x, float *y) { turn<true>(x, y); }
KERNEL(64, turned_without_barrier, const float *x, float *y) { turn<false>(x, y); }

// The same in dynamic shared memory, n values.
KERNEL(256, turned_dynamic, int n, const float *x, float *y) {
  SHARED(float, s);
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = s[n - 1 - threadIdx.x];
}

// Half of the threads wait for the others, which do not come.
KERNEL(64, half_a_barrier, float *y) {
  if (threadIdx.x < 32) __syncthreads();
  y[threadIdx.x] = 1.0f;
}

// y[w] = the sum of warp w's 32 values of x.
KERNEL(256, warp_sums, const float *x, float *y) {
  float v = x[threadIdx.x];
  for (int m = 16; m; m /= 2) v += shuffle_xor(v, m);
  if (threadIdx.x % 32 == 0) y[threadIdx.x / 32] = v;
}

static __device__ __forceinline__ void wait_for_all(unsigned *arrived, unsigned round) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    atomic_add(arrived, 1);
    while (*(volatile unsigned *)arrived < gridDim.x * round) SPIN();
    __threadfence();
  }
  __syncthreads();
}

// rounds times: each value becomes half of itself and its right neighbour, the last one's being the first. x has a copy
// for even and one for odd rounds.
KERNEL(64, ring, int rounds, float *x, unsigned *arrived) {
  int n = gridDim.x * blockDim.x, i = blockIdx.x * blockDim.x + threadIdx.x;
  for (int r = 0; r < rounds; r++) {
    float *from = x + r % 2 * n, *to = x + (r + 1) % 2 * n;
    to[i] = 0.5f * (from[i] + from[(i + 1) % n]);
    wait_for_all(arrived, r + 1);
  }
}

// *y = 1 + … + n: each block adds up its part, and the last to arrive the parts.
KERNEL(64, last_block, float *part, unsigned *arrived, float *y) {
  __shared__ unsigned before;
  if (threadIdx.x == 0) {
    float sum = 0.0f;
    for (unsigned i = 0; i < blockDim.x; i++) sum += 1.0f + blockIdx.x * blockDim.x + i;
    part[blockIdx.x] = sum;
    __threadfence();
    before = atomic_add(arrived, 1);
  }
  __syncthreads();
  if (before == gridDim.x - 1 && threadIdx.x == 0) {
    float sum = 0.0f;
    for (unsigned b = 0; b < gridDim.x; b++) sum += part[b];
    *y = sum;
  }
}

// y[i] = the number of the block, kept in shared memory of a template while all blocks wait for each other.
template <class T> static __device__ __forceinline__ void keep_number(float *y, unsigned *arrived) {
  __shared__ T number;
  if (threadIdx.x == 0) number = (T)blockIdx.x;
  wait_for_all(arrived, 1);
  y[blockIdx.x * blockDim.x + threadIdx.x] = (float)number;
}
KERNEL(64, numbers, float *y, unsigned *arrived) { keep_number<int>(y, arrived); }
