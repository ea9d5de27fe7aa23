package inspect_test

import (
	"context"
	"fmt"
	"log"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/enginetest"
	"neuroloupe/engine/inspect"
)

// A network of two neurons, the first for ink on the left and the second for ink on the right of a line of four pixels,
// looked at on eight images: which class each speaks for, and why one image is read as it is.
func ExampleSubject() {
	net := inspect.Net{Spec: engine.Spec{Inputs: 4, Layers: []engine.Layer{
		{Units: 2, Activation: engine.ReLU}, {Units: 2, Activation: engine.Softmax},
	}, Loss: engine.CrossEntropy}}
	net.Params = net.Spec.ParamInfo()
	for name, values := range map[string][]float32{
		"layer1.weight": {1, 0, 1, 0, 0, 1, 0, 1}, "layer1.bias": {0, 0}, // In×Out
		"layer2.weight": {2, -1, -1, 2}, "layer2.bias": {0, 0},
	} {
		for i := range net.Params {
			if net.Params[i].Name == name {
				net.Params[i].Data = values
			}
		}
	}
	backend, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Close()
	s := &inspect.Subject{
		Net: net, NoStart: fmt.Errorf("written down by hand"), Rows: 1, Cols: 4,
		Images: func(context.Context) (engine.Data, error) { return leftAndRight(), nil },
		Compile: func() (*engine.Program, engine.Executor, error) { // package graph's Compile makes one of any network
			p, err := enginetest.Textbook(net.Spec, 1)
			if err != nil {
				return nil, nil, err
			}
			x, err := backend.Compile(p)
			return p, x, err
		},
	}
	defer s.Close()
	ctx := context.Background()
	score, err := s.Score(ctx)
	if err != nil {
		log.Fatal(err)
	}
	favourites, err := s.Favourites(ctx, 0)
	if err != nil {
		log.Fatal(err)
	}
	why, err := net.Why([]float64{1, 0.5, 0, 0}, 0, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("accuracy %.2f, the neurons speak for classes %v\n", score.Accuracy(), favourites.Class)
	fmt.Printf("neuron 0 gives class 0 %v, with bias %v that is its logit %v\n", why.Evidence[0][0], why.Rest[0],
		why.Z[1][0])
	// Output:
	// accuracy 1.00, the neurons speak for classes [0 1]
	// neuron 0 gives class 0 3, with bias 0 that is its logit 3
}

// leftAndRight is eight images of 1×4 pixels, by turns with ink on the left, class 0, and on the right.
func leftAndRight() engine.Data {
	var d engine.Data
	for i := range 8 {
		ink := []byte{200, 100 + byte(i), 0, 0}
		if i%2 == 1 {
			ink = []byte{0, 0, 90, 200 + byte(i)}
		}
		d.Images, d.Labels = append(d.Images, ink...), append(d.Labels, uint8(i%2))
	}
	return d
}
