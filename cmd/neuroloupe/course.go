package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
)

func (j *job) trainer() (*engine.Trainer, error) {
	cfg, err := j.folder.Manifest.Train.Config()
	if err != nil {
		return nil, err
	}
	return &engine.Trainer{
		Program: j.program, Executor: j.executor, Config: cfg,
		Train: engineData(j.data.train), Validation: engineData(j.data.validation), Test: engineData(j.data.test),
	}, nil
}

// train runs the epochs that are left, shows the progress and keeps the run folder.
func (j *job) train(a *app) error {
	t, err := j.trainer()
	if err != nil {
		return err
	}
	every, err := j.folder.Manifest.Train.FrameEvery()
	if err != nil {
		return err
	}
	n, epochs := t.Train.Len(), t.Config.Epochs
	dev := j.backend.Device()
	a.say("training %v on %d images, %s of batches of %d, on %s (%s): %s",
		j.program.Spec, n, words.Count(epochs, "epoch"), t.Config.Batch, dev.ID, dev.Name, j.reason)
	if mode, why := bench.Mode(j.executor); why != "" {
		a.say("%s runs the steps in mode %s: %s", dev.ID, mode, why)
	} else if mode != "" {
		a.say("%s runs the steps in mode %s", dev.ID, mode)
	}
	a.say("run folder %s", j.folder.Path)

	b := a.newBars()
	defer b.close()
	start := j.state.Epoch
	j.began = start
	kept := start // the last epoch that is safe in the run folder
	var epoch, step int
	var loss float64
	b.start("training", int64(epochs-start)*int64(n),
		func(r float64) string { return fmt.Sprintf("%s images/s", words.Thousands(r)) },
		func() string { return fmt.Sprintf("epoch %d/%d loss %.4f ", epoch, epochs, loss) })
	said := time.Now()
	t.Hooks = engine.Hooks{
		Steps: func(e, done, of int, l float64) {
			epoch, step, loss = e, done, l
			b.set(int64(e-1-start)*int64(n) + int64(min(done*t.Config.Batch, n)))
			if !a.terminal && time.Since(said) > 10*time.Second {
				said = time.Now()
				a.say("epoch %d/%d: step %d of %d, loss %.4f", e, epochs, step, of, l)
			}
		},
		Epoch: func(m engine.Metrics, st *engine.State) error {
			said = time.Now()
			b.say(epochLine(m, epochs))
			if err := j.folder.EndEpoch(m, st, every > 0 && m.Epoch%every == 0); err != nil {
				return err
			}
			kept = m.Epoch
			return nil
		},
		Save: j.folder.Save,
	}
	began := time.Now()
	err = t.Run(a.ctx, j.state)
	j.took = time.Since(began)
	b.close()
	switch {
	case errors.Is(err, engine.ErrInterrupted):
		return fmt.Errorf("%w; saved, go on with: neuroloupe train --resume %s", err, j.folder.Path)
	case err != nil:
		return fmt.Errorf("%w; the run is kept as it was after epoch %d in %s", err, kept, j.folder.Path)
	}
	if j.state.Stopped {
		a.say("stopped early: no better validation accuracy since epoch %d", j.state.BestEpoch)
	}
	return nil
}

func epochLine(m engine.Metrics, epochs int) string {
	s := fmt.Sprintf("epoch %d/%d: loss %.4f", m.Epoch, epochs, m.Loss)
	if m.ValidationAccuracy != nil {
		s += fmt.Sprintf(", validation %.2f %%", 100**m.ValidationAccuracy)
	}
	if m.TestAccuracy != nil {
		s += fmt.Sprintf(", test %.2f %%", 100**m.TestAccuracy)
	}
	return s + fmt.Sprintf(", %.2f s, %s images/s", m.Seconds, words.Thousands(m.SamplesPerSecond))
}

// parity repeats the first epoch on the run's device and on the CPU and prints the largest difference of a weight.
func (j *job) parity(a *app) error {
	a.say("repeating the first epoch on %s and on the CPU", j.backend.Device().ID)
	initial, err := j.folder.Initial()
	if err != nil {
		return err
	}
	here, err := j.firstEpoch(a.ctx, j.executor, initial)
	if err != nil {
		return err
	}
	other, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		return err
	}
	defer other.Close()
	e, err := other.Compile(j.program)
	if err != nil {
		return err
	}
	defer e.Close()
	there, err := j.firstEpoch(a.ctx, e, initial)
	if err != nil {
		return err
	}
	worst, name := 0.0, here[0].Name
	for i, p := range here {
		for k, v := range p.Data {
			if d := math.Abs(float64(v) - float64(there[i].Data[k])); d > worst {
				worst, name = d, p.Name
			}
		}
	}
	a.say("parity: after one epoch %s and the CPU differ by at most %.3g, in %s", j.backend.Device().ID, worst, name)
	return nil
}

var errFirstEpoch = errors.New("the first epoch is done")

func (j *job) firstEpoch(ctx context.Context, e engine.Executor, initial engine.Params) (engine.Params, error) {
	t, err := j.trainer()
	if err != nil {
		return nil, err
	}
	t.Executor, t.Validation, t.Test = e, engine.Data{}, engine.Data{}
	t.Config.KeepBest, t.Config.EarlyStop = false, 0
	t.Hooks.Epoch = func(engine.Metrics, *engine.State) error { return errFirstEpoch }
	st := j.program.Spec.NewState(initial.Clone())
	if err := t.Run(ctx, st); !errors.Is(err, errFirstEpoch) {
		return nil, err
	}
	return st.Params, nil
}

// autoWait is how long --device auto waits for a driver before it takes the next.
const autoWait = 5 * time.Second

// drivers are the ways to train, in the order of preference. Who asks for a GPU waits for it until it is there or ctrl-C.
func (a *app) drivers(want string, workers int, gpu cuda.Options) []engine.Driver {
	wait := cuda.Wait{Context: a.ctx, Say: func(notice string) { a.say("%s", notice) }}
	if want == "auto" {
		wait.Limit = autoWait
	}
	return []engine.Driver{cuda.Driver{Options: gpu, Wait: wait}, cpu.Driver{Workers: workers}, graph.Driver{}}
}

// pick opens the device that want names.
func (a *app) pick(want string, workers int, gpu cuda.Options) (engine.Backend, string, error) {
	return engine.Pick(a.ctx, want, a.drivers(want, workers, gpu)...)
}

// forGPU refuses options of a GPU for a device that is none: they would have no effect.
func forGPU(o cuda.Options, b engine.Backend, reason string) error {
	dev := b.Device()
	if o == (cuda.Options{}) || dev.Backend == gpuBackend {
		return nil
	}
	flag := fmt.Sprintf("--precision %v", o.Precision)
	if o.Mode != cuda.Auto {
		flag = fmt.Sprintf("--cuda-mode %v", o.Mode)
	}
	return fmt.Errorf("%s is for NVIDIA GPUs, and the device is %s (%s); leave it out, or ask for a GPU with --device", flag, dev.ID, reason)
}

// gpuBackend is engine.Device.Backend of NVIDIA GPUs.
const gpuBackend = "cuda"
