package graph

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// must is for graphs made by hand.
func must(t *testing.T) func(n *G.Node, err error) *G.Node {
	return func(n *G.Node, err error) *G.Node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func TestLowerErrors(t *testing.T) {
	spec := specs[1].spec // with a penalty, so that there is a cost
	for _, c := range []struct {
		name      string
		change    func(t *testing.T, net *Net)
		node, why string
	}{
		{"foreign loss", func(t *testing.T, net *Net) {
			net.Loss = must(t)(G.Square(net.Loss))
		}, "square(", "neither an operator of package graph nor a sum"},
		{"foreign gradient", func(t *testing.T, net *Net) {
			n := must(t)(G.Neg(net.Grads[1]))
			G.WithName("negative")(n)
			net.Grads[1] = n
		}, "negative", "neither an operator of package graph nor a sum"},
		{"foreign node below ours", func(t *testing.T, net *Net) {
			z := must(t)(G.Tanh(net.Layers[1].Z))
			net.Layers[1].A = must(t)(apply(&Op{Kind: Activate}, "layer2.a", z))
		}, "tanh(", "neither"},
		{"impostor", func(t *testing.T, net *Net) {
			net.Layers[1].A = must(t)(G.ApplyOpWithName(impostor{&Op{Kind: Activate}}, "fake", net.Layers[1].Z))
		}, "fake", "neither"},
		{"unknown input", func(t *testing.T, net *Net) {
			y := input(net.Graph, "soft targets", net.Y.Shape()...)
			net.Loss = must(t)(apply(&Op{Kind: Loss}, "loss", net.Layers[1].A, y))
		}, "soft targets", "neither a parameter nor x, y or a mask"},
		{"cost for loss", func(_ *testing.T, net *Net) { net.Loss = net.Cost }, "cost", "no such instruction"},
		{"penalty for loss", func(_ *testing.T, net *Net) {
			net.Loss = net.Graph.ByName("layer1.penalty")[0]
		}, "layer1.penalty", "no such instruction"},
		{"weighted loss", func(t *testing.T, net *Net) {
			*net = *forwardWithLoss(t, spec)
			two := net.Graph.AddNode(G.NewConstant(float32(2)))
			grads, err := G.Backpropagate(G.Nodes{net.Loss}, G.Nodes{two}, net.Params)
			if err != nil {
				t.Fatal(err)
			}
			net.Grads = grads
		}, "layer2.z.grad", "want the constant 1"},
		{"weighted penalty", func(t *testing.T, net *Net) {
			two := net.Graph.AddNode(G.NewConstant(float32(2)))
			penalty := must(t)(apply(&Op{Kind: PenaltyGrad, L2: 1}, "twice", net.Params[0], two))
			net.Grads[0] = must(t)(G.Add(net.Graph.ByName("layer1.weight.grad")[0], penalty))
		}, "twice", "want the constant 1"},
		{"weight from above", func(t *testing.T, net *Net) {
			up := input(net.Graph, "up")
			net.Grads[1] = must(t)(apply(&Op{Kind: LossGrad}, "weighted", net.Layers[0].A, net.Layers[0].A, up))
		}, "weighted", "want the constant 1"},
		{"computed from above", func(t *testing.T, net *Net) {
			up := must(t)(apply(&Op{Kind: Sum, Terms: 1}, "up", input(net.Graph, "c")))
			if err := G.UnsafeLet(up, G.NewF32(1)); err != nil { // its value happens to be 1
				t.Fatal(err)
			}
			net.Grads[1] = must(t)(apply(&Op{Kind: LossGrad}, "weighted", net.Layers[0].A, net.Layers[0].A, up))
		}, "weighted", "want the constant 1"},
		{"constant gradient", func(_ *testing.T, net *Net) {
			net.Grads[1] = net.Graph.AddNode(G.NewConstant(float32(1)))
		}, "1", "neither"},
		{"parameter for a batch", func(t *testing.T, net *Net) {
			net.Layers[1].A = must(t)(apply(&Op{Kind: Activate}, "batch", net.Params[2]))
		}, "batch", "operand 1, layer2.weight, has one row per example: false, want true"},
		{"sum of a batch and a parameter", func(t *testing.T, net *Net) {
			net.Layers[1].A = must(t)(G.Add(net.Layers[1].Z, net.Params[2]))
		}, "+ false(", "it adds layer2.z and layer2.weight, whose shapes differ"},
		{"shape of a parameter", func(_ *testing.T, net *Net) {
			net.Params[1] = net.Params[3]
		}, "layer2.bias", "want [5] for layer1.bias"},
		{"shape of x", func(_ *testing.T, net *Net) { net.X = net.Params[1] }, "layer1.bias", "want rows×columns"},
		{"shape of y", func(_ *testing.T, net *Net) { net.Y = net.Params[1] }, "layer1.bias", "want rows×columns"},
		{
			"shape of a mask", func(_ *testing.T, net *Net) { net.Masks = net.Params[1:2] }, "layer1.bias",
			"want rows×columns",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, spec, 5) // as many rows as units: a matrix of weights could pass for a batch
			c.change(t, net)
			_, err := Lower(net, 4)
			var lower *LowerError
			if !errors.As(err, &lower) {
				t.Fatalf("error %v, want a *LowerError", err)
			}
			if !strings.Contains(lower.Node, c.node) || !strings.Contains(lower.Why, c.why) {
				t.Errorf("node %q: %s; want node %q: %s", lower.Node, lower.Why, c.node, c.why)
			}
			if !strings.Contains(err.Error(), lower.Node) || lower.Op == "" {
				t.Errorf("error %q names no node or operator", err)
			}
		})
	}
}

