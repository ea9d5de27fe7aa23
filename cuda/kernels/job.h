// What the steps of a call read and write, in device memory, so that a recorded graph of steps serves every call.
#pragma once
#include "functions.h"

// Job is laid out as the Go struct job.
struct Job {
  const uint8_t *images;  // of the data set, a row of `inputs` bytes per example
  const uint8_t *labels;
  const int32_t *order;   // examples of the call, batch after batch; null = from `lo` on
  const float *rates;     // `stride` numbers a step: η, then 1/(1−β₁ᵗ) and 1/(1−β₂ᵗ) for each pair of constants
  float *loss;            // of each step
  uint64_t first;         // steps before the call
  int32_t done;           // steps of the call before the graph that runs
  int32_t batch;
  int32_t lo;
  int32_t stride;
  int32_t examples; // of the call
  int32_t steps;
};
static_assert(sizeof(Job) == 72, "see jobBytes");

// The example that row `row` of step `step` of a graph trains on.
static __device__ __forceinline__ int example(const Job *job, int step, int row) {
  return job->order ? device_value(job->order + (size_t)(job->done + step) * job->batch + row) : job->lo + row;
}

// b/255 to the last bit: a product, and what rounding it lost. A division would be some ten instructions.
static __device__ __forceinline__ float pixel(uint8_t b) {
  const float UNIT = 1.0f / 255.0f;
  float v = (float)b, q = v * UNIT;
  return fma32(fma32(-q, 255.0f, v), UNIT, q);
}

// Fills in what a Rule takes from the step; `pair` numbers Adam's constants.
static __device__ __forceinline__ void set_rates(Rule *r, const Job *job, int step, int pair) {
  const float *rates = job->rates + (size_t)(job->done + step) * job->stride;
  r->rate = device_value(rates);
  r->unbias1 = r->method == ADAM ? device_value(rates + 1 + 2 * pair) : 0.0f;
  r->unbias2 = r->method == ADAM ? device_value(rates + 2 + 2 * pair) : 0.0f;
}

// Ends a graph of `steps` steps.
KERNEL(32, advance, Job *job, int steps) {
  if (threadIdx.x == 0) job->done += steps;
}
