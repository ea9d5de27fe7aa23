package cpu

import (
	"fmt"

	"neuroloupe/engine"
)

// lowered writes the Program of spec down in the order that differentiation gives: forward, loss, backward, updates.
// With apart, what the executor would fuse is kept apart: the gradient of a penalty is an instruction of its own, and
// the gradient of each weight is read twice.
type lowered struct {
	p     *engine.Program
	apart bool
	names map[string]engine.Ref
}

func lower(spec engine.Spec, capacity int) (*engine.Program, error) {
	return lowerAs(spec, capacity, false)
}

func lowerApart(spec engine.Spec, capacity int) (*engine.Program, error) {
	return lowerAs(spec, capacity, true)
}

func lowerAs(spec engine.Spec, capacity int, apart bool) (*engine.Program, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if capacity < 1 {
		return nil, fmt.Errorf("capacity %d", capacity)
	}
	l := &lowered{p: &engine.Program{Spec: spec, Capacity: capacity}, apart: apart, names: map[string]engine.Ref{}}
	for _, t := range spec.ParamInfo() {
		l.p.Params = append(l.p.Params, l.tensor(t))
	}
	for _, t := range spec.StateInfo() {
		l.p.State = append(l.p.State, l.tensor(t))
	}
	l.train()
	l.infer()
	return l.p, nil
}

func (l *lowered) buffer(b engine.Buffer) engine.Ref {
	if r, ok := l.names[b.Name]; ok {
		return r
	}
	r := engine.Ref(len(l.p.Buffers))
	l.p.Buffers = append(l.p.Buffers, b)
	l.names[b.Name] = r
	return r
}

func (l *lowered) tensor(t engine.Tensor) engine.Ref {
	b := engine.Buffer{Name: t.Name, Rows: 1, Cols: t.Shape[len(t.Shape)-1]}
	if len(t.Shape) == 2 {
		b.Rows = t.Shape[0]
	}
	return l.buffer(b)
}

func (l *lowered) batch(cols int, format string, args ...any) engine.Ref {
	return l.buffer(engine.Buffer{Name: fmt.Sprintf(format, args...), Batch: true, Cols: cols})
}

func op(o engine.Op, out engine.Ref, operands ...engine.Ref) engine.Instr {
	in := engine.Instr{Op: o, Out: out, In: [3]engine.Ref{engine.None, engine.None, engine.None}}
	copy(in.In[:], operands)
	return in
}

// layer adds z = x·W + b and a = σ(z); for the identity a is z.
func (l *lowered) layer(code *[]engine.Instr, i int, x engine.Ref) (z, a engine.Ref) {
	layer := l.p.Spec.Layers[i]
	z = l.batch(layer.Units, "z%d", i)
	*code = append(*code, op(engine.OpDense, z, x, l.p.Params[2*i], l.p.Params[2*i+1]))
	if layer.Activation == engine.Identity {
		return z, z
	}
	a = l.batch(layer.Units, "a%d", i)
	activate := op(engine.OpActivate, a, z)
	activate.Activation = layer.Activation
	*code = append(*code, activate)
	return z, a
}

func (l *lowered) infer() {
	x := l.batch(l.p.Spec.Inputs, "x")
	l.p.Infer = append(l.p.Infer, op(engine.OpImages, x))
	for i := range l.p.Spec.Layers {
		z, a := l.layer(&l.p.Infer, i, x)
		l.p.Layers = append(l.p.Layers, engine.LayerRefs{Z: z, A: a})
		x = a
	}
}

