//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"slices"

	"neuroloupe/engine"
)

// fuser turns a flow into a plan.
type fuser struct {
	*flow
	live   []bool
	done   []bool // instructions that are part of another's node
	wanted []id
	floats bool // images are wanted as numbers, not as bytes
	nodes  []any
}

// plan returns what computes the values wanted and makes all updates. Images that products alone read are taken from
// the bytes of the data set, unless floats.
func (f *flow) plan(floats bool, wanted ...id) *plan {
	u := &fuser{flow: f, live: f.live(wanted...), done: make([]bool, len(f.code)), wanted: wanted, floats: floats}
	for i := range f.code {
		if u.live[i] && f.code[i].Op == engine.OpUpdate {
			u.claimGradients(i)
		}
	}
	for i := range f.code {
		if u.live[i] && !u.done[i] {
			u.node(i)
		}
	}
	u.report()
	p := &plan{nodes: u.nodes, wanted: wanted, stored: map[id]bool{}}
	p.findStored()
	return p
}

// report hands out the loss of a step.
func (u *fuser) report() {
	mean, ok := u.latest[u.p.Loss]
	if !ok || !slices.Contains(u.wanted, mean) {
		return
	}
	for _, n := range u.nodes {
		if l, ok := n.(*lossNode); ok && l.mean == mean {
			l.report = true
			return
		}
	}
	u.add(&reportNode{mean})
}

// uses returns the live instructions that read v.
func (u *fuser) uses(v id) []int {
	var live []int
	for _, i := range u.values[v].uses {
		if u.live[i] {
			live = append(live, i)
		}
	}
	return live
}

// only returns the one instruction that reads v; −1 when there are more, or v is wanted.
func (u *fuser) only(v id) int {
	if uses := u.uses(v); len(uses) == 1 && !slices.Contains(u.wanted, v) {
		return uses[0]
	}
	return -1
}

// unless returns v if it is wanted or an instruction other than those given reads it, else none: it needs no room.
func (u *fuser) unless(v id, except ...int) id {
	if slices.Contains(u.wanted, v) {
		return v
	}
	for _, i := range u.uses(v) {
		if !slices.Contains(except, i) {
			return v
		}
	}
	return none
}

// def returns the instruction that makes v if it is op, else −1.
func (u *fuser) def(v id, op engine.Op) int {
	if d := u.values[v].def; d >= 0 && u.code[d].Op == op {
		return d
	}
	return -1
}

// before says that v is there before instruction i.
func (u *fuser) before(v id, i int) bool { return u.values[v].def < i }

func (u *fuser) add(n any) { u.nodes = append(u.nodes, n) }

func (u *fuser) node(i int) {
	s := &u.code[i]
	switch s.Op {
	case engine.OpImages:
		if u.factor(s.out) != none {
			u.add(&instrNode{*s})
		}
	case engine.OpLabels:
		for _, k := range u.uses(s.out) {
			if op := u.code[k].Op; op != engine.OpLoss && op != engine.OpLossGrad || u.code[k].in[1] != s.out ||
				u.code[k].in[0] == s.out {
				u.add(&instrNode{*s})
				return
			}
		}
	case engine.OpMask:
		// A mask is drawn where the activation is masked, if that is done with the layer.
		for _, k := range u.uses(s.out) {
			if u.maskedDense(k) == s.out {
				return
			}
		}
		u.add(&instrNode{*s})
	case engine.OpDense:
		u.dense(i)
	case engine.OpDenseDX:
		u.delta(i)
	case engine.OpDenseDW:
		u.add(&gradientNode{x: u.factor(s.in[0]), delta: s.in[1], grad: s.out})
	case engine.OpLossGrad:
		u.lossGrad(i)
	case engine.OpLoss:
		for _, k := range u.uses(s.in[0]) {
			if u.code[k].Op == engine.OpLossGrad && u.withLoss(k) == i {
				return // it is part of its gradient's node
			}
		}
		u.add(&lossNode{
			in: s.Instr, act: s.Activation, p: s.in[0], y: u.target(s.in[1]), dp: none, dz: none,
			mean: s.out,
		})
	case engine.OpUpdate:
		u.update(i)
	default:
		u.add(&instrNode{*s})
	}
}

