package sweep

import (
	"context"
	"errors"
	"strings"
	"sync"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// yard is a GPU on which networks are trained side by side: a fleet for each shape of network. Whoever wants a slot
// waits until one is free.
type yard struct {
	device  job.Device
	backend engine.Backend
	most    int // slots of a fleet; 0 for as many as fit
	alone   chan struct{}

	mu     sync.Mutex
	freed  *sync.Cond
	fleets []*shape
}

// shape is the fleet of a shape of network.
type shape struct {
	program *engine.Program
	fleet   engine.Fleet // nil for networks that do not run side by side
}

func newYard(d job.Device, b engine.Backend, most int) *yard {
	y := &yard{device: d, backend: b, most: most, alone: make(chan struct{}, 1)}
	y.freed = sync.NewCond(&y.mu)
	return y
}

// fleet is the fleet for a program, made when it is first asked for; y.mu is held.
func (y *yard) fleet(p *engine.Program) (*shape, error) {
	for _, s := range y.fleets {
		if s.program.Alike(p) == nil {
			return s, nil
		}
	}
	s := &shape{program: p}
	if f, ok := y.backend.(engine.Fleeter); ok {
		var err error
		if s.fleet, err = f.Fleet(p, y.most); err != nil && !errors.Is(err, engine.ErrNoFleet) {
			return nil, err
		}
	}
	y.fleets = append(y.fleets, s)
	return s, nil
}

// slots is how many of a plan's networks are trained side by side at most.
func (y *yard) slots(p *Plan) (int, error) {
	most := 1
	seen := map[string]bool{}
	for _, r := range p.Runs {
		if seen[r.kind()] {
			continue
		}
		seen[r.kind()] = true
		o := r.Order
		_, spec, err := o.Plan()
		if err != nil {
			return 0, err
		}
		program, err := graph.Compile(spec, o.Recipe.Batch)
		if err != nil {
			return 0, err
		}
		y.mu.Lock()
		s, err := y.fleet(program)
		y.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if s.fleet != nil {
			most = max(most, s.fleet.Slots())
		}
	}
	return most, nil
}

// lend gives a network a slot, and waits for one; or, where its shape has no fleet, the whole of another opening of the
// device, one network after the other.
func (y *yard) lend(ctx context.Context, p *engine.Program) (engine.Executor, engine.Device, error) {
	device := y.backend.Device()
	x, side, err := y.executor(ctx, p)
	if side { // the device adds up the terms of a sum in another order there: see engine.Fleet
		set, rest, _ := strings.Cut(device.Capability, ",")
		device.Capability = set + " side by side," + rest
	}
	return x, device, err
}

// executor is lend's, and says whether the network is trained side by side with others.
func (y *yard) executor(ctx context.Context, p *engine.Program) (x engine.Executor, side bool, err error) {
	stop := context.AfterFunc(ctx, func() {
		y.mu.Lock()
		defer y.mu.Unlock()
		y.freed.Broadcast()
	})
	defer stop()
	y.mu.Lock()
	defer y.mu.Unlock()
	s, err := y.fleet(p)
	if err != nil {
		return nil, false, err
	}
	if s.fleet == nil {
		y.mu.Unlock()
		defer y.mu.Lock()
		x, err = y.whole(ctx, p)
		return x, false, err
	}
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, false, err
		}
		x, err := s.fleet.Take(p)
		if err == nil {
			return &lent{Executor: x, after: func() error {
				y.mu.Lock()
				defer y.mu.Unlock()
				y.freed.Broadcast()
				return nil
			}}, true, nil
		}
		if !errors.Is(err, engine.ErrNoSlot) {
			return nil, false, err
		}
		y.freed.Wait()
	}
}

// whole opens the device for one network.
func (y *yard) whole(ctx context.Context, p *engine.Program) (engine.Executor, error) {
	select {
	case y.alone <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	free := func() { <-y.alone }
	b, _, err := job.Pick(ctx, job.Device{Want: y.device.Want, GPU: y.device.GPU}, talk.Silent{})
	if err != nil {
		free()
		return nil, err
	}
	x, err := b.Compile(p)
	if err != nil {
		free()
		return nil, errors.Join(err, b.Close())
	}
	return &lent{Executor: x, after: func() error {
		defer free()
		return b.Close()
	}}, nil
}

// close gives the device back.
func (y *yard) close() error {
	y.mu.Lock()
	defer y.mu.Unlock()
	var errs []error
	for _, s := range y.fleets {
		if s.fleet != nil {
			errs = append(errs, s.fleet.Close())
		}
	}
	return errors.Join(append(errs, y.backend.Close())...)
}

// lent is an Executor that is given back when it is closed.
type lent struct {
	engine.Executor
	once  sync.Once
	after func() error
}

// Close closes the executor and gives its place to who waits for one.
func (l *lent) Close() error {
	err := l.Executor.Close()
	l.once.Do(func() { err = errors.Join(err, l.after()) })
	return err
}
