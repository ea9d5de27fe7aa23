package engine_test

import (
	"strings"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/enginetest"
)

// Programs that differ in numbers alone are alike; all else that may differ is named.
func TestAlike(t *testing.T) {
	base := func() engine.Spec {
		return engine.Spec{
			Inputs: 7, Loss: engine.CrossEntropy, N: 10, Dropout: 0.5, Seed: 1,
			Layers: []engine.Layer{{Units: 5, Activation: engine.ReLU}, {Units: 3, Activation: engine.Softmax}},
			Update: engine.Update{Method: engine.Momentum, Momentum: 0.9},
		}
	}
	write := func(s engine.Spec, capacity int) *engine.Program {
		t.Helper()
		p, err := enginetest.Textbook(s, capacity)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name   string
		change func(s *engine.Spec)
		want   string // in the error; empty for none
	}{
		{"the same", func(*engine.Spec) {}, ""},
		{"seed", func(s *engine.Spec) { s.Seed = 2 }, ""},
		{"start weights", func(s *engine.Spec) { s.Init = 1 }, ""},
		{"penalties", func(s *engine.Spec) { s.L2, s.L1, s.N = 5, 1, 60000 }, ""},
		{"momentum", func(s *engine.Spec) { s.Update.Momentum = 0.5 }, ""},
		{"dropout", func(s *engine.Spec) { s.Dropout = 0.1 }, ""},
		{"no dropout", func(s *engine.Spec) { s.Dropout = 0 }, "dropout 0.5 and 0"},
		{"size", func(s *engine.Spec) { s.Layers[0].Units = 6 }, "sizes 7-5-3 and 7-6-3"},
		{"depth", func(s *engine.Spec) { s.Layers = append(s.Layers[:1:1], s.Layers...) }, "sizes 7-5-3 and 7-5-5-3"},
		{
			"activation", func(s *engine.Spec) { s.Layers[0].Activation = engine.Tanh },
			"layer 1: activations relu and tanh",
		},
		{"loss", func(s *engine.Spec) { s.Loss = engine.Quadratic }, "losses"},
		{"method with the same state", func(s *engine.Spec) { s.Update.Method = engine.Nesterov }, "optimizers"},
		{"method", func(s *engine.Spec) { s.Update.Method = engine.Adam }, "optimizers momentum and adam"},
	} {
		s := base()
		c.change(&s)
		err := write(base(), 4).Alike(write(s, 4))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
	}
	if err := write(base(), 4).Alike(write(base(), 5)); err == nil || !strings.Contains(err.Error(), "4 and 5") {
		t.Errorf("other batches: error %v", err)
	}
	p := write(base(), 4)
	p.Train[3], p.Train[4] = p.Train[4], p.Train[3]
	if err := write(base(), 4).Alike(p); err == nil || !strings.Contains(err.Error(), "instruction 3 of training") {
		t.Errorf("instructions in another order: error %v", err)
	}
	p = write(base(), 4)
	p.Infer = p.Infer[:len(p.Infer)-1]
	if err := write(base(), 4).Alike(p); err == nil || !strings.Contains(err.Error(), "instruction 4 of inference") {
		t.Errorf("an instruction less: error %v", err)
	}
}
