package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/cpu"
	"neuroloupe/render"
)

type benchCmd struct {
	Dataset string `arg:"" optional:"" help:"mnist (default), fashion, or a folder with IDX files."`
	DataDir string `name:"folder" placeholder:"DIR" help:"Take the data set's files from this folder."`

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
	Plot        string  `placeholder:"FILE.png" help:"Also draw samples per second over the batch size."`
}

func (benchCmd) Help() string {
	return `Measures training speed: samples per second, the median of several runs and their spread, with the data in memory before
the clock starts and evaluation outside it. All cases take turns, so that a busy machine is busy for all. GFLOP/s count the
dense work asked for, also where a backend skips pixels that are zero; the peak is what the device's multiply-add units do
at best, measured in the same run.

Examples:

    neuroloupe bench
    neuroloupe bench --devices cpu,tape --net 784-300-100-10 --batch 10,100,1000 --plot speed.png
`
}

// benchReport is what bench --json prints.
type benchReport struct {
	Machine struct {
		CPU        string  `json:"cpu"`
		Cores      int     `json:"cores"`
		PeakGFLOPS float64 `json:"peak_gflops"` // of the CPU, with the workers asked for
		GPU        string  `json:"gpu"`         // name; empty when none was measured
	} `json:"machine"`
	Rows           []bench.Row   `json:"rows"`
	CrossoverBatch *int          `json:"crossover_batch"` // from which the GPU is faster; null if there is none
	ToAccuracy     []bench.Reach `json:"to_accuracy,omitempty"`

	crossed bool // both a GPU and the CPU were measured
}

func (c *benchCmd) validate() error {
	accuracy := finite("--to-accuracy", c.ToAccuracy)
	accuracy.most = 1
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
	name, err := dataName(c.Dataset)
	if err != nil {
		return err
	}
	r, err := runs.Preset(c.Preset)
	if err != nil {
		return usageError{err}
	}
	if !known(name) {
		r.Split = ""
	}
	if c.Net != "" {
		r.Net, r.LR = c.Net, 0.1
	}
	if c.LR > 0 {
		r.LR = c.LR
	}
	d, err := a.load(name, c.DataDir)
	if err != nil {
		return err
	}
	e, err := cut(d, &r)
	if err != nil {
		return usageError{err}
	}
	spec, err := r.Spec(e.train.Pixels(), len(e.train.Classes), e.train.Len())
	if err != nil {
		return usageError{err}
	}
	var cases []bench.Case
	gpu := cuda.Options{Mode: c.Mode, Precision: c.Precision}
	var idle []error // why a device does not heed them
	for _, want := range c.Devices {
		b, why, perr := a.pick(want, c.Workers, gpu)
		if perr != nil {
			return perr
		}
		defer func() { err = errors.Join(err, b.Close()) }()
		for _, n := range c.Batch {
			cases = append(cases, bench.Case{Backend: b, Spec: spec, Batch: min(n, e.train.Len()), LR: r.LR})
		}
		if err := forGPU(gpu, b, why); err != nil {
			idle = append(idle, err)
		}
	}
	if len(idle) > 0 && len(idle) == len(c.Devices) {
		return idle[0]
	}
	a.say("measuring %v, %s, %s of each after a warm-up", spec, words.Count(len(cases), "case"), words.Count(c.Runs, "run"))
	report, err := c.measure(a, cases, e)
	if err != nil {
		return err
	}
	if c.Plot != "" {
		if err := report.plot(c.Plot, spec); err != nil {
			return err
		}
		a.say("plot %s", c.Plot)
	}
	if c.JSON {
		return a.printJSON(report)
	}
	return c.print(a, report)
}

// print prints the report for people, or for benchstat.
func (c *benchCmd) print(a *app, report *benchReport) error {
	out := &checkedWriter{w: a.stdout}
	show := report.print
	if c.BenchFormat {
		show = report.printBench
	}
	if err := show(out); err != nil {
		return err
	}
	return out.err
}

