package cpu

import (
	"math"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/gemm"
	"neuroloupe/engine/cpu/internal/simd"
	"neuroloupe/engine/kernel"
)

// worker does its share of each stage.
type worker struct {
	e  *executor
	k  *simd.Kernels
	id int

	m          []*matrix              // by Ref
	transposed map[engine.Ref]*matrix // Wᵀ of weights that gradients go back through, kept beside W
	rowLoss    []float64              // of the step
	halves     [2][]float32           // of a small layer's sums; see quarters

	// of the step
	turn   int // 0 and 1 in turn
	set    *dataset
	order  []int32
	next   []int32 // examples of the next step, as many, or order again
	lo, hi int     // own rows of it
	lr     float32
	step   uint64
	loss   *float32
	dst    []float32 // inference: for the answers of the step

	scratch []float32 // first layer: a block's columns of δ and a chunk's gradient, or all of its gradient
	pack    *gemm.Scratch
	tail    []float32 // lossAndGrad: e^−|z|, own rows
}

// begin readies w for step i of a call.
func (w *worker) begin(i int, set *dataset, order, next []int32) {
	w.turn = i % 2
	w.set, w.order, w.next = set, order, next
	n := len(order)
	w.lo, w.hi = n*w.id/w.e.workers, n*(w.id+1)/w.e.workers
}

func (w *worker) wait() {
	if w.e.workers > 1 {
		w.e.barrier.wait()
	}
}

func (w *worker) runStages(stages []stage) {
	for i := range stages {
		if stages[i].barrier {
			w.wait()
		}
		stages[i].run(w)
	}
}

// area is what a worker touches of batch rows: n stretches of width floats, each so many after the one before.
type area struct{ at, width, n, step int }

// span is the rows of the step that w computes when they are cut up so.
func (w *worker) span(cut part) (lo, hi int) {
	if cut == copied {
		return 0, len(w.order)
	}
	return w.lo, w.hi
}

// share returns w's share of n things of m.
func (w *worker) share(m *matrix, n int) (lo, hi int) {
	if m.workers == 1 {
		return 0, n
	}
	return share(n, m.workers, w.id)
}

// own returns what w owns of m.
func (w *worker) own(m *matrix) []float32 {
	if m.workers == 1 {
		return m.own(0)
	}
	return m.own(w.id)
}

func (w *worker) area(m *matrix, cut part) area {
	if cut == rows || cut == copied {
		lo, hi := w.span(cut)
		return area{lo * m.stride, (hi - lo) * m.stride, 1, 0}
	}
	lo, hi := share(m.cols, w.e.workers, w.id)
	return area{lo, roundUp(hi, simd.Lane) - lo, len(w.order), m.stride}
}

// of returns stretch i of a.
func (a area) of(m *matrix, i int) []float32 {
	at := a.at + i*a.step
	return m.data[at : at+a.width]
}

// answer hands out own rows of what inference computed.
func (w *worker) answer(want engine.Ref) {
	m := w.m[want]
	for r := w.lo; r < w.hi; r++ {
		copy(w.dst[r*m.cols:][:m.cols], m.row(r))
	}
}

func (w *worker) images(out engine.Ref) {
	m := w.m[out]
	for r := w.lo; r < w.hi; r++ {
		kernel.Images(m.row(r), w.set.Images, w.order[r:r+1], m.cols)
	}
}

func (w *worker) labels(out engine.Ref, cut part) {
	m := w.m[out]
	lo, hi := w.span(cut)
	for r := lo; r < hi; r++ {
		kernel.Labels(m.row(r), w.set.Labels, w.order[r:r+1], m.cols)
	}
}

