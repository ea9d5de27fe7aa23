package enginetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"neuroloupe/engine"
)

// runCase is a network with enough in it that a forgotten piece of state would show, and a run of steps.
type runCase struct {
	name  string
	spec  engine.Spec
	batch int
	rows  int // examples trained on, from one epoch into the next; the last step takes what is left
}

const (
	runExamples = 31
	runCapacity = 12
	runFirst    = 5
)

func runRate(step uint64) float32 { return 0.05 / float32(1+step%7) }

func runCases() []runCase {
	const sigmoid, relu, softmax, ce = engine.Sigmoid, engine.ReLU, engine.Softmax, engine.CrossEntropy
	adam := network([]int{19, 11, 6, 3}, relu, softmax, ce)
	adam.Dropout, adam.L2, adam.N = 0.3, 1, runExamples
	adam.Update.Method = engine.Adam
	nesterov := network([]int{19, 11, 3}, engine.Tanh, sigmoid, ce)
	nesterov.L1, nesterov.N = 0.1, runExamples
	nesterov.Update = engine.Update{Method: engine.Nesterov, Momentum: 0.9}
	momentum := network([]int{784, 100, 10}, sigmoid, softmax, ce)
	momentum.Update = engine.Update{Method: engine.Momentum, Momentum: 0.5}
	return []runCase{
		{"adam-dropout", adam, 10, 75},
		{"nesterov", nesterov, 10, 75},
		{"784-100-10", momentum, 10, 75},
		{"sgd", network([]int{784, 30, 10}, sigmoid, sigmoid, engine.Quadratic), 12, 75},
		{"many-steps", network([]int{5, 4, 3}, sigmoid, softmax, ce), 1, 1500},
	}
}

func (c runCase) String() string { return c.name }

// run is what training leaves behind.
type run struct {
	loss    []float32
	tensors []engine.Tensor
}

func (r run) same(other run) error {
	return errors.Join(sameBits("loss", r.loss, other.loss), same(r.tensors, other.tensors))
}

// data and order of a runCase.
func (c runCase) work() (engine.Data, []int32) {
	r := source(c.name)
	return digits(r, runExamples, c.spec.Inputs, c.spec.Classes()), shuffled(r, runExamples, c.rows)
}

// whole trains in one call.
func (r *rig) whole(order []int32, batch int) (run, error) {
	loss, err := r.train(order, batch, runFirst, runRate)
	if err != nil {
		return run{}, err
	}
	ts, err := r.read()
	return run{loss, ts}, err
}

// alone trains in one call in an executor of its own.
func (b *bench) alone(c runCase) (out run, err error) {
	data, order := c.work()
	err = b.with(c.spec, runCapacity, data, func(r *rig) error {
		out, err = r.whole(order, c.batch)
		return err
	})
	return out, err
}

func bytesChecks() []check {
	name := func(c runCase) string { return c.name }
	checks := each("cutting/", runCases(), name, (*bench).cutting)
	checks = append(checks, each("again/", runCases(), name, (*bench).again)...)
	checks = append(checks, each("program/", runCases(), name, (*bench).program)...)
	return append(checks, check{"together", (*bench).together}, check{"data-sets", (*bench).dataSets})
}

// cutting: k steps in one call are k calls of one step, whatever else is asked in between.
func (b *bench) cutting(c runCase) error {
	want, err := b.alone(c)
	if err != nil {
		return err
	}
	data, order := c.work()
	nothing := func(*rig) error { return nil }
	for _, cut := range []struct {
		name    string
		steps   []int // of each call; the last takes what is left
		between func(r *rig) error
	}{
		{"calls of one step", slices.Repeat([]int{1}, len(order)/c.batch), nothing},
		{"three steps and the rest", []int{3}, nothing},
		{"calls of no step between", []int{0, 4, 0, 3, 1, 0}, nothing},
		{"inference between", []int{2, 3}, func(r *rig) error {
			units := c.spec.Layers[0].Units
			return r.Infer(engine.Query{
				Data: r.ref, Lo: 2, Hi: runExamples,
				Dst: make([]float32, (runExamples-2)*units),
			})
		}},
		{"another data set between", []int{2, 3}, func(r *rig) error {
			_, err := r.Bind(digits(source("other"), 100, c.spec.Inputs, c.spec.Classes()))
			return err
		}},
		{"parameters and state out and in again between", []int{2, 3}, func(r *rig) error {
			ts, err := r.read()
			if err != nil {
				return err
			}
			return r.Write(ts...)
		}},
	} {
		err := b.with(c.spec, runCapacity, data, func(r *rig) error {
			var got run
			for at, k := 0, 0; at < len(order) || k < len(cut.steps); k++ {
				n := len(order) - at
				if k < len(cut.steps) {
					n = min(n, cut.steps[k]*c.batch)
				}
				loss, err := r.train(order[at:at+n], c.batch, runFirst+uint64(at/c.batch), runRate)
				if err != nil {
					return err
				}
				got.loss = append(got.loss, loss...)
				at += n
				if err := cut.between(r); err != nil {
					return err
				}
			}
			if got.tensors, err = r.read(); err != nil {
				return err
			}
			return want.same(got)
		})
		if err != nil {
			return fmt.Errorf("%s, against one call: %w", cut.name, err)
		}
	}
	return nil
}

