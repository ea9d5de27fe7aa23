// What kernels use of CUDA, for g++: cuda/kernels/device.h includes this file when NEUROLOUPE_SIM is defined, and says
// what each name means.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libcuda/kernel.h"

#define threadIdx (sim::current->index)
#define blockIdx sim::block_index
#define blockDim sim::block_dim
#define gridDim sim::grid_dim
#define __device__
#define __forceinline__ inline
#define __restrict__ __restrict
// The build moves all memory of this kind to a section of its own, so that each block of a cooperative launch has its
// own: the attribute for that is ignored in templates.
#define __shared__ static __attribute__((aligned(16)))
#define SHARED(T, name) T *name = (T *)sim::dynamic_shared
#define __syncthreads() sim::sync_threads()
#define __threadfence()
#define SPIN() sim::spin()
#define trap() __builtin_trap()
template <class T> static inline T device_value(const T *p) { return *p; }

// The kernel's parameters are taken from its type; there is no second list of them.
#define KERNEL(threads, name, ...) SIM_KERNEL(threads, name, __VA_ARGS__)
#define KERNEL_ALONE(threads, name, ...) SIM_KERNEL(threads, name, __VA_ARGS__)
#define KERNEL_BLOCKS(threads, blocks, name, ...) SIM_KERNEL(threads, name, __VA_ARGS__)
#define SIM_KERNEL(threads, name, ...)                                                   \
	extern "C" void name(__VA_ARGS__);                                               \
	static const sim::Registration registration_of_##name(sim::kernel<name>(#name, threads, name)); \
	extern "C" void name(__VA_ARGS__)

// Between threads of a warp.
static inline float shuffle_xor(float v, int mask) { return sim::shuffle(v, sim::lane() ^ mask); }
static inline float shuffle(float v, int lane) { return sim::shuffle(v, lane); }

// One thread runs at a time, so plain accesses are atomic. They are no races.
#define SIM_ATOMIC __attribute__((no_sanitize("thread")))
static inline SIM_ATOMIC unsigned atomic_add(unsigned *p, unsigned v) {
	sim::atomic();
	unsigned old = *p;
	*p = old + v;
	return old;
}
struct Pair {
	uint64_t v[2];
};
static inline SIM_ATOMIC Pair load_shared_pair(const uint64_t *p) {
	const volatile uint64_t *v = (const uint64_t *)__builtin_assume_aligned(p, 16);
	return {{v[0], v[1]}};
}
static inline SIM_ATOMIC void store_shared_word(uint64_t *p, uint64_t v) { *(volatile uint64_t *)p = v; }
