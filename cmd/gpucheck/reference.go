package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"neuroloupe/cuda"
	"neuroloupe/engine"
)

// referenceJSON holds, for each case of references, the parameters that the driver simulator gave: the PTX must give
// them on a card. Written by
//
//	go test -tags gpu -run TestReference ./cmd/gpucheck -update
//
// with the settings of make gpu.
//
//go:embed reference.json
var referenceJSON []byte

// recorded are the parameters of one case in one mode.
type recorded struct {
	Case   string               `json:"case"`
	Mode   cuda.Mode            `json:"mode"`
	Params map[string][]float32 `json:"params"`
}

// referenceBound is for a few dozen steps. A card rounds every product, sum, quotient and root as the simulator does:
// the PTX names the rounding of each. But with another number of multiprocessors sums are shared out otherwise.
const referenceBound = 2e-6

// reference is a small training with a name.
type reference struct {
	name string
	course
}

// references are small trainings that between them use each activation, loss, method and penalty, dropout, batches with
// a tail and several layers.
func references() []reference {
	const inputs, classes, n = 36, 5, 43
	r := rand.New(rand.NewPCG(7, 11))
	data := engine.Data{Images: make([]byte, n*inputs), Labels: make([]uint8, n)}
	for i := range data.Labels {
		k := r.IntN(classes)
		data.Labels[i] = uint8(k)
		for j := range inputs {
			if j%classes == k || r.IntN(5) == 0 {
				data.Images[i*inputs+j] = byte(1 + r.IntN(255))
			}
		}
	}
	order := append(shuffled(n, 1), shuffled(n, 2)...)
	of := func(name string, batch int, lr float32, s engine.Spec) reference {
		s.Inputs, s.Seed = inputs, 5
		return reference{name, course{spec: s, batch: batch, lr: lr, data: data, order: order}}
	}
	return []reference{
		of("sigmoid, cross-entropy, L2", 7, 0.5, engine.Spec{
			Layers: layers(engine.Sigmoid, engine.Sigmoid, 12, classes), Loss: engine.CrossEntropy, L2: 1, N: n,
		}),
		of("tanh, quadratic, Nesterov", 8, 0.1, engine.Spec{
			Layers: layers(engine.Tanh, engine.Sigmoid, 9, 6, classes),
			Update: engine.Update{Method: engine.Nesterov, Momentum: 0.9},
		}),
		of("relu, softmax, Adam, dropout", 10, 0.002, engine.Spec{
			Layers: layers(engine.ReLU, engine.Softmax, 13, 11, classes), Loss: engine.CrossEntropy, Dropout: 0.25,
			Init:   engine.InitHe,
			Update: engine.Update{Method: engine.Adam, Epsilon: 1e-3},
		}),
		of("identity, quadratic, momentum, L1", 16, 0.02, engine.Spec{
			Layers: layers(engine.Identity, engine.Identity, 10, classes), L1: 0.5, N: n,
			Update: engine.Update{Method: engine.Momentum, Momentum: 0.5},
		}),
	}
}

// shuffled returns 0 … n−1 in a random order that depends on the seed alone.
func shuffled(n int, seed uint64) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	rand.New(rand.NewPCG(seed, 3)).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// expected returns the recorded parameters of a case, in the order of the network's.
func expected(all []recorded, c reference, m cuda.Mode) (engine.Params, error) {
	for _, r := range all {
		if r.Case != c.name || r.Mode != m {
			continue
		}
		params := c.spec.NewParams()
		for i, p := range params {
			if len(r.Params[p.Name]) != len(p.Data) {
				return nil, fmt.Errorf("reference.json: %s, %v: %s has %d values, want %d", c.name, m, p.Name,
					len(r.Params[p.Name]), len(p.Data))
			}
			params[i].Data = r.Params[p.Name]
		}
		return params, nil
	}
	return nil, fmt.Errorf("reference.json has no case %q in mode %v", c.name, m)
}

// referenceStep compares the card with the simulator.
func referenceStep(_ context.Context, o options, tell func(Findings) error) error {
	var recorded []recorded
	if err := json.Unmarshal(referenceJSON, &recorded); err != nil {
		return fmt.Errorf("reference.json: %w", err)
	}
	var all []Difference
	for _, c := range references() {
		for _, m := range o.modes() {
			want, err := expected(recorded, c, m)
			if err != nil {
				return err
			}
			d, err := c.compare(o, m, want, referenceBound)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			all = append(all, d)
			if err := tell(Findings{Reference: []Difference{d}}); err != nil {
				return err
			}
		}
	}
	return errDiffer(all)
}
