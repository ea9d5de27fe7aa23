package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// work is what all contenders do.
type work struct {
	hidden     []int
	activation engine.Activation
	batch      int
	lr         float64
	precision  cuda.Precision
	onCPU      bool // small enough for a turn on the CPU
	reaches    int  // epochs in which it is to reach accuracyTarget; 0 = not tried
}

// works are in the order of their worth, should the time be over before the end.
func works() []work {
	flat := func(batch int, lr float64, reaches int) work {
		return work{hidden: []int{100}, activation: engine.Sigmoid, batch: batch, lr: lr, onCPU: true, reaches: reaches}
	}
	large := func(p cuda.Precision) work {
		return work{hidden: []int{4096, 4096}, activation: engine.ReLU, batch: 8192, lr: 0.1, precision: p}
	}
	return []work{
		flat(10, 0.5, 20),
		flat(64, 1, 30),
		large(cuda.FP32), large(cuda.TF32), large(cuda.BF16),
		{hidden: []int{1024, 1024}, activation: engine.ReLU, batch: 256, lr: 0.1},
		flat(256, 2, 0),
		flat(1024, 3, 0),
	}
}

// spec is the network for a data set: softmax outputs, cross-entropy and plain gradient descent.
func (w work) spec(d *mnist.Dataset) engine.Spec {
	s := engine.Spec{
		Inputs: d.Train.Pixels(), Layers: layers(w.activation, engine.Softmax,
			slices.Concat(w.hidden, []int{len(d.Train.Classes)})...),
		Loss: engine.CrossEntropy, Seed: 1,
	}
	if w.activation == engine.ReLU {
		s.Init = engine.InitHe
	}
	return s
}

// contender is a program that does the work, some epochs at a time.
type contender struct {
	row      Speed
	train    func(epochs int) (seconds float64, err error) // whole batches of a new random order each
	accuracy func() (float64, error)                       // on the test images
	close    func() error

	epochs  int // of a turn
	seconds []float64
}

// How speed is measured.
const (
	rounds    = 5
	turnTime  = 0.25 // seconds that a turn takes at least
	mostTurns = 2000 // epochs of a turn

	groupTime = 12 * time.Second // that a work takes at least
)

// toMeasure names the device of the options, which PyTorch shall use too, and refuses one that has no speed.
func toMeasure(o options) (options, error) {
	b, err := openDevice(o, cuda.Options{})
	if err != nil {
		return o, err
	}
	device := b.Device()
	o.device = device.ID
	if err := b.Close(); err != nil {
		return o, err
	}
	if device.Name == simulatorName {
		return o, skip("the simulator has no speed")
	}
	return o, nil
}

// speedStep measures all works.
func speedStep(ctx context.Context, o options, tell func(Findings) error) error {
	o, err := toMeasure(o)
	if err != nil {
		return err
	}
	d, err := load(ctx, o)
	if err != nil {
		return err
	}
	return measureAll(ctx, o, d, works(), tell)
}

func measureAll(ctx context.Context, o options, d *mnist.Dataset, ws []work, tell func(Findings) error) error {
	o.until = o.until.Add(-3 * time.Second) // to tell of what has been measured
	ctx, cancel := context.WithDeadline(ctx, o.until)
	defer cancel()
	folder, err := os.MkdirTemp("", "gpucheck")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	t := newTorches(o.python, folder, o.device)
	defer t.close()
	if err := t.prepare(ctx, d); err != nil {
		fmt.Fprintf(os.Stderr, "without PyTorch: %v\n", err)
	}
	peaks, err := measurePeaks(ctx, o, t.plain)
	if err != nil {
		return err
	}
	if err := tell(Findings{Peaks: peaks}); err != nil {
		return err
	}
	for _, w := range ws {
		if time.Until(o.until) < groupTime {
			s := speedRow(w, d)
			s.LeftOut = "no time was left"
			if err := tell(Findings{Speed: []Speed{s}}); err != nil {
				return err
			}
			continue
		}
		rows, err := w.measure(ctx, o, d, t, peaks)
		if err != nil {
			return err
		}
		if err := tell(Findings{Speed: rows}); err != nil {
			return err
		}
	}
	return nil
}

// measurePeaks measures the device's own peak, and those of the other precisions where there is PyTorch.
func measurePeaks(ctx context.Context, o options, t *torch) ([]Peak, error) {
	b, err := openDevice(o, cuda.Options{})
	if err != nil {
		return nil, err
	}
	peaks := []Peak{{cuda.FP32.String(), bench.Peak(b), "multiply-adds in registers"}}
	if err := b.Close(); err != nil {
		return nil, err
	}
	for _, p := range []cuda.Precision{cuda.FP32, cuda.TF32, cuda.BF16} {
		if gflops, err := t.peak(ctx, p); err == nil {
			peaks = append(peaks, Peak{p.String(), gflops, "PyTorch's product of 8192×8192 matrices"})
		} else if t.ready() {
			fmt.Fprintf(os.Stderr, "peak in %v: %v\n", p, err)
		}
	}
	return peaks, nil
}

// speedRow is the row of w without its contender and its figures.
func speedRow(w work, d *mnist.Dataset) Speed {
	return Speed{Net: w.spec(d).String(), Batch: w.batch, Precision: w.precision.String(), Program: "neuroloupe"}
}

