package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/cpu"
	"neuroloupe/render"
)

// Report is what was measured of the machine and of every case.
type Report struct {
	Machine struct {
		CPU        string  `json:"cpu"`
		Cores      int     `json:"cores"`
		PeakGFLOPS float64 `json:"peak_gflops"` // of the CPU, with the workers asked for
		GPU        string  `json:"gpu"`         // name; empty when none was measured
	} `json:"machine"`
	Rows           []Row   `json:"rows"`
	CrossoverBatch *int    `json:"crossover_batch"` // from which the GPU is faster; null if there is none
	ToAccuracy     []Reach `json:"to_accuracy,omitempty"`

	crossed bool // both a GPU and the CPU were measured
}

// Plan is what to measure.
type Plan struct {
	Cases      []Case
	Runs       int     // of each case, after a warm-up
	Workers    int     // CPU goroutines; 0 is one per core
	ToAccuracy float64 // also train until this test accuracy; 0 is not
}

// Measure measures training speed on a data set.
func (p Plan) Measure(ctx context.Context, e *dataset.Examples, t talk.Talk) (*Report, error) {
	report := &Report{}
	var err error
	report.Rows, err = Run(ctx, p.Cases, dataset.Data(e.Train), p.Runs, func(n int) {
		t.Say("run %d of %d", n, p.Runs)
	})
	if err != nil {
		return nil, err
	}
	host, err := cpu.Driver{Workers: p.Workers}.Open("cpu")
	if err != nil {
		return nil, err
	}
	defer host.Close()
	report.Machine.CPU, report.Machine.Cores = host.Device().Name, runtime.NumCPU()
	report.Machine.PeakGFLOPS = Peak(host)
	gpu := ""
	for _, k := range p.Cases {
		if dev := k.Backend.Device(); dev.Backend == "cuda" && gpu == "" {
			gpu, report.Machine.GPU = dev.ID, dev.Name
		}
	}
	if n := Crossover(report.Rows, gpu, "cpu"); n > 0 {
		report.CrossoverBatch = &n
	}
	report.crossed = gpu != "" && slices.ContainsFunc(report.Rows, func(r Row) bool { return r.Device == "cpu" })
	if p.ToAccuracy == 0 {
		return report, nil
	}
	const epochs = 60
	for _, k := range p.Cases {
		t.Say("training on %s with batches of %d to an accuracy of %v, for at most %d epochs", k.Backend.Device().ID,
			k.Batch, p.ToAccuracy, epochs)
		r, err := ToAccuracy(ctx, k, dataset.Data(e.Train), dataset.Data(e.Test), p.ToAccuracy, epochs)
		if err != nil {
			return nil, err
		}
		report.ToAccuracy = append(report.ToAccuracy, r)
	}
	return report, nil
}

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%.0f %%\t%.4g\t%.3g\t%s\t\n",
			strings.TrimSpace(row.Device+" "+row.Mode), row.Net, row.Loss, row.Optimizer, row.Batch,
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
		fmt.Fprintf(out, "%s, batches of %d: %s %.2f %% after %s, %.3g s of training\n", t.Device, t.Batch, text,
			100*t.Accuracy, words.Count(t.Epochs, "epoch"), t.Seconds)
	}
	return nil
}

// PrintBench writes a line per run in the format of Go benchmarks, for benchstat.
func (r *Report) PrintBench(out io.Writer) error {
	fmt.Fprintf(out, "goos: %s\ngoarch: %s\npkg: neuroloupe\ncpu: %s\n", runtime.GOOS, runtime.GOARCH, r.Machine.CPU)
	for _, row := range r.Rows {
		name := fmt.Sprintf("BenchmarkTrain/device=%s/net=%s/loss=%s/optimizer=%s/batch=%d", row.Device, row.Net,
			row.Loss,
			strings.ReplaceAll(row.Optimizer, " ", "+"), row.Batch)
		for _, s := range row.Samples {
			if _, err := fmt.Fprintf(out, "%s\t1\t%.1f ns/op\t%.0f samples/s\n", name, 1e9*float64(row.Batch)/s,
				s); err != nil {
				return err
			}
		}
	}
	return nil
}

// Plot draws samples per second over the batch size into a PNG.
func (r *Report) Plot(path string, spec engine.Spec) error {
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
