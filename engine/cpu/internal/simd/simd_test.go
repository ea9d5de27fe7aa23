package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/kernel"
)

// eachTier runs f with the kernels of every instruction set of this machine.
func eachTier(t *testing.T, f func(t *testing.T, k *Kernels)) {
	for _, tier := range isa.All() {
		t.Run(tier.String(), func(t *testing.T) { f(t, New(tier)) })
	}
}

const (
	canary = -98765.5
	margin = 19 // float32s around a slice under test
)

// guarded is a slice with canaries around it, off any alignment.
type guarded struct{ whole, s []float32 }

func guard(n int) guarded {
	g := guarded{whole: make([]float32, n+2*margin)}
	for i := range g.whole {
		g.whole[i] = canary
	}
	g.s = g.whole[margin : margin+n : margin+n]
	return g
}

func (g guarded) check(t *testing.T, what string) {
	t.Helper()
	for i, v := range g.whole {
		if (i < margin || i >= margin+len(g.s)) && v != canary {
			t.Fatalf("%s: %v written %d before or after the slice of %d", what, v, i-margin, len(g.s))
		}
	}
}

func random(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

// ulps returns how many float32s lie between got and want, want rounded; subnormal numbers count as 0.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case math.IsNaN(want) && got != got, got == w:
		return 0
	case math.Abs(want) < 0x1p-126 && math.Abs(float64(got)) < 0x1p-125:
		return 0
	}
	up := math.Nextafter32(float32(math.Abs(want)), float32(math.Inf(1)))
	return math.Abs(float64(got)-want) / float64(up-float32(math.Abs(want)))
}

