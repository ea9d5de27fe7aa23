package kernel_test

import (
	"math"
	"slices"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// activate is σ in float64, a row at a time; exp(z−m) is the textbook's trick and exact enough here.
func activate(act engine.Activation, z []float64) []float64 {
	a := make([]float64, len(z))
	m, total := slices.Max(z), 0.0
	for _, v := range z {
		total += math.Exp(v - m)
	}
	for i, v := range z {
		switch act {
		case engine.Identity:
			a[i] = v
		case engine.Sigmoid:
			a[i] = 1 / (1 + math.Exp(-v))
		case engine.Tanh:
			a[i] = math.Tanh(v)
		case engine.ReLU:
			a[i] = math.Max(0, v)
		case engine.Softmax:
			a[i] = math.Exp(v-m) / total
		}
	}
	return a
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// weightedInputs are rows of z from small to far outside of what exp can take.
func weightedInputs(rows, cols int) []float32 {
	r := source(label("z", rows, cols))
	z := values(r, rows*cols)
	for i := range z {
		z[i] *= float32(math.Pow(10, float64(i/cols%4))) // a row of ones, of tens, hundreds, thousands
	}
	return z
}

func TestActivate(t *testing.T) {
	for _, act := range activations {
		for _, cols := range sizes {
			const rows = 9
			name := label(act, " ", cols)
			z := weightedInputs(rows, cols)
			before := slices.Clone(z)
			dst, beside := destination(rows * cols)
			kernel.Activate(dst, z, rows, cols, act)
			beside(t)
			sameBits(t, name+": z", before, z)
			for row := range rows {
				lo, hi := row*cols, (row+1)*cols
				want := activate(act, wide(z[lo:hi]))
				bound := make([]float64, cols)
				for i, w := range want {
					// float64 inside, rounded once; softmax is rounded three times. What underflows may be 0.
					bound[i] = 3*roundoff*math.Abs(w) + math.SmallestNonzeroFloat32
				}
				near(t, name, want, bound, dst[lo:hi])
				one := make([]float32, cols)
				kernel.Activate(one, z[lo:hi], 1, cols, act)
				sameBits(t, name+", one row alone", dst[lo:hi], one)
			}
			kernel.Activate(z, z, rows, cols, act)
			sameBits(t, name+", in place", dst, z)
		}
	}
}

func TestActivateExtremes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tc := range []struct {
		name    string
		act     engine.Activation
		z, want []float64
	}{
		{
			"sigmoid", engine.Sigmoid,
			[]float64{-1000, -inf, 0, 1000, inf, math.MaxFloat32, -math.MaxFloat32},
			[]float64{0, 0, 0.5, 1, 1, 1, 0},
		},
		{"tanh", engine.Tanh, []float64{-1000, -inf, 0, 1000, inf}, []float64{-1, -1, 0, 1, 1}},
		{
			"relu", engine.ReLU,
			[]float64{-1000, -inf, 0, 1000, inf, math.Copysign(0, -1)},
			[]float64{0, 0, 0, 1000, inf, 0},
		},
		{"identity", engine.Identity, []float64{-1000, -inf, 0, 1000, inf}, []float64{-1000, -inf, 0, 1000, inf}},
		{"softmax of ±1000", engine.Softmax, []float64{1000, -1000, 0}, []float64{1, 0, 0}},
		{"softmax of equal large ones", engine.Softmax, []float64{1000, 1000}, []float64{0.5, 0.5}},
		{
			"softmax of equal small ones", engine.Softmax,
			[]float64{-1000, -1000, -1000, -1000},
			[]float64{0.25, 0.25, 0.25, 0.25},
		},
		{"softmax of the largest", engine.Softmax, []float64{math.MaxFloat32, -math.MaxFloat32}, []float64{1, 0}},
		{"softmax, the first the largest", engine.Softmax, []float64{200, 0, 0}, []float64{1, 0, 0}},
		{"softmax with −∞", engine.Softmax, []float64{0, -inf, 0}, []float64{0.5, 0, 0.5}},
		{"softmax with ∞", engine.Softmax, []float64{0, inf}, []float64{nan, nan}},
		{"softmax of one", engine.Softmax, []float64{-77}, []float64{1}},
		{"sigmoid of NaN", engine.Sigmoid, []float64{nan, 0}, []float64{nan, 0.5}},
		{"tanh of NaN", engine.Tanh, []float64{nan, 0}, []float64{nan, 0}},
		{"relu of NaN", engine.ReLU, []float64{nan, 1, -1}, []float64{nan, 1, 0}},
		{"identity of NaN", engine.Identity, []float64{nan, 1}, []float64{nan, 1}},
		{"softmax of NaN first", engine.Softmax, []float64{nan, 1, 2}, []float64{nan, nan, nan}},
		{"softmax of NaN last", engine.Softmax, []float64{1, 2, nan}, []float64{nan, nan, nan}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			z := make([]float32, len(tc.z))
			for i, v := range tc.z {
				z[i] = float32(v)
			}
			kernel.Activate(z, z, 1, len(z), tc.act)
			near(t, tc.name, tc.want, slices.Repeat([]float64{1e-37}, len(z)), z)
		})
	}
}

