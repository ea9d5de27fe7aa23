// Device memory is this machine's, each allocation between pages that trap. Fresh memory is poisoned: as floats it is
// NaN. Freed memory stays a trap for a while, so that its use is found.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <deque>

#include "sim.h"

namespace sim {

namespace {

const size_t page = 4096;
const size_t align = 16;               // of an allocation's start; what a kernel may want at most
const uint32_t poison_word = 0x7fdead00; // NaN
const unsigned char margin = 0xa5;     // fills what is between the pages' edges and the allocation

std::map<uintptr_t, Allocation> allocations;

struct Freed {
	uintptr_t start;
	Allocation a;
};
std::deque<Freed> freed;
const size_t keep_freed = 4096;

struct Pinned {
	size_t size, map_size;
	std::vector<PendingCopy> pending;
};
std::map<uintptr_t, Pinned> pinned;

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

char *map_pages(size_t n, int protection) {
	void *m = mmap(nullptr, n, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return m == MAP_FAILED ? nullptr : (char *)m;
}

long distance(uintptr_t from, uintptr_t to) { return (long)to - (long)from; }

// Returns where the first byte of p to end is that is not the margin's, or null.
const char *spoiled(const char *p, const char *end) {
	for (; p < end; p++)
		if ((unsigned char)*p != margin) return p;
	return nullptr;
}

void protect(uintptr_t p, const Pinned &m) {
	int protection = PROT_READ | PROT_WRITE;
	for (auto &c : m.pending) protection &= c.to_host ? PROT_NONE : PROT_READ;
	mprotect((void *)p, m.map_size, protection);
}

Pinned *find_pinned(const void *p, size_t n, uintptr_t *start) {
	auto it = pinned.upper_bound((uintptr_t)p);
	if (it == pinned.begin()) return nullptr;
	--it;
	if ((uintptr_t)p + n > it->first + it->second.size) return nullptr;
	*start = it->first;
	return &it->second;
}

} // namespace

void poison(void *p, size_t n) {
	char *c = (char *)p;
	for (; n >= 4; n -= 4, c += 4) memcpy(c, &poison_word, 4);
	memset(c, 0xff, n);
}

CUresult allocate(CUdeviceptr *p, size_t n, int device) {
	if (n == 0) return CUDA_ERROR_INVALID_VALUE;
	// The allocation's end touches the page that traps, but for what alignment costs.
	size_t body = round_up(n, page);
	char *m = map_pages(body + 2 * page, PROT_NONE);
	if (!m || mprotect(m + page, body, PROT_READ | PROT_WRITE)) return CUDA_ERROR_OUT_OF_MEMORY;
	memset(m + page, margin, body);
	char *start = m + page + body - round_up(n, align);
	poison(start, n);
	allocations[(uintptr_t)start] = {n, device, m, body + 2 * page};
	counts.allocations++;
	*p = (CUdeviceptr)start;
	return CUDA_SUCCESS;
}

CUresult release(CUdeviceptr p) {
	auto it = allocations.find(p);
	if (it == allocations.end()) {
		fault("cuMemFree of %#llx: %s", (unsigned long long)p, describe(p).c_str());
		return CUDA_ERROR_INVALID_VALUE;
	}
	Allocation a = it->second;
	const char *start = (const char *)it->first, *first = a.map + page, *last = a.map + a.map_size - page;
	const char *bad = spoiled(first, start);
	if (!bad) bad = spoiled(start + a.size, last);
	if (bad) fault("something was written %s", describe((uintptr_t)bad).c_str());
	allocations.erase(it);
	counts.allocations--;
	// Fresh pages that trap take the place of the old ones, whose memory goes back.
	mmap(a.map, a.map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	freed.push_back({(uintptr_t)p, a});
	if (freed.size() > keep_freed) {
		munmap(freed.front().a.map, freed.front().a.map_size);
		freed.pop_front();
	}
	return bad ? CUDA_ERROR_ILLEGAL_ADDRESS : CUDA_SUCCESS;
}

const Allocation *find(CUdeviceptr p, size_t n) {
	auto it = allocations.upper_bound(p);
	if (it == allocations.begin()) return nullptr;
	--it;
	size_t offset = p - it->first;
	return offset <= it->second.size && n <= it->second.size - offset ? &it->second : nullptr;
}

std::string describe(uintptr_t address) {
	char s[200];
	for (auto &[start, a] : allocations) {
		if (address < (uintptr_t)a.map || address >= (uintptr_t)a.map + a.map_size) continue;
		if (address < start)
			snprintf(s, sizeof s, "%ld bytes before an allocation of %zu bytes", distance(address, start), a.size);
		else if (address < start + a.size)
			snprintf(s, sizeof s, "%ld bytes into an allocation of %zu bytes", distance(start, address), a.size);
		else
			snprintf(s, sizeof s, "%ld bytes past the end of an allocation of %zu bytes",
			         distance(start + a.size, address), a.size);
		return s;
	}
	for (auto &f : freed) {
		if (address < (uintptr_t)f.a.map || address >= (uintptr_t)f.a.map + f.a.map_size) continue;
		snprintf(s, sizeof s, "%ld bytes into an allocation of %zu bytes that was freed", distance(f.start, address),
		         f.a.size);
		return s;
	}
	if (address < page) return "a null pointer";
	return "not device memory";
}

void *allocate_pinned(size_t n) {
	size_t size = round_up(n, page);
	char *p = map_pages(size, PROT_READ | PROT_WRITE);
	if (!p) return nullptr;
	poison(p, n);
	pinned[(uintptr_t)p] = {n, size, {}};
	counts.pinned++;
	return p;
}

bool release_pinned(void *p) {
	auto it = pinned.find((uintptr_t)p);
	if (it == pinned.end()) {
		fault("cuMemFreeHost of %p, which cuMemAllocHost did not return", p);
		return false;
	}
	if (!it->second.pending.empty()) fault("page-locked memory is freed before a copy of it has been waited for");
	munmap(p, it->second.map_size);
	pinned.erase(it);
	counts.pinned--;
	return true;
}

bool is_pinned(const void *p, size_t n) {
	uintptr_t start;
	return find_pinned(p, n, &start);
}

void copy_pending(const PendingCopy &c) {
	uintptr_t start;
	if (Pinned *m = find_pinned(c.host, c.size, &start)) {
		m->pending.push_back(c);
		protect(start, *m);
	}
}

void copy_done(const PendingCopy &c) {
	uintptr_t start;
	Pinned *m = find_pinned(c.host, c.size, &start);
	if (!m) return;
	for (auto it = m->pending.begin(); it != m->pending.end(); ++it)
		if (*it == c) {
			m->pending.erase(it);
			break;
		}
	protect(start, *m);
}

Guarded::~Guarded() {
	if (map) munmap(map, map_size);
}

void *Guarded::resize(size_t n) {
	size_t want = round_up(n + align, page);
	if (want != body) {
		if (map) munmap(map, map_size);
		body = want;
		map_size = body + page;
		map = map_pages(map_size, PROT_READ | PROT_WRITE);
		mprotect(map + body, page, PROT_NONE);
	}
	char *start = map + body - round_up(n, align);
	poison(start, n);
	return start;
}

// Signals. The process is a Go program: its handlers get what is not ours.
namespace {

struct sigaction old_segv, old_bus, old_ill;
// One thread at a time is guarded: every function of the driver holds its lock.
sigjmp_buf trap;
pthread_t guarded_thread;
volatile bool guarded;
uintptr_t trapped;

void on_trap(int signal, siginfo_t *info, void *context) {
	uintptr_t address = (uintptr_t)info->si_addr, start;
	if (guarded && pthread_equal(guarded_thread, pthread_self())) {
		trapped = signal == SIGILL ? misaligned : address; // what the compiler put there finds it
		siglongjmp(trap, 1);
	}
	if (Pinned *m = find_pinned(info->si_addr, 1, &start); m && !m->pending.empty()) {
		bool to_host = false;
		for (auto &c : m->pending) to_host |= c.to_host;
		if (to_host)
			fault("missing synchronisation: page-locked memory is used before the copy to it has been waited for");
		else
			fault("missing synchronisation: page-locked memory is changed before the copy from it has been waited for");
		// The access goes on, and finds what is there without the copy.
		m->pending.clear();
		protect(start, *m);
		return;
	}
	struct sigaction &old = signal == SIGBUS ? old_bus : signal == SIGILL ? old_ill : old_segv;
	if (old.sa_flags & SA_SIGINFO)
		old.sa_sigaction(signal, info, context);
	else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN)
		old.sa_handler(signal);
	else
		sigaction(signal, &old, nullptr);
}

} // namespace

bool guard(const std::function<void()> &run, uintptr_t *address) {
	static bool installed = [] {
		struct sigaction s = {};
		s.sa_sigaction = on_trap;
		s.sa_flags = SA_SIGINFO | SA_ONSTACK;
		sigfillset(&s.sa_mask);
		sigaction(SIGSEGV, &s, &old_segv);
		sigaction(SIGBUS, &s, &old_bus);
		sigaction(SIGILL, &s, &old_ill);
		return true;
	}();
	(void)installed;
	if (sigsetjmp(trap, 1)) {
		*address = trapped;
		guarded = false;
		return false;
	}
	guarded_thread = pthread_self();
	guarded = true;
	run();
	guarded = false;
	return true;
}

} // namespace sim
