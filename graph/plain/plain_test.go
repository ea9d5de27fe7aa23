package plain

import (
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
)

// The peer does the same work: an epoch of it, tail batch and all, ends where our engine ends.
func TestEpochIsTheSameWork(t *testing.T) {
	spec := engine.Spec{
		Inputs: 12, Seed: 3, Layers: []engine.Layer{
			{Units: 7, Activation: engine.Sigmoid},
			{Units: 3, Activation: engine.Sigmoid},
		},
	}
	const n, batch = 50, 8
	r := rand.New(rand.NewPCG(1, 1))
	d := engine.Data{Images: make([]byte, n*12), Labels: make([]uint8, n)}
	images, order := make([]float32, n*12), make([]int32, n)
	for i := range d.Images {
		d.Images[i] = byte(r.IntN(256))
		images[i] = float32(d.Images[i]) / 255
	}
	for i := range d.Labels {
		d.Labels[i], order[i] = uint8(r.IntN(3)), int32(n-1-i)
	}
	peer := NewTrainer(spec, 2)
	if err := peer.Epoch(images, d.Labels, order, batch); err != nil {
		t.Fatal(err)
	}
	b, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := graph.Compile(spec, batch)
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Write(spec.NewParams()...); err != nil {
		t.Fatal(err)
	}
	ref, err := e.Bind(d)
	if err != nil {
		t.Fatal(err)
	}
	s := engine.Steps{Data: ref, Order: order, Batch: batch}
	s.LR, s.Loss = make([]float32, s.Count()), make([]float32, s.Count())
	for i := range s.LR {
		s.LR[i] = 2
	}
	if err := e.Train(s); err != nil {
		t.Fatal(err)
	}
	got := spec.NewParams()
	if err := e.Read(got...); err != nil {
		t.Fatal(err)
	}
	moved := 0.0
	for i, want := range peer.Params() {
		start := spec.NewParams()[i]
		for k, v := range want.Data {
			if d := math.Abs(float64(v - got[i].Data[k])); !(d <= 1e-5) { // seven steps of float32 rounding
				t.Fatalf("%s[%d]: plain Gorgonia %v, ours %v", want.Name, k, v, got[i].Data[k])
			}
			moved = max(moved, math.Abs(float64(v-start.Data[k])))
		}
	}
	if moved < 0.01 {
		t.Errorf("nothing was learned: the largest change is %v", moved)
	}
}
