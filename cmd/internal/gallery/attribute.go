package gallery

import (
	"fmt"
	"math"
	"path/filepath"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Attribute shares an output out over the pixels of an image, by three methods with a control.
type Attribute struct {
	Style
	Image  string // see View.Choose
	Center bool   // move a PNG's ink as MNIST's was
	Class  string // whose output; "" is the class predicted
	Not    string // the difference to the output of this class; "" for none
	Steps  int    // of integrated gradients
}

// Draw makes the picture.
func (c *Attribute) Draw(v *View) (*Drawing, error) {
	img, err := v.Choose(c.Image, c.Center)
	if err != nil {
		return nil, err
	}
	at, err := c.attribute(v, img)
	if err != nil {
		return nil, err
	}
	fig, err := c.figure(v, img, at)
	if err != nil {
		return nil, err
	}
	return &Drawing{Name: "attribute-" + img.file(), Figure: fig, Numbers: at.numbers(v, img)}, nil
}

// attributed is an output shared out over the pixels of an image.
type attributed struct {
	class, not, predicted int // not is −1 for none
	all                   []inspect.Control
}

func (c *Attribute) attribute(v *View, img Chosen) (*attributed, error) {
	answer, err := v.ask(img)
	if err != nil {
		return nil, err
	}
	at := &attributed{class: answer, not: -1, predicted: answer}
	if c.Class != "" {
		if at.class, err = v.Class(c.Class); err != nil {
			return nil, err
		}
	}
	if c.Not != "" {
		if at.not, err = v.Class(c.Not); err != nil {
			return nil, err
		}
		if at.not == at.class {
			return nil, talk.Usage("--not %s: that is the class itself", c.Not)
		}
	}
	at.all, err = v.Subject.Attributed(v.ctx, inspect.Pixels(img.Pixels), at.class, at.not,
		inspect.AttributeOptions{Steps: c.Steps}, controlSeed)
	return at, err
}

// target names what is shared out, by the names of the classes given.
func (at *attributed) target(names []string) string {
	if at.not >= 0 {
		return fmt.Sprintf("s(%s) − s(%s)", names[at.class], names[at.not])
	}
	return fmt.Sprintf("s(%s)", names[at.class])
}

// methodKey is what a method is called among the numbers.
func methodKey(m inspect.AttributeMethod) string {
	return [...]string{
		inspect.GradientInput: "gradient_input", inspect.IntegratedGradients: "integrated_gradients",
		inspect.LRP: "lrp",
	}[m]
}

func (at *attributed) numbers(v *View, img Chosen) *arrays.Set {
	n := &arrays.Set{}
	arrays.AddTexts(n, "target", []string{at.target(v.Classes())})
	arrays.AddVector(n, "image", img.Pixels)
	if img.Label >= 0 {
		arrays.AddNumber(n, "label", img.Label)
	}
	arrays.AddNumber(n, "predicted", at.predicted)
	for _, c := range at.all {
		name := methodKey(c.Method)
		for _, w := range []struct {
			name string
			a    inspect.Attribution
		}{{name, c.Net}, {name + "_random", c.Random}} {
			arrays.AddVector(n, w.name, w.a.Map)
			arrays.AddVector(n, w.name+"_sum_whole_residual", []float64{w.a.Sum, w.a.Whole, w.a.Residual})
			if c.Method == inspect.LRP {
				arrays.AddVector(n, w.name+"_took_bias_stabiliser", []float64{w.a.Bias, w.a.Stabiliser})
			}
		}
		arrays.AddVector(n, name+"_likeness", []float64{c.Between.Pearson, c.Between.Spearman, c.Between.SpearmanAbs})
	}
	return n
}

func (c *Attribute) figure(v *View, img Chosen, at *attributed) (render.Figure, error) {
	colormap, err := c.Map()
	if err != nil {
		return render.Figure{}, err
	}
	shape := v.Shape()
	input := render.Image{
		Key:   "image",
		Title: filepath.Base(img.Name),
		Width: shape.Cols, Height: shape.Rows, Pixels: img.Pixels, Caption: v.chosenCaption(img, at.predicted),
	}
	learned, random := []render.Panel{input}, []render.Panel{render.Image{
		Key: "image", Title: "The same, weights drawn at random", Width: shape.Cols, Height: shape.Rows,
		Pixels:  img.Pixels,
		Caption: "The control: what a network shows that has learned nothing.",
	}}
	for _, m := range at.all {
		draw := func(key, title, caption string, a inspect.Attribution) render.Map {
			return render.Map{
				Key: key, Title: title, Width: shape.Cols, Height: shape.Rows, Values: a.Map, Caption: caption,
				Colors: &render.Colors{
					Name: "share of " + at.target(v.Labels()), Low: "speaks against",
					High: "speaks for", Map: colormap,
				},
			}
		}
		learned = append(learned, draw(methodKey(m.Method), m.Method.String(), sums(m.Method, m.Net), m.Net))
		random = append(random, draw(methodKey(m.Method)+"_random", m.Method.String(),
			fmt.Sprintf("Likeness to the one above: %.2f, of the ranks of the absolute values %.2f.",
				m.Between.Pearson, m.Between.SpearmanAbs), m.Random))
	}
	caption := fmt.Sprintf("Each pixel's share of %s, s being the weighted input of an output%s. Pixels without ink "+
		"have no share in any of these methods. Each map has its own scale. A likeness near 1 would say that the map "+
		"shows the image and not what was learned.",
		at.target(v.Labels()), before(v.Spec().Layers[v.Net.Last()].Activation))
	return render.Figure{
		Title: fmt.Sprintf("Which pixels of %s the output comes from: %s", filepath.Base(img.Name),
			at.target(v.Labels())),
		Subtitle: v.Line(), Caption: caption,
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
func (v *View) chosenCaption(img Chosen, predicted int) string {
	s := fmt.Sprintf("The network says %s.", v.Labels()[predicted])
	if img.Label >= 0 {
		s = fmt.Sprintf("It is %s; the network says %s.", v.Labels()[img.Label], v.Labels()[predicted])
	}
	if img.Note != "" {
		s += " " + img.Note + "."
	}
	return s
}

// sums says whether the shares add up to what they are of.
func sums(m inspect.AttributeMethod, a inspect.Attribution) string {
	switch m {
	case inspect.IntegratedGradients:
		return fmt.Sprintf("Σ = %.4f; the output less that of a black image is %.4f: they differ by %.1g.", a.Sum,
			a.Whole, math.Abs(a.Residual))
	case inspect.LRP:
		return fmt.Sprintf("Σ = %.3f of %.3f; biases took %.3f, ε %.3f.", a.Sum, a.Whole, a.Bias, a.Stabiliser)
	}
	return fmt.Sprintf("Σ = %.3f of %.3f: it need not add up, because the network is not linear.", a.Sum, a.Whole)
}
