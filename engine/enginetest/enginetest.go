package enginetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"neuroloupe/engine"
)

// RunAll holds a backend to the contract of [engine.Backend] and [engine.Executor], one subtest per promise:
//
//	train        parameters, optimiser state and losses against the textbook, over activations, losses, methods,
//	             penalties, dropout, depths, sizes, batches with their tails, learning rates and first steps
//	infer        z and a of each layer, for any range of examples; which class is answered where outputs tie
//	bytes        the same bytes for the same calls, however cut, in however many executors
//	exchange     parameters and state go in and out bit by bit
//	faults       what is wrong with a call is an error that names it, and nothing changes
//	nonfinite    NaN and infinity come out as such
//	lifetime     Close, and what comes after it
//
// open opens the backend under test; RunAll closes it. It is called once for a group of checks, and again for a second
// backend beside the first. It may skip the test when the device is not there. lower turns a Spec into a Program for
// training steps of at most so many rows, as package graph does. The package's documentation gives the error bounds.
func RunAll(t *testing.T, open func(t *testing.T) engine.Backend,
	lower func(engine.Spec, int) (*engine.Program, error),
) {
	runGroups(t, open, lower, groups())
}

func runGroups(t *testing.T, open func(t *testing.T) engine.Backend,
	lower func(engine.Spec, int) (*engine.Program, error), groups []group,
) {
	t.Helper()
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			b := &bench{backend: open(t), lower: lower}
			for _, c := range g.checks {
				t.Run(c.name, func(t *testing.T) {
					b.open = func() engine.Backend { return open(t) }
					if err := c.run(b); err != nil {
						t.Error(err)
					}
				})
			}
			if err := b.backend.Close(); err != nil {
				t.Errorf("closing the backend: %v", err)
			}
		})
	}
}

// check holds a backend to one promise. It reports what it finds as an error, so that the checks can be checked.
type check struct {
	name string
	run  func(b *bench) error
}

// group is checks that share a backend: executors come and go on it.
type group struct {
	name   string
	checks []check
}

func groups() []group {
	return []group{
		{"train", trainChecks()},
		{"infer", inferChecks()},
		{"bytes", bytesChecks()},
		{"exchange", exchangeChecks()},
		{"faults", faultChecks()},
		{"nonfinite", nonfiniteChecks()},
		{"lifetime", lifetimeChecks()},
	}
}

// bench is where a check finds the backend.
type bench struct {
	backend engine.Backend
	open    func() engine.Backend // another one
	lower   func(engine.Spec, int) (*engine.Program, error)
	worst   float64 // largest error so far, in bounds
}

// rig is an executor with start parameters written and a data set bound.
type rig struct {
	engine.Executor
	backend engine.Backend
	program *engine.Program
	data    engine.Data
	ref     engine.DataRef
}

// with runs f on a new executor and closes it.
func (b *bench) with(spec engine.Spec, capacity int, d engine.Data, f func(r *rig) error) (err error) {
	p, err := b.lower(spec, capacity)
	if err != nil {
		return fmt.Errorf("lower: %w", err)
	}
	e, err := b.backend.Compile(p)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	ref, err := e.Bind(d)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := e.Write(spec.NewParams()...); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return f(&rig{Executor: e, backend: b.backend, program: p, data: d, ref: ref})
}

// tensors returns the parameters and the state of spec with room for their values, filled with numbers that no check
// expects, so that what a Read leaves out is seen.
func tensors(spec engine.Spec) []engine.Tensor {
	ts := append([]engine.Tensor(spec.ParamInfo()), spec.StateInfo()...)
	for i := range ts {
		ts[i].Data = slices.Repeat([]float32{-12345}, ts[i].Len())
	}
	return ts
}

// read returns the parameters and the state.
func (r *rig) read() ([]engine.Tensor, error) {
	ts := tensors(r.program.Spec)
	if err := r.Read(ts...); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return ts, nil
}

// steps asks for training on order; the learning rate of step i is rate(i), counted from the first step of all. The
// data set is left to the caller.
func steps(order []int32, batch int, first uint64, rate func(i uint64) float32) engine.Steps {
	s := engine.Steps{Order: order, Batch: batch, First: first}
	for i := range s.Count() {
		s.LR = append(s.LR, rate(first+uint64(i)))
	}
	s.Loss = slices.Repeat([]float32{-12345}, s.Count())
	return s
}

// train runs steps and returns their losses.
func (r *rig) train(order []int32, batch int, first uint64, rate func(i uint64) float32) ([]float32, error) {
	s := steps(order, batch, first, rate)
	s.Data = r.ref
	if err := r.Train(s); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return s.Loss, nil
}

// same reports the first place where two lists of tensors differ in a bit.
func same(want, got []engine.Tensor) error {
	for k := range want {
		if err := sameBits(want[k].Name, want[k].Data, got[k].Data); err != nil {
			return err
		}
	}
	return nil
}

func sameBits(name string, want, got []float32) error {
	for i := range want {
		if w, g := math.Float32bits(want[i]), math.Float32bits(got[i]); w != g {
			return fmt.Errorf("%s[%d] is %v (bits %#08x), want %v (bits %#08x)", name, i, got[i], g, want[i], w)
		}
	}
	return nil
}

// near reports the place where got is furthest from want, if that is further than bound.
func (b *bench) near(name string, want, bound []float64, got []float32) error {
	at, worst := 0, -1.0
	for i, w := range want {
		ratio := 0.0
		if difference := math.Abs(float64(got[i]) - w); difference != 0 {
			ratio = difference / bound[i] // +Inf where the bound is 0
		}
		if !(ratio <= worst) { // or NaN
			at, worst = i, ratio
		}
		if math.IsNaN(worst) {
			break
		}
	}
	b.worst = max(b.worst, worst)
	if !(worst <= 1) {
		return fmt.Errorf("%s[%d] is %v, want %v ± %.2g: %.3g bounds off", name, at, got[at], want[at], bound[at],
			worst)
	}
	return nil
}

// each builds one check per case.
func each[C any](prefix string, cases []C, name func(C) string, run func(*bench, C) error) []check {
	checks := make([]check, len(cases))
	for i, c := range cases {
		checks[i] = check{prefix + name(c), func(b *bench) error { return run(b, c) }}
	}
	return checks
}
