//go:build gpu && linux && cgo && amd64

package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/cuda/internal/driver"
)

// layer is a dense layer and what its three products take: rows×in values or bytes x, in×out weights, rows×out deltas.
type layer struct {
	rows, in, out int
	x, w, delta   []float32
	images        []byte  // x·255
	order         []int32 // of images; nil = as they lie
	skew          int     // elements by which matrices in memory are off where allocations begin
}

// newLayer draws a layer, of which nothing can be read four elements at a time. If shuffled, its rows are those of a
// third step.
func newLayer(r *rand.Rand, rows, in, out int, shuffled bool) *layer {
	l := &layer{rows: rows, in: in, out: out, images: make([]byte, rows*in), skew: 1}
	at := make([]int, rows)
	for i := range at {
		at[i] = i
	}
	if shuffled {
		at = r.Perm(rows)
		l.order = make([]int32, 3*rows)
		for i, v := range at {
			l.order[2*rows+i] = int32(v)
		}
	}
	for i := range rows {
		for k := range in {
			b := byte(r.IntN(256))
			l.images[at[i]*in+k] = b
			l.x = append(l.x, float32(b)/255)
		}
	}
	normal := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	l.w, l.delta = normal(in*out), normal(rows*out)
	return l
}

// widened returns rows of n values with zeros up to a multiple of four behind them.
func widened[T any](v []T, n int) []T {
	wide := ceil(n, 4) * 4
	out := make([]T, 0, len(v)/n*wide)
	for ; len(v) > 0; v = v[n:] {
		out = append(append(out, v[:n]...), make([]T, wide-n)...)
	}
	return out
}

// aligned returns the same layer with rows that can be read four elements at a time.
func (l *layer) aligned() *layer {
	a := &layer{rows: l.rows, in: ceil(l.in, 4) * 4, out: ceil(l.out, 4) * 4, order: l.order}
	a.x, a.images, a.delta = widened(l.x, l.in), widened(l.images, l.in), widened(l.delta, l.out)
	a.w = append(widened(l.w, l.out), make([]float32, (a.in-l.in)*a.out)...)
	return a
}

// multiply returns x·W, δ·Wᵀ, xᵀ·δ and Σ δ, by the kernels with that tile, from bytes or not.
func (l *layer) multiply(r *runtime, m *memory, s *driver.Stream, tile tile, bytes string) (z, dx, dw, db []float32,
	err error,
) {
	at := func(skew int, b []byte) driver.Ptr {
		p, e := m.alloc(int64(skew+len(b)), 1, "test")
		p += driver.Ptr(skew)
		if e == nil {
			e = r.ctx.CopyIn(p, b, s)
		}
		if e != nil && err == nil {
			err = e
		}
		return p
	}
	in := func(b []byte) driver.Ptr { return at(0, b) }
	matrix := func(v []float32) driver.Ptr { return at(4*l.skew, bytesOf(v)) }
	room := func(n int) driver.Ptr { return in(bytesOf(make([]float32, n))) }
	launch := func(name string, M, N int, args ...any) {
		grid := [3]int{ceil(N, tile.n), ceil(M, tile.m), 1}
		l := driver.NewLaunch(r.function(name+"_"+tile.name), grid, [3]int{threads, 1, 1}, 0, args...)
		if e := l.Run(s); e != nil && err == nil {
			err = e
		}
	}
	out := func(p driver.Ptr, n int) []float32 {
		v := make([]float32, n)
		if e := r.ctx.CopyOut(bytesOf(v), p, s); e != nil && err == nil {
			err = e
		}
		return v
	}
	null := driver.Ptr(0)
	j := job{
		images: at(l.skew, l.images), rates: in(bytesOf([]float32{0, 0, -1})), done: 1, batch: int32(l.rows),
		stride: 1,
	}
	if l.order != nil {
		j.order = in(bytesOf(l.order))
	}
	pj, x, w, delta := in(bytesOf([]job{j})), matrix(l.x), matrix(l.w), matrix(l.delta)
	if bytes != "" {
		x = null
	}
	pz, pdx, pdw, pb := room(l.rows*l.out), room(l.rows*l.in), room(l.in*l.out), room(l.out)
	launch("dense"+bytes, l.rows, l.out, l.rows, l.in, l.out, x, pj, 1, w, room(l.out), pz, null, null, null, 0,
		float32(0), uint64(0), 0)
	launch("dense_dx", l.rows, l.in, l.rows, l.in, l.out, delta, w, null, null, 0, pdx)
	launch("dense_dw"+bytes, l.in, l.out, l.rows, l.in, l.out, x, pj, 1, delta, pdw, null, null, null, pb, null, null,
		0, float32(0), float32(0), float32(0), float32(0), float32(0), float32(0), 0)
	return out(pz, l.rows*l.out), out(pdx, l.rows*l.in), out(pdw, l.in*l.out), out(pb, l.out), err
}

