package cpu

import "neuroloupe/engine"

// part says how a stage cuts a buffer up over the workers.
type part uint8

const (
	all    part = iota // every worker may touch all of it
	rows               // rows of the step
	own                // what the buffer's layout makes a worker's own; columns of batch rows
	copied             // all of the worker's own copy
)

// access is a stage's use of a buffer.
type access struct {
	ref   engine.Ref
	part  part
	write bool
}

// stage is work that all workers do side by side. A barrier stands before it when a worker may touch what another one
// touched since the last barrier and one of the two writes; see placeBarriers.
type stage struct {
	name    string
	uses    []access
	run     func(w *worker)
	barrier bool
}

func reads(ref engine.Ref, p part) access  { return access{ref, p, false} }
func writes(ref engine.Ref, p part) access { return access{ref, p, true} }

// placeBarriers sets the barriers that stages need that are run from top to bottom again and again. private are buffers
// of which every worker has its own; twoFold is one that is another in odd rounds than in even ones, None if there is
// none.
func placeBarriers(stages []stage, private map[engine.Ref]bool, twoFold engine.Ref) {
	type past struct {
		access
		round int
	}
	for changed := true; changed; {
		changed = false
		var since []past // the last barrier
		for round := range 3 {
			for i := range stages {
				s := &stages[i]
				for _, u := range s.uses {
					for _, p := range since {
						if private[u.ref] || u.ref == twoFold && p.round%2 != round%2 {
							continue
						}
						// The next step may have other rows, and so may a worker.
						apart := p.part == u.part && u.part != all && (u.part != rows || p.round == round)
						if p.ref == u.ref && (p.write || u.write) && !apart && !s.barrier {
							s.barrier, changed = true, true
						}
					}
				}
				if s.barrier {
					since = since[:0]
				}
				for _, u := range s.uses {
					since = append(since, past{u, round})
				}
			}
		}
	}
}

// planner turns instructions into stages.
type planner struct {
	e        *executor
	infer    bool
	sparse   bool // the first layer takes the images from their sparse form
	code     []engine.Instr
	stages   []stage
	last     map[engine.Ref]part // how a buffer was written
	fused    map[int]bool        // instructions that another's stage does
	gradient map[int]int         // for an update, the instruction that computes its gradient, when fused with it
}

// Refs of what is no buffer of the Program: row losses, and from transposedRef on the transposed copies of weights.
func (e *executor) lossRef() engine.Ref                   { return engine.Ref(len(e.p.Buffers)) }
func (e *executor) transposedRef(r engine.Ref) engine.Ref { return e.lossRef() + 1 + r }
func (e *executor) partsRef() engine.Ref                  { return e.transposedRef(e.lossRef()) }
func (e *executor) buffer(r engine.Ref) *engine.Buffer    { return &e.p.Buffers[r] }
func (p *planner) readers(r engine.Ref) (n int)           { return countReaders(p.code, r) }
func (p *planner) add(name string, f func(*worker), uses ...access) {
	for _, u := range uses {
		if u.write {
			p.last[u.ref] = u.part
		}
	}
	p.stages = append(p.stages, stage{name: name, uses: uses, run: f})
}

func countReaders(code []engine.Instr, r engine.Ref) (n int) {
	for i := range code {
		for _, in := range code[i].In[:code[i].Operands()] {
			if in == r {
				n++
			}
		}
	}
	return n
}

// planTrain returns the stages of a training step, for data sets with a sparse form or for those without.
func (e *executor) planTrain(sparse bool) []stage {
	p := e.newPlanner(e.p.Train, sparse)
	p.fuseUpdates()
	for i := range p.code {
		if !p.fused[i] {
			p.instr(i)
		}
	}
	p.add("mean loss", (*worker).meanLoss, reads(e.lossRef(), all))
	placeBarriers(p.stages, e.copies, e.partsRef())
	return p.stages
}

