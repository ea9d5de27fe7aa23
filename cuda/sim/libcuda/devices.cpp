// The simulated driver's start, its errors, devices and contexts.
#include "driver.h"

extern "C" int neuroloupe_sim_set(const char *words);

namespace sim {

std::recursive_mutex mutex;
std::set<CUstream> streams;
thread_local CUctx_st *current_context;

namespace {

std::vector<std::unique_ptr<CUctx_st>> contexts; // by device

CUctx_st *context(int device) {
	while ((int)contexts.size() <= device) {
		contexts.push_back(std::make_unique<CUctx_st>());
		contexts.back()->device = contexts.size() - 1;
	}
	return contexts[device].get();
}

} // namespace

} // namespace sim

using namespace sim;

extern "C" {

CUresult cuInit(unsigned) {
	ENTER;
	if (const char *words = getenv("NEUROLOUPE_SIM"))
		if (neuroloupe_sim_set(words)) return CUDA_ERROR_INVALID_VALUE;
	uintptr_t address;
	sim::guard([] {}, &address); // puts the handler of traps in place
	return options.no_device ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *v) {
	*v = options.driver;
	return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult r, const char **s) {
	switch (r) {
#define NAME(e) \
	case e: *s = #e; return CUDA_SUCCESS;
		NAME(CUDA_ERROR_INVALID_VALUE)
		NAME(CUDA_ERROR_OUT_OF_MEMORY)
		NAME(CUDA_ERROR_NO_DEVICE)
		NAME(CUDA_ERROR_INVALID_DEVICE)
		NAME(CUDA_ERROR_INVALID_IMAGE)
		NAME(CUDA_ERROR_INVALID_CONTEXT)
		NAME(CUDA_ERROR_NO_BINARY_FOR_GPU)
		NAME(CUDA_ERROR_INVALID_PTX)
		NAME(CUDA_ERROR_INVALID_HANDLE)
		NAME(CUDA_ERROR_NOT_FOUND)
		NAME(CUDA_ERROR_NOT_READY)
		NAME(CUDA_ERROR_ILLEGAL_ADDRESS)
		NAME(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES)
		NAME(CUDA_ERROR_LAUNCH_FAILED)
		NAME(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE)
		NAME(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
		NAME(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
		NAME(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD)
		NAME(CUDA_ERROR_MISALIGNED_ADDRESS)
		NAME(CUDA_ERROR_JIT_COMPILER_NOT_FOUND)
#undef NAME
	case device_unavailable: *s = "CUDA_ERROR_DEVICE_UNAVAILABLE"; return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult cuGetErrorString(CUresult r, const char **s) {
	switch (r) {
	case CUDA_ERROR_OUT_OF_MEMORY: *s = "out of memory"; break;
	case CUDA_ERROR_NO_DEVICE: *s = "no CUDA-capable device is detected"; break;
	case CUDA_ERROR_NO_BINARY_FOR_GPU: *s = "no kernel image is available for execution on the device"; break;
	case CUDA_ERROR_INVALID_PTX: *s = "a PTX JIT compilation failed"; break;
	case CUDA_ERROR_ILLEGAL_ADDRESS: *s = "an illegal memory access was encountered"; break;
	case device_unavailable: *s = "CUDA-capable device(s) is/are busy or unavailable"; break;
	case CUDA_ERROR_JIT_COMPILER_NOT_FOUND: *s = "PTX JIT compiler library not found"; break;
	case CUDA_ERROR_MISALIGNED_ADDRESS: *s = "misaligned address"; break;
	case CUDA_ERROR_LAUNCH_FAILED: *s = "unspecified launch failure"; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

// Devices and contexts.

CUresult cuDeviceGetCount(int *n) {
	*n = options.devices;
	return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *d, int i) {
	*d = i;
	return i >= 0 && i < options.devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetName(char *s, int n, CUdevice) {
	snprintf(s, n, "CUDA driver simulator");
	return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem(size_t *n, CUdevice) {
	*n = options.memory;
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice) {
	switch ((int)a) {
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *v = 1024; break;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *v = 32; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = options.sms; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: *v = threads_per_sm; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *v = shared_per_block; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = shared_optin; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: *v = shared_per_sm; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = options.capability / 10; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = options.capability % 10; break;
	case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH: *v = 1; break;
	case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *v = 1000000; break;
	case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *v = 32 << 20; break;
	default:
		fault("cuDeviceGetAttribute: the simulator does not know attribute %d", (int)a);
		return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) {
	ENTER;
	if (options.busy) return device_unavailable;
	*c = context(d);
	if (!(*c)->retained++) counts.contexts++;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice d) {
	ENTER;
	CUctx_st *c = context(d);
	if (!c->retained) {
		fault("cuDevicePrimaryCtxRelease once too often");
		return CUDA_ERROR_INVALID_CONTEXT;
	}
	if (--c->retained) return CUDA_SUCCESS;
	counts.contexts--;
	c->lost = CUDA_SUCCESS;
	c->launches = 0;
	return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext c) {
	if (c && !c->retained) {
		fault("cuCtxSetCurrent of a context that was released");
		return CUDA_ERROR_INVALID_CONTEXT;
	}
	current_context = c;
	return CUDA_SUCCESS;
}
}
