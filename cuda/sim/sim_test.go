//go:build gpu && linux && amd64

package sim

import (
	"slices"
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
