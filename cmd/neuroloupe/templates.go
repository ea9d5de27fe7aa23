package main

import (
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
)

type templatesCmd struct {
	viewFlags

	Image  string `placeholder:"test:18" help:"Also the local templates at this image: test:18, train:3 or a PNG file."`
	Center bool   `help:"Fit the ink of a PNG into 20/28 of the image, its centre of mass in the middle, as MNIST's was."`
}

func (templatesCmd) Help() string {
	return `Draws what each class looks for, the network taken as one linear map: Σ W2·W1 over all hidden neurons; the
same with each neuron counted by its mean slope on the test images; and with --image the network's own linear map at
that image.

Examples:

    neuroloupe templates runs/mnist-784-100-10-clear-s1
    neuroloupe templates runs/mnist-784-100-10-clear-s1 --image test:18 --data templates.npz
`
}

func (c *templatesCmd) Run(a *app) error {
	if c.Center && c.Image == "" {
		return talk.Usage("--center says how to read the PNG of --image; give that too")
	}
	return c.picture(a, &gallery.Templates{Style: c.style(), Image: c.Image, Center: c.Center})
}
