package main

import "neuroloupe/cmd/internal/gallery"

type classesCmd struct {
	viewFlags
	layerFlag

	Top int `default:"100" placeholder:"N" help:"Neurons to show, the most important ones; default 100."`
}

func (classesCmd) Help() string {
	return `Shows which neurons of a hidden layer (--layer; default the last) speak for which class: a matrix of class ×
neuron with what each gives to a class's output on the images of that class, and how selective the neurons are.

Examples:

    neuroloupe classes runs/mnist-784-100-10-clear-s1
    neuroloupe classes runs/mnist-784-100-10-nielsen1-s1 --top 40 --data classes.npz -o classes.png
`
}

func (c *classesCmd) Run(a *app) error {
	return c.picture(a, &gallery.Classes{Style: c.style(), Layer: c.Layer, Top: c.Top}, sizing("--top", c.Top))
}
