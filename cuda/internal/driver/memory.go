//go:build gpu && linux && (amd64 || arm64)

package driver

// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
)

// Ptr is an address in device memory; 0 is none.
type Ptr uint64

// MemInfo returns the device's memory that is not in use, and all of it, in bytes.
func (c *Context) MemInfo() (free, total int64, err error) {
	free, total, err = cu.MemInfo()
	return free, total, check("cuMemGetInfo", err)
}

// Alloc allocates device memory, aligned to 256 bytes; the caller frees it. What is in it is not defined.
func (c *Context) Alloc(bytes int64) (Ptr, error) {
	if bytes < 1 {
		return 0, fmt.Errorf("driver: allocation of %d bytes, want at least 1", bytes)
	}
	p, err := cu.MemAlloc(bytes)
	return Ptr(p), check("cuMemAlloc", err)
}

// Free frees what Alloc returned, after all work of the device; 0 is nothing to free.
func (c *Context) Free(p Ptr) error {
	if p == 0 {
		return nil
	}
	return check("cuMemFree", cu.MemFree(cu.DevicePtr(p)))
}

// Memset32 sets n 32-bit words from dst on to v, in the order of the stream.
func (c *Context) Memset32(dst Ptr, v uint32, n int, s *Stream) error {
	if n == 0 {
		return nil
	}
	return check("cuMemsetD32Async", cu.MemsetD32Async(cu.DevicePtr(dst), uint(v), int64(n), s.s))
}

// CopyIn copies src to the device after the stream's work, and waits for it.
func (c *Context) CopyIn(dst Ptr, src []byte, s *Stream) error {
	if len(src) == 0 {
		return nil
	}
	return result("cuMemcpyHtoD", C.neuroloupe_copy_in(C.CUdeviceptr(dst), unsafe.Pointer(&src[0]), C.size_t(len(src)),
		s.c()))
}

// CopyOut copies from the device to dst after the stream's work, and waits for it.
func (c *Context) CopyOut(dst []byte, src Ptr, s *Stream) error {
	if len(dst) == 0 {
		return nil
	}
	return result("cuMemcpyDtoH", C.neuroloupe_copy_out(unsafe.Pointer(&dst[0]), C.CUdeviceptr(src), C.size_t(len(dst)),
		s.c()))
}

// AllocHost allocates page-locked memory of this machine, which the device copies from and to while the program goes
// on. It is not Go's: the caller frees it with FreeHost.
func (c *Context) AllocHost(bytes int64) ([]byte, error) {
	if bytes < 1 {
		return nil, fmt.Errorf("driver: page-locked allocation of %d bytes, want at least 1", bytes)
	}
	var p unsafe.Pointer
	if err := result("cuMemAllocHost", C.cuMemAllocHost(&p, C.size_t(bytes))); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), bytes), nil
}

// FreeHost frees what AllocHost returned; nil is nothing to free.
func (c *Context) FreeHost(b []byte) error {
	if b == nil {
		return nil
	}
	return check("cuMemFreeHost", cu.MemFreeHost(unsafe.Pointer(&b[0])))
}

// CopyInAsync copies src, memory of AllocHost, to the device in the order of the stream. It must not be changed before
// the stream has been waited for.
func (c *Context) CopyInAsync(dst Ptr, src []byte, s *Stream) error {
	if len(src) == 0 {
		return nil
	}
	return check("cuMemcpyHtoDAsync", cu.MemcpyHtoDAsync(cu.DevicePtr(dst), unsafe.Pointer(&src[0]), int64(len(src)),
		s.s))
}

// CopyOutAsync copies from the device to dst, memory of AllocHost, in the order of the stream. It holds the values only
// after the stream has been waited for.
func (c *Context) CopyOutAsync(dst []byte, src Ptr, s *Stream) error {
	if len(dst) == 0 {
		return nil
	}
	return check("cuMemcpyDtoHAsync", cu.MemcpyDtoHAsync(unsafe.Pointer(&dst[0]), cu.DevicePtr(src), int64(len(dst)),
		s.s))
}

// CopyAsync copies bytes within device memory in the order of the stream.
func (c *Context) CopyAsync(dst, src Ptr, bytes int64, s *Stream) error {
	if bytes == 0 {
		return nil
	}
	return check("cuMemcpyDtoDAsync", cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), bytes, s.s))
}
