package gallery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/render"
)

// figure draws the account with the neurons at both ends.
func (x *Account) figure(top int) (render.Figure, error) {
	v := x.view
	negative, positive := x.cmap.Sides()
	signs := fmt.Sprintf("Bars: to the right what speaks for %s, to the left what speaks against. Maps: %s raises "+
		"the neuron's z, %s lowers it.",
		x.answer(), positive, negative)
	fig := render.Figure{
		Title:    fmt.Sprintf("Why %s is read as %s", x.what(v.Labels()), x.answer()),
		Subtitle: v.Line(),
		Caption: signs + " A weight says what ink at its pixel would do, input×weight what the ink that is there " +
			"does: it is 0 where the image is blank. All weights are drawn to one scale, and so are all products.",
	}
	if v.Net.Hidden() > 0 {
		fig.Title += ": the neurons" + v.ofLayer(x.layer)
	}
	if x.layer > 0 {
		fig.Caption = signs + " A gradient says what a little ink at its pixel would do at this very image; " +
			"input×gradient, unlike input×weight in the first layer, does not add up to z."
	}
	plus, minus := x.ends(top)
	neurons, err := x.neurons(x.cmap, top)
	if err != nil {
		return fig, err
	}
	fig.Rows = append([][]render.Panel{x.way(append(plus, minus...)), x.evidenceRow(x.cmap)}, neurons...)
	return fig, nil
}

// neurons is a row for each neuron at both ends: what makes its z, and what it gives.
func (x *Account) neurons(cmap render.Colormap, top int) (all [][]render.Panel, err error) {
	plus, minus := x.ends(top)
	drawn := append(slices.Clone(plus), minus...)
	weight := &render.Colors{Name: "weight w", Low: "ink lowers z", High: "ink raises z", Map: cmap}
	product := &render.Colors{Name: "input×weight", Low: "lowers z", High: "raises z", Map: cmap}
	if x.layer > 0 {
		weight.Name, product.Name = "gradient of z at this image", "input×gradient"
	}
	shape := x.view.Shape()
	for i, j := range drawn {
		w, p, err := x.maps(j)
		if err != nil {
			return nil, err
		}
		side := "for"
		if i >= len(plus) {
			side = "against"
		}
		row := []render.Panel{
			render.Image{
				Key: "input", Title: "input x", Width: shape.Cols, Height: shape.Rows, Pixels: x.image.Pixels,
				Side: mapSide,
			},
			render.Glyph("×"),
			render.Map{
				Key: "drawn_weights", Title: fmt.Sprintf("neuron %d, %s", j, side),
				Width: shape.Cols, Height: shape.Rows, Values: w, Colors: weight, Side: mapSide,
			},
			render.Glyph("="),
			render.Map{
				Key: "drawn_products", Title: strings.ToLower(product.Name),
				Width: shape.Cols, Height: shape.Rows, Values: p, Colors: product, Side: mapSide,
			},
		}
		text := x.sentence(j)
		if l, start, ok := x.Learned(j); ok {
			row = append(row, render.Glyph("→"), render.Map{
				Key: "drawn_learned_products", Title: "without the start",
				Width: shape.Cols, Height: shape.Rows, Values: l, Colors: product, Side: mapSide,
			})
			text += fmt.Sprintf("\nOf Σ x·w, %s is the random start; what training added is %s.", words.Signed(start),
				words.Signed(sum32(l)))
		}
		all = append(all, append(row, render.Text{Title: "in numbers", Text: text, Width: 330}))
	}
	return all, nil
}

// way is the row input → hidden layers → outputs.
func (x *Account) way(drawn []int) []render.Panel {
	v, names := x.view, x.view.Labels()
	shape := v.Shape()
	caption := cmp.Or(x.image.Note, "what the network is shown")
	row := []render.Panel{render.Image{
		Key: "input", Title: "input", Caption: caption, Width: shape.Cols, Height: shape.Rows, Pixels: x.image.Pixels,
	}}
	for l := range v.Net.Last() {
		g := render.HiddenGrid{
			Key: fmt.Sprintf("a%d", l+1), Title: fmt.Sprintf("hidden layer %d", l+1),
			Values: float32s(x.Why.A[l]),
		}
		if v.Net.Last() == 1 {
			g.Title = "hidden layer"
		}
		if act := v.Spec().Layers[l].Activation; act == engine.Sigmoid {
			g.Colors = &render.Colors{Map: render.Ink, Limit: 1}
		} else if act == engine.Tanh {
			g.Colors = &render.Colors{Map: x.cmap, Limit: 1}
		}
		if l == x.layer {
			g.Highlight, g.Caption = drawn, "activation of each neuron; outlined: those below"
		}
		row = append(row, render.Glyph("→"), g)
	}
	a := x.Why.A[v.Net.Last()]
	b := render.Bars{
		Key: fmt.Sprintf("a%d", v.Net.Last()+1), Title: "outputs", Caption: "the largest is the answer",
		Names: names, Values: a, Highlight: []int{x.Predicted}, Width: 300, Map: x.cmap,
	}
	if slices.Min(a) >= 0 {
		b.Map = render.Ink
		if slices.Max(a) <= 1 {
			b.Limit = 1
		}
	}
	row = append(row, render.Glyph("→"))
	if len(a) == len(x.Why.X) {
		row = append(row, x.reconstruction(a))
	}
	return append(row, strongest(b, x.Why.Z[v.Net.Last()], x.image.Label, x.not))
}

