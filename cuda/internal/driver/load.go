//go:build gpu && linux && (amd64 || arm64)

package driver

/*
#cgo LDFLAGS: -ldl
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unsafe"
)

// LibraryEnv is the environment variable that names the driver's library; set but empty, it means none.
const LibraryEnv = "NEUROLOUPE_LIBCUDA"

// name is what the loader looks for, and folders are where it may not.
const name = "libcuda.so.1"

var folders = []string{
	"/usr/lib/x86_64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/usr/lib64",
	"/usr/lib/wsl/lib",
	"/usr/local/nvidia/lib64",
	"/run/opengl-driver/lib",
}

// Load opens the NVIDIA driver once; more calls answer the same. The error says in a line why there is none.
func Load() error { return load() }

// A process has one table of trampolines, so the driver is opened once for all.
var load = sync.OnceValue(func() error {
	path, set := os.LookupEnv(LibraryEnv)
	if set && path == "" {
		return fmt.Errorf("driver: the NVIDIA driver is switched off: %s is empty", LibraryEnv)
	}
	if set {
		err := open(path)
		if errors.Is(err, errNoLibrary) {
			return fmt.Errorf("driver: cannot open what %s names: %w", LibraryEnv, err)
		}
		return err
	}
	if err := open(name); !errors.Is(err, errNoLibrary) {
		return err
	}
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return open(path)
		}
	}
	return fmt.Errorf("driver: no NVIDIA driver found: no %s (%s may name another place)", name, LibraryEnv)
})

var errNoLibrary = errors.New("not a CUDA driver")

// open opens the library at path, once a child process has shown that it can be. The error is of errNoLibrary when it
// is not there, else what cuInit says.
func open(path string) error {
	done, err := try(path)
	if err != nil {
		return err
	}
	defer done()
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	text := make([]byte, 512)
	switch r := C.neuroloupe_open(cpath, (*C.char)(unsafe.Pointer(&text[0])), C.int(len(text))); r {
	case 0:
		return nil
	case -1:
		return fmt.Errorf("%w: %s", errNoLibrary, C.GoString((*C.char)(unsafe.Pointer(&text[0]))))
	default:
		return result("cuInit", C.CUresult(r))
	}
}
