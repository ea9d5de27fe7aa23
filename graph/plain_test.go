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

// plainNet builds sigmoid layers with the quadratic loss out of Gorgonia's own operators.
func plainNet(spec engine.Spec, rows int, params []engine.Tensor) (x, y, loss *G.Node, grads G.Nodes, err error) {
	g := G.NewGraph()
	x = G.NewMatrix(g, tensor.Float32, G.WithShape(rows, spec.Inputs), G.WithName("x"))
	y = G.NewMatrix(g, tensor.Float32, G.WithShape(rows, spec.Classes()), G.WithName("y"))
	a, in := x, spec.Inputs
	var wrt G.Nodes
	for l, layer := range spec.Layers {
		w := G.NewMatrix(g, tensor.Float32, G.WithName(fmt.Sprint("w", l)), G.WithShape(in, layer.Units),
			G.WithValue(tensor.New(tensor.WithShape(in, layer.Units), tensor.WithBacking(params[2*l].Data))))
		b := G.NewMatrix(g, tensor.Float32, G.WithName(fmt.Sprint("b", l)), G.WithShape(1, layer.Units),
			G.WithValue(tensor.New(tensor.WithShape(1, layer.Units), tensor.WithBacking(params[2*l+1].Data))))
		wrt = append(wrt, w, b)
		z, err := G.Mul(a, w)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		if z, err = G.BroadcastAdd(z, b, nil, []byte{0}); err != nil {
			return nil, nil, nil, nil, err
		}
		if a, err = G.Sigmoid(z); err != nil {
			return nil, nil, nil, nil, err
		}
		in = layer.Units
	}
	loss = G.Must(G.Div(G.Must(G.Sum(G.Must(G.Square(G.Must(G.Sub(a, y)))))), G.NewConstant(float32(2*rows))))
	grads, err = G.Grad(loss, wrt...)
	return x, y, loss, grads, err
}

// Our graph is the network that Gorgonia's own operators compute: loss and every gradient.
func TestAgainstPlainGorgonia(t *testing.T) {
	// Both are float32. A gradient sums rows products, a loss rows·outputs squares, and every z behind them sums 784
	// products in another order; the z of these nets are below 8, so they differ by some 784·2⁻²⁴·8/√784 ≈ 1e-5 at
	// worst and 1e-6 as a rule, and what follows is no steeper than the sigmoid, 1/4.
	const tolerance = 3e-6
	for _, sizes := range [][]int{{784, 30, 10}, {20, 10}, {50, 20, 15, 5}} {
		for _, rows := range []int{1, 2, 16} {
			t.Run(fmt.Sprint(sizes, " rows ", rows), func(t *testing.T) {
				spec := engine.Spec{Inputs: sizes[0], Seed: uint64(rows)}
				for _, n := range sizes[1:] {
					spec.Layers = append(spec.Layers, layer(n, engine.Sigmoid))
				}
				params := spec.NewParams()
				var values []*tensor.Dense
				for _, p := range params {
					values = append(values, tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(p.Data)))
				}
				m, err := newMachine(build(t, spec, rows), values)
				if err != nil {
					t.Fatal(err)
				}
				r := rand.New(rand.NewPCG(7, uint64(rows)))
				for i := range m.x {
					if r.IntN(5) == 0 {
						m.x[i] = r.Float32()
					}
				}
				for row := range rows {
					m.y[row*spec.Classes()+r.IntN(spec.Classes())] = 1
				}
				x, y, loss, grads, err := plainNet(spec, rows, params)
				if err != nil {
					t.Fatal(err)
				}
				for node, v := range map[*G.Node][]float32{x: m.x, y: m.y} {
					if err := G.Let(node, tensor.New(tensor.WithShape(node.Shape()...), tensor.WithBacking(v))); err != nil {
						t.Fatal(err)
					}
				}
				if err := G.NewTapeMachine(loss.Graph()).RunAll(); err != nil {
					t.Fatal(err)
				}
				err = m.run(func() error {
					ours, plain := append(G.Nodes{m.net.Loss}, m.net.Grads...), append(G.Nodes{loss}, grads...)
					for i, n := range ours {
						got, err := floats(n.Value())
						if err != nil {
							return err
						}
						want, err := floats(plain[i].Value())
						if err != nil {
							return err
						}
						if len(got) != len(want) {
							t.Fatalf("%s: %d values, want %d", n.Name(), len(got), len(want))
						}
						for k := range want {
							if d := math.Abs(float64(got[k] - want[k])); !(d <= tolerance) {
								t.Fatalf("%s: value %d is %v, plain Gorgonia has %v; off by %.1e", n.Name(), k, got[k], want[k], d)
							}
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}
