package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
)

// The formulas of the operators in float64, written from the mathematics and not from the kernels. Arguments are
// row-major matrices with the columns of the test, rows×cols.
const rows, ins, outs = 3, 4, 5

func dense64(in [][]float64) []float64 {
	x, w, b := in[0], in[1], in[2]
	z := make([]float64, rows*outs)
	for r := range rows {
		for k := range outs {
			z[r*outs+k] = b[k]
			for i := range ins {
				z[r*outs+k] += x[r*ins+i] * w[i*outs+k]
			}
		}
	}
	return z
}

func activate64(act engine.Activation, z []float64, cols int) []float64 {
	a := make([]float64, len(z))
	for i, v := range z {
		switch act {
		case engine.Identity:
			a[i] = v
		case engine.Sigmoid:
			a[i] = 1 / (1 + math.Exp(-v))
		case engine.Tanh:
			a[i] = (math.Exp(v) - math.Exp(-v)) / (math.Exp(v) + math.Exp(-v))
		case engine.ReLU:
			a[i] = max(0, v)
		case engine.Softmax:
			var sum float64
			for _, o := range z[i/cols*cols : (i/cols+1)*cols] {
				sum += math.Exp(o)
			}
			a[i] = math.Exp(v) / sum
		}
	}
	return a
}

// loss64 is the mean over n rows: of a for the quadratic loss, of z for cross-entropy after act.
func loss64(loss engine.Loss, act engine.Activation, p, y []float64, n int) float64 {
	var sum float64
	if loss == engine.Quadratic {
		for i := range p {
			sum += (p[i] - y[i]) * (p[i] - y[i]) / 2
		}
		return sum / float64(n)
	}
	for i, a := range activate64(act, p, len(p)/n) {
		sum -= y[i] * math.Log(a)
		if act == engine.Sigmoid {
			sum -= (1 - y[i]) * math.Log(1-a)
		}
	}
	return sum / float64(n)
}

func penalty64(w []float64, l2, l1 float64) float64 {
	var sum float64
	for _, v := range w {
		sum += l2/2*v*v + l1*math.Abs(v)
	}
	return sum
}

// operand is an input of an operator under test.
type operand struct {
	name   string
	shape  []int
	oneHot bool
}

// gradientCase is one operator with its formula.
type gradientCase struct {
	op *Op
	in []operand
	f  func(in [][]float64) []float64
}

func gradientCases() []gradientCase {
	x := operand{name: "x", shape: []int{rows, ins}}
	w := operand{name: "W", shape: []int{ins, outs}}
	z := operand{name: "z", shape: []int{rows, outs}}
	y := operand{name: "y", shape: []int{rows, outs}, oneHot: true}
	cs := []gradientCase{
		{&Op{Kind: Dense}, []operand{x, w, {name: "b", shape: []int{outs}}}, dense64},
		{&Op{Kind: Mul}, []operand{z, {name: "m", shape: []int{rows, outs}}}, func(in [][]float64) []float64 {
			p := make([]float64, len(in[0]))
			for i := range p {
				p[i] = in[0][i] * in[1][i]
			}
			return p
		}},
		{&Op{Kind: Penalty, L2: 0.25, L1: 0.5}, []operand{w}, func(in [][]float64) []float64 {
			return []float64{penalty64(in[0], 0.25, 0.5)}
		}},
		{&Op{Kind: Sum, Terms: 3}, []operand{{name: "c1"}, {name: "c2"}, {name: "c3"}}, func(in [][]float64) []float64 {
			return []float64{in[0][0] + in[1][0] + in[2][0]}
		}},
	}
	for _, act := range []engine.Activation{engine.Identity, engine.Sigmoid, engine.Tanh, engine.ReLU, engine.Softmax} {
		cs = append(cs, gradientCase{
			&Op{Kind: Activate, Activation: act},
			[]operand{z},
			func(in [][]float64) []float64 {
				return activate64(act, in[0], outs)
			},
		})
	}
	for _, op := range []*Op{
		{Kind: Loss, Loss: engine.Quadratic},
		{Kind: Loss, Loss: engine.CrossEntropy, Activation: engine.Sigmoid},
		{Kind: Loss, Loss: engine.CrossEntropy, Activation: engine.Softmax},
	} {
		cs = append(cs, gradientCase{op, []operand{z, y}, func(in [][]float64) []float64 {
			return []float64{loss64(op.Loss, op.Activation, in[0], in[1], rows)}
		}})
	}
	return cs
}

