package cpu

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/gemm"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/cpu/internal/simd"
)

type backend struct {
	device   engine.Device
	kernels  *simd.Kernels
	gemm     *gemm.Kernel
	pool     *pool
	tier     isa.Tier
	parallel int // multiply-adds of a step from which it is shared over the workers
	closed   bool
}

var (
	_ engine.Backend = (*backend)(nil)
	_ engine.Peaker  = (*backend)(nil)
	_ engine.Fleeter = (*backend)(nil)
)

func (b *backend) Device() engine.Device { return b.device }

func (b *backend) Close() error {
	if !b.closed {
		b.closed = true
		b.pool.close()
	}
	return nil
}

// Peak returns the sum of what the cores that the workers have reach at the same time.
func (b *backend) Peak(d time.Duration) float64 {
	rates := make([]float64, min(b.pool.size, runtime.NumCPU()))
	var wg sync.WaitGroup
	for i := range rates {
		wg.Go(func() { rates[i] = gemm.Peak(b.tier, d) })
	}
	wg.Wait()
	sum := 0.0
	for _, r := range rates {
		sum += r
	}
	return sum
}

const (
	// inferRows is how many examples inference takes at a time: enough to keep all workers busy, few enough for the
	// cache.
	inferRows = 256
	// parallelWork is about what a worker does in the time of a step's barriers.
	parallelWork = 1 << 14
	// chunkFloats is the size of a chunk of weights in a block that the sparse kernels pass a batch over: 32 KiB, the
	// innermost cache.
	chunkFloats = 1 << 13
)

func (b *backend) Compile(p *engine.Program) (engine.Executor, error) {
	e, err := b.compile(p)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (b *backend) compile(p *engine.Program) (*executor, error) {
	if b.closed {
		return nil, engine.ErrClosed
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	e := &executor{
		p: p, backend: b, k: b.kernels, gemm: b.gemm,
		byName:  map[string]engine.Ref{},
		workers: b.workersFor(p),
	}
	capacity := max(p.Capacity, inferRows)
	ls := layouts(p)
	e.chooseCopies(ls)
	if err := e.fits(capacity, 1); err != nil {
		return nil, err
	}
	e.allocate(ls, capacity)
	for _, refs := range [][]engine.Ref{p.Params, p.State} {
		for _, r := range refs {
			e.byName[p.Buffers[r].Name] = r
		}
	}
	e.plans = map[bool]stages{}
	for _, sparse := range []bool{false, true} {
		plans := stages{e.planTrain(sparse), map[engine.Ref][]stage{}}
		for _, l := range p.Layers {
			for _, want := range []engine.Ref{l.Z, l.A} {
				plans.infer[want] = e.planInfer(sparse, want)
			}
		}
		e.plans[sparse] = plans
	}
	e.barrier = newBarrier(e.workers, b.kernels)
	e.trainJob, e.inferJob = e.trainWorker, e.inferWorker
	return e, nil
}

// workersFor returns how many workers a step of p is worth.
func (b *backend) workersFor(p *engine.Program) int {
	work, in := 0, p.Spec.Inputs
	for _, l := range p.Spec.Layers {
		work += p.Capacity * in * l.Units
		in = l.Units
	}
	return max(1, min(b.pool.size, work/max(1, b.parallel)))
}

// fits checks the memory that so many networks of the Program need before it is asked for.
func (e *executor) fits(capacity, networks int) error {
	p, b := e.p, e.backend
	var bytes int64
	for i, buf := range p.Buffers {
		rows, times := buf.Rows, 1
		if buf.Batch {
			rows = capacity
		}
		if e.copies[engine.Ref(i)] {
			times = e.workers
		}
		bytes += 4 * int64(times) * int64(rows) * int64(roundUp(buf.Cols, line))
	}
	// Each worker's scratch holds a block's columns of the step's δ, and the output layer.
	bytes += 4 * int64(b.pool.size) * int64(max(p.Capacity, p.Spec.Inputs)) * int64(b.kernels.MaxColumns()+
		roundUp(p.Spec.Classes(), line))
	if bytes *= int64(networks); b.device.Memory > 0 && bytes > b.device.Memory {
		if networks > 1 {
			return fmt.Errorf("cpu: %d networks %v with batches of %d need %.1f GiB, this machine has %.1f GiB; "+
				"use fewer side by side", networks, p.Spec, p.Capacity, gib(bytes), gib(b.device.Memory))
		}
		return fmt.Errorf("cpu: network %v with batches of %d needs %.1f GiB, this machine has %.1f GiB; "+
			"use fewer units or a smaller batch", p.Spec, p.Capacity, gib(bytes), gib(b.device.Memory))
	}
	return nil
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }

// allocate makes the buffers and the workers' scratch.
func (e *executor) allocate(ls []layout, capacity int) {
	p := e.p
	e.deal(ls, capacity)
	stride := 0 // of the widest block
	for _, m := range e.m {
		for _, b := range m.blocks {
			stride = max(stride, b.stride)
		}
	}
	if stride > 0 {
		e.chunkRows = min(256, max(1, chunkFloats/stride))
	}
	widest, small := 0, 0
	for _, in := range p.Train {
		switch in.Op {
		case engine.OpDenseDX:
			if e.cut(in.In[1]) == rows {
				e.keepTransposed(in.In[1])
			}
		case engine.OpDense:
			if e.cut(in.In[1]) == rows {
				small = max(small, e.m[in.Out].stride)
			}
		case engine.OpLossGrad:
			widest = max(widest, e.m[in.Out].stride)
		}
	}
	for _, w := range e.crew {
		w.scratch = aligned(max(p.Capacity+e.chunkRows, p.Spec.Inputs) * stride)
		w.pack = e.packing(capacity)
		w.tail = aligned(p.Capacity * widest)
		w.halves = [2][]float32{aligned(capacity * small), aligned(capacity * small)}
	}
}

// keepTransposed makes room for Wᵀ of weights r, which gradients go back through, beside each W.
func (e *executor) keepTransposed(r engine.Ref) {
	m := e.m[r]
	shared := newMatrix(weights, m.cols, m.rows, e.workers, 0)
	for _, w := range e.crew {
		w.transposed[r] = shared
		if e.copies[r] {
			w.transposed[r] = newMatrix(weights, m.cols, m.rows, 1, 0)
		}
	}
}
