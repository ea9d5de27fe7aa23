// One source, three compilers: clang without a CUDA toolkit makes the PTX that is committed, nvcc can, and g++ builds
// the kernels for the driver simulator. Kernels use what stands in this file and nothing else of CUDA.
//
// For the simulator (NEUROLOUPE_SIM), cuda/sim/device_sim.h supplies the same names:
//
//	threadIdx blockIdx blockDim gridDim      with members x, y, z
//	__device__ __forceinline__ __restrict__ __shared__ __syncthreads() __threadfence()
//	KERNEL(threads, name, parameters...)     heads a kernel and makes it known by its name; may be written by a macro
//	KERNEL_ALONE(threads, name, parameters...)   the same, of which a multiprocessor runs one block: it may use all
//	                                         registers
//	KERNEL_BLOCKS(threads, blocks, name, parameters...)   the same, of which it runs so many at once: they
//	                                         share the registers
//	SHARED(T, name)                          the launch's dynamic shared memory, 16-byte aligned
//	shuffle_xor(v, mask) shuffle(v, lane)    float, over all 32 lanes
//	atomic_add(p, v)                         of an unsigned, returns the old value
//	load_shared_pair(p) store_shared_word(p, v)  two uint64 that other blocks write, at a multiple of 16 bytes, and
//	                                         one that they read: each whole, and past the first cache
//	SPIN()                                   in a loop that waits for another block
//	device_value(p)                          *p, which is in device memory
//	trap()                                   ends the launch with an error
#pragma once

#if defined(NEUROLOUPE_SIM)

#include "device_sim.h"

#else

#if defined(__clang__)

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __host__ __attribute__((host))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#include <__clang_cuda_builtin_vars.h>
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;
typedef unsigned long size_t;
#define __threadfence() __nvvm_membar_gl()
#define __syncthreads() __nvvm_bar_sync(0)

static __device__ __forceinline__ float shuffle_xor(float v, int mask) {
  return __nvvm_shfl_sync_bfly_f32(0xffffffffu, v, mask, 0x1f);
}
static __device__ __forceinline__ float shuffle(float v, int lane) {
  return __nvvm_shfl_sync_idx_f32(0xffffffffu, v, lane, 0x1f);
}
static __device__ __forceinline__ unsigned atomic_add(unsigned *p, unsigned v) {
  return (unsigned)__nvvm_atom_add_gen_i((int *)p, (int)v);
}

#else // nvcc

#include <stdint.h>

static __device__ __forceinline__ float shuffle_xor(float v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
static __device__ __forceinline__ float shuffle(float v, int lane) { return __shfl_sync(0xffffffffu, v, lane); }
static __device__ __forceinline__ unsigned atomic_add(unsigned *p, unsigned v) { return atomicAdd(p, v); }

#endif

#define KERNEL(threads, name, ...) extern "C" __global__ void __launch_bounds__(threads) name(__VA_ARGS__)
#define KERNEL_ALONE(threads, name, ...) extern "C" __global__ void __launch_bounds__(threads, 1) name(__VA_ARGS__)
#define KERNEL_BLOCKS(threads, blocks, name, ...)                                                                      \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(__VA_ARGS__)
#define SHARED(T, name) extern __shared__ __attribute__((aligned(16))) T name[]
#define SPIN()

// *p in device memory. A pointer that a kernel reads from memory is to the compiler one to anything, and an access
// through it has to find out to what.
#if defined(__clang__)
template <class T> static __device__ __forceinline__ T device_value(const T *p) {
  return *(const T __attribute__((address_space(1))) *)p;
}
#else
template <class T> static __device__ __forceinline__ T device_value(const T *p) { return *p; }
#endif

// Ends the launch with an error.
static __device__ __forceinline__ void trap() { asm volatile("trap;"); }

struct Pair {
  uint64_t v[2];
};
// The memory model of PTX makes a naturally aligned 64-bit access a single one, and each of a vector's; .relaxed.gpu
// makes it meet those of other blocks in the second-level cache.
static __device__ __forceinline__ Pair load_shared_pair(const uint64_t *p) {
  Pair v;
  asm volatile("ld.relaxed.gpu.global.v2.u64 {%0, %1}, [%2];" : "=l"(v.v[0]), "=l"(v.v[1]) : "l"(p) : "memory");
  return v;
}
static __device__ __forceinline__ void store_shared_word(uint64_t *p, uint64_t v) {
  asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" : : "l"(p), "l"(v) : "memory");
}

#endif

// Products and sums are rounded one by one everywhere (-ffp-contract=off), and fused where fma stands, so that the PTX
// and the simulator compute the same bits.
static __device__ __forceinline__ float fma32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

static __device__ __forceinline__ float from_bits(uint32_t u) {
  float f;
  __builtin_memcpy(&f, &u, 4);
  return f;
}
static __device__ __forceinline__ uint32_t to_bits(float f) {
  uint32_t u;
  __builtin_memcpy(&u, &f, 4);
  return u;
}

// Four floats that are read as one.
struct alignas(16) Quad {
  float v[4];
};
static __device__ __forceinline__ Quad quad(const float *p) { return *(const Quad *)p; }
// The same from device memory, as one even where the compiler sees reason to take it apart.
static __device__ __forceinline__ Quad device_quad(const float *p) {
#if defined(__clang__) && !defined(NEUROLOUPE_SIM)
  typedef float Vector __attribute__((vector_size(16)));
  Vector v = *(const Vector __attribute__((address_space(1))) *)p;
  return Quad{{v[0], v[1], v[2], v[3]}};
#else
  return quad(p);
#endif
}

static __device__ __forceinline__ float sqrt32(float v) {
#if defined(NEUROLOUPE_SIM)
  return __builtin_sqrtf(v);
#elif defined(__clang__)
  return __nvvm_sqrt_rn_f(v);
#else
  return __fsqrt_rn(v);
#endif
}
