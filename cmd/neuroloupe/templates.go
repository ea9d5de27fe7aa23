package main

import (
	"fmt"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type templatesCmd struct {
	viewFlags

	Image  string `placeholder:"test:18" help:"Also the local templates at this image: test:18, train:3 or a PNG file."`
	Center bool   `help:"Fit the ink of a PNG into 20/28 of the image, its centre of mass in the middle, as MNIST's was."`
}

func (templatesCmd) Help() string {
	return `Draws what each class looks for, the network taken as one linear map: Σ W2·W1 over all hidden neurons; the same with each
neuron counted by its mean slope on the test images; and with --image the network's own linear map at that image.

Examples:

    neuroloupe templates runs/mnist-784-100-10-clear-s1
    neuroloupe templates runs/mnist-784-100-10-clear-s1 --image test:18 --data templates.npz
`
}

// templateKind is one way to make a template of each class.
type templateKind struct {
	name, title, caption string
	maps                 [][]float32
}

func (c *templatesCmd) Run(a *app) error {
	if c.Center && c.Image == "" {
		return usage("--center says how to read the PNG of --image; give that too")
	}
	return c.with(a, c.run)
}

func (c *templatesCmd) run(v *view) error {
	cmap, err := c.colormap()
	if err != nil {
		return err
	}
	fig := render.Figure{Title: "What each class looks for", Subtitle: v.line()}
	rows, cols := v.size()
	n, file := &numbers{}, "templates"
	addTexts(n, "classes", v.classes())
	kinds, err := v.templates()
	if err != nil {
		return err
	}
	if c.Image != "" {
		img, err := v.choose(c.Image, c.Center)
		if err != nil {
			return err
		}
		maps, err := v.net.LocalTemplates(v.app.ctx, inspect.Pixels(img.pixels))
		if err != nil {
			return err
		}
		file += "-" + img.file()
		kinds = append(kinds, templateKind{
			"local", "at " + img.name, "∂s_k/∂x: what ink would do to each class's logit at this very image", maps,
		})
		fig.Rows = append(fig.Rows, []render.Panel{render.Image{Title: img.name, Caption: img.note, Width: cols, Height: rows, Pixels: img.pixels, Side: 112}})
		addArray(n, "input", img.pixels, rows, cols)
	}
	for _, k := range kinds {
		s := render.Sheet{
			Title: k.title, Caption: k.caption, Width: cols, Height: rows, Cols: min(10, len(k.maps)),
			Colors: &render.Colors{Low: "ink lowers the logit", High: "ink raises the logit", Map: cmap},
		}
		var norms []float64
		for i, m := range k.maps {
			norms = append(norms, inspect.Norm(m))
			s.Tiles = append(s.Tiles, render.Tile{Map: m, Name: v.labels()[i], Lines: []string{fmt.Sprintf("‖t‖ %.3g", norms[i])}})
		}
		fig.Rows = append(fig.Rows, []render.Panel{s})
		addMatrix(n, k.name, k.maps)
		addVector(n, k.name+"_norm", norms)
	}
	negative, positive := cmap.Sides()
	fig.Caption = "Ink speaks for the class where it is " + positive + " and against it where it is " + negative + ". A template is not a picture of the class but of what tells it from the others; " +
		"each row has its own scale. Neurons bend: a template is what is left when they are taken as straight."
	return c.draw(v, fig, file, n)
}

// templates returns the ways to make templates that need no image.
func (v *view) templates() ([]templateKind, error) {
	t, err := v.subject.Templates(v.app.ctx)
	if err != nil {
		return nil, err
	}
	product := "Σ W2·W1"
	switch {
	case v.net.Hidden() > 0:
		product = "W1·W2·…"
	case v.net.Hidden() < 0:
		product = "W1"
	}
	kinds := []templateKind{{"plain", "plain: " + product, "every neuron counted alike", t.Plain}}
	if t.Learned != nil {
		kinds = append(kinds, templateKind{
			"learned", "plain, of what training added to W1", "W1 without its random start, W − γW₀", t.Learned,
		})
	}
	switch {
	case v.net.Hidden() < 0: // nothing bends
	case t.Sloped == nil:
		_, err := v.test()
		v.app.say("not weighted by slope: the test images cannot be read: %s", words.Line(err))
	default:
		title := "weighted by slope: Σ W2·E σ′·W1"
		if t.SlopedOf == inspect.ShowLearned {
			title += ", of what training added to W1"
		}
		kinds = append(kinds, templateKind{
			"slope_weighted", title, "a neuron that is stuck at 0 or 1 passes nothing on, so it counts for little", t.Sloped,
		})
	}
	return kinds, nil
}
