package bench

import (
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
)

func data(n int) engine.Data {
	r := rand.New(rand.NewPCG(1, 1))
	d := engine.Data{Images: make([]byte, 6*n), Labels: make([]uint8, n)}
	for i := range d.Labels {
		d.Labels[i] = uint8(r.IntN(2))
		d.Images[6*i+int(d.Labels[i])] = 255
	}
	return d
}

func spec() engine.Spec {
	return engine.Spec{
		Inputs: 6, Layers: []engine.Layer{
			{Units: 4, Activation: engine.Sigmoid},
			{Units: 2, Activation: engine.Sigmoid},
		},
		Loss: engine.CrossEntropy,
	}
}

func cases(t *testing.T) []Case {
	t.Helper()
	var cs []Case
	for id, d := range map[string]engine.Driver{"cpu": cpu.Driver{Workers: 1}, graph.DeviceID: graph.Driver{}} {
		b, err := d.Open(id)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		for _, batch := range []int{3, 7} {
			cs = append(cs, Case{Backend: b, Spec: spec(), Batch: batch, LR: 1})
		}
	}
	return cs
}

// By hand: 784-100-10 does 2·(2·784·100) + 3·(2·100·10) = 319,600 operations on an example, 19.2·10⁹ on 60,000.
func TestFLOPs(t *testing.T) {
	s := engine.Spec{Inputs: 784, Layers: []engine.Layer{{Units: 100}, {Units: 10}}}
	if got := FLOPs(s); got != 319600 {
		t.Errorf("%v operations, want 319600", got)
	}
	s.Layers = []engine.Layer{{Units: 1024}, {Units: 1024}, {Units: 10}}
	if got := FLOPs(s); got != 4*784*1024+6*1024*1024+6*1024*10 {
		t.Errorf("784-1024-1024-10: %v operations", got)
	}
}

func TestRun(t *testing.T) {
	cs := cases(t)
	rounds := 0
	rows, err := Run(t.Context(), cs, data(50), 3, func(int) { rounds++ })
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(cs) || rounds != 3 {
		t.Fatalf("%d rows of %d cases after %d rounds", len(rows), len(cs), rounds)
	}
	for i, r := range rows {
		if r.Device != cs[i].Backend.Device().ID || r.Batch != cs[i].Batch || r.Net != "6-4-2" || r.Runs != 3 ||
			len(r.Samples) != 3 {
			t.Errorf("row %d: %+v", i, r)
		}
		lo, hi := math.Inf(1), 0.0
		for _, s := range r.Samples {
			lo, hi = min(lo, s), max(hi, s)
		}
		if r.SamplesPerSecond < lo || r.SamplesPerSecond > hi ||
			math.Abs(r.Spread*r.SamplesPerSecond-(hi-lo)) > 1e-6*hi {
			t.Errorf("row %d: median %v, spread %v of %v", i, r.SamplesPerSecond, r.Spread, r.Samples)
		}
		if want := 1e6 * float64(r.Batch) / r.SamplesPerSecond; math.Abs(r.MicrosPerStep-want) > 1e-9*want {
			t.Errorf("row %d: %v µs/step, want %v", i, r.MicrosPerStep, want)
		}
	}
	bad := cs[:1]
	bad[0].LR = math.NaN()
	if _, err := Run(t.Context(), bad, data(50), 1, nil); err == nil {
		t.Error("a network that diverges was measured")
	}
}

func TestToAccuracy(t *testing.T) {
	d := data(200)
	r, err := ToAccuracy(t.Context(), cases(t)[0], d, d, 0.99, 200)
	if err != nil || !r.Done || r.Accuracy < 0.99 || r.Epochs < 1 || r.Seconds <= 0 {
		t.Errorf("%+v %v", r, err)
	}
	r, err = ToAccuracy(t.Context(), cases(t)[0], d, d, 1.1, 2)
	if err != nil || r.Done || r.Epochs != 2 {
		t.Errorf("an accuracy that cannot be: %+v %v", r, err)
	}
}

func TestCrossover(t *testing.T) {
	rows := []Row{
		{Device: "cpu", Batch: 10, SamplesPerSecond: 100},
		{Device: "cuda:0", Batch: 10, SamplesPerSecond: 110},
		{Device: "cpu", Batch: 64, SamplesPerSecond: 200},
		{Device: "cuda:0", Batch: 64, SamplesPerSecond: 150},
		{Device: "cpu", Batch: 256, SamplesPerSecond: 300},
		{Device: "cuda:0", Batch: 256, SamplesPerSecond: 400},
		{Device: "cpu", Batch: 512, SamplesPerSecond: 300},
		{Device: "cuda:0", Batch: 512, SamplesPerSecond: 900},
		{Device: "cuda:0", Batch: 1024, SamplesPerSecond: 1},
	}
	if got := Crossover(rows, "cuda:0", "cpu"); got != 256 {
		t.Errorf("crossover at %d, want 256: a lead at 10 that is lost at 64 does not count", got)
	}
	if got := Crossover(rows, "cpu", "cuda:0"); got != 0 {
		t.Errorf("crossover at %d, want none", got)
	}
	if got := Crossover(rows[:1], "cuda:0", "cpu"); got != 0 {
		t.Errorf("crossover at %d without rows of one device", got)
	}
}
