package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"neuroloupe/cmd/internal/sweep"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/watch"
	"neuroloupe/cmd/internal/words"
)

type sweepCmd struct {
	File string `arg:"" predictor:"file" help:"The sweep's file, or the folder of one that was begun."`

	Out      string `group:"Run" predictor:"dir" placeholder:"DIR" help:"The sweep's folder (default sweeps/NAME of the file)."`
	DryRun   bool   `group:"Run" help:"Print the runs, how many are done, and how long the rest takes by a short measurement; train nothing."`
	Devices  string `group:"Run" default:"auto" placeholder:"LIST" help:"auto (default: every GPU here, or else the CPU), cpu, or names with commas: cuda:0,cuda:1."`
	Jobs     int    `group:"Run" placeholder:"N" help:"Networks side by side; 0 = one per core on the CPU, as many as fit on a GPU (default)."`
	Retry    string `group:"Run" placeholder:"failed" help:"failed: train those that failed again, and nothing else."`
	FailFast bool   `group:"Run" help:"End at the first run that fails."`
	Shard    string `group:"Run" placeholder:"I/N" help:"Train part I of N alone, counted from 0; for machines that share the folder."`
	Executor string `group:"Run" default:"local" placeholder:"NAME" help:"local (default): this machine. slurm: submit an array of jobs to a Slurm cluster, and return."`
	Slurm    string `group:"Run" placeholder:"OPTIONS" help:"What to ask the cluster for: 'partition=gpu gres=gpu:1 time=1:00:00 array=8%4'."`
	Element  bool   `hidden:"" help:"This is an element of such an array."`
	JSON     bool   `name:"json" group:"Run" help:"Print one JSON document instead of a table."`
	Metrics  string `group:"Run" placeholder:"ADDR" help:"Serve progress to Prometheus on this machine, as 127.0.0.1:9464."`
	Log      string `group:"Run" placeholder:"json" help:"json: tell what happens on standard error as a JSON object a line."`
}

func (sweepCmd) Help() string {
	return `Trains every network that a file describes and that is not trained yet:

    # digits.toml: names and values are those of the flags of train
    data = "mnist"
    preset = "clear"
    [set]                             # the same for all
    epochs = 10
    [grid]                            # every combination
    net = ["784-30-10", "784-100-10"]
    l2 = [0, 1, 5, 20]
    seed = [1, 2, 3]
    [stop]                            # optional: the best third goes on at 2, 6, 18 … epochs
    rule = "halving"                  # or "asha", which decides as results come
    reduction = 3
    first = 2
    [limits]
    failures = 3                      # one after another end the sweep
    time = "8h"

Tables [[list]], each a point, stand beside the grid or instead of it. A run is named by a sum of its settings and its
data, so that a larger grid takes over what a smaller one trained. Interrupted or killed, and started again, it repeats
nothing that is done and goes on inside what is not; several processes may share the folder. Exit code: 0 all trained,
1 some failed, 3 some failed that would fail again, 130 interrupted.

Examples:

    neuroloupe sweep digits.toml --dry-run
    neuroloupe sweep digits.toml --retry failed
`
}

// failedRuns is an error of which the exit code says whether trying again is of use.
type failedRuns struct {
	error
	code int
}

// exitFinal says that a run has failed which would fail again.
const exitFinal = 3

// Run trains what a sweep's file describes.
func (c *sweepCmd) Run(a *app) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	shard, err := sweep.ParseShard(c.Shard)
	if err != nil {
		return err
	}
	plan, folder, err := c.plan(a)
	if err != nil {
		return wrongFile(err)
	}
	if plan.Twice > 0 {
		a.Say("%s of the file are runs that another point is already", words.Count(plan.Twice, "point"))
	}
	site := &sweep.Site{} // a cluster's devices are not here
	if c.Executor == "local" {
		if site, err = sweep.NewSite(a.ctx, c.Devices, c.Jobs, plan, a); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, site.Close()) }()
	}
	o := sweep.Options{
		Folder: folder, Plan: plan, Site: site, Shard: shard, Retry: c.Retry != "", FailFast: c.FailFast,
	}
	if c.DryRun {
		return c.dry(a, o)
	}
	if folder.Path != c.File { // what a folder holds already, a larger plan that was written since would lose
		err = folder.Write(plan)
	}
	if err != nil {
		return err
	}
	view := a.Display(c.Log != "")
	o.Talk, o.Watch = view, view.Event
	if c.Log != "" {
		o.Log = a.Stderr
	}
	l, err := sweep.NewLocal(o)
	if err != nil {
		return err
	}
	if err := l.Room(); err != nil {
		return err
	}
	if c.Executor == "slurm" {
		return c.submit(a, l)
	}
	ctx := a.ctx
	if c.Element {
		var stop func()
		ctx, stop = sweep.Element(ctx)
		defer stop()
	}
	if c.Metrics != "" {
		m, err := watch.Serve(c.Metrics, l.Devices(), l.Progress)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		a.Say("metrics at %s", m.Address())
	}
	view.Begin(l.Progress)
	err = l.Run(ctx)
	view.End()
	if c.Element && errors.Is(err, sweep.ErrNearEnd) {
		a.Say("the time limit is near: all is saved, and this element queues itself again")
		return errors.Join(err, sweep.Requeue(os.Getenv))
	}
	return errors.Join(err, c.result(a, l, folder, plan, err == nil))
}

