// What a kernel compiled by g++ and the simulator know of each other.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <type_traits>
#include <utility>

namespace sim {

struct Dim {
	unsigned x, y, z;
};

// A thread that runs: what the kernel sees of it.
struct Thread {
	Dim index;
};

extern Thread *current;
extern Dim block_index, block_dim, grid_dim;
extern void *dynamic_shared;

void sync_threads();
void spin();
void atomic(); // is called at an atomic operation
int lane();
float shuffle(float v, int source); // the v of lane source, once all 32 lanes are here

// A kernel and its parameters: sizes in bytes, and which are pointers.
struct Kernel {
	const char *name;
	int max_threads;
	void (*call)(void **arguments);
	int parameters;
	const int *sizes;
	const bool *pointers;
};

struct Registration {
	explicit Registration(const Kernel &k);
};

template <auto F, class... A> struct Caller {
	// The last is there so that no array is empty.
	static constexpr int sizes[] = {(int)sizeof(A)..., 0};
	static constexpr bool pointers[] = {std::is_pointer_v<A>..., false};
	template <size_t... I> static void call(void **arguments, std::index_sequence<I...>) { F(*(A *)arguments[I]...); }
	static void call(void **arguments) { call(arguments, std::index_sequence_for<A...>{}); }
};

template <auto F, class... A> Kernel kernel(const char *name, int max_threads, void (*)(A...)) {
	using C = Caller<F, A...>;
	return {name, max_threads, (void (*)(void **))C::call, sizeof...(A), C::sizes, C::pointers};
}

} // namespace sim
