//go:build gpu && linux && amd64

package sim

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"neuroloupe/cuda/internal/driver"
)

// Planted faults: each is found, and named.
func TestFaults(t *testing.T) {
	host := make([]float32, 64)
	for _, tc := range []struct {
		name     string
		settings string
		make     func(b bench) // what is wrong
		want     string        // in what the simulator says
	}{
		{"write past the end", "", func(b bench) {
			y := b.alloc(make([]float32, 64)...)
			l := driver.NewLaunch(b.function("past_the_end"), dims(1), dims(128), 0, 64, y)
			b.fails(l.Run(b.s))
			b.c.Free(y)
		}, "kernel past_the_end, block 0,0,0, thread 64,0,0: illegal address: 0 bytes past the end of an allocation " +
			"of 256 bytes"},
		{"write just past the end", "", func(b bench) { // within what alignment leaves before the page that traps
			y := b.alloc(make([]float32, 61)...)
			l := driver.NewLaunch(b.function("past_the_end"), dims(1), dims(128), 0, 61, y)
			b.check(l.Run(b.s))
			b.fails(b.c.Free(y))
		}, "something was written 0 bytes past the end of an allocation of 244 bytes"},
		{"shared memory past its end", "", func(b bench) {
			x := b.alloc(make([]float32, 256)...)
			l := driver.NewLaunch(b.function("turned_dynamic"), dims(1), dims(256), 4*128, 256, x, x)
			b.fails(l.Run(b.s))
			b.c.Free(x)
		}, "kernel turned_dynamic, block 0,0,0, thread 128,0,0: illegal address: not device memory"},
		{"use after free", "lazy=1", func(b bench) {
			y := b.alloc(make([]float32, 64)...)
			l := driver.NewLaunch(b.function("past_the_end"), dims(1), dims(32), 0, 64, y)
			g, err := driver.Capture(b.s, func() error { return l.Run(b.s) })
			b.check(err)
			b.free(y)
			b.check(g.Launch(b.s))
			b.fails(b.s.Sync())
			b.c.Do(g.Close)
		}, "illegal address: 0 bytes into an allocation of 256 bytes that was freed"},
		{"freed twice", "", func(b bench) {
			y := b.alloc(1)
			b.free(y)
			b.fails(b.c.Free(y))
		}, "cuMemFree of"},
		{"host pointer as argument", "", func(b bench) {
			l := driver.NewLaunch(b.function("past_the_end"), dims(1), dims(32), 0, 1,
				uint64(uintptr(unsafe.Pointer(&host[0]))))
			b.fails(l.Run(b.s))
		}, "not device memory"},
		{"barrier that half of the threads reach", "", func(b bench) {
			y := b.alloc(make([]float32, 64)...)
			l := driver.NewLaunch(b.function("half_a_barrier"), dims(1), dims(64), 0, y)
			b.fails(l.Run(b.s))
			b.c.Free(y)
		}, "__syncthreads is reached by some threads after others have ended"},
		{"grid barrier without a cooperative launch", "", func(b bench) {
			x, arrived := b.alloc(make([]float32, 256)...), b.alloc(0)
			l := driver.NewLaunch(b.function("ring"), dims(2), dims(64), 0, 1, x, arrived)
			b.fails(l.Run(b.s))
			b.c.Free(x)
			b.c.Free(arrived)
		}, "a block waits for another in a launch that is not cooperative"},
		{"grid that is not there at once", "sms=1", func(b bench) {
			x, arrived := b.alloc(make([]float32, 256)...), b.alloc(0)
			l := driver.NewLaunch(b.function("ring"), dims(40), dims(64), 0, 1, x, arrived)
			b.fails(l.Cooperative(b.s))
			b.free(x, arrived)
		}, "a cooperative launch of 40 blocks, 32 fit"},
		{"too much shared memory", "", func(b bench) {
			x := b.alloc(0)
			l := driver.NewLaunch(b.function("turned_dynamic"), dims(1), dims(1), 64<<10, 1, x, x)
			b.fails(l.Run(b.s))
			b.free(x)
		}, "65536 bytes of shared memory of at most 49152"},
		{"result used without synchronisation", "lazy=1", func(b bench) {
			x, y := b.alloc(1, 2, 3, 4), b.alloc(0, 0, 0, 0)
			out, err := b.c.AllocHost(16)
			b.check(err)
			l := driver.NewLaunch(b.function("twice"), dims(1), dims(32), 0, 4, x, y)
			b.check(l.Run(b.s))
			b.check(b.c.CopyOutAsync(out, y, b.s))
			if out[3] == 0x40 { // the first byte of 2.0
				b.t.Error("the result is there before anybody has waited for it")
			}
			b.check(b.s.Sync())
			b.free(x, y)
			b.check(b.c.FreeHost(out))
		}, "missing synchronisation: page-locked memory is used before the copy to it has been waited for"},
		{"input changed without synchronisation", "lazy=1", func(b bench) {
			x := b.alloc(0, 0)
			in, err := b.c.AllocHost(8)
			b.check(err)
			b.check(b.c.CopyInAsync(x, in, b.s))
			in[0] = 1
			b.check(b.s.Sync())
			b.free(x)
			b.check(b.c.FreeHost(in))
		}, "missing synchronisation: page-locked memory is changed before the copy from it has been waited for"},
		{"memory of another device", "devices=2", func(b bench) {
			other, err := driver.Open(1)
			b.check(err)
			var p driver.Ptr
			b.check(other.Do(func() (err error) { p, err = other.Alloc(4); return err }))
			b.check(b.c.Do(func() error {
				l := driver.NewLaunch(b.function("past_the_end"), dims(1), dims(32), 0, 0, p)
				b.fails(l.Run(b.s))
				return nil
			}))
			b.check(other.Do(func() error { return other.Free(p) }))
			b.check(other.Close())
			b.check(b.c.Do(func() error { return nil }))
		}, "argument 1 is memory of device 1 in a launch on device 0"},
		{"stale PTX: other sources", "", func(b bench) {
			ptx := PTX()
			i := bytes.Index(ptx, []byte("sha256 ")) + len("sha256 ")
			ptx[i] = "01"[(ptx[i]&1)^1]
			b.loadFails(ptx, "stale PTX: made from sources with sha256")
		}, "stale PTX: made from sources with sha256"},
		{"stale PTX: other parameters", "", func(b bench) {
			b.loadFails(bytes.Replace(PTX(), []byte(".param .b32 twice_param_0"), []byte(".param .b64 twice_param_0"),
				1), "stale PTX")
		}, "stale PTX: parameter 0 of kernel twice has 8 bytes in the PTX, 4 in the source"},
		{"stale PTX: a kernel that is gone", "", func(b bench) {
			b.loadFails(bytes.Replace(PTX(), []byte(".entry twice("), []byte(".entry thrice("), 1), "stale PTX")
		}, "stale PTX: kernel thrice is not in the sources"},
		{"access that is not aligned", "", func(b bench) {
			x := b.alloc(iota(64)...)
			l := driver.NewLaunch(b.function("skewed"), dims(1), dims(1), 0, x, x)
			b.fails(l.Run(b.s))
			b.c.Free(x)
		}, "kernel skewed, block 0,0,0, thread 0,0,0: misaligned address"},
		{"too few arguments", "", func(b bench) {
			l := driver.NewLaunch(b.function("twice"), dims(1), dims(32), 0, 0, driver.Ptr(0))
			b.fails(l.Run(b.s))
		}, "kernel twice has 3 parameters, the launch fewer arguments"},
		{"too many arguments", "", func(b bench) {
			l := driver.NewLaunch(b.function("twice"), dims(1), dims(32), 0, 0, driver.Ptr(0), driver.Ptr(0), 0)
			b.fails(l.Run(b.s))
		}, "kernel twice has 3 parameters, the launch more arguments"},
		{"more threads than the kernel is compiled for", "", func(b bench) {
			l := driver.NewLaunch(b.function("turned"), dims(1), dims(128), 0, driver.Ptr(0), driver.Ptr(0))
			b.fails(l.Run(b.s))
		}, "kernel turned: 128 threads of at most 64"},
		{"more shared memory than a block can have", "", func(b bench) {
			f := b.function("turned_dynamic")
			if err := f.SetMaxShared(228 << 10); err == nil {
				b.t.Error("a block may have 228 KiB")
			}
			b.check(f.SetMaxShared(227 << 10))
			if n, err := f.MaxBlocksPerSM(256, 227<<10); n != 1 || err != nil {
				b.t.Errorf("%d blocks of 227 KiB fit, %v", n, err)
			}
			b.check(f.SetMaxShared(1 << 10))
			if n, err := f.MaxBlocksPerSM(256, 2<<10); n != 0 || err != nil {
				b.t.Errorf("%d blocks of more than was allowed fit, %v", n, err)
			}
			l := driver.NewLaunch(f, dims(1), dims(1), 2<<10, 1, driver.Ptr(0), driver.Ptr(0))
			b.fails(l.Run(b.s))
		}, "2048 bytes of shared memory of at most 1024"},
		{"kernel of a module that was unloaded", "", func(b bench) {
			m, err := b.c.LoadPTX(PTX())
			b.check(err)
			f, err := m.Function("twice")
			b.check(err)
			l := driver.NewLaunch(f, dims(1), dims(32), 0, 0, driver.Ptr(0), driver.Ptr(0))
			g, err := driver.Capture(b.s, func() error { return l.Run(b.s) })
			b.check(errors.Join(err, m.Unload()))
			b.fails(l.Run(b.s))
			b.fails(g.Launch(b.s))
			b.c.Do(g.Close)
		}, "a launch of a kernel whose module was unloaded, or never was\nkernel twice runs after its module was " +
			"unloaded"},
		{"stream of another device", "devices=2", func(b bench) {
			other, err := driver.Open(1)
			b.check(err)
			y := b.alloc(1)
			b.check(other.Do(func() error { b.fails(b.c.Memset32(y, 0, 1, b.s)); return nil }))
			b.check(errors.Join(other.Close(), b.c.Do(func() error { return nil })))
			b.free(y)
		}, "memory of device 0 in a call on device 1"},
		{"freeing while capturing", "", func(b bench) {
			y := b.alloc(1)
			_, err := driver.Capture(b.s, func() error { return b.c.Free(y) })
			b.fails(err)
			b.free(y)
		}, "cuMemFree while a stream is captured"},
		{"launching a graph while capturing", "", func(b bench) {
			g, err := driver.Capture(b.s, func() error { return nil })
			b.check(err)
			_, err = driver.Capture(b.s, func() error { return g.Launch(b.s) })
			b.fails(err)
			b.check(g.Close())
		}, "cuGraphLaunch in a stream that is captured"},
		{"waiting while capturing", "", func(b bench) {
			_, err := driver.Capture(b.s, func() error { return b.s.Sync() })
			b.fails(err)
		}, "cuStreamSynchronize of a stream that is captured"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if os.Getenv(BuildEnv) == "asan" {
				t.Skip("AddressSanitizer ends the process at a fault")
			}
			onSimulator(t, []string{tc.settings}, func(b bench) {
				tc.make(b)
				if f := Faults(); !strings.Contains(f, tc.want) {
					t.Errorf("found %q, want %q in it", f, tc.want)
				}
			})
		})
	}
}

