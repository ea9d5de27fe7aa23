package graph

import "neuroloupe/engine"

// NewTrainer makes the graph of a network, differentiates it, and compiles it for a backend: what is returned wants the
// data sets and a start to train from, as in the package's example. The caller closes its Executor.
func NewTrainer(spec engine.Spec, c engine.Config, b engine.Backend) (*engine.Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p, err := Compile(spec, c.Batch)
	if err != nil {
		return nil, err
	}
	x, err := b.Compile(p)
	if err != nil {
		return nil, err
	}
	return &engine.Trainer{Program: p, Executor: x, Config: c}, nil
}
