// The simulated driver's modules and launches.
#include "driver.h"

using namespace sim;

namespace {

std::set<CUmodule> modules;
std::set<CUfunction> functions; // of the modules that are loaded

CUresult launch(CUfunction f, sim::Dim grid, sim::Dim block, unsigned shared, CUstream s, void **parameters,
                bool cooperative) {
	if (!known(s)) return CUDA_ERROR_INVALID_HANDLE;
	if (!functions.count(f)) {
		fault("a launch of a kernel whose module was unloaded, or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	const sim::Kernel &k = *f->f.kernel;
	if (f->ctx != s->ctx) {
		fault("kernel %s of device %d is given to a stream of device %d", k.name, f->ctx->device, s->ctx->device);
		return CUDA_ERROR_INVALID_HANDLE;
	}
	if (!grid.x || !grid.y || !grid.z || !block.x || !block.y || !block.z || grid.x > 0x7fffffff || grid.y > 65535 ||
	    grid.z > 65535) {
		fault("kernel %s: a grid of %ux%ux%u blocks of %ux%ux%u threads", k.name, grid.x, grid.y, grid.z, block.x,
		      block.y, block.z);
		return CUDA_ERROR_INVALID_VALUE;
	}
	unsigned threads = block.x * block.y * block.z;
	if (block.x > 1024 || block.y > 1024 || block.z > 64 || (int)threads > f->f.max_threads ||
	    (int)shared > f->f.max_shared) {
		fault("kernel %s: %u threads of at most %d, %u bytes of shared memory of at most %d", k.name, threads,
		      f->f.max_threads, shared, f->f.max_shared);
		return threads > (unsigned)f->f.max_threads ? CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES : CUDA_ERROR_INVALID_VALUE;
	}
	if (cooperative) {
		int fit = 0;
		cuOccupancyMaxActiveBlocksPerMultiprocessor(&fit, f, threads, shared);
		if ((long)grid.x * grid.y * grid.z > (long)fit * options.sms) {
			fault("kernel %s: a cooperative launch of %u blocks, %d fit", k.name, grid.x * grid.y * grid.z,
			      fit * options.sms);
			return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
		}
		if ((long)grid.x * grid.y * grid.z > (long)fit * options.share) return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
	}
	sim::Launch l{&k, grid, block, shared, cooperative, s->ctx->device, {}};
	// The driver cannot tell how many arguments it gets; who calls it here puts a null behind them.
	int given = 0;
	while (given < k.parameters && parameters[given]) given++;
	if (given < k.parameters || parameters[given]) {
		fault("kernel %s has %d parameters, the launch %s arguments", k.name, k.parameters,
		      given < k.parameters ? "fewer" : "more");
		return CUDA_ERROR_INVALID_VALUE;
	}
	for (int i = 0; i < k.parameters; i++) {
		const char *p = (const char *)parameters[i];
		l.arguments.emplace_back(p, p + k.sizes[i]);
		if (!k.pointers[i]) continue;
		CUdeviceptr v;
		memcpy(&v, p, sizeof v);
		const sim::Allocation *a = sim::find(v, 1);
		if (v && !a) {
			fault("kernel %s: argument %d is %#llx: %s", k.name, i, (unsigned long long)v, sim::describe(v).c_str());
			return CUDA_ERROR_INVALID_VALUE;
		}
		if (v && a->device != s->ctx->device) {
			fault("kernel %s: argument %d is memory of device %d in a launch on device %d", k.name, i, a->device,
			      s->ctx->device);
			return CUDA_ERROR_INVALID_VALUE;
		}
	}
	CUctx_st *c = s->ctx;
	return submit(s, [l, c, f]() -> CUresult {
		if (!functions.count(f)) {
			fault("kernel %s runs after its module was unloaded", l.kernel->name);
			return CUDA_ERROR_ILLEGAL_ADDRESS;
		}
		if (options.lose_after >= 0 && c->launches >= options.lose_after) return CUDA_ERROR_LAUNCH_FAILED;
		c->launches++;
		return sim::execute(l);
	});
}

} // namespace

extern "C" {

CUresult cuModuleLoadDataEx(CUmodule *m, const void *image, unsigned n, CUjit_option *names, void **values) {
	ENTER_CONTEXT;
	if (CUresult r = blocking("cuModuleLoadDataEx")) return r;
	std::map<std::string, sim::Function> found;
	std::string log;
	CUresult r = sim::load((const char *)image, current_context->device, found, log);
	char *buffer = nullptr;
	size_t size = 0;
	for (unsigned i = 0; i < n; i++) {
		if (names[i] == CU_JIT_ERROR_LOG_BUFFER) buffer = (char *)values[i];
		if (names[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) size = (size_t)values[i];
	}
	if (buffer && size) snprintf(buffer, size, "%s", log.c_str());
	if (r) return r;
	*m = new CUmod_st;
	for (auto &[name, f] : found) {
		(*m)->functions[name] = {f, current_context};
		functions.insert(&(*m)->functions[name]);
	}
	modules.insert(*m);
	counts.modules++;
	return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule m) {
	ENTER_TO_FREE("cuModuleUnload");
	if (!modules.erase(m)) {
		fault("cuModuleUnload of a module that was unloaded, or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	for (CUstream s : streams) flush(s);
	for (auto &[name, f] : m->functions) functions.erase(&f);
	counts.modules--;
	delete m;
	FREED;
}

CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name) {
	ENTER_CONTEXT;
	auto it = m->functions.find(name);
	if (it == m->functions.end()) return CUDA_ERROR_NOT_FOUND;
	*f = &it->second;
	return CUDA_SUCCESS;
}

CUresult cuFuncLoad(CUfunction f) {
	ENTER_CONTEXT;
	if (CUresult r = blocking("cuFuncLoad")) return r;
	return functions.count(f) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v) {
	ENTER_CONTEXT;
	if (a == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
		if (v > shared_optin) return CUDA_ERROR_INVALID_VALUE;
		f->f.max_shared = v;
	}
	return CUDA_SUCCESS;
}

// Registers, which limit a real card too, are not known here.
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, CUfunction f, int threads, size_t shared) {
	ENTER_CONTEXT;
	*n = 0;
	if (!functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	if (threads > f->f.max_threads || shared > (size_t)f->f.max_shared) return CUDA_SUCCESS; // none can run
	int fit = std::min(blocks_per_sm, threads_per_sm / std::max(32, (threads + 31) / 32 * 32));
	*n = std::min(fit, int(shared_per_sm / (shared + 1024))); // the system takes 1 KiB a block
	return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, CUstream s, void **parameters, void **) {
	ENTER_CONTEXT;
	return launch(f, {gx, gy, gz}, {bx, by, bz}, shared, s, parameters, false);
}

CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                                   unsigned bz, unsigned shared, CUstream s, void **parameters) {
	ENTER_CONTEXT;
	return launch(f, {gx, gy, gz}, {bx, by, bz}, shared, s, parameters, true);
}
}
