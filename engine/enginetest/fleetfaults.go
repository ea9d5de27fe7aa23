package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"neuroloupe/engine"
)

// stoppedEarly: a network that is given up in the middle of its run leaves nothing to who has the slot after it, and
// does not disturb who runs beside it.
func (b *bench) stoppedEarly() error {
	for _, c := range fleetCases() {
		ms := c.members(3)
		want, err := b.onlys(ms)
		if err != nil {
			return err
		}
		err = b.fleet(ms[0].spec, 2, func(f engine.Fleet) error {
			first, err := b.take(f, ms[0])
			if err != nil {
				return err
			}
			beside, err := b.take(f, ms[1])
			if err != nil {
				return err
			}
			var gone, got run
			if _, err := ms[0].part(first, 0, 3, &gone); err != nil {
				return err
			}
			if _, err := ms[1].part(beside, 0, 3, &got); err != nil {
				return err
			}
			return errors.Join(first.Close(), b.compareIn(f, ms[2], want[2]), ms[1].rest(beside, 3, &got),
				want[1].same(got))
		})
		if err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
	}
	return nil
}

// slotZeroAtStart: parameters and state are 0 in a slot that another network had.
func (b *bench) slotZeroAtStart() error {
	m := runCases()[0].members(1)[0]
	return b.fleet(m.spec, 1, func(f engine.Fleet) error {
		for range 3 {
			p, err := b.lower(m.spec, runCapacity)
			if err != nil {
				return err
			}
			e, err := f.Take(p)
			if err != nil {
				return err
			}
			want, got := tensors(m.spec), tensors(m.spec)
			for _, t := range want {
				clear(t.Data)
			}
			if err := errors.Join(e.Read(got...), same(want, got), e.Write(numbered(got)...), e.Close()); err != nil {
				return err
			}
		}
		return nil
	})
}

// trainers: engine.Trainer trains in a slot as it does alone.
func (b *bench) trainers(exact bool) error {
	ms := runCases()[0].members(5)
	train := func(e engine.Executor, i int) (string, error) {
		m := ms[i]
		p, err := b.lower(m.spec, runCapacity)
		if err != nil {
			return "", err
		}
		st := m.spec.NewState(m.spec.NewParams())
		text := ""
		t := engine.Trainer{
			Program: p, Executor: e, Train: m.data, Validation: m.data,
			Config: engine.Config{Epochs: 1 + i%3, Batch: m.batch, LR: 0.01 * float64(1+i), KeepBest: true},
			Hooks: engine.Hooks{Epoch: func(m engine.Metrics, _ *engine.State) error {
				text += fmt.Sprintln(m.Epoch, m.Loss, m.TrainAccuracy,
					*m.ValidationLoss, *m.ValidationAccuracy, m.Gamma)
				return nil
			}},
		}
		err = t.Run(context.Background(), st)
		return text + fmt.Sprint(st.Params, st.Moments, st.Best, st.Decay), err
	}
	want := make([]string, len(ms))
	for i, m := range ms {
		alone := func(e engine.Executor) (err error) {
			want[i], err = train(e, i)
			return err
		}
		var err error
		if exact {
			err = b.with(m.spec, runCapacity, m.data, func(r *rig) error { return alone(r) })
		} else {
			err = b.fleet(m.spec, 1, func(f engine.Fleet) error {
				r, err := b.take(f, m)
				if err != nil {
					return err
				}
				return alone(r)
			})
		}
		if err != nil {
			return err
		}
	}
	return b.fleet(ms[0].spec, 3, func(f engine.Fleet) error {
		slots := make(chan struct{}, 3)
		return together(len(ms), func(i int) error {
			slots <- struct{}{}
			defer func() { <-slots }()
			r, err := b.take(f, ms[i])
			if err != nil {
				return err
			}
			got, err := train(r, i)
			if err == nil && got != want[i] {
				err = errors.New("a trainer in a slot does not end as it does alone")
			}
			return errors.Join(err, r.Close())
		})
	})
}

