package enginetest

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"neuroloupe/engine"
)

// trainCase trains a network and the textbook side by side. Zero fields get what most cases have; see defaults.
type trainCase struct {
	name     string
	spec     engine.Spec
	examples int                       // 0 = 24
	batch    int                       // 0 = 10
	capacity int                       // 0 = batch
	rows     int                       // examples trained on, from one epoch into the next; 0 = all once
	lr       float64                   // of every step; 0 = 0.3
	schedule func(step uint64) float64 // times lr; nil = 1
	first    uint64
	ink      ink // 0 = mnistInk, blank = none
}

// blank is the ink of white paper.
const blank ink = -1

func (c trainCase) defaults() trainCase {
	or := func(v *int, otherwise int) {
		if *v == 0 {
			*v = otherwise
		}
	}
	or(&c.examples, 24)
	or(&c.batch, 10)
	or(&c.capacity, c.batch)
	or(&c.rows, c.examples)
	if c.lr == 0 {
		c.lr = 0.3
	}
	if c.ink == 0 {
		c.ink = mnistInk
	}
	if c.schedule == nil {
		c.schedule = func(uint64) float64 { return 1 }
	}
	return c
}

// network writes a Spec in a line: sizes, hidden and output activation, loss.
func network(sizes []int, hidden, output engine.Activation, loss engine.Loss) engine.Spec {
	s := engine.Spec{Inputs: sizes[0], Loss: loss, Seed: 7}
	for _, units := range sizes[1:] {
		s.Layers = append(s.Layers, engine.Layer{Units: units, Activation: hidden})
	}
	s.Layers[len(s.Layers)-1].Activation = output
	return s
}

// combinations are all valid pairs of output activation and loss with all hidden activations.
func combinations(sizes []int) []engine.Spec {
	var specs []engine.Spec
	for _, hidden := range []engine.Activation{engine.Identity, engine.Sigmoid, engine.Tanh, engine.ReLU} {
		for _, output := range []engine.Activation{
			engine.Identity, engine.Sigmoid, engine.Tanh, engine.ReLU,
			engine.Softmax,
		} {
			for _, loss := range []engine.Loss{engine.Quadratic, engine.CrossEntropy} {
				if s := network(sizes, hidden, output, loss); s.Validate() == nil {
					specs = append(specs, s)
				}
			}
		}
	}
	return specs
}

func functions(s engine.Spec) string {
	return fmt.Sprintf("%v,%v,%v", s.Layers[0].Activation, s.Layers[len(s.Layers)-1].Activation, s.Loss)
}

func trainChecks() []check {
	var cases []trainCase
	for _, s := range combinations([]int{13, 7, 5}) {
		cases = append(cases, trainCase{name: "functions/" + functions(s), spec: s})
	}
	cases = append(cases, methodCases()...)
	cases = append(cases, sizeCases()...)
	cases = append(cases, presetCases()...)
	cases = append(cases, clockCases()...)
	return each("", cases, func(c trainCase) string { return c.name }, (*bench).train)
}

// methodCases are all methods without and with each thing that adds to a gradient or a step.
func methodCases() []trainCase {
	var cases []trainCase
	for _, u := range []engine.Update{
		{Method: engine.SGD},
		{Method: engine.Momentum, Momentum: 0.9},
		{Method: engine.Nesterov, Momentum: 0.9},
		{Method: engine.Adam},
		{Method: engine.Adam, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-3},
	} {
		for _, extra := range []struct {
			name            string
			l2, l1, dropout float64
		}{
			{"plain", 0, 0, 0},
			{"l2", 2, 0, 0},
			{"l1", 0, 0.5, 0},
			{"dropout", 0, 0, 0.4},
			{"all", 2, 0.5, 0.4},
		} {
			s := network([]int{19, 11, 6, 3}, engine.Tanh, engine.Softmax, engine.CrossEntropy)
			s.Update, s.L2, s.L1, s.N, s.Dropout = u, extra.l2, extra.l1, 31, extra.dropout
			name := u.Method.String()
			if u.Beta1 != 0 {
				name += "-constants"
			}
			lr := 0.1
			if u.Method == engine.Adam {
				lr = 0.01
			}
			cases = append(cases, trainCase{
				name: "methods/" + name + "/" + extra.name, spec: s, examples: 31, rows: 75,
				lr: lr,
			})
		}
	}
	return cases
}

