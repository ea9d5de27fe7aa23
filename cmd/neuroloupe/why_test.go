package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"testing"
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
			test, err := v.test()
			if err != nil {
				t.Fatal(err)
			}
			p, err := v.probe(test)
			if err != nil {
				t.Fatal(err)
			}
			last := v.net.Last()
			w, b := v.net.Params.Weight(last+1), v.net.Params.Bias(last+1)
			for i := range images {
				img, err := v.choose(fmt.Sprintf("test:%d", i), false)
				if err != nil {
					t.Fatal(err)
				}
				x, err := v.account(img, v.net.Hidden(), -1)
				if err != nil {
					t.Fatal(err)
				}
				z, err := p.Weighted(v.net, i)
				if err != nil {
					t.Fatal(err)
				}
				for j, want := range z[0] {
					product, err := x.why.Product(j)
					if err != nil {
						t.Fatal(err)
					}
					near(t, fmt.Sprintf("image %d: Σ x·w + b of neuron %d", i, j), sum32(product.Map)+float64(v.net.Params.Bias(1).Data[j]), float64(want), within)
					near(t, "what is said of it", x.errNeuron[j], 0, within)
				}
				for k, want := range z[last] {
					sum := float64(b.Data[k])
					for j, e := range x.why.Evidence[k] {
						near(t, "evidence", e, float64(w.Data[j*w.Shape[1]+k])*x.why.A[last-1][j], 1e-9)
						sum += e
					}
					near(t, fmt.Sprintf("image %d: Σ e + b of output %d", i, k), sum, float64(want), within)
					near(t, "what is said of it", x.errOutput[k], 0, within)
				}
				// Beyond the average: over the neurons it adds up to the logit less that of the mean activations.
				mean := float64(b.Data[x.predicted])
				for j, a := range x.mean {
					mean += float64(w.Data[j*w.Shape[1]+x.predicted]) * a
				}
				near(t, "Σ of what is beyond the average", sum64(x.centred), x.sum-mean, 1e-6)
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
	must(t, "import", filepath.Join("..", "internal", "exchange", "testdata", "digits.npz"), "--data", "none", "--out", dir)
	v := opened(t, dir)
	ramp := chosen{name: "ramp", label: -1, pixels: make([]byte, 784)}
	for p := range ramp.pixels {
		ramp.pixels[p] = byte(7 * p)
	}
	x, err := v.account(ramp, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	if x.predicted != want.Predicted {
		t.Errorf("read as %d, want %d", x.predicted, want.Predicted)
	}
	for j, z := range want.Z {
		near(t, fmt.Sprintf("z of neuron %d", j), x.why.Z[0][j], z, 1e-6)
		near(t, fmt.Sprintf("a of neuron %d", j), x.why.A[0][j], want.A[j], 1e-6)
		near(t, fmt.Sprintf("contrast of neuron %d", j), x.evidence[j], want.Contrast[j], 1e-6)
		for k := range want.Logits {
			near(t, fmt.Sprintf("evidence of neuron %d for %d", j, k), x.why.Evidence[k][j], want.Evidence[k][j], 1e-6)
		}
	}
	for k, s := range want.Logits {
		near(t, fmt.Sprintf("logit %d", k), x.why.Z[1][k], s, 1e-6)
	}
	product, err := x.why.Product(7)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range want.Product7 {
		near(t, fmt.Sprintf("input×weight of neuron 7 at pixel %d", p), float64(product.Map[p]), want, 1e-6)
	}
}

// The neurons at the ends are those with the largest shares for and against, and no neuron stands at both.
func TestWhyEnds(t *testing.T) {
	x := &account{evidence: []float64{0.5, -1, 0, 2, -0.25}, order: []int{3, 0, 2, 4, 1}}
	plus, minus := x.ends(3)
	if fmt.Sprint(plus, minus) != "[3 0] [1 4]" {
		t.Errorf("for %v, against %v; want [3 0] and [1 4]", plus, minus)
	}
}

// The start's share and the learned share of Σ x·w add up to it.
func TestWhyLearned(t *testing.T) {
	v := opened(t, trained(t, "--preset", "nielsen1", "--net", "120-30-4", "--epochs", "5", "--l2", "0.5"))
	if g := v.net.Gamma; !(g > 0.2 && g < 1) {
		t.Fatalf("γ = %v, want one that is not 1", g)
	}
	img, err := v.choose("test:3", false)
	if err != nil {
		t.Fatal(err)
	}
	x, err := v.account(img, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	for j := range x.evidence {
		product, start, ok := x.learned(j)
		if !ok {
			t.Fatal("the start is not shown, though most of the map is it")
		}
		b := float64(v.net.Params.Bias(1).Data[j])
		near(t, "start + learned", start+sum32(product), x.why.Z[0][j]-b, 1e-4)
		if math.Abs(start) < 1e-9 {
			t.Error("the start gives nothing")
		}
	}
}
