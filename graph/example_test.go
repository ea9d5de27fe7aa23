package graph_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
)

// From what a network is to one that is trained, on whatever backend. A network learns here on which side of a small
// image the ink is.
func Example() {
	spec := engine.Spec{
		Inputs: 6 * 6, Loss: engine.CrossEntropy, Seed: 1,
		Layers: []engine.Layer{{Units: 5, Activation: engine.Sigmoid}, {Units: 2, Activation: engine.Softmax}},
	}
	ctx := context.Background()
	backend, _, err := engine.Pick(ctx, "auto", cpu.Driver{})
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Close()
	t, err := graph.NewTrainer(spec, engine.Config{Epochs: 5, Batch: 10, LR: 0.5}, backend)
	if err != nil {
		log.Fatal(err)
	}
	defer t.Executor.Close()
	t.Train, t.Test = sides(1000), sides(200)
	if err := t.Run(ctx, spec.NewState(spec.NewParams())); err != nil {
		log.Fatal(err)
	}
	score, err := t.Score(t.Test)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: right on more than 95 of 100: %t\n", spec, score.Accuracy() > 0.95)
	// Output: 36-5-2: right on more than 95 of 100: true
}

// sides draws images of 6×6 pixels with most of their ink on the left, class 0, or on the right, class 1.
func sides(n int) engine.Data {
	r := rand.New(rand.NewPCG(uint64(n), 0))
	d := engine.Data{Images: make([]byte, n*36), Labels: make([]uint8, n)}
	for i := range d.Labels {
		d.Labels[i] = uint8(r.IntN(2))
		for p := range 36 {
			if right := p % 6 / 3; right == int(d.Labels[i]) && r.IntN(2) == 0 || r.IntN(8) == 0 {
				d.Images[36*i+p] = 255
			}
		}
	}
	return d
}
