package cpu

import (
	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/gemm"
	"neuroloupe/engine/cpu/internal/simd"
)

// The first layer's weights lie in blocks of columns, and each worker owns some: what it computes forward and what it
// changes stays in its own cache. Pixels come from the data set's sparse form, or as numbers where it has none.

// of returns the part of a matrix in blocks, m, that lies in b.
func (b block) of(m *matrix) gemm.Matrix {
	return gemm.Matrix{Data: m.data[b.at : b.at+m.rows*b.stride], Rows: m.rows, Cols: b.hi - b.lo, Stride: b.stride}
}

// firstDense computes x·W + b from pixels as numbers, own columns for all rows.
func (w *worker) firstDense(in *engine.Instr) {
	z, x, m, bias := w.m[in.Out], w.m[in.In[0]], w.m[in.In[1]], w.m[in.In[2]]
	for _, b := range m.ownBlocks(w.id) {
		w.e.gemm.Mul(w.pack, gemm.NN, w.view(z, b.lo, b.hi), w.view(x, 0, x.cols), b.of(m),
			gemm.Epilogue{Bias: bias.data[b.lo:b.hi]})
	}
}

// sparseDense computes x·W + b from the nonzero pixels, own columns for all rows or all columns for own rows.
func (w *worker) sparseDense(in *engine.Instr, cut part) {
	z, m, bias := w.m[in.Out], w.m[in.In[1]], w.m[in.In[2]]
	s := w.set.sparse
	lo, hi, owned := 0, len(w.order), m.ownBlocks(w.id)
	if cut == rows {
		lo, hi, owned = w.lo, w.hi, m.blocks
	}
	if lo == hi {
		return
	}
	for _, b := range owned {
		for r := lo; r < hi; r++ {
			copy(z.row(r)[b.lo:b.lo+b.width], bias.data[b.lo:])
		}
		for c := range s.Chunks {
			w.k.Forward(z.data[lo*z.stride+b.lo:], z.stride, m.data[b.at:], b.stride, s, w.order[lo:hi], c, b.width)
		}
	}
}

// firstDenseDW computes own columns of xᵀ·δ into a gradient in blocks.
func (w *worker) firstDenseDW(in *engine.Instr) {
	g, x, d := w.m[in.Out], w.m[in.In[0]], w.m[in.In[1]]
	s := w.set.sparse
	for _, b := range g.ownBlocks(w.id) {
		grad := b.of(g)
		if s == nil {
			w.e.gemm.Mul(w.pack, gemm.TN, grad, w.view(x, 0, x.cols), w.view(d, b.lo, b.hi), gemm.Epilogue{})
			continue
		}
		clear(grad.Data)
		for c := range s.Chunks {
			w.k.Accumulate(grad.Data[c*s.ChunkRows*b.stride:], b.stride, d.data[b.lo:], d.stride, s, w.order, w.next, c,
				b.width)
		}
	}
}

// firstUpdate changes own columns of weights by their gradient xᵀ·δ.
func (w *worker) firstUpdate(in *engine.Instr, xRef, dRef engine.Ref) {
	m, x, d := w.m[in.Out], w.m[xRef], w.m[dRef]
	s, t := w.state(in, 1), w.state(in, 2)
	for _, b := range m.ownBlocks(w.id) {
		switch {
		case w.set.sparse != nil:
			w.sparseUpdate(in, b, m, d, s, t)
		case in.Method == engine.SGD && in.L1 == 0:
			w.e.gemm.Mul(w.pack, gemm.TN, b.of(m), w.view(x, 0, x.cols), w.view(d, b.lo, b.hi),
				gemm.Epilogue{Mode: gemm.Update, LR: w.lr, L2: in.L2})
		default:
			from, to := b.at, b.at+m.rows*b.stride
			grad := b.of(m)
			grad.Data = w.scratch[:to-from]
			w.e.gemm.Mul(w.pack, gemm.TN, grad, w.view(x, 0, x.cols), w.view(d, b.lo, b.hi), gemm.Epilogue{})
			w.apply(in, m.data[from:to], grad.Data, s.cut(from, to), t.cut(from, to))
		}
	}
}

// sparseUpdate changes block b a chunk of pixels at a time, so that the chunk stays in the innermost cache. Plain
// descent adds −ηxᵀδ to the weights themselves, momentum to the velocity; other methods need the gradient's sum first.
func (w *worker) sparseUpdate(in *engine.Instr, b block, m, d, first, second *matrix) {
	s := w.set.sparse
	scale := -w.lr
	direct := in.L1 == 0 && (in.Method == engine.SGD || in.Method == engine.Momentum)
	if !direct {
		scale = 1
	}
	deltas := w.scratch[:len(w.order)*b.stride]
	for r := range w.order {
		w.k.Scale(deltas[r*b.stride:r*b.stride+b.width], d.row(r)[b.lo:], scale)
	}
	rates := simd.NewRates(in, w.lr, w.step)
	for c := range s.Chunks {
		lo, hi := c*s.ChunkRows, min((c+1)*s.ChunkRows, m.rows)
		from, to := b.at+lo*b.stride, b.at+hi*b.stride
		weights := m.data[from:to]
		switch {
		case direct && in.Method == engine.SGD:
			if in.L2 != 0 {
				w.k.Shrink(weights, w.lr*in.L2)
			}
			w.k.Accumulate(weights, b.stride, deltas, b.stride, s, w.order, w.next, c, b.width)
		case direct:
			velocity := first.data[from:to]
			if in.L2 == 0 {
				w.k.Scale(velocity, velocity, in.Momentum)
			} else {
				w.k.Fade(velocity, weights, in.Momentum, w.lr*in.L2)
			}
			w.k.Accumulate(velocity, b.stride, deltas, b.stride, s, w.order, w.next, c, b.width)
			w.k.Add(weights, weights, velocity)
		default:
			grad := w.scratch[len(deltas):][:to-from]
			clear(grad)
			w.k.Accumulate(grad, b.stride, deltas, b.stride, s, w.order, w.next, c, b.width)
			w.k.Update(weights, grad, first.cut(from, to), second.cut(from, to), in, rates)
		}
	}
}
