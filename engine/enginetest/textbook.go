package enginetest

import (
	"cmp"
	"fmt"

	"neuroloupe/engine"
)

// Textbook writes the Program of a network down as a textbook does, without a graph and without differentiating
// anything: the forward pass, the loss, the chain rule from the last layer to the first (Nielsen, "Neural Networks and
// Deep Learning", 2015, chapter 2, equations BP1 to BP4), the updates. It serves the tests of backends, which may not
// import package graph, and it is what package graph's Programs are held against: they are the same to the last name.
func Textbook(spec engine.Spec, capacity int) (*engine.Program, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if capacity < 1 {
		return nil, fmt.Errorf("enginetest: program for steps of %d rows, want at least 1", capacity)
	}
	w := &writer{p: &engine.Program{Spec: spec, Capacity: capacity}, refs: map[string]engine.Ref{}}
	for _, t := range spec.ParamInfo() {
		w.p.Params = append(w.p.Params, w.tensor(t))
	}
	for _, t := range spec.StateInfo() {
		w.p.State = append(w.p.State, w.tensor(t))
	}
	w.train()
	w.infer()
	return w.p, nil
}

// writer is a Program in the making.
type writer struct {
	p    *engine.Program
	refs map[string]engine.Ref // buffers by name
}

func (w *writer) buffer(b engine.Buffer) engine.Ref {
	r, ok := w.refs[b.Name]
	if !ok {
		r = engine.Ref(len(w.p.Buffers))
		w.p.Buffers, w.refs[b.Name] = append(w.p.Buffers, b), r
	}
	return r
}

func (w *writer) tensor(t engine.Tensor) engine.Ref {
	b := engine.Buffer{Name: t.Name, Rows: 1, Cols: t.Shape[len(t.Shape)-1]}
	if len(t.Shape) == 2 {
		b.Rows = t.Shape[0]
	}
	return w.buffer(b)
}

func (w *writer) batch(cols int, format string, args ...any) engine.Ref {
	return w.buffer(engine.Buffer{Name: fmt.Sprintf(format, args...), Batch: true, Cols: cols})
}

// like is a buffer of the shape of another.
func (w *writer) like(r engine.Ref, suffix string) engine.Ref {
	b := w.p.Buffers[r]
	b.Name += suffix
	return w.buffer(b)
}

func instr(op engine.Op, out engine.Ref, in ...engine.Ref) engine.Instr {
	i := engine.Instr{Op: op, Out: out, In: [3]engine.Ref{engine.None, engine.None, engine.None}}
	copy(i.In[:], in)
	return i
}

// layer writes z = x·W + b and a = σ(z) of layer l, 0 being the first; for the identity, and unless bent, a is z.
func (w *writer) layer(l int, x engine.Ref, bent bool) (z, a engine.Ref, code []engine.Instr) {
	units, act := w.p.Spec.Layers[l].Units, w.p.Spec.Layers[l].Activation
	z = w.batch(units, "layer%d.z", l+1)
	code = append(code, instr(engine.OpDense, z, x, w.p.Params[2*l], w.p.Params[2*l+1]))
	if act == engine.Identity || !bent {
		return z, z, code
	}
	a = w.batch(units, "layer%d.a", l+1)
	activate := instr(engine.OpActivate, a, z)
	activate.Activation = act
	return z, a, append(code, activate)
}

func (w *writer) infer() {
	x := w.batch(w.p.Spec.Inputs, "x")
	w.p.Infer = append(w.p.Infer, instr(engine.OpImages, x))
	for l := range w.p.Spec.Layers {
		z, a, code := w.layer(l, x, true)
		w.p.Infer = append(w.p.Infer, code...)
		w.p.Layers = append(w.p.Layers, engine.LayerRefs{Z: z, A: a})
		x = a
	}
}

