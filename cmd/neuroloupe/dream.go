package main

import "neuroloupe/cmd/internal/gallery"

type dreamCmd struct {
	viewFlags
	layerFlag

	Class  []string `placeholder:"NAME,…" help:"Classes to make images for; default all."`
	Neuron []int    `placeholder:"N,…" help:"Neurons to make images for; default the most important ones."`
	Top    int      `default:"10" placeholder:"N" help:"How many neurons, when --neuron does not say which; default 10."`
	L2     float64  `default:"0.5" name:"l2" help:"How much it costs to be far from the mean image; 0 is nothing, default 0.5."`
	TV     float64  `default:"0.5" name:"tv" help:"How much unevenness costs (total variation); 0 is nothing, default 0.5."`
}

func (dreamCmd) Help() string {
	return `Makes up images that excite outputs and hidden neurons (--layer; default the first), held to what the data's
images are like: for a neuron of the first layer in closed form, else by gradient ascent with L2 and total variation.
Under each stands the value reached, and what the data's own best image reaches.

Examples:

    neuroloupe dream runs/mnist-784-100-10-clear-s1
    neuroloupe dream runs/mnist-784-100-10-clear-s1 --class 3,8 --neuron 17,42 --tv 1 -o dream.png
`
}

func (c *dreamCmd) Run(a *app) error {
	top := sizing("--top", c.Top)
	top.Least = 0 // none
	return c.picture(a, &gallery.Dream{
		Style: c.style(), Layer: c.Layer, Class: c.Class, Neuron: c.Neuron, Top: c.Top, L2: c.L2, TV: c.TV,
	}, top, finite("--l2", c.L2), finite("--tv", c.TV))
}
