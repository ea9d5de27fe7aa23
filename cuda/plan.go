//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import "neuroloupe/engine"

// The work of a plan, in order. Each node is one launch, or two where cuBLAS computes the product. Results that are
// none have no reader and no room.
type (
	// denseNode: z = x·W + b, a = σ(z), h = a ⊙ mask. x is none for the step's images as bytes.
	denseNode struct {
		x, w, b       id
		z, a, h, mask id
		act           engine.Activation
		keep          float32
		layer         int
	}
	// deltaNode: out = δ·Wᵀ ⊙ mask ⊙ σ'(z), with a = σ(z).
	deltaNode struct {
		delta, w, mask, a id
		act               engine.Activation
		out               id
	}
	// gradientNode: grad = xᵀ·δ, or W is changed by it and b by Σ_rows δ.
	gradientNode struct {
		x, delta, grad  id
		weights, biases *step // updates; nil where there is none
	}
	// lossNode: mean loss, its gradient dp, and dz behind the activation.
	lossNode struct {
		in           engine.Instr
		act          engine.Activation
		p, y, dp, dz id // y is none for the labels of the step
		mean         id
		report       bool // the loss is the step's
	}
	// instrNode is an instruction by itself.
	instrNode struct{ step }
	// reportNode hands out the loss of the step where no lossNode does.
	reportNode struct{ mean id }
)

// plan is what computes the values wanted.
type plan struct {
	nodes  []any
	wanted []id
	stored map[id]bool // values that need room
}

// findStored collects the values that nodes read from memory or write to it.
func (p *plan) findStored() {
	for _, n := range p.nodes {
		var vs []id
		switch n := n.(type) {
		case *denseNode:
			vs = []id{n.x, n.z, n.a, n.h, n.mask}
		case *deltaNode:
			vs = []id{n.delta, n.mask, n.a, n.out}
		case *gradientNode:
			vs = []id{n.x, n.delta, n.grad}
		case *lossNode:
			vs = []id{n.p, n.y, n.dp, n.dz, n.mean}
		case *instrNode:
			vs = append(n.in[:], n.out)
		case *reportNode:
			vs = []id{n.mean}
		}
		for _, v := range vs {
			if v != none {
				p.stored[v] = true
			}
		}
	}
}