// reconstruction draws outputs that are as many as the inputs as an image: what the network makes of its input.
func (x *Account) reconstruction(a []float64) render.Panel {
	shape := x.view.Shape()
	m := render.Map{
		Key: fmt.Sprintf("a%d", x.view.Net.Last()+1), Title: "outputs as an image",
		Caption: "as many as inputs: what the network makes of the input",
		Width:   shape.Cols, Height: shape.Rows, Values: float32s(a),
		Colors: &render.Colors{Map: render.Ink, Limit: 1, NoBar: true},
	}
	if slices.Min(a) < 0 || slices.Max(a) > 1 {
		m.Colors = &render.Colors{Name: "output", Map: x.cmap}
	}
	return m
}

// bars are the neurons that have a bar of evidence, those that speak most for the answer first, most against it last.
func (x *Account) bars() []int {
	const most = 6
	plus, minus := x.ends(most)
	slices.Reverse(minus)
	return append(plus, minus...)
}

// others is what all neurons but some give together.
func others(all []float64, some []int) float64 {
	return sum64(all) - sum64(arrays.Pick(all, some))
}

// evidenceRow shows how the evidence adds up to the logit, and that the sums hold.
func (x *Account) evidenceRow(cmap render.Colormap) []render.Panel {
	shown := x.bars()
	var names []string
	for _, j := range shown {
		names = append(names, fmt.Sprintf("neuron %d", j))
	}
	left := len(x.Evidence) - len(shown)
	row := []render.Panel{}
	if x.Centred != nil && len(shown) > 0 {
		some, others := arrays.Pick(x.Centred, shown), others(x.Centred, shown)
		caption := x.weightName() + "·(a − mean a over the test images): what this image changes. The neurons are " +
			"ordered by it."
		if left > 0 {
			caption += fmt.Sprintf(" %s %s together.",
				map[bool]string{true: "The other one gives", false: fmt.Sprintf("The %d others give", left)}[left == 1],
				words.Signed(others))
		}
		row = append(row, render.Bars{
			Key: "answer_centred", Title: "beyond its average, for " + x.answer(), Names: names, Values: some,
			Texts: words.SignedAll(some), Map: cmap, Width: 380, Caption: caption,
		})
	}
	e := arrays.Pick(x.Evidence, shown)
	names = slices.Clone(names)
	if left > 0 {
		names, e = append(names, words.Count(left, "other")), append(e, others(x.Evidence, shown))
	}
	rest, sum := "bias b", "logit s"
	if !x.Why.Exact {
		rest = "rest r"
	}
	if x.not >= 0 {
		sum = "difference"
	}
	names, e = append(names, rest, sum), append(e, x.Rest, x.Sum)
	return append(row, render.Bars{
		Key:   "answer_evidence others_evidence answer_rest answer_sum",
		Title: fmt.Sprintf("evidence e = %s·a, for %s", x.weightName(), x.answer()), Names: names, Values: e,
		Texts:     words.SignedAll(e),
		Highlight: []int{len(names) - 1}, Map: cmap, Width: 380, Caption: x.evidenceCaption(sum),
	}, render.Table{
		Title:  "sums that check",
		Header: []string{"sum", "of", "off by at most"},
		Rows: [][]string{
			{
				"Σ x·w + b = z", words.Count(len(x.NeuronErrors), "neuron"),
				fmt.Sprintf("%.1e", slices.Max(x.NeuronErrors)),
			},
			{
				x.sumName(), fmt.Sprintf("%d outputs", len(x.OutputErrors)),
				fmt.Sprintf("%.1e", slices.Max(x.OutputErrors)),
			},
		},
		Caption: "against z and s as the network computed them, in 32 bits",
	})
}

// weightName is what a neuron's activation is multiplied by.
func (x *Account) weightName() string {
	if x.Why.Exact {
		return fmt.Sprintf("W%d", x.view.Net.Last()+1)
	}
	return "∂s/∂a"
}

func (x *Account) evidenceCaption(sum string) string {
	if x.Why.Exact {
		return "What each neuron gives; with the bias it is the " + sum + ", exactly."
	}
	return fmt.Sprintf("Layer %d is not the last hidden one: its neurons act through the others, by the gradient at "+
		"this image. The rest r is what biases and bends on the way make of it. True for small changes.", x.layer+1)
}

// sentence says in numbers how a neuron came to its evidence.
func (x *Account) sentence(j int) string {
	z, a := x.Why.Z[x.layer][j], x.Why.A[x.layer][j]
	act := x.view.Spec().Layers[x.layer].Activation
	var text string
	if x.layer == 0 {
		b := float64(x.view.Net.Params.Bias(1).Data[j])
		text = fmt.Sprintf("Σ x·w = %s, bias %s: z = %s, a = %v(z) = %.3g.", words.Signed(z-b), words.Signed(b),
			words.Signed(z), act, a)
	} else {
		text = fmt.Sprintf("z = %s, a = %v(z) = %.3g.", words.Signed(z), act, a)
	}
	text += fmt.Sprintf("\nEvidence for %s: %s", x.answer(), words.Signed(x.Evidence[j]))
	if x.Centred == nil {
		return text + "."
	}
	than := "as high as usual"
	switch {
	case a < x.Mean[j]:
		than = "lower than usual"
	case a > x.Mean[j]:
		than = "higher than usual"
	}
	return text + fmt.Sprintf(". Its a is %s (mean %.2g): that gives %s beyond its average.", than, x.Mean[j],
		words.Signed(x.Centred[j]))
}