// forwardWithLoss is a network that is not differentiated yet.
func forwardWithLoss(t *testing.T, spec engine.Spec) *Net {
	t.Helper()
	net, err := forward(spec, 5, true)
	if err == nil {
		err = net.addCost(5)
	}
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func TestLowerWrongNet(t *testing.T) {
	for _, c := range []struct {
		name     string
		capacity int
		change   func(net *Net)
		want     string
	}{
		{"capacity", 0, func(*Net) {}, "steps of 0 rows"},
		{"no gradients", 4, func(net *Net) { net.Grads = nil }, "4 parameters and 0 gradients, want 2, 4 and 4"},
		{"no loss", 4, func(net *Net) { net.Loss = nil }, "without x, y or loss"},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, specs[0].spec, 2)
			c.change(net)
			if _, err := Lower(net, c.capacity); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// Inference leaves dropout masks out and no other product.
func TestInferKeepsProducts(t *testing.T) {
	net := build(t, specs[6].spec, 2) // three layers of four units with dropout
	product := must(t)(apply(&Op{Kind: Mul}, "product", net.Layers[2].Z, net.Layers[0].A))
	net.Layers[2].A = must(t)(apply(&Op{Kind: Activate, Activation: engine.Tanh}, "gated", product))
	p, err := Lower(net, 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, in := range p.Infer {
		got = append(got, p.Buffers[in.Out].Name)
	}
	want := []string{
		"x", "layer1.z", "layer1.a", "layer2.z", "layer2.a", "layer3.z", "product", "gated",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The update adds the penalty of the weights it changes; that of others stays an instruction.
func TestPenaltyOfOtherWeights(t *testing.T) {
	net := build(t, specs[6].spec, 2) // layers of equal sizes
	other := net.Graph.ByName("layer2.penalty.grad")[0]
	net.Grads[0] = must(t)(G.Add(net.Graph.ByName("layer1.weight.grad")[0], other))
	p, err := Lower(net, 2)
	if err != nil {
		t.Fatal(err)
	}
	penalties := 0
	for _, in := range p.Train {
		if in.Op == engine.OpPenaltyGrad && in.In[0] == p.Params[2] {
			penalties++
		}
		if in.Op == engine.OpUpdate && in.Out == p.Params[0] && in.L1 != 0 {
			t.Errorf("the update of layer1.weight has L1 %v, want 0", in.L1)
		}
	}
	if penalties != 1 {
		t.Errorf("%d penalty gradients of layer2.weight, want 1:\n%v", penalties, p)
	}
}

// Weights that two layers share: their gradients meet, and with them the gradient of the penalty. What Gorgonia adds,
// the Program adds, and a step changes the parameters to the same bits.
func TestSharedWeights(t *testing.T) {
	for _, l2 := range []float64{0, 3} {
		spec := engine.Spec{
			Inputs: 4, Layers: []engine.Layer{layer(4, engine.Tanh), layer(3, engine.Sigmoid)}, L2: l2,
			N: 10,
		}
		const n = 5
		net, err := forward(spec, n, true)
		if err != nil {
			t.Fatal(err)
		}
		// x → layer 1 → layer 1 again → layer 2
		ok := must(t)
		z := ok(apply(&Op{Kind: Dense}, "again.z", net.Layers[0].A, net.Params[0], net.Params[1]))
		a := ok(apply(&Op{Kind: Activate, Activation: engine.Tanh}, "again.a", z))
		z2 := ok(apply(&Op{Kind: Dense}, "layer2.z", a, net.Params[2], net.Params[3]))
		net.Layers[1] = Layer{Z: z2, A: ok(apply(&Op{Kind: Activate, Activation: engine.Sigmoid}, "layer2.a", z2))}
		if err := net.addCost(n); err != nil {
			t.Fatal(err)
		}
		one := net.Graph.AddNode(G.NewConstant(float32(1)))
		if net.Grads, err = G.Backpropagate(G.Nodes{net.Cost}, G.Nodes{one}, net.Params); err != nil {
			t.Fatal(err)
		}

		p, err := Lower(net, n)
		if err != nil {
			t.Fatal(err)
		}
		var adds, penalties int
		for _, in := range p.Train {
			switch in.Op {
			case engine.OpAdd:
				adds++
			case engine.OpPenaltyGrad:
				penalties++
			}
		}
		// One sum for the weights and one for the biases. A penalty that Gorgonia adds first and not last stays an
		// instruction: taking it out of the sum would round in another order.
		wantAdds, wantPenalties := 2, 0
		if l2 > 0 {
			wantAdds, wantPenalties = 3, 1
		}
		if adds != wantAdds || penalties != wantPenalties {
			t.Errorf("%d sums and %d penalties, want %d and %d:\n%v", adds, penalties, wantAdds, wantPenalties, p)
		}
		names := map[string]bool{}
		for _, b := range p.Buffers {
			if names[b.Name] {
				t.Errorf("two buffers named %s", b.Name)
			}
			names[b.Name] = true
		}
		d := examples(spec, n)
		order := []int32{0, 1, 2, 3, 4}
		v := interpret(p, spec.NewParams())
		loss := v.train(d, order, 0.5, 0)

		params := spec.NewParams()
		var values []*tensor.Dense
		for _, w := range params {
			values = append(values, tensor.New(tensor.WithShape(w.Shape...), tensor.WithBacking(w.Data)))
		}
		m, err := newMachine(net, values)
		if err != nil {
			t.Fatal(err)
		}
		kernel.Images(m.x, d.Images, order, spec.Inputs)
		kernel.Labels(m.y, d.Labels, order, spec.Classes())
		err = m.run(func() error {
			got, err := floats(net.Loss.Value())
			if err != nil {
				return err
			}
			sameBits(t, "loss", []float32{loss}, got)
			for i, w := range params {
				g, err := floats(net.Grads[i].Value())
				if err != nil {
					return err
				}
				kernel.Update(w.Data, g, nil, nil, &engine.Instr{}, 0.5, 0)
				sameBits(t, w.Name, v.bufs[p.Params[i]], w.Data)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
