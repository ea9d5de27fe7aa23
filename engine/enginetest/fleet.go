package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"neuroloupe/engine"
)

// RunFleets holds a backend that is an [engine.Fleeter] to the contract of [engine.Fleet]:
//
//	slot/…   a slot is an Executor: all that RunAll asks for, of the slots of fleets of one
//	fleet/…  a network's bytes are those of a fleet of one, whatever runs beside it, in which slot and after whom;
//	         what is wrong with a call harms nobody else; Take, Close, and what comes after
//
// The groups of RunAll to run are named; none means all. Where exact is set, the bytes are also those of an Executor of
// Compile. Programs that do not run side by side are compiled in slot/…, but not in fleet/….
func RunFleets(t *testing.T, open func(t *testing.T) engine.Backend,
	lower func(engine.Spec, int) (*engine.Program, error), exact bool, slotGroups ...string,
) {
	t.Run("slot", func(t *testing.T) {
		runGroups(t, func(t *testing.T) engine.Backend { return &slotBackend{open(t)} }, lower,
			slices.DeleteFunc(groups(), func(g group) bool {
				return len(slotGroups) > 0 && !slices.Contains(slotGroups, g.name)
			}))
	})
	runGroups(t, open, lower, []group{{"fleet", fleetChecks(exact)}})
}

// slotBackend compiles into the slot of a fleet of one.
type slotBackend struct{ engine.Backend }

func (b *slotBackend) Compile(p *engine.Program) (engine.Executor, error) {
	f, err := b.Backend.(engine.Fleeter).Fleet(p, 1)
	if errors.Is(err, engine.ErrNoFleet) {
		return b.Backend.Compile(p)
	} else if err != nil {
		return nil, err
	}
	e, err := f.Take(p)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &onlySlot{e, f}, nil
}

// onlySlot takes its fleet with it.
type onlySlot struct {
	engine.Executor
	fleet engine.Fleet
}

func (s *onlySlot) Close() error { return errors.Join(s.Executor.Close(), s.fleet.Close()) }

// member is a network of a fleet and a run of it, in all of which it is its own.
type member struct {
	spec  engine.Spec
	order []int32
	batch int
	first uint64
	rate  func(step uint64) float32
	data  engine.Data
	call  int // steps of a call
}

// members of a runCase: they differ in every number that they may differ in.
func (c runCase) members(n int) []member {
	data, _ := c.work()
	r := source("members of " + c.name)
	ms := make([]member, n)
	for i := range ms {
		s := c.spec
		s.Seed += uint64(i) << 33
		s.L2, s.L1, s.N = float64(i), 0.1*float64(i%2), runExamples
		if s.Dropout > 0 {
			s.Dropout = 0.1 + 0.1*float64(i%5)
		}
		switch s.Update.Method {
		case engine.Momentum, engine.Nesterov:
			s.Update.Momentum = 0.9 / float64(1+i)
		case engine.Adam:
			s.Update.Beta1, s.Update.Beta2, s.Update.Epsilon = 0.9-0.1*float64(i%5), 0.999-0.01*float64(i%5),
				1e-8*float64(1+i)
		}
		scale := 1 + float32(i)/4
		ms[i] = member{
			spec: s, order: shuffled(r, runExamples, c.rows-13*(i%4)), batch: max(1, c.batch-i%3),
			first: runFirst + 3*uint64(i), rate: func(step uint64) float32 { return scale * runRate(step) }, data: data,
			call: 1 + 2*i,
		}
	}
	return ms
}

// part runs steps lo ≤ step < hi of m, as far as there are any, and says whether there are more.
func (m member) part(r *rig, lo, hi int, out *run) (more bool, err error) {
	at, end := lo*m.batch, min(hi*m.batch, len(m.order))
	if at >= end {
		return false, nil
	}
	loss, err := r.train(m.order[at:end], m.batch, m.first+uint64(lo), m.rate)
	out.loss = append(out.loss, loss...)
	return end < len(m.order), err
}

// rest runs the steps of m from lo on, in calls of m.call, and reads what comes out.
func (m member) rest(r *rig, lo int, out *run) (err error) {
	for more := true; more; lo += m.call {
		if more, err = m.part(r, lo, lo+m.call, out); err != nil {
			return err
		}
	}
	out.tensors, err = r.read()
	return err
}

// fleet runs f on a fleet of so many slots.
func (b *bench) fleet(spec engine.Spec, slots int, f func(f engine.Fleet) error) error {
	p, err := b.lower(spec, runCapacity)
	if err != nil {
		return err
	}
	fleet, err := b.backend.(engine.Fleeter).Fleet(p, slots)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	if n := fleet.Slots(); n != slots {
		return errors.Join(fmt.Errorf("a fleet of %d slots has %d", slots, n), fleet.Close())
	}
	return errors.Join(f(fleet), fleet.Close())
}

// take puts m into a slot, with its data set bound and its start parameters written.
func (b *bench) take(f engine.Fleet, m member) (*rig, error) {
	p, err := b.lower(m.spec, runCapacity)
	if err != nil {
		return nil, err
	}
	e, err := f.Take(p)
	if err != nil {
		return nil, fmt.Errorf("take: %w", err)
	}
	r := &rig{Executor: e, backend: b.backend, program: p, data: m.data}
	if r.ref, err = e.Bind(m.data); err == nil {
		err = e.Write(m.spec.NewParams()...)
	}
	return r, err
}

