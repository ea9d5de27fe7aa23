package cpu

import "neuroloupe/engine"

// smallWeights is the number of weights up to which a layer's products are cut up by examples: each worker then passes
// over all weights, which its own cache holds, and the workers need not wait for each other between layers.
const smallWeights = 1 << 14

// smallBatch is the number of examples from which they are worth being shared out. Neither limit depends on the number
// of workers: the two ways round differently.
const smallBatch = 4

// cut returns how the products with weights r are cut up: by examples, with the kernels for what fits the caches, or by
// columns, with package gemm.
func (e *executor) cut(r engine.Ref) part {
	if b := e.buffer(r); b.Rows*b.Cols <= smallWeights && e.p.Capacity >= smallBatch {
		return rows
	}
	return own
}

// instr adds the stages of instruction i.
func (p *planner) instr(i int) {
	e, in := p.e, &p.code[i]
	out, a := in.Out, in.In[0]
	switch in.Op {
	case engine.OpImages:
		p.images(out)
	case engine.OpLabels:
		if p.labelsNeeded(out) {
			cut := p.byRows(out)
			p.add("labels", func(w *worker) { w.labels(out, cut) }, writes(out, cut))
		}
	case engine.OpMask:
		cut := p.byRows(out)
		p.add("mask", func(w *worker) { w.mask(in, cut) }, writes(out, cut))
	case engine.OpDense:
		if e.m[in.In[1]].layout == blocks {
			p.firstDense(in)
			return
		}
		cut := e.cut(in.In[1])
		if cut == rows {
			cut = p.byRows(out)
		}
		if in.In[1] == e.split && !p.infer {
			p.add("dense part", func(w *worker) { w.densePart(in) }, reads(a, own), reads(in.In[1], own),
				writes(e.partsRef(), own))
			p.add("add parts", func(w *worker) { w.addParts(in) }, reads(e.partsRef(), all), reads(in.In[2], copied),
				writes(out, copied))
			return
		}
		p.add("dense", func(w *worker) { w.dense(in, cut) },
			reads(a, depthPart(cut)), reads(in.In[1], all), reads(in.In[2], all), writes(out, cut))
	case engine.OpDenseDX:
		cut := e.cut(in.In[1])
		weights, uses := in.In[1], all
		if cut == rows {
			weights = e.transposedRef(weights)
			cut = p.byRows(out)
		}
		if in.In[1] == e.split {
			cut, uses = own, own
		}
		p.add("dense-dx", func(w *worker) { w.denseDX(in, cut) }, reads(a, depthPart(cut)), reads(weights, uses),
			writes(out, cut))
	case engine.OpDenseDW:
		if e.m[out].layout == blocks {
			p.add("first dense-dw", func(w *worker) { w.firstDenseDW(in) },
				append(p.pixels(a), reads(in.In[1], own), writes(out, own))...)
			return
		}
		p.add("dense-dw", func(w *worker) { w.denseDW(in) }, reads(a, own), reads(in.In[1], all), writes(out, own))
	case engine.OpDenseDB:
		p.add("dense-db", func(w *worker) { w.denseDB(in) }, reads(a, own), writes(out, own))
	case engine.OpActivate:
		cut := p.last[a]
		if in.Activation == engine.Softmax || cut == all {
			cut = p.byRows(out)
		}
		p.add("activate", func(w *worker) { w.activate(in, cut) }, reads(a, cut), writes(out, cut))
	case engine.OpActivateGrad:
		cut := p.last[in.In[1]]
		if in.Activation == engine.Softmax || cut == all {
			cut = p.byRows(out)
		}
		p.add("activate-grad", func(w *worker) { w.activateGrad(in, cut) }, reads(a, cut), reads(in.In[1], cut),
			writes(out, cut))
	case engine.OpMul, engine.OpAdd:
		cut := p.last[a]
		if !e.buffer(out).Batch {
			cut = own
		} else if cut == all {
			cut = p.byRows(out)
		}
		p.add(in.Op.String(), func(w *worker) { w.combine(in, cut) }, reads(a, cut), reads(in.In[1], cut),
			writes(out, cut))
	case engine.OpLoss:
		p.loss(i)
	case engine.OpLossGrad:
		cut := p.byRows(out)
		p.add("loss-grad", func(w *worker) { w.lossGrad(in, cut) }, reads(a, cut), reads(in.In[1], cut),
			writes(out, cut))
	case engine.OpPenaltyGrad:
		p.add("penalty-grad", func(w *worker) { w.penaltyGrad(in) }, reads(a, own), writes(out, own))
	case engine.OpUpdate:
		p.update(i)
	}
}

// sharedWeights is the number of first-layer weights up to which inference cuts the layer up by examples: each worker's
// second-level cache holds all of them, and no worker waits for another.
const sharedWeights = 1 << 17

