// Package job trains a network into a run folder: from a recipe, a device and a data set, or on from where a run
// stopped. It knows no terminal and no flag: what it does is told to a [talk.Talk] and by [Events].
package job

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// Job is a training run with all it holds; Close gives it back. A process may have several, also of one data set, each
// with a backend of its own.
type Job struct {
	Folder *runs.Folder
	State  *engine.State
	Data   *dataset.Examples
	Reason string // why this device

	ctx     context.Context
	talk    talk.Talk
	backend engine.Backend // nil when the executor is lent
	device  engine.Device
	trainer *engine.Trainer // nil until the device is open
	resumed bool            // it was begun before
	began   int             // epochs done before
	took    time.Duration   // by the epochs, with evaluation and files
}

// Order is what a new run is to be.
type Order struct {
	Recipe runs.Recipe
	Data   *mnist.Dataset // several orders may share one

	// Examples is Data cut as Recipe says, which several orders may share too; nil to have it cut.
	Examples *dataset.Examples

	Name   string // that Data was loaded by; see dataset.Name
	Dir    string // that its files were taken from; "" for the cache
	Device Device
	Out    string // the folder to make; "" for one under runs/ that is named after the run

	Version string // of the program
}

// Device is what to train on.
type Device struct {
	Want    string // as engine.Pick takes it
	Workers int    // CPU goroutines; 0 is one per core
	GPU     cuda.Options
	Lend    *Loan // what lends executors of a device that is open; nil to open Want for the job alone
}

// Loan is a device that is open, and that several jobs share.
type Loan struct {
	Reason string // why this one

	// Executor lends the executor of a program until it is closed; it may wait for one. It says what that runs on.
	Executor func(ctx context.Context, p *engine.Program) (engine.Executor, engine.Device, error)
}

// Plan cuts the order's data and resolves its recipe.
func (o *Order) Plan() (*dataset.Examples, engine.Spec, error) {
	fail := func(err error) (*dataset.Examples, engine.Spec, error) { return nil, engine.Spec{}, err }
	e := o.Examples
	if e == nil {
		var err error
		if e, err = dataset.Cut(o.Data, &o.Recipe); err != nil {
			return fail(talk.UsageError{Err: err})
		}
	}
	if err := e.Tellable(); err != nil {
		return fail(err)
	}
	spec, err := o.Recipe.Spec(e.Train.Pixels(), len(e.Train.Classes), e.Train.Len())
	if err != nil {
		return fail(talk.UsageError{Err: err})
	}
	o.Recipe.Batch = min(o.Recipe.Batch, e.Train.Len())
	return e, spec, nil
}

// Begin makes a new run, which ends early when ctx is done.
func Begin(ctx context.Context, o Order, t talk.Talk) (_ *Job, err error) {
	e, spec, err := o.Plan()
	if err != nil {
		return nil, err
	}
	r := o.Recipe
	if (r.Keep == "best" || r.EarlyStop > 0) && e.Validation.Len() == 0 {
		return nil, talk.Usage("split %s leaves no validation images, which --keep best and --early-stop go by",
			r.Split)
	}
	for _, text := range e.Odd() {
		t.Say("odd data: %s", text)
	}
	j := &Job{ctx: ctx, talk: t, Data: e}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.Close())
		}
	}()
	if err := j.open(o.Device, spec, r); err != nil {
		return nil, err
	}
	dead := e.DeadPixels()
	initial := Initial(spec, r, dead)
	out := o.Out
	if out == "" {
		if out, err = runs.NewFolder(filepath.Join("runs", FolderName(o.Data.Name, spec, r))); err != nil {
			return nil, err
		}
	}
	dev, gpu := j.Device(), o.Device.GPU
	j.Folder, err = runs.Create(out, runs.Manifest{
		Version: o.Version, Created: time.Now().UTC().Truncate(time.Second), Train: r,
		Device: runs.Device{
			ID: dev.ID, Name: dev.Name, Reason: j.Reason, Workers: o.Device.Workers, Mode: gpu.Mode,
			Precision: gpu.Precision, Instructions: instructions(dev),
		},
		Data: e.Describe(o.Name, o.Dir, dead),
	}, initial)
	if err != nil {
		return nil, err
	}
	j.State = spec.NewState(initial.Clone())
	return j, nil
}

// FolderName is what the folder of a run is called unless a name is given.
func FolderName(data string, s engine.Spec, r runs.Recipe) string {
	return fmt.Sprintf("%s-%v-%s-s%d", data, s, r.Preset, r.Seed)
}

// Initial are the weights W₀ that a recipe begins with, dead being the inputs that are 0 in every training image.
func Initial(s engine.Spec, r runs.Recipe, dead []int) engine.Params {
	initial := s.NewParams()
	if r.ZeroDead {
		ZeroDead(initial, dead)
	}
	return initial
}

// ZeroDead sets the weights of the first layer from some inputs to 0.
func ZeroDead(ps engine.Params, dead []int) {
	w := ps.Weight(1)
	for _, i := range dead {
		clear(w.Data[i*w.Shape[1]:][:w.Shape[1]])
	}
}

