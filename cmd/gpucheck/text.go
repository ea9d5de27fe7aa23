package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// text is gpu-check.txt: all of the report for people, and what the steps said.
func (r *Report) text(log string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gpu-check of neuroloupe %s, %s; PTX %.16s\n", r.Version, r.Made.Format(time.RFC3339), r.PTX)
	if r.Device == nil {
		fmt.Fprintf(&b, "no device\n")
	} else {
		d := r.Device
		fmt.Fprintf(&b, "%s: %s, %.1f GiB, compute capability %s, driver %s; %s, %d cores\n",
			d.ID, d.Name, float64(d.Memory)/(1<<30), d.Capability, d.Driver, r.CPU, r.Cores)
	}
	if r.Simulator {
		fmt.Fprintf(&b, "THIS IS THE DRIVER SIMULATOR, NOT A CARD\n")
	}
	if r.SMI != "" {
		fmt.Fprintf(&b, "%s\n", r.SMI)
	}
	if r.CUBLAS != "" {
		fmt.Fprintf(&b, "cuBLAS: %s\n", r.CUBLAS)
	}
	table(&b, "step\tresult\tseconds\tof\treason", len(r.Steps), func(i int) string {
		s := r.Steps[i]
		return fmt.Sprintf("%s\t%s\t%.1f\t%.0f\t%s", s.Name, s.Result, s.Seconds, s.Limit, s.Reason)
	})
	table(&b, "opening the device\tseconds", len(r.Compilation), func(i int) string {
		c := r.Compilation[i]
		return fmt.Sprintf("%s\t%.2f", map[bool]string{
			false: "compiling the kernels",
			true:  "kernels from the driver's cache",
		}[c.Cached], c.Seconds)
	})
	for _, part := range []struct {
		title string
		all   []Difference
	}{{"beside the simulator", r.Reference}, {"beside the CPU", r.Parity}} {
		table(&b, part.title+"\tmode\tsteps\tbatch\tlargest difference\tin\tat most\t", len(part.all),
			func(i int) string {
				d := part.all[i]
				if d.Why != "" {
					return fmt.Sprintf("%s\t%s\t\t%d\tnot run: %s\t\t\t", d.Net, d.Mode, d.Batch, d.Why)
				}
				return fmt.Sprintf("%s\t%s\t%d\t%d\t%s\t%s\t%.2g\t%s", d.Net, d.Mode, d.Steps, d.Batch,
					d.largest("%.3g"),
					d.In, d.Bound, ok(d.OK))
			})
	}
	table(&b, "tests\tpassed\tfailed\tskipped\t", len(r.Tests), func(i int) string {
		t := r.Tests[i]
		return fmt.Sprintf("%s\t%d\t%d\t%d\t%s", t.Name, t.Passed, t.Failed, t.Skipped, strings.Join(t.Failures, " "))
	})
	table(&b, "peak\tGFLOP/s\tby", len(r.Peaks), func(i int) string {
		p := r.Peaks[i]
		return fmt.Sprintf("%s\t%.0f\t%s", p.Precision, p.GFLOPS, p.By)
	})
	table(&b, "net\tbatch\tprecision\tprogram\tµs/step\tsamples/s\tepochs/s\ts/epoch\tfastest\tslowest\tof "+
		"peak\taccuracy\t", len(r.Speed), func(i int) string {
		s := r.Speed[i]
		head := fmt.Sprintf("%s\t%d\t%s\t%s %s", s.Net, s.Batch, s.Precision, s.Program, s.How)
		if s.LeftOut != "" {
			return head + "\t" + s.LeftOut
		}
		return fmt.Sprintf("%s\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%s\t%.2f %%\t", head, s.MicrosPerStep,
			s.SamplesPerSecond, s.EpochsPerSecond,
			s.SecondsPerEpoch, s.Fastest, s.Slowest, share(s.PeakShare), 100*s.TestAccuracy)
	})
	table(&b, "net\tbatch\tprogram\tnetworks\tside by side\tµs/step\tnetworks/h of 30 epochs\t", len(r.Fleets),
		func(i int) string {
			f := r.Fleets[i]
			head := fmt.Sprintf("%s\t%d\t%s %s\t%d", f.Net, f.Batch, f.Program, f.How, f.Networks)
			if f.LeftOut != "" {
				return head + "\t" + f.LeftOut
			}
			return fmt.Sprintf("%s\t%d\t%.4g\t%.4g\t", head, f.Slots, f.MicrosPerStep, f.PerHour)
		})
	table(&b, "net\tbatch\tmode\ttest accuracy\tepochs\ts of training", len(r.Accuracy), func(i int) string {
		a := r.Accuracy[i]
		return fmt.Sprintf("%s\t%d\t%s\t%s\t%d\t%.3g", a.Net, a.Batch, a.Mode, a.reached(), a.Epochs, a.Training)
	})
	table(&b, "compute-sanitizer\t\t", len(r.Sanitizer), func(i int) string {
		s := r.Sanitizer[i]
		return fmt.Sprintf("%s\t%s\t%s", s.Tool, map[bool]string{true: "clean", false: "ERRORS"}[s.OK], s.Summary)
	})
	if log != "" {
		fmt.Fprintf(&b, "\nWhat the steps said\n%s", log)
	}
	return b.String()
}

// table writes a head and n rows, or nothing for none.
func table(b *strings.Builder, head string, n int, row func(i int) string) {
	if n == 0 {
		return
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for i := range n {
		fmt.Fprintln(w, row(i))
	}
	w.Flush() // a Builder takes everything
}

// largest writes the difference.
func (d Difference) largest(format string) string {
	if d.NotFinite {
		return "not a number"
	}
	return fmt.Sprintf(format, d.Largest)
}

func ok(b bool) string {
	if b {
		return "ok"
	}
	return "TOO FAR"
}

func share(s float64) string {
	if s == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2g %%", 100*s)
}

// reached says how the training ended.
func (a Accuracy) reached() string {
	if a.Reached {
		return fmt.Sprintf("%.2f %%", 100*a.Best)
	}
	return fmt.Sprintf("not %.0f %%; best %.2f %%", 100*a.Target, 100*a.Best)
}
