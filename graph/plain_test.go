package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
	"neuroloupe/graph/plain"
)

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
				net, err := plain.Build(spec, rows, params)
				if err != nil {
					t.Fatal(err)
				}
				for node, v := range map[*G.Node][]float32{net.X: m.x, net.Y: m.y} {
					if err := G.Let(node, tensor.New(tensor.WithShape(node.Shape()...),
						tensor.WithBacking(v))); err != nil {
						t.Fatal(err)
					}
				}
				if err := G.NewTapeMachine(net.Loss.Graph()).RunAll(); err != nil {
					t.Fatal(err)
				}
				err = m.run(func() error {
					ours, theirs := append(G.Nodes{m.net.Loss}, m.net.Grads...), append(G.Nodes{net.Loss}, net.Grads...)
					for i, n := range ours {
						got, err := floats(n.Value())
						if err != nil {
							return err
						}
						want, err := floats(theirs[i].Value())
						if err != nil {
							return err
						}
						if len(got) != len(want) {
							t.Fatalf("%s: %d values, want %d", n.Name(), len(got), len(want))
						}
						for k := range want {
							if d := math.Abs(float64(got[k] - want[k])); !(d <= tolerance) {
								t.Fatalf("%s: value %d is %v, plain Gorgonia has %v; off by %.1e", n.Name(), k, got[k],
									want[k], d)
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
