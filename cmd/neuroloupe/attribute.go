package main

import "neuroloupe/cmd/internal/gallery"

type attributeCmd struct {
	viewFlags

	Image  string `required:"" placeholder:"test:18" help:"The image: test:18 or train:3 of the data set, counted from 0, or a PNG file."`
	Center bool   `help:"Move the ink of a PNG to the middle and to the size of MNIST's digits."`
	Class  string `placeholder:"NAME" help:"The class whose output is shared out; default the one predicted."`
	Not    string `placeholder:"NAME" help:"Share out what speaks for the class and not for this one: the difference of the two outputs."`
	Steps  int    `default:"128" placeholder:"N" help:"Steps of integrated gradients; default 128."`
}

func (attributeCmd) Help() string {
	return `Shows which pixels of an image an output comes from, by three methods: gradient×input, integrated gradients
and LRP-ε; each beside the same for a network with random weights: a picture that looks alike there shows the image, not
what was learned.

Examples:

    neuroloupe attribute runs/mnist-784-100-10-clear-s1 --image test:18
    neuroloupe attribute runs/mnist-784-100-10-clear-s1 --image digit.png --class 3 --not 5 --data attribution.npz
`
}

func (c *attributeCmd) Run(a *app) error {
	return c.picture(a, &gallery.Attribute{
		Style: c.style(), Image: c.Image, Center: c.Center, Class: c.Class, Not: c.Not, Steps: c.Steps,
	}, atLeast("--steps", c.Steps, 1))
}
