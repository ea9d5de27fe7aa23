package enginetest

import (
	"fmt"
	"math"
	"testing"

	"neuroloupe/engine"
)

// close64 reports whether a and b agree to a relative error, or an absolute one below 1.
func close64(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*max(1, math.Abs(a), math.Abs(b))
}

// penaltyCost is λ₂/(2n) Σw² + λ₁/n Σ|w| over the weights.
func penaltyCost(n *reference) float64 {
	cost := 0.0
	for p := 0; p < len(n.params); p += 2 {
		for _, w := range n.params[p] {
			cost += single(n.spec.L2/float64(n.spec.N))/2*w*w + single(n.spec.L1/float64(n.spec.N))*math.Abs(w)
		}
	}
	return cost
}

// TestReferenceGradient holds every element of the gradient to the central difference of the cost,
// (C(w+h) − C(w−h))/2h, whose error is of order h².
func TestReferenceGradient(t *testing.T) {
	type gradientCase struct {
		name string
		spec engine.Spec
	}
	var cases []gradientCase
	for _, s := range combinations([]int{6, 5, 4, 3}) {
		cases = append(cases, gradientCase{functions(s), s})
	}
	extra := network([]int{6, 5, 4, 3}, engine.Tanh, engine.Softmax, engine.CrossEntropy)
	extra.L2, extra.L1, extra.N = 3, 0.7, 11
	cases = append(cases, gradientCase{"penalties", extra})
	extra.Dropout = 0.4
	cases = append(cases, gradientCase{"penalties and dropout", extra})
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			r := source(tc.name)
			data := digits(r, 8, tc.spec.Inputs, tc.spec.Classes())
			order := shuffled(r, 8, 8)
			m := masks(tc.spec, len(order), 3)
			n := newReference(tc.spec, tc.spec.NewParams())
			_, g := n.gradient(data, order, m)
			full := n.penalised(g.sum)
			cost := func() float64 {
				c, _ := n.gradient(data, order, m)
				return c + penaltyCost(n)
			}
			if tc.spec.N == 0 {
				cost = func() float64 {
					c, _ := n.gradient(data, order, m)
					return c
				}
			}
			const h = 1e-5
			for p, values := range n.params {
				for i, w := range values {
					values[i] = w + h
					up := cost()
					values[i] = w - h
					down := cost()
					values[i] = w
					got, want := full[p][i], (up-down)/(2*h)
					if !close64(got, want, 1e-8) {
						t.Fatalf("parameter %d, element %d: gradient %v, central difference %v", p, i, got, want)
					}
				}
			}
			if n.closest < 1e-4 {
				t.Errorf("a ReLU is %v from its kink, too near for differences of %v: take another seed", n.closest, h)
			}
		})
	}
}

