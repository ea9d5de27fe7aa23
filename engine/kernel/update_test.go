package kernel_test

import (
	"math"
	"slices"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// optimiser is a method in float64 on one parameter, written from its paper and not from the kernel: plain momentum as
// Polyak's heavy ball, Nesterov's on its own variable θ (Sutskever et al. 2013, equations 3 and 4), Adam's moments
// as sums over all gradients (Kingma and Ba 2015, section 3).
type optimiser struct {
	in    engine.Instr
	first uint64    // steps before the first
	w     float64   // the parameter
	g     []float64 // the gradients so far
	lr    []float64 // and learning rates
}

// step takes gradient g and the sign of the parameter, which is float32's, since near 0 the two may differ. It returns
// the parameter and what the method keeps.
func (o *optimiser) step(g, sign, lr float64) (w, s, t float64) {
	mu := float64(o.in.Momentum)
	g += float64(o.in.L2)*o.w + float64(o.in.L1)*sign
	o.g, o.lr = append(o.g, g), append(o.lr, lr)
	n := len(o.g) - 1
	// v = −Σ μ^(n−i) η_i g_i, the velocity without recursion
	v := func(last int) float64 {
		sum := 0.0
		for i := 0; i <= last; i++ {
			sum -= math.Pow(mu, float64(last-i)) * o.lr[i] * o.g[i]
		}
		return sum
	}
	switch o.in.Method {
	case engine.SGD:
		o.w -= lr * g
	case engine.Momentum:
		s = v(n)
		o.w += s
	case engine.Nesterov:
		// w = θ + μv before and after; θ moves by the new v.
		theta := o.w - mu*v(n-1)
		s = v(n)
		o.w = theta + s + mu*s
	case engine.Adam:
		b1, b2 := float64(o.in.Beta1), float64(o.in.Beta2)
		for i, g := range o.g {
			s += (1 - b1) * math.Pow(b1, float64(n-i)) * g
			t += (1 - b2) * math.Pow(b2, float64(n-i)) * g * g
		}
		k := float64(o.first) + float64(n) + 1
		o.w -= lr * s / (1 - math.Pow(b1, k)) / (math.Sqrt(t/(1-math.Pow(b2, k))) + float64(o.in.Epsilon))
	}
	return o.w, s, t
}

// methods are all, without and with penalties.
func methods() []engine.Instr {
	var all []engine.Instr
	for _, in := range []engine.Instr{
		{Method: engine.SGD},
		{Method: engine.Momentum, Momentum: 0.9},
		{Method: engine.Nesterov, Momentum: 0.9},
		{Method: engine.Nesterov, Momentum: 0},
		{Method: engine.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		{Method: engine.Adam, Beta1: 0.5, Beta2: 0.75, Epsilon: 0.125},
	} {
		for _, l := range []struct{ l2, l1 float32 }{{0, 0}, {0.1, 0}, {0, 0.05}, {0.1, 0.05}} {
			in.Op, in.L2, in.L1 = engine.OpUpdate, l.l2, l.l1
			all = append(all, in)
		}
	}
	return all
}

func methodName(in engine.Instr, n int, first uint64) string {
	return label(in.Method, " μ ", in.Momentum, " β ", in.Beta1, " L2 ", in.L2, " L1 ", in.L1, ", ", n,
		" values from step ", first)
}

// stateOf returns room for what a method keeps.
func stateOf(in engine.Instr, n int) (s, t []float32) {
	switch len(in.Method.StateNames()) {
	case 1:
		return make([]float32, n), nil
	case 2:
		return make([]float32, n), make([]float32, n)
	}
	return nil, nil
}

func TestUpdate(t *testing.T) {
	const steps = 9
	for _, in := range methods() {
		for _, n := range sizes {
			for _, first := range []uint64{0, 5} {
				name := methodName(in, n, first)
				r := source(name)
				w := values(r, n)
				m, v := stateOf(in, n)
				ref := make([]optimiser, n)
				for i := range ref {
					ref[i] = optimiser{in: in, first: first, w: float64(w[i])}
				}
				for k := range steps {
					g := values(r, n)
					for i := range g {
						if math.Abs(float64(g[i])) < 0.01 {
							g[i] = 0.01 // Adam divides by it
						}
					}
					before, signs := slices.Clone(g), make([]float64, n)
					for i, v := range w {
						if v != 0 {
							signs[i] = math.Copysign(1, float64(v))
						}
					}
					lr := float32(0.01) / float32(k+1)
					kernel.Update(w, g, m, v, &in, lr, first+uint64(k))
					sameBits(t, name+": gradient", before, g)
					var want [3][]float64
					bound := make([]float64, n)
					for i := range ref {
						a, b, c := ref[i].step(float64(g[i]), signs[i], float64(lr))
						want[0], want[1], want[2] = append(want[0], a), append(want[1], b), append(want[2], c)
						// A handful of roundings a step of values of size 1, and a few.
						bound[i] = 10 * roundoff * float64(k+1) * (1 + math.Abs(a) + math.Abs(b) + math.Abs(c))
					}
					near(t, label(name, ", parameter after ", k+1), want[0], bound, w)
					if m != nil {
						near(t, label(name, ", first state after ", k+1), want[1], bound, m)
					}
					if v != nil {
						near(t, label(name, ", second state after ", k+1), want[2], bound, v)
					}
				}
			}
		}
	}
}

// TestUpdateParts: elements do not depend on each other, so that they can be shared out.
func TestUpdateParts(t *testing.T) {
	const n = 37
	for _, in := range methods() {
		name := methodName(in, n, 0)
		r := source(name)
		w, g := values(r, n), values(r, n)
		m, v := stateOf(in, n)
		for i := range m {
			m[i] = float32(r.NormFloat64())
		}
		for i := range v {
			v[i] = float32(r.Float64())
		}
		w2, m2, v2 := slices.Clone(w), slices.Clone(m), slices.Clone(v)
		kernel.Update(w, g, m, v, &in, 0.1, 3)
		part := func(s []float32, lo, hi int) []float32 {
			if s == nil {
				return nil
			}
			return s[lo:hi]
		}
		for lo, hi := 0, 1; lo < n; lo, hi = hi, min(n, hi+lo+1) {
			kernel.Update(w2[lo:hi], g[lo:hi], part(m2, lo, hi), part(v2, lo, hi), &in, 0.1, 3)
		}
		sameBits(t, name+", parameter", w, w2)
		sameBits(t, name+", first state", m, m2)
		sameBits(t, name+", second state", v, v2)
	}
}

// TestUpdatePenalty: a penalty in Update and its gradient added before are the same, to the last bit.
func TestUpdatePenalty(t *testing.T) {
	const n = 101
	for _, in := range methods() {
		name := methodName(in, n, 0)
		r := source(name)
		w, g := values(r, n), values(r, n)
		m, v := stateOf(in, n)
		w2, m2, v2 := slices.Clone(w), slices.Clone(m), slices.Clone(v)
		bare := in
		bare.L2, bare.L1 = 0, 0
		for step := range uint64(3) {
			kernel.Update(w, g, m, v, &in, 0.1, step)
			full := make([]float32, n)
			kernel.PenaltyGrad(full, w2, in.L2, in.L1)
			kernel.Add(full, g, full)
			kernel.Update(w2, full, m2, v2, &bare, 0.1, step)
		}
		sameBits(t, name+", parameter", w, w2)
		sameBits(t, name+", first state", m, m2)
		sameBits(t, name+", second state", v, v2)
	}
}

// TestAdamClock: Adam's first step is η·g/(|g| + ε) whatever the size of g, and the correction ends after many steps.
func TestAdamClock(t *testing.T) {
	in := engine.Instr{Op: engine.OpUpdate, Method: engine.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	g := []float32{1e-6, -1e-3, 1, -1e6, 0}
	w, s, v := make([]float32, 5), make([]float32, 5), make([]float32, 5)
	kernel.Update(w, g, s, v, &in, 0.5, 0)
	var want, bound []float64
	for _, g := range wide(g) {
		want, bound = append(want, -0.5*g/(math.Abs(g)+1e-8)), append(bound, 1e-6)
	}
	near(t, "first step", want, bound, w)

	for _, step := range []uint64{1e6, 1 << 40, math.MaxUint64} {
		w, s, v := []float32{0}, []float32{0.5}, []float32{4}
		kernel.Update(w, []float32{1}, s, v, &in, 1, step)
		b1, b2 := float64(in.Beta1), float64(in.Beta2)
		want := -(b1*0.5 + (1 - b1)) / (math.Sqrt(b2*4+(1-b2)) + 1e-8)
		near(t, label("step ", step), []float64{want}, []float64{1e-6}, w)
	}
}

// TestUpdateNaN: a gradient that is no number makes the parameter none, and only that parameter.
func TestUpdateNaN(t *testing.T) {
	for _, in := range methods() {
		w, g := []float32{1, 1}, []float32{float32(math.NaN()), 0.5}
		m, v := stateOf(in, 2)
		kernel.Update(w, g, m, v, &in, 0.1, 0)
		if w[0] == w[0] || w[1] != w[1] {
			t.Errorf("%s: parameters %v, want NaN and a number", methodName(in, 2, 0), w)
		}
	}
}