// fails checks that what was wrong came back as an error, now or by waiting for the stream.
func (b bench) fails(err error) {
	b.t.Helper()
	if err == nil {
		err = b.s.Sync()
	}
	if err == nil {
		b.t.Error("no error")
	}
}

func (b bench) loadFails(ptx []byte, want string) {
	b.t.Helper()
	if m, err := b.c.LoadPTX(ptx); err == nil {
		b.t.Error("loaded")
		m.Unload()
	} else if !strings.Contains(err.Error(), want) {
		b.t.Errorf("error %q, want %q in it", err, want)
	}
}

// A missing barrier changes the result with the order of the threads, in any build; the search for races names it.
func TestMissingBarrier(t *testing.T) {
	x := iota(64)
	var results [][]float32
	for _, order := range []string{"order=forward", "order=reverse"} {
		onSimulator(t, []string{order}, func(b bench) {
			in, out := b.alloc(x...), b.alloc(x...)
			defer func() { b.c.Free(in); b.c.Free(out) }()
			l := driver.NewLaunch(b.function("turned_without_barrier"), dims(1), dims(64), 0, in, out)
			err := l.Run(b.s)
			if os.Getenv(BuildEnv) == "race" {
				b.fails(err)
				if f := Faults(); !strings.Contains(f, "kernel turned_without_barrier") ||
					!strings.Contains(f, "missing barrier: thread") {
					t.Errorf("%s: found %q", order, f)
				}
				return
			}
			b.check(err)
			results = append(results, b.read(out, 64))
		})
	}
	if len(results) == 2 && slices.Equal(results[0], results[1]) {
		t.Errorf("the same result forward and in reverse: %v", results[0])
	}
}
