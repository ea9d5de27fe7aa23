package main

import (
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/render"
)

type sheetCmd struct {
	viewFlags
	layerFlag

	Show     string `enum:",learned,raw,init,all" default:"" placeholder:"WHAT" help:"learned (W − γW₀, what training put there; default), raw (W; default for an imported network), init (W₀), or all three side by side."`
	Scale    string `enum:"shared,neuron,percentile" default:"shared" help:"shared (default: one scale), neuron (each its own), percentile (one scale that clips the largest half per cent)."`
	Order    string `enum:"index,norm,class,importance,similarity" default:"index" help:"index (default), norm (largest first), class (favourite class, then norm), importance (what moves the outputs most first), similarity (like beside like)."`
	Top      int    `placeholder:"N" help:"Only the first N in that order; default all."`
	MarkDead bool   `help:"Hatch the pixels that are never inked in the training images."`
	Cols     int    `placeholder:"N" help:"Tiles in a row; default chosen."`
	Tile     int    `placeholder:"PX" help:"Width of a tile in pixels; default chosen."`
}

func (sheetCmd) Help() string {
	return `Draws the weight maps of all neurons of a hidden layer, one tile each, and prints the picture's path.
Neurons of a deeper layer (--layer) are shown along the linearised path to the input: what each would look for if the
layers before it were linear.

Examples:

    neuroloupe sheet runs/mnist-784-100-10-clear-s1
    neuroloupe sheet runs/mnist-784-100-10-nielsen1-s1 --show all --order class -o compare.png
    neuroloupe sheet runs/mnist-784-60-30-10-clear-s1 --layer 2 --order similarity --data sheet.npz
`
}

func (c *sheetCmd) Run(a *app) error {
	return c.picture(a, &gallery.Sheet{
		Style: c.style(), Layer: c.Layer, Show: c.Show, Scale: c.Scale, Order: c.Order, Top: c.Top,
		MarkDead: c.MarkDead,
		Cols:     c.Cols, Tile: c.Tile,
	}, tiles(c.Tile, c.Cols, c.Top)...)
}

// tiles are the numbers of a sheet.
func tiles(tile, cols, top int) []flagNumber {
	return []flagNumber{
		sizing("--tile", tile).upTo(render.MaxSide).orChosen(),
		sizing("--cols", cols).upTo(render.MaxSide).orChosen(),
		sizing("--top", top).orChosen(),
	}
}
