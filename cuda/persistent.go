//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/engine"
)

// persistent runs the steps of a call in one cooperative launch; see kernels/train.h.
type persistent struct {
	plain   *plain
	net     persistentNet
	own     persistentOwn
	blocks  int
	threads int
	shared  int // bytes of a block's shared memory
	words   int64
	memory  driver.Ptr // the words of all exchanges
	tag     uint32     // number of the next step, from 1; words hold smaller ones
	most    int        // steps of a launch
}

// Limits of the kernels.
const (
	persistentLayers  = 4 // most
	persistentThreads = 512
	// of a launch, so that the largest network on a slow card stays below the two seconds of a display's watchdog
	persistentSteps   = 1 << 12
	persistentClasses = 64 // most: every block computes the output layer
)

// The structs are laid out as those in C of kernels/persistent.h, which say what the fields mean.
type (
	persistentLayer struct {
		in, out, act        int32
		units, stride       int32
		byUnits, byOut      uint32
		byQuads             uint32
		columns, rows, bias int32
		a, mask, delta      int32
		width               int32
	}
	persistentNet struct {
		layer                       [persistentLayers]persistentLayer
		method, loss, batch, images int32
		index, labels, rowLoss      int32
		byGroups                    uint32
	}
	persistentOwnLayer struct {
		w, ws, wt, b, bs, bt driver.Ptr
		forward, backward    driver.Ptr
		l2, l1               float32
	}
	persistentOwn struct {
		layer                                 [persistentLayers]persistentOwnLayer
		seed                                  uint64
		momentum, beta1, beta2, epsilon, keep float32
		_                                     int32
	}
)

const (
	persistentLayerBytes = 60
	persistentNetBytes   = persistentLayers*persistentLayerBytes + 32
	persistentOwnBytes   = persistentLayers*72 + 32
)

// fitPersistent returns how the Program runs in one launch, or why it cannot.
func (e *executor) fitPersistent() (*persistent, error) {
	p, err := e.newPersistent()
	if err != nil {
		return nil, err
	}
	info := e.ctx.Info()
	perSM, err := p.fit(e, min(info.SMs, widest(e.p.Spec)), p.kernel(), 0)
	if err != nil {
		return nil, err
	}
	if perSM*info.SMs < p.blocks {
		return nil, fmt.Errorf("%d blocks of %d bytes of shared memory do not run at once", p.blocks, p.shared)
	}
	return p, nil
}

// newPersistent says whether the kernels are for the Program, on any number of blocks.
func (e *executor) newPersistent() (*persistent, error) {
	info, spec := e.ctx.Info(), e.p.Spec
	n := len(spec.Layers)
	switch {
	case !info.Cooperative:
		return nil, fmt.Errorf("%s cannot run blocks that wait for each other", info.Name)
	case n < 2 || n > persistentLayers:
		return nil, fmt.Errorf("it is for 2 to %d layers, not %d", persistentLayers, n)
	case spec.Classes() > persistentClasses:
		return nil, fmt.Errorf("it is for at most %d outputs, not %d", persistentClasses, spec.Classes())
	case e.runtime.options.Precision != FP32:
		return nil, fmt.Errorf("precision %v is cuBLAS's", e.runtime.options.Precision)
	case e.p.Capacity > persistentThreads:
		return nil, fmt.Errorf("it is for batches of at most %d, not %d", persistentThreads, e.p.Capacity)
	}
	plain, err := matchPlain(e.graphs.flow)
	if err != nil {
		return nil, err
	}
	p := &persistent{plain: plain, tag: 1, most: persistentSteps}
	p.setNumbers(spec)
	return p, nil
}

// widest returns the units of the widest hidden layer: a block owns one at least.
func widest(spec engine.Spec) int {
	units := 0
	for _, l := range spec.Layers[:len(spec.Layers)-1] {
		units = max(units, l.Units)
	}
	return units
}

