package enginetest

import (
	"errors"
	"fmt"
	"sync"

	"neuroloupe/engine"
)

func lifetimeChecks() []check {
	return []check{
		{"device", device},
		{"closed-executor", (*bench).closedExecutor},
		{"others-live-on", (*bench).othersLiveOn},
		{"many", (*bench).many},
		{"two-backends", (*bench).twoBackends},
		{"closed-backend", (*bench).closedBackend}, // the last of its group: there is no backend after it
	}
}

func device(b *bench) error {
	d := b.backend.Device()
	if d.ID == "" || d.Name == "" || d.Backend == "" || !d.Usable || d.Memory < 0 {
		return fmt.Errorf("open device %+v, want an ID, a name, a backend, and usable", d)
	}
	return nil
}

// closedExecutor: Close may be called again, and all else says ErrClosed, even where there is nothing to do.
func (b *bench) closedExecutor() error {
	spec := exchangeSpec()
	data := digits(source("closed"), 6, spec.Inputs, spec.Classes())
	return b.with(spec, 4, data, func(r *rig) error {
		ts := tensors(spec)
		for range 2 {
			if err := r.Close(); err != nil {
				return fmt.Errorf("close: %w", err)
			}
		}
		dst := make([]float32, 6*spec.Layers[0].Units)
		for name, call := range map[string]func() error{
			"bind":             func() error { _, err := r.Bind(data); return err },
			"write":            func() error { return r.Write(ts...) },
			"write of nothing": func() error { return r.Write() },
			"read":             func() error { return r.Read(ts...) },
			"read of nothing":  func() error { return r.Read() },
			"train":            func() error { _, err := r.train([]int32{0, 1, 2}, 2, 0, runRate); return err },
			"train no steps":   func() error { return r.Train(engine.Steps{Data: r.ref, Batch: 1}) },
			"infer":            func() error { return r.Infer(engine.Query{Data: r.ref, Hi: 6, Dst: dst}) },
			"infer nothing":    func() error { return r.Infer(engine.Query{Data: r.ref}) },
		} {
			if err := call(); !errors.Is(err, engine.ErrClosed) {
				return fmt.Errorf("%s after close: error %v, want %v", name, err, engine.ErrClosed)
			}
		}
		return nil
	})
}

// othersLiveOn: closing one executor does not touch another of the backend.
func (b *bench) othersLiveOn() error {
	c := runCases()[0]
	want, err := b.alone(c)
	if err != nil {
		return err
	}
	data, order := c.work()
	return b.with(c.spec, runCapacity, data, func(first *rig) error {
		return b.with(c.spec, runCapacity, data, func(second *rig) error {
			for _, r := range []*rig{first, second} {
				if _, err := r.train(order[:20], c.batch, runFirst, runRate); err != nil {
					return err
				}
			}
			if err := first.Close(); err != nil {
				return err
			}
			if _, err := second.train(order[20:], c.batch, runFirst+2, runRate); err != nil {
				return err
			}
			got, err := second.read()
			if err != nil {
				return err
			}
			return same(want.tensors, got)
		})
	})
}

// many: executors one after the other start from nothing.
func (b *bench) many() error {
	for range 20 {
		if err := zeroAtStart(b); err != nil {
			return err
		}
		spec := exchangeSpec()
		err := b.with(spec, 4, digits(source("many"), 6, spec.Inputs, spec.Classes()), func(r *rig) error {
			_, err := r.train([]int32{5, 4, 3, 2, 1, 0}, 4, 0, runRate)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// twoBackends: two backends of a device do not disturb each other, in turn and at the same time.
func (b *bench) twoBackends() (err error) {
	second := &bench{backend: b.open(), lower: b.lower}
	defer func() { err = errors.Join(err, second.backend.Close()) }()
	if err := b.inTurn(b, second); err != nil {
		return err
	}
	for _, c := range runCases() {
		want, err := b.alone(c)
		if err != nil {
			return err
		}
		var (
			wait sync.WaitGroup
			got  [2]run
			errs [2]error
		)
		for i, one := range []*bench{b, second} {
			wait.Go(func() { got[i], errs[i] = one.alone(c) })
		}
		wait.Wait()
		if err := errors.Join(errs[0], errs[1]); err != nil {
			return err
		}
		if err := errors.Join(want.same(got[0]), want.same(got[1])); err != nil {
			return fmt.Errorf("%v on two backends at the same time: %w", c, err)
		}
	}
	return nil
}

// closedBackend: Close may be called again, and there is nothing to compile on.
func (b *bench) closedBackend() error {
	p, err := b.lower(exchangeSpec(), 4)
	if err != nil {
		return err
	}
	for range 2 {
		if err := b.backend.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
	}
	e, err := b.backend.Compile(p)
	if err == nil {
		err = e.Close()
		return errors.Join(errors.New("a closed backend compiles"), err)
	}
	if !errors.Is(err, engine.ErrClosed) {
		return fmt.Errorf("compile on a closed backend: error %v, want %v", err, engine.ErrClosed)
	}
	return nil
}
