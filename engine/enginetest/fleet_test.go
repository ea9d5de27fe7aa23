package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"neuroloupe/engine"
)

// fleetDefect is one way of a fleet's being wrong; the zero value is right.
type fleetDefect struct {
	train func(e *interpretedSlot, s *engine.Steps) // before the steps of a call
	take  func(f *interpretedFleet, e *interpretedSlot)
	mask  func(e *interpretedSlot) uint64 // seed of the masks

	oneProgram, takeAnything, takeMore, closeTwice, stale, oneSet bool
}

// interpretedFleet is the simplest fleet there is: an interpreter a slot. What a defect may mix up it keeps for all.
type interpretedFleet struct {
	b      *interpreter
	p      *engine.Program
	slots  int
	mu     sync.Mutex // of what follows, and of the runs: one at a time is enough here
	free   int
	taken  []*interpretedSlot // all that ever were
	data   []engine.Data
	steps  uint64
	closed bool
}

type interpretedSlot struct {
	*interpreted
	fleet  *interpretedFleet
	number int // of the slot, from 0
	ended  bool
}

func (b *interpreter) Fleet(p *engine.Program, slots int) (engine.Fleet, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if slots < 0 {
		return nil, fmt.Errorf("plain: %d slots", slots)
	}
	if slots == 0 {
		slots = 3
	}
	return &interpretedFleet{b: b, p: p, slots: slots, free: slots}, nil
}

func (f *interpretedFleet) Slots() int { return f.slots }

func (f *interpretedFleet) Take(p *engine.Program) (engine.Executor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &f.b.fleet
	if f.closed {
		return nil, engine.ErrClosed
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := f.p.Alike(p); err != nil && !d.takeAnything {
		return nil, err
	}
	if f.free == 0 && !d.takeMore {
		return nil, engine.ErrNoSlot
	}
	f.free--
	if d.oneProgram {
		p = f.p
	}
	e, err := f.b.Compile(p)
	if err != nil {
		return nil, err
	}
	s := &interpretedSlot{interpreted: e.(*interpreted), fleet: f}
	for _, t := range f.taken {
		if !t.ended {
			s.number++
		}
	}
	if d.take != nil {
		d.take(f, s)
	}
	f.taken = append(f.taken, s)
	return s, nil
}

func (f *interpretedFleet) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, s := range f.taken {
		s.interpreted.Close()
	}
	return nil
}

func (s *interpretedSlot) Bind(d engine.Data) (engine.DataRef, error) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	r, err := s.interpreted.Bind(d)
	if err == nil && s.b.fleet.oneSet {
		s.fleet.data = append(s.fleet.data, d)
	}
	return r, err
}

func (s *interpretedSlot) Train(steps engine.Steps) error {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	if s.b.fleet.train != nil && !s.closed {
		steps.LR = slices.Clone(steps.LR)
		s.b.fleet.train(s, &steps)
	}
	s.fleet.steps += uint64(steps.Count())
	if s.b.fleet.oneSet {
		s.data = s.fleet.data
	}
	if s.b.fleet.mask != nil {
		p := *s.p
		p.Spec.Seed = s.b.fleet.mask(s)
		s.interpreted.p = &p
	}
	return s.interpreted.Train(steps)
}

func (s *interpretedSlot) Close() error {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	if !s.ended || s.b.fleet.closeTwice {
		s.fleet.free++
	}
	s.ended = true
	if s.b.fleet.stale {
		return nil
	}
	return s.interpreted.Close()
}

// TestFleetChecks: a fleet that is right passes every check.
func TestFleetChecks(t *testing.T) {
	RunFleets(t, func(*testing.T) engine.Backend { return &interpreter{} }, Textbook, true, "bytes", "lifetime")
}

// TestFleetDefects: each defect is found by a check of the name that stands with it.
func TestFleetDefects(t *testing.T) {
	// slot0 are the rates of slot 0, once it has trained.
	slot0 := map[*interpretedFleet]float32{}
	keep := func(refs func(p *engine.Program) []engine.Ref) func(f *interpretedFleet, s *interpretedSlot) {
		return func(f *interpretedFleet, s *interpretedSlot) {
			for i := len(f.taken) - 1; i >= 0; i-- {
				if before := f.taken[i]; before.ended {
					for _, r := range refs(f.p) {
						s.bufs[r] = before.bufs[r]
					}
					return
				}
			}
		}
	}
	for _, tc := range []struct {
		name, found string
		defect      fleetDefect
	}{
		{"rate of slot 0", "in-turn/sgd", fleetDefect{train: func(s *interpretedSlot, steps *engine.Steps) {
			if rate, ok := slot0[s.fleet]; s.number == 0 && len(steps.LR) > 0 {
				slot0[s.fleet] = steps.LR[0]
			} else if ok {
				for i := range steps.LR {
					steps.LR[i] = rate
				}
			}
		}}},
		{
			"steps counted in the fleet", "in-turn/adam-dropout",
			fleetDefect{train: func(s *interpretedSlot, steps *engine.Steps) { steps.First += s.fleet.steps }},
		},
		{"numbers of the fleet's program", "in-turn/sgd", fleetDefect{oneProgram: true}},
		{"seed of the fleet's program", "in-turn/adam-dropout", fleetDefect{mask: func(s *interpretedSlot) uint64 {
			return s.fleet.p.Spec.Seed
		}}},
		{"a refill keeps old moments", "stopped-early", fleetDefect{
			take: keep(func(p *engine.Program) []engine.Ref { return p.State }),
		}},
		{"a refill keeps old moments", "zero-at-the-start", fleetDefect{
			take: keep(func(p *engine.Program) []engine.Ref { return p.State }),
		}},
		{"a refill keeps old parameters", "zero-at-the-start", fleetDefect{
			take: keep(func(p *engine.Program) []engine.Ref { return p.Params }),
		}},
		{"slots share a layer", "in-turn/sgd", fleetDefect{take: func(f *interpretedFleet, s *interpretedSlot) {
			if len(f.taken) > 0 {
				s.bufs[s.p.Params[2]] = f.taken[0].bufs[s.p.Params[2]]
			}
		}}},
		{"data sets by the fleet's numbers", "data-sets", fleetDefect{oneSet: true}},
		{"any network is taken", "take", fleetDefect{takeAnything: true}},
		{"one too many is taken", "take", fleetDefect{takeMore: true}},
		{"closed twice, free twice", "take", fleetDefect{closeTwice: true}},
		{"a closed slot still works", "closed-slot", fleetDefect{stale: true}},
	} {
		t.Run(tc.name+"/"+tc.found, func(t *testing.T) {
			b := newBench(defect{})
			b.backend.(*interpreter).fleet = tc.defect
			ran := 0
			for _, c := range fleetChecks(true) {
				if !strings.HasPrefix(c.name, tc.found) {
					continue
				}
				ran++
				if err := c.run(b); err != nil {
					t.Log(err)
					return
				}
			}
			t.Errorf("not found by any of %d checks", ran)
		})
	}
}
