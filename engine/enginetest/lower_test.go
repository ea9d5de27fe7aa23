package enginetest

import (
	"fmt"

	"neuroloupe/engine"
)

// lowerByHand makes a Program as one would write it down, without a graph.
func lowerByHand(spec engine.Spec, capacity int) (*engine.Program, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if capacity < 1 {
		return nil, fmt.Errorf("capacity %d", capacity)
	}
	h := &hand{p: &engine.Program{Spec: spec, Capacity: capacity}}
	h.resident()
	h.forward(false)
	h.forward(true)
	h.backward()
	return h.p, nil
}

type hand struct {
	p          *engine.Program
	x, y       engine.Ref
	h, a, mask []engine.Ref // of the training pass, by layer
	z          []engine.Ref
}

func (h *hand) matrix(name string, rows, cols int) engine.Ref {
	h.p.Buffers = append(h.p.Buffers, engine.Buffer{Name: name, Rows: rows, Cols: cols})
	return engine.Ref(len(h.p.Buffers) - 1)
}

func (h *hand) batch(name string, cols int) engine.Ref {
	h.p.Buffers = append(h.p.Buffers, engine.Buffer{Name: name, Batch: true, Cols: cols})
	return engine.Ref(len(h.p.Buffers) - 1)
}

func instr(op engine.Op, out engine.Ref, in ...engine.Ref) engine.Instr {
	i := engine.Instr{Op: op, Out: out, In: [3]engine.Ref{engine.None, engine.None, engine.None}}
	copy(i.In[:], in)
	return i
}

func (h *hand) resident() {
	add := func(t engine.Tensor) engine.Ref {
		if len(t.Shape) == 1 {
			return h.matrix(t.Name, 1, t.Shape[0])
		}
		return h.matrix(t.Name, t.Shape[0], t.Shape[1])
	}
	for _, t := range h.p.Spec.ParamInfo() {
		h.p.Params = append(h.p.Params, add(t))
	}
	for _, t := range h.p.Spec.StateInfo() {
		h.p.State = append(h.p.State, add(t))
	}
}

// forward adds the instructions of a pass, of training or of inference.
func (h *hand) forward(training bool) {
	spec := h.p.Spec
	code, prefix := &h.p.Infer, "infer."
	if training {
		code, prefix = &h.p.Train, ""
	}
	x := h.batch(prefix+"x", spec.Inputs)
	*code = append(*code, instr(engine.OpImages, x))
	if training {
		h.x = x
	}
	for l, layer := range spec.Layers {
		name := func(s string) string { return fmt.Sprintf("%slayer%d.%s", prefix, l+1, s) }
		z, a := h.batch(name("z"), layer.Units), h.batch(name("a"), layer.Units)
		activate := instr(engine.OpActivate, a, z)
		activate.Activation = layer.Activation
		*code = append(*code, instr(engine.OpDense, z, x, h.p.Params[2*l], h.p.Params[2*l+1]), activate)
		x = a
		if !training {
			h.p.Layers = append(h.p.Layers, engine.LayerRefs{Z: z, A: a})
			continue
		}
		h.z, h.a = append(h.z, z), append(h.a, a)
		if spec.Dropout > 0 && l < len(spec.Layers)-1 {
			m := h.batch(name("mask"), layer.Units)
			mask := instr(engine.OpMask, m)
			mask.Keep, mask.Layer = float32(1-spec.Dropout), l+1
			x = h.batch(name("h"), layer.Units)
			*code = append(*code, mask, instr(engine.OpMul, x, a, m))
			h.mask = append(h.mask, m)
		}
		h.h = append(h.h, x)
	}
}

func (h *hand) backward() {
	spec := h.p.Spec
	last := len(spec.Layers) - 1
	units := spec.Layers[last].Units
	h.y = h.batch("y", units)
	h.p.Loss = h.matrix("loss", 1, 1)
	p := h.a[last]
	if spec.Loss == engine.CrossEntropy {
		p = h.z[last]
	}
	loss := instr(engine.OpLoss, h.p.Loss, p, h.y)
	loss.Loss, loss.Activation = spec.Loss, spec.Layers[last].Activation
	grad := loss
	grad.Op, grad.Out = engine.OpLossGrad, h.batch("loss.grad", units)
	h.p.Train = append(h.p.Train, instr(engine.OpLabels, h.y), loss, grad)
	var updates []engine.Instr
	for d, l := grad.Out, last; l >= 0; l-- {
		if l < last || spec.Loss == engine.Quadratic {
			dz := h.batch(fmt.Sprintf("layer%d.z.grad", l+1), spec.Layers[l].Units)
			through := instr(engine.OpActivateGrad, dz, h.a[l], d)
			through.Activation = spec.Layers[l].Activation
			h.p.Train = append(h.p.Train, through)
			d = dz
		}
		in, w := h.x, h.p.Buffers[h.p.Params[2*l]]
		if l > 0 {
			in = h.h[l-1]
		}
		dw, db := h.matrix(w.Name+".grad", w.Rows, w.Cols), h.matrix(engine.BiasName(l+1)+".grad", 1, w.Cols)
		h.p.Train = append(h.p.Train, instr(engine.OpDenseDW, dw, in, d), instr(engine.OpDenseDB, db, d))
		updates = append(updates, h.update(2*l, dw), h.update(2*l+1, db))
		if l == 0 {
			break
		}
		dx := h.batch(fmt.Sprintf("layer%d.x.grad", l+1), w.Rows)
		h.p.Train = append(h.p.Train, instr(engine.OpDenseDX, dx, d, h.p.Params[2*l]))
		d = dx
		if len(h.mask) > 0 {
			h.p.Train = append(h.p.Train, instr(engine.OpMul, dx, dx, h.mask[l-1]))
		}
	}
	h.p.Train = append(h.p.Train, updates...)
}

func (h *hand) update(param int, g engine.Ref) engine.Instr {
	spec := h.p.Spec
	u := instr(engine.OpUpdate, h.p.Params[param], g)
	kept := len(spec.Update.Method.StateNames())
	copy(u.In[1:], h.p.State[kept*param:kept*(param+1)])
	u.Method, u.Momentum = spec.Update.Method, float32(spec.Update.Momentum)
	u.Beta1, u.Beta2, u.Epsilon = 0.9, 0.999, 1e-8
	if spec.Update.Beta1 != 0 {
		u.Beta1 = float32(spec.Update.Beta1)
	}
	if spec.Update.Beta2 != 0 {
		u.Beta2 = float32(spec.Update.Beta2)
	}
	if spec.Update.Epsilon != 0 {
		u.Epsilon = float32(spec.Update.Epsilon)
	}
	if param%2 == 0 && spec.N > 0 {
		u.L2, u.L1 = float32(spec.L2/float64(spec.N)), float32(spec.L1/float64(spec.N))
	}
	return u
}