// TestSoftmaxSums: rows sum to 1 and do not mind a shift, up to the rounding of cols terms.
func TestSoftmaxSums(t *testing.T) {
	for _, cols := range sizes {
		const rows = 8
		z := weightedInputs(rows, cols)
		a, shifted := make([]float32, rows*cols), slices.Clone(z)
		for i := range shifted {
			shifted[i] += 512 // exact for what is a multiple of 2⁻¹⁴
			shifted[i] -= 512
			z[i] = shifted[i]
			shifted[i] += 512
		}
		kernel.Activate(a, z, rows, cols, engine.Softmax)
		kernel.Activate(shifted, shifted, rows, cols, engine.Softmax)
		sameBits(t, label("shift by 512, ", cols, " columns"), a, shifted)
		for row := range rows {
			total := 0.0
			for _, v := range a[row*cols : (row+1)*cols] {
				if v < 0 || v > 1 {
					t.Errorf("%d columns, row %d: %v is no probability", cols, row, v)
				}
				total += float64(v)
			}
			if math.Abs(total-1) > float64(cols+2)*roundoff {
				t.Errorf("%d columns, row %d sums to %v", cols, row, total)
			}
		}
	}
}

// TestActivateGrad holds g ⊙ σ' to the central difference of Σ g·σ(z) in float64.
func TestActivateGrad(t *testing.T) {
	for _, act := range activations {
		for _, cols := range sizes {
			const rows, h = 5, 1e-5
			name := label(act, " ", cols)
			r := source(name)
			z, g := values(r, rows*cols), values(r, rows*cols)
			for i := range z {
				if math.Abs(float64(z[i])) < 10*h {
					z[i] = 0.25 // away from the kink of the ReLU
				}
			}
			a := make([]float32, rows*cols)
			kernel.Activate(a, z, rows, cols, act)
			dst, beside := destination(rows * cols)
			kernel.ActivateGrad(dst, a, g, rows, cols, act)
			beside(t)
			for row := range rows {
				lo, hi := row*cols, (row+1)*cols
				zs, gs := wide(z[lo:hi]), wide(g[lo:hi])
				weighted := func() float64 {
					s := 0.0
					for i, v := range activate(act, zs) {
						s += gs[i] * v
					}
					return s
				}
				want, bound := make([]float64, cols), make([]float64, cols)
				for i, v := range zs {
					zs[i] = v + h
					up := weighted()
					zs[i] = v - h
					down := weighted()
					zs[i] = v
					want[i] = (up - down) / (2 * h)
					// Differences: h²·σ''' and 10⁻¹⁶/h. Kernel: a few roundings, for softmax of a sum of cols terms.
					bound[i] = 1e-8 + float64(cols+4)*roundoff*8
				}
				near(t, name, want, bound, dst[lo:hi])
			}
			overA, overG := slices.Clone(a), slices.Clone(g)
			kernel.ActivateGrad(overA, overA, g, rows, cols, act)
			sameBits(t, name+", over a", dst, overA)
			kernel.ActivateGrad(overG, a, overG, rows, cols, act)
			sameBits(t, name+", over g", dst, overG)
		}
	}
}

func TestActivateGradExtremes(t *testing.T) {
	nan := math.NaN()
	for _, tc := range []struct {
		name       string
		act        engine.Activation
		a, g, want []float64
	}{
		{"relu at 0", engine.ReLU, []float64{0, 2, math.Copysign(0, -1)}, []float64{5, 5, 5}, []float64{0, 5, 0}},
		{"saturated sigmoid", engine.Sigmoid, []float64{0, 1}, []float64{5, 5}, []float64{0, 0}},
		{"saturated tanh", engine.Tanh, []float64{-1, 1}, []float64{5, 5}, []float64{0, 0}},
		{"saturated softmax", engine.Softmax, []float64{1, 0, 0}, []float64{5, 6, 7}, []float64{0, 0, 0}},
		{"NaN a, sigmoid", engine.Sigmoid, []float64{nan}, []float64{1}, []float64{nan}},
		{"NaN a, tanh", engine.Tanh, []float64{nan}, []float64{1}, []float64{nan}},
		{"NaN g, identity", engine.Identity, []float64{1}, []float64{nan}, []float64{nan}},
		{"NaN g, sigmoid", engine.Sigmoid, []float64{0.5}, []float64{nan}, []float64{nan}},
		{"NaN g, tanh", engine.Tanh, []float64{0.5}, []float64{nan}, []float64{nan}},
		{"NaN g, relu", engine.ReLU, []float64{0.5}, []float64{nan}, []float64{nan}},
		{"NaN g, softmax", engine.Softmax, []float64{0.5, 0.5}, []float64{nan, 1}, []float64{nan, nan}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := len(tc.a)
			a, g := make([]float32, n), make([]float32, n)
			for i := range a {
				a[i], g[i] = float32(tc.a[i]), float32(tc.g[i])
			}
			kernel.ActivateGrad(a, a, g, 1, n, tc.act)
			near(t, tc.name, tc.want, make([]float64, n), a)
		})
	}
}

func TestMulAdd(t *testing.T) {
	for _, n := range sizes {
		r := source(label("mul", n))
		x, y := values(r, n), values(r, n)
		x[0] = float32(math.NaN())
		product, sum := make([]float32, n), make([]float32, n)
		for i := range x {
			product[i], sum[i] = x[i]*y[i], x[i]+y[i]
		}
		dst, beside := destination(n)
		kernel.Mul(dst, x, y)
		near(t, "mul", wide(product), make([]float64, n), dst)
		kernel.Add(dst, x, y)
		near(t, "add", wide(sum), make([]float64, n), dst)
		beside(t)
		overX, overY := slices.Clone(x), slices.Clone(y)
		kernel.Mul(overX, overX, y)
		near(t, "mul over x", wide(product), make([]float64, n), overX)
		overX = slices.Clone(x)
		kernel.Add(overX, overX, y)
		near(t, "add over x", wide(sum), make([]float64, n), overX)
		kernel.Add(overY, x, overY)
		near(t, "add over y", wide(sum), make([]float64, n), overY)
	}
}
