//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"neuroloupe/cuda/internal/driver"
	"neuroloupe/engine"
)

// inference computes layers for examples, some rows at a time.
type inference struct {
	flow  *flow
	plans map[id]*plan // by what is asked for
	room  map[id]driver.Ptr
	rows  int // most at a time
}

const (
	inferenceRows   = 1 << 14 // a test set in one go
	inferenceValues = 1 << 26 // most in all buffers: a quarter of a gigabyte
)

func (n *inference) plan(e *executor) {
	f := newFlow(e.p, e.p.Infer)
	cols := 1
	for _, v := range f.values {
		cols += e.p.Buffers[v.ref].Cols
	}
	n.flow, n.plans, n.room = f, map[id]*plan{}, map[id]driver.Ptr{}
	n.rows = min(inferenceRows, max(1, inferenceValues/cols))
}

func (e *executor) Infer(q engine.Query) error {
	return e.do(func() error {
		d, err := e.bound(q.Data)
		if err != nil {
			return err
		}
		if err := q.Validate(e.p, d.n); err != nil {
			return err
		}
		if len(q.Dst) == 0 {
			return nil
		}
		layer := e.p.Layers[q.Layer]
		ref := layer.A
		if q.Z {
			ref = layer.Z
		}
		return e.inference.run(e, d, q, e.inference.flow.current(ref))
	})
}

// run computes value want for the examples of q.
func (n *inference) run(e *executor, d *dataset, q engine.Query, want id) error {
	p := n.plans[want]
	if p == nil {
		p = n.flow.plan(e.floats(n.rows), want)
	}
	for _, v := range stored(n.flow, p) {
		if n.room[v] != 0 {
			continue
		}
		b := n.flow.buffer(v)
		room, err := e.alloc(elements(b, n.rows), 4, "inference: "+b.Name)
		if err != nil {
			return err
		}
		n.room[v] = room
	}
	n.plans[want] = p
	cols := n.flow.buffer(want).Cols
	for lo := q.Lo; lo < q.Hi; lo += n.rows {
		rows := min(n.rows, q.Hi-lo)
		actions, err := e.emit(n.flow, p, n.room, rows, 0)
		if err != nil {
			return err
		}
		if err := e.setJob(job{images: d.images, labels: d.labels, lo: int32(lo)}); err != nil {
			return e.fail(err)
		}
		for i := range actions {
			if err := actions[i].run(e.stream); err != nil {
				return e.fail(err)
			}
		}
		if err := e.ctx.CopyOut(bytesOf(q.Dst[(lo-q.Lo)*cols:][:rows*cols]), n.room[want], e.stream); err != nil {
			return e.fail(err)
		}
	}
	return nil
}
