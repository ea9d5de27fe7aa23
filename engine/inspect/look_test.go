package inspect_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// Neuron 0 has the largest weight to class 0, but is always on; neuron 2 has a smaller one and knows the class.
func TestRankClass(t *testing.T) {
	path := [][]float64{{5, 0}, {-1, 2}, {3, 1}}
	a := inspect.Activity{
		ClassMean: [][]float64{{0.9, 0.2, 0.9}, {0.9, 0.8, 0.1}},
		Mean:      []float64{0.9, 0.5, 0.5},
	}
	r, err := inspect.RankClass(path, a, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "contributions", []float64{0, 0.3, 1.2}, r.Contribution, exact)
	if diff := cmp.Diff([][]int{{2, 1, 0}, {0, 2, 1}}, [][]int{r.ByContribution, r.ByWeight}); diff != "" {
		t.Error(diff)
	}
	for k, want := range []int{0, 0, 1, 3, 3} {
		if got := r.InBoth(k); got != want {
			t.Errorf("overlap of %d: %d, want %d", k, got, want)
		}
	}
	if _, err := inspect.RankClass(path, a, 2); err == nil {
		t.Error("class 2 of 2 was ranked")
	}
	// Σ_k: 0, 0.3 + 2·0.3, 1.2 + |1·(−0.4)|
	near(t, "importance", []float64{0, 0.9, 1.6}, inspect.Importance(inspect.Contributions(path, a)), exact)
}

func TestDescending(t *testing.T) {
	nan := math.NaN()
	if diff := cmp.Diff([]int{3, 1, 4, 0, 2}, inspect.Descending([]float64{-1, 2, nan, 7, 2})); diff != "" {
		t.Error(diff)
	}
}

func TestFindExtremes(t *testing.T) {
	z := make([]float32, 50)
	for i := range z {
		z[i] = float32(i % 25) // every value twice
	}
	e := inspect.FindExtremes(z, 3)
	if diff := cmp.Diff([][]int{{24, 49, 23}, {0, 25, 1}}, [][]int{e.Top, e.Bottom}); diff != "" {
		t.Error(diff)
	}
	last := math.Inf(1)
	for d, group := range e.Deciles {
		if len(group) != 3 {
			t.Errorf("decile %d: %v", d, group)
		}
		for _, i := range group {
			if float64(z[i]) > last {
				t.Errorf("decile %d: z %v after %v", d, z[i], last)
			}
			last = float64(z[i])
		}
	}
	if few := inspect.FindExtremes(z[:4], 9); len(few.Top) != 4 || len(few.Bottom) != 4 || len(few.Deciles) != 10 {
		t.Errorf("of four: %+v", few)
	}
}

