// The parts of the simulator: memory.cpp, grid.cpp, race.cpp, ptx.cpp, the cu* functions (see driver.h) and control.cpp
// (what tests set and read).
#pragma once

#include <cuda.h>

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernel.h"

namespace sim {

// control.cpp

enum class Order { Forward, Reverse, Shuffle };

struct Options {
	Order order = Order::Forward; // in which the threads of a block, and the blocks, run
	unsigned seed = 1;            // of Order::Shuffle
	bool lazy = false;            // streams do nothing before somebody waits for them
	size_t memory = size_t(4) << 30;
	int devices = 1;
	int sms = 8;
	int share = 1 << 20; // multiprocessors of them that a cooperative launch gets
	int capability = 90;
	int driver = 12040;
	long lose_after = -1; // launches until the device is lost; -1 = never
	bool jit = true; // false: the driver's compiler does not know the device
	bool compiler = true; // false: the driver's compiler is not installed
	bool busy = false; // another process has the device to itself
	bool no_device = false;
};
extern Options options;

struct Counts {
	long allocations, bytes, pinned, modules, streams, events, graphs, contexts; // alive
	long launches, switches;                                                     // so far
};
extern Counts counts;

// fault keeps what is wrong, for the test to read, and says it on standard error.
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
std::vector<Kernel> &kernels();
extern std::mt19937 random;

// memory.cpp

struct Allocation {
	size_t size;
	int device;
	char *map;
	size_t map_size;
};
CUresult allocate(CUdeviceptr *p, size_t n, int device);
CUresult release(CUdeviceptr p);
// find returns the allocation that has all n bytes at p, or null.
const Allocation *find(CUdeviceptr p, size_t n);
// describe says what is at an address, or near: "4 bytes past the end of an allocation of 400 bytes".
std::string describe(uintptr_t address);

void *allocate_pinned(size_t n);
bool release_pinned(void *p);
// A copy from or to the host that has not been done yet. Until it is, a touch of page-locked memory is a fault.
struct PendingCopy {
	const void *host;
	size_t size;
	bool to_host;
	bool operator==(const PendingCopy &o) const { return host == o.host && size == o.size && to_host == o.to_host; }
};
void copy_pending(const PendingCopy &c);
void copy_done(const PendingCopy &c);
bool is_pinned(const void *p, size_t n);

// Guarded is memory whose end touches a page that traps, for a block's dynamic shared memory.
class Guarded {
public:
	~Guarded();
	void *resize(size_t n); // filled with poison
private:
	char *map = nullptr;
	size_t map_size = 0, body = 0;
};
void poison(void *p, size_t n);
// guard calls run and returns true, or false with the address when run touched memory that traps, or with misaligned
// when it touched memory that is not aligned for what it is.
const uintptr_t misaligned = ~(uintptr_t)0;
bool guard(const std::function<void()> &run, uintptr_t *address);

// grid.cpp

struct Launch {
	const Kernel *kernel;
	Dim grid, block;
	size_t shared;
	bool cooperative;
	int device;
	std::vector<std::vector<char>> arguments;
};
// execute runs a launch to its end, or to a fault.
CUresult execute(const Launch &l);

// ptx.cpp

struct Function {
	const Kernel *kernel;
	int max_threads;
	int max_shared = 48 << 10;
};
// load reads the kernels out of PTX. On an error, log says what is wrong.
CUresult load(const char *ptx, int device, std::map<std::string, Function> &functions, std::string &log);
std::string write_ptx();

} // namespace sim