// mask draws rows of [kernel.Mask]: a row's elements begin anywhere in a block of four words.
func (w *worker) mask(in *engine.Instr, cut part) {
	m := w.m[in.Out]
	lo, hi := w.span(cut)
	seed := w.e.p.Spec.Seed
	threshold, on := uint64(float64(in.Keep)*(1<<32)), 1/in.Keep
	for r := lo; r < hi; r++ {
		row := m.row(r)[:m.cols]
		first := r * m.cols
		for block := first / 4; block*4 < first+m.cols; block++ {
			words := kernel.Philox([4]uint32{uint32(block), uint32(in.Layer), uint32(w.step), uint32(w.step >> 32)},
				[2]uint32{uint32(seed), uint32(seed >> 32)})
			for k, word := range words {
				if c := block*4 + k - first; c >= 0 && c < m.cols {
					row[c] = 0
					if uint64(word) < threshold {
						row[c] = on
					}
				}
			}
		}
	}
}

func (w *worker) activate(in *engine.Instr, cut part) {
	out, z := w.m[in.Out], w.m[in.In[0]]
	if in.Activation == engine.Softmax {
		lo, hi := w.span(cut)
		for r := lo; r < hi; r++ {
			w.softmax(out.row(r), z.row(r), z.cols)
		}
		return
	}
	a := w.area(out, cut)
	for i := range a.n {
		dst, src := a.of(out, i), a.of(z, i)
		switch in.Activation {
		case engine.Sigmoid:
			w.k.Sigmoid(dst, src)
		case engine.Tanh:
			w.k.Tanh(dst, src)
		case engine.ReLU:
			w.k.ReLU(dst, src)
		default:
			copy(dst, src)
		}
	}
}

// softmax of a padded row; it returns the largest z and ln Σ e^(z−largest).
func (w *worker) softmax(dst, z []float32, cols int) (largest float32, logSum float64) {
	largest = z[0]
	for _, v := range z[:cols] {
		largest = max(largest, v)
	}
	w.k.ExpShift(dst, z, largest)
	var sum float64
	for _, v := range dst[:cols] {
		sum += float64(v)
	}
	w.k.Scale(dst, dst, float32(1/sum))
	return largest, math.Log(sum)
}

func (w *worker) activateGrad(in *engine.Instr, cut part) {
	out, act, g := w.m[in.Out], w.m[in.In[0]], w.m[in.In[1]]
	if in.Activation == engine.Softmax {
		lo, hi := w.span(cut)
		for r := lo; r < hi; r++ {
			kernel.ActivateGrad(out.row(r), act.row(r), g.row(r), 1, out.cols, engine.Softmax)
		}
		return
	}
	a := w.area(out, cut)
	for i := range a.n {
		dst, y, up := a.of(out, i), a.of(act, i), a.of(g, i)
		switch in.Activation {
		case engine.Sigmoid:
			w.k.SigmoidGrad(dst, y, up)
		case engine.Tanh:
			w.k.TanhGrad(dst, y, up)
		case engine.ReLU:
			w.k.ReLUGrad(dst, y, up)
		default:
			copy(dst, up)
		}
	}
}

// combine is the product or the sum of two buffers element by element.
func (w *worker) combine(in *engine.Instr, cut part) {
	out, x, y := w.m[in.Out], w.m[in.In[0]], w.m[in.In[1]]
	op := (*simd.Kernels).Mul
	if in.Op == engine.OpAdd {
		op = (*simd.Kernels).Add
	}
	if out.layout != batchRows {
		op(w.k, w.own(out), w.own(x), w.own(y))
		return
	}
	a := w.area(out, cut)
	for i := range a.n {
		op(w.k, a.of(out, i), a.of(x, i), a.of(y, i))
	}
}

func (w *worker) penaltyGrad(in *engine.Instr) {
	kernel.PenaltyGrad(w.own(w.m[in.Out]), w.own(w.m[in.In[0]]), in.L2, in.L1)
}

// rowLosses is the loss of rows against any targets.
func (w *worker) rowLosses(in *engine.Instr, cut part) {
	p, y := w.m[in.In[0]], w.m[in.In[1]]
	lo, hi := w.span(cut)
	for r := lo; r < hi; r++ {
		w.rowLoss[r] = in.Loss.Row(p.row(r)[:p.cols], y.row(r)[:p.cols], in.Activation)
	}
}

