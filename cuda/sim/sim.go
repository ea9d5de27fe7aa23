//go:build gpu && linux && amd64

package sim

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

typedef int (*set_function)(const char *words);
typedef int (*read_function)(char *buf, int n);

static int call_set(void *f, const char *words) { return ((set_function)f)(words); }
static int call_read(void *f, char *buf, int n) { return ((read_function)f)(buf, n); }
*/
import "C"

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"neuroloupe/cuda/internal/driver"
)

const (
	// SettingsEnv is the environment variable with settings for all tests, such as "order=reverse lazy=1".
	SettingsEnv = "NEUROLOUPE_SIM"
	// CardEnv is the environment variable that, when it is not empty, makes tests use the machine's own driver.
	CardEnv = "NEUROLOUPE_TEST_CARD"
)

// Start makes the simulator the driver of the test, with settings such as "memory=1048576" for the test alone;
// README.md lists them. At the test's end nothing made with the driver may be left, and no fault found that Faults has
// not taken.
//
// With [CardEnv], the test runs on the machine's own driver, and is skipped when it has settings.
func Start(t testing.TB, settings ...string) {
	t.Helper()
	start(t, nil, settings)
}

func start(t testing.TB, kernels, settings []string) {
	t.Helper()
	if os.Getenv(CardEnv) != "" {
		if len(settings) > 0 {
			t.Skipf("%s is set, and the test is about the simulator", CardEnv)
		}
		// A card takes a good part of a second to make a context, and to end it: one that stays open saves the tests
		// that.
		card.Do(func() { _, _ = driver.Open(0) })
		return
	}
	load(t, Build(t, kernels...))
	set(t, "reset", os.Getenv(SettingsEnv), strings.Join(settings, " "))
	before := Counts()
	t.Cleanup(func() {
		if f := Faults(); f != "" {
			t.Errorf("the simulator found: %s", f)
		}
		for name, n := range Counts() {
			if name != "launches" && name != "switches" && n != before[name] {
				t.Errorf("%d %s left, want %d", n, name, before[name])
			}
		}
		set(t, "reset")
	})
}

var card sync.Once

// Set changes settings in the middle of a test, which is skipped on a card.
func Set(t testing.TB, settings ...string) {
	t.Helper()
	if library.set == nil {
		t.Skipf("%s is set, and the test is about the simulator", CardEnv)
	}
	set(t, settings...)
}

// A process opens one driver, and its functions are those of the simulator.
var library struct {
	once                sync.Once
	set                 unsafe.Pointer
	counts, faults, ptx unsafe.Pointer
	err                 error
}

// load opens the simulator as the process's driver, once.
func load(t testing.TB, path string) {
	t.Helper()
	library.once.Do(func() {
		os.Setenv(driver.LibraryEnv, path)
		if library.err = driver.Load(); library.err != nil {
			return
		}
		cpath := C.CString(path)
		defer C.free(unsafe.Pointer(cpath))
		lib := C.dlopen(cpath, C.RTLD_NOW|C.RTLD_NOLOAD)
		if lib == nil {
			library.err = fmt.Errorf("%s is not open", path)
			return
		}
		symbol := func(name string) unsafe.Pointer {
			cname := C.CString(name)
			defer C.free(unsafe.Pointer(cname))
			return C.dlsym(lib, cname)
		}
		library.set = symbol("neuroloupe_sim_set")
		library.counts = symbol("neuroloupe_sim_counts")
		library.faults = symbol("neuroloupe_sim_faults")
		library.ptx = symbol("neuroloupe_sim_ptx")
	})
	if library.err != nil {
		t.Fatal(library.err)
	}
}

func set(t testing.TB, settings ...string) {
	t.Helper()
	words := C.CString(strings.Join(settings, " "))
	defer C.free(unsafe.Pointer(words))
	if C.call_set(library.set, words) != 0 {
		t.Fatalf("the simulator does not know a setting of %q", settings)
	}
}

func read(f unsafe.Pointer) string {
	if f == nil {
		return ""
	}
	n := C.call_read(f, nil, 0)
	buf := make([]byte, n+1)
	C.call_read(f, (*C.char)(unsafe.Pointer(&buf[0])), n+1)
	return string(buf[:n])
}

// Faults returns what the simulator found wrong since it was last asked, a line each.
func Faults() string {
	s := read(library.faults)
	if s != "" {
		words := C.CString("forget_faults")
		defer C.free(unsafe.Pointer(words))
		C.call_set(library.set, words)
	}
	return s
}

// Counts returns how many allocations, bytes, pinned blocks, modules, streams, events, graphs and contexts there are,
// and how many launches and switches between threads were made.
func Counts() map[string]int {
	m := map[string]int{}
	for line := range strings.Lines(read(library.counts)) {
		var name string
		var n int
		if _, err := fmt.Sscan(line, &name, &n); err == nil {
			m[name] = n
		}
	}
	return m
}

// PTX returns PTX of all kernels that the simulator has, without code: enough for it, and for no card.
func PTX() []byte { return []byte(read(library.ptx)) }

func owned(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Getuid()
}
