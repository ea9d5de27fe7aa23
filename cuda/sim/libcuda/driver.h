// What the functions of the simulated driver share: devices.cpp, transfers.cpp, streams.cpp and launches.cpp have them.
#pragma once

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memory>
#include <mutex>

#include "sim.h"

using Work = std::function<CUresult()>;

struct CUctx_st {
	int device;
	int retained = 0;
	size_t used = 0;
	long launches = 0;
	CUresult lost = CUDA_SUCCESS; // once it is not, every call answers it
};

struct CUstream_st {
	CUctx_st *ctx;
	CUgraph_st *capture = nullptr;
	std::vector<Work> waiting; // of a lazy stream
};

struct CUgraph_st {
	std::vector<Work> work;
	bool invalid = false;
	pthread_t thread; // that captures
};

struct CUgraphExec_st {
	std::vector<Work> work;
};

struct CUevent_st {
	double ms = 0;
	bool recorded = false, happened = false;
};

struct CUfunc_st {
	sim::Function f;
	CUctx_st *ctx;
};

// An enum of CUDA 11's header that cu's has not.
const CUresult device_unavailable = (CUresult)46;

struct CUmod_st {
	std::map<std::string, CUfunc_st> functions;
};

namespace sim {

const int shared_per_block = 48 << 10, shared_optin = 227 << 10, shared_per_sm = 228 << 10;
const int threads_per_sm = 2048, blocks_per_sm = 32;

extern std::recursive_mutex mutex;
extern std::set<CUstream> streams;
extern thread_local CUctx_st *current_context;

// Every function begins with this: one at a time, with a context that is not lost.
#define ENTER std::lock_guard<std::recursive_mutex> entered(mutex)
#define ENTER_CONTEXT                                                     \
	ENTER;                                                            \
	if (!current_context) return CUDA_ERROR_INVALID_CONTEXT;          \
	if (current_context->lost) return current_context->lost
// What frees something begins with this, and answers with freed: it is done in a lost context too, so that the counts
// show what a program forgets.
#define ENTER_TO_FREE(call)                                              \
	ENTER;                                                           \
	if (!current_context) {                                          \
		sim::fault("%s without a current context", call);        \
		return CUDA_ERROR_INVALID_CONTEXT;                       \
	}                                                                \
	if (CUresult r = blocking(call)) return r
#define FREED return current_context->lost

// keep makes an error that leaves the context unusable stay.
CUresult keep(CUctx_st *c, CUresult r);
// known says that s is a stream that is open.
bool known(CUstream s);
// submit does work in the stream's order: at once, later, or as part of a graph.
CUresult submit(CUstream s, Work w);
// flush does what a stream, or all of a context, have not done yet.
CUresult flush(CUstream s);
CUresult flush_all(CUctx_st *c);
// blocking is for calls that stop the program: a thread must not make them while it captures a stream. Others may.
CUresult blocking(const char *call);

} // namespace sim