func (l *lowered) train() {
	spec, code := l.p.Spec, &l.p.Train
	last := len(spec.Layers) - 1
	x, y := l.batch(spec.Inputs, "x"), l.batch(spec.Classes(), "y")
	*code = append(*code, op(engine.OpImages, x), op(engine.OpLabels, y))
	var in, as, masks []engine.Ref
	var z, a engine.Ref
	for i, layer := range spec.Layers {
		in = append(in, x)
		z, a = l.layer(code, i, x)
		as, x = append(as, a), a
		if spec.Dropout > 0 && i < last {
			m := l.batch(layer.Units, "m%d", i)
			mask := op(engine.OpMask, m)
			mask.Keep, mask.Layer = float32(1-spec.Dropout), i+1
			x = l.batch(layer.Units, "h%d", i)
			*code = append(*code, mask, op(engine.OpMul, x, a, m))
			masks = append(masks, m)
		}
	}
	p := a
	if spec.Loss == engine.CrossEntropy {
		p = z
	}
	l.p.Loss = l.buffer(engine.Buffer{Name: "loss", Rows: 1, Cols: 1})
	loss := op(engine.OpLoss, l.p.Loss, p, y)
	loss.Loss, loss.Activation = spec.Loss, spec.Layers[last].Activation
	grad := loss
	grad.Op, grad.Out = engine.OpLossGrad, l.batch(spec.Classes(), "dp")
	if l.apart {
		*code = append(*code, grad, loss)
	} else {
		*code = append(*code, loss, grad)
	}
	var updates []engine.Instr
	d := grad.Out
	for i := last; i >= 0; i-- {
		layer, w := spec.Layers[i], l.p.Params[2*i]
		if layer.Activation != engine.Identity && (i < last || spec.Loss == engine.Quadratic) {
			through := op(engine.OpActivateGrad, l.batch(layer.Units, "dz%d", i), as[i], d)
			through.Activation = layer.Activation
			*code, d = append(*code, through), through.Out
		}
		dw := l.buffer(engine.Buffer{Name: fmt.Sprintf("dw%d", i), Rows: l.p.Buffers[w].Rows, Cols: layer.Units})
		db := l.buffer(engine.Buffer{Name: fmt.Sprintf("db%d", i), Rows: 1, Cols: layer.Units})
		*code = append(*code, op(engine.OpDenseDW, dw, in[i], d), op(engine.OpDenseDB, db, d))
		updates = append(updates, l.update(2*i, dw), l.update(2*i+1, db))
		if i == 0 {
			break
		}
		dx := l.batch(l.p.Buffers[w].Rows, "dx%d", i)
		*code = append(*code, op(engine.OpDenseDX, dx, d, w))
		d = dx
		if masks != nil {
			d = l.batch(l.p.Buffers[w].Rows, "da%d", i)
			*code = append(*code, op(engine.OpMul, d, dx, masks[i-1]))
		}
	}
	*code = append(*code, updates...)
}

func (l *lowered) update(param int, g engine.Ref) engine.Instr {
	spec, w := l.p.Spec, l.p.Params[param]
	or := func(v, otherwise float64) float32 {
		if v == 0 {
			v = otherwise
		}
		return float32(v)
	}
	var l2, l1 float32
	if param%2 == 0 && spec.N > 0 {
		l2, l1 = float32(spec.L2/float64(spec.N)), float32(spec.L1/float64(spec.N))
	}
	if l.apart && param%2 == 0 {
		b := l.p.Buffers[w]
		penalty := op(engine.OpPenaltyGrad, l.buffer(engine.Buffer{Name: fmt.Sprintf("penalty%d", param), Rows: b.Rows, Cols: b.Cols}), w)
		penalty.L2, penalty.L1 = l2, l1
		sum := op(engine.OpAdd, l.buffer(engine.Buffer{Name: fmt.Sprintf("sum%d", param), Rows: b.Rows, Cols: b.Cols}), g, penalty.Out)
		l.p.Train = append(l.p.Train, penalty, sum)
		g, l2, l1 = sum.Out, 0, 0
	}
	u := op(engine.OpUpdate, w, g)
	kept := len(spec.Update.Method.StateNames())
	copy(u.In[1:], l.p.State[kept*param:kept*(param+1)])
	u.Method, u.Momentum = spec.Update.Method, float32(spec.Update.Momentum)
	u.Beta1, u.Beta2, u.Epsilon = or(spec.Update.Beta1, 0.9), or(spec.Update.Beta2, 0.999), or(spec.Update.Epsilon, 1e-8)
	u.L2, u.L1 = l2, l1
	return u
}
