package main

import (
	"errors"
	"fmt"

	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
)

type doctorCmd struct {
	Folder  string `arg:"" name:"run" predictor:"run" help:"Run folder."`
	DataDir string `name:"folder" predictor:"dir" placeholder:"DIR" help:"Folder of the run's data set; default where training found it."`
	JSON    bool   `name:"json" help:"Print one JSON document instead of words."`
}

func (doctorCmd) Help() string {
	return `Says how much of the weight maps is the random start, how smooth they are, which pixels and neurons are
dead, which classes are never predicted, and what to type next. Settings that it advises were tried: it trains the
network anew for a moment, on a part of the images, with them and without.

Examples:

    neuroloupe doctor runs/mnist-784-100-10-clear-s1
    neuroloupe doctor runs/mnist-784-100-10-nielsen1-s1 --json
`
}

func (c *doctorCmd) Run(a *app) (err error) {
	v, err := gallery.Open(a.ctx, c.Folder, c.DataDir, a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if err := v.Look(); err != nil {
		return err
	}
	d, err := doctor.Diagnose(v)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(d)
	}
	if err := printRows(a.stdout, d.Rows(v)); err != nil {
		return err
	}
	for _, s := range d.Advice {
		if _, err := fmt.Fprintf(a.stdout, "\n• %s\n", s); err != nil {
			return err
		}
	}
	return nil
}
