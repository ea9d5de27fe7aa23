//go:build gpu && linux && cgo && amd64

package cuda

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// onDevice runs f with a context, kernels and a stream.
func onDevice(t *testing.T, f func(r *runtime, m *memory, s *driver.Stream) error) {
	t.Helper()
	sim.Start(t)
	opened, err := Driver{}.Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	r := opened.(*backend).runtime
	err = r.ctx.Do(func() (err error) {
		m := &memory{ctx: r.ctx}
		s, err := r.ctx.NewStream()
		if err != nil {
			return err
		}
		defer func() {
			for _, e := range []error{s.Close(), m.free()} {
				if err == nil {
					err = e
				}
			}
		}()
		return f(r, m, s)
	})
	if err != nil {
		t.Error(err)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
}

// apply returns what a kernel with a thread for each four elements makes of x, in place of its argument out.
func apply(r *runtime, m *memory, s *driver.Stream, name string, x []float32,
	args func(x, out driver.Ptr) []any,
) ([]float32, error) {
	in, err := m.alloc(int64(len(x)), 4, "x")
	if err != nil {
		return nil, err
	}
	out, err := m.alloc(int64(len(x)), 4, "out")
	if err != nil {
		return nil, err
	}
	if err := r.ctx.CopyIn(in, bytesOf(x), s); err != nil {
		return nil, err
	}
	l := driver.NewLaunch(r.function(name), [3]int{ceil(len(x), 4*threads), 1, 1}, [3]int{threads, 1, 1}, 0,
		args(in, out)...)
	if err := l.Run(s); err != nil {
		return nil, err
	}
	got := make([]float32, len(x))
	return got, r.ctx.CopyOut(bytesOf(got), out, s)
}

// The kernels' activations are within a few roundings of the functions in float64, over all that a float32 can be
// asked; the functions have no library behind them.
func TestActivations(t *testing.T) {
	var x []float32
	for v := float32(1e-30); v < 1e30; v *= 1.07 {
		x = append(x, v, -v)
	}
	for v := float32(-110); v < 110; v += 0.013 {
		x = append(x, v)
	}
	x = append(x, 0, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 88.7228, -103.97, 0.625, -0.625)
	for _, c := range []struct {
		act  engine.Activation
		want func(float64) float64
	}{
		{engine.Sigmoid, func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }},
		{engine.Tanh, math.Tanh},
		{engine.ReLU, func(z float64) float64 { return max(z, 0) }},
	} {
		onDevice(t, func(r *runtime, m *memory, s *driver.Stream) error {
			null := driver.Ptr(0)
			all := x
			got, err := apply(r, m, s, "finish_dense", all, func(x, out driver.Ptr) []any {
				return []any{
					1, len(all), x, null, 0, null, null, out, null, null, int(c.act), float32(0), uint64(0), 0,
					0,
				}
			})
			if err != nil {
				return err
			}
			worst, at := 0.0, float32(0)
			for i, v := range x {
				want, g := c.want(float64(v)), float64(got[i])
				if math.IsNaN(want) || math.IsNaN(g) {
					if math.IsNaN(want) != math.IsNaN(g) {
						return fmt.Errorf("%v(%v) is %v, want %v", c.act, v, g, want)
					}
					continue
				}
				// In units of the last place, which are never smaller than the smallest normal number's.
				if d := math.Abs(g-want) / max(math.Abs(want)*0x1p-23, 0x1p-149); want != g && d > worst {
					worst, at = d, v
				}
			}
			if worst > 4 {
				return fmt.Errorf("%v(%v) is %.2g units in the last place off", c.act, at, worst)
			}
			return nil
		})
	}
}

// Masks are the CPU's, bit by bit.
func TestMasks(t *testing.T) {
	const n, seed, step = 1001, 0xfedc_ba98_7654_3210, 1<<33 + 7
	for _, keep := range []float32{0.5, 0.7, 1 - 0x1p-24, 0x1p-24} {
		for _, layer := range []int{1, 3} {
			want := make([]float32, n)
			kernel.Mask(want, keep, seed, step, layer)
			onDevice(t, func(r *runtime, m *memory, s *driver.Stream) error {
				at, err := m.alloc(jobBytes, 1, "job")
				if err != nil {
					return err
				}
				if err := r.ctx.CopyIn(at, bytesOf([]job{{first: step - 2}}), s); err != nil {
					return err
				}
				got, err := apply(r, m, s, "mask", make([]float32, n), func(_, out driver.Ptr) []any {
					return []any{int64(n), at, 2, keep, uint64(seed), layer, out}
				})
				if err != nil {
					return err
				}
				for i := range want {
					if got[i] != want[i] {
						return fmt.Errorf("keep %v, layer %d: element %d is %v, want %v", keep, layer, i, got[i],
							want[i])
					}
				}
				return nil
			})
		}
	}
}

