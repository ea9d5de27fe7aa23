//go:build gpu && linux && (amd64 || arm64)

#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))

static int missing(void) { return CUDA_ERROR_NOT_FOUND; }

#define SYMBOL(name) (void *)missing,
HIDDEN void *neuroloupe_cu[] = {
#include "symbols.h"
};
#undef SYMBOL

#define SYMBOL(name) #name,
static const char *const names[] = {
#include "symbols.h"
};
#undef SYMBOL

// cu's package initialisation ends the process when this fails.
HIDDEN CUresult cuInit(unsigned int flags) { return CUDA_SUCCESS; }

int neuroloupe_open(const char *path, char *text, int size) {
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		snprintf(text, size, "%s", dlerror());
		return -1;
	}
	CUresult (*init)(unsigned) = (CUresult(*)(unsigned))dlsym(lib, "cuInit");
	if (!init) {
		snprintf(text, size, "%s: no cuInit in it, so it is not a CUDA driver", path);
		dlclose(lib);
		return -1;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		void *f = dlsym(lib, names[i]);
		if (f) neuroloupe_cu[i] = f;
	}
	return init(0);
}

// The child process of try.go: it never gets to Go. It opens the driver as its parent will, says so on file 3, and keeps the
// driver awake until the parent closes its standard input, or is no more. One that hangs ends itself.
__attribute__((constructor)) static void try_driver(void) {
	const char *path = getenv(NEUROLOUPE_TRY);
	if (!path) return;
	alarm(NEUROLOUPE_TRY_SECONDS);
	char text[64];
	if (!neuroloupe_open(path, text, sizeof text)) {
		int n = 0;
		CUdevice d;
		cuDriverGetVersion(&n);
		cuDeviceGetCount(&n);
		for (int i = 0; i < n; i++) cuDeviceGet(&d, i);
	}
	alarm(0);
	if (write(3, "", 1) == 1) (void)!read(0, text, 1);
	_exit(0);
}

CUresult neuroloupe_copy_in(CUdeviceptr dst, const void *src, size_t n, CUstream s) {
	CUresult r = cuMemcpyHtoDAsync(dst, src, n, s);
	return r ? r : cuStreamSynchronize(s);
}

CUresult neuroloupe_copy_out(void *dst, CUdeviceptr src, size_t n, CUstream s) {
	CUresult r = cuMemcpyDtoHAsync(dst, src, n, s);
	return r ? r : cuStreamSynchronize(s);
}

CUresult neuroloupe_run(neuroloupe_launch *l, CUstream s, int cooperative) {
	void *args[NEUROLOUPE_ARGS + 1] = {0}; // the driver takes as many as the kernel has; the simulator looks for the null behind them
	for (int i = 0; i < l->n; i++) args[i] = &l->value[l->at[i]];
	if (cooperative)
		return cuLaunchCooperativeKernel(l->f, l->gx, l->gy, l->gz, l->bx, l->by, l->bz, l->shared, s, args);
	return cuLaunchKernel(l->f, l->gx, l->gy, l->gz, l->bx, l->by, l->bz, l->shared, s, args, NULL);
}
