//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"fmt"
	"slices"

	"neuroloupe/engine"
)

// flow is a list of instructions in which every result has a name of its own, so that an instruction can be moved or done
// together with another by looking at nothing but who reads what.
type flow struct {
	p      *engine.Program
	code   []step
	values []value
	latest map[engine.Ref]id // what a buffer holds at the end
}

// id numbers a value of a flow; none where there is none.
type id int32

const none id = -1

// step is an instruction with its operands and result by id. An update reads, besides its gradient and state, the
// parameter as it was; its result is the parameter changed.
type step struct {
	engine.Instr
	in       [3]id
	out      id
	previous id // of the parameter, for an update
}

// value is what one instruction leaves in a buffer, or what lay there before the first.
type value struct {
	ref  engine.Ref
	def  int   // the instruction; −1 when it is there before the first
	uses []int // the instructions that read it, in order
}

// newFlow names the results of code. Activations and gradients of the identity vanish: their result is their operand.
func newFlow(p *engine.Program, code []engine.Instr) (*flow, error) {
	f := &flow{p: p, latest: map[engine.Ref]id{}}
	for i, in := range code {
		s := step{Instr: in, in: [3]id{none, none, none}, out: none, previous: none}
		for k, r := range in.In[:in.Operands()] {
			if r < 0 || int(r) >= len(p.Buffers) {
				return nil, fmt.Errorf("cuda: instruction %d (%v): buffer %d of %d", i, in.Op, r, len(p.Buffers))
			}
			s.in[k] = f.current(r)
		}
		if err := f.check(i, in); err != nil {
			return nil, err
		}
		if in.Activation == engine.Identity && in.Op == engine.OpActivate {
			f.latest[in.Out] = s.in[0]
			continue
		}
		if in.Activation == engine.Identity && in.Op == engine.OpActivateGrad {
			f.latest[in.Out] = s.in[1]
			continue
		}
		at := len(f.code)
		if in.Op == engine.OpUpdate {
			s.previous = f.current(in.Out)
			f.values[s.previous].uses = append(f.values[s.previous].uses, at)
		}
		for k, v := range s.in {
			if v != none && !slices.Contains(s.in[:k], v) {
				f.values[v].uses = append(f.values[v].uses, at)
			}
		}
		s.out = f.add(value{ref: in.Out, def: at})
		f.code = append(f.code, s)
	}
	return f, nil
}

func (f *flow) add(v value) id {
	f.values = append(f.values, v)
	i := id(len(f.values) - 1)
	f.latest[v.ref] = i
	return i
}

// current returns what the buffer holds now.
func (f *flow) current(r engine.Ref) id {
	if v, ok := f.latest[r]; ok {
		return v
	}
	return f.add(value{ref: r, def: -1})
}

func (f *flow) buffer(v id) *engine.Buffer { return &f.p.Buffers[f.values[v].ref] }

// resident says that the buffer keeps its values between steps.
func resident(p *engine.Program, r engine.Ref) bool {
	return slices.Contains(p.Params, r) || slices.Contains(p.State, r)
}

// check refuses an instruction whose operands and result do not fit each other: a kernel would reach past their ends.
func (f *flow) check(i int, in engine.Instr) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("cuda: instruction %d (%v): %s", i, in.Op, fmt.Sprintf(format, args...))
	}
	want := 1
	switch in.Op {
	case engine.OpImages, engine.OpLabels, engine.OpMask:
		want = 0
	case engine.OpDense:
		want = 3
	case engine.OpDenseDX, engine.OpDenseDW, engine.OpActivateGrad, engine.OpMul, engine.OpAdd, engine.OpLoss, engine.OpLossGrad:
		want = 2
	case engine.OpDenseDB, engine.OpActivate, engine.OpPenaltyGrad:
	case engine.OpUpdate:
		want += len(in.Method.StateNames())
	default:
		return fail("there is no such instruction")
	}
	if n := in.Operands(); n != want {
		return fail("%d operands, want %d", n, want)
	}
	if in.Out < 0 || int(in.Out) >= len(f.p.Buffers) {
		return fail("result in buffer %d of %d", in.Out, len(f.p.Buffers))
	}
	if (in.Op == engine.OpUpdate) != resident(f.p, in.Out) {
		return fail("its result is %s: parameters are changed by updates, and nothing else is", f.p.Buffers[in.Out].Name)
	}
	out := f.p.Buffers[in.Out]
	op := make([]engine.Buffer, want)
	for k := range op {
		op[k] = f.p.Buffers[in.In[k]]
	}
	like := func(a engine.Buffer, batch bool, rows, cols int) bool {
		return a.Batch == batch && (batch || a.Rows == rows) && a.Cols == cols
	}
	same := func(a, b engine.Buffer) bool { return like(a, b.Batch, b.Rows, b.Cols) }
	ok := true
	switch in.Op {
	case engine.OpImages:
		ok = like(out, true, 0, f.p.Spec.Inputs)
	case engine.OpLabels:
		ok = like(out, true, 0, f.p.Spec.Classes())
	case engine.OpMask:
		ok = out.Batch
	case engine.OpDense:
		ok = op[0].Batch && like(op[1], false, op[0].Cols, out.Cols) && like(op[2], false, 1, out.Cols) && out.Batch
	case engine.OpDenseDX:
		ok = op[0].Batch && like(op[1], false, out.Cols, op[0].Cols) && out.Batch
	case engine.OpDenseDW:
		ok = op[0].Batch && op[1].Batch && like(out, false, op[0].Cols, op[1].Cols)
	case engine.OpDenseDB:
		ok = op[0].Batch && like(out, false, 1, op[0].Cols)
	case engine.OpLoss:
		ok = op[0].Batch && same(op[0], op[1]) && like(out, false, 1, 1)
	case engine.OpLossGrad:
		ok = op[0].Batch && same(op[0], op[1]) && same(out, op[0])
	case engine.OpActivate:
		ok = out.Batch && same(op[0], out)
	case engine.OpActivateGrad:
		ok = out.Batch && same(op[0], out) && same(op[1], out)
	default:
		for _, o := range op {
			ok = ok && same(o, out)
		}
	}
	if !ok {
		return fail("the shapes of its operands and of %s do not fit", out.Name)
	}
	return nil
}

// live returns which instructions the values wanted, and all updates, depend on.
func (f *flow) live(wanted ...id) []bool {
	live := make([]bool, len(f.code))
	var need func(v id)
	mark := func(i int) {
		if !live[i] {
			live[i] = true
			for _, v := range f.code[i].in {
				need(v)
			}
			need(f.code[i].previous)
		}
	}
	need = func(v id) {
		if v != none && f.values[v].def >= 0 {
			mark(f.values[v].def)
		}
	}
	for _, v := range wanted {
		need(v)
	}
	for i, s := range f.code {
		if s.Op == engine.OpUpdate {
			mark(i)
		}
	}
	return live
}