// slotDataSets: slots have their data sets by their own numbers, also where they share some.
func (b *bench) slotDataSets() error {
	ms := runCases()[0].members(2)
	other := ms[1].data
	other.Labels = slices.Clone(other.Labels) // the same images, other labels
	for i := range other.Labels {
		other.Labels[i] = uint8((int(other.Labels[i]) + 1) % ms[1].spec.Classes())
	}
	ms[1].data = other
	want, err := b.onlys(ms)
	if err != nil {
		return err
	}
	return b.fleet(ms[0].spec, 2, func(f engine.Fleet) error {
		one, err := b.take(f, ms[0])
		if err != nil {
			return err
		}
		two, err := b.take(f, ms[1])
		if err != nil {
			return err
		}
		if _, err := two.Bind(ms[0].data); err != nil {
			return err
		}
		if two.ref, err = two.Bind(other); err != nil {
			return err
		}
		if err := one.Train(engine.Steps{Data: one.ref + 1, Batch: 1}); err == nil {
			return errors.New("a slot trains on a data set that another has bound")
		}
		for i, r := range []*rig{one, two} {
			var got run
			if err := errors.Join(ms[i].rest(r, 0, &got), want[i].same(got)); err != nil {
				return fmt.Errorf("network %d: %w", i, err)
			}
		}
		return nil
	})
}

// oneDiverges: a network whose numbers are none is nothing to the others.
func (b *bench) oneDiverges() error {
	ms := runCases()[2].members(4)
	ms[1].rate = func(uint64) float32 { return float32(math.Inf(1)) }
	want, err := b.onlys(ms)
	if err != nil {
		return err
	}
	if l := want[1].loss; l[len(l)-1] == l[len(l)-1] {
		return fmt.Errorf("losses %v at an infinite rate: the case shows nothing", l)
	}
	return b.fleet(ms[0].spec, len(ms), func(f engine.Fleet) error {
		return together(len(ms), func(i int) error {
			if i == 1 { // which bits of NaN come out is the device's
				r, err := b.take(f, ms[1])
				if err != nil {
					return err
				}
				return ms[1].rest(r, 0, new(run))
			}
			return b.compareIn(f, ms[i], want[i])
		})
	})
}

// badCalls: a call that fails changes nothing beside it.
func (b *bench) badCalls() error {
	ms := runCases()[1].members(3)
	want, err := b.onlys(ms)
	if err != nil {
		return err
	}
	return b.fleet(ms[0].spec, len(ms), func(f engine.Fleet) error {
		return together(len(ms), func(i int) error {
			if i > 0 {
				return b.compareIn(f, ms[i], want[i])
			}
			r, err := b.take(f, ms[0])
			if err != nil {
				return err
			}
			var got run
			for at := 0; at < 6; at++ {
				if _, err := ms[0].part(r, at, at+1, &got); err != nil {
					return err
				}
				s := steps([]int32{0, 1, runExamples}, 2, 0, runRate)
				if s.Data = r.ref; r.Train(s) == nil {
					return errors.New("trains on an example that is not there")
				}
				if r.Write(engine.Tensor{Name: "layer9.weight"}) == nil {
					return errors.New("writes a tensor that is not there")
				}
			}
			return errors.Join(ms[0].rest(r, 6, &got), want[0].same(got))
		})
	})
}

