//go:build gpu && linux && (amd64 || arm64)

package driver

// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/cu"
)

// MaxArgs is the most arguments that a Launch has, and maxValues how many times 8 bytes they take.
const (
	MaxArgs   = C.NEUROLOUPE_ARGS
	maxValues = C.NEUROLOUPE_VALUES
)

// Launch is a kernel with its grid and arguments, ready to run as often as wanted. Copies are independent.
type Launch struct {
	l    C.neuroloupe_launch
	name string
	err  error // of an argument; Run returns it
}

// NewLaunch prepares fn for a grid of blocks, each of block threads and shared bytes of dynamic shared memory. An
// argument is an int or int32, uint32 (all 32-bit in the kernel), int64, uint64, float32 or Ptr, or the bytes of a
// struct. A wrong argument is the error of Run.
func NewLaunch(fn Func, grid, block [3]int, shared int, args ...any) Launch {
	l := Launch{name: fn.name}
	l.l.f = fn.c()
	l.l.gx, l.l.gy, l.l.gz = C.uint(grid[0]), C.uint(grid[1]), C.uint(grid[2])
	l.l.bx, l.l.by, l.l.bz = C.uint(block[0]), C.uint(block[1]), C.uint(block[2])
	l.l.shared = C.uint(shared)
	if len(args) > MaxArgs {
		l.err = fmt.Errorf("driver: kernel %s with %d arguments, want at most %d", fn.name, len(args), MaxArgs)
		return l
	}
	l.l.n = C.int(len(args))
	values := 0
	for i, a := range args {
		n := 1
		if b, ok := a.([]byte); ok {
			n = (len(b) + 7) / 8
		}
		if values += n; values > maxValues {
			l.err = fmt.Errorf("driver: kernel %s with %d bytes of arguments, want at most %d", fn.name, 8*values,
				8*maxValues)
			return l
		}
		l.l.at[i+1] = C.uchar(values)
		l.SetArg(i, a)
	}
	return l
}

// SetArg changes argument i, for the launches after.
func (l *Launch) SetArg(i int, v any) {
	if i < 0 || i >= int(l.l.n) {
		l.err = fmt.Errorf("driver: argument %d of kernel %s, which has %d", i, l.name, int(l.l.n))
		return
	}
	at, end := int(l.l.at[i]), int(l.l.at[i+1])
	if b, ok := v.([]byte); ok && len(b) > 0 && (len(b)+7)/8 == end-at {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&l.l.value[at])), len(b)), b)
		return
	}
	bits, ok := bits(v)
	if !ok || end-at != 1 {
		l.err = fmt.Errorf("driver: argument %d of kernel %s is %v of type %T", i, l.name, v, v)
		return
	}
	l.l.value[at] = C.ulonglong(bits)
}

// bits returns the bytes of an argument, the low ones first.
func bits(v any) (uint64, bool) {
	switch v := v.(type) {
	case Ptr:
		return uint64(v), true
	case int:
		return uint64(uint32(v)), int(int32(v)) == v
	case int32:
		return uint64(uint32(v)), true
	case uint32:
		return uint64(v), true
	case int64:
		return uint64(v), true
	case uint64:
		return v, true
	case float32:
		return uint64(math.Float32bits(v)), true
	}
	return 0, false
}

// Run gives the launch to the stream.
func (l *Launch) Run(s *Stream) error { return l.run(s, 0, "cuLaunchKernel") }

// Cooperative gives the launch to the stream with all its blocks running at once, so that they may wait for each other.
func (l *Launch) Cooperative(s *Stream) error { return l.run(s, 1, "cuLaunchCooperativeKernel") }

func (l *Launch) run(s *Stream, cooperative C.int, call string) error {
	if l.err != nil {
		return l.err
	}
	if r := C.neuroloupe_run(&l.l, s.c(), cooperative); r != C.CUDA_SUCCESS {
		return fmt.Errorf("kernel %s: %w", l.name, result(call, r))
	}
	return nil
}

// cu's handles are structs of one C pointer that it does not export.
func (f Func) c() C.CUfunction { return C.CUfunction(handle(f.f)) }

func handle[T cu.Function | cu.Event](v T) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&v))
}
