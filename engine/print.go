package engine

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// String returns the program as text: what it holds, then a numbered line per instruction,
//
//	0  x         n×784  = images()
//	1  layer1.z  n×100  = dense(x, layer1.weight, layer1.bias)
//
// with the buffer it writes, that buffer's shape (n rows, one per example of the step) and the operation with its
// operands and constants.
func (p *Program) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	resident := make([]bool, len(p.Buffers))
	size := func(refs []Ref) (n int) {
		for _, r := range refs {
			if p.has(r) {
				resident[r] = true
				n += p.Buffers[r].Len(p.Capacity)
			}
		}
		return n
	}
	fmt.Fprintf(w, "network\t%v, %v loss, %v\n", p.Spec, p.Spec.Loss, p.Spec.Update.Method)
	fmt.Fprintf(w, "step\tat most %d examples\n", p.Capacity)
	fmt.Fprintf(w, "parameters\t%s\n", values(size(p.Params)))
	fmt.Fprintf(w, "state\t%s\n", values(size(p.State)))
	scratch := 0
	for r, b := range p.Buffers {
		if !resident[r] {
			scratch += b.Len(p.Capacity)
		}
	}
	fmt.Fprintf(w, "scratch\t%s\n", values(scratch))
	w.Flush()
	p.list(&text, "train", p.Train)
	p.list(&text, "infer", p.Infer)
	return text.String()
}

func values(n int) string { return fmt.Sprintf("%d values, %d bytes", n, 4*n) }

func (p *Program) list(text io.Writer, title string, code []Instr) {
	fmt.Fprintf(text, "\n%s\n", title)
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	digits := len(fmt.Sprint(len(code)))
	for i, in := range code {
		shape := "?"
		if p.has(in.Out) {
			shape = p.Buffers[in.Out].shape()
		}
		var args []string
		for _, r := range in.In[:in.Operands()] {
			args = append(args, p.name(r))
		}
		args = append(args, in.constants()...)
		fmt.Fprintf(w, "%*d\t%s\t%s\t= %v(%s)\n", digits, i, p.name(in.Out), shape, in.Op, strings.Join(args, ", "))
	}
	w.Flush()
}

func (p *Program) has(r Ref) bool { return r >= 0 && int(r) < len(p.Buffers) }

// name returns the name of a buffer, and a number for one that is not there: a program that is wrong prints too.
func (p *Program) name(r Ref) string {
	if !p.has(r) {
		return fmt.Sprintf("buffer(%d)", r)
	}
	return p.Buffers[r].Name
}

// shape returns the shape as people write it: n×100, 784×100, 100 for a vector, 1 for a scalar.
func (b Buffer) shape() string {
	switch {
	case b.Batch:
		return fmt.Sprintf("n×%d", b.Cols)
	case b.Rows == 1:
		return fmt.Sprint(b.Cols)
	}
	return fmt.Sprintf("%d×%d", b.Rows, b.Cols)
}

// constants returns what the instruction computes with besides its operands, in words; penalties of 0 are left out.
func (i Instr) constants() []string {
	penalties := func(words ...string) []string {
		if i.L2 != 0 {
			words = append(words, fmt.Sprintf("l2=%v", i.L2))
		}
		if i.L1 != 0 {
			words = append(words, fmt.Sprintf("l1=%v", i.L1))
		}
		return words
	}
	switch i.Op {
	case OpMask:
		return []string{fmt.Sprintf("layer=%d", i.Layer), fmt.Sprintf("keep=%v", i.Keep)}
	case OpActivate, OpActivateGrad:
		return []string{i.Activation.String()}
	case OpLoss, OpLossGrad:
		if i.Loss == CrossEntropy {
			return []string{i.Activation.String() + " " + i.Loss.String()}
		}
		return []string{i.Loss.String()}
	case OpPenaltyGrad:
		return penalties()
	case OpUpdate:
		switch i.Method {
		case Momentum, Nesterov:
			return penalties(i.Method.String(), fmt.Sprintf("momentum=%v", i.Momentum))
		case Adam:
			return penalties(i.Method.String(), fmt.Sprintf("beta1=%v", i.Beta1), fmt.Sprintf("beta2=%v", i.Beta2),
				fmt.Sprintf("epsilon=%v", i.Epsilon))
		}
		return penalties(i.Method.String())
	}
	return nil
}
