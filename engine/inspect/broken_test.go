package inspect_test

import (
	"math"
	"slices"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// decided returns a network with large weights, and images labelled by what it answers, which are not all the same:
// what it loses is seen.
func decided(t *testing.T) (inspect.Net, engine.Data) {
	t.Helper()
	n, d := started(), images(300, 12, 3)
	for l := range 3 {
		for i := range n.Params.Weight(l + 1).Data {
			n.Params.Weight(l + 1).Data[i] *= 4
		}
	}
	means := make([]float64, 3)
	logits := func() [][]float64 { return byHand(n, d, inspect.Broken{}) }
	for _, z := range logits() {
		for k, v := range z {
			means[k] += v / float64(d.Len())
		}
	}
	for k, v := range means {
		n.Params.Bias(3).Data[k] -= float32(v)
	}
	count := make([]int, 3)
	for i, z := range logits() {
		d.Labels[i] = uint8(inspect.Descending(z)[0])
		count[d.Labels[i]]++
	}
	if slices.Min(count) < 30 {
		t.Fatalf("the network answers %v times", count)
	}
	return n, d
}

// A network without some neurons, each at its mean, is as accurate as ablation finds.
func TestBrokenIsAblated(t *testing.T) {
	n, d := decided(t)
	s, _ := newSubject(t, n, 3, 4, d)
	accuracy := func(off ...inspect.Unit) float64 {
		t.Helper()
		b, err := s.Broken(t.Context(), inspect.Broken{Off: off})
		if err != nil {
			t.Fatal(err)
		}
		score, err := b.Score(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return score.Accuracy()
	}
	changed := 0
	for layer := range 2 {
		a, err := inspect.NewAblation(t.Context(), newProbe(t, n.Spec, d), n, layer)
		if err != nil {
			t.Fatal(err)
		}
		units := n.Spec.Layers[layer].Units
		lost, err := a.Lost(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for j := range units {
			got, want := accuracy(inspect.Unit{Layer: layer, Neuron: j}), a.Accuracy-lost[j].Accuracy
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("layer %d without neuron %d: accuracy %v, ablation says %v", layer, j, got, want)
			}
			if lost[j].Accuracy != 0 {
				changed++
			}
		}
		some := []int{3, 0, 4}
		curve, err := a.Curve(t.Context(), some, 3)
		if err != nil {
			t.Fatal(err)
		}
		got := accuracy(inspect.Unit{Layer: layer, Neuron: 4}, inspect.Unit{Layer: layer, Neuron: 3},
			inspect.Unit{Layer: layer}, inspect.Unit{Layer: layer, Neuron: 3})
		if want := curve[len(curve)-1].Accuracy; math.Abs(got-want) > 1e-12 {
			t.Errorf("layer %d without neurons %v: accuracy %v, ablation says %v", layer, some, got, want)
		}
	}
	if changed < 6 {
		t.Errorf("only %d neurons matter, so this test says little", changed)
	}
}

// Whatever is broken, the network answers as one does that is written down here, image by image in float64: its weights
// changed, its hidden activations put at what they are to be.
func TestBrokenByHand(t *testing.T) {
	n, d := decided(t)
	off := []inspect.Unit{{Layer: 1, Neuron: 4}, {Layer: 0, Neuron: 2}, {Layer: 0, Neuron: 6}}
	for name, b := range map[string]inspect.Broken{
		"nothing":            {},
		"two layers' off":    {Off: off},
		"off, at zero":       {Off: off, Zero: true},
		"the start taken":    {Start: true},
		"noise":              {Noise: 0.7, Seed: 9},
		"all":                {Off: off, Start: true, Noise: 0.25, Seed: 1},
		"all, at zero":       {Off: off, Start: true, Noise: 0.25, Seed: 2, Zero: true},
		"noise on the start": {Start: true, Noise: 2, Seed: 3},
	} {
		s, _ := newSubject(t, n, 3, 4, d)
		broken, err := s.Broken(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		z, err := broken.Outputs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want, right := byHand(n, d, b), 0
		for i, row := range want {
			best := 0
			for k, v := range row {
				if math.Abs(v-float64(z[i][k])) > 1e-4 {
					t.Fatalf("%s, image %d: logit %d is %v, want %v", name, i, k, z[i][k], v)
				}
				if v > row[best] {
					best = k
				}
			}
			if best == int(d.Labels[i]) {
				right++
			}
		}
		score, err := broken.Score(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := score.Accuracy() * 300; math.Abs(got-float64(right)) > 1e-6 {
			t.Errorf("%s: %v images right, want %d", name, got, right)
		}
	}
}

// byHand are the logits of a broken network.
func byHand(n inspect.Net, d engine.Data, b inspect.Broken) [][]float64 {
	w := make([][]float64, 3)
	for l := range w {
		t := n.Params.Weight(l + 1).Data
		w[l] = make([]float64, len(t))
		var sum, squares float64
		for i, v := range t {
			w[l][i] = float64(v)
			if b.Start && l == 0 {
				w[l][i] -= n.Gamma * float64(n.Initial[0].Data[i])
			}
			sum, squares = sum+w[l][i], squares+w[l][i]*w[l][i]
		}
		mean := sum / float64(len(t))
		deviation := math.Sqrt(squares/float64(len(t)) - mean*mean)
		if b.Noise > 0 {
			for i, v := range inspect.Normal(b.Seed, l, len(t)) {
				w[l][i] += b.Noise * deviation * v
			}
		}
	}
	// forward returns a of the hidden layers and z of the output; held are activations that are given.
	forward := func(w [][]float64, image []byte, held map[inspect.Unit]float64) (a [2][]float64, out []float64) {
		x := make([]float64, len(image))
		for p, v := range image {
			x[p] = float64(v) / 255
		}
		for l := range 3 {
			z := make([]float64, n.Spec.Layers[l].Units)
			for j := range z {
				z[j] = float64(n.Params.Bias(l + 1).Data[j])
				for i, v := range x {
					z[j] += v * w[l][i*len(z)+j]
				}
			}
			if l == 2 {
				return a, z
			}
			x = make([]float64, len(z))
			for j, v := range z {
				x[j] = 1 / (1 + math.Exp(-v))
				if v, ok := held[inspect.Unit{Layer: l, Neuron: j}]; ok {
					x[j] = v
				}
			}
			a[l] = x
		}
		return a, nil
	}
	image := func(i int) []byte { return d.Images[i*12 : (i+1)*12] }
	held := map[inspect.Unit]float64{}
	for _, u := range b.Off {
		var mean float64
		for i := range d.Labels {
			a, _ := forward([][]float64{
				float64s(n.Params[0].Data), float64s(n.Params[2].Data), float64s(n.Params[4].Data),
			}, image(i), nil)
			mean += a[u.Layer][u.Neuron] / float64(len(d.Labels))
		}
		if held[u] = mean; b.Zero {
			held[u] = 0
		}
	}
	out := make([][]float64, len(d.Labels))
	for i := range out {
		_, out[i] = forward(w, image(i), held)
	}
	return out
}

func float64s(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// The numbers of Normal are those that a few lines of Python give, and have the normal distribution; those of another
// seed or layer have nothing to do with them.
func TestNormal(t *testing.T) {
	for _, c := range []struct {
		seed  uint32
		layer int
		want  []float64
	}{
		{1, 0, []float64{
			0.005586328182589146, -0.3690817483971299, 0.631343031159783, -0.3575927511326263, -1.7891795221573432,
		}},
		{1<<32 - 1, 2, []float64{1.0554811967603595, 0.24067267225143593, 0.677913852523174}},
	} {
		near(t, "Normal", c.want, inspect.Normal(c.seed, c.layer, len(c.want)), 1e-12)
	}
	const n = 100_000
	a := inspect.Normal(1, 0, n)
	sorted := slices.Sorted(slices.Values(a))
	// Kolmogorov and Smirnov: 1.95/√n is passed once in a thousand.
	worst := 0.0
	for i, v := range sorted {
		p := 0.5 * math.Erfc(-v/math.Sqrt2)
		worst = max(worst, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
	}
	if worst > 1.95/math.Sqrt(n) {
		t.Errorf("the distribution is %v from the normal one", worst)
	}
	// A correlation of n independent pairs has standard deviation 1/√n; four of them.
	correlation := func(a, b []float64) float64 {
		sum := 0.0
		for i := range b {
			sum += a[i] * b[i] / float64(len(b))
		}
		return sum
	}
	for name, b := range map[string][]float64{
		"the next seed": inspect.Normal(2, 0, n), "the next layer": inspect.Normal(1, 1, n), "one place on": a[1:],
		"two places on": a[2:], "a row on": a[100:],
	} {
		if c := correlation(a, b); math.Abs(c) > 4/math.Sqrt(n) {
			t.Errorf("%s: correlation %v", name, c)
		}
	}
}

// What cannot be broken is an error that says why.
func TestBrokenFaults(t *testing.T) {
	foreign := started()
	foreign.Initial = nil
	s, _ := newSubject(t, foreign, 3, 4, images(40, 12, 3))
	own, _ := newSubject(t, started(), 3, 4, images(40, 12, 3))
	for name, c := range map[string]struct {
		s *inspect.Subject
		b inspect.Broken
	}{
		"no start":           {s, inspect.Broken{Start: true}},
		"an output":          {own, inspect.Broken{Off: []inspect.Unit{{Layer: 2}}}},
		"no such layer":      {own, inspect.Broken{Off: []inspect.Unit{{Layer: -1}}}},
		"no such neuron":     {own, inspect.Broken{Off: []inspect.Unit{{Layer: 1, Neuron: 5}}}},
		"noise below 0":      {own, inspect.Broken{Noise: -1}},
		"noise of no number": {own, inspect.Broken{Noise: math.NaN()}},
	} {
		if _, err := c.s.Broken(t.Context(), c.b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
