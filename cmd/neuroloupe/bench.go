package main

import (
	"errors"
	"slices"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/cuda"
)

type benchCmd struct {
	Dataset string `arg:"" optional:"" help:"mnist (default), fashion, or a folder with IDX files."`
	DataDir string `name:"folder" predictor:"dir" placeholder:"DIR" help:"Take the data set's files from this folder."`

	Devices   []string       `default:"cpu" placeholder:"cpu,cuda,tape" help:"Devices to measure, taking turns (default cpu)."`
	Preset    string         `default:"clear" placeholder:"NAME" help:"Network, loss and optimizer (default clear)."`
	Net       string         `placeholder:"784-100-10" help:"Layer sizes; default the preset's."`
	Batch     []int          `default:"10,64,256" placeholder:"10,64,256" help:"Batch sizes (default 10,64,256)."`
	LR        float64        `name:"lr" placeholder:"η" help:"Learning rate; default the preset's, or 0.1 with --net."`
	Runs      int            `default:"7" placeholder:"N" help:"Runs of each case, after a warm-up (default 7)."`
	Mode      cuda.Mode      `name:"cuda-mode" default:"auto" placeholder:"NAME" help:"On a GPU: auto (default), persistent or graph."`
	Precision cuda.Precision `default:"fp32" placeholder:"NAME" help:"On a GPU, of the factors of products: fp32 (default), tf32 or bf16."`
	Workers   int            `placeholder:"N" help:"CPU goroutines that compute; 0 = one per core (default)."`

	ToAccuracy  float64 `placeholder:"0.97" help:"Also train until this test accuracy, and say how long that takes."`
	JSON        bool    `name:"json" xor:"format" help:"Print one JSON document instead of a table."`
	BenchFormat bool    `xor:"format" help:"Print lines that benchstat reads instead of a table."`
	Plot        string  `predictor:"file" placeholder:"FILE.png" help:"Also draw samples per second over the batch size."`
}

func (benchCmd) Help() string {
	return `Measures training speed: samples per second, the median of several runs and their spread, with the data in
memory before the clock starts and evaluation outside it. All cases take turns, so that a busy machine is busy for all.
GFLOP/s count the dense work asked for, also where a backend skips pixels that are zero; the peak is what the device's
multiply-add units do at best, measured in the same run.

Examples:

    neuroloupe bench
    neuroloupe bench --devices cpu,tape --net 784-300-100-10 --batch 10,100,1000 --plot speed.png
`
}

func (c *benchCmd) validate() error {
	accuracy := finite("--to-accuracy", c.ToAccuracy)
	accuracy.Most = 1
	numbers := []flagNumber{
		atLeast("--runs", c.Runs, 1), atLeast("--workers", c.Workers, 0), finite("--lr", c.LR), accuracy,
	}
	for _, b := range c.Batch {
		numbers = append(numbers, atLeast("--batch", b, 1))
	}
	if err := checkNumbers(numbers...); err != nil {
		return err
	}
	return checkOutput("--plot", c.Plot, ".png")
}

// Run measures, prints and draws.
func (c *benchCmd) Run(a *app) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	slices.Sort(c.Batch)
	c.Batch = slices.Compact(c.Batch)
	name, err := dataset.Name(c.Dataset)
	if err != nil {
		return err
	}
	r, err := runs.Preset(c.Preset)
	if err != nil {
		return talk.UsageError{Err: err}
	}
	if !dataset.Known(name) {
		r.Split = ""
	}
	if c.Net != "" {
		r.Net, r.LR = c.Net, 0.1
	}
	if c.LR > 0 {
		r.LR = c.LR
	}
	d, err := a.Load(a.ctx, name, c.DataDir)
	if err != nil {
		return err
	}
	e, err := dataset.Cut(d, &r)
	if err != nil {
		return talk.UsageError{Err: err}
	}
	spec, err := r.Spec(e.Train.Pixels(), len(e.Train.Classes), e.Train.Len())
	if err != nil {
		return talk.UsageError{Err: err}
	}
	var cases []bench.Case
	gpu := cuda.Options{Mode: c.Mode, Precision: c.Precision}
	var idle []error // why a device does not heed them
	for _, want := range c.Devices {
		b, why, perr := job.Pick(a.ctx, job.Device{Want: want, Workers: c.Workers, GPU: gpu}, a)
		if perr != nil {
			return perr
		}
		defer func() { err = errors.Join(err, b.Close()) }()
		for _, n := range c.Batch {
			cases = append(cases, bench.Case{Backend: b, Spec: spec, Batch: min(n, e.Train.Len()), LR: r.LR})
		}
		if err := job.ForGPU(gpu, b, why); err != nil {
			idle = append(idle, err)
		}
	}
	if len(idle) > 0 && len(idle) == len(c.Devices) {
		return idle[0]
	}
	a.Say("measuring %v, %s, %s of each after a warm-up", spec, words.Count(len(cases), "case"),
		words.Count(c.Runs, "run"))
	report, err := bench.Plan{Cases: cases, Runs: c.Runs, Workers: c.Workers, ToAccuracy: c.ToAccuracy}.Measure(a.ctx,
		e, a)
	if err != nil {
		return err
	}
	if c.Plot != "" {
		if err := report.Plot(c.Plot, spec); err != nil {
			return err
		}
		a.Say("plot %s", c.Plot)
	}
	if c.JSON {
		return a.printJSON(report)
	}
	return c.print(a, report)
}

// print prints the report for people, or for benchstat.
func (c *benchCmd) print(a *app, report *bench.Report) error {
	out := &checkedWriter{w: a.stdout}
	show := report.Print
	if c.BenchFormat {
		show = report.PrintBench
	}
	if err := show(out); err != nil {
		return err
	}
	return out.err
}