func (w *writer) train() {
	spec, last := w.p.Spec, len(w.p.Spec.Layers)-1
	x, y := w.batch(spec.Inputs, "x"), w.batch(spec.Classes(), "y")
	w.p.Train = append(w.p.Train, instr(engine.OpImages, x), instr(engine.OpLabels, y))
	var masks, reads, as []engine.Ref // dropout masks; what each layer reads; its activations
	if spec.Dropout > 0 {
		for l, layer := range spec.Layers[:last] {
			mask := instr(engine.OpMask, w.batch(layer.Units, "mask%d", l+1))
			mask.Keep, mask.Layer = float32(1-spec.Dropout), l+1
			w.p.Train, masks = append(w.p.Train, mask), append(masks, mask.Out)
		}
	}
	fused := spec.Loss == engine.CrossEntropy // with the output's activation: it takes z
	for l, layer := range spec.Layers {
		_, a, code := w.layer(l, x, l < last || !fused)
		w.p.Train, reads, as = append(w.p.Train, code...), append(reads, x), append(as, a)
		if x = a; l < len(masks) {
			x = w.batch(layer.Units, "layer%d.dropout", l+1)
			w.p.Train = append(w.p.Train, instr(engine.OpMul, x, a, masks[l]))
		}
	}
	w.p.Loss = w.buffer(engine.Buffer{Name: "loss", Rows: 1, Cols: 1})
	loss := instr(engine.OpLoss, w.p.Loss, x, y)
	loss.Loss = spec.Loss
	if fused {
		loss.Activation = spec.Layers[last].Activation
	}
	grad := loss
	grad.Op, grad.Out = engine.OpLossGrad, w.like(x, ".grad")
	w.p.Train = append(w.p.Train, loss, grad)
	w.backward(grad.Out, reads, as, masks, fused)
}

// backward writes the chain rule down from d, the gradient of the loss by the output's z where atZ, else by its a; and
// the updates.
func (w *writer) backward(d engine.Ref, reads, as, masks []engine.Ref, atZ bool) {
	spec := w.p.Spec
	grads := make([]engine.Ref, len(w.p.Params))
	for l := len(spec.Layers) - 1; l >= 0; l-- {
		if act := spec.Layers[l].Activation; act != engine.Identity && !atZ {
			through := instr(engine.OpActivateGrad, w.batch(spec.Layers[l].Units, "layer%d.z.grad", l+1), as[l], d)
			through.Activation = act
			w.p.Train, d = append(w.p.Train, through), through.Out
		}
		atZ = false
		grads[2*l], grads[2*l+1] = w.like(w.p.Params[2*l], ".grad"), w.like(w.p.Params[2*l+1], ".grad")
		w.p.Train = append(w.p.Train,
			instr(engine.OpDenseDW, grads[2*l], reads[l], d), instr(engine.OpDenseDB, grads[2*l+1], d))
		if l == 0 {
			break
		}
		dx := w.like(reads[l], ".grad")
		w.p.Train = append(w.p.Train, instr(engine.OpDenseDX, dx, d, w.p.Params[2*l]))
		if d = dx; masks != nil {
			d = w.like(as[l-1], ".grad")
			w.p.Train = append(w.p.Train, instr(engine.OpMul, d, dx, masks[l-1]))
		}
	}
	for i, g := range grads {
		w.p.Train = append(w.p.Train, w.update(i, g))
	}
}

func (w *writer) update(param int, g engine.Ref) engine.Instr {
	spec := w.p.Spec
	u := instr(engine.OpUpdate, w.p.Params[param], g)
	kept := len(spec.Update.Method.StateNames())
	copy(u.In[1:], w.p.State[kept*param:kept*(param+1)])
	switch u.Method = spec.Update.Method; u.Method {
	case engine.Momentum, engine.Nesterov:
		u.Momentum = float32(spec.Update.Momentum)
	case engine.Adam:
		u.Beta1 = float32(cmp.Or(spec.Update.Beta1, 0.9))
		u.Beta2 = float32(cmp.Or(spec.Update.Beta2, 0.999))
		u.Epsilon = float32(cmp.Or(spec.Update.Epsilon, 1e-8))
	}
	if param%2 == 0 && spec.N > 0 {
		u.L2, u.L1 = float32(spec.L2/float64(spec.N)), float32(spec.L1/float64(spec.N))
	}
	return u
}