// TestReferenceCost writes the costs as the books do, with logarithms of activations.
func TestReferenceCost(t *testing.T) {
	z := []float64{0.3, -1.2, 2}
	for label := range z {
		sigmoid := network([]int{1, 3}, engine.Sigmoid, engine.Sigmoid, engine.CrossEntropy)
		softmax := network([]int{1, 3}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
		quadratic := network([]int{1, 3}, engine.Sigmoid, engine.Sigmoid, engine.Quadratic)
		var want [3]float64
		sum := 0.0
		for k, v := range z {
			a, y := 1/(1+math.Exp(-v)), 0.0
			if k == label {
				y = 1
			}
			want[0] -= y*math.Log(a) + (1-y)*math.Log(1-a)
			want[2] += (a - y) * (a - y) / 2
			sum += math.Exp(v)
		}
		want[1] = -math.Log(math.Exp(z[label]) / sum)
		for i, spec := range []engine.Spec{sigmoid, softmax, quadratic} {
			n := newReference(spec, spec.NewParams())
			got, _ := n.output(z, activate(spec.Layers[0].Activation, z), label)
			if !close64(got, want[i], 1e-14) {
				t.Errorf("%s, label %d: cost %v, want %v", functions(spec), label, got, want[i])
			}
		}
	}
}

// TestReferenceUpdate holds the methods to forms of themselves without recursion, over a parameter whose gradient is
// a function of it.
func TestReferenceUpdate(t *testing.T) {
	const (
		lr    = 0.25
		steps = 12
		first = 2 // steps before the first: counts for Adam alone
	)
	slope := func(w float64) float64 { return 0.8*w - 0.1 }
	for _, tc := range []struct {
		name string
		u    engine.Update
		// want returns the parameter after each step, from the first value.
		want func(w float64) []float64
	}{
		{"sgd", engine.Update{Method: engine.SGD}, func(w float64) []float64 {
			// w − w* shrinks by 1 − 0.8η each step, w* = 1/8.
			var ws []float64
			for k := 1; k <= steps; k++ {
				ws = append(ws, 0.125+(w-0.125)*math.Pow(1-0.8*lr, float64(k)))
			}
			return ws
		}},
		{"momentum", engine.Update{Method: engine.Momentum, Momentum: 0.5}, func(w float64) []float64 {
			// The heavy ball as Polyak wrote it: w″ = w′ − ηg + μ(w′ − w).
			ws := []float64{w, w}
			for range steps {
				a, b := ws[len(ws)-2], ws[len(ws)-1]
				ws = append(ws, b-lr*slope(b)+0.5*(b-a))
			}
			return ws[2:]
		}},
		{"nesterov", engine.Update{Method: engine.Nesterov, Momentum: 0.5}, func(w float64) []float64 {
			// Sutskever et al. 2013, equations 3 and 4, whose parameters θ are not looked ahead: w = θ + μv.
			theta, v := w, 0.0
			var ws []float64
			for range steps {
				v = 0.5*v - lr*slope(theta+0.5*v)
				theta += v
				ws = append(ws, theta+0.5*v)
			}
			return ws
		}},
		{
			"adam",
			engine.Update{Method: engine.Adam, Beta1: 0.5, Beta2: 0.75, Epsilon: 1.0 / 1024},
			func(w float64) []float64 {
				// Kingma and Ba 2015, section 3: the moments as sums over all gradients.
				var ws, gs []float64
				for k := 1; k <= steps; k++ {
					gs = append(gs, slope(w))
					m, v := 0.0, 0.0
					for i, g := range gs {
						m += 0.5 * math.Pow(0.5, float64(k-1-i)) * g
						v += 0.25 * math.Pow(0.75, float64(k-1-i)) * g * g
					}
					m /= 1 - math.Pow(0.5, float64(k+first))
					v /= 1 - math.Pow(0.75, float64(k+first))
					w -= lr * m / (math.Sqrt(v) + 1.0/1024)
					ws = append(ws, w)
				}
				return ws
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := network([]int{1, 1}, engine.Sigmoid, engine.Sigmoid, engine.Quadratic)
			spec.Update = tc.u
			n := newReference(spec, engine.Params{
				{Name: engine.WeightName(1), Shape: []int{1, 1}, Data: []float32{2}},
				{Name: engine.BiasName(1), Shape: []int{1}, Data: []float32{-3}},
			})
			want := [][]float64{tc.want(2), tc.want(-3)}
			for k := range steps {
				g := [][]float64{{slope(n.params[0][0])}, {slope(n.params[1][0])}}
				n.update(g, lr, uint64(k+first))
				for p := range want {
					if got := n.params[p][0]; !close64(got, want[p][k], 1e-13) {
						t.Fatalf("parameter %d after %d steps: %v, want %v", p, k+1, got, want[p][k])
					}
				}
			}
		})
	}
}

// TestReferenceConstants: zero means the defaults that the Spec documents.
func TestReferenceConstants(t *testing.T) {
	b1, b2, e := adamConstants(engine.Update{Method: engine.Adam})
	if got, want := fmt.Sprint(float32(b1), float32(b2), float32(e)), "0.9 0.999 1e-08"; got != want {
		t.Errorf("defaults %s, want %s", got, want)
	}
}