// arguments are where functions of e^x go wrong: the ends of float32, the ends of the reduction, tiny, not numbers.
func arguments() []float32 {
	inf := float32(math.Inf(1))
	xs := []float32{
		0, float32(math.Copysign(0, -1)), inf, -inf, float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-38, 1e-20, -1e-20, 1e-7, -1e-7, 88.72283,
		88.72284, 89, 104, -87.33654,
		-87.4, -103.97, -103.98, -105, -200, 9, 10, 20,
	}
	for n := -150; n <= 130; n++ {
		for _, d := range []float64{-0.501, -0.5, -0.499, 0, 1e-3, 0.4999} {
			xs = append(xs, float32((float64(n)+d)*math.Ln2))
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		xs = append(xs, float32(100*(2*r.Float64()-1)), float32(r.NormFloat64()), float32(r.NormFloat64()*1e-3))
	}
	return xs[:len(xs)/Lane*Lane]
}

func TestFunctions(t *testing.T) {
	xs := arguments()
	const shift = 0.75
	for _, f := range []struct {
		name  string
		bound float64
		run   func(k *Kernels) func(dst, x []float32)
		want  func(x float64) float64
	}{
		{
			"sigmoid", 3, func(k *Kernels) func(dst, x []float32) { return k.Sigmoid },
			func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		},
		{"tanh", 4, func(k *Kernels) func(dst, x []float32) { return k.Tanh }, math.Tanh},
		{"relu", 0, func(k *Kernels) func(dst, x []float32) { return k.ReLU }, func(x float64) float64 {
			if x < 0 {
				return 0
			}
			return x
		}},
		{
			"e^-|x|", 2, func(k *Kernels) func(dst, x []float32) { return k.ExpNegAbs },
			func(x float64) float64 { return math.Exp(-math.Abs(x)) },
		},
		{"e^(x-shift)", 2, func(k *Kernels) func(dst, x []float32) {
			return func(dst, x []float32) { k.ExpShift(dst, x, shift) }
		}, func(x float64) float64 { return math.Exp(float64(float32(x) - shift)) }},
	} {
		t.Run(f.name, func(t *testing.T) {
			eachTier(t, func(t *testing.T, k *Kernels) {
				run := f.run(k)
				dst := guard(len(xs))
				run(dst.s, xs)
				dst.check(t, f.name)
				worst, at := 0.0, float32(0)
				for i, x := range xs {
					if u := ulps(dst.s[i], f.want(float64(x))); !(u <= worst) {
						worst, at = u, x
					}
				}
				if !(worst <= f.bound) {
					t.Errorf("%s(%v) is %.3g ulp off, want at most %v", f.name, at, worst, f.bound)
				}
				t.Logf("largest error %.2f ulp", worst)
				for n := 0; n <= 6*Lane; n += Lane { // every tail, in place
					g := guard(n)
					copy(g.s, xs[100:])
					run(g.s, g.s)
					g.check(t, fmt.Sprint(n))
					for i, v := range g.s {
						if v != dst.s[100+i] {
							t.Fatalf("element %d of %d in place: %v, want %v", i, n, v, dst.s[100+i])
						}
					}
				}
			})
		})
	}
}

// TestElementwise holds products and gradients to their definitions in package kernel; they are but one or two
// roundings.
func TestElementwise(t *testing.T) {
	act := func(a engine.Activation) func(dst, x, y []float32) {
		return func(dst, x, y []float32) { kernel.ActivateGrad(dst, x, y, 1, len(dst), a) }
	}
	for _, f := range []struct {
		name string
		run  func(k *Kernels, dst, x, y []float32)
		want func(dst, x, y []float32)
	}{
		{"mul", (*Kernels).Mul, kernel.Mul},
		{"add", (*Kernels).Add, kernel.Add},
		{
			"fade", func(k *Kernels, dst, x, y []float32) { copy(dst, x); k.Fade(dst, y, 0.9, 0.01) },
			func(dst, x, y []float32) {
				for i, v := range x {
					dst[i] = float32(float64(float32(0.9))*float64(v) - float64(float32(0.01))*float64(y[i]))
				}
			},
		},
		{"sigmoid-grad", (*Kernels).SigmoidGrad, act(engine.Sigmoid)},
		{"tanh-grad", (*Kernels).TanhGrad, act(engine.Tanh)},
		{"relu-grad", (*Kernels).ReLUGrad, act(engine.ReLU)},
		{"scale", func(k *Kernels, dst, x, _ []float32) { k.Scale(dst, x, -0.3) }, func(dst, x, _ []float32) {
			for i, v := range x {
				dst[i] = -0.3 * v
			}
		}},
		{
			"shrink", func(k *Kernels, dst, x, _ []float32) { copy(dst, x); k.Shrink(dst, 0.01) },
			func(dst, x, _ []float32) {
				for i, v := range x {
					dst[i] = float32(float64(v) - float64(float32(0.01))*float64(v))
				}
			},
		},
	} {
		t.Run(f.name, func(t *testing.T) {
			eachTier(t, func(t *testing.T, k *Kernels) {
				r := rand.New(rand.NewPCG(2, 1))
				for n := 0; n <= 7*Lane; n += Lane {
					x, y, want := random(r, n), random(r, n), make([]float32, n)
					if n > 0 {
						x[0], y[1], x[2], x[3], x[4] = 0, float32(math.NaN()), float32(math.NaN()),
							float32(math.Inf(1)), float32(math.Inf(-1))
					}
					f.want(want, x, y)
					dst := guard(n)
					f.run(k, dst.s, x, y)
					dst.check(t, f.name)
					for i, w := range want {
						if u := ulps(dst.s[i], float64(w)); !(u <= 8) && math.Abs(float64(dst.s[i]-w)) > 1e-6 ||
							math.IsNaN(float64(w)) != math.IsNaN(float64(dst.s[i])) {
							t.Fatalf("element %d of %d, of %v and %v: %v, want %v", i, n, x[i], y[i], dst.s[i], w)
						}
					}
				}
			})
		})
	}
}

// TestUpdate holds the methods to package kernel.
func TestUpdate(t *testing.T) {
	for _, in := range []engine.Instr{
		{Method: engine.SGD},
		{Method: engine.SGD, L2: 0.1},
		{Method: engine.SGD, L2: 0.1, L1: 0.02},
		{Method: engine.Momentum, Momentum: 0.9},
		{Method: engine.Momentum, Momentum: 0.9, L2: 0.1},
		{Method: engine.Nesterov, Momentum: 0.8, L2: 0.1},
		{Method: engine.Nesterov, Momentum: 0.8, L1: 0.02},
		{Method: engine.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		{Method: engine.Adam, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-3, L2: 0.1, L1: 0.02},
		{Method: engine.Adam, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-3, L2: 0.1},
	} {
		t.Run(fmt.Sprintf("%v/l2=%v,l1=%v", in.Method, in.L2, in.L1), func(t *testing.T) {
			eachTier(t, func(t *testing.T, k *Kernels) {
				r := rand.New(rand.NewPCG(3, 1))
				for n := Lane; n <= 6*Lane; n += Lane {
					w, g, s, second := random(r, n), random(r, n), random(r, n), random(r, n)
					for i, v := range second {
						second[i] = v * v
					}
					w[0] = 0
					gw, gs, gt := guard(n), guard(n), guard(n)
					copy(gw.s, w)
					copy(gs.s, s)
					copy(gt.s, second)
					kernel.Update(w, g, s, second, &in, 0.1, 4)
					k.Update(gw.s, g, gs.s, gt.s, &in, NewRates(&in, 0.1, 4))
					for name, pair := range map[string]struct {
						want []float32
						got  guarded
					}{"w": {w, gw}, "s": {s, gs}, "t": {second, gt}} {
						pair.got.check(t, name)
						for i, v := range pair.want {
							if math.Abs(float64(v-pair.got.s[i])) > 1e-6*(1+math.Abs(float64(v))) {
								t.Fatalf("%s[%d] of %d is %v, want %v", name, i, n, pair.got.s[i], v)
							}
						}
					}
				}
			})
		})
	}
}

// TestMultiply holds both orders of a, with and without adding, to sums in float64; a column's bits do not depend on
// which others are computed with it.
func TestMultiply(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernels) {
		r := rand.New(rand.NewPCG(4, 1))
		for _, rows := range []int{1, 2, 3, 4, 5, 7, 10, 13} {
			for _, depth := range []int{1, 2, 10, 101} {
				for _, cols := range []int{8, 16, 24, 56, 64, 72, 104, 136} {
					for _, transposed := range []bool{false, true} {
						add := (rows+depth+cols/8)%2 == 0
						problem(t, k, r, rows, depth, cols, transposed, add)
					}
				}
			}
		}
	})
}

