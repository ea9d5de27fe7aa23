//go:build gpu && linux && cgo && (amd64 || arm64)

#include "cublas.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// cuBLAS needs libcublasLt, which lies beside it but where the loader need not look, as in Python's packages. Once it is
// open, the loader has it.
static void open_beside(const char *path) {
	const char *name = "libcublas", *at = strstr(path, name);
	while (at && strchr(at, '/')) at = strstr(at + 1, name); // in the file's own name
	if (!at || at == path) return;
	char lt[4096];
	snprintf(lt, sizeof lt, "%.*s%sLt%s", (int)(at - path), path, name, at + strlen(name));
	dlopen(lt, RTLD_NOW | RTLD_LOCAL);
}

int neuroloupe_cublas_open(neuroloupe_cublas *l, const char *path, char *text, int size) {
	open_beside(path);
	l->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!l->library) {
		snprintf(text, size, "%s", dlerror());
		return -1;
	}
	struct {
		const char *name;
		void *function;
	} symbols[] = {
		{"cublasCreate_v2", &l->create},
		{"cublasDestroy_v2", &l->destroy},
		{"cublasSetStream_v2", &l->set_stream},
		{"cublasSetWorkspace_v2", &l->set_workspace},
		{"cublasGemmEx", &l->gemm},
	};
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		void *f = dlsym(l->library, symbols[i].name);
		if (!f) {
			snprintf(text, size, "%s has no %s", path, symbols[i].name);
			dlclose(l->library);
			return -1;
		}
		*(void **)symbols[i].function = f;
	}
	return 0;
}

int neuroloupe_cublas_create(neuroloupe_cublas *l, cublasHandle_t *h) { return l->create(h); }

int neuroloupe_cublas_destroy(neuroloupe_cublas *l, cublasHandle_t h) { return l->destroy(h); }

int neuroloupe_cublas_set_stream(neuroloupe_cublas *l, cublasHandle_t h, void *stream) { return l->set_stream(h, stream); }

int neuroloupe_cublas_set_workspace(neuroloupe_cublas *l, cublasHandle_t h, unsigned long long p, size_t bytes) {
	return l->set_workspace(h, (void *)(uintptr_t)p, bytes);
}

int neuroloupe_cublas_gemm(neuroloupe_cublas *l, cublasHandle_t h, int transa, int transb, int m, int n, int k,
                           unsigned long long a, int lda, unsigned long long b, int ldb, unsigned long long c, int ldc,
                           int factors, int product, int compute) {
	float one = 1, zero = 0;
	return l->gemm(h, transa, transb, m, n, k, &one, (void *)(uintptr_t)a, factors, lda, (void *)(uintptr_t)b, factors, ldb, &zero,
	               (void *)(uintptr_t)c, product, ldc, compute, GEMM_DEFAULT);
}
