package gallery

import (
	"fmt"
	"math"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine/inspect"
	"neuroloupe/mnist"
	"neuroloupe/render"
)

// Dream makes up images that excite outputs and neurons, held to what the data is like.
type Dream struct {
	Style
	Layer  int      // hidden, from 1; 0 is the first
	Class  []string // whose outputs; none is all
	Neuron []int    // from 0; none are the most important
	Top    int      // so many of them
	L2     float64  // how much it costs to be far from the mean image; 0 is nothing
	TV     float64  // how much unevenness costs; 0 is nothing
}

// Draw makes the picture.
func (c *Dream) Draw(v *View) (*Drawing, error) {
	d, err := c.dream(v)
	if err != nil {
		return nil, err
	}
	fig := c.figure(v, d)
	return &Drawing{Name: withLayer("dream", d.layer, 0), Figure: fig, Numbers: d.numbers(v)}, nil
}

// dreamt are images made up for a run's network.
type dreamt struct {
	layer    int
	test     *mnist.Set
	prior    *inspect.Prior
	outputs  []made
	neurons  []made
	ofNeuron string // how those of the neurons were made
}

// made is an image made up for an output or a neuron.
type made struct {
	unit int
	name string
	*inspect.Dreamt
	best    int     // the test image that excites it most
	atBest  float64 // and how much
	mean    float64 // its mean over the test images
	unmoved bool    // it is the same for all of them, or not finite
}

func (c *Dream) dream(v *View) (*dreamt, error) {
	d := &dreamt{}
	var err error
	if d.layer, err = v.Hidden(c.Layer, 0); err != nil {
		return nil, err
	}
	var classes []int
	for _, name := range c.Class {
		k, err := v.Class(name)
		if err != nil {
			return nil, err
		}
		classes = append(classes, k)
	}
	for _, j := range c.Neuron {
		if err := v.neuron(j, d.layer); err != nil {
			return nil, err
		}
	}
	if len(classes) == 0 {
		for k := range v.Classes() {
			classes = append(classes, k)
		}
	}
	p, err := v.ProbeTest()
	if err != nil {
		return nil, fmt.Errorf("images are held to what the test images are like: %w", err)
	}
	if d.test, err = v.Test(); err != nil {
		return nil, err
	}
	shape := v.Shape()
	if d.prior, err = inspect.NewPrior(v.ctx, p.Data, shape.Rows, shape.Cols); err != nil {
		return nil, err
	}
	z, err := p.Values(v.ctx, v.Net, v.Net.Last(), true)
	if err != nil {
		return nil, err
	}
	for _, k := range classes {
		d.outputs = append(d.outputs, about(k, v.Labels()[k], inspect.Column(z, k)))
	}
	if err := c.neurons(v, p, d); err != nil {
		return nil, err
	}
	all := make([]*made, 0, len(d.outputs)+len(d.neurons))
	for i := range d.outputs {
		all = append(all, &d.outputs[i])
	}
	for i := range d.neurons {
		if d.neurons[i].Dreamt == nil {
			all = append(all, &d.neurons[i])
		}
	}
	err = talk.Parts(v.ctx, v.talk, "making up images", len(all), 1, func(i, _ int) error {
		layer := d.layer
		if i < len(d.outputs) {
			layer = v.Net.Last()
		}
		return c.ascend(v, d, layer, all[i])
	})
	return d, err
}

// about looks up what a unit does on the test images. z: its values on them.
func about(unit int, name string, z []float32) made {
	best := inspect.Descending(z)[0]
	m := made{unit: unit, name: name, best: best, atBest: float64(z[best])}
	for _, v := range z {
		m.mean += float64(v) / float64(len(z))
	}
	return m
}

// neurons chooses the hidden neurons and makes the images of those of the first layer, which have a closed form.
func (c *Dream) neurons(v *View, p inspect.Probe, d *dreamt) error {
	which := c.Neuron
	if len(which) == 0 && c.Top > 0 {
		imp, err := v.importance(d.layer)
		if err != nil {
			return err
		}
		which = inspect.Descending(imp)
		which = which[:min(c.Top, len(which))]
	}
	if len(which) == 0 {
		return nil
	}
	values, err := p.Values(v.ctx, v.Net, d.layer, true)
	if err != nil {
		return err
	}
	values = inspect.Columns(values, which)
	favourites, _ := v.Favourites(d.layer)
	d.ofNeuron = "by gradient ascent, as above"
	var patterns [][]float32
	if d.layer == 0 {
		d.ofNeuron = fmt.Sprintf("in closed form, the mean image + Σw/τ, cut to what an image can be; τ puts it %.3g "+
			"from the mean (Mahalanobis), about as far as the data's images lie", math.Sqrt(d.prior.Dimension))
		if patterns, err = inspect.Patterns(v.ctx, p.Data, v.Spec().Inputs, values); err != nil {
			return err
		}
	}
	for i, j := range which {
		m := about(j, v.tag(j, favourites[j]), inspect.Column(values, i))
		if d.layer == 0 {
			if m.Dreamt, err = v.Net.DreamNeuron(j, d.prior, patterns[i], 0); err != nil {
				return err
			}
		}
		d.neurons = append(d.neurons, m)
	}
	return nil
}