func (w *worker) lossGrad(in *engine.Instr, cut part) {
	out, p, y := w.m[in.Out], w.m[in.In[0]], w.m[in.In[1]]
	scale := 1 / float32(len(w.order))
	lo, hi := w.span(cut)
	for r := lo; r < hi; r++ {
		row := out.row(r)
		kernel.LossGrad(row, p.row(r), y.row(r), 1, out.cols, in.Loss, in.Activation)
		w.k.Scale(row, row, scale)
	}
}

// lossAndGrad is the loss of rows against their labels and its gradient, see [engine.Loss.Row].
func (w *worker) lossAndGrad(in *engine.Instr, gradient engine.Ref, cut part) {
	out, p := w.m[gradient], w.m[in.In[0]]
	lo, hi := w.span(cut)
	a := w.area(out, cut)
	if a.width == 0 {
		return
	}
	dst, src := a.of(out, 0), a.of(p, 0)
	tail := w.tail[:len(dst)]
	sigmoid := in.Loss == engine.CrossEntropy && in.Activation == engine.Sigmoid
	switch {
	case sigmoid:
		w.k.ExpNegAbs(tail, src)
		w.k.Sigmoid(dst, src)
	case in.Loss == engine.Quadratic:
		copy(dst, src)
	}
	for r := lo; r < hi; r++ {
		label := int(w.set.Labels[w.order[r]])
		z, row := p.row(r), out.row(r)
		switch {
		case sigmoid:
			e := w.tail[(r-lo)*out.stride:]
			w.rowLoss[r] = sigmoidLoss(z[:p.cols], e[:p.cols], label)
			row[label]--
		case in.Loss == engine.CrossEntropy:
			largest, logSum := w.softmax(row, z, p.cols)
			w.rowLoss[r] = logSum - (float64(z[label]) - float64(largest))
			row[label]--
		default:
			row[label]--
			var sum float64
			for _, d := range row[:p.cols] {
				sum += float64(d) * float64(d)
			}
			w.rowLoss[r] = sum / 2
		}
	}
	w.k.Scale(dst, dst, 1/float32(len(w.order)))
}

// sigmoidLoss returns Σ max(z,0) − z·y + ln(1 + e) with e = e^−|z|: the logarithms of up to a thousand factors, each
// between 1 and 2, are the logarithm of their product.
func sigmoidLoss(z, e []float32, label int) float64 {
	var sum float64
	product := 1.0
	for i, v := range z {
		sum += float64(max(v, 0))
		product *= 1 + float64(e[i])
		if i%1000 == 999 {
			sum += math.Log(product)
			product = 1
		}
	}
	return sum - float64(z[label]) + math.Log(product)
}

// meanLoss ends a step.
func (w *worker) meanLoss() {
	if w.id != 0 {
		return
	}
	var sum float64
	for _, l := range w.rowLoss[:len(w.order)] {
		sum += l
	}
	*w.loss = float32(sum / float64(len(w.order)))
}

// update changes own elements of a parameter by a gradient that lies in memory.
func (w *worker) update(in *engine.Instr) {
	m := w.m[in.Out]
	w.apply(in, w.own(m), w.own(w.m[in.In[0]]), w.own(w.state(in, 1)), w.own(w.state(in, 2)))
	if w.transposed[in.Out] != nil {
		lo, hi := w.share(m, m.rows)
		w.transpose(in.Out, lo, hi)
	}
}

func (w *worker) apply(in *engine.Instr, p, g, s, t []float32) {
	w.k.Update(p, g, s, t, in, simd.NewRates(in, w.lr, w.step))
}

// state returns the matrix of operand i of an update, an empty one where the method has none.
func (w *worker) state(in *engine.Instr, i int) *matrix {
	if in.In[i] == engine.None {
		return &none
	}
	return w.m[in.In[i]]
}