func problem(t *testing.T, k *Kernels, r *rand.Rand, rows, depth, cols int, transposed, add bool) {
	t.Helper()
	what := fmt.Sprintf("%d×%d×%d, transposed %t, add %t", rows, depth, cols, transposed, add)
	cs, bs, ars, acs := cols+3, cols+5, depth+1, 1
	if transposed {
		ars, acs = 1, rows+2
	}
	a, b := random(r, (rows-1)*ars+(depth-1)*acs+1), random(r, depth*bs)
	c := guard((rows-1)*cs + cols)
	for i := range c.s {
		c.s[i] = canary
	}
	start := random(r, rows*cols)
	for i := range rows {
		copy(c.s[i*cs:i*cs+cols], start[i*cols:])
	}
	k.Multiply(c.s, cs, a, ars, acs, b, bs, rows, depth, cols, add)
	c.check(t, what)
	for i := range rows {
		for j := range cs {
			if i*cs+j >= len(c.s) {
				break
			}
			got := c.s[i*cs+j]
			if j >= cols {
				if got != canary {
					t.Fatalf("%s: (%d, %d), between the rows, is %v", what, i, j, got)
				}
				continue
			}
			want, size := 0.0, 0.0
			if add {
				want = float64(start[i*cols+j])
				size = math.Abs(want)
			}
			for d := range depth {
				p := float64(a[i*ars+d*acs]) * float64(b[d*bs+j])
				want += p
				size += math.Abs(p)
			}
			if !(math.Abs(float64(got)-want) <= float64(depth+1)*size*0x1p-24) {
				t.Fatalf("%s: (%d, %d) is %v, want %v", what, i, j, got, want)
			}
		}
	}
	alone := make([]float32, Lane)
	at := cols - Lane
	copy(alone, start[at:])
	k.Multiply(alone, Lane, a, ars, acs, b[at:], bs, 1, depth, Lane, add)
	for j, v := range alone {
		if v != c.s[at+j] {
			t.Fatalf("%s: column %d alone gives %v, with the others %v", what, at+j, v, c.s[at+j])
		}
	}
}
