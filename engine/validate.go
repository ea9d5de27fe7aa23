package engine

import (
	"fmt"
	"slices"
)

// Validate reports the first thing wrong with a Program: a kernel may take it for granted that operands are there, were
// written before they are read, and have the shapes that the operation asks for. Every Backend calls it before it
// compiles; it need not check anything again. The error names the instruction, or what is missing.
func (p *Program) Validate() error {
	if err := p.Spec.Validate(); err != nil {
		return err
	}
	if p.Capacity < 1 {
		return fmt.Errorf("engine: program of network %v for steps of %d rows, want at least 1", p.Spec, p.Capacity)
	}
	names := map[string]bool{}
	for r, b := range p.Buffers {
		switch {
		case b.Name == "" || names[b.Name]:
			return fmt.Errorf("engine: buffer %d: name %q, want one of its own", r, b.Name)
		case b.Cols < 1 || b.Batch && b.Rows != 0 || !b.Batch && b.Rows < 1:
			return fmt.Errorf("engine: buffer %s: %d×%d, one row per example: %t", b.Name, b.Rows, b.Cols, b.Batch)
		}
		names[b.Name] = true
	}
	if err := p.tensors("parameters", p.Params, p.Spec.ParamInfo()); err != nil {
		return err
	}
	if err := p.tensors("state", p.State, p.Spec.StateInfo()); err != nil {
		return err
	}
	train, err := p.code("train", p.Train, true)
	if err != nil {
		return err
	}
	if !p.has(p.Loss) || !p.Buffers[p.Loss].is(false, 1, 1) || !train[p.Loss] {
		return fmt.Errorf("engine: program: the loss, %s, is not a number that training computes", p.name(p.Loss))
	}
	infer, err := p.code("infer", p.Infer, false)
	if err != nil {
		return err
	}
	if len(p.Layers) != len(p.Spec.Layers) {
		return fmt.Errorf("engine: program: %d layers to infer, want %d", len(p.Layers), len(p.Spec.Layers))
	}
	for l, refs := range p.Layers {
		for _, r := range []Ref{refs.Z, refs.A} {
			if !p.has(r) || !infer[r] || !p.Buffers[r].is(true, 0, p.Spec.Layers[l].Units) {
				return fmt.Errorf("engine: program: layer %d, in %s, is not what inference computes of it, n×%d",
					l+1, p.name(r), p.Spec.Layers[l].Units)
			}
		}
	}
	return nil
}

// tensors checks the buffers that keep their values between steps.
func (p *Program) tensors(what string, refs []Ref, info []Tensor) error {
	if len(refs) != len(info) {
		return fmt.Errorf("engine: program: %d buffers of %s, want %d", len(refs), what, len(info))
	}
	for i, t := range info {
		rows := 1
		if len(t.Shape) == 2 {
			rows = t.Shape[0]
		}
		r := refs[i]
		if !p.has(r) || p.Buffers[r].Name != t.Name || !p.Buffers[r].is(false, rows, t.Shape[len(t.Shape)-1]) {
			return fmt.Errorf("engine: program: %s %d is %s, want %s of shape %v", what, i, p.name(r), t.Name, t.Shape)
		}
	}
	return nil
}

// is reports the shape of a buffer; rows count unless it has one per example.
func (b Buffer) is(batch bool, rows, cols int) bool {
	return b.Batch == batch && (batch || b.Rows == rows) && b.Cols == cols
}

func (b Buffer) as(o Buffer) bool { return b.is(o.Batch, o.Rows, o.Cols) }

// code checks instructions in their order and returns what they have written or what was there before.
func (p *Program) code(what string, code []Instr, updates bool) (map[Ref]bool, error) {
	written := map[Ref]bool{}
	for _, r := range slices.Concat(p.Params, p.State) {
		written[r] = true
	}
	for i, in := range code {
		if err := p.instr(in, written, updates); err != nil {
			return nil, fmt.Errorf("engine: program: %s, instruction %d (%v): %w", what, i, in.Op, err)
		}
		written[in.Out] = true
	}
	return written, nil
}

// operands returns how many operands an operation takes.
func (i Instr) operands() (int, error) {
	switch i.Op {
	case OpImages, OpLabels, OpMask:
		return 0, nil
	case OpDenseDB, OpActivate, OpPenaltyGrad:
		return 1, nil
	case OpDenseDX, OpDenseDW, OpActivateGrad, OpMul, OpAdd, OpLoss, OpLossGrad:
		return 2, nil
	case OpDense:
		return 3, nil
	case OpUpdate:
		return 1 + len(i.Method.StateNames()), nil
	}
	return 0, fmt.Errorf("there is no such operation")
}

func (p *Program) instr(in Instr, written map[Ref]bool, updates bool) error {
	want, err := in.operands()
	if err != nil {
		return err
	}
	if n := in.Operands(); n != want {
		return fmt.Errorf("%d operands, want %d", n, want)
	}
	if !p.has(in.Out) {
		return fmt.Errorf("its result is %s of %d", p.name(in.Out), len(p.Buffers))
	}
	var op [3]Buffer
	for k, r := range in.In[:want] {
		switch {
		case !p.has(r):
			return fmt.Errorf("operand %d is %s of %d", k+1, p.name(r), len(p.Buffers))
		case !written[r]:
			return fmt.Errorf("operand %d, %s, is read before anything has written it", k+1, p.name(r))
		}
		op[k] = p.Buffers[r]
	}
	resident := slices.Contains(p.Params, in.Out) || slices.Contains(p.State, in.Out)
	switch update := in.Op == OpUpdate; {
	case update && !(updates && slices.Contains(p.Params, in.Out)), !update && resident:
		return fmt.Errorf("its result is %s: updates in training change parameters, and nothing else does",
			p.name(in.Out))
	}
	if out := p.Buffers[in.Out]; !p.fits(in, op, out) {
		return fmt.Errorf("the shapes of its operands and of %s do not fit", out.Name)
	}
	return nil
}

// fits reports whether the shapes of an instruction's operands and result are those of its operation.
func (p *Program) fits(in Instr, op [3]Buffer, out Buffer) bool {
	switch in.Op {
	case OpImages:
		return out.is(true, 0, p.Spec.Inputs)
	case OpLabels:
		return out.is(true, 0, p.Spec.Classes())
	case OpMask:
		return out.Batch
	case OpDense:
		return op[0].Batch && op[1].is(false, op[0].Cols, out.Cols) && op[2].is(false, 1, out.Cols) && out.Batch
	case OpDenseDX:
		return op[0].Batch && op[1].is(false, out.Cols, op[0].Cols) && out.Batch
	case OpDenseDW:
		return op[0].Batch && op[1].Batch && out.is(false, op[0].Cols, op[1].Cols)
	case OpDenseDB:
		return op[0].Batch && out.is(false, 1, op[0].Cols)
	case OpLoss:
		return op[0].Batch && op[1].as(op[0]) && out.is(false, 1, 1)
	case OpLossGrad:
		return op[0].Batch && op[1].as(op[0]) && out.as(op[0])
	case OpActivate:
		return out.Batch && op[0].as(out)
	case OpActivateGrad:
		return out.Batch && op[0].as(out) && op[1].as(out)
	}
	for _, o := range op[:in.Operands()] {
		if !o.as(out) {
			return false
		}
	}
	return true
}
