#ifdef NEUROLOUPE_SIM_RACE

#include "race.h"

#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "sim.h"

namespace sim {
namespace race {

namespace {

// When and by whom a word was read or written.
struct Access {
	unsigned launch = 0; // 0 = never
	int block, thread;
	unsigned barriers, meetings; // of the block, and of the thread with its warp, before it
	unsigned atomics;            // of the grid, before it
};

// Two readers are enough: a third cannot be the thread that writes if the two are not.
struct Word {
	Access write, read, other_read;
};

struct Block {
	unsigned barriers = 0;
	std::vector<unsigned> meetings; // by thread
	std::vector<unsigned> atomics;  // when it did one: the grid's count before it
};

const int warp_size = 32;
const uintptr_t page_bits = 12;

struct Page {
	Word words[1 << (page_bits - 2)];
};

std::unordered_map<uintptr_t, Page> pages;
uintptr_t last_number = ~uintptr_t(0);
Page *last_page;

unsigned launch;
bool cooperative;
std::vector<Block> blocks;
int block, thread;
unsigned atomics;
std::string problem;

struct Range {
	uintptr_t start = 0, end = 0;
	bool has(uintptr_t p) const { return p >= start && p < end; }
} fixed_shared, dynamic_shared_range;

Word &word(uintptr_t address) {
	uintptr_t number = address >> page_bits;
	if (number != last_number) {
		last_number = number;
		last_page = &pages[number];
	}
	return last_page->words[(address >> 2) & ((1 << (page_bits - 2)) - 1)];
}

bool shared(uintptr_t p) { return fixed_shared.has(p) || dynamic_shared_range.has(p); }

// before says that a comes before what the thread does now, whatever the order in which threads run.
bool before(const Access &a, uintptr_t address) {
	if (a.launch != launch) return true;
	Block &b = blocks[block];
	if (a.block == block)
		return a.thread == thread || a.barriers < b.barriers ||
		       (a.thread / warp_size == thread / warp_size && a.meetings < b.meetings[thread]);
	// Shared memory of another block is other memory. Blocks of a cooperative grid wait for each other in ways that are
	// not seen here.
	if (shared(address) || cooperative) return true;
	// The other block has done an atomic operation since, and this one has after that: the last block to arrive may
	// read what all have written.
	auto &theirs = blocks[a.block].atomics;
	auto first = std::lower_bound(theirs.begin(), theirs.end(), a.atomics);
	return first != theirs.end() && !b.atomics.empty() && *first < b.atomics.back();
}

void report(const char *now, const char *then, const Access &a, uintptr_t address) {
	if (!problem.empty()) return;
	char s[300];
	std::string where = shared(address) ? "shared memory" : describe(address);
	snprintf(s, sizeof s, "missing barrier: thread %d of block %d %s what thread %d of block %d %s, %s", thread, block,
	         now, a.thread, a.block, then, where.c_str());
	problem = s;
}

void access(uintptr_t address, size_t size, bool writes) {
	char here;
	// The stack of the thread is its own.
	if (address - (uintptr_t)&here + (64 << 10) < (128 << 10)) return;
	Access now{launch, block, thread, blocks[block].barriers, blocks[block].meetings[thread], atomics};
	for (uintptr_t p = address & ~uintptr_t(3); p < address + size; p += 4) {
		Word &w = word(p);
		if (!before(w.write, p)) report(writes ? "writes" : "reads", "wrote", w.write, p);
		if (writes) {
			if (!before(w.read, p)) report("writes", "read", w.read, p);
			if (!before(w.other_read, p)) report("writes", "read", w.other_read, p);
			w.write = now;
		} else {
			if (w.read.launch == launch && (w.read.thread != thread || w.read.block != block)) w.other_read = w.read;
			w.read = now;
		}
	}
}

} // namespace

void launch_starts(bool c) {
	launch++;
	cooperative = c;
	blocks.clear();
	atomics = 0;
	problem.clear();
}

void block_starts(int threads) { blocks[block].meetings.assign(threads, 0); }

void block_runs(Dim index) {
	block = index.x + grid_dim.x * (index.y + grid_dim.y * index.z);
	if ((int)blocks.size() <= block) blocks.resize(block + 1);
}

void shared_memory(void *fixed, size_t fixed_size, void *dynamic, size_t dynamic_size) {
	fixed_shared = {(uintptr_t)fixed, (uintptr_t)fixed + fixed_size};
	dynamic_shared_range = {(uintptr_t)dynamic, (uintptr_t)dynamic + dynamic_size};
}

void thread_starts(int t) { thread = t; }
void thread_runs(int t) { thread = t; }
void barrier() { blocks[block].barriers++; }

void warp_meets() { blocks[block].meetings[thread]++; }

void atomic() { blocks[block].atomics.push_back(atomics++); }

std::string found() { return problem; }

} // namespace race
} // namespace sim

// What the compiler calls at each access.
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
#define SIZE(n)                                                                                            \
	void __tsan_read##n(void *p) { sim::race::access((uintptr_t)p, n, false); }                        \
	void __tsan_write##n(void *p) { sim::race::access((uintptr_t)p, n, true); }                        \
	void __tsan_unaligned_read##n(void *p) { sim::race::access((uintptr_t)p, n, false); }              \
	void __tsan_unaligned_write##n(void *p) { sim::race::access((uintptr_t)p, n, true); }
SIZE(1)
SIZE(2)
SIZE(4)
SIZE(8)
SIZE(16)
void __tsan_read_range(void *p, size_t n) { sim::race::access((uintptr_t)p, n, false); }
void __tsan_write_range(void *p, size_t n) { sim::race::access((uintptr_t)p, n, true); }
void __tsan_vptr_update(void **, void *) {}
}

#endif
