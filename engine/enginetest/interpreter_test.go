package enginetest

import (
	"fmt"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// interpreter is the simplest backend there is: one instruction after the other, on the plain kernels. defect makes it
// wrong in one way, so that the checks can be checked.
type interpreter struct {
	defect defect
	fleet  fleetDefect
	closed bool
}

var (
	_ engine.Fleeter  = (*interpreter)(nil)
	_ engine.Backend  = (*interpreter)(nil)
	_ engine.Executor = (*interpreted)(nil)
)

func (b *interpreter) Device() engine.Device {
	d := engine.Device{ID: "plain", Name: "plain kernels", Backend: "plain", Usable: true}
	if b.defect.device != nil {
		b.defect.device(&d)
	}
	return d
}

func (b *interpreter) Close() error {
	if b.closed && b.defect.closeOnce {
		return engine.ErrClosed
	}
	b.closed = true
	return nil
}

func (b *interpreter) Compile(p *engine.Program) (engine.Executor, error) {
	if b.closed && !b.defect.useAfterClose {
		return nil, engine.ErrClosed
	}
	if err := p.Validate(); err != nil && !b.defect.compileAnything {
		return nil, err
	}
	if b.defect.compile != nil {
		b.defect.compile(p)
	}
	e := &interpreted{p: p, b: b, names: map[string]engine.Ref{}}
	for _, buf := range p.Buffers {
		e.bufs = append(e.bufs, make([]float32, buf.Len(p.Capacity)))
	}
	for _, r := range append(append([]engine.Ref(nil), p.Params...), p.State...) {
		e.names[p.Buffers[r].Name] = r
		if b.defect.start != 0 {
			e.bufs[r][0] = b.defect.start
		}
	}
	if all := b.defect.share; all != nil {
		for _, w := range *all {
			if len(w) == len(e.bufs[0]) {
				e.bufs[0] = w
			}
		}
		*all = append(*all, e.bufs[0])
	}
	return e, nil
}

type interpreted struct {
	p      *engine.Program
	b      *interpreter
	bufs   [][]float32
	names  map[string]engine.Ref
	data   []engine.Data
	closed bool
}

func (e *interpreted) ended() bool { return e.closed && !e.b.defect.useAfterClose }

func (e *interpreted) Close() error {
	if e.closed && e.b.defect.closeOnce {
		return engine.ErrClosed
	}
	e.closed = true
	return nil
}

func (e *interpreted) Bind(d engine.Data) (engine.DataRef, error) {
	if e.ended() {
		return 0, engine.ErrClosed
	}
	if err := d.Validate(e.p.Spec); err != nil && !e.b.defect.bindAnything {
		return 0, err
	}
	if e.b.defect.oneDataSet {
		e.data = nil
	}
	e.data = append(e.data, d)
	return engine.DataRef(len(e.data) - 1), nil
}

func (e *interpreted) set(r engine.DataRef) (engine.Data, error) {
	if r < 0 || int(r) >= len(e.data) {
		return engine.Data{}, fmt.Errorf("plain: data set %d of %d", r, len(e.data))
	}
	return e.data[r], nil
}

// exchange finds the buffers of tensors and moves the values.
func (e *interpreted) exchange(tensors []engine.Tensor, move func(t engine.Tensor, buf []float32)) error {
	if e.ended() {
		return engine.ErrClosed
	}
	for _, checking := range []bool{!e.b.defect.halfExchange, false} {
		for _, t := range tensors {
			r, ok := e.names[t.Name]
			switch {
			case e.b.defect.namelessErrors && (!ok || len(t.Data) != len(e.bufs[r])):
				return fmt.Errorf("plain: bad tensor")
			case !ok:
				return fmt.Errorf("plain: no tensor %q", t.Name)
			case len(t.Data) != len(e.bufs[r]):
				return fmt.Errorf("plain: %s: %d values, want %d", t.Name, len(t.Data), len(e.bufs[r]))
			case !checking:
				move(t, e.bufs[r])
			}
		}
	}
	return nil
}

func (e *interpreted) Write(tensors ...engine.Tensor) error {
	return e.exchange(tensors, func(t engine.Tensor, buf []float32) {
		if e.b.defect.keepSlices {
			e.bufs[e.names[t.Name]] = t.Data
			return
		}
		copy(buf, t.Data)
	})
}

func (e *interpreted) Read(tensors ...engine.Tensor) error {
	return e.exchange(tensors, func(t engine.Tensor, buf []float32) {
		for i, v := range buf {
			if e.b.defect.flush && v != v {
				v = 0
			}
			t.Data[i] = v
		}
	})
}

func (e *interpreted) Train(s engine.Steps) error {
	if e.ended() {
		return engine.ErrClosed
	}
	d, err := e.set(s.Data)
	if err != nil {
		return err
	}
	invalid := s.Validate(e.p, len(d.Labels))
	if invalid != nil && !e.b.defect.lateErrors {
		return invalid
	}
	if e.b.defect.call != nil {
		e.b.defect.call(e)
	}
	for i := range s.Count() {
		c := &current{e: e, data: d, order: s.Order[i*s.Batch:][:s.Rows(i)], lr: s.LR[i], batch: s.Batch}
		c.step = s.First + uint64(i)
		c.maskStep = c.step
		if e.b.defect.step != nil {
			e.b.defect.step(c, &s, i)
		}
		for k := range e.p.Train {
			c.run(&e.p.Train[k])
		}
		s.Loss[i] = e.bufs[e.p.Loss][0]
		if invalid != nil {
			return invalid
		}
	}
	return nil
}

func (e *interpreted) Infer(q engine.Query) error {
	if e.ended() {
		return engine.ErrClosed
	}
	d, err := e.set(q.Data)
	if err != nil {
		return err
	}
	if err := q.Validate(e.p, len(d.Labels)); err != nil {
		return err
	}
	if e.b.defect.query != nil {
		e.b.defect.query(e, &q)
	}
	want := e.p.Layers[q.Layer].A
	if q.Z {
		want = e.p.Layers[q.Layer].Z
	}
	for lo := q.Lo; lo < q.Hi; lo += e.p.Capacity {
		c := &current{e: e, data: d, infer: true}
		for i := lo; i < min(q.Hi, lo+e.p.Capacity); i++ {
			c.order = append(c.order, int32(i))
		}
		for k := range e.p.Infer {
			c.run(&e.p.Infer[k])
		}
		n := e.p.Buffers[want].Len(len(c.order))
		copy(q.Dst[(lo-q.Lo)*e.p.Buffers[want].Cols:], e.bufs[want][:n])
		if e.b.defect.firstTile {
			break
		}
	}
	return nil
}

// current is a step, or a tile of an inference.
type current struct {
	e     *interpreted
	data  engine.Data
	order []int32
	lr    float32
	batch int
	infer bool

	step, maskStep uint64 // of the update and of the masks: the same, without a defect
}

func (c *current) run(in *engine.Instr) {
	e, rows := c.e, len(c.order)
	if e.b.defect.before != nil {
		changed := *in
		e.b.defect.before(c, &changed)
		in = &changed
	}
	out, cols := e.bufs[in.Out], e.p.Buffers[in.Out].Cols
	var x, y, z []float32
	for k, dst := range []*[]float32{&x, &y, &z} {
		if in.In[k] != engine.None {
			*dst = e.bufs[in.In[k]]
		}
	}
	switch in.Op {
	case engine.OpImages:
		kernel.Images(out, c.data.Images, c.order, cols)
	case engine.OpLabels:
		kernel.Labels(out, c.data.Labels, c.order, cols)
	case engine.OpMask:
		kernel.Mask(out[:rows*cols], in.Keep, e.p.Spec.Seed, c.maskStep, in.Layer)
	case engine.OpDense:
		kernel.Dense(out, x, y, z, rows, e.p.Buffers[in.In[1]].Rows, cols)
	case engine.OpDenseDX:
		kernel.DenseDX(out, x, y, rows, cols, e.p.Buffers[in.In[1]].Cols)
	case engine.OpDenseDW:
		kernel.DenseDW(out, x, y, rows, e.p.Buffers[in.Out].Rows, cols, 0, e.p.Buffers[in.Out].Rows)
	case engine.OpDenseDB:
		kernel.DenseDB(out, x, rows, cols)
	case engine.OpActivate:
		kernel.Activate(out, x, rows, cols, in.Activation)
	case engine.OpActivateGrad:
		kernel.ActivateGrad(out, x, y, rows, cols, in.Activation)
	case engine.OpMul:
		kernel.Mul(out[:rows*cols], x[:rows*cols], y)
	case engine.OpLoss:
		out[0] = kernel.Loss(x, y, rows, e.p.Buffers[in.In[0]].Cols, in.Loss, in.Activation)
	case engine.OpLossGrad:
		kernel.LossGrad(out, x, y, rows, cols, in.Loss, in.Activation)
	case engine.OpUpdate:
		kernel.Update(out, x, y, z, in, c.lr, c.step)
	default:
		panic(fmt.Sprintf("Textbook writes no %v", in.Op))
	}
	if e.b.defect.after != nil {
		e.b.defect.after(c, in, out)
	}
}
