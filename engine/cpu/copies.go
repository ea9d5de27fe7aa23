package cpu

import (
	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/simd"
)

// Reading a line of memory that another core has written costs as much as hundreds of multiply-adds. The layers at the
// end of a network are often so small that the workers are better off when each computes them whole, in copies of its
// own, than when each waits for the others' parts. Of the activations below, where each worker has its own columns,
// they exchange no more than what their columns add to the next layer's weighted inputs: once a step, behind its only
// barrier.

// leaves is the number of parts in which the sum over the inputs of a small layer is taken, whatever the number of
// workers: z = b + ((q₀ + q₁) + (q₂ + q₃)), with qᵢ the sum over quarter i of the inputs.
const leaves = 4

// parts are what the workers add to the weighted inputs of the layer that they split, one matrix each, there twice for
// steps in turn: nobody then waits until all have read what one wants to write for the next step.
type parts [2][]*matrix

// chooseCopies finds the small layers at the end: e.split gets the first one's weights, of which the workers keep their
// own rows, and e.copies all else that belongs to those layers, of which each worker has a copy.
func (e *executor) chooseCopies(ls []layout) {
	e.split = engine.None
	if e.workers != 2 && e.workers != leaves {
		return // halves and quarters of a layer are sums that are taken anyway
	}
	var layers []engine.Ref // weights, in order
	for _, in := range e.p.Train {
		if in.Op == engine.OpDense {
			layers = append(layers, in.In[1])
		}
	}
	first := len(layers)
	for first > 0 && ls[layers[first-1]] == weights && e.cut(layers[first-1]) == rows {
		first--
	}
	if first == 0 || first == len(layers) {
		return
	}
	belongs := e.layerSets()
	large := map[engine.Ref]bool{}
	for _, w := range layers[:first] {
		large[belongs(w)] = true
	}
	e.copies = map[engine.Ref]bool{}
	for _, w := range layers[first:] {
		set := belongs(w)
		if large[set] {
			e.copies = nil
			return
		}
		for i := range e.p.Buffers {
			if belongs(engine.Ref(i)) == set && (w != layers[first] || ls[i] != weights) {
				e.copies[engine.Ref(i)] = true
			}
		}
		e.copies[e.transposedRef(w)] = w != layers[first]
	}
	e.split = layers[first]
	for _, in := range e.p.Train {
		if in.Op == engine.OpLoss {
			e.copies[e.lossRef()] = e.copies[in.In[0]]
		}
	}
}

// layerSets parts the buffers into the sets that belong to one layer: its weights and biases with their gradients and
// states, and what has a value for each of its neurons. It returns the representative of a buffer's set.
func (e *executor) layerSets() func(engine.Ref) engine.Ref {
	parent := make([]engine.Ref, len(e.p.Buffers))
	for i := range parent {
		parent[i] = engine.Ref(i)
	}
	root := func(r engine.Ref) engine.Ref {
		for parent[r] != r {
			r = parent[r]
		}
		return r
	}
	join := func(refs ...engine.Ref) {
		for _, r := range refs[1:] {
			parent[root(r)] = root(refs[0])
		}
	}
	for _, code := range [][]engine.Instr{e.p.Train, e.p.Infer} {
		for _, in := range code {
			operands := in.In[:in.Operands()]
			switch in.Op {
			case engine.OpImages, engine.OpLabels, engine.OpMask, engine.OpDenseDW, engine.OpDenseDB, engine.OpDenseDX:
			case engine.OpDense:
				join(in.Out, operands[1], operands[2])
			case engine.OpLoss:
				join(operands...)
			default:
				join(append(operands, in.Out)...)
			}
		}
	}
	return root
}

// deal gives each worker its matrices: the shared ones, and its copies of the others.
func (e *executor) deal(ls []layout, capacity int) {
	matrixFor := func(i, workers int) *matrix {
		buf := e.p.Buffers[i]
		rows := buf.Rows
		if buf.Batch {
			rows = capacity
		}
		return newMatrix(ls[i], rows, buf.Cols, workers, e.k.MaxColumns())
	}
	e.m = make([]*matrix, len(e.p.Buffers))
	for i := range e.m {
		if !e.copies[engine.Ref(i)] {
			e.m[i] = matrixFor(i, e.workers)
		}
	}
	rowLoss := make([]float64, capacity)
	for id := range e.workers {
		w := &worker{
			e: e, k: e.k, id: id, m: append([]*matrix(nil), e.m...), rowLoss: rowLoss,
			transposed: map[engine.Ref]*matrix{},
		}
		for i := range e.m {
			if e.copies[engine.Ref(i)] {
				w.m[i] = matrixFor(i, 1)
			}
		}
		if e.copies[e.lossRef()] {
			w.rowLoss = make([]float64, capacity)
		}
		e.crew = append(e.crew, w)
	}
	e.m = e.crew[0].m
	if e.split != engine.None {
		for turn := range e.parts {
			for range e.workers {
				e.parts[turn] = append(e.parts[turn], newMatrix(batchRows, e.p.Capacity, e.buffer(e.split).Cols, 1, 0))
			}
		}
	}
}

// densePart computes what own columns of x add to x·W, for all rows.
func (w *worker) densePart(in *engine.Instr) {
	x, wt := w.m[in.In[0]], w.m[in.In[1]]
	part := w.e.parts[w.turn][w.id]
	n := leaves / w.e.workers
	w.quarters(part.data[:len(w.order)*part.stride], part.stride, x, wt, 0, len(w.order), n*w.id, n*(w.id+1))
}

// addParts computes z = b + x·W from what all workers' columns add.
func (w *worker) addParts(in *engine.Instr) {
	z, parts := w.m[in.Out], w.e.parts[w.turn]
	n := len(w.order) * z.stride
	dst := z.data[:n]
	w.k.Add(dst, parts[0].data[:n], parts[1].data[:n])
	if len(parts) == leaves {
		half := w.halves[0][:n]
		w.k.Add(half, parts[2].data[:n], parts[3].data[:n])
		w.k.Add(dst, dst, half)
	}
	w.addBias(z, w.m[in.In[2]], 0, len(w.order))
}

// quarters computes Σ x·W over quarters lo ≤ q < hi of the inputs, one, two or four of them, for rows from ≤ r < to.
// The sums of two quarters are added, then those of two halves. dst: (to−from)×stride.
func (w *worker) quarters(dst []float32, stride int, x, wt *matrix, from, to, lo, hi int) {
	if n := hi - lo; n > 1 {
		right := w.halves[n/leaves][:len(dst)]
		w.quarters(dst, stride, x, wt, from, to, lo, lo+n/2)
		w.quarters(right, stride, x, wt, from, to, lo+n/2, hi)
		w.k.Add(dst, dst, right)
		return
	}
	a, b := share(wt.rows, leaves, lo)
	if a == b {
		clear(dst)
		return
	}
	w.k.Multiply(dst, stride, x.data[from*x.stride+a:], x.stride, 1, wt.data[a*wt.stride:], wt.stride,
		to-from, b-a, roundUp(wt.cols, simd.Lane), false)
}

// addBias adds b to rows lo ≤ r < hi of z.
func (w *worker) addBias(z, b *matrix, lo, hi int) {
	for r := lo; r < hi; r++ {
		row := z.row(r)
		w.k.Add(row, row, b.data[:len(row)])
	}
}
