//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"slices"

	"neuroloupe/engine"
)

// flow is a list of instructions in which every result has a name of its own, so that an instruction can be moved or
// done together with another by looking at nothing but who reads what.
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

// newFlow names the results of code, which Program.Validate has found good. Activations and gradients of the identity
// vanish: their result is their operand.
func newFlow(p *engine.Program, code []engine.Instr) *flow {
	f := &flow{p: p, latest: map[engine.Ref]id{}}
	for _, in := range code {
		s := step{Instr: in, in: [3]id{none, none, none}, out: none, previous: none}
		for k, r := range in.In[:in.Operands()] {
			s.in[k] = f.current(r)
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
	return f
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
