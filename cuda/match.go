//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"fmt"

	"neuroloupe/engine"
)

// numbering gives the same number to values that are computed alike from the same.
type numbering map[string]int

func (n numbering) of(format string, args ...any) int {
	key := fmt.Sprintf(format, args...)
	if _, ok := n[key]; !ok {
		n[key] = len(n)
	}
	return n[key]
}

// instr numbers what an instruction computes from operands of those numbers. Only the constants that count for the
// operation do.
func (n numbering) instr(in engine.Instr, operands ...int) int {
	var constants any
	switch in.Op {
	case engine.OpMul, engine.OpAdd: // in either order
		if operands[0] > operands[1] {
			operands[0], operands[1] = operands[1], operands[0]
		}
	case engine.OpMask:
		constants = fmt.Sprint(in.Keep, in.Layer)
	case engine.OpActivate, engine.OpActivateGrad:
		if in.Activation == engine.Identity {
			return operands[len(operands)-1]
		}
		constants = in.Activation
	case engine.OpLoss, engine.OpLossGrad:
		if constants = fmt.Sprint(in.Loss); in.Loss == engine.CrossEntropy { // fused with the activation
			constants = fmt.Sprint(in.Loss, in.Activation)
		}
	case engine.OpPenaltyGrad:
		constants = fmt.Sprint(in.L2, in.L1)
	case engine.OpUpdate:
		constants = fmt.Sprint(rule(in), in.L2, in.L1)
	}
	return n.of("%v %v %v", in.Op, constants, operands)
}

// rule keeps those of an update's constants that its method uses, but for the penalties.
func rule(in engine.Instr) engine.Instr {
	r := engine.Instr{Method: in.Method}
	switch in.Method {
	case engine.Momentum, engine.Nesterov:
		r.Momentum = in.Momentum
	case engine.Adam:
		r.Beta1, r.Beta2, r.Epsilon = in.Beta1, in.Beta2, in.Epsilon
	}
	return r
}

// plain is what a Program's training step is made of when it is that of its Spec, whatever the order of instructions.
type plain struct {
	rule  engine.Instr // of all updates
	l2    []float32    // of the weights of each layer
	l1    []float32
	keep  float32 // 0 without dropout
	steps []*step // updates, in the order of Program.Params
}

// matchPlain says whether the training step f of p is that of a plain network: backpropagation as in the textbook, and
// an update of every parameter. The error says what is different.
func matchPlain(f *flow) (*plain, error) {
	p := f.p
	n := numbering{}
	numbers := make([]int, len(f.values))
	for v, val := range f.values {
		if val.def < 0 {
			numbers[v] = n.of("buffer %d", val.ref)
		}
	}
	m := &plain{steps: make([]*step, len(p.Params))}
	for i := range f.code {
		s := &f.code[i]
		var operands []int
		for _, v := range s.in {
			if v != none {
				operands = append(operands, numbers[v])
			}
		}
		if s.Op == engine.OpUpdate {
			operands = append(operands, numbers[s.previous])
		}
		if s.Op == engine.OpMask {
			m.keep = s.Keep
		}
		numbers[s.out] = n.instr(s.Instr, operands...)
	}
	for k, r := range p.Params {
		v := f.latest[r]
		if d := f.values[v].def; d >= 0 {
			m.steps[k] = &f.code[d]
		} else {
			return nil, fmt.Errorf("%s is not trained", p.Buffers[r].Name)
		}
	}
	if len(p.Params) != 2*len(p.Spec.Layers) {
		return nil, fmt.Errorf("it has %d parameters, want weights and biases of %d layers", len(p.Params),
			len(p.Spec.Layers))
	}
	m.rule = rule(m.steps[0].Instr)
	for l := range p.Spec.Layers {
		m.l2, m.l1 = append(m.l2, m.steps[2*l].L2), append(m.l1, m.steps[2*l].L1)
	}
	loss, params := n.textbook(p, m)
	if v, ok := f.latest[p.Loss]; !ok || numbers[v] != loss {
		return nil, fmt.Errorf("its loss is not that of a plain network")
	}
	for k, r := range p.Params {
		if numbers[f.latest[r]] != params[k] {
			return nil, fmt.Errorf("%s changes in another way than in a plain network", p.Buffers[r].Name)
		}
	}
	return m, nil
}

// textbook numbers the loss and the changed parameters of a training step of p's Spec with m's constants.
func (n numbering) textbook(p *engine.Program, m *plain) (loss int, params []int) {
	spec := p.Spec
	op := func(o engine.Op, operands ...int) int { return n.instr(engine.Instr{Op: o}, operands...) }
	activation := func(o engine.Op, a engine.Activation, operands ...int) int {
		return n.instr(engine.Instr{Op: o, Activation: a}, operands...)
	}
	buffer := func(r engine.Ref) int { return n.of("buffer %d", r) }
	last := len(spec.Layers) - 1
	var in, a, mask []int
	x, z := op(engine.OpImages), 0
	for l, layer := range spec.Layers {
		in = append(in, x)
		z = op(engine.OpDense, x, buffer(p.Params[2*l]), buffer(p.Params[2*l+1]))
		x = activation(engine.OpActivate, layer.Activation, z)
		a = append(a, x)
		if spec.Dropout > 0 && l < last {
			mask = append(mask, n.instr(engine.Instr{Op: engine.OpMask, Keep: m.keep, Layer: l + 1}))
			x = op(engine.OpMul, x, mask[l])
		}
	}
	out := spec.Layers[last].Activation
	compare := engine.Instr{Op: engine.OpLoss, Loss: spec.Loss, Activation: out}
	y, from := op(engine.OpLabels), a[last]
	if spec.Loss == engine.CrossEntropy {
		from = z
	}
	loss = n.instr(compare, from, y)
	compare.Op = engine.OpLossGrad
	delta := n.instr(compare, from, y)
	if spec.Loss == engine.Quadratic {
		delta = activation(engine.OpActivateGrad, out, a[last], delta)
	}
	params = make([]int, len(p.Params))
	kept := len(spec.Update.Method.StateNames())
	update := func(k, gradient int, l2, l1 float32) {
		u := m.rule
		u.Op, u.L2, u.L1 = engine.OpUpdate, l2, l1
		operands := []int{gradient}
		for _, s := range p.State[kept*k : kept*(k+1)] {
			operands = append(operands, buffer(s))
		}
		params[k] = n.instr(u, append(operands, buffer(p.Params[k]))...)
	}
	for l := last; l >= 0; l-- {
		update(2*l, op(engine.OpDenseDW, in[l], delta), m.l2[l], m.l1[l])
		update(2*l+1, op(engine.OpDenseDB, delta), 0, 0)
		if l == 0 {
			break
		}
		delta = op(engine.OpDenseDX, delta, buffer(p.Params[2*l]))
		if mask != nil {
			delta = op(engine.OpMul, delta, mask[l-1])
		}
		delta = activation(engine.OpActivateGrad, spec.Layers[l-1].Activation, a[l-1], delta)
	}
	return loss, params
}
