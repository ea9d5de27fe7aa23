package main

import (
	"errors"

	"neuroloupe/cmd/internal/gallery"
)

type compareCmd struct {
	viewFlags
	layerFlag

	Other    string `arg:"" predictor:"run" help:"Folder of the run to compare it with."`
	By       string `enum:"maps,activations" default:"maps" help:"What makes two neurons alike: their maps (default), or their activations on the same test images."`
	Show     string `enum:",learned,raw,init" default:"" placeholder:"WHAT" help:"learned (W − γW₀; default where both starts are known), raw (W) or init (W₀)."`
	Top      int    `default:"30" placeholder:"N" help:"Pairs to draw, the most alike; default 30."`
	MarkDead bool   `help:"Hatch the pixels that are never inked in the training images of the first run."`
}

func (compareCmd) Help() string {
	return `Pairs the hidden neurons of two runs so that the pairs are as alike as can be (Hungarian method), because
neurons have no order of their own, and draws the pairs with their differences. The second run turned by half a turn is
the control: as alike are maps that are only as smooth; for --by activations it is the second run before training.

Examples:

    neuroloupe compare runs/mnist-784-100-10-clear-s1 runs/mnist-784-100-10-clear-s2
    neuroloupe compare runs/clear runs/nielsen1 --by activations --top 50 -o pairs.png --data pairs.csv
`
}

func (c *compareCmd) Run(a *app) error {
	return c.with(a, func(a *app, v *gallery.View) error {
		other, err := a.open(c.Other, v.DataDir)
		if err != nil {
			return err
		}
		d, err := (&gallery.Compare{
			Style: c.style(), Other: other, Layer: c.Layer, By: c.By, Show: c.Show, Top: c.Top, MarkDead: c.MarkDead,
		}).Draw(v)
		if err == nil {
			err = c.draw(a, v, d)
		}
		return errors.Join(err, other.Close())
	}, sizing("--top", c.Top))
}