// planInfer returns the stages that compute what is wanted and hand it out.
func (e *executor) planInfer(sparse bool, want engine.Ref) []stage {
	code := e.p.Infer
	last := 0
	for i := range code {
		if code[i].Out == want {
			last = i
		}
	}
	p := e.newPlanner(code[:last+1], sparse)
	p.infer = true
	for i := range p.code {
		p.instr(i)
	}
	p.add("answer", func(w *worker) { w.answer(want) }, reads(want, rows))
	placeBarriers(p.stages, e.copies, e.partsRef())
	return p.stages
}

func (e *executor) newPlanner(code []engine.Instr, sparse bool) *planner {
	return &planner{
		e: e, sparse: sparse, code: code, last: map[engine.Ref]part{}, fused: map[int]bool{},
		gradient: map[int]int{},
	}
}

// fuseUpdates finds the gradients that nothing but an update reads, and whose operands stay as they are until then:
// they are computed with the update, where those of weights are used a few rows at a time, and those of biases are
// wanted by the workers that own them behind a barrier that stands there anyway.
func (p *planner) fuseUpdates() {
	for u := range p.code {
		if p.code[u].Op != engine.OpUpdate {
			continue
		}
		for g := range u {
			in := &p.code[g]
			if in.Op != engine.OpDenseDW && in.Op != engine.OpDenseDB || in.Out != p.code[u].In[0] ||
				p.readers(in.Out) != 1 {
				continue
			}
			stays := true
			for k := g + 1; k < u; k++ {
				out := p.code[k].Out
				stays = stays && out != in.In[0] && out != in.In[1] && out != in.Out
			}
			if stays {
				p.fused[g], p.gradient[u] = true, g
			}
		}
	}
}

// layouts says how each buffer lies in memory. Weights whose only use is to be multiplied with the images, and what is
// combined with them element by element, lie in blocks.
func layouts(p *engine.Program) []layout {
	ls := make([]layout, len(p.Buffers))
	for i, b := range p.Buffers {
		if !b.Batch {
			ls[i] = vector
		}
	}
	mark := func(r engine.Ref, l layout) bool {
		if r == engine.None || ls[r] == batchRows || ls[r] >= l {
			return false
		}
		ls[r] = l
		return true
	}
	images := map[engine.Ref]bool{}
	blocked := map[engine.Ref]bool{}
	barred := map[engine.Ref]bool{}
	for _, code := range [][]engine.Instr{p.Train, p.Infer} {
		for _, in := range code {
			switch in.Op {
			case engine.OpImages:
				images[in.Out] = true
			case engine.OpDense:
				mark(in.In[1], weights)
				blocked[in.In[1]] = blocked[in.In[1]] || images[in.In[0]]
				barred[in.In[1]] = barred[in.In[1]] || !images[in.In[0]]
			case engine.OpDenseDX:
				mark(in.In[1], weights)
				barred[in.In[1]] = true
			case engine.OpDenseDW:
				mark(in.Out, weights)
				barred[in.Out] = barred[in.Out] || !images[in.In[0]]
			}
		}
	}
	spread(p, func(a, b engine.Ref) bool { return ls[a] != batchRows && mark(b, ls[a]) })
	for _, set := range []map[engine.Ref]bool{blocked, barred} {
		spread(p, func(a, b engine.Ref) bool {
			grows := set[a] && !set[b]
			set[b] = set[a] || set[b]
			return grows
		})
	}
	for r := range ls {
		if ref := engine.Ref(r); ls[r] == weights && blocked[ref] && !barred[ref] {
			ls[r] = blocks
		}
	}
	return ls
}

// spread calls carry for all pairs of buffers that an instruction combines element by element, which must lie alike,
// until it says that nothing changes any more.
func spread(p *engine.Program, carry func(from, to engine.Ref) bool) {
	for changed := true; changed; {
		changed = false
		for _, code := range [][]engine.Instr{p.Train, p.Infer} {
			for _, in := range code {
				switch in.Op {
				case engine.OpUpdate, engine.OpPenaltyGrad, engine.OpAdd, engine.OpMul:
					refs := append([]engine.Ref{in.Out}, in.In[:in.Operands()]...)
					for _, a := range refs {
						for _, b := range refs {
							changed = carry(a, b) || changed
						}
					}
				}
			}
		}
	}
}
