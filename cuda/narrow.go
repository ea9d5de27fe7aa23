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
	made := func(beside bool, vs ...id) {
		for _, v := range vs {
			if beside && v != none {
				narrow[v] = true
			}
		}
	}
	for _, n := range p.nodes {
		switch n := n.(type) {
		case *denseNode:
			made(n.x != none && e.byBLAS(rows, f.buffer(n.w).Cols, f.buffer(n.w).Rows), n.a, n.h)
		case *deltaNode:
			made(e.byBLAS(rows, f.buffer(n.w).Rows, f.buffer(n.w).Cols), n.out)
		case *instrNode:
			made(n.Op == engine.OpImages, n.out)
		}
	}
	read := func(beside bool, vs ...id) {
		for _, v := range vs {
			if !beside {
				delete(narrow, v)
			}
		}
	}
	read(false, p.wanted...)
	for _, n := range p.nodes {
		switch n := n.(type) {
		case *denseNode:
			read(n.x != none && e.byBLAS(rows, f.buffer(n.w).Cols, f.buffer(n.w).Rows), n.x)
		case *deltaNode:
			read(e.byBLAS(rows, f.buffer(n.w).Rows, f.buffer(n.w).Cols), n.delta, n.a)
		case *gradientNode:
			read(n.x != none && e.byBLAS(f.buffer(n.x).Cols, f.buffer(n.delta).Cols, rows), n.x, n.delta)
		case *lossNode:
			read(false, n.p, n.y)
		case *instrNode:
			read(false, n.in[:]...)
		}
	}
	return narrow
}
