package bench

import (
	"context"
	"errors"
	"fmt"

	"neuroloupe/engine"
	"neuroloupe/graph"
)

// Reach is how long a Case took to reach a test accuracy.
type Reach struct {
	Device   string  `json:"device"`
	Net      string  `json:"net"`
	Batch    int     `json:"batch"`
	Epochs   int     `json:"epochs"`
	Seconds  float64 `json:"seconds"`  // training alone
	Accuracy float64 `json:"accuracy"` // reached, or the best when Done is false
	Done     bool    `json:"done"`
}

// ToAccuracy trains c until its accuracy on test, evaluated after each epoch and outside the clock, is target, for at
// most epochs.
func ToAccuracy(ctx context.Context, c Case, train, test engine.Data, target float64, epochs int) (r Reach, err error) {
	p, err := graph.Compile(c.Spec, c.Batch)
	if err != nil {
		return r, err
	}
	e, err := c.Backend.Compile(p)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	r = Reach{Device: c.Backend.Device().ID, Net: c.Spec.String(), Batch: c.Batch}
	t := engine.Trainer{
		Program: p, Executor: e, Train: train, Test: test,
		Config: engine.Config{Epochs: epochs, Batch: c.Batch, LR: c.LR},
		Hooks: engine.Hooks{Epoch: func(m engine.Metrics, _ *engine.State) error {
			r.Epochs, r.Seconds = m.Epoch, r.Seconds+m.Seconds
			r.Accuracy = max(r.Accuracy, *m.TestAccuracy)
			if r.Accuracy >= target {
				r.Done = true
				return errReached
			}
			return nil
		}},
	}
	if err := t.Run(ctx, c.Spec.NewState(c.Spec.NewParams())); err != nil && !errors.Is(err, errReached) {
		return r, fmt.Errorf("bench: to an accuracy of %v: %w", target, err)
	}
	return r, nil
}

var errReached = errors.New("reached")
