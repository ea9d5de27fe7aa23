package main

import (
	"os/exec"
	"strings"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// pytorch.py trains, on the CPU where there is no card. The other ways need a card.
func TestTorch(t *testing.T) {
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import torch").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		t.Skip("no python3 with PyTorch")
	}
	d, err := mnist.Load(t.Context(), writeStrokes(t), mnist.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &torch{python: python, folder: t.TempDir(), device: "cpu"}
	if err := p.prepare(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	defer p.close()
	w := work{hidden: []int{20}, activation: engine.ReLU, batch: 16, lr: 0.1}
	c := &contender{}
	if err := p.contender(t.Context(), c, w, d, "eager"); err != nil {
		t.Fatal(err)
	}
	seconds, err := c.train(5)
	if err != nil || !(seconds > 0) {
		t.Fatalf("%v s: %v", seconds, err)
	}
	if a, err := c.accuracy(); err != nil || a < 0.9 {
		t.Errorf("accuracy %v after five epochs: %v", a, err)
	}
	var made struct{ Case int }
	err = p.ask(t.Context(), map[string]any{
		"do": "stack", "how": "vmap", "networks": 3, "sizes": []int{784, 20, 10},
		"hidden": "sigmoid", "batch": 16, "lr": 1,
	}, &made)
	if err != nil {
		t.Fatal(err)
	}
	var stacked struct{ Seconds, Accuracy float64 }
	for range 8 { // epochs of 15 steps
		train := map[string]any{"do": "train", "case": made.Case, "steps": 15}
		if err := p.ask(t.Context(), train, &stacked); err != nil || !(stacked.Seconds > 0) {
			t.Fatalf("%v s: %v", stacked.Seconds, err)
		}
	}
	err = p.ask(t.Context(), map[string]any{"do": "accuracy", "case": made.Case}, &stacked)
	if err != nil || stacked.Accuracy < 0.9 {
		t.Errorf("accuracy %v of a stacked network after eight epochs: %v", stacked.Accuracy, err)
	}
	if err := p.contender(t.Context(), &contender{}, w, d, "CUDA graphs"); err == nil {
		t.Error("CUDA graphs on the CPU")
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	if err := p.ask(t.Context(), map[string]any{"do": "nonsense"}, &struct{}{}); err == nil {
		t.Error("nonsense was answered")
	}
	p.close()
	if _, err := c.train(1); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a contender whose process was ended: %v", err)
	}
	if err := p.contender(t.Context(), c, w, d, "eager"); err != nil {
		t.Errorf("started again: %v", err)
	}
}
