package cpu

import (
	"neuroloupe/engine"
	"neuroloupe/engine/enginetest"
)

// textbookApart is the textbook's Program with what the executor would fuse kept apart: the gradient of the loss comes
// before the loss, the gradient of a penalty is an instruction of its own, and so nothing but an addition reads a
// weight's gradient.
func textbookApart(spec engine.Spec, capacity int) (*engine.Program, error) {
	p, err := enginetest.Textbook(spec, capacity)
	if err != nil {
		return nil, err
	}
	like := func(r engine.Ref, suffix string) engine.Ref {
		b := p.Buffers[r]
		b.Name += suffix
		p.Buffers = append(p.Buffers, b)
		return engine.Ref(len(p.Buffers) - 1)
	}
	var code []engine.Instr
	for i := 0; i < len(p.Train); i++ {
		in := p.Train[i]
		switch {
		case in.Op == engine.OpLoss:
			code = append(code, p.Train[i+1], in)
			i++
		case in.Op == engine.OpUpdate && p.Buffers[in.Out].Rows > 1:
			penalty := engine.Instr{
				Op: engine.OpPenaltyGrad, Out: like(in.Out, ".penalty"), L2: in.L2, L1: in.L1,
				In: [3]engine.Ref{in.Out, engine.None, engine.None},
			}
			sum := engine.Instr{
				Op: engine.OpAdd, Out: like(in.Out, ".sum"),
				In: [3]engine.Ref{in.In[0], penalty.Out, engine.None},
			}
			in.In[0], in.L2, in.L1 = sum.Out, 0, 0
			code = append(code, penalty, sum, in)
		default:
			code = append(code, in)
		}
	}
	p.Train = code
	return p, nil
}
