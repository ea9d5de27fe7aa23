// Runs a grid: each thread that must wait for others has a stack of its own, and one operating system thread runs them
// all, each until it waits.
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "race.h"
#include "sim.h"

extern "C" {
// The section of all __shared__ arrays; see build.go.
extern char __start_sim_shared[] __attribute__((weak));
extern char __stop_sim_shared[] __attribute__((weak));
// sim_switch saves the registers that a function must keep and the stack in *from, and goes on with those of to.
void sim_switch(void **from, void *to) __attribute__((visibility("hidden")));
}

asm(R"(
	.text
	.globl sim_switch
	.hidden sim_switch
	.type sim_switch, @function
sim_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size sim_switch, . - sim_switch
)");

namespace sim {

Thread *current;
Dim block_index, block_dim, grid_dim;
void *dynamic_shared;

namespace {

const int warp_size = 32;
const size_t stack_size = 64 << 10;
const size_t slab = 64;      // stacks that are mapped together
const uint64_t canary = 0x6b636174735f7475;
const long patience = 100000; // rounds of a cooperative grid in which no block goes on

enum class State { Ready, Barrier, Warp, Spin, Done };

// What the lanes of a warp exchange. A lane is at most one exchange ahead of another, so two sets of values do; and the
// third set of arrivals can be cleared while the others are read.
struct Warp {
	float value[3][warp_size];
	uint32_t arrived[3];
	uint32_t done, lanes;
};

struct Fiber : Thread {
	void *sp;
	char *stack;
	State state;
	int number, lane; // in the block, in the warp
	unsigned exchanges;
	Warp *warp;
};

struct Block {
	Dim index;
	std::vector<int> order; // of the threads; started is how many of it have been
	size_t started = 0;
	int alive = 0;
	bool spawned = false;
	bool moved = false; // since it last parked; a spinning thread that spins on has not moved it
	std::vector<Fiber *> fibers; // of the threads that wait
	std::vector<Warp> warps;
	std::vector<char> shared; // of a cooperative grid's block, while others run
	Guarded dynamic;
	void *dynamic_start = nullptr;
};

// The launch that runs.
const Kernel *running;
void **arguments;
Block *block;
void *scheduler;
std::string problem; // what is wrong with the launch

std::vector<Fiber *> idle;
std::vector<Fiber *> in_use;

size_t shared_size() { return __stop_sim_shared - __start_sim_shared; }

int threads() { return block_dim.x * block_dim.y * block_dim.z; }

// AddressSanitizer knows of what lies between the arrays in the section, and would not let memcpy touch it.
void copy_shared(char *to, const char *from) {
	size_t n = shared_size();
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

void poison_shared() {
	char *to = __start_sim_shared;
	size_t n = shared_size();
	asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0xff) : "memory"); // NaN, as numbers
}

void order_of(std::vector<int> &v, int n) {
	v.resize(n);
	std::iota(v.begin(), v.end(), 0);
	if (options.order == Order::Reverse) std::reverse(v.begin(), v.end());
	if (options.order == Order::Shuffle) std::shuffle(v.begin(), v.end(), random);
}

// start makes f the block's next thread that has not been started.
void start(Fiber *f) {
	int t = block->order[block->started++];
	f->index = {t % block_dim.x, t / block_dim.x % block_dim.y, t / (block_dim.x * block_dim.y)};
	f->number = t;
	f->lane = t % warp_size;
	f->warp = &block->warps[t / warp_size];
	f->exchanges = 0;
	f->state = State::Ready;
	race::thread_starts(t);
}

void yield() {
	Fiber *f = (Fiber *)current;
	sim_switch(&f->sp, scheduler);
}

void run_fiber(Fiber *f) {
	current = f;
	counts.switches++;
	race::thread_runs(f->number);
	sim_switch(&scheduler, f->sp);
}

// A fiber runs threads one after the other, as long as none waits.
void fiber_main() {
	for (;;) {
		Fiber *f = (Fiber *)current;
		running->call(arguments);
		f->warp->done |= 1u << f->lane;
		block->alive--;
		if (block->started < block->order.size()) {
			start(f);
			continue;
		}
		f->state = State::Done;
		yield();
	}
}

// rewind makes f begin at fiber_main, whatever it did before.
void rewind(Fiber *f) {
	void **top = (void **)(f->stack + stack_size);
	top[-2] = (void *)fiber_main;
	std::fill(top - 8, top - 2, nullptr); // the registers
	f->sp = top - 8;
}

Fiber *take() {
	if (idle.empty()) {
		char *m = (char *)mmap(nullptr, slab * stack_size, PROT_READ | PROT_WRITE,
		                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (m == MAP_FAILED) abort();
		for (size_t i = 0; i < slab; i++) {
			Fiber *f = new Fiber();
			f->stack = m + i * stack_size;
			memcpy(f->stack, &canary, sizeof canary);
			rewind(f);
			idle.push_back(f);
		}
	}
	Fiber *f = idle.back();
	idle.pop_back();
	in_use.push_back(f);
	return f;
}

void give_back(Fiber *f) {
	uint64_t c;
	memcpy(&c, f->stack, sizeof c);
	if (c != canary) problem = "a thread's stack is full";
	in_use.erase(std::find(in_use.rbegin(), in_use.rend(), f).base() - 1);
	idle.push_back(f);
}

enum class Result { Finished, Parked, Wrong };

Result wrong(const char *what) {
	problem = what;
	return Result::Wrong;
}

void spawn(Block &b) {
	int n = threads();
	order_of(b.order, n);
	b.started = 0;
	b.alive = n;
	b.fibers.clear();
	b.warps.assign((n + warp_size - 1) / warp_size, Warp{});
	for (size_t w = 0; w < b.warps.size(); w++) {
		int lanes = std::min(warp_size, n - (int)w * warp_size);
		b.warps[w].lanes = lanes == warp_size ? ~0u : (1u << lanes) - 1;
	}
	b.spawned = b.moved = true;
	race::block_starts(n);
	while (b.started < b.order.size()) {
		Fiber *f = take();
		start(f);
		run_fiber(f);
		if (f->state == State::Done)
			give_back(f);
		else
			b.fibers.push_back(f);
	}
}

// run_block runs b until all its threads are done, or wait for another block.
Result run_block(Block &b) {
	block = &b;
	block_index = b.index;
	dynamic_shared = b.dynamic_start;
	race::block_runs(b.index);
	if (!b.spawned) spawn(b);
	while (b.alive) {
		if (options.order == Order::Shuffle) std::shuffle(b.fibers.begin(), b.fibers.end(), random);
		int ran = 0, barrier = 0, spinning = 0;
		size_t kept = 0;
		for (size_t i = 0; i < b.fibers.size(); i++) {
			Fiber *f = b.fibers[i];
			if (f->state == State::Warp) {
				if (f->warp->lanes != ~0u) return wrong("a warp shuffle in a warp of less than 32 threads");
				if (f->warp->arrived[f->exchanges % 3] == ~0u)
					f->state = State::Ready;
				else if (f->warp->done)
					return wrong("a warp shuffle waits for a thread that has ended");
			}
			if (f->state == State::Ready) {
				run_fiber(f);
				ran++;
				b.moved |= f->state != State::Spin;
			}
			barrier += f->state == State::Barrier;
			spinning += f->state == State::Spin;
			if (f->state == State::Done)
				give_back(f);
			else
				b.fibers[kept++] = f;
		}
		b.fibers.resize(kept);
		if (ran) continue;
		if (barrier && barrier == b.alive) {
			if (b.alive != threads()) return wrong("__syncthreads is reached by some threads after others have ended");
			for (Fiber *f : b.fibers) f->state = State::Ready;
			race::barrier();
			continue;
		}
		if (spinning) {
			for (Fiber *f : b.fibers)
				if (f->state == State::Spin) f->state = State::Ready;
			return Result::Parked;
		}
		return wrong(barrier ? "__syncthreads is not reached by all threads of the block"
		                     : "a warp shuffle is not reached by all threads of the warp");
	}
	return Result::Finished;
}

Dim index_of(long i) {
	return {(unsigned)(i % grid_dim.x), (unsigned)(i / grid_dim.x % grid_dim.y),
	        (unsigned)(i / grid_dim.x / grid_dim.y)};
}

void prepare(Block &b, long i, size_t shared) {
	b.index = index_of(i);
	b.spawned = false;
	b.dynamic_start = b.dynamic.resize(shared);
	race::shared_memory(__start_sim_shared, shared_size(), b.dynamic_start, shared);
}

// One block after the other.
bool run_independent(long blocks, size_t shared) {
	Block b;
	std::vector<int> order;
	order_of(order, blocks);
	// Once is enough to see that a kernel reads what it has not written, and the arrays of all kernels are many.
	poison_shared();
	for (int i : order) {
		prepare(b, i, shared);
		switch (run_block(b)) {
		case Result::Finished:
			break;
		case Result::Parked:
			problem = "a block waits for another in a launch that is not cooperative";
			return false;
		case Result::Wrong:
			return false;
		}
	}
	return true;
}

// All blocks in turns.
bool run_cooperative(long blocks, size_t shared) {
	std::vector<std::unique_ptr<Block>> all;
	for (long i = 0; i < blocks; i++) {
		auto b = std::make_unique<Block>();
		prepare(*b, i, shared);
		poison_shared();
		b->shared.resize(shared_size());
		copy_shared(b->shared.data(), __start_sim_shared);
		all.push_back(std::move(b));
	}
	std::vector<int> order;
	std::vector<bool> finished(blocks);
	long left = blocks;
	for (long round = 0; left; round++) {
		if (round > patience) {
			problem = "a block waits for another for ever";
			return false;
		}
		if (round == 0 || options.order == Order::Shuffle) order_of(order, blocks);
		for (int i : order) {
			if (finished[i]) continue;
			Block &b = *all[i];
			copy_shared(__start_sim_shared, b.shared.data());
			race::shared_memory(__start_sim_shared, shared_size(), b.dynamic_start, shared);
			b.moved = false;
			Result r = run_block(b);
			if (r == Result::Wrong) return false;
			copy_shared(b.shared.data(), __start_sim_shared);
			if (r == Result::Finished) {
				finished[i] = true;
				left--;
			}
			if (b.moved) round = 0;
		}
	}
	return true;
}

} // namespace

void sync_threads() {
	((Fiber *)current)->state = State::Barrier;
	yield();
}

void spin() {
	((Fiber *)current)->state = State::Spin;
	yield();
}

void atomic() { race::atomic(); }

int lane() { return ((Fiber *)current)->lane; }

float shuffle(float v, int source) {
	Fiber *f = (Fiber *)current;
	int slot = ++f->exchanges % 3;
	uint32_t self = 1u << f->lane;
	f->warp->arrived[(slot + 1) % 3] &= ~self;
	f->warp->value[slot][f->lane] = v;
	f->warp->arrived[slot] |= self;
	if (f->warp->arrived[slot] != ~0u) {
		f->state = State::Warp;
		yield();
	}
	race::warp_meets();
	return f->warp->value[slot][source & (warp_size - 1)];
}

CUresult execute(const Launch &l) {
	std::vector<void *> pointers;
	for (auto &a : l.arguments) pointers.push_back((void *)a.data());
	running = l.kernel;
	arguments = pointers.data();
	grid_dim = l.grid;
	block_dim = l.block;
	problem.clear();
	counts.launches++;
	race::launch_starts(l.cooperative);

	long blocks = (long)l.grid.x * l.grid.y * l.grid.z;
	bool good = false;
	uintptr_t address = 0;
	bool calm = guard([&] {
		good = l.cooperative ? run_cooperative(blocks, l.shared) : run_independent(blocks, l.shared);
	}, &address);
	if (calm && good && problem.empty() && race::found().empty()) return CUDA_SUCCESS;

	bool skew = !calm && address == misaligned;
	if (!calm) problem = skew ? "misaligned address" : "illegal address: " + describe(address);
	if (problem.empty()) problem = race::found();
	Dim t = current->index;
	fault("kernel %s, block %u,%u,%u, thread %u,%u,%u: %s", running->name, block_index.x, block_index.y, block_index.z,
	      t.x, t.y, t.z, problem.c_str());
	for (Fiber *f : in_use) {
		rewind(f);
		idle.push_back(f);
	}
	in_use.clear();
	return calm ? CUDA_ERROR_LAUNCH_FAILED : skew ? CUDA_ERROR_MISALIGNED_ADDRESS : CUDA_ERROR_ILLEGAL_ADDRESS;
}

} // namespace sim
