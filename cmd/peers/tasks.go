package main

import "neuroloupe/engine"

// The peers, as peers.py and the tasks name them.
const (
	torch       = "torch"
	torchByHand = "torch-by-hand"
	sklearn     = "sklearn"
	gorgonia    = "gorgonia"
	gomlx       = "gomlx"
)

// task is one kind of work; peers.py knows it by its name.
type task struct {
	name, title string
	spec        engine.Spec
	batches     []int
	lr          map[int]float64
	peers       []string
	holds       []hold
}

// hold says what keeps some batch sizes of a task from the machine's peak. The text has no figures: those come from the
// run, and the text from what was found while engine/cpu was written; see its doc.go.
type hold struct {
	batches string
	text    string
}

func tasks() []task {
	mlp := func(hidden, out engine.Activation, sizes ...int) []engine.Layer {
		var ls []engine.Layer
		for i, n := range sizes {
			act := hidden
			if i == len(sizes)-1 {
				act = out
			}
			ls = append(ls, engine.Layer{Units: n, Activation: act})
		}
		return ls
	}
	momentum := engine.Update{Method: engine.Momentum, Momentum: 0.9}
	return []task{
		{
			name: "quadratic", title: "784-100-10, sigmoid, quadratic loss, SGD", batches: []int{10, 64, 256},
			spec:  engine.Spec{Inputs: 784, Layers: mlp(engine.Sigmoid, engine.Sigmoid, 100, 10)},
			lr:    map[int]float64{10: 3, 64: 3, 256: 2},
			peers: []string{torch, torchByHand, gorgonia, gomlx},
			holds: []hold{{"Batch 10", weightsFromCache}, {"Batches 64 and 256", sparseUpdate}},
		},
		{
			name: "softmax", title: "784-100-10, sigmoid, softmax and cross-entropy, momentum 0.9",
			batches: []int{10, 64, 256},
			spec: engine.Spec{
				Inputs: 784, Layers: mlp(engine.Sigmoid, engine.Softmax, 100, 10),
				Loss: engine.CrossEntropy, Update: momentum,
			},
			lr:    map[int]float64{10: 0.02, 64: 0.1, 256: 0.2},
			peers: []string{torch, torchByHand, sklearn, gomlx},
			holds: []hold{{"Momentum", velocities}},
		},
		{
			name: "large", title: "784-1024-1024-10, relu, softmax and cross-entropy, momentum 0.9",
			batches: []int{128},
			spec: engine.Spec{
				Inputs: 784, Layers: mlp(engine.ReLU, engine.Softmax, 1024, 1024, 10), Loss: engine.CrossEntropy,
				Init: engine.InitHe, Update: momentum,
			},
			lr:    map[int]float64{128: 0.05},
			peers: []string{torch, torchByHand, gomlx},
			holds: []hold{{"Batch 128", largeProducts}},
		},
	}
}

const (
	weightsFromCache = "A step has too little arithmetic to be held by it. The first layer's weights do not fit the " +
		"innermost cache: those of inked pixels are fetched from the second-level cache and go back there in every " +
		"step, for few examples each time. Once a step the workers wait for each other."
	sparseUpdate = "The update of the first layer takes the most: each nonzero pixel of each example loads and " +
		"stores a row of weights for one multiply-add an element, so the stores hold it, not the multiply-adds. " +
		"Weights pass in chunks that the innermost cache holds, and every chunk of every example ends in a branch " +
		"that is mispredicted. Every worker goes over every nonzero pixel, each for its own columns; finding a " +
		"pixel's weights is not shared out."
	velocities = "What holds plain SGD holds here too, and the velocity comes on top: it fades everywhere in every " +
		"step, inked or not, so that all velocities and weights are streamed from the second-level cache and back. " +
		"The smaller the batch, the more of a step that is."
	largeProducts = "The products of the dense layers are most of the work, and what holds them is the rate of fused " +
		"multiply-adds itself. The first layer, at nonzero pixels alone, is held by its stores as in the small " +
		"network; velocities and weights no longer fit the second-level cache and are streamed once a step."
)