// tolerance of a float32 result against a float64 one. Each element is a sum of at most 24 products of numbers near 1,
// each rounded to 24 bits: 24·2⁻²⁴, and half as much again for the exponential's argument. Central differences in
// float64 with a step of 1e-5 are off by 1e-10, which does not count.
const tolerance = 36 * 0x1p-24

const difference = 1e-5

// centralDifference returns ∂(Σ up·f)/∂in[k][i].
func centralDifference(f func([][]float64) []float64, in [][]float64, up []float64, k, i int) float64 {
	at := in[k][i]
	defer func() { in[k][i] = at }()
	cost := func(v float64) (sum float64) {
		in[k][i] = v
		for j, out := range f(in) {
			sum += up[j] * out
		}
		return sum
	}
	return (cost(at+difference) - cost(at-difference)) / (2 * difference)
}

// value draws values for a node, and returns them in float64 too.
func value(r *rand.Rand, n *G.Node, oneHot bool) (G.Value, []float64) {
	v64 := make([]float64, n.Shape().TotalSize())
	v32 := make([]float32, len(v64))
	for i := range v32 {
		v32[i] = float32(r.NormFloat64())
		if oneHot {
			v32[i] = 0
		}
	}
	if oneHot {
		for row := range rows {
			v32[row*outs+r.IntN(outs)] = 1
		}
	}
	for i, v := range v32 {
		v64[i] = float64(v)
	}
	if n.IsScalar() {
		return G.NewF32(v32[0]), v64
	}
	return tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(v32)), v64
}

// Every operator, forward and for each input that it is differentiable in, against the formulas in float64 and their
// central differences, with an arbitrary gradient from above.
func TestOperatorGradients(t *testing.T) {
	covered := map[Kind]bool{}
	for _, c := range gradientCases() {
		covered[c.op.Kind] = true
		t.Run(c.op.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(c.op.Kind)))
			g := G.NewGraph()
			nodes := make(G.Nodes, len(c.in))
			in := make([][]float64, len(c.in))
			for k, o := range c.in {
				nodes[k] = input(g, o.name, o.shape...)
				var v G.Value
				v, in[k] = value(r, nodes[k], o.oneHot)
				if err := G.Let(nodes[k], v); err != nil {
					t.Fatal(err)
				}
			}
			out, err := apply(c.op, "out", nodes...)
			if err != nil {
				t.Fatal(err)
			}
			above := input(g, "above", out.Shape()...)
			v, up := value(r, above, false)
			if err := G.Let(above, v); err != nil {
				t.Fatal(err)
			}
			var wrt G.Nodes
			var which []int
			for k, diff := range c.op.DiffWRT(len(nodes)) {
				if diff {
					wrt, which = append(wrt, nodes[k]), append(which, k)
				}
			}
			grads, err := G.Backpropagate(G.Nodes{out}, G.Nodes{above}, wrt)
			if err != nil {
				t.Fatal(err)
			}
			if err := G.NewTapeMachine(g).RunAll(); err != nil {
				t.Fatal(err)
			}
			near(t, "out", out.Value(), c.f(in))
			for j, k := range which {
				want := make([]float64, len(in[k]))
				for i := range want {
					want[i] = centralDifference(c.f, in, up, k, i)
				}
				near(t, "gradient of "+c.in[k].name, grads[j].Value(), want)
			}
		})
	}
	for k := range signatures {
		if differentiable := signatures[k].diff != nil; differentiable != covered[Kind(k)] {
			t.Errorf("operator %v: has a gradient: %t, tested: %t", &Op{Kind: Kind(k)}, differentiable,
				covered[Kind(k)])
		}
	}
}