// only runs m in a fleet of one, in one call.
func (b *bench) only(m member) (out run, err error) {
	err = b.fleet(m.spec, 1, func(f engine.Fleet) error {
		r, err := b.take(f, m)
		if err != nil {
			return err
		}
		m.call = len(m.order)
		return m.rest(r, 0, &out)
	})
	return out, err
}

func (b *bench) onlys(ms []member) (want []run, err error) {
	want = make([]run, len(ms))
	for i, m := range ms {
		if want[i], err = b.only(m); err != nil {
			return nil, err
		}
	}
	return want, nil
}

// fleetCases are those of runCases that are quick enough to run many times.
func fleetCases() []runCase {
	return slices.DeleteFunc(runCases(), func(c runCase) bool { return c.name == "many-steps" })
}

func fleetChecks(exact bool) []check {
	name := func(c runCase) string { return c.name }
	var all []check
	if exact {
		all = append(all, each("as-an-executor/", fleetCases(), name, (*bench).asExecutor)...)
	}
	all = append(all, each("in-turn/", fleetCases(), name, (*bench).slotsInTurn)...)
	all = append(all, each("at-once/", fleetCases(), name, (*bench).slotsAtOnce)...)
	all = append(all, each("refill/", fleetCases(), name, (*bench).refill)...)
	return append(all,
		check{"stopped-early", (*bench).stoppedEarly},
		check{"zero-at-the-start", (*bench).slotZeroAtStart},
		check{"trainers", func(b *bench) error { return b.trainers(exact) }},
		check{"data-sets", (*bench).slotDataSets},
		check{"one-diverges", (*bench).oneDiverges},
		check{"bad-calls", (*bench).badCalls},
		check{"take", (*bench).takeFaults},
		check{"closed-slot", (*bench).closedSlot},
		check{"closed-fleet", (*bench).closedFleet},
	)
}

// asExecutor: a slot gives the bytes of an Executor of Compile.
func (b *bench) asExecutor(c runCase) error {
	for i, m := range c.members(3) {
		got, err := b.only(m)
		if err != nil {
			return err
		}
		err = b.with(m.spec, runCapacity, m.data, func(r *rig) error {
			var want run
			m.call = len(m.order)
			if err := m.rest(r, 0, &want); err != nil {
				return err
			}
			return want.same(got)
		})
		if err != nil {
			return fmt.Errorf("network %d: %w", i, err)
		}
	}
	return nil
}

// slotsInTurn: networks in slots, some steps of each in turn, in any order of the slots, are as in fleets of one.
func (b *bench) slotsInTurn(c runCase) error {
	ms := c.members(4)
	want, err := b.onlys(ms)
	if err != nil {
		return err
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 1, 0, 2}} {
		err := b.fleet(ms[0].spec, len(ms), func(f engine.Fleet) (err error) {
			rigs, got := make([]*rig, len(ms)), make([]run, len(ms))
			for _, i := range order {
				if rigs[i], err = b.take(f, ms[i]); err != nil {
					return err
				}
			}
			for at, busy := 0, true; busy; at += 2 {
				busy = false
				for _, i := range order {
					more, err := ms[i].part(rigs[i], at, at+2, &got[i])
					if err != nil {
						return err
					}
					busy = busy || more
				}
			}
			for i, r := range rigs {
				if got[i].tensors, err = r.read(); err != nil {
					return err
				}
				if err := want[i].same(got[i]); err != nil {
					return fmt.Errorf("network %d of slots taken in the order %v: %w", i, order, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// slotsAtOnce: from goroutines of their own too.
func (b *bench) slotsAtOnce(c runCase) error {
	ms := c.members(5)
	want, err := b.onlys(ms)
	if err != nil {
		return err
	}
	return b.fleet(ms[0].spec, len(ms), func(f engine.Fleet) error {
		return together(len(ms), func(i int) error { return b.compareIn(f, ms[i], want[i]) })
	})
}

// compareIn runs m in a slot that it takes and frees, and looks at what comes out.
func (b *bench) compareIn(f engine.Fleet, m member, want run) error {
	r, err := b.take(f, m)
	if err != nil {
		return err
	}
	var got run
	if err := m.rest(r, 0, &got); err != nil {
		return err
	}
	return errors.Join(want.same(got), r.Close())
}

// together calls f(0) … f(n−1) at the same time.
func together(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			if err := f(i); err != nil {
				errs[i] = fmt.Errorf("network %d: %w", i, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// refill: more networks than slots, each going in as another ends, and a network written over another in its slot.
func (b *bench) refill(c runCase) error {
	ms := c.members(7)
	want, err := b.onlys(ms)
	if err != nil {
		return err
	}
	err = b.fleet(ms[0].spec, 2, func(f engine.Fleet) error {
		queue := make(chan int, len(ms))
		for i := range ms {
			queue <- i
		}
		close(queue)
		return together(2, func(int) error {
			for i := range queue {
				if err := b.compareIn(f, ms[i], want[i]); err != nil {
					return fmt.Errorf("of %d in two slots, network %d: %w", len(ms), i, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	m := ms[0]
	return b.fleet(m.spec, 2, func(f engine.Fleet) error {
		r, err := b.take(f, m)
		if err != nil {
			return err
		}
		start, err := r.read()
		if err != nil {
			return err
		}
		for range 2 {
			var got run
			if err := errors.Join(m.rest(r, 0, &got), want[0].same(got), r.Write(start...)); err != nil {
				return fmt.Errorf("written over what ran before: %w", err)
			}
		}
		return nil
	})
}
