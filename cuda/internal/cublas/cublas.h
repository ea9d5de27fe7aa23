// The part of cuBLAS that is used, declared here: its headers come with the CUDA toolkit, which building needs not.
#pragma once

#include <stddef.h>
#include <stdlib.h>

typedef void *cublasHandle_t;

// cublasComputeType_t, cudaDataType and cublasGemmAlgo_t, cuBLAS documentation, sections 2.2 and 2.3.
enum { COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77 };
enum { R_32F = 0, R_16BF = 14 };
enum { GEMM_DEFAULT = -1 };

typedef struct {
	void *library;
	int (*create)(cublasHandle_t *);
	int (*destroy)(cublasHandle_t);
	int (*set_stream)(cublasHandle_t, void *);
	int (*set_workspace)(cublasHandle_t, void *, size_t);
	int (*gemm)(cublasHandle_t, int transa, int transb, int m, int n, int k, const void *alpha, const void *a,
	            int atype, int lda, const void *b, int btype, int ldb, const void *beta, void *c, int ctype, int ldc,
	            int compute, int algo);
} neuroloupe_cublas;

// Answers are a cublasStatus_t, which is 0 for success; open's is 0, or −1 with the reason in text.
int neuroloupe_cublas_open(neuroloupe_cublas *l, const char *path, char *text, int size);
int neuroloupe_cublas_create(neuroloupe_cublas *l, cublasHandle_t *h);
int neuroloupe_cublas_destroy(neuroloupe_cublas *l, cublasHandle_t h);
int neuroloupe_cublas_set_stream(neuroloupe_cublas *l, cublasHandle_t h, void *stream);
int neuroloupe_cublas_set_workspace(neuroloupe_cublas *l, cublasHandle_t h, unsigned long long p, size_t bytes);
// C = A·B by columns, transposed where the flag is set. factors is the type of A and B, product that of C.
int neuroloupe_cublas_gemm(neuroloupe_cublas *l, cublasHandle_t h, int transa, int transb, int m, int n, int k,
                           unsigned long long a, int lda, unsigned long long b, int ldb, unsigned long long c, int ldc,
                           int factors, int product, int compute);
