package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// page is docs/benchmarks.md as it grows.
type page struct {
	strings.Builder
	examples int     // of the training set
	ink      float64 // share of its pixels that are not zero
}

// size is what was measured of a task with one batch size; ours are the first runners, the best before all.
type size struct {
	batch int
	rs    []*runner
	peaks []float64 // GFLOP/s, one a round
}

func newPage(dev engine.Device, train *mnist.Set, rounds int, now time.Time) *page {
	inked := 0
	for _, v := range train.Images {
		if v != 0 {
			inked++
		}
	}
	p := &page{examples: train.Len(), ink: float64(inked) / float64(len(train.Images))}
	fmt.Fprintf(p, `# Training speed beside other programs

Written by `+"`make bench-peers`"+` on %s: %s, %s, Go %s. No figure here is typed by hand.

Every program does the same work: the same layers, loss, optimiser, float32, batch size and MNIST's %d training images, in
memory before the clock starts, in a new random order every epoch, evaluation outside the clock. They take turns, an epoch
each, for %d rounds after a warm-up; a program that needs more than %d seconds an epoch has two, and from %d seconds on its
warm-up is what is shown. Figures are seconds per epoch: the median, and in brackets the fastest and slowest. "Times faster"
is a program's median over that of our best. The accuracy is that on the test images after as many epochs as the brackets say.

PyTorch and scikit-learn run with 1, 2, 4 … threads, up to %d, GoMLX with all. "By hand" is backpropagation written out, without automatic
differentiation. GoMLX runs on its backend in pure Go, where it has to be by hand: its derivative of a matrix product is a
product of every row with every column and a sum, which that backend carries out as it stands, several times slower; its
optimisers have no plain momentum, so velocities are written out too. The rows of neuroloupe differ in the instructions
used, as `+"`NEUROLOUPE_CPU`"+` caps them; plain Go is what a build without assembly does.

GFLOP/s count the dense work asked for, also where zero pixels are skipped. The machine's peak is that of fused
multiply-adds in registers, on all cores at once, measured once in every round beside the programs, because the cores that
a virtual machine gets change within minutes; shares are of the median. %.1f %% of the training images' pixels are not zero.
Neuroloupe's first layer computes with those alone, forward and in the gradient, so there are two shares: of the dense work,
which may be over 100 %%, and of the work that is left, which says how far the step is from the machine. An absolute time on
this machine says little about another.

`, now.UTC().Format("2006-01-02"), dev.Name, dev.Capability, strings.TrimPrefix(runtime.Version(), "go"),
		p.examples, rounds, slow, verySlow, runtime.NumCPU(), 100*p.ink)
	return p
}

// task writes a task's section: who was how fast, how far ours is from the machine, and what holds it.
func (p *page) task(t task, sizes []size) {
	fmt.Fprintf(p, "## %s\n\n| batch | program | seconds per epoch | times faster | GFLOP/s | test accuracy "+
		"|\n|---|---|---|---|---|---|\n", t.title)
	work := bench.FLOPs(t.spec) * float64(p.examples) / 1e9
	for _, s := range sizes {
		best := median(s.rs[0].seconds)
		for i, r := range s.rs {
			m, ratio := median(r.seconds), ""
			if i > 0 {
				ratio = fmt.Sprintf("%.1f", m/best)
			}
			fmt.Fprintf(p, "| %d | %s | %s | %s | %s | %.2f %% (%d) |\n", s.batch, r.name,
				spread(r.seconds), ratio, figure(work/m), 100*r.accuracy, r.epochs)
		}
	}
	left := leftFLOPs(t.spec, p.ink) * float64(p.examples) / 1e9
	fmt.Fprintf(p, `
### How far from the machine, and what holds it

%s GFLOP an epoch, %s without the zero pixels. The speed with fewer instructions is that of the same epoch, the best being 100 %%.

| batch | µs per step | peak, GFLOP/s | of peak, dense work | of peak, work left | speed with AVX2 | in plain Go |
|---|---|---|---|---|---|---|
`, figure(work), figure(left))
	for _, s := range sizes {
		best, peak := median(s.rs[0].seconds), median(s.peaks)
		steps := (p.examples + s.batch - 1) / s.batch
		fmt.Fprintf(p, "| %d | %s | %s | %.0f %% | %.0f %% | %s | %s |\n", s.batch, figure(1e6*best/float64(steps)),
			spread(s.peaks),
			100*work/best/peak, 100*left/best/peak, s.speed("AVX2"), s.speed("plain Go"))
	}
	p.WriteString("\n")
	for _, h := range t.holds {
		fmt.Fprintf(p, "- %s. %s\n", h.batches, h.text)
	}
	p.WriteString("\n")
}

// leftFLOPs is bench.FLOPs without the operations on zero pixels, when ink is the share of the pixels that are not
// zero: the first layer's forward product and weight gradient.
func leftFLOPs(s engine.Spec, ink float64) float64 {
	first := 2 * 2 * float64(s.Inputs) * float64(s.Layers[0].Units)
	return bench.FLOPs(s) - (1-ink)*first
}

// speed returns the speed of ours with other instructions as a share of our best; "–" if it was not measured.
func (s size) speed(tier string) string {
	for _, r := range s.rs {
		if r.name == ours(tier) {
			return fmt.Sprintf("%.0f %%", 100*median(s.rs[0].seconds)/median(r.seconds))
		}
	}
	return "–"
}

// spread writes the median of v, and in brackets the least and the largest.
func spread(v []float64) string {
	return fmt.Sprintf("%s (%s–%s)", figure(median(v)), figure(slices.Min(v)), figure(slices.Max(v)))
}

// figure writes v with three significant digits or more, and large numbers without an exponent.
func figure(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
