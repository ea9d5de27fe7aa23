package graph

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
)

// Net is a network as a Gorgonia graph for batches of a fixed number of rows. Its nodes are named: x, y, mask1, …,
// layer1.weight, layer1.bias, layer1.z, layer1.a, layer1.dropout, …, loss, layer1.penalty, …, cost, and
// layer1.weight.grad for a gradient.
type Net struct {
	Spec   engine.Spec
	Graph  *G.ExprGraph
	X      *G.Node // rows×Inputs
	Y      *G.Node // rows×Classes, one-hot
	Masks  G.Nodes // dropout masks of the hidden layers, rows×Units; empty without dropout
	Params G.Nodes // W (In×Out) and b (Out) of each layer, as in [engine.Spec.ParamInfo]; without values
	Layers []Layer
	Loss   *G.Node // mean loss of the rows, a scalar
	Cost   *G.Node // loss + penalties, what is differentiated; Loss itself without penalties
	Grads  G.Nodes // ∂Cost/∂Params
}

// Layer is what one layer computes, rows×Units. A is Z for the identity. Where the loss is fused with the output
// activation, the A of the output layer is there for inference and takes no part in training.
type Layer struct {
	Z *G.Node // weighted inputs z = x·W + b
	A *G.Node // activations a = σ(z), before dropout
}

// Build makes the graph of spec for batches of rows examples and differentiates its cost with respect to the
// parameters. It allocates no array: nodes have shapes, and values only when a machine runs the graph. Several
// goroutines may build at once. The error is that of [engine.Spec.Validate] when spec is wrong.
func Build(spec engine.Spec, rows int) (*Net, error) {
	net, err := forward(spec, rows, true)
	if err != nil {
		return nil, err
	}
	if err := net.addCost(rows); err != nil {
		return nil, err
	}
	one := net.Graph.AddNode(G.NewConstant(float32(1)))
	if net.Grads, err = G.Backpropagate(G.Nodes{net.Cost}, G.Nodes{one}, net.Params); err != nil {
		return nil, fmt.Errorf("graph: gradients of network %v: %w", spec, err)
	}
	return net, nil
}

// forward makes the graph of the layers: with dropout for training, without for inference.
func forward(spec engine.Spec, rows int, training bool) (*Net, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if rows < 1 {
		return nil, fmt.Errorf("graph: network %v for batches of %d rows, want at least 1", spec, rows)
	}
	spec.Layers = slices.Clone(spec.Layers)
	net := &Net{Spec: spec, Graph: G.NewGraph()}
	for _, p := range spec.ParamInfo() {
		net.Params = append(net.Params, input(net.Graph, p.Name, p.Shape...))
	}
	net.X = input(net.Graph, "x", rows, spec.Inputs)
	x := net.X
	for i, l := range spec.Layers {
		name := fmt.Sprintf("layer%d", i+1)
		z, err := apply(&Op{Kind: Dense, Data: i == 0}, name+".z", x, net.Params[2*i], net.Params[2*i+1])
		if err != nil {
			return nil, err
		}
		a := z
		if l.Activation != engine.Identity {
			if a, err = apply(&Op{Kind: Activate, Activation: l.Activation}, name+".a", z); err != nil {
				return nil, err
			}
		}
		net.Layers = append(net.Layers, Layer{Z: z, A: a})
		x = a
		if training && spec.Dropout > 0 && i < len(spec.Layers)-1 {
			mask := input(net.Graph, fmt.Sprintf("mask%d", i+1), rows, l.Units)
			net.Masks = append(net.Masks, mask)
			if x, err = apply(&Op{Kind: Mul}, name+".dropout", a, mask); err != nil {
				return nil, err
			}
		}
	}
	return net, nil
}

// addCost adds the targets, the loss and the penalties of the weights.
func (net *Net) addCost(rows int) error {
	spec := net.Spec
	out := net.Layers[len(net.Layers)-1]
	net.Y = input(net.Graph, "y", rows, spec.Classes())
	p, op := out.A, &Op{Kind: Loss, Loss: spec.Loss}
	if spec.Loss == engine.CrossEntropy {
		p, op.Activation = out.Z, spec.Layers[len(spec.Layers)-1].Activation
	}
	var err error
	if net.Loss, err = apply(op, "loss", p, net.Y); err != nil {
		return err
	}
	net.Cost = net.Loss
	if spec.L2 == 0 && spec.L1 == 0 {
		return nil
	}
	n := float64(spec.N)
	terms := G.Nodes{net.Loss}
	for i := range spec.Layers {
		op := &Op{Kind: Penalty, L2: float32(spec.L2 / n), L1: float32(spec.L1 / n)}
		penalty, err := apply(op, fmt.Sprintf("layer%d.penalty", i+1), net.Params[2*i])
		if err != nil {
			return err
		}
		terms = append(terms, penalty)
	}
	net.Cost, err = apply(&Op{Kind: Sum, Terms: len(terms)}, "cost", terms...)
	return err
}

// input makes an input node. Its name must be new in g: Gorgonia takes two inputs of one name and shape for the same.
func input(g *G.ExprGraph, name string, shape ...int) *G.Node {
	return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
}
