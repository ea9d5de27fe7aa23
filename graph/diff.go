package graph

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
)

// DiffWRT says for which of the inputs SymDiff has a gradient.
func (o *Op) DiffWRT(inputs int) []bool {
	diff := make([]bool, inputs)
	copy(diff, o.signature().diff)
	if o.Kind == Dense && o.Data {
		diff[0] = false
	}
	return diff
}

// SymDiff adds the gradient operators of o to the graph: for each input the gradient of the cost with respect to it,
// nil where DiffWRT answers false. grad is the gradient with respect to output. The nodes are named after what they
// are the gradient of: "layer1.weight.grad".
func (o *Op) SymDiff(in G.Nodes, output, grad *G.Node) (G.Nodes, error) {
	grads := make(G.Nodes, len(in))
	var err error
	add := func(k int, op *Op, operands ...*G.Node) {
		if err == nil {
			grads[k], err = apply(op, in[k].Name()+".grad", operands...)
		}
	}
	switch o.Kind {
	case Dense:
		add(1, &Op{Kind: DenseDW}, in[0], grad)
		add(2, &Op{Kind: DenseDB}, grad)
		if !o.Data {
			add(0, &Op{Kind: DenseDX}, grad, in[1])
		}
	case Activate:
		add(0, &Op{Kind: ActivateGrad, Activation: o.Activation}, output, grad)
	case Mul:
		add(0, &Op{Kind: Mul}, grad, in[1])
	case Loss:
		add(0, &Op{Kind: LossGrad, Loss: o.Loss, Activation: o.Activation}, in[0], in[1], grad)
	case Penalty:
		grads[0], err = apply(&Op{Kind: PenaltyGrad, L2: o.L2, L1: o.L1}, output.Name()+".grad", in[0], grad)
	case Sum:
		for k := range grads {
			grads[k] = grad
		}
	default:
		return nil, fmt.Errorf("graph: %v has no gradient", o)
	}
	return grads, err
}

// apply adds a named node to the graph of the operands. Gorgonia looks for an equal node by 32-bit hashes and does not
// compare operands or operators, so that what it returns is checked here.
func apply(op *Op, name string, operands ...*G.Node) (*G.Node, error) {
	n, err := G.ApplyOp(op, operands...)
	if err != nil {
		return nil, fmt.Errorf("graph: node %s: %w", name, err)
	}
	if _, ours := n.Op().(*Op); !ours || !slices.Equal(childrenOf(n), operands) {
		return nil, fmt.Errorf("graph: node %s: Gorgonia takes it for node %v, whose hash is the same", name, n)
	}
	G.WithName(name)(n)
	return n, nil
}

// childrenOf returns the operands of n, in order.
func childrenOf(n *G.Node) G.Nodes {
	var ns G.Nodes
	for it := n.Graph().From(n.ID()); it.Next(); {
		ns = append(ns, it.Node().(*G.Node))
	}
	return ns
}
