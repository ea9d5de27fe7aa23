// A library with cuBLAS's names that multiplies in host memory, where the driver simulator's device memory is, and refuses
// what cuBLAS would not do as meant: a product before stream and workspace are set, in that order.
#include <stddef.h>
#include <stdlib.h>

enum { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7 };

struct handle {
	void *stream, *workspace;
};

int cublasCreate_v2(struct handle **h) {
#ifdef TOO_NEW
	return NOT_INITIALIZED;
#endif
	*h = calloc(1, sizeof **h);
	return SUCCESS;
}

int cublasDestroy_v2(struct handle *h) {
	free(h);
	return SUCCESS;
}

int cublasSetStream_v2(struct handle *h, void *stream) {
	h->stream = stream;
	h->workspace = NULL; // so does cuBLAS
	return SUCCESS;
}

int cublasSetWorkspace_v2(struct handle *h, void *p, size_t bytes) {
	if (!p || bytes < 1 << 20) return INVALID_VALUE;
	h->workspace = p;
	return SUCCESS;
}

static float element(const void *p, int type, int i) {
	if (type == 0) return ((const float *)p)[i];
	union { unsigned u; float f; } v = {(unsigned)((const unsigned short *)p)[i] << 16};
	return v.f;
}

// C = op(A)·op(B) by columns.
int cublasGemmEx(struct handle *h, int transa, int transb, int m, int n, int k, const float *alpha, const void *a, int atype, int lda,
                 const void *b, int btype, int ldb, const float *beta, void *c, int ctype, int ldc, int compute, int algo) {
	if (!h->stream || !h->workspace) return NOT_INITIALIZED;
	if (!(atype == 0 || atype == 14 && compute == 68) || btype != atype || !(ctype == 0 || ctype == atype) || algo != -1 || (compute != 68 && compute != 77))
		return INVALID_VALUE;
	if (lda < (transa ? k : m) || ldb < (transb ? n : k) || ldc < m) return INVALID_VALUE;
	for (int j = 0; j < n; j++)
		for (int i = 0; i < m; i++) {
			float sum = 0;
			for (int p = 0; p < k; p++)
				sum += element(a, atype, transa ? p + i * lda : i + p * lda) * element(b, btype, transb ? j + p * ldb : p + j * ldb);
			if (*alpha != 1 || *beta != 0) return INVALID_VALUE;
			if (ctype == 0) {
				((float *)c)[i + j * ldc] = sum;
			} else {
				union { float f; unsigned u; } v = {sum};
				((unsigned short *)c)[i + j * ldc] = v.u >> 16; // the test's products are whole as bfloat16
			}
		}
	return SUCCESS;
}
