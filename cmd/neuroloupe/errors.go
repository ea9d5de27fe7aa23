package main

import "neuroloupe/cmd/internal/gallery"

type errorsCmd struct {
	viewFlags
	layerFlag

	Top   int    `default:"5" placeholder:"N" help:"Mistakes to explain one by one, the worst; default 5."`
	Class string `placeholder:"NAME" help:"Only images of this class."`
}

func (errorsCmd) Help() string {
	return `Shows the worst mistakes on the test images: which were taken for what, and for the worst of them the
neurons of a hidden layer (--layer; default the last) that drove the wrong output above the right one.

Examples:

    neuroloupe errors runs/mnist-784-100-10-clear-s1
    neuroloupe errors runs/mnist-784-100-10-clear-s1 --class 8 --top 3 -o eights.png
`
}

func (c *errorsCmd) Run(a *app) error {
	return c.picture(a, &gallery.Errors{Style: c.style(), Layer: c.Layer, Top: c.Top, Class: c.Class},
		sizing("--top", c.Top))
}
