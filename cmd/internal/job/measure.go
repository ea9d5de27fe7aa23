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

// Cost is how long the parts of a run take. The first epoch takes longer than those after it, as it touches all memory
// for the first time.
type Cost struct{ Begin, First, Epoch, Finish time.Duration }

// Of is how long so many epochs of a run take that has done some before, and its end when that is the last.
func (c Cost) Of(epochs int, ends bool) time.Duration {
	took := c.Begin
	if epochs > 0 {
		took += c.First + time.Duration(epochs-1)*c.Epoch
	}
	if ends {
		took += c.Finish
	}
	return took
}

var errMeasured = errors.New("enough is measured")

// Measure begins the run of an order in a folder that it removes, trains two epochs of it or as much as there is time
// for, and draws its sheet. What is known of the images of several orders once, it takes for known.
func Measure(ctx context.Context, o Order, limit time.Duration, t talk.Talk) (c Cost, err error) {
	dir, err := os.MkdirTemp("", "neuroloupe-measure-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o.Out = filepath.Join(dir, "run")
	if e := o.Examples; e != nil {
		e.Odd()
		e.DeadPixels()
	}
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
	err = j.Train(Events{Saved: func(epoch int) {
		c.Epoch = time.Since(began)
		began = time.Now()
		if epoch == 1 {
			c.First = c.Epoch
		}
		if epoch > 1 || 2*c.Epoch > limit {
			cancel(errMeasured)
		}
	}})
	if err != nil && (outer.Err() != nil || !errors.Is(err, errMeasured)) {
		return c, err
	}
	if c.Epoch == 0 {
		if c.Epoch, err = j.rest(); err != nil {
			return c, err
		}
		c.First = c.Epoch
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
