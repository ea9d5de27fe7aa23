// The simulated driver's memory and copies.
#include "driver.h"

using namespace sim;

namespace {

// device_memory checks that a call's n bytes at p are device memory of the current context.
bool device_memory(const char *call, CUdeviceptr p, size_t n) {
	const sim::Allocation *a = sim::find(p, n);
	if (!a)
		fault("%s of %zu bytes at %#llx: %s", call, n, (unsigned long long)p, sim::describe(p).c_str());
	else if (a->device != current_context->device)
		fault("%s: memory of device %d in a call on device %d", call, a->device, current_context->device);
	return a && a->device == current_context->device;
}

// A copy in the order of a stream. Memory that is not page-locked is copied at once, as the driver does, after what
// waits.
CUresult copy(CUstream s, void *dst, const void *src, size_t n, const void *host, bool to_host) {
	if (!known(s)) return CUDA_ERROR_INVALID_HANDLE;
	if (s->capture && !sim::is_pinned(host, n)) {
		fault("a copy of memory that is not page-locked while a stream is captured");
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	if (!sim::is_pinned(host, n)) {
		if (CUresult r = flush(s)) return r;
		memmove(dst, src, n);
		return CUDA_SUCCESS;
	}
	sim::PendingCopy c{host, n, to_host};
	if (options.lazy && !s->capture) sim::copy_pending(c);
	return submit(s, [=]() -> CUresult {
		sim::copy_done(c);
		memmove(dst, src, n);
		return CUDA_SUCCESS;
	});
}

} // namespace

extern "C" {

CUresult cuMemGetInfo(size_t *free, size_t *total) {
	ENTER_CONTEXT;
	*total = options.memory;
	*free = options.memory - std::min(options.memory, current_context->used);
	return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr *p, size_t n) {
	ENTER_CONTEXT;
	if (CUresult r = blocking("cuMemAlloc")) return r;
	if (current_context->used + n > options.memory) return CUDA_ERROR_OUT_OF_MEMORY;
	CUresult r = sim::allocate(p, n, current_context->device);
	if (!r) {
		current_context->used += n;
		counts.bytes += n;
	}
	return r;
}

CUresult cuMemFree(CUdeviceptr p) {
	ENTER_TO_FREE("cuMemFree");
	flush_all(current_context);
	const sim::Allocation *a = sim::find(p, 1);
	size_t n = a ? a->size : 0;
	CUresult r = keep(current_context, sim::release(p));
	if (r == CUDA_SUCCESS || r == CUDA_ERROR_ILLEGAL_ADDRESS) {
		current_context->used -= n;
		counts.bytes -= n;
	}
	return current_context->lost ? current_context->lost : r;
}

CUresult cuMemAllocHost(void **p, size_t n) {
	ENTER_CONTEXT;
	if (CUresult r = blocking("cuMemAllocHost")) return r;
	*p = sim::allocate_pinned(n);
	return *p ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemFreeHost(void *p) {
	ENTER_TO_FREE("cuMemFreeHost");
	flush_all(current_context);
	return sim::release_pinned(p) ? current_context->lost : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr dst, const void *src, size_t n, CUstream s) {
	ENTER_CONTEXT;
	if (!device_memory("cuMemcpyHtoDAsync", dst, n)) return CUDA_ERROR_INVALID_VALUE;
	return copy(s, (void *)dst, src, n, src, false);
}

CUresult cuMemcpyDtoHAsync(void *dst, CUdeviceptr src, size_t n, CUstream s) {
	ENTER_CONTEXT;
	if (!device_memory("cuMemcpyDtoHAsync", src, n)) return CUDA_ERROR_INVALID_VALUE;
	return copy(s, dst, (void *)src, n, dst, true);
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream s) {
	ENTER_CONTEXT;
	if (!device_memory("cuMemcpyDtoDAsync", dst, n)) return CUDA_ERROR_INVALID_VALUE;
	if (!device_memory("cuMemcpyDtoDAsync", src, n)) return CUDA_ERROR_INVALID_VALUE;
	return submit(s, [=]() -> CUresult {
		memmove((void *)dst, (void *)src, n);
		return CUDA_SUCCESS;
	});
}

CUresult cuMemsetD32Async(CUdeviceptr dst, unsigned v, size_t n, CUstream s) {
	ENTER_CONTEXT;
	if (!device_memory("cuMemsetD32Async", dst, 4 * n) || dst % 4) return CUDA_ERROR_INVALID_VALUE;
	return submit(s, [=]() -> CUresult {
		for (size_t i = 0; i < n; i++) ((unsigned *)dst)[i] = v;
		return CUDA_SUCCESS;
	});
}
}
