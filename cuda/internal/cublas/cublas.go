//go:build gpu && linux && cgo && (amd64 || arm64)

// Package cublas multiplies matrices with NVIDIA's cuBLAS, which it opens on demand: nothing links to it.
package cublas

/*
#cgo LDFLAGS: -ldl
#include "cublas.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"neuroloupe/cuda/internal/driver"
)

// LibraryEnv is the environment variable that names the library, or a list of those to try; set but empty, it means
// none.
const LibraryEnv = "NEUROLOUPE_LIBCUBLAS"

// The names under which CUDA 13, 12 and 11 have it.
var usual = []string{"libcublas.so.13", "libcublas.so.12", "libcublas.so.11"}

// Compute says how products are computed. Sums are float32.
type Compute int

// The ways.
const (
	FP32 Compute = iota
	TF32         // factors are float32 in memory and rounded to 10 bits behind the point
	BF16         // factors are bfloat16 in memory
)

// Library is cuBLAS, opened.
type Library struct {
	ctx *driver.Context
	lib C.neuroloupe_cublas
}

// Open opens the first library that works with a context, inside the context's Do; the caller closes it. One that is
// newer than the driver is found and does not work, and an older one beside it may. The error says what was tried.
func Open(ctx *driver.Context) (*Library, error) {
	names := usual
	if path, set := os.LookupEnv(LibraryEnv); set {
		if path == "" {
			return nil, fmt.Errorf("cublas: switched off: %s is empty", LibraryEnv)
		}
		names = filepath.SplitList(path)
	}
	var tried []string
	for _, name := range names {
		l := &Library{ctx: ctx}
		err := l.open(name)
		if err == nil {
			return l, nil
		}
		tried = append(tried, err.Error())
	}
	return nil, fmt.Errorf("cublas: none that works (%s)", strings.Join(tried, "; "))
}

// open loads the library and makes a handle for a try.
func (l *Library) open(name string) error {
	text := make([]byte, 512)
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	if C.neuroloupe_cublas_open(&l.lib, cname, (*C.char)(unsafe.Pointer(&text[0])), C.int(len(text))) != 0 {
		return errors.New(C.GoString((*C.char)(unsafe.Pointer(&text[0]))))
	}
	var h C.cublasHandle_t
	err := result("cublasCreate", C.neuroloupe_cublas_create(&l.lib, &h))
	if err == nil {
		err = result("cublasDestroy", C.neuroloupe_cublas_destroy(&l.lib, h))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err) // it stays in the process: it may have begun something
	}
	return nil
}

// Close forgets the library; it stays in the process. Handles are closed before.
func (l *Library) Close() error { return nil }

// Workspace is what a handle has for itself, in bytes: what cuBLAS recommends for Hopper (cuBLAS documentation, section
// 2.4.8, cublasSetWorkspace), which is the most of all.
const Workspace = 32 << 20

// Handle computes products on one stream.
type Handle struct {
	l         *Library
	h         C.cublasHandle_t
	workspace driver.Ptr
	compute   Compute
}

// Handle makes a handle for a stream, inside the context's Do; the caller closes it there.
func (l *Library) Handle(s *driver.Stream, c Compute) (_ *Handle, err error) {
	h := &Handle{l: l, compute: c}
	if err := result("cublasCreate", C.neuroloupe_cublas_create(&l.lib, &h.h)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	if h.workspace, err = l.ctx.Alloc(Workspace); err != nil {
		return nil, err
	}
	// The order counts: setting the stream gives the handle back the workspace that it had at first.
	if err := result("cublasSetStream", C.neuroloupe_cublas_set_stream(&l.lib, h.h, s.Handle())); err != nil {
		return nil, err
	}
	return h, result("cublasSetWorkspace", C.neuroloupe_cublas_set_workspace(&l.lib, h.h, C.ulonglong(h.workspace),
		C.size_t(Workspace)))
}

// Matrix is a row-major matrix in device memory with rows of Width, or its transpose.
type Matrix struct {
	P          driver.Ptr
	Width      int
	Transposed bool
}

// Multiply gives C = A·B to the stream; C: m×n, as bfloat16 if it is narrow; A: m×k, B: k×n, after transposing.
func (h *Handle) Multiply(c driver.Ptr, narrow bool, a, b Matrix, m, n, k int) error {
	factors, product, compute := C.int(C.R_32F), C.int(C.R_32F), C.int(C.COMPUTE_32F)
	if narrow {
		product = C.R_16BF
	}
	switch h.compute {
	case TF32:
		compute = C.COMPUTE_32F_FAST_TF32
	case BF16:
		factors = C.R_16BF
	}
	// cuBLAS counts by columns: what lies there by rows is to it the transpose, and Cᵀ = Bᵀ·Aᵀ.
	return result("cublasGemmEx", C.neuroloupe_cublas_gemm(&h.l.lib, h.h, flag(b.Transposed), flag(a.Transposed),
		C.int(n), C.int(m), C.int(k), C.ulonglong(b.P), C.int(b.Width), C.ulonglong(a.P), C.int(a.Width),
		C.ulonglong(c), C.int(n), factors, product, compute))
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Close frees the handle and its workspace.
func (h *Handle) Close() error {
	err := result("cublasDestroy", C.neuroloupe_cublas_destroy(&h.l.lib, h.h))
	return errors.Join(err, h.l.ctx.Free(h.workspace))
}

// statuses are the names of cublasStatus_t.
var statuses = map[C.int]string{
	1: "CUBLAS_STATUS_NOT_INITIALIZED", 3: "CUBLAS_STATUS_ALLOC_FAILED", 7: "CUBLAS_STATUS_INVALID_VALUE",
	8: "CUBLAS_STATUS_ARCH_MISMATCH", 11: "CUBLAS_STATUS_MAPPING_ERROR", 13: "CUBLAS_STATUS_EXECUTION_FAILED",
	14: "CUBLAS_STATUS_INTERNAL_ERROR", 15: "CUBLAS_STATUS_NOT_SUPPORTED", 16: "CUBLAS_STATUS_LICENSE_ERROR",
}

func result(call string, status C.int) error {
	if status == 0 {
		return nil
	}
	name, ok := statuses[status]
	if !ok {
		name = fmt.Sprintf("status %d", int(status))
	}
	return fmt.Errorf("%s: %s", call, name)
}
