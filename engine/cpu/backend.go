package cpu

import (
	"fmt"

	"neuroloupe/engine"
)

type backend struct {
	device engine.Device
	pool   *pool
	closed bool
}

var _ engine.Backend = (*backend)(nil)

func (b *backend) Device() engine.Device { return b.device }

func (b *backend) Close() error {
	if !b.closed {
		b.closed = true
		b.pool.close()
	}
	return nil
}

// inferRows is how many examples inference takes at a time: enough to keep all workers busy, few enough for the cache.
const inferRows = 128

func (b *backend) Compile(p *engine.Program) (engine.Executor, error) {
	if b.closed {
		return nil, engine.ErrClosed
	}
	e := &executor{
		p:       p,
		backend: b,
		bufs:    make([][]float32, len(p.Buffers)),
		byName:  map[string]engine.Ref{},
	}
	var bytes int64
	for _, buf := range p.Buffers {
		bytes += 4 * int64(buf.Len(max(p.Capacity, inferRows)))
	}
	if b.device.Memory > 0 && bytes > b.device.Memory {
		return nil, fmt.Errorf("cpu: network %v with batches of %d needs %.1f GiB, this machine has %.1f GiB; "+
			"use fewer units or a smaller batch", p.Spec, p.Capacity, gib(bytes), gib(b.device.Memory))
	}
	for i, buf := range p.Buffers {
		e.bufs[i] = make([]float32, buf.Len(max(p.Capacity, inferRows)))
	}
	for _, refs := range [][]engine.Ref{p.Params, p.State} {
		for _, r := range refs {
			e.byName[p.Buffers[r].Name] = r
		}
	}
	for _, code := range [][]engine.Instr{p.Train, p.Infer} {
		for _, in := range code {
			if in.Op > engine.OpUpdate {
				return nil, fmt.Errorf("cpu: no kernel for instruction %v", in.Op)
			}
		}
	}
	return e, nil
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }
