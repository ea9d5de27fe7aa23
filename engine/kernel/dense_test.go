package kernel_test

import (
	"math"
	"testing"

	"neuroloupe/engine/kernel"
)

// sum adds terms in float64 and bounds what float32 may make of it in any order: each of n operations rounds by u of
// a partial sum that is at most Σ|terms| (Higham, Accuracy and Stability of Numerical Algorithms, equation 4.4).
type sum struct {
	value, size float64
	n           int
}

func (s *sum) add(v float64) {
	s.value += v
	s.size += math.Abs(v)
	s.n++
}

func (s *sum) bound() float64 { return float64(s.n+1) * roundoff * s.size }

// sums fills want and bound from a function that adds the terms of element i.
func sums(n int, terms func(i int, s *sum)) (want, bound []float64) {
	for i := range n {
		var s sum
		terms(i, &s)
		want, bound = append(want, s.value), append(bound, s.bound())
	}
	return want, bound
}

// shapes calls f for rows, in and out out of the awkward sizes.
func shapes(f func(name string, rows, in, out int)) {
	for _, rows := range []int{1, 2, 10, 17} {
		for _, in := range sizes {
			for _, out := range sizes {
				f(label(rows, " rows ", in, "×", out), rows, in, out)
			}
		}
	}
}

func TestDense(t *testing.T) {
	shapes(func(name string, rows, in, out int) {
		r := source(name)
		x, w, b := values(r, rows*in), values(r, in*out), values(r, out)
		dst, beside := destination(rows * out)
		kernel.Dense(dst, x, w, b, rows, in, out)
		beside(t)
		want, bound := sums(rows*out, func(e int, s *sum) {
			row, k := e/out, e%out
			s.add(float64(b[k]))
			for i := range in {
				s.add(float64(x[row*in+i]) * float64(w[i*out+k]))
			}
		})
		near(t, name, want, bound, dst)
		// Rows are independent: however they are shared out, the bytes are the same.
		for row := range rows {
			one := make([]float32, out)
			kernel.Dense(one, x[row*in:], w, b, 1, in, out)
			sameBits(t, name+", one row alone", dst[row*out:(row+1)*out], one)
		}
	})
}

func TestDenseDX(t *testing.T) {
	shapes(func(name string, rows, in, out int) {
		r := source(name)
		d, w := values(r, rows*out), values(r, in*out)
		dst, beside := destination(rows * in)
		kernel.DenseDX(dst, d, w, rows, in, out)
		beside(t)
		want, bound := sums(rows*in, func(e int, s *sum) {
			row, i := e/in, e%in
			for k := range out {
				s.add(float64(d[row*out+k]) * float64(w[i*out+k]))
			}
		})
		near(t, name, want, bound, dst)
		for row := range rows {
			one := make([]float32, in)
			kernel.DenseDX(one, d[row*out:], w, 1, in, out)
			sameBits(t, name+", one row alone", dst[row*in:(row+1)*in], one)
		}
	})
}

func TestDenseDW(t *testing.T) {
	shapes(func(name string, rows, in, out int) {
		r := source(name)
		x, d := values(r, rows*in), values(r, rows*out)
		dst, beside := destination(in * out)
		kernel.DenseDW(dst, x, d, rows, in, out, 0, in)
		beside(t)
		want, bound := sums(in*out, func(e int, s *sum) {
			i, k := e/out, e%out
			for row := range rows {
				s.add(float64(x[row*in+i]) * float64(d[row*out+k]))
			}
		})
		near(t, name, want, bound, dst)

		// A part writes its rows of W, to the same bytes, and nothing else.
		lo, hi := in/3, in-in/4
		part, beside := destination(in * out)
		kernel.DenseDW(part, x, d, rows, in, out, lo, hi)
		beside(t)
		sameBits(t, name+", part", dst[lo*out:hi*out], part[lo*out:hi*out])
		for _, rest := range [][]float32{part[:lo*out], part[hi*out:]} {
			for i, v := range rest {
				if math.Float32bits(v) != math.Float32bits(untouched) {
					t.Errorf("%s: rows %d to %d wrote %v into element %d of the rest", name, lo, hi, v, i)
				}
			}
		}
		kernel.DenseDW(part, x, d, rows, in, out, lo, lo)
		kernel.DenseDW(part, x, d, rows, in, out, 0, lo)
		kernel.DenseDW(part, x, d, rows, in, out, hi, in)
		sameBits(t, name+", parts", dst, part)
	})
}

func TestDenseDB(t *testing.T) {
	for _, rows := range sizes {
		for _, out := range sizes {
			name := label(rows, " rows ", out)
			d := values(source(name), rows*out)
			dst, beside := destination(out)
			kernel.DenseDB(dst, d, rows, out)
			beside(t)
			want, bound := sums(out, func(k int, s *sum) {
				for row := range rows {
					s.add(float64(d[row*out+k]))
				}
			})
			near(t, name, want, bound, dst)
		}
	}
}

// TestDenseZeros: a product with a zero input is left out, whatever the weight; all others come through.
func TestDenseZeros(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tc := range []struct {
		name string
		x, w []float32 // 2, 2×1
		want float64
	}{
		{"zero times infinity", []float32{0, 2}, []float32{inf, 3}, 7},
		{"zero times NaN", []float32{0, 2}, []float32{nan, 3}, 7},
		{"minus zero times infinity", []float32{float32(math.Copysign(0, -1)), 2}, []float32{inf, 3}, 7},
		{"infinite weight", []float32{1, 2}, []float32{inf, 3}, math.Inf(1)},
		{"NaN weight", []float32{1, 2}, []float32{nan, 3}, math.NaN()},
		{"NaN input", []float32{nan, 2}, []float32{0, 3}, math.NaN()},
		{"infinite input, zero weight", []float32{inf, 2}, []float32{0, 3}, math.NaN()},
	} {
		var dst [1]float32
		kernel.Dense(dst[:], tc.x, tc.w, []float32{1}, 1, 2, 1)
		near(t, "Dense, "+tc.name, []float64{tc.want}, []float64{0}, dst[:])

		// The same two terms as the sum over two rows of a weight's gradient, without the bias.
		kernel.DenseDW(dst[:], tc.x, tc.w, 2, 1, 1, 0, 1)
		near(t, "DenseDW, "+tc.name, []float64{tc.want - 1}, []float64{0}, dst[:])
	}
	for name, v := range map[string]float32{"NaN": nan, "infinity": inf} {
		dst := make([]float32, 2)
		kernel.DenseDX(dst, []float32{1, 1}, []float32{v, 1, 2, 3}, 1, 2, 2)
		near(t, "DenseDX, weight "+name, []float64{float64(v), 5}, []float64{0, 0}, dst)
		kernel.DenseDB(dst, []float32{v, 1, 2, 3}, 2, 2)
		near(t, "DenseDB, delta "+name, []float64{float64(v), 4}, []float64{0, 0}, dst)
	}
}
