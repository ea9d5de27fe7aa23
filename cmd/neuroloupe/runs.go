package main

import (
	"errors"
	"os"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/sweep"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
)

type runsCmd struct {
	List    runsListCmd    `cmd:"" default:"withargs" help:"A table of runs (default)."`
	Best    runsBestCmd    `cmd:"" help:"The best runs by validation accuracy."`
	Compare runsCompareCmd `cmd:"" help:"What differs between runs, and nothing else."`
	Sheet   runsSheetCmd   `cmd:"" help:"Draw the sheet of sheets: many networks over two settings."`
	Report  runsReportCmd  `cmd:"" help:"Write one HTML file about many runs."`
	Rm      runsRmCmd      `cmd:"" help:"Remove runs."`
}

func (runsCmd) Help() string {
	return `Looks at many runs side by side: those in the folders runs and sweeps, or in others that are named.

Examples:

    neuroloupe runs --where 'accuracy > 97% and l2 in (1, 5)' --sort -validation
    neuroloupe runs best sweeps/digits --n 3
`
}

// runsFlags are those of every command that looks at many runs.
type runsFlags struct {
	Folders []string `arg:"" optional:"" name:"folder" predictor:"dir" help:"Folders that runs lie in; default runs and sweeps."`
	Where   string   `placeholder:"EXPRESSION" help:"Only those that meet it, as in 'accuracy > 0.97 and l2 == 5'."`
}

// finder finds runs for every command, those too that a sweep is still to train.
func (a *app) finder() study.Finder { return study.Finder{Talk: a, Queued: sweep.Queued} }

// runsFormat is how a table of runs is printed.
type runsFormat struct {
	JSON bool `name:"json" xor:"format" help:"Print one JSON document instead of a table."`
	CSV  bool `name:"csv" xor:"format" help:"Print comma-separated values instead of a table, numbers in full."`
}

// show prints the table that a question asks for.
func (f runsFormat) show(a *app, q study.Query) error {
	all, err := q.Find(a.ctx, a.finder())
	if err != nil {
		return err
	}
	if len(all) == 0 {
		a.Say("no runs there")
	}
	t, err := q.Table(all)
	if err != nil {
		return err
	}
	return f.print(a, t)
}

func (f runsFormat) print(a *app, t *study.Table) error {
	switch {
	case f.JSON:
		return a.printJSON(t.Document())
	case f.CSV:
		return t.PrintCSV(a.stdout)
	}
	return t.Print(a.stdout)
}

// sortKey is a column that may begin with a dash, which other flags refuse as the name of another flag.
type sortKey string

// Decode takes the next word whatever it is.
func (k *sortKey) Decode(c *kong.DecodeContext) error {
	word := c.Scan.Pop()
	if word.IsEOL() {
		return errors.New("want a column")
	}
	*k = sortKey(word.String())
	return nil
}

type runsListCmd struct {
	runsFlags
	runsFormat
	Sort    sortKey  `placeholder:"COLUMN" help:"Order by a column, -COLUMN from the largest; default what differs."`
	Columns []string `placeholder:"A,B" help:"These columns; default what differs, and the results."`
	Group   []string `placeholder:"seed" help:"Join runs that differ in nothing else: mean ± standard deviation."`
}

func (runsListCmd) Help() string {
	return `Prints a table of runs: what differs between them, epochs done of those asked for, accuracy of the weights handed out,
seconds of training, and where each stands. What all have in common stands above it. Columns are named after the flags of
train, and run path state why epochs asked validation accuracy training-loss seconds created device processor precision.

Examples:

    neuroloupe runs sweeps/digits --where 'state == failed or epochs < 10' --columns run,l2,epochs,why
    neuroloupe runs --group seed --sort -validation --csv
`
}

func (c *runsListCmd) Run(a *app) error {
	return c.show(a, study.Query{
		Folders: c.Folders, Where: c.Where, Sort: string(c.Sort), Columns: c.Columns, Group: c.Group, Every: c.JSON,
	})
}

type runsBestCmd struct {
	runsFlags
	runsFormat
	N int `short:"n" default:"1" placeholder:"N" help:"How many; default 1."`
}

func (runsBestCmd) Help() string {
	return `Prints the finished runs of the best accuracy on their validation images. Only where no run has any does the accuracy on
the test images decide, and that is said: what is chosen by it is no longer measured by it.

Examples:

    neuroloupe runs best
    neuroloupe runs best sweeps/digits --n 5 --where 'net == 784-30-10'
`
}

func (c *runsBestCmd) Run(a *app) error {
	if err := checkNumbers(atLeast("--n", c.N, 1)); err != nil {
		return err
	}
	return c.show(a, study.Query{Folders: c.Folders, Where: c.Where, Best: c.N})
}

type runsCompareCmd struct {
	runsFormat
	Runs []string `arg:"" name:"run" predictor:"run" help:"Folders of the runs."`
}

func (runsCompareCmd) Help() string {
	return `Prints the settings and results in which runs differ, a column for each run. The neurons of two runs are compared by
neuroloupe compare.

Examples:

    neuroloupe runs compare runs/mnist-784-100-10-clear-s1 runs/mnist-784-100-10-nielsen1-s1
    neuroloupe runs compare runs/* --csv
`
}

func (c *runsCompareCmd) Run(a *app) error {
	if len(c.Runs) < 2 {
		return talk.Usage("runs compare: name two runs or more")
	}
	all, err := study.Named(a.ctx, a.finder(), c.Runs)
	if err != nil {
		return err
	}
	return c.print(a, study.Compare(all))
}

type runsRmCmd struct {
	Runs  []string `arg:"" optional:"" name:"run" predictor:"run" help:"Folders of runs; with --where, folders that runs lie in."`
	Where string   `placeholder:"EXPRESSION" help:"Those that meet it, as in 'state == failed'."`
	Yes   bool     `help:"Do not ask."`
}

func (runsRmCmd) Help() string {
	return `Removes runs that are named, or that meet an expression, after asking. What is being trained stays, and so does what is no
run. A kill half-way leaves no half run.

Examples:

    neuroloupe runs rm runs/mnist-784-100-10-clear-s1-2
    neuroloupe runs rm sweeps/digits --where 'state == failed and l2 > 100' --yes
`
}

func (c *runsRmCmd) Run(a *app) error {
	all, err := study.ToRemove(a.ctx, a.finder(), c.Runs, c.Where)
	switch {
	case err != nil:
		return err
	case c.Yes || len(all) == 0:
	case !term.IsTerminal(int(os.Stdin.Fd())):
		return talk.Usage("nobody can be asked whether to remove %s; give --yes", words.Count(len(all), "run"))
	case !study.Ask(os.Stdin, a.Stderr, all):
		all = nil
	}
	n, err := study.Remove(a.ctx, all)
	a.Say("removed %s", words.Count(n, "run"))
	return err
}
