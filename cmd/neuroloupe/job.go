package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// job is a training run with all it holds; close gives it back.
type job struct {
	folder   *runs.Folder
	state    *engine.State
	data     *examples
	backend  engine.Backend
	reason   string // why this backend
	program  *engine.Program
	executor engine.Executor
	began    int           // epochs done before
	took     time.Duration // by the epochs, with evaluation and files
}

func (j *job) close() error {
	var errs []error
	if j.executor != nil {
		errs = append(errs, j.executor.Close())
	}
	if j.backend != nil {
		errs = append(errs, j.backend.Close())
	}
	if j.folder != nil {
		errs = append(errs, j.folder.Close())
	}
	return errors.Join(errs...)
}

// open opens the device and compiles the network for it.
func (j *job) open(a *app, want string, workers int, gpu cuda.Options, s engine.Spec, batch int) (err error) {
	if err := checkNumbers(atLeast("--workers", workers, 0)); err != nil {
		return err
	}
	if j.backend, j.reason, err = a.pick(want, workers, gpu); err != nil {
		return err
	}
	if err := forGPU(gpu, j.backend, j.reason); err != nil {
		return err
	}
	if j.program, err = graph.Compile(s, batch); err != nil {
		return err
	}
	j.executor, err = j.backend.Compile(j.program)
	return err
}

// begin makes a new run; the job is nil when the program was only to be printed.
func (c *trainCmd) begin(a *app) (_ *job, err error) {
	name, err := dataName(c.Dataset)
	if err != nil {
		return nil, err
	}
	r, err := c.recipe(name)
	if err != nil {
		return nil, err
	}
	dir := c.DataDir
	if dir != "" {
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	d, err := a.load(name, dir)
	if err != nil {
		return nil, err
	}
	e, err := cut(d, &r)
	if err != nil {
		return nil, usageError{err}
	}
	if err := e.tellable(); err != nil {
		return nil, err
	}
	spec, err := r.Spec(e.train.Pixels(), len(e.train.Classes), e.train.Len())
	if err != nil {
		return nil, usageError{err}
	}
	r.Batch = min(r.Batch, e.train.Len())
	if c.Dump {
		p, err := graph.Compile(spec, r.Batch)
		if err == nil {
			_, err = fmt.Fprint(a.stdout, p)
		}
		return nil, err
	}
	if (r.Keep == "best" || r.EarlyStop > 0) && e.validation.Len() == 0 {
		return nil, usage("split %s leaves no validation images, which --keep best and --early-stop go by", r.Split)
	}
	for _, text := range odd(e.train, e.test) {
		a.say("odd data: %s", text)
	}
	j := &job{data: e}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.close())
		}
	}()
	want, workers := "auto", 0
	over(&want, c.Device)
	over(&workers, c.Workers)
	var gpu cuda.Options
	over(&gpu.Mode, c.CUDAMode)
	over(&gpu.Precision, c.Precision)
	if err := j.open(a, want, workers, gpu, spec, r.Batch); err != nil {
		return nil, err
	}
	dead := e.deadPixels()
	initial := spec.NewParams()
	if r.ZeroDead {
		zeroDead(initial, dead)
	}
	out := c.Out
	if out == "" {
		name := fmt.Sprintf("%s-%v-%s-s%d", d.Name, spec, r.Preset, r.Seed)
		if out, err = runs.NewFolder(filepath.Join("runs", name)); err != nil {
			return nil, err
		}
	}
	dev := j.backend.Device()
	j.folder, err = runs.Create(out, runs.Manifest{
		Version: version(), Created: time.Now().UTC().Truncate(time.Second), Train: r,
		Device: runs.Device{ID: dev.ID, Name: dev.Name, Reason: j.reason, Workers: workers, Mode: gpu.Mode, Precision: gpu.Precision},
		Data:   describe(name, dir, e, dead),
	}, initial)
	if err != nil {
		return nil, err
	}
	j.state = spec.NewState(initial.Clone())
	return j, nil
}

