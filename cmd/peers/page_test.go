package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// By hand: of 784-100-10, the first layer's forward product and gradient are 4·784·100 = 313,600 of 319,600 operations
// on an example; a fifth of them is 62,720.
func TestLeftFLOPs(t *testing.T) {
	s := engine.Spec{Inputs: 784, Layers: []engine.Layer{{Units: 100}, {Units: 10}}}
	for ink, want := range map[float64]float64{1: 319600, 0.5: 156800 + 6000, 0: 6000} {
		if got := leftFLOPs(s, ink); got != want {
			t.Errorf("ink %v: %v operations, want %v", ink, got, want)
		}
	}
}

// Four examples of four pixels, every fourth not zero, and a network 4-2-1: an example is 4·4·2 + 6·2·1 = 44
// operations, 8 + 12 = 20 without the zeros; four are 176 and 80. An epoch of 88 ns is then 2 GFLOP/s.
func TestPage(t *testing.T) {
	images := bytes.Repeat([]byte{0, 0, 7, 0}, 4)
	train := &mnist.Set{Images: images, Labels: make([]uint8, 4), Shape: mnist.Grey(2, 2)}
	p := newPage(engine.Device{Name: "Some CPU", Capability: "AVX-512, 2 of 2 cores"}, train, 3, time.Unix(0, 0))
	for _, want := range []string{
		"on 1970-01-01: Some CPU, AVX-512, 2 of 2 cores, Go 1.", "MNIST's 4 training images",
		"for 3 rounds", "25.0 % of",
	} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("the page does not say %q:\n%s", want, p)
		}
	}
	if strings.Contains(p.String(), "%!") {
		t.Errorf("the page is badly formatted:\n%s", p)
	}
	p.Reset()
	work := task{
		title: "4-2-1", spec: engine.Spec{Inputs: 4, Layers: []engine.Layer{{Units: 2}, {Units: 1}}},
		holds: []hold{{"Batch 3", "Something."}},
	}
	p.task(work, []size{{
		batch: 3, peaks: []float64{8, 2, 4},
		rs: []*runner{
			{name: ours("AVX-512"), seconds: []float64{99e-9, 88e-9, 77e-9}, accuracy: 0.5, epochs: 4},
			{name: ours("AVX2"), seconds: []float64{132e-9}, accuracy: 0.5, epochs: 1},
			{name: "Slow 1.0, 1 thread", seconds: []float64{220e-9, 440e-9}, accuracy: 0.25, epochs: 3},
		},
	}})
	want := `## 4-2-1

| batch | program | seconds per epoch | times faster | GFLOP/s | test accuracy |
|---|---|---|---|---|---|
| 3 | neuroloupe, AVX-512 | 8.8e-08 (7.7e-08–9.9e-08) |  | 2 | 50.00 % (4) |
| 3 | neuroloupe, AVX2 | 1.32e-07 (1.32e-07–1.32e-07) | 1.5 | 1.33 | 50.00 % (1) |
| 3 | Slow 1.0, 1 thread | 3.3e-07 (2.2e-07–4.4e-07) | 3.8 | 0.533 | 25.00 % (3) |

### How far from the machine, and what holds it

1.76e-07 GFLOP an epoch, 8e-08 without the zero pixels. The speed with fewer instructions is that of the same epoch, the best being 100 %.

| batch | µs per step | peak, GFLOP/s | of peak, dense work | of peak, work left | speed with AVX2 | in plain Go |
|---|---|---|---|---|---|---|
| 3 | 0.044 | 4 (2–8) | 50 % | 23 % | 67 % | – |

- Batch 3. Something.

`
	if d := cmp.Diff(want, p.String()); d != "" {
		t.Error(d)
	}
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{
		0.073912: "0.0739", 12.345: "12.3", 99.96: "100", 236.4: "236",
		3204.4: "3204",
	} {
		if got := figure(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}
