package graph

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// executor is a network on TapeMachines, one per batch size that it meets.
type executor struct {
	backend  *backend
	program  *engine.Program
	update   engine.Instr             // without penalties: Gorgonia's gradients have them
	params   []engine.Tensor          // of the Spec's ParamInfo
	values   []*tensor.Dense          // the same arrays as params
	state    [][]float32              // of the Spec's StateInfo
	resident map[string]engine.Tensor // params and state by name
	data     []engine.Data
	train    map[int]*machine // by rows
	infer    map[int]*machine // by rows
	closed   bool
}

func (e *executor) Close() error {
	*e = executor{closed: true}
	return nil
}

func (e *executor) ended() bool { return e.closed || e.backend.closed }

func (e *executor) Bind(d engine.Data) (engine.DataRef, error) {
	if e.ended() {
		return 0, engine.ErrClosed
	}
	if err := d.Validate(e.program.Spec); err != nil {
		return 0, err
	}
	e.data = append(e.data, d)
	return engine.DataRef(len(e.data) - 1), nil
}

func (e *executor) bound(ref engine.DataRef) (engine.Data, error) {
	if ref < 0 || int(ref) >= len(e.data) {
		return engine.Data{}, fmt.Errorf("graph: data set %d of %d", ref, len(e.data))
	}
	return e.data[ref], nil
}

func (e *executor) Write(tensors ...engine.Tensor) error {
	return e.exchange(tensors, func(resident, t []float32) { copy(resident, t) })
}

func (e *executor) Read(tensors ...engine.Tensor) error {
	return e.exchange(tensors, func(resident, t []float32) { copy(t, resident) })
}

// exchange moves values between tensors and the resident ones of the same names, all or none.
func (e *executor) exchange(tensors []engine.Tensor, move func(resident, t []float32)) error {
	if e.ended() {
		return engine.ErrClosed
	}
	for _, t := range tensors {
		r, ok := e.resident[t.Name]
		if !ok {
			return fmt.Errorf("graph: network %v with %v has no tensor %s", e.program.Spec,
				e.program.Spec.Update.Method, t.Name)
		}
		if len(t.Data) != len(r.Data) || len(t.Shape) > 0 && !slices.Equal(t.Shape, r.Shape) {
			return fmt.Errorf("graph: tensor %s: want shape %v, got %v with %d values", t.Name, r.Shape, t.Shape,
				len(t.Data))
		}
	}
	for _, t := range tensors {
		move(e.resident[t.Name].Data, t.Data)
	}
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
	if err := s.Validate(e.program, len(d.Labels)); err != nil {
		return err
	}
	for i := range s.Count() {
		order := s.Order[i*s.Batch:][:s.Rows(i)]
		if s.Loss[i], err = e.step(d, order, s.LR[i], s.First+uint64(i)); err != nil {
			return err
		}
	}
	return nil
}

// step trains on the examples of order and returns their mean loss.
func (e *executor) step(d engine.Data, order []int32, lr float32, step uint64) (loss float32, err error) {
	spec := e.program.Spec
	m, err := e.machine(e.train, len(order), Build)
	if err != nil {
		return 0, err
	}
	kernel.Images(m.x, d.Images, order, spec.Inputs)
	kernel.Labels(m.y, d.Labels, order, spec.Classes())
	for i, mask := range m.masks {
		kernel.Mask(mask, keep(spec), spec.Seed, step, i+1)
	}
	err = m.run(func() error {
		value, err := floats(m.net.Loss.Value())
		if err != nil {
			return fmt.Errorf("graph: loss: %w", err)
		}
		loss = value[0]
		for i, p := range e.params {
			g, err := floats(m.net.Grads[i].Value())
			if err != nil {
				return fmt.Errorf("graph: gradient of %s: %w", p.Name, err)
			}
			s, t := e.kept(i)
			kernel.Update(p.Data, g, s, t, &e.update, lr, step)
		}
		return nil
	})
	return loss, err
}

// kept returns the state that the method keeps of parameter i, nil where it keeps none.
func (e *executor) kept(i int) (s, t []float32) {
	n := len(e.program.Spec.Update.Method.StateNames())
	if n > 0 {
		s = e.state[n*i]
	}
	if n > 1 {
		t = e.state[n*i+1]
	}
	return s, t
}

func (e *executor) Infer(q engine.Query) error {
	if e.ended() {
		return engine.ErrClosed
	}
	d, err := e.bound(q.Data)
	if err != nil {
		return err
	}
	if err := q.Validate(e.program, len(d.Labels)); err != nil {
		return err
	}
	spec := e.program.Spec
	dst := q.Dst
	// As many rows as a step has at most, so that memory does not grow with the question.
	for lo := q.Lo; lo < q.Hi; lo += e.program.Capacity {
		order := make([]int32, min(e.program.Capacity, q.Hi-lo))
		for i := range order {
			order[i] = int32(lo + i)
		}
		m, err := e.machine(e.infer, len(order), buildForward)
		if err != nil {
			return err
		}
		kernel.Images(m.x, d.Images, order, spec.Inputs)
		node := m.net.Layers[q.Layer].A
		if q.Z {
			node = m.net.Layers[q.Layer].Z
		}
		err = m.run(func() error {
			values, err := floats(node.Value())
			if err != nil {
				return fmt.Errorf("graph: %s: %w", node.Name(), err)
			}
			dst = dst[copy(dst, values):]
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// machine returns the machine for batches of rows out of cache, or builds it.
func (e *executor) machine(
	cache map[int]*machine, rows int, build func(engine.Spec, int) (*Net, error),
) (*machine, error) {
	if m, ok := cache[rows]; ok {
		return m, nil
	}
	net, err := build(e.program.Spec, rows)
	if err != nil {
		return nil, err
	}
	m, err := newMachine(net, e.values)
	if err != nil {
		return nil, err
	}
	if len(cache) >= maxMachines {
		clear(cache)
	}
	cache[rows] = m
	return m, nil
}

// buildForward makes the graph of inference.
func buildForward(spec engine.Spec, rows int) (*Net, error) { return forward(spec, rows, false) }