// Rounding to bfloat16 is to the nearest, of two as near to the even one, and NaN stays NaN.
func TestRounding(t *testing.T) {
	cases := []struct{ in, want uint32 }{
		{0x3f800000, 0x3f80},
		{0x3f807fff, 0x3f80},
		{0x3f808000, 0x3f80},
		{0x3f808001, 0x3f81},
		{0x3f818000, 0x3f82},
		{0xbf818000, 0xbf82},
		{0x7f800000, 0x7f80},
		{0xff800000, 0xff80},
		{0x7f7fffff, 0x7f80},
		{0x00000001, 0},
		{0x80000000, 0x8000},
		{0x7f800001, 0x7fc0},
		{0xffc00000, 0xffc0},
	}
	var x []float32
	for _, c := range cases {
		x = append(x, math.Float32frombits(c.in))
	}
	onDevice(t, func(r *runtime, m *memory, s *driver.Stream) error {
		got, err := apply(r, m, s, "finish_delta", x, func(x, out driver.Ptr) []any {
			return []any{int64(len(cases)), x, driver.Ptr(0), driver.Ptr(0), 0, out, narrowOut}
		})
		if err != nil {
			return err
		}
		for i, c := range cases {
			word := math.Float32bits(got[i/2]) >> (16 * (i % 2)) & 0xffff
			if word != c.want {
				return fmt.Errorf("%#08x rounds to %#04x, want %#04x", c.in, word, c.want)
			}
		}
		return nil
	})
}

// A δ's columns are summed and the biases changed by them, however the rows are cut up. The numbers are whole, so any
// order of additions gives the same, and they are the same as bfloat16.
func TestColumnSums(t *testing.T) {
	for _, c := range []struct{ rows, cols, parts int }{
		{1, 1, 1}, {7, 10, 1}, {129, 4, 2}, {300, 9, 3}, {300, 132, 3}, {1000, 257, 8}, {2048, 128, 16}, {17, 5, 16},
	} {
		for _, narrow := range []bool{false, true} {
			onDevice(t, func(r *runtime, m *memory, s *driver.Stream) error {
				delta, want := make([]float32, c.rows*c.cols), make([]float32, c.cols)
				for e := range delta {
					delta[e] = float32(e*e%23 - 11)
					want[e%c.cols] -= delta[e]
				}
				values, flags := bytesOf(delta), 0
				if narrow {
					short := make([]uint16, len(delta))
					for e, v := range delta {
						short[e] = uint16(math.Float32bits(v) >> 16)
					}
					values, flags = bytesOf(short), narrowIn
				}
				var p [5]driver.Ptr // δ, sums, biases, a job, its rates
				for i, n := range []int{len(delta), c.parts * c.cols, c.cols, jobBytes / 4, 1} {
					var err error
					if p[i], err = m.alloc(int64(n), 4, "an array"); err != nil {
						return err
					}
				}
				null := driver.Ptr(0)
				sums := driver.NewLaunch(r.function("column_sums"), [3]int{ceil(c.cols, 128), c.parts, 1},
					[3]int{threads, 1, 1}, 0,
					c.rows, c.cols, ceil(c.rows, c.parts), p[0], flags, p[1])
				update := driver.NewLaunch(r.function("apply_update"), [3]int{ceil(c.cols, 4*threads), 1, 1},
					[3]int{threads, 1, 1}, 0,
					int64(c.cols), p[1], c.parts, p[3], 0, p[2], null, null, int(engine.SGD), float32(0), float32(0),
					float32(0), float32(0),
					float32(0), float32(0), 0)
				got := make([]float32, c.cols)
				for _, err := range []error{
					r.ctx.CopyIn(p[0], values, s),
					r.ctx.CopyIn(p[2], bytesOf(make([]float32, c.cols)), s),
					r.ctx.CopyIn(p[3], bytesOf([]job{{rates: p[4], stride: 1}}), s),
					r.ctx.CopyIn(p[4], bytesOf([]float32{1}), s),
					sums.Run(s), update.Run(s),
					r.ctx.CopyOut(bytesOf(got), p[2], s),
				} {
					if err != nil {
						return err
					}
				}
				if !slices.Equal(got, want) {
					return fmt.Errorf("%+v, narrow %v: sums %v, want %v", c, narrow, got, want)
				}
				return nil
			})
		}
	}
}
