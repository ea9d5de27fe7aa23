//go:build gpu && linux && cgo && amd64

package cuda_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// spec is a small network.
func spec(units int) engine.Spec {
	return engine.Spec{
		Inputs: 12,
		Layers: []engine.Layer{{Units: units, Activation: engine.Sigmoid}, {Units: 3, Activation: engine.Sigmoid}},
		Loss:   engine.CrossEntropy, Update: engine.Update{Method: engine.SGD},
	}
}

func compile(t *testing.T, s engine.Spec, capacity int) *engine.Program {
	t.Helper()
	p, err := graph.Compile(s, capacity)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// steps returns n steps of two examples, and their data.
func steps(n int) (engine.Data, engine.Steps) {
	d := engine.Data{Images: make([]byte, 4*12), Labels: []uint8{0, 1, 2, 0}}
	for i := range d.Images {
		d.Images[i] = byte(37 * i)
	}
	s := engine.Steps{Batch: 2, LR: make([]float32, n), Loss: make([]float32, n)}
	for i := range n {
		s.Order = append(s.Order, int32(i%4), int32((i+1)%4))
		s.LR[i] = 0.1
	}
	return d, s
}

func wantError(t *testing.T, err error, pattern string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", pattern)
	}
	if strings.Contains(err.Error(), "\n") || !regexp.MustCompile(pattern).MatchString(err.Error()) {
		t.Errorf("error %q, want a line with %q", err, pattern)
	}
}

// Devices says what is there, and why it cannot be used; Open refuses it with the same reason.
func TestDevices(t *testing.T) {
	for _, tc := range []struct {
		name, setting string
		ids           string
		reason        string // of the first; empty for usable
	}{
		{"one", "memory=1073741824", "cuda:0", ""},
		{"three", "devices=3", "cuda:0 cuda:1 cuda:2", ""},
		{"none", "devices=0", "cuda", "^the NVIDIA driver finds no device$"},
		{"old driver", "driver=11020", "cuda:0", "^the NVIDIA driver is too old: it supports CUDA 11.2, want at " +
			"least 11.4, which NVIDIA driver 470 has; update it$"},
		{"old device", "capability=61", "cuda:0", "^compute capability 6.1, want at least 7.0$"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sim.Start(t, tc.setting)
			var ids []string
			devices := cuda.Driver{}.Devices()
			for _, d := range devices {
				ids = append(ids, d.ID)
			}
			if got := strings.Join(ids, " "); got != tc.ids {
				t.Fatalf("devices %s, want %s", got, tc.ids)
			}
			d := devices[0]
			if d.Backend != "cuda" || d.Usable != (tc.reason == "") ||
				!regexp.MustCompile(tc.reason).MatchString(d.Reason) {
				t.Errorf("device %+v, want reason %q", d, tc.reason)
			}
			b, err := cuda.Driver{}.Open("cuda")
			if err == nil {
				err = b.Close()
			}
			if tc.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, strings.Trim(tc.reason, "^$"))
		})
	}
}

func TestDevice(t *testing.T) {
	sim.Start(t, "memory=1073741824 capability=80 driver=12040 sms=7")
	want := engine.Device{
		ID: "cuda:0", Name: "CUDA driver simulator", Backend: "cuda", Memory: 1 << 30, Capability: "8.0, 7 SMs",
		Driver: "CUDA 12.4", Usable: true,
	}
	b := open(t, cuda.Options{})
	defer b.Close()
	if got := b.Device(); got != want {
		t.Errorf("device %+v, want %+v", got, want)
	}
	for _, id := range []string{"cuda:1", "cpu", "cuda:x", ""} {
		_, err := cuda.Driver{}.Open(id)
		wantError(t, err, `^cuda: no device ".*"; want one of cuda:0$`)
	}
}

