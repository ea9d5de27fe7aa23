//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import "neuroloupe/engine"

// Which arrays of a kernel are bfloat16; see kernels/elementwise.cu.
const (
	narrowIn = 1 << iota
	narrowA
	narrowOut
)

// flags adds up those whose value is narrow.
func (m *emitter) flags(in bool, a, out id) int {
	f := 0
	if in {
		f |= narrowIn
	}
	if m.narrow[a] {
		f |= narrowA
	}
	if m.narrow[out] {
		f |= narrowOut
	}
	return f
}

// findNarrow returns the values that lie in memory as bfloat16 in steps of so many rows: with BF16, those that are made
// beside a product of cuBLAS, and read by such products and what is beside them alone. That is half the memory to move.
func (e *executor) findNarrow(f *flow, p *plan, rows int) map[id]bool {
	if e.products == nil || e.runtime.options.Precision != BF16 {
		return nil
	}
	narrow := map[id]bool{}
	for _, n := range p.nodes {
		switch n := n.(type) {
		case *denseNode:
			narrow[n.a], narrow[n.h] = e.byBLAS(f, n, rows), e.byBLAS(f, n, rows)
		case *deltaNode:
			narrow[n.out] = e.byBLAS(f, n, rows)
		case *instrNode:
			narrow[n.out] = n.Op == engine.OpImages
		}
	}
	wide := func(vs ...id) {
		for _, v := range vs {
			narrow[v] = false
		}
	}
	wide(none)
	wide(p.wanted...)
	for _, n := range p.nodes {
		if e.byBLAS(f, n, rows) {
			continue
		}
		switch n := n.(type) {
		case *denseNode:
			wide(n.x)
		case *deltaNode:
			wide(n.delta, n.a)
		case *gradientNode:
			wide(n.x, n.delta)
		case *lossNode:
			wide(n.p, n.y)
		case *instrNode:
			wide(n.in[:]...)
		}
	}
	return narrow
}
