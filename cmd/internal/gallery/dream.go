package gallery

import (
	"fmt"
	"math"

	"neuroloupe/cmd/internal/arrays"
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
	inspect.Made
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
	if _, err := v.ProbeTest(); err != nil {
		return nil, fmt.Errorf("images are held to what the test images are like: %w", err)
	}
	if d.test, err = v.Test(); err != nil {
		return nil, err
	}
	if d.prior, err = v.Subject.Prior(v.ctx); err != nil {
		return nil, err
	}
	neurons, err := c.which(v, d.layer)
	if err != nil {
		return nil, err
	}
	return d, c.make(v, d, classes, neurons)
}

// which are the hidden neurons that images are made up for.
func (c *Dream) which(v *View, layer int) ([]int, error) {
	if len(c.Neuron) > 0 || c.Top <= 0 {
		return c.Neuron, nil
	}
	imp, err := v.importance(layer)
	if err != nil {
		return nil, err
	}
	all := inspect.Descending(imp)
	return all[:min(c.Top, len(all))], nil
}

// make makes the images up. Those of the first layer's neurons have a closed form and take no time worth telling.
func (c *Dream) make(v *View, d *dreamt, classes, neurons []int) error {
	n := len(classes)
	if d.layer > 0 {
		n += len(neurons)
	}
	done, end := v.talk.Count("making up images", n, func(r float64) string { return fmt.Sprintf("%.0f/s", r) })
	defer end()
	ascended := 0
	tell := func() {
		ascended++
		done(ascended)
	}
	o := inspect.DreamOptions{L2: orNone(c.L2), TV: orNone(c.TV)}
	outputs, err := v.Subject.Dreams(v.ctx, v.Net.Last(), classes, o, tell)
	if err != nil {
		return err
	}
	for i, k := range classes {
		d.outputs = append(d.outputs, made{k, v.Labels()[k], outputs[i]})
	}
	if len(neurons) == 0 {
		return nil
	}
	d.ofNeuron = "by gradient ascent, as above"
	if d.layer == 0 {
		d.ofNeuron = fmt.Sprintf("in closed form, the mean image + Σw/τ, cut to what an image can be; τ puts it %.3g "+
			"from the mean (Mahalanobis), about as far as the data's images lie", math.Sqrt(d.prior.Dimension))
	}
	hidden, err := v.Subject.Dreams(v.ctx, d.layer, neurons, o, tell)
	if err != nil {
		return err
	}
	favourites, _ := v.Favourites(d.layer)
	for i, j := range neurons {
		d.neurons = append(d.neurons, made{j, v.tag(j, favourites[j]), hidden[i]})
	}
	return nil
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
			units, best, labels = append(units, m.unit), append(best, m.Best),
				append(labels, int(d.test.Labels[m.Best]))
			values, atBest, atMean = append(values, m.Value), append(atBest, m.AtBest), append(atMean, m.AtMean)
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
		case math.IsNaN(m.AtBest) || math.IsInf(m.AtBest, 0):
			reached = symbol + " is not finite"
		case m.Unmoved:
			reached = "no image moves it"
		}
		t.Lines = append(t.Lines, []string{reached, fmt.Sprintf("data's best %.3g", m.AtBest)})
	}
	return t
}

func (d *dreamt) bests(v *View, title string, all []made) render.Thumbs {
	shape := v.Shape()
	t := render.Thumbs{Title: title, Width: shape.Cols, Height: shape.Rows, Side: dreamSide}
	for _, m := range all {
		t.Images = append(t.Images, d.test.Image(m.Best))
		t.Names = append(t.Names, m.name)
		t.Lines = append(t.Lines, []string{fmt.Sprintf("test:%d", m.Best), "it is " +
			v.Labels()[d.test.Labels[m.Best]]})
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