// zeroDead sets the weights of the first layer from some inputs to 0.
func zeroDead(ps engine.Params, dead []int) {
	w := ps.Weight(1)
	for _, i := range dead {
		clear(w.Data[i*w.Shape[1]:][:w.Shape[1]])
	}
}

// dataName returns the data set to load: mnist by default, a folder by its whole path.
func dataName(name string) (string, error) {
	if name == "" {
		return "mnist", nil
	}
	if known(name) {
		return name, nil
	}
	switch _, err := os.Stat(name); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case err != nil && !strings.ContainsAny(name, `/`+string(filepath.Separator)):
		return name, nil // no folder, nor the start of names in one: the loader says what is wrong with it
	}
	return filepath.Abs(name)
}

// known reports whether name is a data set that mnist can fetch.
func known(name string) bool {
	return slices.ContainsFunc(mnist.Known(), func(k mnist.Info) bool { return k.Name == name })
}

func describe(name, dir string, e *examples, dead []int) runs.Data {
	d := runs.Data{
		Name: name, Title: e.source.Name, Folder: dir,
		Rows: e.train.Rows, Cols: e.train.Cols, Classes: e.train.Classes, Dead: dead,
		Train: e.train.Len(), Validation: e.validation.Len(), Test: e.test.Len(),
	}
	for _, f := range e.source.Files {
		d.Files = append(d.Files, runs.File{Name: f.Name, SHA256: f.SHA256, RawSHA256: f.RawSHA256})
	}
	return d
}

// resume opens a run to go on with. Only what does not change its course may be given beside.
func (c *trainCmd) resume(a *app) (*job, error) {
	allowed := trainCmd{
		Preset: "clear", Resume: c.Resume, Epochs: c.Epochs, Device: c.Device, Workers: c.Workers,
		CUDAMode: c.CUDAMode, Precision: c.Precision,
		JSON: c.JSON, Parity: c.Parity, DataDir: c.DataDir,
	}
	if !reflect.DeepEqual(allowed, *c) {
		return nil, usage("--resume takes the run's own settings; " +
			"only --epochs, --device, --cuda-mode, --precision, --workers, --folder, --parity and --json may stand beside it")
	}
	f, st, err := runs.Resume(c.Resume)
	if err != nil {
		return nil, err
	}
	j := &job{folder: f, state: st}
	if err := c.resumeJob(a, j); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

func (c *trainCmd) resumeJob(a *app, j *job) (err error) {
	a.notices(j.folder)
	m := &j.folder.Manifest
	o, done := a.downloads()
	j.data, err = a.examplesOf(j.folder, c.DataDir, o)
	done()
	if err != nil {
		return err
	}
	if c.Epochs != nil && *c.Epochs != m.Train.Epochs {
		if *c.Epochs < j.state.Epoch {
			return usage("%s has done %d epochs, more than the %d asked for", j.folder.Path, j.state.Epoch, *c.Epochs)
		}
		m.Train.Epochs, j.state.Stopped = *c.Epochs, false
		if err := j.folder.WriteManifest(); err != nil {
			return err
		}
	}
	want, workers := m.Device.ID, m.Device.Workers
	over(&want, c.Device)
	over(&workers, c.Workers)
	gpu := cuda.Options{Mode: m.Device.Mode, Precision: m.Device.Precision}
	if c.Device != nil {
		gpu = cuda.Options{} // those of the run were for the device it had
	}
	over(&gpu.Mode, c.CUDAMode)
	over(&gpu.Precision, c.Precision)
	a.say("going on with %s after %d of %d epochs", j.folder.Path, j.state.Epoch, m.Train.Epochs)
	return j.open(a, want, workers, gpu, j.folder.Spec, m.Train.Batch)
}

// notices says what was found in a run folder that a person should know.
func (a *app) notices(f *runs.Folder) {
	for _, text := range f.Notices() {
		a.say("%s", words.Line(errors.New(text)))
	}
}