// factor returns what a product takes as its left factor x: none for the bytes of the step's images, when products
// alone read them.
func (u *fuser) factor(x id) id {
	if u.floats || u.def(x, engine.OpImages) < 0 || slices.Contains(u.wanted, x) {
		return x
	}
	for _, k := range u.uses(x) {
		if op := u.code[k].Op; op != engine.OpDense && op != engine.OpDenseDW || u.code[k].in[0] != x {
			return x
		}
	}
	return none
}

// activation returns the instruction that makes an activation of the dense layer at i, −1 when there is none or it is
// not element by element.
func (u *fuser) activation(i int) int {
	for _, k := range u.uses(u.code[i].out) {
		if u.code[k].Op == engine.OpActivate && u.code[k].Activation != engine.Softmax {
			return k
		}
	}
	return -1
}

// masking returns the instruction that masks what the dense layer at i gives, behind its activation, and the mask; −1
// when there is none that can be done with it.
func (u *fuser) masking(i int) (mul int, mask id) {
	v := u.code[i].out
	if a := u.activation(i); a >= 0 {
		v = u.code[a].out
	}
	for _, k := range u.uses(v) {
		s := u.code[k]
		if s.Op != engine.OpMul || s.in[0] == s.in[1] {
			continue
		}
		m := s.in[0]
		if m == v {
			m = s.in[1]
		}
		if u.def(m, engine.OpMask) < 0 {
			continue
		}
		first := u.uses(m)[0]
		if first > i { // nobody wants the mask before the layer
			return k, m
		}
	}
	return -1, none
}

// maskedDense returns the mask that is drawn with a dense layer when the multiplication at k is done with it, else
// none.
func (u *fuser) maskedDense(k int) id {
	s := u.code[k]
	if s.Op != engine.OpMul {
		return none
	}
	for _, v := range s.in[:2] {
		d := u.values[v].def
		if d >= 0 && u.code[d].Op == engine.OpActivate {
			d = u.values[u.code[d].in[0]].def
		}
		if d >= 0 && u.code[d].Op == engine.OpDense {
			if mul, m := u.masking(d); mul == k {
				return m
			}
		}
	}
	return none
}

func (u *fuser) dense(i int) {
	s := u.code[i]
	n := &denseNode{
		x: u.factor(s.in[0]), w: s.in[1], b: s.in[2], z: s.out, a: none, h: none, mask: none,
		act: engine.Identity,
	}
	act := u.activation(i)
	mul, mask := u.masking(i)
	if act >= 0 {
		n.act, n.a = u.code[act].Activation, u.unless(u.code[act].out, mul)
		u.done[act] = true
	}
	n.z = u.unless(s.out, act, mul)
	if mul >= 0 {
		m := u.code[u.values[mask].def]
		n.h, n.mask = u.code[mul].out, u.unless(mask, mul)
		n.keep, n.layer = m.Keep, m.Layer
		u.done[mul] = true
	}
	u.add(n)
}

func (u *fuser) delta(i int) {
	s := u.code[i]
	n := &deltaNode{delta: s.in[0], w: s.in[1], mask: none, a: none, act: engine.Identity, out: s.out}
	if k := u.only(n.out); k >= 0 && u.code[k].Op == engine.OpMul && u.code[k].in[0] != u.code[k].in[1] {
		m := u.code[k].in[0]
		if m == n.out {
			m = u.code[k].in[1]
		}
		if u.before(m, i) {
			n.mask, n.out = m, u.code[k].out
			u.done[k] = true
		}
	}
	if k := u.only(n.out); k >= 0 && u.code[k].Op == engine.OpActivateGrad && u.code[k].Activation != engine.Softmax {
		if t := u.code[k]; t.in[1] == n.out && t.in[0] != n.out && u.before(t.in[0], i) {
			n.a, n.act, n.out = t.in[0], t.Activation, t.out
			u.done[k] = true
		}
	}
	u.add(n)
}

// target returns what a loss compares with: none for the labels of the step.
func (u *fuser) target(y id) id {
	if u.def(y, engine.OpLabels) >= 0 {
		return none
	}
	return y
}