// fit lays the Program out for so many blocks, with room for more bytes in each, and returns how many of them a
// multiprocessor runs at once.
func (p *persistent) fit(e *executor, blocks int, kernel string, more int64) (perSM int, err error) {
	info, spec := e.ctx.Info(), e.p.Spec
	p.blocks = blocks
	floats := p.layOut(e.p) + more/4
	if floats > int64(info.SharedPerBlockOptin/4) {
		return 0, fmt.Errorf("%d blocks want %d bytes of shared memory each for batches of %d, which have %d",
			p.blocks, 4*floats, e.p.Capacity, info.SharedPerBlockOptin)
	}
	p.shared = int(4 * floats)
	if !p.indexable() {
		return 0, errors.New("a layer is too wide for the kernel's division of indices")
	}
	p.threads = 128
	if units := ceil(spec.Layers[0].Units, p.blocks); spec.Inputs*units*e.p.Capacity > 4096 ||
		e.p.Capacity > p.threads {
		p.threads = persistentThreads
	}
	f := e.runtime.function(kernel)
	if err := f.SetMaxShared(info.SharedPerBlockOptin); err != nil {
		return 0, err
	}
	return f.MaxBlocksPerSM(p.threads, p.shared)
}

// setNumbers sets what networks that are alike may have different.
func (p *persistent) setNumbers(spec engine.Spec) {
	r := p.plain.rule
	o := &p.own
	o.seed, o.keep = spec.Seed, p.plain.keep
	o.momentum, o.beta1, o.beta2, o.epsilon = r.Momentum, r.Beta1, r.Beta2, r.Epsilon
	for k := range p.plain.l2 {
		o.layer[k].l2, o.layer[k].l1 = p.plain.l2[k], p.plain.l1[k]
	}
}

func (p *persistent) kernel() string { return fmt.Sprintf("persistent_%d", len(p.plain.l2)) }

// layOut places everything in a block's shared memory and returns how many floats that is. It counts in 64 bits: what
// does not fit may be large.
func (p *persistent) layOut(prog *engine.Program) int64 {
	spec := prog.Spec
	kinds := int64(1 + len(spec.Update.Method.StateNames())) // parameters and state
	batch := int64(prog.Capacity)
	at := int64(0)
	place := func(floats int64) int32 {
		start := at
		at += (floats + 3) / 4 * 4
		return int32(min(start, 1<<31-1))
	}
	last := len(spec.Layers) - 1
	in, before := spec.Inputs, 0
	for k, layer := range spec.Layers {
		l := &p.net.layer[k]
		units := ceil(layer.Units, p.blocks)
		if k == last {
			units = layer.Units
		}
		stride, width := ceil(in, 4)*4, ceil(layer.Units, 4)*4
		l.in, l.out, l.act, l.units = int32(in), int32(layer.Units), int32(layer.Activation), int32(units)
		l.stride, l.width = int32(stride), int32(width)
		l.byUnits, l.byOut, l.byQuads = reciprocal(units), reciprocal(layer.Units), reciprocal(stride/4)
		l.columns = place(kinds * int64(units) * int64(stride))
		l.bias = place(kinds * int64(units))
		l.a = place(batch * int64(width))
		if k < last {
			if p.plain.keep > 0 {
				l.mask = place(batch * int64(width))
			}
			if k > 0 {
				l.rows = place(kinds * int64(before) * int64(width))
				l.delta = place(batch * int64(width))
			} else {
				l.delta = place(batch * int64(units))
			}
		}
		in, before = layer.Units, units
	}
	stride := int64(p.net.layer[0].stride)
	images := place(2 * batch * stride / 4)
	n := &p.net
	n.method, n.loss, n.batch = int32(p.plain.rule.Method), int32(spec.Loss), int32(prog.Capacity)
	n.images = images
	n.byGroups = reciprocal(ceil(int(n.layer[0].units), 4))
	n.index, n.labels = place(2*batch), place(2*batch)
	n.rowLoss = place(32 * batch) // the last: the kernel takes its end for the end of all
	return at
}

// reciprocal is what the kernels divide by d with: see over in kernels/persistent.h.
func reciprocal(d int) uint32 { return uint32(1<<31/d) + 1 }

// indexable says that over holds for all that the kernels divide.
func (p *persistent) indexable() bool {
	before := int64(0)
	for _, l := range p.net.layer[:len(p.plain.l2)] {
		quads := int64(l.stride) / 4
		for _, c := range [][2]int64{
			{int64(p.net.batch) * int64(l.units), int64(l.units)}, // index below, divisor
			{int64(p.net.batch) * int64(l.out), int64(l.out)},
			{before * int64(l.out), int64(l.out)},
			{int64(p.net.batch) * quads, quads},
			{int64(l.units) * quads, quads},
		} {
			if c[0]*c[1] >= 1<<31 {
				return false
			}
		}
		before = int64(l.units)
	}
	return true
}

