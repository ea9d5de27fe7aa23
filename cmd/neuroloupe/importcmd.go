package main

import (
	"neuroloupe/cmd/internal/adopt"
	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

type importCmd struct {
	File string `arg:"" predictor:"file" help:"The JSON of Nielsen's network2.py, npz, or safetensors."`

	Hidden    *engine.Activation `group:"Network" placeholder:"NAME" help:"Hidden activation: sigmoid (default when the file does not say), tanh, relu or identity."`
	Output    *engine.Activation `group:"Network" placeholder:"NAME" help:"Output activation: sigmoid (default when the file does not say), softmax or identity."`
	Loss      *engine.Loss       `group:"Network" placeholder:"NAME" help:"What it was trained with: quadratic or cross-entropy."`
	Layout    exchange.Layout    `group:"Network" default:"auto" placeholder:"WAY" help:"Which way round its weights are: auto (default, by the shapes), in-out (Keras, scikit-learn) or out-in (Nielsen, PyTorch)."`
	BiasRow   exchange.End       `group:"Network" default:"auto" placeholder:"END" help:"Where its biases are when they are a row or column of the weights: auto (default), first or last."`
	Layers    []string           `group:"Network" placeholder:"fc1,fc2" help:"Names of its layers in order, when their numbers do not say it."`
	Normalize []float64          `group:"Network" placeholder:"MEAN,STD" help:"Its pixels were (pixel/255 − MEAN)/STD: 0.1307,0.3081 in PyTorch's example, 0,0.00392157 for pixels from 0 to 255. Default 0,1."`
	Transpose *bool              `group:"Network" negatable:"" help:"Its images were transposed, columns first, as MATLAB and EMNIST's files have them."`
	Flip      *adopt.Flip        `group:"Network" placeholder:"WAY" help:"Its images were mirrored: rows (the last row first), cols, both, or none."`
	Invert    *bool              `group:"Network" negatable:"" help:"Its ink was 0 and its paper 1."`
	Try       bool               `group:"Network" default:"true" negatable:"" help:"Try on the test images what nothing says, and take what is clearly right (default)."`

	Data    string `group:"Data" placeholder:"NAME|DIR|none" help:"Its data set: mnist (default for 784 inputs and 10 outputs), fashion, a folder with IDX files, or none."`
	Classes []int  `group:"Data" placeholder:"0,1" help:"The labels that its outputs stand for; default all."`
	Image   string `group:"Data" placeholder:"28x28" help:"Rows and columns of its input, without a data set; default square."`

	Out  string `group:"Run" predictor:"dir" placeholder:"DIR" help:"Run folder; default runs/NAME-OF-THE-FILE."`
	JSON bool   `group:"Run" name:"json" help:"Print one JSON document instead of words."`
}

func (importCmd) Help() string {
	return `Makes a run folder of a network that was trained elsewhere, so that its neurons can be looked at. Its layers
are found by the names and shapes of the file's arrays, whatever else is in it. What a file does not say of itself, its
activations above all, can be given. With a data set the network is tested, and what neither the file nor a flag says is
tried: other activations, scalings of the pixels, transposed, mirrored and inverted images, other orders of the classes.
What is clearly right is taken and said; --no-try takes the file as it is.

Examples:

    neuroloupe import mynet.json
    neuroloupe import digits.npz --hidden relu --output softmax --out runs/mine
    neuroloupe import model.safetensors --hidden relu --output softmax --normalize 0.1307,0.3081
    neuroloupe import letters.npz --data ~/emnist-letters --transpose
`
}

func (c *importCmd) Run(a *app) error {
	r, err := adopt.Import(a.ctx, adopt.Order{
		File: c.File, Hidden: c.Hidden, Output: c.Output, Loss: c.Loss, Layout: c.Layout, BiasRow: c.BiasRow,
		Layers:    c.Layers,
		Normalize: c.Normalize, Transpose: c.Transpose, Flip: c.Flip, Invert: c.Invert, Try: c.Try,
		Data: c.Data, Classes: c.Classes, Image: c.Image, Out: c.Out, Version: version(),
		Load: func(name string) (*mnist.Dataset, error) { return a.Load(a.ctx, name, "") },
	}, a)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(r)
	}
	return printRows(a.stdout, r.Rows())
}