// firstDense adds the first layer's forward stage. Training cuts it up by columns, because a worker's cache holds the
// weights that it has just changed.
func (p *planner) firstDense(in *engine.Instr) {
	weights, bias := in.In[1], in.In[2]
	if !p.sparse {
		p.add("first dense", func(w *worker) { w.firstDense(in) },
			reads(in.In[0], all), reads(weights, own), reads(bias, own), writes(in.Out, own))
		return
	}
	cut, operands := own, own
	if m := p.e.m[weights]; p.infer && m.rows*m.cols <= sharedWeights {
		cut, operands = rows, all
	}
	p.add("first dense", func(w *worker) { w.sparseDense(in, cut) },
		reads(weights, operands), reads(bias, operands), writes(in.Out, cut))
}

// byRows returns how batch rows r are cut up by examples: not at all where each worker has its own, but for inference.
func (p *planner) byRows(r engine.Ref) part {
	if p.e.copies[r] && !p.infer {
		return copied
	}
	return rows
}

// depthPart is the part of its left operand that a product cut up so needs: whole rows.
func depthPart(cut part) part {
	if cut == rows {
		return rows
	}
	return all
}

// pixels is the first layer's use of the images as numbers.
func (p *planner) pixels(x engine.Ref) []access {
	if p.sparse {
		return nil
	}
	return []access{reads(x, all)}
}

// images adds the pixels as numbers, unless all that reads them takes them from the sparse form.
func (p *planner) images(out engine.Ref) {
	needed := !p.sparse
	for i := range p.code {
		in := &p.code[i]
		for k, r := range in.In[:in.Operands()] {
			first := k == 0 && (in.Op == engine.OpDense && p.e.m[in.In[1]].layout == blocks ||
				in.Op == engine.OpDenseDW && p.e.m[in.Out].layout == blocks)
			needed = needed || r == out && !first
		}
	}
	if needed {
		p.add("images", func(w *worker) { w.images(out) }, writes(out, rows))
	}
}

// labelsNeeded says that something else than a loss and its gradient in one stage reads the labels.
func (p *planner) labelsNeeded(y engine.Ref) bool {
	n := p.readers(y)
	for i := range p.code {
		if p.lossPair(i) && p.code[i].In[1] == y {
			n -= 2
		}
	}
	return n > 0
}

// lossPair says that instruction i is a loss and the next its gradient, against the labels.
func (p *planner) lossPair(i int) bool {
	if i+1 >= len(p.code) || p.code[i].Op != engine.OpLoss || p.code[i+1].Op != engine.OpLossGrad {
		return false
	}
	l, g := &p.code[i], &p.code[i+1]
	labels := false
	for k := range i {
		if p.code[k].Out == l.In[1] {
			labels = p.code[k].Op == engine.OpLabels
		}
	}
	return labels && g.Out != l.In[0] && l.In == g.In && l.Loss == g.Loss && l.Activation == g.Activation
}

// loss adds the rows' losses; their sum is left to the end of the step, where it needs no barrier of its own.
func (p *planner) loss(i int) {
	in := &p.code[i]
	cut := p.byRows(in.In[0])
	if !p.lossPair(i) {
		p.add("loss", func(w *worker) { w.rowLosses(in, cut) }, reads(in.In[0], cut), reads(in.In[1], cut),
			writes(p.e.lossRef(), cut))
		return
	}
	p.fused[i+1] = true
	out := p.code[i+1].Out
	p.add("loss and gradient", func(w *worker) { w.lossAndGrad(in, out, cut) },
		reads(in.In[0], cut), writes(out, cut), writes(p.e.lossRef(), cut))
}

func (p *planner) update(i int) {
	e, in := p.e, &p.code[i]
	uses := []access{writes(in.Out, own)}
	for _, s := range in.In[1:in.Operands()] {
		uses = append(uses, writes(s, own))
	}
	if e.crew[0].transposed[in.Out] != nil {
		uses = append(uses, writes(e.transposedRef(in.Out), own))
	}
	g, fused := p.gradient[i]
	if fused && p.code[g].Op == engine.OpDenseDB {
		p.instr(g)
	}
	if !fused || p.code[g].Op == engine.OpDenseDB {
		p.add("update", func(w *worker) { w.update(in) }, append(uses, reads(in.In[0], own))...)
		return
	}
	x, d := p.code[g].In[0], p.code[g].In[1]
	if e.m[in.Out].layout == blocks {
		p.add("first dense-dw and update", func(w *worker) { w.firstUpdate(in, x, d) },
			append(append(uses, p.pixels(x)...), reads(d, own))...)
		return
	}
	uses = append(uses, reads(x, own), reads(d, all), writes(in.In[0], own))
	p.add("dense-dw and update", func(w *worker) { w.denseUpdate(in, x, d) }, uses...)
}
