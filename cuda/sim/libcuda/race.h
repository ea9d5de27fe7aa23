// Looks for accesses of two threads to the same word of memory, at least one of them a write, with no barrier between.
//
// With NEUROLOUPE_SIM_RACE the kernels are compiled with -fsanitize=thread, and its calls at each access end here
// instead of in the compiler's own library, which knows nothing of threads that are not the operating system's.
#pragma once

#include <string>

#include "kernel.h"

namespace sim {
namespace race {

#ifdef NEUROLOUPE_SIM_RACE

void launch_starts(bool cooperative);
void block_starts(int threads);
void block_runs(Dim index);
void shared_memory(void *fixed, size_t fixed_size, void *dynamic, size_t dynamic_size);
void thread_starts(int thread);
void thread_runs(int thread);
void barrier();
void warp_meets();
void atomic();
std::string found();

#else

inline void launch_starts(bool) {}
inline void block_starts(int) {}
inline void block_runs(Dim) {}
inline void shared_memory(void *, size_t, void *, size_t) {}
inline void thread_starts(int) {}
inline void thread_runs(int) {}
inline void barrier() {}
inline void warp_meets() {}
inline void atomic() {}
inline std::string found() { return ""; }

#endif

} // namespace race
} // namespace sim
