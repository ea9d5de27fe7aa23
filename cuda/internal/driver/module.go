//go:build gpu && linux && (amd64 || arm64)

package driver

// #include "shim.h"
import "C"

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"

	"gorgonia.org/cu"
)

// Module is PTX that the driver has compiled for the device.
type Module struct{ m cu.Module }

// LoadPTX compiles PTX for the device; the caller unloads it. The error has what the compiler said.
func (c *Context) LoadPTX(ptx []byte) (*Module, error) {
	log := &cu.JITErrorLogBuffer{Buffer: make([]byte, 8<<10)}
	m, err := cu.LoadDataEx(string(ptx), log)
	runtime.KeepAlive(log)
	if err = check("cuModuleLoadDataEx", err); err != nil {
		text, _, _ := bytes.Cut(log.Buffer, []byte{0})
		if s := strings.Join(strings.Fields(string(text)), " "); s != "" {
			return nil, fmt.Errorf("%w: %s", err, s)
		}
		return nil, err
	}
	return &Module{m}, nil
}

// Function returns the kernel of that name. Drivers of CUDA 12 bring a kernel to the device when it is first used; here
// it is there at once, so that its first use may be in a capture, or while other kernels run.
func (m *Module) Function(name string) (Func, error) {
	g, err := m.m.Function(name)
	if err = check("cuModuleGetFunction", err); err != nil {
		return Func{}, fmt.Errorf("kernel %s: %w", name, err)
	}
	f := Func{g, name}
	// drivers before CUDA 12.4 lack it
	if r := C.cuFuncLoad(f.c()); r != C.CUDA_SUCCESS && r != C.CUDA_ERROR_NOT_FOUND {
		return Func{}, fmt.Errorf("kernel %s: %w", name, result("cuFuncLoad", r))
	}
	return f, nil
}

// Unload frees the module; more calls do nothing.
func (m *Module) Unload() error {
	if m.m == (cu.Module{}) {
		return nil
	}
	old := m.m
	m.m = cu.Module{}
	return check("cuModuleUnload", old.Unload())
}

// Func is a kernel of a module.
type Func struct {
	f    cu.Function
	name string
}

// Name returns the kernel's name.
func (f Func) Name() string { return f.name }

// SetMaxShared lets launches of f have n bytes of dynamic shared memory for a block, up to Info.SharedPerBlockOptin
// less what the kernel has by itself.
func (f Func) SetMaxShared(n int) error {
	err := result("cuFuncSetAttribute", C.cuFuncSetAttribute(f.c(), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
		C.int(n)))
	if err != nil {
		return fmt.Errorf("kernel %s with %d bytes of shared memory: %w", f.name, n, err)
	}
	return nil
}

// MaxBlocksPerSM returns how many blocks of so many threads and bytes of dynamic shared memory a multiprocessor holds
// at once. A cooperative launch has at most Info.SMs times as many blocks.
func (f Func) MaxBlocksPerSM(threads, shared int) (int, error) {
	n, err := f.f.MaxActiveBlocksPerMultiProcessor(threads, int64(shared))
	return n, check("cuOccupancyMaxActiveBlocksPerMultiprocessor", err)
}