// takeFaults: a Program that is not alike is refused with what differs, and so is one too many.
func (b *bench) takeFaults() error {
	m := runCases()[0].members(1)[0]
	p, err := b.lower(m.spec, runCapacity)
	if err != nil {
		return err
	}
	fleeter := b.backend.(engine.Fleeter)
	if f, err := fleeter.Fleet(p, -1); err == nil {
		return errors.Join(errors.New("a fleet of −1 slots"), f.Close())
	}
	wrong := *p
	wrong.Capacity = 0
	if f, err := fleeter.Fleet(&wrong, 1); err == nil || errors.Is(err, engine.ErrNoFleet) {
		return fmt.Errorf("a fleet %v of a Program that is none: error %v", f, err)
	}
	f, err := fleeter.Fleet(p, 0)
	if err != nil {
		return fmt.Errorf("as many as fit: %w", err)
	}
	if f.Slots() < 1 {
		return fmt.Errorf("as many as fit are %d", f.Slots())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return b.fleet(m.spec, 2, func(f engine.Fleet) error {
		other := m.spec
		other.Layers = slices.Clone(other.Layers)
		other.Layers[0].Activation = engine.Sigmoid
		q, err := b.lower(other, runCapacity)
		if err != nil {
			return err
		}
		if _, err := f.Take(q); err == nil {
			return errors.New("takes a network of another activation")
		}
		if q, err = b.lower(m.spec, runCapacity-1); err != nil {
			return err
		}
		if _, err := f.Take(q); err == nil {
			return errors.New("takes a network of another capacity")
		}
		if _, err := f.Take(&wrong); err == nil {
			return errors.New("takes a Program that is none")
		}
		one, err := f.Take(p)
		if err != nil {
			return fmt.Errorf("after what was refused: %w", err)
		}
		if _, err := f.Take(p); err != nil {
			return err
		}
		if _, err := f.Take(p); !errors.Is(err, engine.ErrNoSlot) {
			return fmt.Errorf("one too many: error %v, want %v", err, engine.ErrNoSlot)
		}
		if err := errors.Join(one.Close(), one.Close()); err != nil {
			return err
		}
		if _, err := f.Take(p); err != nil {
			return fmt.Errorf("after one was closed: %w", err)
		}
		if _, err := f.Take(p); !errors.Is(err, engine.ErrNoSlot) {
			return fmt.Errorf("closed twice, a slot is free twice: error %v", err)
		}
		return nil
	})
}

// ended looks that an Executor is closed.
func ended(e engine.Executor, m member) error {
	ts := tensors(m.spec)
	for name, call := range map[string]func() error{
		"bind":  func() error { _, err := e.Bind(m.data); return err },
		"write": func() error { return e.Write(ts...) },
		"read":  func() error { return e.Read(ts...) },
		"train": func() error { return e.Train(engine.Steps{Batch: 1}) },
		"infer": func() error { return e.Infer(engine.Query{}) },
	} {
		if err := call(); !errors.Is(err, engine.ErrClosed) {
			return fmt.Errorf("%s: error %v, want %v", name, err, engine.ErrClosed)
		}
	}
	return e.Close()
}

// closedSlot: who had a slot before cannot reach into it.
func (b *bench) closedSlot() error {
	ms := runCases()[0].members(2)
	want, err := b.onlys(ms)
	if err != nil {
		return err
	}
	return b.fleet(ms[0].spec, 1, func(f engine.Fleet) error {
		before, err := b.take(f, ms[0])
		if err != nil {
			return err
		}
		if err := before.Close(); err != nil {
			return err
		}
		if err := ended(before.Executor, ms[0]); err != nil {
			return fmt.Errorf("a closed slot: %w", err)
		}
		r, err := b.take(f, ms[1])
		if err != nil {
			return err
		}
		if err := ended(before.Executor, ms[0]); err != nil {
			return fmt.Errorf("a closed slot that is taken again: %w", err)
		}
		var got run
		return errors.Join(ms[1].rest(r, 0, &got), want[1].same(got))
	})
}

// closedFleet: Close ends the slots too, and may be called again.
func (b *bench) closedFleet() error {
	m := runCases()[0].members(1)[0]
	return b.fleet(m.spec, 2, func(f engine.Fleet) error {
		r, err := b.take(f, m)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Close(), f.Close()); err != nil {
			return err
		}
		if err := ended(r.Executor, m); err != nil {
			return fmt.Errorf("a slot of a closed fleet: %w", err)
		}
		if _, err := f.Take(r.program); !errors.Is(err, engine.ErrClosed) {
			return fmt.Errorf("take of a closed fleet: error %v, want %v", err, engine.ErrClosed)
		}
		return nil
	})
}
