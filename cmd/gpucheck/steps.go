package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"time"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// deviceStep finds the device. It does not open it, which would compile the kernels.
func deviceStep(ctx context.Context, o options, tell func(Findings) error) error {
	var reasons []string
	for _, dev := range (cuda.Driver{}).Devices() {
		if dev.Usable && (o.device == dev.Backend || o.device == dev.ID) {
			return tell(Findings{Device: &dev, SMI: smi(ctx)})
		}
		reasons = append(reasons, strings.TrimSuffix(dev.ID+": "+dev.Reason, ": "))
	}
	return fmt.Errorf("no device %s can be used (%s)", o.device, strings.Join(reasons, "; "))
}

// smi asks the driver's own tool about the cards; the answer is empty where it is not.
func smi(ctx context.Context) string {
	path, err := exec.LookPath("nvidia-smi")
	if err != nil {
		path = "/usr/local/nvidia/bin/nvidia-smi" // where containers have it
	}
	out, err := exec.CommandContext(ctx, path, "--format=csv",
		"--query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.max.mem,power.limit,"+
			"temperature.gpu").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func openDevice(o options, c cuda.Options) (engine.Backend, error) {
	// the step's limit is that of its process
	b, _, err := engine.Pick(context.Background(), o.device, cuda.Driver{Options: c})
	return b, err
}

// compileStep opens the device twice, for the first time of all; the driver's cache is empty before. Then it looks for
// cuBLAS.
func compileStep(_ context.Context, o options, tell func(Findings) error) error {
	for _, cached := range []bool{false, true} {
		began := time.Now()
		b, err := openDevice(o, cuda.Options{})
		if err != nil {
			return err
		}
		took := time.Since(began).Seconds()
		simulator := b.Device().Name == simulatorName
		if err := b.Close(); err != nil {
			return err
		}
		if simulator {
			break // it compiles nothing
		}
		if err := tell(Findings{Compilation: []Compilation{{cached, took}}}); err != nil {
			return err
		}
	}
	return tell(Findings{CUBLAS: blasState(o)})
}

// modes are the ways that a GPU runs steps, the plainer first.
func modes() []cuda.Mode { return []cuda.Mode{cuda.Graph, cuda.Persistent} }

// modes are those that a step is about.
func (o options) modes() []cuda.Mode {
	if o.mode == cuda.Auto {
		return modes()
	}
	return []cuda.Mode{o.mode}
}

// course is a training with a fixed order of examples.
type course struct {
	spec  engine.Spec
	batch int
	lr    float32
	data  engine.Data
	order []int32
}

// run returns the parameters after the course.
func (c course) run(b engine.Backend) (_ engine.Params, err error) {
	p, err := graph.Compile(c.spec, c.batch)
	if err != nil {
		return nil, err
	}
	e, err := b.Compile(p)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	ref, err := e.Bind(c.data)
	if err != nil {
		return nil, err
	}
	params := c.spec.NewParams()
	if err := e.Write(params...); err != nil {
		return nil, err
	}
	if err := e.Train(c.steps(ref)); err != nil {
		return nil, err
	}
	return params, e.Read(params...)
}

func (c course) steps(ref engine.DataRef) engine.Steps {
	s := engine.Steps{Data: ref, Order: c.order, Batch: c.batch}
	s.LR, s.Loss = slices.Repeat([]float32{c.lr}, s.Count()), make([]float32, s.Count())
	return s
}

// compare runs c in a mode and says how far the parameters are from want.
func (c course) compare(o options, m cuda.Mode, want engine.Params, bound float64) (d Difference, err error) {
	d = Difference{Net: c.spec.String(), Mode: m.String(), Steps: c.steps(0).Count(), Batch: c.batch, Bound: bound}
	b, err := openDevice(o, cuda.Options{Mode: m})
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	got, err := c.run(b)
	if err != nil {
		if m == cuda.Persistent && strings.Contains(err.Error(), "does not fit") {
			d.Why, d.OK = err.Error(), true
			return d, nil
		}
		return d, err
	}
	d.Largest, d.In = largest(want, got)
	d.OK = d.Largest <= bound
	if math.IsNaN(d.Largest) || math.IsInf(d.Largest, 0) { // which JSON has no numbers for
		d.Largest, d.NotFinite = 0, true
	}
	return d, nil
}

// largest returns the largest difference between two lists of the same tensors, NaN if one is.
func largest(want, got engine.Params) (worst float64, in string) {
	for k := range want {
		for i, w := range want[k].Data {
			if d := abs(float64(w) - float64(got[k].Data[i])); !(d <= worst) {
				worst, in = d, want[k].Name
			}
			if worst != worst {
				return worst, in
			}
		}
	}
	return worst, in
}

func abs(x float64) float64 { return max(x, -x) }

// errDiffer says that something is further off than its bound; how far is in the report.
func errDiffer(ds []Difference) error {
	for _, d := range ds {
		if d.NotFinite {
			return fmt.Errorf("%s in mode %s has parameters in %s that are no numbers", d.Net, d.Mode, d.In)
		}
		if !d.OK {
			return fmt.Errorf("%s in mode %s differs by %.3g in %s, want at most %.2g", d.Net, d.Mode, d.Largest, d.In,
				d.Bound)
		}
	}
	return nil
}

// parityBound is for the sums of an epoch of 6,000 steps, which the CPU and a GPU round in another order, and what
// training feeds back of it. The CPU and the tape, which also differ in nothing but rounding, come to a tenth of it.
const parityBound = 3e-4

// parityStep trains on the CPU and on the device.
func parityStep(ctx context.Context, o options, tell func(Findings) error) (err error) {
	d, err := load(ctx, o)
	if err != nil {
		return err
	}
	host, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	n := d.Train.Len()
	train := engine.Data{Images: d.Train.Images, Labels: d.Train.Labels}
	inputs, classes := d.Train.Pixels(), len(d.Train.Classes)
	deep := engine.Spec{
		Inputs: inputs, Layers: layers(engine.Sigmoid, engine.Softmax, 128, 64, classes), Loss: engine.CrossEntropy,
		Dropout: 0.2, Seed: 2,
		Update: engine.Update{Method: engine.Momentum, Momentum: 0.9},
	}
	flat := engine.Spec{
		Inputs: inputs, Layers: layers(engine.Sigmoid, engine.Sigmoid, 100, classes), Loss: engine.CrossEntropy, L2: 5,
		N: n, Seed: 1,
	}
	var all []Difference
	for _, c := range []course{
		{spec: flat, batch: 10, lr: 0.5},
		{spec: deep, batch: 10, lr: 0.02},
	} {
		c.data, c.order = train, shuffled(n, 1)
		want, err := c.run(host)
		if err != nil {
			return err
		}
		for _, m := range o.modes() {
			d, err := c.compare(o, m, want, parityBound)
			if err != nil {
				return err
			}
			all = append(all, d)
			if err := tell(Findings{Parity: []Difference{d}}); err != nil {
				return err
			}
		}
	}
	return errDiffer(all)
}

// layers returns hidden layers of one activation and an output layer of another.
func layers(hidden, out engine.Activation, units ...int) []engine.Layer {
	var ls []engine.Layer
	for _, n := range units {
		ls = append(ls, engine.Layer{Units: n, Activation: hidden})
	}
	ls[len(ls)-1].Activation = out
	return ls
}

// smallImages is how many images a small check takes.
const smallImages = 200

func load(ctx context.Context, o options) (*mnist.Dataset, error) {
	name := "mnist"
	if o.data != "" {
		name = o.data
	}
	d, err := mnist.Load(ctx, name, mnist.Options{})
	if err != nil {
		return nil, err
	}
	if o.small {
		d.Train = d.Train.Slice(0, min(smallImages, d.Train.Len()))
		d.Test = d.Test.Slice(0, min(smallImages, d.Test.Len()))
	}
	return d, nil
}

// accuracyTarget is the test accuracy whose time is measured.
const accuracyTarget = 0.97

// accuracyStep measures the time to an accuracy.
func accuracyStep(ctx context.Context, o options, tell func(Findings) error) error {
	d, err := load(ctx, o)
	if err != nil {
		return err
	}
	b, err := openDevice(o, cuda.Options{Mode: o.mode})
	if err != nil {
		return err
	}
	if b.Device().Name == simulatorName {
		return errors.Join(skip("the simulator has no speed"), b.Close())
	}
	for _, w := range works() {
		if w.reaches == 0 {
			continue
		}
		a, err := w.toAccuracy(ctx, b, d)
		if err != nil {
			return errors.Join(err, b.Close())
		}
		if err := tell(Findings{Accuracy: []Accuracy{a}}); err != nil {
			return err
		}
	}
	return b.Close()
}

// toAccuracy trains until the target is reached, or for w.reaches epochs.
func (w work) toAccuracy(ctx context.Context, b engine.Backend, d *mnist.Dataset) (a Accuracy, err error) {
	spec := w.spec(d)
	p, err := graph.Compile(spec, w.batch)
	if err != nil {
		return a, err
	}
	e, err := b.Compile(p)
	if err != nil {
		return a, err
	}
	a.Mode, _ = bench.Mode(e)
	if err := e.Close(); err != nil {
		return a, err
	}
	train, test := engine.Data{Images: d.Train.Images, Labels: d.Train.Labels},
		engine.Data{Images: d.Test.Images, Labels: d.Test.Labels}
	r, err := bench.ToAccuracy(ctx, bench.Case{Backend: b, Spec: spec, Batch: w.batch, LR: w.lr}, train, test,
		accuracyTarget, w.reaches)
	a.Net, a.Batch, a.Target, a.Reached, a.Best, a.Epochs, a.Training = r.Net, r.Batch, accuracyTarget, r.Done,
		r.Accuracy, r.Epochs, r.Seconds
	return a, err
}
