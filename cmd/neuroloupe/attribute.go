package main

import (
	"fmt"
	"math"
	"path/filepath"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type attributeCmd struct {
	viewFlags

	Image  string `required:"" placeholder:"test:18" help:"The image: test:18 or train:3 of the data set, counted from 0, or a PNG file."`
	Center bool   `help:"Move the ink of a PNG to the middle and to the size of MNIST's digits."`
	Class  string `placeholder:"NAME" help:"The class whose output is shared out; default the one predicted."`
	Not    string `placeholder:"NAME" help:"Share out what speaks for the class and not for this one: the difference of the two outputs."`
	Steps  int    `default:"128" placeholder:"N" help:"Steps of integrated gradients; default 128."`
}

func (attributeCmd) Help() string {
	return `Shows which pixels of an image an output comes from, by three methods: gradient×input, integrated gradients and
LRP-ε; each beside the same for a network with random weights: a picture that looks alike there shows the image, not what
was learned.

Examples:

    neuroloupe attribute runs/mnist-784-100-10-clear-s1 --image test:18
    neuroloupe attribute runs/mnist-784-100-10-clear-s1 --image digit.png --class 3 --not 5 --data attribution.npz
`
}

func (c *attributeCmd) Run(a *app) error {
	return c.with(a, c.run, atLeast("--steps", c.Steps, 1))
}

func (c *attributeCmd) run(v *view) error {
	img, err := v.choose(c.Image, c.Center)
	if err != nil {
		return err
	}
	at, err := c.attribute(v, img)
	if err != nil {
		return err
	}
	fig, err := c.figure(v, img, at)
	if err != nil {
		return err
	}
	return c.draw(v, fig, "attribute-"+img.file(), at.numbers(v, img))
}

// attributed is an output shared out over the pixels of an image.
type attributed struct {
	class, not, predicted int // not is −1 for none
	all                   []inspect.Control
}

func (c *attributeCmd) attribute(v *view, img chosen) (*attributed, error) {
	_, answer, err := v.ask(img)
	if err != nil {
		return nil, err
	}
	at := &attributed{class: answer, not: -1, predicted: answer}
	if c.Class != "" {
		if at.class, err = v.class(c.Class); err != nil {
			return nil, err
		}
	}
	if c.Not != "" {
		if at.not, err = v.class(c.Not); err != nil {
			return nil, err
		}
		if at.not == at.class {
			return nil, usage("--not %s: that is the class itself", c.Not)
		}
	}
	t, err := v.net.Target(v.net.Last(), at.class, at.not)
	if err != nil {
		return nil, err
	}
	at.all, err = v.net.AttributeAll(v.app.ctx, inspect.Pixels(img.pixels), t, inspect.AttributeOptions{Steps: c.Steps}, controlSeed)
	return at, err
}

// target names what is shared out, by the names of the classes given.
func (at *attributed) target(names []string) string {
	if at.not >= 0 {
		return fmt.Sprintf("s(%s) − s(%s)", names[at.class], names[at.not])
	}
	return fmt.Sprintf("s(%s)", names[at.class])
}

func (at *attributed) numbers(v *view, img chosen) *numbers {
	n := &numbers{}
	addTexts(n, "target", []string{at.target(v.classes())})
	addVector(n, "image", img.pixels)
	if img.label >= 0 {
		addNumber(n, "label", img.label)
	}
	addNumber(n, "predicted", at.predicted)
	for _, c := range at.all {
		name := [...]string{inspect.GradientInput: "gradient_input", inspect.IntegratedGradients: "integrated_gradients", inspect.LRP: "lrp"}[c.Method]
		for _, w := range []struct {
			name string
			a    inspect.Attribution
		}{{name, c.Net}, {name + "_random", c.Random}} {
			addVector(n, w.name, w.a.Map)
			addVector(n, w.name+"_sum_whole_residual", []float64{w.a.Sum, w.a.Whole, w.a.Residual})
			if c.Method == inspect.LRP {
				addVector(n, w.name+"_took_bias_stabiliser", []float64{w.a.Bias, w.a.Stabiliser})
			}
		}
		addVector(n, name+"_likeness", []float64{c.Between.Pearson, c.Between.Spearman, c.Between.SpearmanAbs})
	}
	return n
}

func (c *attributeCmd) figure(v *view, img chosen, at *attributed) (render.Figure, error) {
	colormap, err := c.colormap()
	if err != nil {
		return render.Figure{}, err
	}
	rows, cols := v.size()
	input := render.Image{Title: filepath.Base(img.name), Width: cols, Height: rows, Pixels: img.pixels, Caption: v.chosenCaption(img, at.predicted)}
	learned, random := []render.Panel{input}, []render.Panel{render.Image{
		Title: "The same, weights drawn at random", Width: cols, Height: rows, Pixels: img.pixels,
		Caption: "The control: what a network shows that has learned nothing.",
	}}
	for _, m := range at.all {
		draw := func(title, caption string, a inspect.Attribution) render.Map {
			return render.Map{
				Title: title, Width: cols, Height: rows, Values: a.Map, Caption: caption,
				Colors: &render.Colors{Name: "share of " + at.target(v.labels()), Low: "speaks against", High: "speaks for", Map: colormap},
			}
		}
		learned = append(learned, draw(m.Method.String(), sums(m.Method, m.Net), m.Net))
		random = append(random, draw(m.Method.String(), fmt.Sprintf("Likeness to the one above: %.2f, of the ranks of the absolute values %.2f.",
			m.Between.Pearson, m.Between.SpearmanAbs), m.Random))
	}
	caption := fmt.Sprintf("Each pixel's share of %s, s being the weighted input of an output%s. Pixels without ink have no share in any of "+
		"these methods. Each map has its own scale. A likeness near 1 would say that the map shows the image and not what was learned.",
		at.target(v.labels()), before(v.spec().Layers[v.net.Last()].Activation))
	return render.Figure{
		Title:    fmt.Sprintf("Which pixels of %s the output comes from: %s", filepath.Base(img.name), at.target(v.labels())),
		Subtitle: v.line(), Caption: caption,
		Rows: [][]render.Panel{learned, random},
	}, nil
}

// before says that an activation comes after.
func before(act engine.Activation) string {
	if act == engine.Identity {
		return ""
	}
	return fmt.Sprintf(", before the %v", act)
}

// chosenCaption says what an image is and what the network takes it for.
func (v *view) chosenCaption(img chosen, predicted int) string {
	s := fmt.Sprintf("The network says %s.", v.labels()[predicted])
	if img.label >= 0 {
		s = fmt.Sprintf("It is %s; the network says %s.", v.labels()[img.label], v.labels()[predicted])
	}
	if img.note != "" {
		s += " " + img.note + "."
	}
	return s
}

// sums says whether the shares add up to what they are of.
func sums(m inspect.AttributeMethod, a inspect.Attribution) string {
	switch m {
	case inspect.IntegratedGradients:
		return fmt.Sprintf("Σ = %.4f; the output less that of a black image is %.4f: they differ by %.1g.", a.Sum, a.Whole, math.Abs(a.Residual))
	case inspect.LRP:
		return fmt.Sprintf("Σ = %.3f of %.3f; biases took %.3f, ε %.3f.", a.Sum, a.Whole, a.Bias, a.Stabiliser)
	}
	return fmt.Sprintf("Σ = %.3f of %.3f: it need not add up, because the network is not linear.", a.Sum, a.Whole)
}
