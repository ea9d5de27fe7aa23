package main

import "neuroloupe/cmd/internal/gallery"

type neuronCmd struct {
	viewFlags
	Neuron int `arg:"" help:"Its number, from 0."`
	layerFlag

	Count    int  `default:"10" placeholder:"N" help:"Images at each end; default 10."`
	MarkDead bool `help:"Hatch the pixels that are never inked in the training images."`
}

func (neuronCmd) Help() string {
	return `Draws one page on one neuron: its weights, what training added and the start; its pattern; the images that
excite it most and least, and those between; what it does for each class, and what the network loses without it.

Examples:

    neuroloupe neuron runs/mnist-784-100-10-clear-s1 17
    neuroloupe neuron runs/mnist-784-60-30-10-clear-s1 3 --layer 2 --data neuron.npz
`
}

func (c *neuronCmd) Run(a *app) error {
	return c.picture(a, &gallery.Neuron{
		Style: c.style(), Neuron: c.Neuron, Layer: c.Layer, Count: c.Count, MarkDead: c.MarkDead,
	}, sizing("--count", c.Count))
}