// sizeCases are depths, sizes and batches.
func sizeCases() []trainCase {
	const sigmoid, relu, ce = engine.Sigmoid, engine.ReLU, engine.CrossEntropy
	zeros := network([]int{6, 4, 3}, sigmoid, sigmoid, ce)
	zeros.Init, zeros.L1, zeros.N = engine.InitZeros, 3, 50
	cases := []trainCase{
		{name: "sizes/1-1", spec: network([]int{1, 1}, sigmoid, sigmoid, ce)},
		{name: "sizes/1-1-1", spec: network([]int{1, 1, 1}, sigmoid, engine.Identity, engine.Quadratic)},
		{name: "sizes/2-2", spec: network([]int{2, 2}, sigmoid, engine.Softmax, ce)},
		{name: "sizes/2-1-2", spec: network([]int{2, 1, 2}, engine.Tanh, sigmoid, ce)},
		{name: "sizes/1-31-2", spec: network([]int{1, 31, 2}, sigmoid, sigmoid, engine.Quadratic)},
		{name: "sizes/31-1-17", spec: network([]int{31, 1, 17}, sigmoid, engine.Softmax, ce)},
		{name: "sizes/7-13-11-5", spec: network([]int{7, 13, 11, 5}, relu, sigmoid, engine.Quadratic)},
		{name: "sizes/17-3", spec: network([]int{17, 3}, sigmoid, engine.Softmax, ce)},
		{name: "sizes/17-5-3", spec: network([]int{17, 5, 3}, sigmoid, sigmoid, ce)},
		{name: "sizes/17-9-8-7-3", spec: network([]int{17, 9, 8, 7, 3}, engine.Tanh, sigmoid, ce)},
		{name: "sizes/zeros-6-4-3", spec: zeros},
		{name: "sizes/784-100-10", spec: network([]int{784, 100, 10}, sigmoid, sigmoid, ce), rows: 20},
		{name: "sizes/784-1-2", spec: network([]int{784, 1, 2}, sigmoid, sigmoid, engine.Quadratic), examples: 40},
		{name: "sizes/65-129-33", spec: network([]int{65, 129, 33}, relu, engine.Softmax, ce)},
		{name: "sizes/15-16-17-8", spec: network([]int{15, 16, 17, 8}, sigmoid, engine.Softmax, ce)},
		{
			name: "sizes/128-256-256-10", spec: network([]int{128, 256, 256, 10}, sigmoid, engine.Softmax, ce),
			examples: 40, batch: 32,
		},
		{
			name: "sizes/784-300-100-10", spec: network([]int{784, 300, 100, 10}, engine.Tanh, engine.Softmax, ce),
			examples: 20, batch: 16, lr: 0.1,
		},
		{name: "ink/none", spec: network([]int{40, 9, 3}, sigmoid, engine.Softmax, ce), ink: blank},
		{name: "ink/half", spec: network([]int{40, 9, 3}, sigmoid, engine.Softmax, ce), ink: 0.5},
		{name: "ink/all", spec: network([]int{40, 9, 3}, sigmoid, engine.Softmax, ce), ink: 1},
		{
			name: "ink/all-784-100-10", spec: network([]int{784, 100, 10}, sigmoid, sigmoid, ce), ink: 1, examples: 15,
			lr: 0.1,
		},
		{name: "ink/all-relu", spec: network([]int{40, 9, 3}, relu, engine.Softmax, ce), ink: 1},
	}
	for _, c := range []struct{ batch, capacity, examples int }{
		{1, 1, 7},
		{1, 64, 5},
		{10, 10, 30}, // no tail
		{10, 16, 31}, // a tail of one
		{17, 17, 50},
		{17, 64, 18},
		{64, 64, 150},
		{64, 64, 63}, // less than one batch
		{250, 256, 333},
	} {
		s := network([]int{23, 12, 10}, sigmoid, engine.Softmax, ce)
		s.Update = engine.Update{Method: engine.Momentum, Momentum: 0.5}
		cases = append(cases, trainCase{
			name: fmt.Sprintf("batches/%d-of-%d-over-%d", c.batch, c.capacity, c.examples), spec: s,
			batch: c.batch, capacity: c.capacity, examples: c.examples,
		})
	}
	return cases
}

// presetCases are what people train, for a few steps.
func presetCases() []trainCase {
	const sigmoid, relu, softmax = engine.Sigmoid, engine.ReLU, engine.Softmax
	clear := network([]int{784, 100, 10}, sigmoid, sigmoid, engine.CrossEntropy)
	clear.L2, clear.N = 5, 60_000
	nielsen := network([]int{784, 100, 10}, sigmoid, sigmoid, engine.Quadratic)
	nielsen.Init = engine.InitNormal
	zeroOne := network([]int{784, 1, 2}, sigmoid, sigmoid, engine.Quadratic)
	zeroOne.Init = engine.InitNormal
	sklearn := network([]int{784, 50, 10}, relu, softmax, engine.CrossEntropy)
	sklearn.Init, sklearn.L2, sklearn.N = engine.InitXavier, 6, 60_000
	sklearn.Update = engine.Update{Method: engine.Momentum, Momentum: 0.9}
	fast := network([]int{784, 100, 10}, relu, softmax, engine.CrossEntropy)
	fast.Init, fast.Dropout = engine.InitHe, 0.2
	fast.Update = engine.Update{Method: engine.Adam}
	return []trainCase{
		{name: "presets/clear", spec: clear, rows: 40, lr: 0.5},
		{name: "presets/nielsen1", spec: nielsen, rows: 30, lr: 3},
		{name: "presets/zero-one", spec: zeroOne, examples: 60, lr: 3},
		{name: "presets/sklearn", spec: sklearn, examples: 50, batch: 20, lr: 0.1},
		{name: "presets/fast", spec: fast, examples: 30, batch: 20, lr: 0.001},
	}
}