func (c *benchCmd) measure(a *app, cases []bench.Case, e *examples) (*benchReport, error) {
	report := &benchReport{}
	var err error
	report.Rows, err = bench.Run(a.ctx, cases, engineData(e.train), c.Runs, func(n int) {
		a.say("run %d of %d", n, c.Runs)
	})
	if err != nil {
		return nil, err
	}
	host, err := cpu.Driver{Workers: c.Workers}.Open("cpu")
	if err != nil {
		return nil, err
	}
	defer host.Close()
	report.Machine.CPU, report.Machine.Cores = host.Device().Name, runtime.NumCPU()
	report.Machine.PeakGFLOPS = bench.Peak(host)
	gpu := ""
	for _, k := range cases {
		if dev := k.Backend.Device(); dev.Backend == "cuda" && gpu == "" {
			gpu, report.Machine.GPU = dev.ID, dev.Name
		}
	}
	if n := bench.Crossover(report.Rows, gpu, "cpu"); n > 0 {
		report.CrossoverBatch = &n
	}
	report.crossed = gpu != "" && slices.ContainsFunc(report.Rows, func(r bench.Row) bool { return r.Device == "cpu" })
	if c.ToAccuracy == 0 {
		return report, nil
	}
	const epochs = 60
	for _, k := range cases {
		a.say("training on %s with batches of %d to an accuracy of %v, for at most %d epochs", k.Backend.Device().ID, k.Batch, c.ToAccuracy, epochs)
		r, err := bench.ToAccuracy(a.ctx, k, engineData(e.train), engineData(e.test), c.ToAccuracy, epochs)
		if err != nil {
			return nil, err
		}
		report.ToAccuracy = append(report.ToAccuracy, r)
	}
	return report, nil
}

func (r *benchReport) print(out io.Writer) error {
	peak := "peak not measured"
	if r.Machine.PeakGFLOPS > 0 {
		peak = fmt.Sprintf("peak %.0f GFLOP/s", r.Machine.PeakGFLOPS)
	}
	fmt.Fprintf(out, "%s, %d cores, %s\n", r.Machine.CPU, r.Machine.Cores, peak)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "device\tnet\tloss\toptimizer\tbatch\tsamples/s\tspread\tµs/step\tGFLOP/s\tof peak\t")
	for _, row := range r.Rows {
		share := "–"
		if row.PeakShare > 0 {
			share = fmt.Sprintf("%.0f %%", 100*row.PeakShare)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%.0f %%\t%.4g\t%.3g\t%s\t\n", strings.TrimSpace(row.Device+" "+row.Mode), row.Net, row.Loss, row.Optimizer, row.Batch,
			words.Thousands(row.SamplesPerSecond), 100*row.Spread, row.MicrosPerStep, row.GFLOPS, share)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch {
	case r.CrossoverBatch != nil:
		fmt.Fprintf(out, "the GPU overtakes the CPU at batches of %d\n", *r.CrossoverBatch)
	case r.crossed:
		fmt.Fprintf(out, "the GPU does not overtake the CPU for good at any of these batches\n")
	}
	for _, t := range r.ToAccuracy {
		text := "reached"
		if !t.Done {
			text = "not reached; best"
		}
		fmt.Fprintf(out, "%s, batches of %d: %s %.2f %% after %s, %.3g s of training\n", t.Device, t.Batch, text, 100*t.Accuracy, words.Count(t.Epochs, "epoch"), t.Seconds)
	}
	return nil
}

// printBench prints a line per run in the format of Go benchmarks, for benchstat.
func (r *benchReport) printBench(out io.Writer) error {
	fmt.Fprintf(out, "goos: %s\ngoarch: %s\npkg: neuroloupe\ncpu: %s\n", runtime.GOOS, runtime.GOARCH, r.Machine.CPU)
	for _, row := range r.Rows {
		name := fmt.Sprintf("BenchmarkTrain/device=%s/net=%s/loss=%s/optimizer=%s/batch=%d", row.Device, row.Net, row.Loss,
			strings.ReplaceAll(row.Optimizer, " ", "+"), row.Batch)
		for _, s := range row.Samples {
			if _, err := fmt.Fprintf(out, "%s\t1\t%.1f ns/op\t%.0f samples/s\n", name, 1e9*float64(row.Batch)/s, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *benchReport) plot(path string, spec engine.Spec) error {
	chart := render.Chart{
		Title: "Training speed of " + spec.String(), X: "batch size", Y: "training samples per second",
		Subtitle: fmt.Sprintf("%s, %d cores", r.Machine.CPU, r.Machine.Cores),
		Caption:  "Points are medians; the lines through them reach from the slowest run to the fastest.",
	}
	for _, row := range r.Rows {
		i := slices.IndexFunc(chart.Series, func(s render.Series) bool { return s.Name == row.Device })
		if i < 0 {
			i = len(chart.Series)
			chart.Series = append(chart.Series, render.Series{Name: row.Device})
		}
		s := &chart.Series[i]
		lo, hi := math.Inf(1), 0.0
		for _, v := range row.Samples {
			lo, hi = min(lo, v), max(hi, v)
		}
		s.X, s.Y = append(s.X, float64(row.Batch)), append(s.Y, row.SamplesPerSecond)
		s.Low, s.High = append(s.Low, lo), append(s.High, hi)
	}
	img, err := chart.Draw()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := render.EncodePNG(&b, img, map[string]string{"net": spec.String(), "cpu": r.Machine.CPU}); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(path, b.Bytes()); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}