// withLoss returns the instruction whose loss the gradient at i is of, −1 when there is none that can be done with it.
func (u *fuser) withLoss(i int) int {
	g := u.code[i]
	for _, k := range u.uses(g.in[0]) {
		s := u.code[k]
		if s.Op != engine.OpLoss || s.in != g.in || s.Loss != g.Loss || s.Activation != g.Activation {
			continue
		}
		if uses := u.uses(s.out); len(uses) == 0 || uses[0] > i {
			return k
		}
	}
	return -1
}

func (u *fuser) lossGrad(i int) {
	s := u.code[i]
	n := &lossNode{in: s.Instr, act: s.Activation, p: s.in[0], y: u.target(s.in[1]), dp: s.out, dz: none, mean: none}
	if k := u.withLoss(i); k >= 0 {
		n.mean = u.code[k].out
		u.done[k] = true
	}
	for _, k := range u.uses(s.out) {
		t := u.code[k]
		if s.Loss == engine.Quadratic && t.Op == engine.OpActivateGrad && t.in[0] == s.in[0] && t.in[1] == s.out {
			n.act, n.dz, n.dp = t.Activation, t.out, u.unless(s.out, k)
			u.done[k] = true
			break
		}
	}
	u.add(n)
}

// claimGradients takes the gradient that the update at i alone reads into the update's node.
func (u *fuser) claimGradients(i int) {
	g := u.code[i].in[0]
	for _, op := range []engine.Op{engine.OpDenseDW, engine.OpDenseDB} {
		d := u.def(g, op)
		if d < 0 || u.only(g) != i {
			continue
		}
		stays := true // its operands are as they were
		for _, v := range u.code[d].in {
			stays = stays && (v == none || !resident(u.p, u.values[v].ref))
		}
		if op == engine.OpDenseDB {
			stays = stays && u.weightsOf(i) >= 0
		}
		if stays {
			u.done[d] = true
		}
	}
}

// weightsOf returns the update of weights by the same δ that the update of biases at i can be done with; −1 when there
// is none.
func (u *fuser) weightsOf(i int) int {
	d := u.def(u.code[i].in[0], engine.OpDenseDB)
	if d < 0 || u.only(u.code[i].in[0]) != i || u.code[i].L2 != 0 || u.code[i].L1 != 0 {
		return -1
	}
	for w, s := range u.code {
		if s.Op != engine.OpUpdate || !u.live[w] {
			continue
		}
		g := u.def(s.in[0], engine.OpDenseDW)
		if g < 0 || u.only(s.in[0]) != w || u.code[g].in[1] != u.code[d].in[0] ||
			!sameMethod(s.Instr, u.code[i].Instr) {
			continue
		}
		fits := true // nobody reads the biases between the two
		for _, k := range u.uses(u.code[i].previous) {
			fits = fits && (k == i || k < w)
		}
		for _, k := range u.uses(u.code[i].out) {
			fits = fits && k > w
		}
		if fits && u.biasesOf(w, g) == i {
			return w
		}
	}
	return -1
}

// biasesOf returns the first update of biases by the same δ as the update of weights at w, whose gradient is at g.
func (u *fuser) biasesOf(w, g int) int {
	for _, d := range u.uses(u.code[g].in[1]) {
		if u.code[d].Op != engine.OpDenseDB {
			continue
		}
		if k := u.only(u.code[d].out); k >= 0 && u.code[k].Op == engine.OpUpdate &&
			sameMethod(u.code[k].Instr, u.code[w].Instr) {
			return k
		}
	}
	return -1
}

func sameMethod(a, b engine.Instr) bool {
	return a.Method == b.Method && a.Momentum == b.Momentum && a.Beta1 == b.Beta1 && a.Beta2 == b.Beta2 &&
		a.Epsilon == b.Epsilon
}

func (u *fuser) update(i int) {
	s := &u.code[i]
	d := u.values[s.in[0]].def
	if d < 0 || !u.done[d] {
		u.add(&instrNode{*s})
		return
	}
	if u.code[d].Op == engine.OpDenseDB {
		return // done with its weights
	}
	n := &gradientNode{x: u.factor(u.code[d].in[0]), delta: u.code[d].in[1], grad: none, weights: s}
	if b := u.biasesOf(i, d); b >= 0 && u.weightsOf(b) == i {
		n.biases = &u.code[b]
	}
	u.add(n)
}
