package cpu

import (
	"fmt"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// executor interprets a Program. The fields under "current" belong to the instructions being run.
type executor struct {
	p       *engine.Program
	backend *backend
	bufs    [][]float32 // by Ref
	byName  map[string]engine.Ref
	data    []engine.Data
	closed  bool

	// current
	code  []engine.Instr
	set   engine.Data
	order []int32
	rows  int
	lr    float32
	step  uint64
	query [inferRows]int32 // order of an inference
}

var _ engine.Executor = (*executor)(nil)

func (e *executor) Bind(d engine.Data) (engine.DataRef, error) {
	if e.ended() {
		return 0, engine.ErrClosed
	}
	if err := d.Validate(e.p.Spec); err != nil {
		return 0, err
	}
	e.data = append(e.data, d)
	return engine.DataRef(len(e.data) - 1), nil
}

func (e *executor) ended() bool { return e.closed || e.backend.closed }

func (e *executor) bound(r engine.DataRef) (engine.Data, error) {
	if r < 0 || int(r) >= len(e.data) {
		return engine.Data{}, fmt.Errorf("cpu: data set %d of %d", r, len(e.data))
	}
	return e.data[r], nil
}

// resident checks names and sizes of all tensors before any is touched.
func (e *executor) resident(tensors []engine.Tensor) error {
	if e.ended() {
		return engine.ErrClosed
	}
	for _, t := range tensors {
		r, ok := e.byName[t.Name]
		if !ok {
			return fmt.Errorf("cpu: the program has no parameter or state %q", t.Name)
		}
		if len(t.Data) != len(e.bufs[r]) {
			return fmt.Errorf("cpu: %s: %d values, want %d", t.Name, len(t.Data), len(e.bufs[r]))
		}
	}
	return nil
}

func (e *executor) Write(tensors ...engine.Tensor) error {
	if err := e.resident(tensors); err != nil {
		return err
	}
	for _, t := range tensors {
		copy(e.bufs[e.byName[t.Name]], t.Data)
	}
	return nil
}

func (e *executor) Read(tensors ...engine.Tensor) error {
	if err := e.resident(tensors); err != nil {
		return err
	}
	for _, t := range tensors {
		copy(t.Data, e.bufs[e.byName[t.Name]])
	}
	return nil
}

func (e *executor) Close() error {
	e.closed = true
	e.bufs, e.data, e.set = nil, nil, engine.Data{}
	return nil
}

func (e *executor) Train(s engine.Steps) error {
	if e.ended() {
		return engine.ErrClosed
	}
	d, err := e.bound(s.Data)
	if err != nil {
		return err
	}
	if err := s.Validate(e.p, len(d.Labels)); err != nil {
		return err
	}
	e.code, e.set = e.p.Train, d
	for i := range s.Count() {
		e.rows = s.Rows(i)
		e.order = s.Order[i*s.Batch:][:e.rows]
		e.lr, e.step = s.LR[i], s.First+uint64(i)
		e.run()
		s.Loss[i] = e.bufs[e.p.Loss][0]
	}
	return nil
}

func (e *executor) Infer(q engine.Query) error {
	if e.ended() {
		return engine.ErrClosed
	}
	d, err := e.bound(q.Data)
	if err != nil {
		return err
	}
	if err := q.Validate(e.p, len(d.Labels)); err != nil {
		return err
	}
	want := e.p.Layers[q.Layer].A
	if q.Z {
		want = e.p.Layers[q.Layer].Z
	}
	e.code, e.set = e.p.Infer, d
	units := e.p.Spec.Layers[q.Layer].Units
	for lo := q.Lo; lo < q.Hi; lo += inferRows {
		e.rows = min(inferRows, q.Hi-lo)
		e.order = e.query[:e.rows]
		for i := range e.order {
			e.order[i] = int32(lo + i)
		}
		e.run()
		copy(q.Dst[(lo-q.Lo)*units:], e.bufs[want][:e.rows*units])
	}
	return nil
}

// run runs the current code once.
func (e *executor) run() {
	for i := range e.code {
		n, work := e.split(&e.code[i])
		if n < 2 || work < parallelWork || e.backend.pool.size == 1 {
			e.runPart(i, 0, n)
		} else {
			e.backend.pool.run(e, i, n)
		}
	}
}

// parallelWork is the number of multiply-adds, or elements touched, from which an instruction is worth waking the other
// workers for; a wake-up costs a few microseconds.
const parallelWork = 1 << 14

// split returns the number n of rows that an instruction may be cut into, 1 if it may not, and its work.
func (e *executor) split(in *engine.Instr) (n, work int) {
	size := e.p.Buffers[in.Out].Len(e.rows)
	switch in.Op {
	case engine.OpImages, engine.OpActivate, engine.OpActivateGrad:
		return e.rows, 4 * size
	case engine.OpDense:
		return e.rows, size * e.p.Buffers[in.In[1]].Rows
	case engine.OpDenseDX:
		return e.rows, size * e.p.Buffers[in.In[1]].Cols
	case engine.OpDenseDW:
		return e.p.Buffers[in.Out].Rows, size * e.rows
	case engine.OpUpdate, engine.OpPenaltyGrad, engine.OpAdd, engine.OpMul:
		return size, size
	}
	return 1, size
}

// runPart runs rows lo ≤ i < hi of current instruction i's split.
func (e *executor) runPart(i, lo, hi int) {
	in := &e.code[i]
	out := e.bufs[in.Out]
	cols := e.p.Buffers[in.Out].Cols
	var a, b, c []float32
	for k, dst := range []*[]float32{&a, &b, &c} {
		if in.In[k] != engine.None {
			*dst = e.bufs[in.In[k]]
		}
	}
	switch in.Op {
	case engine.OpImages:
		kernel.Images(out[lo*cols:], e.set.Images, e.order[lo:hi], cols)
	case engine.OpLabels:
		kernel.Labels(out, e.set.Labels, e.order, cols)
	case engine.OpMask:
		kernel.Mask(out[:e.rows*cols], in.Keep, e.p.Spec.Seed, e.step, in.Layer)
	case engine.OpDense:
		w := e.p.Buffers[in.In[1]]
		kernel.Dense(out[lo*cols:], a[lo*w.Rows:], b, c, hi-lo, w.Rows, w.Cols)
	case engine.OpDenseDX:
		w := e.p.Buffers[in.In[1]]
		kernel.DenseDX(out[lo*cols:], a[lo*w.Cols:], b, hi-lo, w.Rows, w.Cols)
	case engine.OpDenseDW:
		kernel.DenseDW(out, a, b, e.rows, e.p.Buffers[in.Out].Rows, cols, lo, hi)
	case engine.OpDenseDB:
		kernel.DenseDB(out, a, e.rows, cols)
	case engine.OpActivate:
		kernel.Activate(out[lo*cols:], a[lo*cols:], hi-lo, cols, in.Activation)
	case engine.OpActivateGrad:
		kernel.ActivateGrad(out[lo*cols:], a[lo*cols:], b[lo*cols:], hi-lo, cols, in.Activation)
	case engine.OpMul:
		kernel.Mul(out[lo:hi], a[lo:hi], b[lo:hi])
	case engine.OpAdd:
		kernel.Add(out[lo:hi], a[lo:hi], b[lo:hi])
	case engine.OpLoss:
		out[0] = kernel.Loss(a, b, e.rows, e.p.Buffers[in.In[0]].Cols, in.Loss, in.Activation)
	case engine.OpLossGrad:
		kernel.LossGrad(out, a, b, e.rows, cols, in.Loss, in.Activation)
	case engine.OpPenaltyGrad:
		kernel.PenaltyGrad(out[lo:hi], a[lo:hi], in.L2, in.L1)
	case engine.OpUpdate:
		kernel.Update(out[lo:hi], a[lo:hi], part2(b, lo, hi), part2(c, lo, hi), in, e.lr, e.step)
	}
}

// part2 cuts a state buffer that may not be there.
func part2(s []float32, lo, hi int) []float32 {
	if s == nil {
		return nil
	}
	return s[lo:hi]
}
