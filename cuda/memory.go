//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"neuroloupe/cuda/internal/driver"
)

// memory is the device memory of an executor; what it holds is freed as one.
type memory struct {
	ctx  *driver.Context
	ptrs []driver.Ptr
}

// alloc allocates room for n values of size bytes each, rounded up to whole 16 bytes: kernels take four floats at a
// time. what says what for, in the error.
func (m *memory) alloc(n int64, size int64, what string) (driver.Ptr, error) {
	bytes := (max(n, 1)*size + 15) / 16 * 16
	p, err := m.ctx.Alloc(bytes)
	if err != nil {
		return 0, m.explain(err, bytes, what)
	}
	m.ptrs = append(m.ptrs, p)
	return p, nil
}

// explain says how much memory was wanted, and what to do.
func (m *memory) explain(err error, bytes int64, what string) error {
	if !driver.IsOutOfMemory(err) {
		return fmt.Errorf("cuda: %s: %w", what, err)
	}
	free := "?"
	if f, _, e := m.ctx.MemInfo(); e == nil {
		free = megabytes(f)
	}
	return fmt.Errorf("cuda: %s needs %s of device memory, %s are free; try a smaller batch: %w", what,
		megabytes(bytes), free, err)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// release frees one allocation.
func (m *memory) release(p driver.Ptr) error {
	for i, q := range m.ptrs {
		if p == q {
			m.ptrs = append(m.ptrs[:i], m.ptrs[i+1:]...)
			return m.ctx.Free(p)
		}
	}
	return nil
}

// free frees all.
func (m *memory) free() error {
	var errs []error
	for _, p := range m.ptrs {
		errs = append(errs, m.ctx.Free(p))
	}
	m.ptrs = nil
	return errors.Join(errs...)
}

// bytesOf returns the memory of a slice.
func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
