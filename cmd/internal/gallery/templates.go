package gallery

import (
	"fmt"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Templates is what each class looks for, the network taken as one linear map.
type Templates struct {
	Style
	Image  string // also the local templates at this image, see View.Choose; "" for none
	Center bool   // move a PNG's ink as MNIST's was
}

// templateKind is one way to make a template of each class.
type templateKind struct {
	name, title, caption string
	maps                 [][]float32
}

// Draw makes the picture.
func (c *Templates) Draw(v *View) (*Drawing, error) {
	cmap, err := c.Map()
	if err != nil {
		return nil, err
	}
	fig := render.Figure{Title: "What each class looks for", Subtitle: v.Line()}
	n, file := &arrays.Set{}, "templates"
	arrays.AddTexts(n, "classes", v.Classes())
	kinds, err := v.templates()
	if err != nil {
		return nil, err
	}
	if c.Image != "" {
		img, err := v.Choose(c.Image, c.Center)
		if err != nil {
			return nil, err
		}
		maps, err := v.Subject.TemplatesAt(v.ctx, inspect.Pixels(img.Pixels))
		if err != nil {
			return nil, err
		}
		file += "-" + img.file()
		kinds = append(kinds, templateKind{
			"local", "at " + img.Name, "∂s_k/∂x: what ink would do to each class's logit at this very image", maps,
		})
		input := v.imagePanel(n, "input", img.Pixels)
		input.Title, input.Caption, input.Side = img.Name, img.Note, 112
		fig.Rows = append(fig.Rows, []render.Panel{input})
	}
	for _, k := range kinds {
		s := v.sheetPanel(n, k.name, k.maps)
		s.Title, s.Caption, s.Cols = k.title, k.caption, min(10, len(k.maps))
		s.Colors = &render.Colors{Low: "ink lowers the logit", High: "ink raises the logit", Map: cmap}
		var norms []float64
		for i, m := range k.maps {
			norms = append(norms, inspect.Norm(m))
			s.Tiles[i].Name, s.Tiles[i].Lines = v.Labels()[i], []string{fmt.Sprintf("‖t‖ %.3g", norms[i])}
		}
		fig.Rows = append(fig.Rows, []render.Panel{s})
		arrays.AddVector(n, k.name+"_norm", norms)
	}
	negative, positive := cmap.Sides()
	fig.Caption = "Ink speaks for the class where it is " + positive + " and against it where it is " + negative +
		". A template is not a picture of the class but of what tells it from the others; " +
		"each row has its own scale. Neurons bend: a template is what is left when they are taken as straight."
	return &Drawing{Name: file, Figure: fig, Numbers: n}, nil
}

// templates returns the ways to make templates that need no image.
func (v *View) templates() ([]templateKind, error) {
	t, err := v.Subject.Templates(v.ctx)
	if err != nil {
		return nil, err
	}
	product := "Σ W2·W1"
	switch {
	case v.Net.Hidden() > 0:
		product = "W1·W2·…"
	case v.Net.Hidden() < 0:
		product = "W1"
	}
	kinds := []templateKind{{"plain", "plain: " + product, "every neuron counted alike", t.Plain}}
	if t.Learned != nil {
		kinds = append(kinds, templateKind{
			"learned", "plain, of what training added to W1", "W1 without its random start, W − γW₀", t.Learned,
		})
	}
	switch {
	case v.Net.Hidden() < 0: // nothing bends
	case t.Sloped == nil:
		_, err := v.Test()
		v.talk.Say("not weighted by slope: the test images cannot be read: %s", words.Line(err))
	default:
		title := "weighted by slope: Σ W2·E σ′·W1"
		if t.SlopedOf == inspect.ShowLearned {
			title += ", of what training added to W1"
		}
		kinds = append(kinds, templateKind{
			"slope_weighted", title, "a neuron that is stuck at 0 or 1 passes nothing on, so it counts for little",
			t.Sloped,
		})
	}
	return kinds, nil
}