// clockCases are learning rates that change from step to step, and runs that go on where another stopped.
func clockCases() []trainCase {
	dropout := network([]int{15, 9, 8, 4}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
	dropout.Dropout, dropout.Seed = 0.5, 0xfedc_ba98_7654_3210
	adam := network([]int{15, 9, 4}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
	adam.Update.Method = engine.Adam
	nesterov := network([]int{15, 9, 4}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
	nesterov.Update = engine.Update{Method: engine.Nesterov, Momentum: 0.7}
	falling := func(step uint64) float64 { return 1 / float64(1+step) }
	cosine := func(step uint64) float64 { return (1 + math.Cos(math.Pi*float64(step%8)/8)) / 2 }
	pause := func(step uint64) float64 { return float64(step % 2) }
	return []trainCase{
		{name: "clock/falling-rate", spec: nesterov, schedule: falling, rows: 50},
		{name: "clock/cosine-rate-adam", spec: adam, schedule: cosine, rows: 50, lr: 0.02},
		{name: "clock/rate-of-zero", spec: nesterov, schedule: pause, rows: 40},
		{name: "clock/adam-first-1", spec: adam, first: 1, lr: 0.02},
		{name: "clock/adam-first-100", spec: adam, first: 100, lr: 0.02},
		{name: "clock/adam-first-2^40", spec: adam, first: 1 << 40, lr: 0.02},
		{name: "clock/dropout-first-3", spec: dropout, first: 3},
		{name: "clock/dropout-first-2^32", spec: dropout, first: 1<<32 - 1}, // the counter's second word changes
	}
}

// train runs a case on the backend and by the textbook and compares losses, parameters and state.
func (b *bench) train(c trainCase) error {
	c = c.defaults()
	for attempt := 0; ; attempt++ {
		r := source(fmt.Sprint(c.name, attempt))
		data := c.ink.digits(r, c.examples, c.spec.Inputs, c.spec.Classes())
		order := shuffled(r, c.examples, c.rows)
		rate := func(step uint64) float32 { return float32(c.lr * c.schedule(step)) }
		want, err := textbook(c.spec, data, steps(order, c.batch, c.first, rate))
		if errors.Is(err, errKink) && attempt < 100 {
			continue // the attempts depend on the textbook alone: all backends get the same data
		}
		if err != nil {
			return fmt.Errorf("no answer to compare with: %w", err)
		}
		return b.with(c.spec, c.capacity, data, func(r *rig) error {
			loss, err := r.train(order, c.batch, c.first, rate)
			if err != nil {
				return err
			}
			got, err := r.read()
			if err != nil {
				return err
			}
			errs := []error{b.near("loss", want.loss, want.lossBound, loss)}
			for k, t := range got {
				errs = append(errs, b.near(t.Name, want.tensors[k], want.bounds[k], t.Data))
			}
			if err := errors.Join(errs...); err != nil {
				return fmt.Errorf("%v %s, batches of %d, %d steps:\n%s", c.spec, functions(c.spec), c.batch, len(loss),
					indent(err))
			}
			return nil
		})
	}
}

// answer is what training should leave behind, and how far from it float32 may be.
type answer struct {
	loss, lossBound []float64
	tensors, bounds [][]float64 // parameters, then state
}

// textbook trains by the textbook from the start parameters. The error is errKink when there is no answer.
func textbook(spec engine.Spec, data engine.Data, s engine.Steps) (answer, error) {
	n := newReference(spec, spec.NewParams())
	b := newBounds(n)
	var a answer
	for i := range s.Count() {
		rows, step := s.Rows(i), s.First+uint64(i)
		cost, g := n.gradient(data, s.Order[i*s.Batch:][:rows], masks(spec, rows, step))
		a.loss = append(a.loss, cost)
		a.lossBound = append(a.lossBound, noise(spec, rows, i)*(1+cost))
		if err := b.step(n, g, rows, float64(s.LR[i]), step); err != nil {
			return answer{}, err
		}
	}
	a.tensors = append(append(a.tensors, n.params...), n.state...)
	a.bounds = append(append(a.bounds, b.params...), b.state...)
	return a, nil
}

func indent(err error) string { return "\t" + strings.ReplaceAll(err.Error(), "\n", "\n\t") }