// measure lets all contenders take turns.
func (w work) measure(ctx context.Context, o options, d *mnist.Dataset, t *torches, peaks []Peak) (rows []Speed,
	err error,
) {
	fmt.Fprintf(os.Stderr, "%v, batches of %d, %v\n", w.spec(d), w.batch, w.precision)
	all := w.contenders(ctx, o, d, t)
	defer func() {
		for _, c := range all {
			if c.close != nil {
				err = errors.Join(err, c.close())
			}
		}
	}()
	for round := range rounds + 2 {
		for _, c := range all {
			if c.row.LeftOut != "" {
				continue
			}
			late := time.Until(o.until) < groupTime/2 && len(c.seconds) > 1 // fewer rounds are better than none
			if !late && ctx.Err() == nil {
				c.turn(round)
			}
		}
	}
	for _, c := range all {
		if c.row.LeftOut == "" && c.accuracy != nil {
			if c.row.TestAccuracy, err = c.accuracy(); err != nil {
				c.row.LeftOut = err.Error()
			}
		}
		rows = append(rows, c.finish(w, d, peaks))
	}
	return rows, nil
}

// turn trains; the first round warms up, and the second finds how many epochs a turn takes.
func (c *contender) turn(round int) {
	n := max(c.epochs, 1)
	seconds, err := c.train(n)
	if err != nil {
		c.row.LeftOut = err.Error()
		return
	}
	switch round {
	case 0:
	case 1:
		c.epochs = int(min(max(math.Ceil(turnTime/max(seconds, 1e-9)), 1), mostTurns))
	default:
		c.seconds = append(c.seconds, seconds/float64(n))
	}
}

// finish works out the figures.
func (c *contender) finish(w work, d *mnist.Dataset, peaks []Peak) Speed {
	r := c.row
	if r.LeftOut == "" && len(c.seconds) == 0 {
		r.LeftOut = "no time was left"
	}
	if r.LeftOut != "" {
		return r
	}
	s := slices.Sorted(slices.Values(c.seconds))
	r.Rounds, r.Examples = len(s), d.Train.Len()/w.batch*w.batch
	r.SecondsPerEpoch, r.Fastest, r.Slowest = (s[(len(s)-1)/2]+s[len(s)/2])/2, s[0], s[len(s)-1]
	r.MicrosPerStep = 1e6 * r.SecondsPerEpoch / float64(r.Examples/w.batch)
	r.SamplesPerSecond = float64(r.Examples) / r.SecondsPerEpoch
	r.EpochsPerSecond = 1 / r.SecondsPerEpoch
	r.GFLOPS = bench.FLOPs(w.spec(d)) * r.SamplesPerSecond / 1e9
	best := 0.0
	for _, p := range peaks {
		if p.Precision == r.Precision {
			best = max(best, p.GFLOPS)
		}
	}
	if best > 0 && r.How != onCPU {
		r.PeakShare = r.GFLOPS / best
	}
	return r
}

// onCPU is Speed.How of our CPU backend.
const onCPU = "cpu"

// contenders are those that can do the work; one that cannot says why in its row.
func (w work) contenders(ctx context.Context, o options, d *mnist.Dataset, t *torches) []*contender {
	var all []*contender
	add := func(row Speed, start func(c *contender) error) {
		c := &contender{row: row}
		if err := start(c); err != nil {
			c.row.LeftOut = err.Error()
		}
		all = append(all, c)
	}
	ms := o.modes()
	if w.precision != cuda.FP32 {
		ms = []cuda.Mode{cuda.Graph} // the others know float32 alone
	}
	for _, m := range ms {
		row := speedRow(w, d)
		row.How = m.String()
		add(row, func(c *contender) error {
			b, err := openDevice(o, cuda.Options{Mode: m, Precision: w.precision})
			if err != nil {
				return err
			}
			return c.ours(b, w, d)
		})
	}
	if w.onCPU {
		row := speedRow(w, d)
		row.How = onCPU
		add(row, func(c *contender) error {
			b, err := cpu.Driver{}.Open("cpu")
			if err != nil {
				return err
			}
			return c.ours(b, w, d)
		})
	}
	for _, how := range torchWays() {
		row := speedRow(w, d)
		row.Program, row.How, row.Version = "PyTorch", how, t.plain.version
		add(row, func(c *contender) error { return t.of(how).contender(ctx, c, w, d, how) })
	}
	return all
}

// ours makes c one of our backends, which c closes.
func (c *contender) ours(b engine.Backend, w work, d *mnist.Dataset) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	spec := w.spec(d)
	p, err := graph.Compile(spec, w.batch)
	if err != nil {
		return err
	}
	e, err := b.Compile(p)
	if err != nil {
		return err
	}
	ref, err := e.Bind(engine.Data{Images: d.Train.Images, Labels: d.Train.Labels})
	if err != nil {
		return errors.Join(err, e.Close())
	}
	tests := engine.Data{Images: d.Test.Images, Labels: d.Test.Labels}
	test, err := e.Bind(tests)
	if err == nil {
		err = e.Write(spec.NewParams()...)
	}
	if err != nil {
		return errors.Join(err, e.Close())
	}
	order, rng, steps := shuffled(d.Train.Len(), 1), rand.New(rand.NewPCG(1, 1)), uint64(0)
	c.train = func(epochs int) (float64, error) {
		began := time.Now() // the shuffle counts, as it does for the others
		for range epochs {
			rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			s := engine.Steps{Data: ref, Order: order[:len(order)/w.batch*w.batch], Batch: w.batch, First: steps}
			s.LR, s.Loss = slices.Repeat([]float32{float32(w.lr)}, s.Count()), make([]float32, s.Count())
			if err := e.Train(s); err != nil {
				return 0, err
			}
			steps += uint64(s.Count())
		}
		return time.Since(began).Seconds(), nil
	}
	c.accuracy = func() (float64, error) {
		s, err := engine.Evaluate(e, p, test, tests)
		return s.Accuracy(), err
	}
	c.close = func() error { return errors.Join(e.Close(), b.Close()) }
	return nil
}
