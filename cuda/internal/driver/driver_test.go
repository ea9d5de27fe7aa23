//go:build gpu && linux && amd64

package driver_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/cuda/kernels"
	"neuroloupe/cuda/sim"
)

// on runs f inside Context.Do of a simulated device, with its kernels and a stream.
func on(t *testing.T, f func(c *driver.Context, m *driver.Module, s *driver.Stream), settings ...string) {
	t.Helper()
	sim.Start(t, settings...)
	c, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Do(func() error {
		m, err := c.LoadPTX([]byte(kernels.PTX))
		if err != nil {
			return err
		}
		s, err := c.NewStream()
		if err != nil {
			return errors.Join(err, m.Unload())
		}
		f(c, m, s)
		return errors.Join(s.Close(), s.Close(), m.Unload(), m.Unload()) // the second does nothing
	})
	if err := errors.Join(err, c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if err := c.Do(func() error { return nil }); err == nil {
		t.Error("a closed context does what it is told")
	}
}

// What is copied in is copied out, in order with what else the stream does.
func TestMemory(t *testing.T) {
	for _, setting := range []string{"lazy=0", "lazy=1"} {
		on(t, func(c *driver.Context, _ *driver.Module, s *driver.Stream) {
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Error(err)
				}
			}
			p, err := c.Alloc(8)
			check(err)
			q, err := c.Alloc(8)
			check(err)
			host, err := c.AllocHost(8)
			check(err)
			copy(host, "12345678")
			check(c.CopyInAsync(p, host, s))
			check(c.Memset32(p, 0x30303030, 1, s))
			check(c.CopyAsync(q, p, 8, s))
			check(c.CopyIn(p, []byte("abcdefgh"), s))
			got := make([]byte, 8)
			check(c.CopyOut(got, q, s))
			if string(got) != "00005678" {
				t.Errorf("%s: got %q", setting, got)
			}
			check(c.CopyOutAsync(host, p, s))
			check(s.Sync())
			if string(host) != "abcdefgh" {
				t.Errorf("%s: got %q", setting, host)
			}
			if free, total, err := c.MemInfo(); err != nil || free != total-16 {
				t.Errorf("%d of %d bytes free, %v", free, total, err)
			}
			check(errors.Join(c.Free(p), c.Free(q), c.Free(0), c.FreeHost(host), c.FreeHost(nil)))
			if _, err := c.Alloc(0); err == nil {
				t.Error("allocated nothing")
			}
			_, err = c.Alloc(1 << 40)
			if !driver.IsOutOfMemory(err) || driver.IsLost(err) ||
				!strings.Contains(err.Error(), "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: out of memory") {
				t.Errorf("allocating a TiB: %v", err)
			}
		}, setting)
	}
}

// A launch with a wrong argument is an error of Run, and does not reach the device.
func TestArguments(t *testing.T) {
	on(t, func(c *driver.Context, m *driver.Module, s *driver.Stream) {
		f, err := m.Function("peak")
		if err != nil {
			t.Fatal(err)
		}
		one := [3]int{1, 1, 1}
		for _, tc := range []struct {
			args []any
			want string
		}{
			{[]any{"1"}, "argument 0 of kernel peak is 1 of type string"},
			{[]any{1, 2.5}, "argument 1 of kernel peak is 2.5 of type float64"},
			{[]any{1 << 40}, "argument 0 of kernel peak is 1099511627776 of type int"},
			{[]any{[]byte{}}, "argument 0 of kernel peak is [] of type []uint8"},
			{[]any{0, make([]byte, 2000)}, "kernel peak with 2008 bytes of arguments, want at most 960"},
			{make([]any, driver.MaxArgs+1), "kernel peak with 25 arguments, want at most 24"},
		} {
			l := driver.NewLaunch(f, one, one, 0, tc.args...)
			if err := l.Run(s); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v: error %v, want %q", tc.args, err, tc.want)
			}
		}
		out, err := c.Alloc(4)
		if err != nil {
			t.Fatal(err)
		}
		l := driver.NewLaunch(f, one, one, 0, 0, float32(1), float32(0), out)
		if err := l.Run(s); err != nil {
			t.Error(err)
		}
		l.SetArg(4, 1)
		if err := l.Run(s); err == nil || !strings.Contains(err.Error(), "argument 4 of kernel peak, which has 4") {
			t.Errorf("a fifth argument: %v", err)
		}
		if _, err := m.Function("nonsense"); err == nil ||
			!strings.Contains(err.Error(), "kernel nonsense: cuModuleGetFunction: CUDA_ERROR_NOT_FOUND") {
			t.Errorf("a kernel that is not there: %v", err)
		}
		if err := errors.Join(s.Sync(), c.Free(out)); err != nil {
			t.Error(err)
		}
	})
}

// Why there is no driver, each in a process of its own: a process opens the driver once.
func TestLoad(t *testing.T) {
	if os.Getenv("DRIVER_TEST_LOAD") != "" {
		if err := driver.Load(); err != nil {
			t.Fatalf("Load: %v", err)
		}
		return
	}
	simulator := sim.Build(t)
	for _, tc := range []struct{ name, path, settings, want string }{
		{"switched off", "", "", "the NVIDIA driver is switched off: NEUROLOUPE_LIBCUDA is empty"},
		{"not there", "/nonexistent/libcuda.so.1", "", "cannot open what NEUROLOUPE_LIBCUDA names: not a CUDA " +
			"driver: /nonexistent/libcuda.so.1: cannot open"},
		{"another library", "libc.so.6", "", "libc.so.6: no cuInit in it, so it is not a CUDA driver"},
		{"no device", simulator, "no_device=1", "cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected"},
		{"a driver", simulator, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run=^TestLoad$", "-test.v")
			c.Env = append(os.Environ(), "DRIVER_TEST_LOAD=1", driver.LibraryEnv+"="+tc.path, sim.SettingsEnv+"="+
				tc.settings)
			out, err := c.CombinedOutput()
			if (err != nil) != (tc.want != "") || !strings.Contains(string(out), tc.want) {
				t.Errorf("%v, want %q:\n%s", err, tc.want, out)
			}
		})
	}
}