// Change is what may be other in a run that goes on; nil is what the run has.
type Change struct {
	Epochs    *int
	Device    *string
	Workers   *int
	Mode      *cuda.Mode
	Precision *cuda.Precision
	Dir       string        // where its data set's files are now; "" for where it found them
	Load      mnist.Options // how to read them

	Data *mnist.Dataset // its data set where that is in memory; nil to read it
	Lend *Loan          // as in Device
}

// Resume opens a run to go on with.
func Resume(ctx context.Context, path string, c Change, t talk.Talk) (*Job, error) {
	f, st, err := runs.Resume(path)
	if err != nil {
		return nil, err
	}
	j := &Job{ctx: ctx, talk: t, Folder: f, State: st}
	if err := j.resume(c); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

func (j *Job) resume(c Change) (err error) {
	gallery.Notices(j.Folder, j.talk)
	m := &j.Folder.Manifest
	if c.Data != nil {
		j.Data, err = dataset.OfLoaded(j.Folder, c.Data)
	} else {
		j.Data, err = dataset.Of(j.ctx, j.Folder, c.Dir, c.Load)
	}
	if err != nil {
		return err
	}
	if c.Epochs != nil && *c.Epochs != m.Train.Epochs {
		if *c.Epochs < j.State.Epoch {
			return talk.Usage("%s has done %d epochs, more than the %d asked for", j.Folder.Path, j.State.Epoch,
				*c.Epochs)
		}
		m.Train.Epochs, j.State.Stopped = *c.Epochs, false
		if err := j.Folder.WriteManifest(); err != nil {
			return err
		}
	}
	d := Device{
		Want: m.Device.ID, Workers: m.Device.Workers,
		GPU: cuda.Options{Mode: m.Device.Mode, Precision: m.Device.Precision}, Lend: c.Lend,
	}
	if c.Device != nil {
		d.Want, d.GPU = *c.Device, cuda.Options{} // those of the run were for the device it had
	}
	if c.Workers != nil {
		d.Workers = *c.Workers
	}
	if c.Mode != nil {
		d.GPU.Mode = *c.Mode
	}
	if c.Precision != nil {
		d.GPU.Precision = *c.Precision
	}
	j.resumed = true
	if err := j.open(d, j.Folder.Spec, m.Train); err != nil {
		return err
	}
	return j.noteDevice()
}

// instructions are what of a device decides how numbers are rounded: not how many cores it has.
func instructions(d engine.Device) string {
	set, _, _ := strings.Cut(d.Capability, ",")
	return set
}

// noteDevice writes down that the run goes on with another device, or with other instructions, than it had.
func (j *Job) noteDevice() error {
	m, dev := &j.Folder.Manifest, j.Device()
	if m.Device.ID == dev.ID && (m.Device.Instructions == instructions(dev) || m.Device.Instructions == "") {
		return nil
	}
	also := strings.TrimSpace(dev.ID + " " + instructions(dev))
	if slices.Contains(m.Device.Also, also) || j.State.Epoch >= m.Train.Epochs {
		return nil
	}
	m.Device.Also = append(m.Device.Also, also)
	return j.Folder.WriteManifest()
}

// open opens the device and compiles the network for it.
func (j *Job) open(d Device, s engine.Spec, r runs.Recipe) (err error) {
	if d.Workers < 0 {
		return talk.Usage("--workers %d: want 0 or more", d.Workers)
	}
	c, err := r.Config()
	if err != nil {
		return err
	}
	if d.Lend != nil {
		err = j.borrow(d.Lend, s, c)
	} else {
		err = j.openAlone(d, s, c)
	}
	if err != nil {
		return err
	}
	j.trainer.Train, j.trainer.Validation = dataset.Data(j.Data.Train), dataset.Data(j.Data.Validation)
	j.trainer.Test = dataset.Data(j.Data.Test)
	return nil
}

// openAlone opens the device for this job.
func (j *Job) openAlone(d Device, s engine.Spec, c engine.Config) (err error) {
	if j.backend, j.Reason, err = Pick(j.ctx, d, j.talk); err != nil {
		return err
	}
	if err := ForGPU(d.GPU, j.backend, j.Reason); err != nil {
		return err
	}
	j.device = j.backend.Device()
	j.trainer, err = graph.NewTrainer(s, c, j.backend)
	return err
}

// borrow has an executor lent.
func (j *Job) borrow(from *Loan, s engine.Spec, c engine.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	p, err := graph.Compile(s, c.Batch)
	if err != nil {
		return err
	}
	x, device, err := from.Executor(j.ctx, p)
	if err != nil {
		return err
	}
	j.device, j.Reason = device, from.Reason
	j.trainer = &engine.Trainer{Program: p, Executor: x, Config: c}
	return nil
}

// Close frees the device and lets go of the folder.
func (j *Job) Close() error {
	var errs []error
	if j.trainer != nil {
		errs = append(errs, j.trainer.Executor.Close())
	}
	if j.backend != nil {
		errs = append(errs, j.backend.Close())
	}
	if j.Folder != nil {
		errs = append(errs, j.Folder.Close())
	}
	return errors.Join(errs...)
}

// Device is what the job trains on.
func (j *Job) Device() engine.Device { return j.device }