// ascend makes the image of a unit by gradient ascent. One that is the same for all test images is left at their mean.
func (c *Dream) ascend(v *View, d *dreamt, layer int, m *made) error {
	t, err := v.Net.Target(layer, m.unit, -1)
	if err != nil {
		return err
	}
	reach := m.atBest - m.mean
	if !(reach > 0) || math.IsInf(reach, 0) {
		m.unmoved, reach = true, 1
	}
	o := inspect.DreamOptions{Reach: reach, L2: orNone(c.L2), TV: orNone(c.TV)}
	m.Dreamt, err = v.Net.Dream(v.ctx, t, d.prior, o)
	return err
}

// orNone turns 0 into what inspect takes for no penalty.
func orNone(v float64) float64 {
	if v == 0 {
		return -1
	}
	return v
}

func (d *dreamt) numbers(v *View) *arrays.Set {
	n := &arrays.Set{}
	arrays.AddVector(n, "mean_image", d.prior.Mean)
	arrays.AddNumber(n, "distance_from_mean", math.Sqrt(d.prior.Dimension))
	for _, part := range []struct {
		name string
		all  []made
	}{{"output", d.outputs}, {"neuron", d.neurons}} {
		if len(part.all) == 0 {
			continue
		}
		var units, best, labels []int
		var values, atBest, atMean []float64
		var images [][]float32
		for _, m := range part.all {
			units, best, labels = append(units, m.unit), append(best, m.best),
				append(labels, int(d.test.Labels[m.best]))
			values, atBest, atMean = append(values, m.Value), append(atBest, m.atBest), append(atMean, m.AtMean)
			images = append(images, m.Image)
		}
		arrays.AddVector(n, part.name, units)
		arrays.AddMatrix(n, part.name+"_image", images)
		arrays.AddVector(n, part.name+"_value", values)
		arrays.AddVector(n, part.name+"_value_at_mean_image", atMean)
		arrays.AddVector(n, part.name+"_best_test_image", best)
		arrays.AddVector(n, part.name+"_best_test_label", labels)
		arrays.AddVector(n, part.name+"_value_at_best", atBest)
	}
	if len(d.neurons) > 0 {
		favourites, _ := v.Favourites(d.layer)
		var mine []int
		for _, m := range d.neurons {
			mine = append(mine, favourites[m.unit])
		}
		arrays.AddVector(n, "neuron_favourite", mine)
	}
	return n
}

func (c *Dream) figure(v *View, d *dreamt) render.Figure {
	fig := render.Figure{
		Title:    "Images made up to excite outputs and neurons",
		Subtitle: v.Line(),
		Caption: "Under each made-up image: what it reaches, and what the best test image reaches, which stands " +
			"below it. A made-up image is no example of anything: it shows what the weights ask for within what the " +
			"prior allows.",
		Rows: [][]render.Panel{
			{d.dreams(v, "Outputs: made up", fmt.Sprintf("By gradient ascent from the mean image; being far from it "+
				"costs %g, unevenness (total variation) %g of what the best test image gains.", c.L2, c.TV), "s",
				d.outputs)},
			{d.bests(v, "Outputs: the best test images", d.outputs)},
		},
	}
	if len(d.neurons) > 0 {
		best := d.bests(v, fmt.Sprintf("Neurons%s: the best test images", v.ofLayer(d.layer)), d.neurons)
		best.Caption = "→ the class that a neuron speaks for most; where its weight to that output is negative, it " +
			"does so by staying silent."
		fig.Rows = append(fig.Rows,
			[]render.Panel{d.dreams(v, fmt.Sprintf("Neurons%s: made up", v.ofLayer(d.layer)), "Made "+d.ofNeuron+".",
				"z", d.neurons)},
			[]render.Panel{best})
	}
	return fig
}

// dreamSide is how wide a made-up image is drawn, in pixels.
const dreamSide = 96

func (d *dreamt) dreams(v *View, title, caption, symbol string, all []made) render.Thumbs {
	shape := v.Shape()
	t := render.Thumbs{Title: title, Caption: caption, Width: shape.Cols, Height: shape.Rows, Side: dreamSide}
	for _, m := range all {
		t.Images = append(t.Images, bytesOf(m.Image))
		t.Names = append(t.Names, m.name)
		reached := fmt.Sprintf("%s = %.3g", symbol, m.Value)
		switch {
		case math.IsNaN(m.atBest) || math.IsInf(m.atBest, 0):
			reached = symbol + " is not finite"
		case m.unmoved:
			reached = "no image moves it"
		}
		t.Lines = append(t.Lines, []string{reached, fmt.Sprintf("data's best %.3g", m.atBest)})
	}
	return t
}

func (d *dreamt) bests(v *View, title string, all []made) render.Thumbs {
	shape := v.Shape()
	t := render.Thumbs{Title: title, Width: shape.Cols, Height: shape.Rows, Side: dreamSide}
	for _, m := range all {
		t.Images = append(t.Images, d.test.Image(m.best))
		t.Names = append(t.Names, m.name)
		t.Lines = append(t.Lines, []string{fmt.Sprintf("test:%d", m.best), "it is " +
			v.Labels()[d.test.Labels[m.best]]})
	}
	return t
}

// bytesOf turns an image of 0 to 1 into bytes.
func bytesOf(x []float32) []byte {
	b := make([]byte, len(x))
	for i, v := range x {
		b[i] = byte(math.Round(255 * float64(v)))
	}
	return b
}
