//go:build gpu && linux && (amd64 || arm64)

package driver

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"reflect"
)

// Error is what a call of the driver answered.
type Error struct {
	Call string // cuMemAlloc
	Code int    // 2
	Name string // CUDA_ERROR_OUT_OF_MEMORY
	Text string // the driver's explanation; may be empty
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Call, e.Name)
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// IsOutOfMemory says whether err is the driver's answer to a request for more memory than the device has.
func IsOutOfMemory(err error) bool { return has(err, C.CUDA_ERROR_OUT_OF_MEMORY) }

// IsLost says whether err leaves the context unusable: the device is gone, or a kernel did what it must not. Nothing
// but a new process helps.
func IsLost(err error) bool {
	return has(err, C.CUDA_ERROR_ECC_UNCORRECTABLE, C.CUDA_ERROR_NVLINK_UNCORRECTABLE,
		C.CUDA_ERROR_ILLEGAL_ADDRESS, C.CUDA_ERROR_LAUNCH_TIMEOUT, C.CUDA_ERROR_CONTEXT_IS_DESTROYED,
		C.CUDA_ERROR_ASSERT,
		C.CUDA_ERROR_HARDWARE_STACK_ERROR, C.CUDA_ERROR_ILLEGAL_INSTRUCTION, C.CUDA_ERROR_MISALIGNED_ADDRESS,
		C.CUDA_ERROR_INVALID_ADDRESS_SPACE, C.CUDA_ERROR_INVALID_PC, C.CUDA_ERROR_LAUNCH_FAILED,
		C.CUDA_ERROR_DEINITIALIZED, C.CUDA_ERROR_UNKNOWN)
}

// IsBusy says whether err is the driver's answer when the device is kept for another process, or for none.
func IsBusy(err error) bool { return has(err, errDeviceUnavailable) }

// IsUnknownDevice says whether err is the driver's answer to code that it cannot compile for the device.
func IsUnknownDevice(err error) bool {
	return has(err, C.CUDA_ERROR_NO_BINARY_FOR_GPU, C.CUDA_ERROR_INVALID_PTX, errUnsupportedPTXVersion,
		C.CUDA_ERROR_INVALID_IMAGE)
}

// IsNoCompiler says whether err is the driver's answer when its compiler is not installed, or switched off.
func IsNoCompiler(err error) bool {
	return has(err, C.CUDA_ERROR_JIT_COMPILER_NOT_FOUND, errCompilationDisabled)
}

// Codes newer than cu's header.
const (
	errDeviceUnavailable     = 46
	errUnsupportedPTXVersion = 222
	errCompilationDisabled   = 223
)

func has(err error, codes ...int) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// result returns nil for success, else an *Error for what call answered.
func result(call string, r C.CUresult) error {
	if r == C.CUDA_SUCCESS {
		return nil
	}
	e := &Error{Call: call, Code: int(r)}
	var s *C.char
	if C.cuGetErrorName(r, &s) == C.CUDA_SUCCESS && s != nil {
		e.Name = C.GoString(s)
	} else {
		e.Name = fmt.Sprintf("CUDA error %d", e.Code)
	}
	if C.cuGetErrorString(r, &s) == C.CUDA_SUCCESS && s != nil {
		e.Text = C.GoString(s)
	}
	return e
}

// check turns an error of cu into an *Error for what call answered. cu's errors are integers of a type that it does not
// export.
func check(call string, err error) error {
	if err == nil {
		return nil
	}
	if v := reflect.ValueOf(err); v.Kind() == reflect.Int {
		return result(call, C.CUresult(v.Int()))
	}
	return fmt.Errorf("%s: %w", call, err)
}
