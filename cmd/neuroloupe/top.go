package main

import "neuroloupe/cmd/internal/gallery"

type topCmd struct {
	viewFlags
	layerFlag

	Neuron []int `placeholder:"3,17" help:"These neurons; default the most important."`
	Top    int   `default:"10" placeholder:"N" help:"The N most important neurons; default 10."`
	Count  int   `default:"9" placeholder:"N" help:"Images of each; default 9."`
}

func (topCmd) Help() string {
	return `Draws the test images that excite neurons most, by their weighted input z: a sigmoid's activation is 1 for
many of them. Importance is Σ over the classes of |contribution|; see neuroloupe explain importance.

Examples:

    neuroloupe top runs/mnist-784-100-10-clear-s1
    neuroloupe top runs/mnist-784-100-10-clear-s1 --neuron 3,17 --count 12
`
}

func (c *topCmd) Run(a *app) error {
	return c.picture(a, &gallery.Top{
		Style: c.style(), Layer: c.Layer, Neuron: c.Neuron, Top: c.Top, Count: c.Count,
	}, sizing("--top", c.Top), sizing("--count", c.Count))
}
