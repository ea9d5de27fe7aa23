package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/mnist"
)

// Ready trains the run of an order that names its folder, as far as that has not been done, and draws its sheet. A run
// that is there already is gone on with, to the epochs of the order or its own if those are more.
func Ready(ctx context.Context, o Order, on Events, t talk.Talk) (err error) {
	f, err := runs.Open(o.Out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // it is there and cannot be read
	}
	var j *Job
	if err != nil {
		j, err = Begin(ctx, o, t)
	} else {
		m := f.Manifest
		if m.Train.Preset != o.Recipe.Preset || m.Data.Name != o.Name || m.Train.Seed != o.Recipe.Seed {
			return fmt.Errorf("%s holds another run (%s of %s, seed %d); choose another --out", o.Out, m.Train.Preset,
				m.Data.Title, m.Train.Seed)
		}
		epochs := max(m.Train.Epochs, o.Recipe.Epochs) // what was begun is ended
		done, err2 := finished(f, epochs)
		if done || err2 != nil {
			return err2
		}
		// The sheet is drawn last; one of fewer epochs must not pass for it when this is interrupted.
		if err := os.Remove(f.Sheet()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		j, err = Resume(ctx, o.Out, Change{Epochs: &epochs, Dir: o.Dir, Load: mnist.Options{}}, t)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if err := j.Train(on); err != nil {
		return err
	}
	return j.Finish(on)
}

// finished reports whether a run has done that many epochs and drawn its sheet.
func finished(f *runs.Folder, epochs int) (bool, error) {
	s, err := runs.StandingOf(f.Path)
	if err != nil || s.State != runs.Done {
		return false, err
	}
	metrics, err := f.Metrics()
	return len(metrics) >= epochs, err
}
