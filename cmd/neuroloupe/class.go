package main

import "neuroloupe/cmd/internal/gallery"

type classCmd struct {
	viewFlags
	Class string `arg:"" help:"Class, by its name or number."`
	layerFlag

	Top int `default:"10" placeholder:"N" help:"Neurons of each order; default 10."`
}

func (classCmd) Help() string {
	return `Shows which neurons speak for a class: by what they give to its logit on the class's test images beyond what
they give on average, and beside that by their outgoing weight alone, which is what argsort of the weights names. A
large weight says nothing when the neuron is always on, or never.

Examples:

    neuroloupe class runs/mnist-784-100-10-clear-s1 3
    neuroloupe class runs/mnist-784-100-10-nielsen1-s1 3 --top 5 --data three.csv
`
}

func (c *classCmd) Run(a *app) error {
	return c.picture(a, &gallery.Class{Style: c.style(), Class: c.Class, Layer: c.Layer, Top: c.Top},
		sizing("--top", c.Top))
}