// near compares a float32 value with one in float64, relative to the largest element.
func near(t *testing.T, what string, got G.Value, want []float64) {
	t.Helper()
	have, err := floats(got)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(have) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(have), len(want))
	}
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i, v := range want {
		if d := math.Abs(float64(have[i]) - v); !(d <= tolerance*scale) {
			t.Errorf("%s: value %d is %v, want %v; off by %.1e of at most %.1e", what, i, have[i], v, d,
				tolerance*scale)
		}
	}
}

// cost64 is the cost of a whole network, dropout masks and penalties included.
func cost64(s engine.Spec, params [][]float64, x, y []float64, masks [][]float64, n int) float64 {
	a, in := x, s.Inputs
	var z []float64
	var penalties float64
	for l, layer := range s.Layers {
		w, b := params[2*l], params[2*l+1]
		z = make([]float64, n*layer.Units)
		for r := range n {
			for k := range layer.Units {
				z[r*layer.Units+k] = b[k]
				for i := range in {
					z[r*layer.Units+k] += a[r*in+i] * w[i*layer.Units+k]
				}
			}
		}
		a = activate64(layer.Activation, z, layer.Units)
		if l < len(masks) {
			for i := range a {
				a[i] *= masks[l][i]
			}
		}
		if s.N > 0 {
			penalties += penalty64(w, s.L2/float64(s.N), s.L1/float64(s.N))
		}
		in = layer.Units
	}
	if s.Loss == engine.CrossEntropy {
		return loss64(s.Loss, s.Layers[len(s.Layers)-1].Activation, z, y, n) + penalties
	}
	return loss64(s.Loss, engine.Identity, a, y, n) + penalties
}

func doubles(v []float32) []float64 {
	d := make([]float64, len(v))
	for i := range v {
		d[i] = float64(v[i])
	}
	return d
}

// The cost of whole networks and its gradient with respect to every parameter, as Gorgonia differentiates and runs
// them, against float64.
func TestNetworkGradients(t *testing.T) {
	const n = 4
	for _, c := range specs {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, c.spec, n)
			r := rand.New(rand.NewPCG(c.spec.Seed, 5))
			params := c.spec.NewParams()
			var values []*tensor.Dense
			var params64 [][]float64
			for _, p := range params {
				if len(p.Shape) == 1 { // biases of 0 put dropped-out ReLUs on their kink, where there is no derivative
					for i := range p.Data {
						p.Data[i] = float32(r.NormFloat64())
					}
				}
				values = append(values, tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(p.Data)))
				params64 = append(params64, doubles(p.Data))
			}
			m, err := newMachine(net, values)
			if err != nil {
				t.Fatal(err)
			}
			for i := range m.x {
				m.x[i] = r.Float32()
			}
			for row := range n {
				m.y[row*c.spec.Classes()+r.IntN(c.spec.Classes())] = 1
			}
			var masks64 [][]float64
			for _, mask := range m.masks {
				for i := range mask {
					mask[i] = 2 * float32(r.IntN(2))
				}
				masks64 = append(masks64, doubles(mask))
			}
			x64, y64 := doubles(m.x), doubles(m.y)
			f := func(params [][]float64) []float64 { return []float64{cost64(c.spec, params, x64, y64, masks64, n)} }
			err = m.run(func() error {
				near(t, "cost", net.Cost.Value(), f(params64))
				for k := range params64 {
					want := make([]float64, len(params64[k]))
					for i := range want {
						want[i] = centralDifference(f, params64, []float64{1}, k, i)
					}
					near(t, fmt.Sprintf("gradient of %s", params[k].Name), net.Grads[k].Value(), want)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
