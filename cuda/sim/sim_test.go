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

// bench is a device of the simulator with the kernels of testdata and a stream.
type bench struct {
	t *testing.T
	c *driver.Context
	m *driver.Module
	s *driver.Stream
}

// onSimulator runs f inside Context.Do of a device of the simulator, and closes all after.
func onSimulator(t *testing.T, settings []string, f func(b bench)) {
	t.Helper()
	start(t, []string{"testdata/small.cu"}, settings)
	c, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = c.Do(func() error {
		m, err := c.LoadPTX(PTX())
		if err != nil {
			return err
		}
		defer m.Unload()
		s, err := c.NewStream()
		if err != nil {
			return err
		}
		defer s.Close()
		f(bench{t, c, m, s})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func (b bench) function(name string) driver.Func {
	f, err := b.m.Function(name)
	if err != nil {
		b.t.Error(err)
	}
	return f
}

// alloc returns device memory with those values, freed at the end.
func (b bench) alloc(v ...float32) driver.Ptr {
	p, err := b.c.Alloc(int64(4 * len(v)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.check(b.c.CopyIn(p, asBytes(v), b.s))
	return p
}

func (b bench) read(p driver.Ptr, n int) []float32 {
	v := make([]float32, n)
	b.check(b.c.CopyOut(asBytes(v), p, b.s))
	return v
}

func (b bench) free(ps ...driver.Ptr) {
	for _, p := range ps {
		b.check(b.c.Free(p))
	}
}

func (b bench) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Error(err)
	}
}

func asBytes[T float32 | uint32](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
}

func iota(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i)
	}
	return v
}

func dims(x int) [3]int { return [3]int{x, 1, 1} }

// ways are the settings under which a right kernel gives the same results.
var ways = []string{"order=forward", "order=reverse", "order=shuffle seed=5", "lazy=1", "order=shuffle seed=9 lazy=1"}

// Right kernels give right results, whatever the order of threads and blocks.
func TestKernels(t *testing.T) {
	const n = 64
	for _, way := range ways {
		onSimulator(t, []string{way}, func(b bench) {
			x, y := b.alloc(iota(4*n)...), b.alloc(make([]float32, 4*n)...)
			count := b.alloc(0, 0)
			defer b.free(x, y, count)
			expect := func(what string, n int, want func(i int) float32) {
				t.Helper()
				for i, v := range b.read(y, n) {
					if v != want(i) {
						t.Errorf("%s: %s: value %d is %v, want %v", way, what, i, v, want(i))
						return
					}
				}
			}
			run := func(name string, blocks, threads, shared int, args ...any) {
				t.Helper()
				l := driver.NewLaunch(b.function(name), dims(blocks), dims(threads), shared, args...)
				b.check(l.Run(b.s))
			}
			run("twice", 1, 256, 0, 4*n, x, y)
			expect("twice", 4*n, func(i int) float32 { return float32(2 * i) })
			run("turned", 4, 64, 0, x, y)
			expect("turned", 4*n, func(i int) float32 { return float32(i/n*n + n - 1 - i%n) })
			run("turned_dynamic", 1, 256, 4*256, 256, x, y)
			expect("turned_dynamic", 256, func(i int) float32 { return float32(255 - i) })
			run("warp_sums", 1, 256, 0, x, y)
			expect("warp_sums", 8, func(w int) float32 { return float32(32*32*w + 31*16) })
			run("last_block", 4, 64, 0, x, count, y)
			expect("last_block", 1, func(int) float32 { return 256 * 257 / 2 })
		})
	}
}

// A cooperative grid's blocks wait for each other: the ring agrees with one computed here.
func TestCooperative(t *testing.T) {
	const blocks, rounds = 5, 9
	want := iota(64 * blocks)
	for range rounds {
		next := slices.Clone(want)
		for i := range next {
			next[i] = 0.5 * (want[i] + want[(i+1)%len(want)])
		}
		want = next
	}
	for _, way := range ways {
		onSimulator(t, []string{way}, func(b bench) {
			x, arrived := b.alloc(append(iota(64*blocks), make([]float32, 64*blocks)...)...), b.alloc(0)
			defer b.free(x, arrived)
			l := driver.NewLaunch(b.function("ring"), dims(blocks), dims(64), 0, rounds, x, arrived)
			b.check(l.Cooperative(b.s))
			if got := b.read(x, 2*len(want))[rounds%2*len(want):][:len(want)]; !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", way, got, want)
			}
			b.check(b.c.Memset32(arrived, 0, 1, b.s))
			l = driver.NewLaunch(b.function("numbers"), dims(blocks), dims(64), 0, x, arrived)
			b.check(l.Cooperative(b.s))
			for i, v := range b.read(x, 64*blocks) {
				if v != float32(i/64) {
					t.Fatalf("%s: shared memory of block %d has %v", way, i/64, v)
				}
			}
		})
	}
}

// A graph is what was captured, each time it is launched.
func TestGraph(t *testing.T) {
	for _, way := range ways {
		onSimulator(t, []string{way}, func(b bench) {
			x, y := b.alloc(1, 2, 3), b.alloc(0, 0, 0)
			defer b.free(x, y)
			twice := b.function("twice")
			g, err := driver.Capture(b.s, func() error {
				l := driver.NewLaunch(twice, dims(1), dims(32), 0, 3, x, y)
				m := driver.NewLaunch(twice, dims(1), dims(32), 0, 3, y, x)
				b.check(l.Run(b.s))
				return m.Run(b.s)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			if got := b.read(x, 3); !slices.Equal(got, []float32{1, 2, 3}) {
				t.Errorf("%s: capturing ran: %v", way, got)
			}
			for range 3 {
				b.check(g.Launch(b.s))
			}
			if got := b.read(x, 3); !slices.Equal(got, []float32{64, 128, 192}) {
				t.Errorf("%s: after three launches %v", way, got)
			}
		})
	}
}

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
		}, "kernel past_the_end, block 0,0,0, thread 64,0,0: illegal address: 0 bytes past the end of an allocation of 256 bytes"},
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
			l := driver.NewLaunch(b.function("past_the_end"), dims(1), dims(32), 0, 1, uint64(uintptr(unsafe.Pointer(&host[0]))))
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
			b.loadFails(bytes.Replace(PTX(), []byte(".param .b32 twice_param_0"), []byte(".param .b64 twice_param_0"), 1), "stale PTX")
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
		}, "a launch of a kernel whose module was unloaded, or never was\nkernel twice runs after its module was unloaded"},
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
				if f := Faults(); !strings.Contains(f, "kernel turned_without_barrier") || !strings.Contains(f, "missing barrier: thread") {
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
