package job

import (
	"errors"
	"fmt"
	"math"
	"time"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
)

// Start is what is known when training begins.
type Start struct {
	Spec   engine.Spec
	Images int // of an epoch
	Epochs int // of the whole run
	Done   int // before
	Step   int // steps done of the epoch that has begun

	Resumed bool // it goes on with a run that was begun before

	Batch  int
	Device engine.Device
	Reason string // why this device

	Mode, ModeReason string // how a GPU runs the steps; "" for other devices
	Folder           string
}

// Events are told how training goes, and Sheet what Finish does after it, in the order of their fields; nil is nobody.
// None may wait long but Between.
type Events struct {
	Start func(Start)

	// Between steers the training, as that of engine.Hooks. It is called about once in CallTime; 0 is as often as an
	// engine.Trainer does.
	Between  func(p engine.Progress, read func(tensors ...engine.Tensor) error) (most int, err error)
	CallTime time.Duration

	Steps func(epoch, done, of int, loss float64) // epoch from 1; of so many steps of it
	Epoch func(engine.Metrics)                    // one has ended
	Saved func(epoch int)                         // all up to it is safe in the run folder
	Early func(best int)                          // training stops, for no epoch since best was better
	Sheet func(path string)                       // the run's sheet is drawn, and lies there
}

// Train runs the epochs that are left and keeps the run folder. What is in the folder when it fails, also by the end of
// the job's context, can be gone on with.
func (j *Job) Train(on Events) error {
	every, err := j.Folder.Manifest.Train.FrameEvery()
	if err != nil {
		return err
	}
	t := j.trainer
	j.began = j.State.Epoch
	if on.Start != nil {
		mode, why := bench.Mode(t.Executor)
		on.Start(Start{
			Spec: t.Program.Spec, Images: t.Train.Len(), Epochs: t.Config.Epochs, Done: j.began, Batch: t.Config.Batch,
			Step: j.State.Step, Resumed: j.resumed,
			Device: j.Device(), Reason: j.Reason, Mode: mode, ModeReason: why, Folder: j.Folder.Path,
		})
	}
	kept := j.began // the last epoch that is safe in the run folder
	t.CallTime = on.CallTime
	t.Hooks = engine.Hooks{
		Between: on.Between,
		Steps:   on.Steps,
		Epoch: func(m engine.Metrics, st *engine.State) error {
			if on.Epoch != nil {
				on.Epoch(m)
			}
			if err := j.Folder.EndEpoch(m, st, every > 0 && m.Epoch%every == 0); err != nil {
				return err
			}
			kept = m.Epoch
			if on.Saved != nil {
				on.Saved(kept)
			}
			return nil
		},
		Save: j.Folder.Save,
	}
	began := time.Now()
	err = t.Run(j.ctx, j.State)
	j.took = time.Since(began)
	switch {
	case errors.Is(err, engine.ErrInterrupted):
		return fmt.Errorf("%w; saved, go on with: neuroloupe train --resume %s", err, j.Folder.Path)
	case err != nil:
		return fmt.Errorf("%w; the run is kept as it was after epoch %d in %s", err, kept, j.Folder.Path)
	}
	if j.State.Stopped && on.Early != nil {
		on.Early(j.State.BestEpoch)
	}
	return nil
}

// Parity repeats the first epoch on the run's device and on the CPU, and returns the largest difference of a weight and
// the name of what it is in.
func (j *Job) Parity() (largest float64, name string, err error) {
	initial, err := j.Folder.Initial()
	if err != nil {
		return 0, "", err
	}
	here, err := j.firstEpoch(j.trainer.Executor, initial)
	if err != nil {
		return 0, "", err
	}
	other, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		return 0, "", err
	}
	defer other.Close()
	e, err := other.Compile(j.trainer.Program)
	if err != nil {
		return 0, "", err
	}
	defer e.Close()
	there, err := j.firstEpoch(e, initial)
	if err != nil {
		return 0, "", err
	}
	name = here[0].Name
	for i, p := range here {
		for k, v := range p.Data {
			if d := math.Abs(float64(v) - float64(there[i].Data[k])); d > largest {
				largest, name = d, p.Name
			}
		}
	}
	return largest, name, nil
}

var errFirstEpoch = errors.New("the first epoch is done")

func (j *Job) firstEpoch(e engine.Executor, initial engine.Params) (engine.Params, error) {
	t := engine.Trainer{Program: j.trainer.Program, Executor: e, Config: j.trainer.Config, Train: j.trainer.Train}
	t.Config.KeepBest, t.Config.EarlyStop = false, 0
	t.Hooks.Epoch = func(engine.Metrics, *engine.State) error { return errFirstEpoch }
	st := t.Program.Spec.NewState(initial.Clone())
	if err := t.Run(j.ctx, st); !errors.Is(err, errFirstEpoch) {
		return nil, err
	}
	return st.Params, nil
}
