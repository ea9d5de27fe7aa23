package main

import (
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
)

type whyCmd struct {
	viewFlags
	layerFlag

	Image  string `required:"" placeholder:"test:18" help:"test:18 or train:3, counted from 0, or a PNG file."`
	Not    string `placeholder:"CLASS" help:"Contrast: what speaks for the answer and not for this class."`
	Top    int    `default:"3" placeholder:"N" help:"Neurons to draw, N that speak for the answer and N against; default 3."`
	Center bool   `help:"Fit the ink of a PNG into 20/28 of the image, its centre of mass in the middle, as MNIST's was."`
	JSON   bool   `name:"json" help:"Print one JSON document; the picture is drawn only with --output."`
}

func (whyCmd) Help() string {
	return `Follows one image through the network: input, hidden layer, outputs; then the neurons that speak most for
the answer and against it, each with its map, input×weight and evidence, and the sums, which must come to what the
network computed. Without --layer the neurons are those of the last hidden layer, for which evidence is exact.

Examples:

    neuroloupe why runs/mnist-784-100-10-clear-s1 --image test:18
    neuroloupe why runs/mnist-784-100-10-clear-s1 --image my-three.png --center --not 5 --data why.csv
`
}

func (c *whyCmd) Run(a *app) error {
	if c.JSON && c.Output == standard {
		return talk.Usage("--json and -o %s both want standard output; name a file", standard)
	}
	return c.with(a, c.run, sizing("--top", c.Top))
}

func (c *whyCmd) run(a *app, v *gallery.View) error {
	w := &gallery.Why{Style: c.style(), Image: c.Image, Center: c.Center, Not: c.Not, Layer: c.Layer, Top: c.Top}
	x, err := w.Explain(v)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := a.printJSON(x.Document()); err != nil || c.Output == "" && c.Numbers == "" {
			return err
		}
		quiet := *a
		quiet.stdout = a.Stderr
		a = &quiet // the paths are talk beside the document
		if c.Output == "" {
			return c.saveNumbers(a, v, x.Numbers(c.Top))
		}
	} else if err := printRows(a.stdout, x.Words()); err != nil {
		return err
	}
	d, err := w.DrawAccount(x)
	if err != nil {
		return err
	}
	return c.draw(a, v, d)
}
