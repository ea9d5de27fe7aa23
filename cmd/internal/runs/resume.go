package runs

import (
	"errors"
	"fmt"

	"neuroloupe/engine"
)

// Resume opens a run folder to go on training and locks it until Close. It returns the last state saved. Metrics and
// frames of later epochs are cut off. Everything is looked at before anything is changed: when a file of the run is
// missing, damaged or another run's, the folder stays as it is.
func Resume(path string) (*Folder, *engine.State, error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	if f.Manifest.Import != nil {
		return nil, nil, fmt.Errorf("%s was made elsewhere: its start, its optimiser and its place in the data are "+
			"not known, so its training cannot go on", path)
	}
	if err := f.takeLock(); err != nil {
		return nil, nil, fmt.Errorf("run folder: %w", err)
	}
	now, err := Open(path) // the process that had the lock may have changed it
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	now.lock = f.lock
	st, err := now.resume()
	if err != nil {
		return nil, nil, errors.Join(err, now.Close())
	}
	return now, st, nil
}

func (f *Folder) resume() (*engine.State, error) {
	initial, err := f.Initial()
	if err != nil {
		return nil, err
	}
	st, err := f.loadState(initial)
	if err != nil {
		return nil, err
	}
	cutMetrics, err := f.checkMetrics(st.Epoch)
	if err != nil {
		return nil, err
	}
	cutFrames, err := f.checkFrames(st.Epoch, initial)
	if err != nil {
		return nil, err
	}
	lost, err := f.weightsLost(st.Epoch)
	if err != nil {
		return nil, err
	}
	for _, change := range []func() error{f.sweep, cutMetrics, cutFrames, f.clearEnding} {
		if err := change(); err != nil {
			return nil, err
		}
	}
	if lost && st.Step == 0 { // within an epoch its end writes them
		return st, f.writeKept(st)
	}
	return st, nil
}