// Every product of every tile is the one in float64 up to rounding, whatever is left over at its edges; and rows that
// can be read four elements at a time give the same bits as rows that cannot.
func TestProducts(t *testing.T) {
	shapes := []struct{ rows, in, out int }{
		{128, 128, 128},
		{1, 1, 1},
		{3, 5, 7},
		{17, 36, 33},
		{10, 783, 10},
		{64, 784, 68},
		{129, 23, 131},
		{130, 132, 260},
		{257, 66, 9},
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i, c := range shapes {
		l := newLayer(r, c.rows, c.in, c.out, i%2 == 1)
		for _, tile := range tiles {
			for _, bytes := range []string{"", "_bytes"} {
				t.Run(fmt.Sprintf("%d×%d×%d/%s%s", c.rows, c.in, c.out, tile.name, bytes), func(t *testing.T) {
					onDevice(t, func(r *runtime, m *memory, s *driver.Stream) error {
						z, dx, dw, db, err := l.multiply(r, m, s, tile, bytes)
						if err != nil {
							return err
						}
						x := func(m, k int) float32 { return l.x[m*l.in+k] }
						w := func(m, k int) float32 { return l.w[m*l.out+k] }
						delta := func(m, k int) float32 { return l.delta[m*l.out+k] }
						check(t, "x·W", z, l.rows, l.out, l.in, x, w)
						check(t, "δ·Wᵀ", dx, l.rows, l.in, l.out, delta, func(k, n int) float32 { return w(n, k) })
						check(t, "xᵀ·δ", dw, l.in, l.out, l.rows, func(m, k int) float32 { return x(k, m) }, delta)
						check(t, "Σ δ", db, 1, l.out, l.rows, func(int, int) float32 { return 1 }, delta)

						a := l.aligned()
						wideZ, wideDX, wideDW, wideDB, err := a.multiply(r, m, s, tile, bytes)
						if err != nil {
							return err
						}
						same(t, "x·W", z, wideZ, l.out)
						same(t, "δ·Wᵀ", dx, wideDX, l.in)
						same(t, "xᵀ·δ", dw, wideDW, l.out)
						same(t, "Σ δ", db, wideDB, l.out)
						return nil
					})
				})
			}
		}
	}
}

// check compares an M×N product of K terms with the one in float64. Each of K roundings errs by at most 2⁻²⁴ of a sum
// of which none is larger than that of the terms' sizes.
func check(t *testing.T, name string, got []float32, M, N, K int, a, b func(int, int) float32) {
	t.Helper()
	for m := range M {
		for n := range N {
			var want, size float64
			for k := range K {
				p := float64(a(m, k)) * float64(b(k, n))
				want += p
				size += math.Abs(p)
			}
			if g := float64(got[m*N+n]); !(math.Abs(g-want) <= float64(K)*0x1p-24*size) {
				t.Fatalf("%s: element %d, %d is %v, want %v", name, m, n, g, want)
			}
		}
	}
}

// same checks that rows of n values are those of a matrix that has zeros behind them.
func same(t *testing.T, name string, got, aligned []float32, n int) {
	t.Helper()
	for i, v := range widened(got, n) {
		if i < len(aligned) && math.Float32bits(v) != math.Float32bits(aligned[i]) {
			t.Fatalf("%s: row %d, column %d is %v, with aligned rows %v", name, i/(ceil(n, 4)*4), i%(ceil(n, 4)*4), v,
				aligned[i])
		}
	}
}
