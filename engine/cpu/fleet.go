package cpu

import (
	"fmt"
	"sync"

	"neuroloupe/engine"
)

// fleet is slots that are executors of one worker each: a network a core loses nothing to barriers. They run on the
// goroutines of their callers and share the data sets.
type fleet struct {
	backend *backend
	p       *engine.Program
	slots   int

	mu     sync.Mutex // guards what follows
	taken  map[*slot]bool
	data   []*dataset
	closed bool
}

// slot is the executor of a network in a fleet.
type slot struct {
	*executor
	fleet *fleet
}

var (
	_ engine.Fleet    = (*fleet)(nil)
	_ engine.Executor = (*slot)(nil)
)

// Fleet has as many slots as are asked for, and a slot for each worker where that is left open.
func (b *backend) Fleet(p *engine.Program, slots int) (engine.Fleet, error) {
	if slots < 0 {
		return nil, fmt.Errorf("cpu: fleet of %d slots, want 1 or more, or 0 for one per worker", slots)
	}
	if slots == 0 {
		slots = b.pool.size
	}
	f := &fleet{backend: b, p: p, slots: slots, taken: map[*slot]bool{}}
	e, err := f.compile(p)
	if err != nil {
		return nil, err
	}
	if err := e.fits(max(p.Capacity, inferRows), slots); err != nil {
		return nil, err
	}
	return f, nil
}

// compile compiles p for one worker.
func (f *fleet) compile(p *engine.Program) (*executor, error) {
	b := *f.backend
	b.pool = newPool(1)
	return b.compile(p)
}

func (f *fleet) Slots() int { return f.slots }

func (f *fleet) Take(p *engine.Program) (engine.Executor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.backend.closed {
		return nil, engine.ErrClosed
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := f.p.Alike(p); err != nil {
		return nil, err
	}
	if len(f.taken) == f.slots {
		return nil, fmt.Errorf("cpu: %w: there are %d", engine.ErrNoSlot, f.slots)
	}
	e, err := f.compile(p)
	if err != nil {
		return nil, err
	}
	s := &slot{e, f}
	f.taken[s] = true
	return s, nil
}

func (f *fleet) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.taken {
		s.executor.Close()
	}
	f.taken, f.data = nil, nil
	return nil
}

// Bind shares what another slot has bound: the same arrays.
func (s *slot) Bind(d engine.Data) (engine.DataRef, error) {
	if s.ended() {
		return 0, engine.ErrClosed
	}
	if err := d.Validate(s.p.Spec); err != nil {
		return 0, err
	}
	s.data = append(s.data, s.fleet.bind(s.executor, d))
	return engine.DataRef(len(s.data) - 1), nil
}

// bind returns what was made of d, or makes it; other slots that bind wait.
func (f *fleet) bind(e *executor, d engine.Data) *dataset {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.data {
		if s.Same(d) {
			return s
		}
	}
	s := e.newDataset(d)
	f.data = append(f.data, s)
	return s
}

func (s *slot) Close() error {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	delete(s.fleet.taken, s)
	return s.executor.Close()
}