// By hand: two images of two pixels, weights 3 and 1, and a neuron that never fires; then tanh, shifted to 2 and 0.
func TestTriggeredByHand(t *testing.T) {
	d := engine.Data{Images: []byte{255, 0, 0, 51}, Labels: []uint8{0, 0}}
	got, err := inspect.Triggered(t.Context(), d, 2, [][]float32{{3, 0, 1}, {1, 0, -1}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "triggered", [][]float64{{0.75 - 0.5, 0.05 - 0.1}, {0, 0}, {0.5, -0.1}}, got, single)
	if _, err := inspect.Triggered(t.Context(), d, 2, [][]float32{{3}}); err == nil {
		t.Error("one row for two images")
	}
}

func TestSelectivityByHand(t *testing.T) {
	a := inspect.Activity{
		ClassMean: [][]float64{{0.9, 0, -1}, {0.2, 0, 0}, {0.4, 0, 1}, {0, 0, 0}},
		Mean:      make([]float64, 3),
	}
	count := []int{1, 1, 1, 0} // the last class has no images and does not count
	near(t, "relu", []float64{0.5, 0}, inspect.Selectivity(a, count, engine.ReLU)[:2], exact)
	near(t, "tanh", (1-0.25)/(1+0.25), inspect.Selectivity(a, count, engine.Tanh)[2], exact)
	if s := inspect.Selectivity(a, count, engine.Identity); !math.IsNaN(s[0]) {
		t.Errorf("identity: %v", s)
	}
	if s := inspect.Selectivity(a, []int{3, 0, 0, 0}, engine.ReLU); !math.IsNaN(s[0]) {
		t.Errorf("one class: %v", s)
	}
}

// By hand, with ties: ranks 1.5 1.5 3 4.5 4.5 against 1 2 3 4 5 have covariance 9 and squares 9 and 10; the pixel of no
// ink does not count.
func TestAlikeByHand(t *testing.T) {
	l := inspect.Alike([]float32{1, 1, 2, 3, 9, 3}, []float32{-1, 2, 3, 4, -50, 5}, []float64{1, 1, 1, 1, 0, 0.1})
	near(t, "Spearman", 9/math.Sqrt(90), l.Spearman, exact)
	near(t, "of absolute values", 9/math.Sqrt(90), l.SpearmanAbs, exact)
}

func TestStart(t *testing.T) {
	n := network(engine.Sigmoid, 4, 3, 2)
	fresh, known := n.Start()
	near(t, "fresh", n.Spec.NewParams(), fresh.Params, 0)
	if known {
		t.Error("the start of a network without W₀ is known")
	}
	n.Initial = n.Randomised(7).Params
	if start, known := n.Start(); !known || &start.Params[0].Data[0] != &n.Initial[0].Data[0] {
		t.Error("the start is not W₀")
	}
	n.Spec.Init = engine.InitZeros
	if inspect.Norm(n.Randomised(1).Params.Weight(1).Data) == 0 {
		t.Error("randomised weights are zeros")
	}
}

func TestCurves(t *testing.T) {
	n := network(engine.Sigmoid, 20, 8, 3)
	for _, w := range n.Params {
		for i := range w.Data {
			w.Data[i] *= 8 // so that every neuron counts
		}
	}
	b, err := inspect.NewAblation(t.Context(), newProbe(t, n.Spec, images(300, 20, 3)), n, 0)
	if err != nil {
		t.Fatal(err)
	}
	importance := []float64{3, 1, 4, 1.5, 9, 2.6, 5, 3.5}
	c, err := b.Curves(t.Context(), importance, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	most, err := b.Curve(t.Context(), []int{4, 6, 2, 7, 0, 5, 3, 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	least, err := b.Curve(t.Context(), []int{1, 3, 5, 0, 7, 2, 6, 4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]inspect.CurvePoint{most, least},
		[][]inspect.CurvePoint{c.MostFirst, c.LeastFirst}); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(most, least) {
		t.Error("both orders have the same curve: this test shows nothing")
	}
	if len(c.Random) != 9 || c.Random[0] != most[0] || most[0].Accuracy != b.Accuracy {
		t.Errorf("random %v, whole %v", c.Random, b.Accuracy)
	}
	if _, err := b.Curves(t.Context(), importance[1:], 1, 1); err == nil {
		t.Error("importance of seven of eight neurons")
	}
}

// variation is total variation as NewPrior's doc has it, pixel by pixel.
func variation(x []float64, h, w int) (sum float64) {
	for r := range h {
		for c := range w {
			var dx, dy float64
			if c+1 < w {
				dx = x[r*w+c+1] - x[r*w+c]
			}
			if r+1 < h {
				dy = x[(r+1)*w+c] - x[r*w+c]
			}
			sum += math.Sqrt(dx*dx+dy*dy+0.0025) - 0.05
		}
	}
	return sum
}

func TestDream(t *testing.T) {
	const h, w = 5, 4
	n := network(engine.Sigmoid, h*w, 6, 3)
	d := images(200, h*w, 3)
	p, err := inspect.NewPrior(t.Context(), d, h, w)
	if err != nil {
		t.Fatal(err)
	}
	neuron, err := n.Target(0, 2, -1)
	if err != nil {
		t.Fatal(err)
	}
	output, err := n.Target(1, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	dream := func(target inspect.Target, o inspect.DreamOptions) *inspect.Dreamt {
		t.Helper()
		got, err := n.Dream(t.Context(), target, p, o)
		if err != nil {
			t.Fatal(err)
		}
		if got.Value <= got.AtMean {
			t.Errorf("reached %v from %v", got.Value, got.AtMean)
		}
		return got
	}
	// z is linear in x: with L2 alone each pixel has its own parabola, highest at μ + w·trΣ/(2·Reach·L2), or at the
	// rim.
	got := dream(neuron, inspect.DreamOptions{Reach: 2, L2: 0.7, TV: -1, Steps: 3000})
	want, weights := make([]float64, h*w), inspect.Maps(n.Params.Weight(1))[2]
	for i, u := range weights {
		want[i] = min(1, max(0, p.Mean[i]+float64(u)*p.Variance/(2*2*0.7)))
	}
	near(t, "with L2 alone", want, got.Image, 2e-3)

	// With total variation and an output: nothing near it is better.
	o := inspect.DreamOptions{Reach: 2, L2: 0.3, TV: 0.2, Steps: 3000}
	got = dream(output, o)
	score := func(x []float64) float64 {
		pass, err := n.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		s := pass.Z[1][1] - pass.Z[1][0] - o.Reach*o.TV*variation(x, h, w)/p.Variation
		for i, v := range x {
			s -= o.Reach * o.L2 * (v - p.Mean[i]) * (v - p.Mean[i]) / p.Variance
		}
		return s
	}
	x := make([]float64, h*w)
	for i, v := range got.Image {
		x[i] = float64(v)
	}
	best := score(x)
	for i, v := range x {
		for _, by := range []float64{-0.03, -0.003, 0.003, 0.03} {
			x[i] = min(1, max(0, v+by))
			if s := score(x); s > best+1e-5 {
				t.Errorf("pixel %d at %v: %v is better than %v", i, x[i], s, best)
			}
		}
		x[i] = v
	}
	// No image moves a neuron without weights.
	still, err := n.DreamNeuron(0, p, make([]float32, h*w), 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "still", p.Mean, still.Image, single)
	if still.Tau != 0 || still.Radius != 0 {
		t.Errorf("still: τ %v radius %v", still.Tau, still.Radius)
	}
}

func BenchmarkOf784(b *testing.B) {
	n := network(engine.Sigmoid, 784, 100, 10)
	d := images(10000, 784, 10)
	p := newProbe(b, n.Spec, d)
	z, err := p.Values(b.Context(), n, 0, true)
	if err != nil {
		b.Fatal(err)
	}
	ablation, err := inspect.NewAblation(b.Context(), p, n, 0)
	if err != nil {
		b.Fatal(err)
	}
	output, err := n.Target(1, 0, -1)
	if err != nil {
		b.Fatal(err)
	}
	x := inspect.Pixels(d.Images[:784])
	prior, err := inspect.NewPrior(b.Context(), d, 28, 28)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		f    func() error
	}{
		{"Values", func() error { _, err := p.Values(b.Context(), n, 0, true); return err }},
		{"Patterns", func() error { _, err := inspect.Patterns(b.Context(), d, 784, z); return err }},
		{"Lost", func() error { _, err := ablation.Lost(b.Context(), nil); return err }},
		{"Curve", func() error { _, err := ablation.Curve(b.Context(), []int{5, 4, 3, 2, 1}, 1); return err }},
		{"Why", func() error { _, err := n.Why(x, 0, nil); return err }},
		{"AttributeAll", func() error {
			_, err := n.AttributeAll(b.Context(), x, output, inspect.AttributeOptions{}, 1)
			return err
		}},
		{"NewPrior", func() error { _, err := inspect.NewPrior(b.Context(), d, 28, 28); return err }},
		{"Dream", func() error {
			_, err := n.Dream(b.Context(), output, prior, inspect.DreamOptions{Reach: 1})
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
