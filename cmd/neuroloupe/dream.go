package main

import (
	"fmt"
	"math"

	"neuroloupe/engine/inspect"
	"neuroloupe/mnist"
	"neuroloupe/render"
)

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
	return `Makes up images that excite outputs and hidden neurons (--layer; default the first), held to what the data's images are
like: for a neuron of the first layer in closed form, else by gradient ascent with L2 and total variation. Under each stands
the value reached, and what the data's own best image reaches.

Examples:

    neuroloupe dream runs/mnist-784-100-10-clear-s1
    neuroloupe dream runs/mnist-784-100-10-clear-s1 --class 3,8 --neuron 17,42 --tv 1 -o dream.png
`
}

func (c *dreamCmd) Run(a *app) error {
	top := sizing("--top", c.Top)
	top.least = 0 // none
	return c.with(a, c.run, top, finite("--l2", c.L2), finite("--tv", c.TV))
}

func (c *dreamCmd) run(v *view) error {
	d, err := c.dream(v)
	if err != nil {
		return err
	}
	fig := c.figure(v, d)
	return c.draw(v, fig, withLayer("dream", d.layer, 0), d.numbers(v))
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

func (c *dreamCmd) dream(v *view) (*dreamt, error) {
	d := &dreamt{}
	var err error
	if d.layer, err = v.hidden(c.Layer, 0); err != nil {
		return nil, err
	}
	var classes []int
	for _, name := range c.Class {
		k, err := v.class(name)
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
		for k := range v.classes() {
			classes = append(classes, k)
		}
	}
	p, err := v.probeTest()
	if err != nil {
		return nil, fmt.Errorf("images are held to what the test images are like: %w", err)
	}
	if d.test, err = v.test(); err != nil {
		return nil, err
	}
	rows, cols := v.size()
	if d.prior, err = inspect.NewPrior(v.app.ctx, p.Data, rows, cols); err != nil {
		return nil, err
	}
	z, err := p.Values(v.app.ctx, v.net, v.net.Last(), true)
	if err != nil {
		return nil, err
	}
	for _, k := range classes {
		d.outputs = append(d.outputs, about(k, v.labels()[k], inspect.Column(z, k)))
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
	err = v.app.parts("making up images", len(all), 1, func(i, _ int) error {
		layer := d.layer
		if i < len(d.outputs) {
			layer = v.net.Last()
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
func (c *dreamCmd) neurons(v *view, p inspect.Probe, d *dreamt) error {
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
	values, err := p.Values(v.app.ctx, v.net, d.layer, true)
	if err != nil {
		return err
	}
	values = inspect.Columns(values, which)
	favourites, _ := v.favourites(d.layer)
	d.ofNeuron = "by gradient ascent, as above"
	var patterns [][]float32
	if d.layer == 0 {
		d.ofNeuron = fmt.Sprintf("in closed form, the mean image + Σw/τ, cut to what an image can be; τ puts it %.3g from the mean (Mahalanobis), "+
			"about as far as the data's images lie", math.Sqrt(d.prior.Dimension))
		if patterns, err = inspect.Patterns(v.app.ctx, p.Data, v.spec().Inputs, values); err != nil {
			return err
		}
	}
	for i, j := range which {
		m := about(j, v.tag(j, favourites[j]), inspect.Column(values, i))
		if d.layer == 0 {
			if m.Dreamt, err = v.net.DreamNeuron(j, d.prior, patterns[i], 0); err != nil {
				return err
			}
		}
		d.neurons = append(d.neurons, m)
	}
	return nil
}

// ascend makes the image of a unit by gradient ascent. One that is the same for all test images is left at their mean.
func (c *dreamCmd) ascend(v *view, d *dreamt, layer int, m *made) error {
	t, err := v.net.Target(layer, m.unit, -1)
	if err != nil {
		return err
	}
	reach := m.atBest - m.mean
	if !(reach > 0) || math.IsInf(reach, 0) {
		m.unmoved, reach = true, 1
	}
	o := inspect.DreamOptions{Reach: reach, L2: orNone(c.L2), TV: orNone(c.TV)}
	m.Dreamt, err = v.net.Dream(v.app.ctx, t, d.prior, o)
	return err
}

// orNone turns 0 into what inspect takes for no penalty.
func orNone(v float64) float64 {
	if v == 0 {
		return -1
	}
	return v
}

func (d *dreamt) numbers(v *view) *numbers {
	n := &numbers{}
	addVector(n, "mean_image", d.prior.Mean)
	addNumber(n, "distance_from_mean", math.Sqrt(d.prior.Dimension))
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
			units, best, labels = append(units, m.unit), append(best, m.best), append(labels, int(d.test.Labels[m.best]))
			values, atBest, atMean = append(values, m.Value), append(atBest, m.atBest), append(atMean, m.AtMean)
			images = append(images, m.Image)
		}
		addVector(n, part.name, units)
		addMatrix(n, part.name+"_image", images)
		addVector(n, part.name+"_value", values)
		addVector(n, part.name+"_value_at_mean_image", atMean)
		addVector(n, part.name+"_best_test_image", best)
		addVector(n, part.name+"_best_test_label", labels)
		addVector(n, part.name+"_value_at_best", atBest)
	}
	if len(d.neurons) > 0 {
		favourites, _ := v.favourites(d.layer)
		var mine []int
		for _, m := range d.neurons {
			mine = append(mine, favourites[m.unit])
		}
		addVector(n, "neuron_favourite", mine)
	}
	return n
}

func (c *dreamCmd) figure(v *view, d *dreamt) render.Figure {
	fig := render.Figure{
		Title:    "Images made up to excite outputs and neurons",
		Subtitle: v.line(),
		Caption: "Under each made-up image: what it reaches, and what the best test image reaches, which stands below it. A made-up image is no " +
			"example of anything: it shows what the weights ask for within what the prior allows.",
		Rows: [][]render.Panel{
			{d.dreams(v, "Outputs: made up", fmt.Sprintf("By gradient ascent from the mean image; being far from it costs %g, unevenness (total "+
				"variation) %g of what the best test image gains.", c.L2, c.TV), "s", d.outputs)},
			{d.bests(v, "Outputs: the best test images", d.outputs)},
		},
	}
	if len(d.neurons) > 0 {
		best := d.bests(v, fmt.Sprintf("Neurons%s: the best test images", v.ofLayer(d.layer)), d.neurons)
		best.Caption = "→ the class that a neuron speaks for most; where its weight to that output is negative, it does so by staying silent."
		fig.Rows = append(fig.Rows,
			[]render.Panel{d.dreams(v, fmt.Sprintf("Neurons%s: made up", v.ofLayer(d.layer)), "Made "+d.ofNeuron+".", "z", d.neurons)},
			[]render.Panel{best})
	}
	return fig
}

// dreamSide is how wide a made-up image is drawn, in pixels.
const dreamSide = 96

func (d *dreamt) dreams(v *view, title, caption, symbol string, all []made) render.Thumbs {
	rows, cols := v.size()
	t := render.Thumbs{Title: title, Caption: caption, Width: cols, Height: rows, Side: dreamSide}
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

func (d *dreamt) bests(v *view, title string, all []made) render.Thumbs {
	rows, cols := v.size()
	t := render.Thumbs{Title: title, Width: cols, Height: rows, Side: dreamSide}
	for _, m := range all {
		t.Images = append(t.Images, d.test.Image(m.best))
		t.Names = append(t.Names, m.name)
		t.Lines = append(t.Lines, []string{fmt.Sprintf("test:%d", m.best), "it is " + v.labels()[d.test.Labels[m.best]]})
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
