// Package plain trains networks the way Gorgonia's tutorials do: a graph of Gorgonia's own operators, a TapeMachine and
// the vanilla solver. It is what our operators are tested against, and what the benchmark of peers measures.
package plain

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
)

// Net is a graph of sigmoid layers with the quadratic loss, for batches of one size.
type Net struct {
	X, Y, Loss *G.Node
	Params     G.Nodes // weights and biases in turn
	Grads      G.Nodes // in the order of Params
}

// Build makes the graph for rows examples, with parameters as engine.Spec.ParamInfo describes them, which it aliases.
// Only sizes are taken from the Spec.
func Build(spec engine.Spec, rows int, params []engine.Tensor) (*Net, error) {
	g := G.NewGraph()
	n := &Net{
		X: G.NewMatrix(g, tensor.Float32, G.WithShape(rows, spec.Inputs), G.WithName("x")),
		Y: G.NewMatrix(g, tensor.Float32, G.WithShape(rows, spec.Classes()), G.WithName("y")),
	}
	a, in := n.X, spec.Inputs
	for l, layer := range spec.Layers {
		w := G.NewMatrix(g, tensor.Float32, G.WithName(fmt.Sprint("w", l)), G.WithShape(in, layer.Units),
			G.WithValue(tensor.New(tensor.WithShape(in, layer.Units), tensor.WithBacking(params[2*l].Data))))
		b := G.NewMatrix(g, tensor.Float32, G.WithName(fmt.Sprint("b", l)), G.WithShape(1, layer.Units),
			G.WithValue(tensor.New(tensor.WithShape(1, layer.Units), tensor.WithBacking(params[2*l+1].Data))))
		n.Params = append(n.Params, w, b)
		z, err := G.Mul(a, w)
		if err != nil {
			return nil, err
		}
		if z, err = G.BroadcastAdd(z, b, nil, []byte{0}); err != nil {
			return nil, err
		}
		if a, err = G.Sigmoid(z); err != nil {
			return nil, err
		}
		in = layer.Units
	}
	difference, err := G.Sub(a, n.Y)
	if err != nil {
		return nil, err
	}
	squares, err := G.Square(difference)
	if err != nil {
		return nil, err
	}
	sum, err := G.Sum(squares)
	if err != nil {
		return nil, err
	}
	if n.Loss, err = G.Div(sum, G.NewConstant(float32(2*rows))); err != nil {
		return nil, err
	}
	n.Grads, err = G.Grad(n.Loss, n.Params...)
	return n, err
}

// Trainer trains with sgd.
type Trainer struct {
	spec     engine.Spec
	params   engine.Params
	machines map[int]*machine // by rows
	solver   *G.VanillaSolver
}

type machine struct {
	net  *Net
	vm   G.VM
	x, y []float32
}

// NewTrainer returns a Trainer of spec's sizes from spec's start parameters.
func NewTrainer(spec engine.Spec, lr float64) *Trainer {
	return &Trainer{
		spec: spec, params: spec.NewParams(), machines: map[int]*machine{},
		solver: G.NewVanillaSolver(G.WithLearnRate(lr)),
	}
}

func (t *Trainer) machine(rows int) (*machine, error) {
	if m := t.machines[rows]; m != nil {
		return m, nil
	}
	net, err := Build(t.spec, rows, t.params)
	if err != nil {
		return nil, err
	}
	m := &machine{net: net, x: make([]float32, rows*t.spec.Inputs), y: make([]float32, rows*t.spec.Classes())}
	m.vm = G.NewTapeMachine(net.X.Graph(), G.BindDualValues(net.Params...))
	for node, v := range map[*G.Node][]float32{net.X: m.x, net.Y: m.y} {
		if err := G.Let(node, tensor.New(tensor.WithShape(node.Shape()...), tensor.WithBacking(v))); err != nil {
			return nil, err
		}
	}
	t.machines[rows] = m
	return m, nil
}

// Epoch trains on images (float32, n×Inputs) and labels in the given order, in batches, the last of what is left.
func (t *Trainer) Epoch(images []float32, labels []uint8, order []int32, batch int) error {
	in, classes := t.spec.Inputs, t.spec.Classes()
	for len(order) > 0 {
		rows := min(batch, len(order))
		m, err := t.machine(rows)
		if err != nil {
			return err
		}
		clear(m.y)
		for r, e := range order[:rows] {
			copy(m.x[r*in:], images[int(e)*in:int(e+1)*in])
			m.y[r*classes+int(labels[e])] = 1
		}
		if err := m.vm.RunAll(); err != nil {
			return err
		}
		if err := t.solver.Step(G.NodesToValueGrads(m.net.Params)); err != nil {
			return err
		}
		m.vm.Reset()
		order = order[rows:]
	}
	return nil
}

// Params returns the parameters as they are; they alias the Trainer's.
func (t *Trainer) Params() engine.Params { return t.params }
