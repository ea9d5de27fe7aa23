package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"neuroloupe/engine/atomicfile"
)

// writePage writes the page about the results in folder.
func writePage(folder, to string) error {
	text, err := page(folder)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(to, []byte(text))
}

const pageHead = `# Training on a GPU

Made by ` + "`make gpu-docs`" + ` from the results in docs/gpu and from nothing else. ` + "`make gpu-check`" + ` measures: where there is a card it
runs the check and writes bin/gpu-check/results/gpu-check.json; elsewhere it makes the folder bin/gpu-check, which is carried
to a machine with a card, where ` + "`run.sh OUTDIR`" + ` does it. Copy the JSON to docs/gpu under the card's name, then ` + "`make gpu-docs`" + `.
`

const pageNone = `
No card has been measured yet: how fast neuroloupe trains on a GPU is not known. Its results are known to be right on the
driver simulator of cuda/sim, which has no speed.
`

const pageFleets = `
## Many networks side by side: what is reckoned

Nothing in this part is measured. A fleet trains networks of a shape in one launch, each on as few blocks as hold it. What a
block holds follows from the layout, and how many run at once from the card's numbers; for an H200, 132 multiprocessors with
227 KiB of shared memory for a block:

| net | optimiser | batch | blocks a network | bytes of shared memory a block | networks side by side |
|---|---|---|---|---|---|
| 784-100-10 | sgd | 10 | 2 | 185,064 | 66 |
| 784-100-10 | sgd | 64 | 4 | 227,608 | 33 |
| 784-100-10 | momentum | 10 | 4 | 188,104 | 33 |
| 784-30-10 | sgd | 10 | 1 | 116,024 | 132 |

A test holds these figures. ptxas of CUDA 11.8 gives the fleets' kernels 128 registers a thread for sm_90, the most that 512
threads can have: one block a multiprocessor runs at a time whatever its memory. It keeps nothing in memory that should be in
a register with two and three layers, and 28 bytes a thread with four.

At 7,000 to 10,000 cycles a step and 1.8 GHz, 66 networks of 784-100-10 would be trained for 30 epochs of 6,000 steps in 0.7
to 1 s. Shared memory, at 128 bytes a cycle, sets a bound above that. At batch 10 a block of 50 units reads its 156,800 bytes of
weights twice for the forward pass, once for every five rows: 2,500 cycles. The update reads a word of an image and a δ for
every four weights and each row, and reads and writes the weights: 8,500 cycles. That is 1.1 s, before anything waits.
` + "`make gpu-check`" + ` measures it.
`

const pageRules = `
Every program does the same work: the same layers, softmax, cross-entropy and plain gradient descent, the same images in
memory before the clock starts, a new random order every epoch, whole batches. They take turns, a quarter of a second each or
an epoch, after a warm-up; figures are medians, and in brackets the fastest and slowest. "Eager", "CUDA graphs" and "compile"
are PyTorch as its documentation writes them. Arithmetic counts the dense products asked for, also where zero pixels are
skipped; "of peak" is its share of the most that was reached on the same card in the same precision. Networks per hour are
counted from some steps of each network, an epoch of ours, without tests between; "vmap" is PyTorch's torch.func over stacked
parameters.
`

// page returns docs/gpu.md for the results in folder.
func page(folder string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json")) // sorted
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(pageHead)
	if len(files) == 0 {
		b.WriteString(pageNone + pageFleets)
		return b.String(), nil
	}
	b.WriteString(pageRules)
	for _, path := range files {
		r, err := readReport(path)
		if err != nil {
			return "", err
		}
		r.section(&b, filepath.Base(path))
	}
	b.WriteString(pageFleets)
	return b.String(), nil
}

