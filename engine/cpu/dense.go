package cpu

import (
	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/gemm"
	"neuroloupe/engine/cpu/internal/simd"
)

// updateRows is how many rows of a large gradient are computed before they are used: few enough to be still in the
// second-level cache, many enough for the products.
const updateRows = 128

// view returns columns lo ≤ j < hi of the step's rows, or of rows lo ≤ i < hi of weights.
func (w *worker) view(m *matrix, lo, hi int) gemm.Matrix {
	if m.layout == batchRows {
		return gemm.Matrix{Data: m.data[lo:], Rows: len(w.order), Cols: hi - lo, Stride: m.stride}
	}
	return gemm.Matrix{Data: m.data[lo*m.stride : hi*m.stride], Rows: hi - lo, Cols: m.cols, Stride: m.stride}
}

// dense computes z = x·W + b, rows or own columns.
func (w *worker) dense(in *engine.Instr, cut part) {
	z, x, wt, b := w.m[in.Out], w.m[in.In[0]], w.m[in.In[1]], w.m[in.In[2]]
	if cut == own {
		if lo, hi := share(z.cols, w.e.workers, w.id); lo < hi {
			right := gemm.Matrix{Data: wt.data[lo:], Rows: wt.rows, Cols: hi - lo, Stride: wt.stride}
			w.e.gemm.Mul(w.pack, gemm.NN, w.view(z, lo, hi), w.view(x, 0, x.cols), right,
				gemm.Epilogue{Bias: b.data[lo:hi]})
		}
		return
	}
	lo, hi := w.span(cut)
	if lo == hi {
		return
	}
	w.quarters(z.data[lo*z.stride:hi*z.stride], z.stride, x, wt, lo, hi, 0, leaves)
	w.addBias(z, b, lo, hi)
}

// denseDX computes δ·Wᵀ, rows or own columns.
func (w *worker) denseDX(in *engine.Instr, cut part) {
	dx, d := w.m[in.Out], w.m[in.In[0]]
	wt := w.transposed[in.In[1]]
	if cut == own && wt != nil {
		if lo, hi := share(dx.cols, w.e.workers, w.id); lo < hi {
			w.k.Multiply(dx.data[lo:], dx.stride, d.data, d.stride, 1, wt.data[lo:], wt.stride,
				len(w.order), d.cols, roundUp(hi, simd.Lane)-lo, false)
		}
		return
	}
	if cut == own {
		if lo, hi := share(dx.cols, w.e.workers, w.id); lo < hi {
			w.e.gemm.Mul(w.pack, gemm.NT, w.view(dx, lo, hi), w.view(d, 0, d.cols), w.view(w.m[in.In[1]], lo, hi),
				gemm.Epilogue{})
		}
		return
	}
	if lo, hi := w.span(cut); lo < hi {
		w.k.Multiply(dx.data[lo*dx.stride:], dx.stride, d.data[lo*d.stride:], d.stride, 1, wt.data, wt.stride,
			hi-lo, d.cols, roundUp(dx.cols, simd.Lane), false)
	}
}

// denseDW computes own rows of xᵀ·δ.
func (w *worker) denseDW(in *engine.Instr) {
	g := w.m[in.Out]
	lo, hi := w.share(g, g.rows)
	w.weightGrad(in.Out, w.m[in.In[0]], w.m[in.In[1]], lo, hi)
}

// weightGrad computes rows lo ≤ i < hi of gradient g = xᵀ·δ.
func (w *worker) weightGrad(gradient engine.Ref, x, d *matrix, lo, hi int) {
	g := w.m[gradient]
	if lo == hi {
		return
	}
	if w.e.cut(gradient) == own {
		w.e.gemm.Mul(w.pack, gemm.TN, w.view(g, lo, hi), w.view(x, lo, hi), w.view(d, 0, d.cols), gemm.Epilogue{})
		return
	}
	w.k.Multiply(g.data[lo*g.stride:], g.stride, x.data[lo:], 1, x.stride, d.data, d.stride, hi-lo, len(w.order),
		roundUp(d.cols, simd.Lane), false)
}

// denseUpdate changes own rows of weights by their gradient xᵀ·δ, some rows at a time.
func (w *worker) denseUpdate(in *engine.Instr, xRef, dRef engine.Ref) {
	m, x, d := w.m[in.Out], w.m[xRef], w.m[dRef]
	s, t := w.state(in, 1), w.state(in, 2)
	lo, hi := w.share(m, m.rows)
	if lo == hi {
		return
	}
	if in.Method == engine.SGD && in.L1 == 0 && w.e.cut(in.Out) == own {
		w.e.gemm.Mul(w.pack, gemm.TN, w.view(m, lo, hi), w.view(x, lo, hi), w.view(d, 0, d.cols),
			gemm.Epilogue{Mode: gemm.Update, LR: w.lr, L2: in.L2})
		return
	}
	for at := lo; at < hi; at += updateRows {
		end := min(at+updateRows, hi)
		w.weightGrad(in.In[0], x, d, at, end)
		a, b := at*m.stride, end*m.stride
		w.apply(in, m.data[a:b], w.m[in.In[0]].data[a:b], s.cut(a, b), t.cut(a, b))
	}
	if w.transposed[in.Out] != nil {
		w.transpose(in.Out, lo, hi)
	}
}

// one is what the rows of a matrix are multiplied with to add them up.
var one = []float32{1}

// denseDB computes own columns of Σ_rows δ.
func (w *worker) denseDB(in *engine.Instr) {
	g, d := w.m[in.Out], w.m[in.In[0]]
	if lo, hi := w.share(d, d.cols); lo < hi {
		w.k.Multiply(g.data[lo:], 0, one, 0, 0, d.data[lo:], d.stride, 1, len(w.order), roundUp(hi, simd.Lane)-lo,
			false)
	}
}

// packing returns the buffers for all products of p by package gemm, for steps of up to capacity rows.
func (e *executor) packing(capacity int) *gemm.Scratch {
	var shapes []gemm.Shape
	for _, code := range [][]engine.Instr{e.p.Train, e.p.Infer} {
		for _, in := range code {
			switch in.Op {
			case engine.OpDense:
				if w := e.m[in.In[1]]; w.layout == blocks || e.cut(in.In[1]) == own {
					shapes = append(shapes, gemm.Shape{Op: gemm.NN, M: capacity, N: w.cols, K: w.rows})
				}
			case engine.OpDenseDX:
				if w := e.m[in.In[1]]; e.cut(in.In[1]) == own {
					shapes = append(shapes, gemm.Shape{Op: gemm.NT, M: capacity, N: w.rows, K: w.cols})
				}
			case engine.OpDenseDW:
				if w := e.m[in.Out]; w.layout == blocks || e.cut(in.Out) == own {
					for k := range e.p.Capacity {
						shapes = append(shapes, gemm.Shape{Op: gemm.TN, M: w.rows, N: w.cols, K: k + 1})
					}
				}
			}
		}
	}
	return e.gemm.NewScratch(shapes...)
}
