package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"neuroloupe/engine"
	"neuroloupe/engine/safetensors"
)

// Save writes the state between two steps: the checkpoint, nothing else.
func (f *Folder) Save(st *engine.State) error {
	tensors, meta, err := st.Encode()
	if err != nil {
		return err
	}
	return f.writeTensors(checkpointFile, tensors, meta)
}

// EndEpoch writes what an epoch leaves: weights, its line of metrics, its frame when it is one to keep, and last the
// checkpoint.
func (f *Folder) EndEpoch(m engine.Metrics, st *engine.State, frame bool) error {
	if err := f.writeKept(st); err != nil {
		return err
	}
	line, err := f.metricsLine(m)
	if err != nil {
		return err
	}
	if err := f.appendTo(metricsFile, line, os.O_CREATE); err != nil {
		return err
	}
	if frame {
		if err := f.appendTo(frameLogFile, f.record(nil, f.frameOf(m.Epoch, st.Params)), 0); err != nil {
			return err
		}
	}
	return f.Save(st)
}

// loadState reads the checkpoint.
func (f *Folder) loadState(initial engine.Params) (*engine.State, error) {
	const advice = "without it the training cannot go on: put it back from a copy, or train anew with another --out; " +
		"the weights of the last whole epoch can still be drawn and exported"
	tensors, meta, err := f.readTensors(checkpointFile)
	var damaged *safetensors.FormatError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if begun, err := f.begun(); err != nil || !begun {
			return f.Spec.NewState(initial.Clone()), err
		}
		return nil, fmt.Errorf("run folder: %s is missing, though the training had begun; %s", f.file(checkpointFile),
			advice)
	case errors.As(err, &damaged):
		return nil, fmt.Errorf("%w; %s", err, advice)
	case err != nil:
		return nil, err
	}
	st, err := f.Spec.DecodeState(tensors, meta)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.file(checkpointFile), err)
	}
	return st, nil
}

// begun reports whether the folder of a run without a checkpoint must have had one. It is always there, except in
// folders of the first format: there it came at the end of the first epoch, after a line of metrics and a frame.
func (f *Folder) begun() (bool, error) {
	if f.Manifest.Format >= sumsSince {
		return true, nil
	}
	ms, err := f.Metrics()
	if err != nil || len(ms) > 1 {
		return true, err
	}
	if _, err := os.Stat(f.file(framesFile)); !errors.Is(err, fs.ErrNotExist) {
		return true, err // made when the training has ended
	}
	log, err := f.readLog()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && len(log.frames) > 2, err
}