// section writes what is to be told of one card.
func (r *Report) section(b *strings.Builder, file string) {
	d := r.Device
	fmt.Fprintf(b, "\n## %s\n\n%s, neuroloupe %.12s, from [gpu/%s](gpu/%s). %.0f GiB, compute capability %s, driver "+
		"%s; the CPU is %s with %d cores.\n",
		d.Name, r.Made.Format("2006-01-02"), r.Version, file, file, float64(d.Memory)/(1<<30), d.Capability, d.Driver,
		r.CPU, r.Cores)
	rows(b, "step|result|", len(r.Steps), func(i int) string {
		return fmt.Sprintf("%s|%s|%s", r.Steps[i].Name, r.Steps[i].Result, cell(r.Steps[i].Reason))
	})
	rows(b, "opening the device|seconds", len(r.Compilation), func(i int) string {
		c := r.Compilation[i]
		return fmt.Sprintf("%s|%.2f", map[bool]string{
			false: "compiling the kernels",
			true:  "kernels from the driver's cache",
		}[c.Cached], c.Seconds)
	})
	rows(b, "tests on the card|passed|failed|skipped", len(r.Tests), func(i int) string {
		t := r.Tests[i]
		return fmt.Sprintf("%s|%d|%d|%d", t.Name, t.Passed, t.Failed, t.Skipped)
	})
	differences := func(title string, all []Difference) {
		rows(b, "largest difference of a weight from "+title+"|mode|batch|steps|", len(all), func(i int) string {
			d := all[i]
			if d.Why != "" {
				return fmt.Sprintf("%s|%s|%d||%s", d.Net, d.Mode, d.Batch, cell(d.Why))
			}
			return fmt.Sprintf("%s|%s|%d|%d|%s", d.Net, d.Mode, d.Batch, d.Steps, d.largest("%.2g"))
		})
	}
	differences("the simulator's", r.Reference)
	differences("the CPU's", r.Parity)
	rows(b, "compute-sanitizer|", len(r.Sanitizer), func(i int) string {
		return fmt.Sprintf("%s|%s", r.Sanitizer[i].Tool, cell(r.Sanitizer[i].Summary))
	})
	rows(b, "peak|TFLOP/s|by", len(r.Peaks), func(i int) string {
		p := r.Peaks[i]
		return fmt.Sprintf("%s|%.3g|%s", p.Precision, p.GFLOPS/1e3, p.By)
	})
	rows(b, "net|batch|precision|program|µs per step|samples/s|epochs/s|seconds per epoch|times ours|of peak|test "+
		"accuracy", len(r.Speed), func(i int) string {
		s := r.Speed[i]
		head := fmt.Sprintf("%s|%d|%s|%s", s.Net, s.Batch, s.Precision, strings.TrimSpace(s.Program+" "+s.Version)+", "+
			s.How)
		if s.LeftOut != "" {
			return head + "|" + cell(s.LeftOut) + "||||||"
		}
		return fmt.Sprintf("%s|%.4g|%.3g|%.3g|%.3g (%.3g–%.3g)|%s|%s|%.2f %%", head, s.MicrosPerStep,
			s.SamplesPerSecond, s.EpochsPerSecond,
			s.SecondsPerEpoch, s.Fastest, s.Slowest, r.timesOurs(s), share(s.PeakShare), 100*s.TestAccuracy)
	})
	rows(b, "net|batch|program|networks|side by side|µs per step of a network|networks per hour, of 30 epochs",
		len(r.Fleets), func(i int) string {
			f := r.Fleets[i]
			head := fmt.Sprintf("%s|%d|%s|%d", f.Net, f.Batch, strings.TrimSpace(f.Program+" "+f.Version)+", "+f.How,
				f.Networks)
			if f.LeftOut != "" {
				return head + "|" + cell(f.LeftOut) + "||"
			}
			return fmt.Sprintf("%s|%s|%.4g|%.0f", head, strings.TrimPrefix(fmt.Sprint(f.Slots), "0"), f.MicrosPerStep,
				f.PerHour)
		})
	rows(b, "net|batch|mode|test accuracy|epochs|seconds of training", len(r.Accuracy), func(i int) string {
		a := r.Accuracy[i]
		return fmt.Sprintf("%s|%d|%s|%s|%d|%.3g", a.Net, a.Batch, a.Mode, a.reached(), a.Epochs, a.Training)
	})
}

// timesOurs says how many times as long as our fastest on the card another takes for the same work.
func (r *Report) timesOurs(s Speed) string {
	best := 0.0
	for _, o := range r.Speed {
		same := o.Net == s.Net && o.Batch == s.Batch && o.Precision == s.Precision
		if same && o.Program == "neuroloupe" && o.How != onCPU && o.SecondsPerEpoch > 0 &&
			(best == 0 || o.SecondsPerEpoch < best) {
			best = o.SecondsPerEpoch
		}
	}
	if best == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", s.SecondsPerEpoch/best)
}

// rows writes a table, or nothing for none.
func rows(b *strings.Builder, head string, n int, row func(i int) string) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "\n| %s |\n|%s\n", strings.ReplaceAll(head, "|", " | "),
		strings.Repeat("---|", 1+strings.Count(head, "|")))
	for i := range n {
		fmt.Fprintf(b, "| %s |\n", strings.ReplaceAll(row(i), "|", " | "))
	}
}

// cell makes text fit for a table's cell.
func cell(s string) string {
	return strings.NewReplacer("|", "/", "\n", " ", "<", "&lt;").Replace(s)
}
