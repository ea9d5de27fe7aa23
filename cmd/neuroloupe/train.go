package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// trainCmd's pointers are the settings that a preset gives; nil means the preset's.
type trainCmd struct {
	Dataset string `arg:"" optional:"" help:"mnist (default), fashion, or a folder with IDX files."`

	Preset  string `default:"clear" placeholder:"NAME" help:"clear (default), nielsen1, nielsen2, zero-one, sklearn or fast."`
	DataDir string `name:"folder" predictor:"dir" placeholder:"DIR" help:"Take the data set's files from this folder."`

	Net       *string              `group:"Network" placeholder:"784-300-100-10" help:"Layer sizes; the first must be the image size, the last the number of classes."`
	Hidden    *engine.Activation   `group:"Network" placeholder:"NAME" help:"Hidden activation: sigmoid, tanh, relu or identity."`
	Output    *engine.Activation   `group:"Network" placeholder:"NAME" help:"Output activation: sigmoid, softmax or identity."`
	Loss      *engine.Loss         `group:"Network" placeholder:"NAME" help:"quadratic or cross-entropy."`
	Init      *engine.Init         `group:"Network" placeholder:"NAME" help:"Start weights: normal (N(0,1)), scaled (1/√n), xavier, he or zeros."`
	ZeroDead  *bool                `group:"Network" negatable:"" help:"Start the weights of never-inked pixels at 0."`
	Optimizer *engine.Method       `group:"Learning" placeholder:"NAME" help:"sgd, momentum, nesterov or adam."`
	LR        *float64             `name:"lr" group:"Learning" placeholder:"η" help:"Learning rate."`
	Momentum  *float64             `group:"Learning" placeholder:"μ" help:"Of momentum and nesterov."`
	Schedule  *engine.ScheduleKind `group:"Learning" placeholder:"NAME" help:"Learning rate over the run: constant, step (÷10 in the last fifth) or cosine."`
	L2        *float64             `name:"l2" group:"Learning" placeholder:"λ" help:"Weight decay as in Nielsen's book: gradient λ/n·w for n training images."`
	L1        *float64             `name:"l1" group:"Learning" placeholder:"λ" help:"The same with the sign of w for w."`
	Dropout   *float64             `group:"Learning" placeholder:"RATE" help:"Share of hidden activations dropped in a step."`
	Epochs    *int                 `group:"Learning" placeholder:"N" help:"Passes over the training images."`
	Batch     *int                 `group:"Learning" placeholder:"N" help:"Images per step."`
	Seed      *uint64              `group:"Learning" placeholder:"N" help:"Of start weights, shuffling and dropout."`
	Split     *string              `group:"Learning" placeholder:"50000/10000" help:"Training/validation images out of the training set."`
	Classes   []int                `group:"Learning" placeholder:"0,1" help:"Keep these labels; outputs are renumbered, names kept."`
	EarlyStop *int                 `group:"Learning" placeholder:"N" help:"Stop after N epochs without a better validation accuracy."`
	Keep      *string              `group:"Learning" placeholder:"best|last" help:"Which weights to hand out: of the best validation accuracy, or the last."`

	Device    *string         `group:"Run" placeholder:"NAME" help:"auto (default), cpu, cuda, cuda:1 or tape."`
	CUDAMode  *cuda.Mode      `name:"cuda-mode" group:"Run" placeholder:"NAME" help:"On a GPU: auto (default), persistent (all steps in one launch; networks that fit) or graph (a launch for each product)."`
	Precision *cuda.Precision `group:"Run" placeholder:"NAME" help:"On a GPU, of the factors of products: fp32 (default), tf32 or bf16, which need cuBLAS. Weights are always float32."`
	Workers   *int            `group:"Run" placeholder:"N" help:"CPU goroutines that compute; 0 = one per core (default)."`
	Out       string          `group:"Run" predictor:"dir" placeholder:"DIR" help:"Run folder (default runs/NAME)."`
	Resume    string          `group:"Run" predictor:"run" placeholder:"RUN" help:"Go on with this run where it stopped; --epochs may be raised."`
	Frames    *string         `group:"Run" placeholder:"epoch|N|none" help:"Keep the network every epoch, every N epochs, or not."`
	Parity    bool            `group:"Run" help:"Afterwards repeat the first epoch on the CPU and report the largest weight difference."`
	JSON      bool            `name:"json" group:"Run" help:"Print one JSON document instead of a table."`
	Dump      bool            `name:"dump-program" group:"Run" help:"Print the instructions that a training step runs, and stop."`
}

func (trainCmd) Help() string {
	return `Trains a network, prints how good it is, and draws the weight map of every hidden neuron. A preset gives
every setting that no flag gives:

    clear     784-100-10, sigmoid, cross-entropy, N(0,1/n) start, η 0.5, λ 5, batch 10, 30 epochs, the last 6 at η/10
    nielsen1  the same net of Nielsen's chapter 1: quadratic cost, N(0,1) start, η 3, no λ
    nielsen2  the same net of his chapter 3: cross-entropy, N(0,1) start, η 0.1, λ 5, 60 epochs
    zero-one  784-1-2 for the digits 0 and 1, as in chapter 1
    sklearn   784-50-10, relu, softmax, Nesterov's momentum 0.9, η 0.1, batch 200, α 1e-4, 10 epochs
    fast      784-100-10, relu, softmax, Adam, η 0.001, batch 256, 10 epochs

Examples:

    neuroloupe train
    neuroloupe train fashion --net 784-300-100-10 --hidden relu --output softmax --init he --lr 0.1
`
}

