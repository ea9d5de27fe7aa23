package main

import "neuroloupe/cmd/internal/gallery"

type ablateCmd struct {
	viewFlags
	layerFlag

	Top int `default:"12" placeholder:"N" help:"Neurons to show one by one, those that cost most; default 12."`
}

func (ablateCmd) Help() string {
	return `Shows what the network loses without its neurons: the test accuracy as more and more of a hidden layer's
neurons (--layer; default the last) are held at their mean activation, the important ones first, last, and in a random
order; what each costs alone, for each class; and that a neuron's selectivity says little about that.

Examples:

    neuroloupe ablate runs/mnist-784-100-10-clear-s1
    neuroloupe ablate runs/mnist-784-60-30-10-clear-s1 --layer 1 --top 20 --data ablate.csv
`
}

func (c *ablateCmd) Run(a *app) error {
	return c.picture(a, &gallery.Ablate{Style: c.style(), Layer: c.Layer, Top: c.Top}, sizing("--top", c.Top))
}