// again: the same in a second executor, and in the first one after its parameters and state are set back.
func (b *bench) again(c runCase) error {
	want, err := b.alone(c)
	if err != nil {
		return err
	}
	second, err := b.alone(c)
	if err != nil {
		return err
	}
	if err := want.same(second); err != nil {
		return fmt.Errorf("second executor: %w", err)
	}
	data, order := c.work()
	return b.with(c.spec, runCapacity, data, func(r *rig) error {
		start, err := r.read()
		if err != nil {
			return err
		}
		for _, what := range []string{"third executor", "after setting parameters and state back"} {
			got, err := r.whole(order, c.batch)
			if err != nil {
				return err
			}
			if err := want.same(got); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			if err := r.Write(start...); err != nil {
				return err
			}
		}
		return nil
	})
}

// program: a Program serves two executors and is not changed.
func (b *bench) program(c runCase) error {
	want, err := b.alone(c)
	if err != nil {
		return err
	}
	p, err := b.lower(c.spec, runCapacity)
	if err != nil {
		return err
	}
	data, order := c.work()
	one := *b
	one.lower = func(engine.Spec, int) (*engine.Program, error) { return p, nil }
	err = one.with(c.spec, runCapacity, data, func(first *rig) error {
		return one.with(c.spec, runCapacity, data, func(second *rig) error {
			for _, r := range []*rig{first, second} {
				got, err := r.whole(order, c.batch)
				if err != nil {
					return err
				}
				if err := want.same(got); err != nil {
					return fmt.Errorf("two executors of one program: %w", err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	fresh, err := b.lower(c.spec, runCapacity)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(p, fresh) {
		return errors.New("the program was changed, or lowering is not repeatable")
	}
	return nil
}

// together: executors of one backend, with a data set each, step by step in turn, do not disturb each other.
func (b *bench) together() error { return b.inTurn(b) }

// inTurn trains all cases at once, one step of each after the other, on executors of the benches in turn.
func (b *bench) inTurn(benches ...*bench) error {
	cases := runCases()
	want, got := make([]run, len(cases)), make([]run, len(cases))
	data, orders := make([]engine.Data, len(cases)), make([][]int32, len(cases))
	for i, c := range cases {
		var err error
		if want[i], err = b.alone(c); err != nil {
			return err
		}
		data[i], orders[i] = c.work()
	}
	train := func(rigs []*rig) error {
		for step, busy := 0, true; busy; step++ {
			busy = false
			for i, r := range rigs {
				c := cases[i]
				at := step * c.batch
				if at >= c.rows {
					continue
				}
				busy = true
				loss, err := r.train(orders[i][at:min(at+c.batch, c.rows)], c.batch, runFirst+uint64(step), runRate)
				if err != nil {
					return err
				}
				got[i].loss = append(got[i].loss, loss...)
			}
		}
		for i, r := range rigs {
			var err error
			if got[i].tensors, err = r.read(); err != nil {
				return err
			}
			if err := want[i].same(got[i]); err != nil {
				return fmt.Errorf("%v beside others: %w", cases[i], err)
			}
		}
		return nil
	}
	var open func(rigs []*rig) error
	open = func(rigs []*rig) error {
		i := len(rigs)
		if i == len(cases) {
			return train(rigs)
		}
		return benches[i%len(benches)].with(cases[i].spec, runCapacity, data[i],
			func(r *rig) error { return open(append(rigs, r)) })
	}
	return open(nil)
}

// dataSets: steps on two data sets of one executor are the steps on the two as one.
func (b *bench) dataSets() error {
	c := runCases()[0]
	r := source("data-sets")
	in, classes := c.spec.Inputs, c.spec.Classes()
	const n, m, batch = 20, 33, 10
	one, two := digits(r, n, in, classes), digits(r, m, in, classes)
	joined := engine.Data{
		Images: append(append([]byte(nil), one.Images...), two.Images...),
		Labels: append(append([]uint8(nil), one.Labels...), two.Labels...),
	}
	order := [][]int32{shuffled(r, n, 25), shuffled(r, m, 37), shuffled(r, n, 11)}
	set := []int{0, 1, 0}
	var want, got run
	err := b.with(c.spec, runCapacity, joined, func(r *rig) error {
		first := uint64(0)
		for i, o := range order {
			shifted := append([]int32(nil), o...)
			for k := range shifted {
				shifted[k] += int32(set[i] * n)
			}
			loss, err := r.train(shifted, batch, first, runRate)
			if err != nil {
				return err
			}
			first += uint64(len(loss))
			want.loss = append(want.loss, loss...)
		}
		var err error
		want.tensors, err = r.read()
		return err
	})
	if err != nil {
		return err
	}
	return b.with(c.spec, runCapacity, one, func(r *rig) error {
		second, err := r.Bind(two)
		if err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		refs := []engine.DataRef{r.ref, second}
		first := uint64(0)
		for i, o := range order {
			r.ref = refs[set[i]]
			loss, err := r.train(o, batch, first, runRate)
			if err != nil {
				return err
			}
			first += uint64(len(loss))
			got.loss = append(got.loss, loss...)
		}
		if got.tensors, err = r.read(); err != nil {
			return err
		}
		return want.same(got)
	})
}