// Several devices train at the same time, each for itself.
func TestSeveralDevices(t *testing.T) {
	sim.Start(t, "devices=2")
	var results [2]string
	var executors [2]engine.Executor
	for i, id := range []string{"cuda:0", "cuda:1"} {
		b, err := cuda.Driver{}.Open(id)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if executors[i], err = b.Compile(compile(t, spec(5), 2)); err != nil {
			t.Fatal(err)
		}
		defer executors[i].Close()
	}
	for i, e := range executors {
		d, s := steps(3)
		ref, err := e.Bind(d)
		if err != nil {
			t.Fatal(err)
		}
		s.Data = ref
		if err := e.Train(s); err != nil {
			t.Fatal(err)
		}
		for _, l := range s.Loss {
			results[i] += time.Duration(l * 1e9).String()
		}
	}
	if results[0] != results[1] {
		t.Errorf("losses %s and %s", results[0], results[1])
	}
}

// A device without enough memory says how much is wanted, and what to do; what was allocated is freed.
func TestOutOfMemory(t *testing.T) {
	sim.Start(t, "memory=100000")
	b := open(t, cuda.Options{})
	defer b.Close()
	_, err := b.Compile(compile(t, spec(5000), 64))
	wantError(t, err,
		`network 12-5000-3 with batches of 64 needs \d+\.\d MB of device memory, 0\.1 MB are free; try a smaller batch`)
	e, err := b.Compile(compile(t, spec(5), 2))
	if err != nil {
		t.Fatalf("after that, a small network: %v", err)
	}
	defer e.Close()
	_, err = e.Bind(engine.Data{Images: make([]byte, 12*20000), Labels: make([]uint8, 20000)})
	wantError(t, err, `needs \d+\.\d MB of device memory, 0\.1 MB are free`)
}

// A device that is lost in the middle of an epoch is an error that says what to do, for every call after too.
func TestLostDevice(t *testing.T) {
	sim.Start(t)
	b := open(t, cuda.Options{})
	e, err := b.Compile(compile(t, spec(5), 2))
	if err != nil {
		t.Fatal(err)
	}
	d, s := steps(40)
	if s.Data, err = e.Bind(d); err != nil {
		t.Fatal(err)
	}
	sim.Set(t, "lose_after=0")
	for range 2 {
		wantError(t, e.Train(s), "no longer answers; start the program again, the last checkpoint is good: "+
			".*CUDA_ERROR_LAUNCH_FAILED")
	}
	if err := errors.Join(e.Close(), b.Close()); err != nil {
		t.Errorf("closing a lost device, which has been told: %v", err)
	}
}

// A device that another process keeps for itself is not lost.
func TestBusyDevice(t *testing.T) {
	sim.Start(t, "busy=1")
	_, err := cuda.Driver{}.Open("cuda:0")
	wantError(t, err, "^cuda: device cuda:0: another process has the device to itself, .*cuDevicePrimaryCtxRetain: "+
		"CUDA_ERROR_DEVICE_UNAVAILABLE")
}

// PTX that the driver cannot compile for the device.
func TestUnknownArchitecture(t *testing.T) {
	sim.Start(t, "jit=0")
	_, err := cuda.Driver{}.Open("cuda:0")
	wantError(t, err,
		`^cuda: device cuda:0: the NVIDIA driver \(CUDA 12.4\) cannot compile the kernels for compute capability 9.0, 8 SMs; a newer driver may: `+
			`cuModuleLoadDataEx: CUDA_ERROR_NO_BINARY_FOR_GPU: no kernel image .*: the compiler does not know compute capability 9.0$`)
}

// A driver without its compiler, as in a container that was given only part of it.
func TestNoCompiler(t *testing.T) {
	sim.Start(t, "compiler=0")
	_, err := cuda.Driver{}.Open("cuda:0")
	wantError(t, err, "^cuda: device cuda:0: the NVIDIA driver's compiler is not there: .*cuModuleLoadDataEx: "+
		"CUDA_ERROR_JIT_COMPILER_NOT_FOUND")
}

func TestPeak(t *testing.T) {
	sim.Start(t, "sms=1")
	b := open(t, cuda.Options{})
	defer b.Close()
	if p := b.(engine.Peaker).Peak(time.Millisecond); !(p > 0) {
		t.Errorf("%v GFLOP/s", p)
	}
}