// planPersistent decides whether the Program's steps run in one launch.
func (e *executor) planPersistent() error {
	mode := e.runtime.options.Mode
	if mode == Graph {
		e.why = "asked for"
		return nil
	}
	p, err := e.fitPersistent()
	if err == nil {
		if err = p.try(e); err == nil {
			e.persistent = p
			return nil
		}
		if driver.IsLost(err) {
			return e.fail(err)
		}
	}
	if mode == Persistent {
		return fmt.Errorf("cuda: network %v does not fit mode %v: %w; use %v or %v", e.p.Spec, mode, err, Auto, Graph)
	}
	e.why = err.Error()
	return nil
}

// try makes ready and launches no steps: a driver whose service for several processes gives this one a part of the
// device says only now that not all blocks run at once.
func (p *persistent) try(e *executor) error {
	if err := p.bind(e); err != nil {
		return err
	}
	err := p.launch(e, job{}, 0, 0)
	if err == nil {
		err = e.stream.Sync()
	}
	if err != nil && !driver.IsLost(err) {
		return errors.Join(err, e.release(p.memory))
	}
	return err
}

// Mode returns how training steps run, and why they do not run in one launch.
func (e *executor) Mode() (m Mode, why string) {
	if e.persistent != nil {
		return Persistent, ""
	}
	return Graph, e.why
}

// bind tells the kernel where parameters, state and exchanges lie.
func (p *persistent) bind(e *executor) error {
	layers := e.p.Spec.Layers
	last := len(layers) - 1
	batch := int64(e.p.Capacity)
	words := func(k int) int64 { return 2 * batch * int64(p.net.layer[k].width) } // of an exchange of layer k
	for k := range last {
		p.words += words(k) // forward
		if k > 0 && k < last-1 {
			p.words += words(k)
		}
	}
	what := fmt.Sprintf("network %v with batches of %d: ", e.p.Spec, e.p.Capacity)
	var err error
	if p.memory, err = e.alloc(p.words, 8, what+"exchanges"); err != nil {
		return err
	}
	if err := e.ctx.Memset32(p.memory, 0, int(2*p.words), e.stream); err != nil {
		return err
	}
	next := p.memory
	for k := range layers {
		n := &p.own.layer[k]
		at := func(s *step, i int) driver.Ptr {
			if s.in[i] == none {
				return 0
			}
			return e.resident[e.graphs.flow.values[s.in[i]].ref]
		}
		weights, biases := p.plain.steps[2*k], p.plain.steps[2*k+1]
		n.w, n.ws, n.wt = e.resident[weights.Out], at(weights, 1), at(weights, 2)
		n.b, n.bs, n.bt = e.resident[biases.Out], at(biases, 1), at(biases, 2)
		bytes := driver.Ptr(8 * words(k))
		if k < last {
			n.forward, next = next, next+bytes
		}
		if k > 0 && k < last-1 {
			n.backward, next = next, next+bytes
		}
	}
	return nil
}

// train gives the steps of a call to the stream.
func (p *persistent) train(e *executor, s engine.Steps, j job) error {
	for from, n := 0, s.Count(); from < n; {
		steps := min(n-from, p.most)
		if err := p.number(e, steps); err != nil {
			return err
		}
		if err := p.launch(e, j, from, from+steps); err != nil {
			return err
		}
		p.tag += uint32(steps)
		from += steps
	}
	return nil
}

// number sees to it that there are numbers for so many steps: they start again when they run out.
func (p *persistent) number(e *executor, steps int) error {
	if uint64(p.tag)+uint64(steps) <= 1<<32-1 {
		return nil
	}
	p.tag = 1
	return e.ctx.Memset32(p.memory, 0, int(2*p.words), e.stream)
}

// launch gives steps from ≤ step < to of a job to the stream.
func (p *persistent) launch(e *executor, j job, from, to int) error {
	l := driver.NewLaunch(e.runtime.function(p.kernel()), [3]int{p.blocks, 1, 1}, [3]int{p.threads, 1, 1}, p.shared,
		bytesOf([]persistentNet{p.net}), bytesOf([]persistentOwn{p.own}), bytesOf([]job{j}), from, to, p.tag)
	return l.Cooperative(e.stream)
}