func (c *sweepCmd) check() error {
	if c.Retry != "" && c.Retry != "failed" {
		return talk.Usage("--retry %s: want failed", c.Retry)
	}
	if c.Log != "" && c.Log != "json" {
		return talk.Usage("--log %s: want json", c.Log)
	}
	if c.Executor != "local" && c.Executor != "slurm" {
		return talk.Usage("--executor %s: want local or slurm", c.Executor)
	}
	if c.Slurm != "" && c.Executor != "slurm" {
		return talk.Usage("--slurm is for --executor slurm")
	}
	if c.Executor == "slurm" && (c.Shard != "" || c.Retry != "" || c.DryRun || c.Metrics != "" ||
		c.Log != "" || c.Jobs != 0 || c.FailFast) {
		return talk.Usage("--executor slurm submits the whole sweep: --shard, --retry, --dry-run, --jobs, " +
			"--fail-fast, --metrics and --log do not go with it")
	}
	return nil
}

// submit has a cluster train what is left.
func (c *sweepCmd) submit(a *app, l *sweep.Local) error {
	cluster, err := sweep.ParseSlurm(c.Slurm)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	s, err := cluster.Submit(a.ctx, l, program, c.Devices)
	if err != nil {
		return err
	}
	if s == nil {
		return printRows(a.stdout, [][2]string{{"sweep", "every run is trained"}, {"folder", l.Folder.Path}})
	}
	return printRows(a.stdout, [][2]string{
		{"submitted", fmt.Sprintf("job %s, an array of %s", s.ID, words.Count(s.Elements, "element"))},
		{"folder", l.Folder.Path},
		{"script", s.Script},
		{"watch", fmt.Sprintf("neuroloupe runs %s, or squeue -j %s", l.Folder.Path, s.ID)},
	})
}

// wrongFile makes a mistake in a sweep's file one of usage.
func wrongFile(err error) error {
	var wrong *sweep.FileError
	if errors.As(err, &wrong) {
		return talk.UsageError{Err: err}
	}
	return err
}

// plan reads what is to be trained, from a file or from the folder of a sweep that was begun.
func (c *sweepCmd) plan(a *app) (*sweep.Plan, sweep.Folder, error) {
	if sweep.IsFolder(c.File) {
		if c.Out != "" {
			return nil, sweep.Folder{}, talk.Usage("--out is for a sweep's file; %s is the folder of one", c.File)
		}
		folder := sweep.Folder{Path: c.File}
		plan, err := folder.Thaw(a.ctx, a.Load, version())
		return plan, folder, err
	}
	file, err := sweep.Read(c.File)
	if err != nil {
		return nil, sweep.Folder{}, err
	}
	out := c.Out
	if out == "" {
		out = filepath.Join("sweeps", file.Name())
	}
	plan, err := sweep.NewPlan(a.ctx, file, a.Load, version())
	return plan, sweep.Folder{Path: out}, err
}

// result prints what is there now, and returns an error for what has failed. whole says that the sweep came to its end.
func (c *sweepCmd) result(a *app, l *sweep.Local, folder sweep.Folder, plan *sweep.Plan, whole bool) error {
	board, err := sweep.NewBoard(folder, plan)
	if err != nil {
		return err
	}
	if c.JSON {
		err = a.printJSON(board)
	} else {
		const most = 20
		err = board.Print(a.stdout, most)
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "%s: %s\n", folder.Path, board.Summary())
		}
	}
	failed := l.Failures()
	if err != nil || len(failed) == 0 {
		return err
	}
	code := exitFailed
	for _, f := range failed {
		if f.Final {
			code = exitFinal
		}
	}
	if !whole {
		return nil // the exit code is that of what ended the sweep
	}
	return failedRuns{fmt.Errorf("%s of %d failed, the first with: %s (%s); see error.txt in their folders, and try "+
		"them again with --retry failed", words.Count(len(failed), "run"), len(plan.Runs),
		failed[0].Reason, filepath.Join(failed[0].Path, "error.txt")), code}
}

// dry prints the runs, and how long what is left takes.
func (c *sweepCmd) dry(a *app, o sweep.Options) error {
	o.Talk = a
	l, err := sweep.NewLocal(o)
	if err != nil {
		return err
	}
	board, err := sweep.NewBoard(o.Folder, o.Plan)
	if err != nil {
		return err
	}
	cost, err := l.Estimate(a.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(struct {
			*sweep.Board
			sweep.Estimate `json:"estimate"`
		}{board, cost})
	}
	if err := board.Print(a.stdout, 0); err != nil {
		return err
	}
	rows := [][2]string{
		{"sweep", fmt.Sprintf("%s: %s", words.Count(len(o.Plan.Runs), "run"), board.Summary())},
		{"folder", o.Folder.Path},
		{"places", fmt.Sprintf("%d side by side", len(o.Site.Places))},
	}
	return printRows(a.stdout, append(rows, cost.Rows()...))
}
