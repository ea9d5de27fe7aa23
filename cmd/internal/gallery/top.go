package gallery

import (
	"fmt"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Top is the test images that excite neurons most.
type Top struct {
	Style
	Layer  int   // hidden, from 1; 0 is the first
	Neuron []int // from 0; none are the most important
	Top    int   // so many of them
	Count  int   // images of each
}

// Draw makes the picture.
func (c *Top) Draw(v *View) (*Drawing, error) {
	layer, err := v.Hidden(c.Layer, 0)
	if err != nil {
		return nil, err
	}
	for _, j := range c.Neuron {
		if err := v.neuron(j, layer); err != nil {
			return nil, err
		}
	}
	if _, err := v.ProbeTest(); err != nil {
		return nil, fmt.Errorf("the images that excite a neuron are looked for among the test images: %w", err)
	}
	test, err := v.Test()
	if err != nil {
		return nil, err
	}
	units := c.Neuron
	which := "the neurons asked for"
	if len(units) == 0 {
		importance, err := v.importance(layer)
		if err != nil {
			return nil, err
		}
		units = inspect.Descending(importance)[:min(c.Top, len(importance))]
		which = "the most important neurons"
		if len(units) == len(importance) {
			which = "all neurons, the most important first"
		}
	}
	best, err := v.Subject.Excited(v.ctx, layer, units, c.Count)
	if err != nil {
		return nil, err
	}
	maps, what, err := v.mapsOf(layer, units)
	if err != nil {
		return nil, err
	}
	cmap, err := c.Map()
	if err != nil {
		return nil, err
	}
	favourites, _ := v.Favourites(layer)
	shape := v.Shape()
	colors := &render.Colors{Name: what, Low: "ink lowers z", High: "ink raises z", Map: cmap}
	n := &arrays.Set{}
	arrays.AddVector(n, "neurons", units)
	arrays.AddMatrix(n, "maps", maps)
	fig := render.Figure{
		Title: fmt.Sprintf("What excites %s%s most", which, v.ofLayer(layer)), Subtitle: v.Line(),
		Caption: fmt.Sprintf("Beside each neuron's map, one scale for all, are the %d of %s test images with the "+
			"largest z, largest first, with class and z.", c.Count, words.Thousands(test.Len())),
	}
	var images [][]int
	var values [][]float64
	for i, j := range units {
		strip, err := v.strip(best[i].Top, best[i].TopZ)
		if err != nil {
			return nil, err
		}
		images, values = append(images, best[i].Top), append(values, best[i].TopZ)
		fig.Rows = append(fig.Rows, []render.Panel{
			render.Map{
				Key:   "maps",
				Title: fmt.Sprintf("neuron %d", j), Caption: v.speaks(layer, j, favourites[j]),
				Width: shape.Cols, Height: shape.Rows, Values: maps[i], Colors: colors, Side: 112,
			},
			strip,
		})
	}
	arrays.AddVector(n, "favourite", arrays.Pick(favourites, units))
	arrays.AddMatrix(n, "images", images)
	arrays.AddMatrix(n, "labels", arrays.PickRows(test.Labels, images))
	arrays.AddMatrix(n, "z", values)
	file := withLayer("top", layer, 0)
	if len(c.Neuron) > 0 {
		file += "-neuron"
		for _, j := range c.Neuron[:min(len(c.Neuron), 5)] {
			file += fmt.Sprintf("-%d", j)
		}
	}
	return &Drawing{Name: file, Figure: fig, Numbers: n}, nil
}