// recipe returns the preset's recipe with the flags laid over it.
func (c *trainCmd) recipe(data string) (r runs.Recipe, err error) {
	if err := dataset.CheckClasses(c.Classes); err != nil {
		return r, err
	}
	r, err = dataset.Recipe(c.Preset, data, func(r *runs.Recipe) error {
		runs.Over(&r.Net, c.Net)
		runs.Over(&r.Hidden, c.Hidden)
		runs.Over(&r.Output, c.Output)
		runs.Over(&r.Loss, c.Loss)
		runs.Over(&r.Init, c.Init)
		runs.Over(&r.ZeroDead, c.ZeroDead)
		runs.Over(&r.Optimizer, c.Optimizer)
		runs.Over(&r.LR, c.LR)
		runs.Over(&r.Momentum, c.Momentum)
		runs.Over(&r.Schedule, c.Schedule)
		runs.Over(&r.L2, c.L2)
		runs.Over(&r.L1, c.L1)
		runs.Over(&r.Dropout, c.Dropout)
		runs.Over(&r.Epochs, c.Epochs)
		runs.Over(&r.Batch, c.Batch)
		runs.Over(&r.Seed, c.Seed)
		runs.Over(&r.Split, c.Split)
		runs.Over(&r.EarlyStop, c.EarlyStop)
		runs.Over(&r.Keep, c.Keep)
		runs.Over(&r.Frames, c.Frames)
		if len(c.Classes) > 0 {
			r.Classes = c.Classes
		}
		r.Momentum = r.UsualMomentum(c.Momentum != nil)
		return nil
	})
	var wrong *runs.SettingError
	if errors.As(err, &wrong) {
		return r, talk.Usage("--%v", wrong)
	}
	if err != nil {
		return r, talk.UsageError{Err: err}
	}
	return r, nil
}

// Run trains a new run, or goes on with one.
func (c *trainCmd) Run(a *app) (err error) {
	var j *job.Job
	if c.Resume != "" {
		j, err = c.resume(a)
	} else {
		j, err = c.begin(a)
	}
	if err != nil || j == nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if err := a.Train(j); err != nil {
		return err
	}
	// Nothing from here on can take the training back, and nothing may hide that it is complete and what came out.
	complete := func(err error) error {
		return fmt.Errorf("the training is complete, after epoch %d, and kept in %s; %w", j.State.Epoch, j.Folder.Path,
			err)
	}
	r, err := j.Result()
	if err != nil {
		return complete(fmt.Errorf("it could not be tested: %w; neuroloupe train --resume %s does that", err,
			j.Folder.Path))
	}
	unfinished := j.Finish(job.Events{Sheet: func(path string) { r.Sheet = path }})
	if unfinished == nil && c.Parity {
		unfinished = a.Parity(j)
	}
	show := func() error { return printRows(a.stdout, r.Rows()) }
	if c.JSON {
		show = func() error { return a.printJSON(r) }
	}
	if err := errors.Join(unfinished, show()); err != nil {
		return complete(err)
	}
	return nil
}

// begin makes a new run; the job is nil when the program was only to be printed.
func (c *trainCmd) begin(a *app) (*job.Job, error) {
	o, err := c.order()
	if err != nil {
		return nil, err
	}
	if o.Data, err = a.Load(a.ctx, o.Name, o.Dir); err != nil {
		return nil, err
	}
	if !c.Dump {
		return job.Begin(a.ctx, o, a)
	}
	_, spec, err := o.Plan()
	if err != nil {
		return nil, err
	}
	p, err := graph.Compile(spec, o.Recipe.Batch)
	if err == nil {
		_, err = fmt.Fprint(a.stdout, p)
	}
	return nil, err
}

// order is the run that the flags describe; its data set is not loaded.
func (c *trainCmd) order() (o job.Order, err error) {
	o = job.Order{Out: c.Out, Dir: c.DataDir, Device: job.Device{Want: "auto"}, Version: version()}
	if o.Name, err = dataset.Name(c.Dataset); err != nil {
		return o, err
	}
	if o.Recipe, err = c.recipe(o.Name); err != nil {
		return o, err
	}
	if o.Dir != "" {
		if o.Dir, err = filepath.Abs(o.Dir); err != nil {
			return o, err
		}
	}
	runs.Over(&o.Device.Want, c.Device)
	runs.Over(&o.Device.Workers, c.Workers)
	runs.Over(&o.Device.GPU.Mode, c.CUDAMode)
	runs.Over(&o.Device.GPU.Precision, c.Precision)
	return o, nil
}

// resume opens a run to go on with. Only what does not change its course may be given beside.
func (c *trainCmd) resume(a *app) (*job.Job, error) {
	allowed := trainCmd{
		Preset: "clear", Resume: c.Resume, Epochs: c.Epochs, Device: c.Device, Workers: c.Workers,
		CUDAMode: c.CUDAMode, Precision: c.Precision,
		JSON: c.JSON, Parity: c.Parity, DataDir: c.DataDir,
	}
	if !reflect.DeepEqual(allowed, *c) {
		return nil, talk.Usage("--resume takes the run's own settings; " +
			"only --epochs, --device, --cuda-mode, --precision, --workers, --folder, --parity and --json may stand " +
			"beside it")
	}
	load, done := a.Downloads()
	defer done()
	return job.Resume(a.ctx, c.Resume, job.Change{
		Epochs: c.Epochs, Device: c.Device, Workers: c.Workers, Mode: c.CUDAMode, Precision: c.Precision,
		Dir: c.DataDir, Load: load,
	}, a)
}
