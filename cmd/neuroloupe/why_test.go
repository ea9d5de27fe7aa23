package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"neuroloupe/cmd/internal/gallery"
)

// For 50 test images every neuron's input×weight adds up to z, and every class's evidence to its logit, both as the
// executor computes them; and what is drawn of a neuron is that.
func TestWhySumsHold(t *testing.T) {
	const images, within = 50, 1e-4
	for _, args := range [][]string{
		{"--preset", "nielsen1", "--net", "120-30-4", "--epochs", "10"},
		{"--net", "120-16-4", "--hidden", "relu", "--output", "softmax", "--epochs", "10", "--lr", "0.1"},
		{"--net", "120-9-7-4", "--hidden", "tanh", "--epochs", "10", "--lr", "0.1"},
	} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			v := opened(t, trained(t, args...))
			p, err := v.ProbeTest()
			if err != nil {
				t.Fatal(err)
			}
			last := v.Net.Last()
			w, b := v.Net.Params.Weight(last+1), v.Net.Params.Bias(last+1)
			for i := range images {
				img, err := v.Choose(fmt.Sprintf("test:%d", i), false)
				if err != nil {
					t.Fatal(err)
				}
				x, err := v.Explain(img, v.Net.Hidden(), -1)
				if err != nil {
					t.Fatal(err)
				}
				z, err := p.Weighted(v.Net, i)
				if err != nil {
					t.Fatal(err)
				}
				for j, want := range z[0] {
					product, err := x.Why.Product(j)
					if err != nil {
						t.Fatal(err)
					}
					near(t, fmt.Sprintf("image %d: Σ x·w + b of neuron %d", i, j), sum(product.Map)+
						float64(v.Net.Params.Bias(1).Data[j]), float64(want), within)
					near(t, "what is said of it", x.NeuronErrors[j], 0, within)
				}
				for k, want := range z[last] {
					sum := float64(b.Data[k])
					for j, e := range x.Why.Evidence[k] {
						near(t, "evidence", e, float64(w.Data[j*w.Shape[1]+k])*x.Why.A[last-1][j], 1e-9)
						sum += e
					}
					near(t, fmt.Sprintf("image %d: Σ e + b of output %d", i, k), sum, float64(want), within)
					near(t, "what is said of it", x.OutputErrors[k], 0, within)
				}
				// Beyond the average: over the neurons it adds up to the logit less that of the mean activations.
				mean := float64(b.Data[x.Predicted])
				for j, a := range x.Mean {
					mean += float64(w.Data[j*w.Shape[1]+x.Predicted]) * a
				}
				near(t, "Σ of what is beyond the average", sum(x.Centred), x.Sum-mean, 1e-6)
			}
		})
	}
}

// why of a network that was made elsewhere says what numpy says; testdata/why.py made the numbers.
func TestWhyIsNumpys(t *testing.T) {
	var want struct {
		Z, A, Logits, Product7, Contrast []float64
		Evidence                         [][]float64
		Predicted                        int
	}
	if err := json.Unmarshal(mustRead(t, "testdata", "why.json"), &want); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "digits")
	must(t, "import", filepath.Join("..", "internal", "exchange", "testdata", "digits.npz"), "--data", "none", "--out",
		dir)
	v := opened(t, dir)
	ramp := gallery.Chosen{Name: "ramp", Label: -1, Pixels: make([]byte, 784)}
	for p := range ramp.Pixels {
		ramp.Pixels[p] = byte(7 * p)
	}
	x, err := v.Explain(ramp, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	if x.Predicted != want.Predicted {
		t.Errorf("read as %d, want %d", x.Predicted, want.Predicted)
	}
	for j, z := range want.Z {
		near(t, fmt.Sprintf("z of neuron %d", j), x.Why.Z[0][j], z, 1e-6)
		near(t, fmt.Sprintf("a of neuron %d", j), x.Why.A[0][j], want.A[j], 1e-6)
		near(t, fmt.Sprintf("contrast of neuron %d", j), x.Evidence[j], want.Contrast[j], 1e-6)
		for k := range want.Logits {
			near(t, fmt.Sprintf("evidence of neuron %d for %d", j, k), x.Why.Evidence[k][j], want.Evidence[k][j], 1e-6)
		}
	}
	for k, s := range want.Logits {
		near(t, fmt.Sprintf("logit %d", k), x.Why.Z[1][k], s, 1e-6)
	}
	product, err := x.Why.Product(7)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range want.Product7 {
		near(t, fmt.Sprintf("input×weight of neuron 7 at pixel %d", p), float64(product.Map[p]), want, 1e-6)
	}
}

// The start's share and the learned share of Σ x·w add up to it.
func TestWhyLearned(t *testing.T) {
	v := opened(t, trained(t, "--preset", "nielsen1", "--net", "120-30-4", "--epochs", "5", "--l2", "0.5"))
	if g := v.Net.Gamma; !(g > 0.2 && g < 1) {
		t.Fatalf("γ = %v, want one that is not 1", g)
	}
	img, err := v.Choose("test:3", false)
	if err != nil {
		t.Fatal(err)
	}
	x, err := v.Explain(img, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	for j := range x.Evidence {
		product, start, ok := x.Learned(j)
		if !ok {
			t.Fatal("the start is not shown, though most of the map is it")
		}
		b := float64(v.Net.Params.Bias(1).Data[j])
		near(t, "start + learned", start+sum(product), x.Why.Z[0][j]-b, 1e-4)
		if math.Abs(start) < 1e-9 {
			t.Error("the start gives nothing")
		}
	}
}
