// Nothing but fused multiply-adds in registers, to measure how fast the device is at best.
#include "device.h"

// Each thread does PEAK_CHAINS·PEAK_DEPTH multiply-adds a round: as many chains as keep a multiprocessor's pipeline
// full.
enum { PEAK_CHAINS = 8, PEAK_DEPTH = 16 };

KERNEL(256, peak, int rounds, float a, float b, float *out) {
  float x[PEAK_CHAINS];
#pragma unroll
  for (int i = 0; i < PEAK_CHAINS; i++) x[i] = (float)i;
  for (int r = 0; r < rounds; r++) {
#pragma unroll
    for (int k = 0; k < PEAK_DEPTH; k++) {
#pragma unroll
      for (int i = 0; i < PEAK_CHAINS; i++) x[i] = fma32(x[i], a, b);
    }
  }
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < PEAK_CHAINS; i++) sum += x[i];
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
