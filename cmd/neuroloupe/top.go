package main

import (
	"fmt"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type topCmd struct {
	viewFlags
	layerFlag

	Neuron []int `placeholder:"3,17" help:"These neurons; default the most important."`
	Top    int   `default:"10" placeholder:"N" help:"The N most important neurons; default 10."`
	Count  int   `default:"9" placeholder:"N" help:"Images of each; default 9."`
}

func (topCmd) Help() string {
	return `Draws the test images that excite neurons most, by their weighted input z: a sigmoid's activation is 1 for many of them.
Importance is Σ over the classes of |contribution|; see neuroloupe explain importance.

Examples:

    neuroloupe top runs/mnist-784-100-10-clear-s1
    neuroloupe top runs/mnist-784-100-10-clear-s1 --neuron 3,17 --count 12
`
}

func (c *topCmd) Run(a *app) error {
	return c.with(a, c.run, sizing("--top", c.Top), sizing("--count", c.Count))
}

func (c *topCmd) run(v *view) error {
	layer, err := v.hidden(c.Layer, 0)
	if err != nil {
		return err
	}
	for _, j := range c.Neuron {
		if err := v.neuron(j, layer); err != nil {
			return err
		}
	}
	p, err := v.probeTest()
	if err != nil {
		return fmt.Errorf("the images that excite a neuron are looked for among the test images: %w", err)
	}
	test, err := v.test()
	if err != nil {
		return err
	}
	units := c.Neuron
	which := "the neurons asked for"
	if len(units) == 0 {
		importance, err := v.importance(layer)
		if err != nil {
			return err
		}
		units = inspect.Descending(importance)[:min(c.Top, len(importance))]
		which = "the most important neurons"
		if len(units) == len(importance) {
			which = "all neurons, the most important first"
		}
	}
	z, err := p.Values(v.app.ctx, v.net, layer, true)
	if err != nil {
		return err
	}
	maps, what, err := v.mapsOf(layer, units)
	if err != nil {
		return err
	}
	cmap, err := c.colormap()
	if err != nil {
		return err
	}
	favourites, _ := v.favourites(layer)
	rows, cols := v.size()
	colors := &render.Colors{Name: what, Low: "ink lowers z", High: "ink raises z", Map: cmap}
	n := &numbers{}
	addVector(n, "neurons", units)
	addMatrix(n, "maps", maps)
	fig := render.Figure{
		Title: fmt.Sprintf("What excites %s%s most", which, v.ofLayer(layer)), Subtitle: v.line(),
		Caption: fmt.Sprintf("Beside each neuron's map, one scale for all, are the %d of %s test images with the largest z, largest first, with class and z.", c.Count, words.Thousands(test.Len())),
	}
	var images [][]int
	var values [][]float64
	for i, j := range units {
		column := inspect.Column(z, j)
		best := inspect.FindExtremes(column, c.Count).Top
		strip, zs, err := v.strip(best, column)
		if err != nil {
			return err
		}
		images, values = append(images, best), append(values, zs)
		fig.Rows = append(fig.Rows, []render.Panel{
			render.Map{
				Title: fmt.Sprintf("neuron %d", j), Caption: v.speaks(layer, j, favourites[j]), Width: cols, Height: rows, Values: maps[i], Colors: colors, Side: 112,
			},
			strip,
		})
	}
	addVector(n, "favourite", pick(favourites, units))
	addMatrix(n, "images", images)
	addMatrix(n, "labels", pickRows(test.Labels, images))
	addMatrix(n, "z", values)
	file := withLayer("top", layer, 0)
	if len(c.Neuron) > 0 {
		file += "-neuron"
		for _, j := range c.Neuron[:min(len(c.Neuron), 5)] {
			file += fmt.Sprintf("-%d", j)
		}
	}
	return c.draw(v, fig, file, n)
}
