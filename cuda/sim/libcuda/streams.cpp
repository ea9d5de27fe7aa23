// The simulated driver's streams, events and graphs.
#include "driver.h"

#include <time.h>

extern "C" CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags);

namespace sim {

CUresult keep(CUctx_st *c, CUresult r) {
	if (r >= CUDA_ERROR_ILLEGAL_ADDRESS && r <= CUDA_ERROR_LAUNCH_FAILED && !c->lost) c->lost = r;
	return r;
}

bool known(CUstream s) { return s && streams.count(s); }

CUresult submit(CUstream s, Work w) {
	if (!known(s)) {
		fault("a stream that was closed, or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	if (s->ctx != current_context) {
		fault("a stream of another context than the current one");
		return CUDA_ERROR_INVALID_CONTEXT;
	}
	if (s->capture) {
		s->capture->work.push_back(std::move(w));
		return CUDA_SUCCESS;
	}
	if (options.lazy) {
		s->waiting.push_back(std::move(w));
		return CUDA_SUCCESS;
	}
	return keep(s->ctx, w());
}

CUresult flush(CUstream s) {
	std::vector<Work> work;
	work.swap(s->waiting);
	for (auto &w : work) {
		if (s->ctx->lost) break;
		keep(s->ctx, w());
	}
	return s->ctx->lost;
}

CUresult flush_all(CUctx_st *c) {
	for (CUstream s : streams)
		if (s->ctx == c) flush(s);
	return c->lost;
}

CUresult blocking(const char *call) {
	for (CUstream s : streams)
		if (s->capture && pthread_equal(s->capture->thread, pthread_self())) {
			fault("%s while a stream is captured", call);
			s->capture->invalid = true;
			return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
		}
	return CUDA_SUCCESS;
}

} // namespace sim

using namespace sim;

namespace {

std::set<CUevent> events;
std::set<CUgraphExec> execs;

double now_ms() {
	timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

} // namespace

extern "C" {

// Streams and events.

CUresult cuStreamCreate(CUstream *s, unsigned) {
	ENTER_CONTEXT;
	*s = new CUstream_st;
	(*s)->ctx = current_context;
	streams.insert(*s);
	counts.streams++;
	return CUDA_SUCCESS;
}

CUresult cuStreamDestroy(CUstream s) {
	ENTER_TO_FREE("cuStreamDestroy");
	if (!known(s)) {
		fault("cuStreamDestroy of a stream that was closed, or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	flush(s);
	streams.erase(s);
	counts.streams--;
	delete s;
	FREED;
}

CUresult cuStreamSynchronize(CUstream s) {
	ENTER_CONTEXT;
	if (!known(s)) return CUDA_ERROR_INVALID_HANDLE;
	if (s->capture) {
		fault("cuStreamSynchronize of a stream that is captured");
		s->capture->invalid = true;
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	return flush(s);
}

CUresult cuEventCreate(CUevent *e, unsigned) {
	ENTER_CONTEXT;
	*e = new CUevent_st;
	events.insert(*e);
	counts.events++;
	return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent e) {
	ENTER_TO_FREE("cuEventDestroy");
	if (!events.erase(e)) {
		fault("cuEventDestroy of an event that was closed, or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	for (CUstream s : streams) flush(s);
	counts.events--;
	delete e;
	FREED;
}

CUresult cuEventRecord(CUevent e, CUstream s) {
	ENTER_CONTEXT;
	if (!events.count(e)) return CUDA_ERROR_INVALID_HANDLE;
	e->recorded = true;
	e->happened = false;
	return submit(s, [e]() -> CUresult {
		e->ms = now_ms();
		e->happened = true;
		return CUDA_SUCCESS;
	});
}

CUresult cuEventSynchronize(CUevent e) {
	ENTER_CONTEXT;
	if (!events.count(e)) return CUDA_ERROR_INVALID_HANDLE;
	return e->recorded && !e->happened ? flush_all(current_context) : CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end) {
	ENTER_CONTEXT;
	if (!events.count(start) || !events.count(end)) return CUDA_ERROR_INVALID_HANDLE;
	if (!start->recorded || !end->recorded) return CUDA_ERROR_INVALID_HANDLE;
	if (!start->happened || !end->happened) return CUDA_ERROR_NOT_READY;
	*ms = end->ms - start->ms;
	return CUDA_SUCCESS;
}

// Graphs.

CUresult cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode) {
	ENTER_CONTEXT;
	if (!known(s) || s->capture || mode != CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) return CUDA_ERROR_INVALID_VALUE;
	s->capture = new CUgraph_st;
	s->capture->thread = pthread_self();
	return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream s, CUgraph *g) {
	ENTER;
	*g = nullptr;
	if (!known(s) || !s->capture) return CUDA_ERROR_INVALID_VALUE;
	if (!pthread_equal(s->capture->thread, pthread_self())) {
		fault("cuStreamEndCapture on another thread than cuStreamBeginCapture");
		return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	}
	std::unique_ptr<CUgraph_st> captured(s->capture);
	s->capture = nullptr;
	if (s->ctx->lost) return s->ctx->lost;
	if (captured->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	*g = captured.release();
	return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph g, unsigned long long) {
	ENTER_CONTEXT;
	*exec = new CUgraphExec_st{g->work};
	execs.insert(*exec);
	counts.graphs++;
	return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph g) {
	delete g;
	return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream s) {
	ENTER_CONTEXT;
	if (!execs.count(exec)) {
		fault("cuGraphLaunch of a graph that was closed, or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	if (known(s) && s->capture) {
		fault("cuGraphLaunch in a stream that is captured");
		s->capture->invalid = true;
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	return submit(s, [exec]() -> CUresult {
		if (!execs.count(exec)) {
			fault("a graph was closed before its launch was waited for");
			return CUDA_ERROR_LAUNCH_FAILED;
		}
		for (auto &w : exec->work)
			if (CUresult r = w()) return r;
		return CUDA_SUCCESS;
	});
}

CUresult cuGraphExecDestroy(CUgraphExec exec) {
	ENTER;
	if (!execs.erase(exec)) {
		fault("cuGraphExecDestroy of a graph that was closed, or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	counts.graphs--;
	delete exec;
	return current_context ? current_context->lost : CUDA_SUCCESS;
}
}
