package job

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
)

// Cost is how long the parts of a run take.
type Cost struct{ Begin, Epoch, Finish time.Duration }

var errMeasured = errors.New("enough is measured")

// Measure begins the run of an order in a folder that it removes, trains one epoch of it or as much as there is time
// for, and draws its sheet.
func Measure(ctx context.Context, o Order, limit time.Duration, t talk.Talk) (c Cost, err error) {
	dir, err := os.MkdirTemp("", "neuroloupe-measure-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o.Out = filepath.Join(dir, "run")
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	j, err := Begin(ctx, o, t)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	c.Begin = time.Since(began)

	stop := time.AfterFunc(limit, func() { cancel(errMeasured) })
	defer stop.Stop()
	began = time.Now()
	err = j.Train(Events{Saved: func(int) {
		c.Epoch = time.Since(began)
		cancel(errMeasured)
	}})
	if err != nil && (outer.Err() != nil || !errors.Is(err, errMeasured)) {
		return c, err
	}
	if c.Epoch == 0 {
		if c.Epoch, err = j.rest(); err != nil {
			return c, err
		}
	}
	j.ctx = outer
	began = time.Now()
	if err := j.Finish(Events{}); err != nil {
		return c, err
	}
	c.Finish = time.Since(began)
	return c, nil
}

// rest is how long an epoch takes of which only some steps were done: their time for all of them, and that of an
// evaluation and a checkpoint.
func (j *Job) rest() (time.Duration, error) {
	t := j.trainer
	steps := (t.Train.Len() + t.Config.Batch - 1) / t.Config.Batch
	training := time.Duration(j.State.Seconds / float64(max(1, j.State.Step)) * float64(steps) * float64(time.Second))
	began := time.Now()
	if err := j.Folder.Save(j.State); err != nil {
		return 0, err
	}
	saving := 2 * time.Since(began) // weights and a frame are about as large
	began = time.Now()
	tests := dataset.Data(j.Data.Test)
	if tests.Len() == 0 {
		return training + saving, nil
	}
	if _, err := t.Score(tests); err != nil {
		return 0, err
	}
	evaluated := min(t.Train.Len(), engine.TrainSample) + t.Validation.Len() + tests.Len()
	return training + saving + time.Since(began)*time.Duration(evaluated)/time.Duration(tests.Len()), nil
}
