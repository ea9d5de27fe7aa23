package gallery

import (
	"cmp"
	"fmt"
	"slices"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Classes is which neurons of a layer speak for which class.
type Classes struct {
	Style
	Layer int // hidden, from 1; 0 is the last
	Top   int // neurons to show, the most important
}

// Draw makes the picture.
func (c *Classes) Draw(v *View) (*Drawing, error) {
	b, err := v.ablate(c.Layer)
	if err != nil {
		return nil, err
	}
	act, err := v.Activity(b.layer)
	if err != nil {
		return nil, err
	}
	contributions, err := v.Subject.Contributions(v.ctx, b.layer)
	if err != nil {
		return nil, err
	}
	speakers, _ := b.speakers(contributions)
	n := &arrays.Set{}
	arrays.AddTexts(n, "classes", v.Classes())
	arrays.AddVector(n, "drawn_neuron", c.columns(b, contributions))
	arrays.AddMatrix(n, "contribution", contributions)
	arrays.AddMatrix(n, "mean_activation", act.ClassMean)
	arrays.AddVector(n, "favourite", b.favourites)
	arrays.AddVector(n, "neurons_for_class", speakers)
	arrays.AddVector(n, "selectivity", b.selectivity)
	arrays.AddVector(n, "accuracy_lost", b.Alone)
	arrays.AddNumber(n, "selectivity_correlation", b.Selective)
	fig, err := c.figure(v, b, contributions)
	if err != nil {
		return nil, err
	}
	return &Drawing{Name: withLayer("classes", b.layer, v.Net.Hidden()), Figure: fig, Numbers: n}, nil
}

// speakers counts the neurons that speak for each class, and those that speak for none.
func (b *ablation) speakers(contributions [][]float64) (forClass []float64, none int) {
	forClass = make([]float64, len(contributions))
	for j, k := range b.favourites {
		if contributions[k][j] > 0 {
			forClass[k]++
		} else {
			none++
		}
	}
	return forClass, none
}

// columns are the neurons to show: the most important ones, by the class they speak for, then by how much.
func (c *Classes) columns(b *ablation, contributions [][]float64) []int {
	order := inspect.Descending(b.importance)
	order = order[:min(c.Top, len(order))]
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(b.favourites[i], b.favourites[j]),
			cmp.Compare(contributions[b.favourites[j]][j], contributions[b.favourites[i]][i]))
	})
	return order
}

func (c *Classes) figure(v *View, b *ablation, contributions [][]float64) (render.Figure, error) {
	colormap, err := c.Map()
	if err != nil {
		return render.Figure{}, err
	}
	order := c.columns(b, contributions)
	cols := make([]string, len(order))
	for i, j := range order {
		cols[i] = fmt.Sprint(j)
	}
	speakers, none := b.speakers(contributions)
	var cells []float64
	for k := range v.Classes() {
		for _, j := range order {
			cells = append(cells, contributions[k][j])
		}
	}
	units := len(b.favourites)
	shown := fmt.Sprintf("all %d neurons%s", units, v.ofLayer(b.layer))
	if len(order) < units {
		shown = fmt.Sprintf("the %d most important of %d neurons%s", len(order), units, v.ofLayer(b.layer))
	}
	if units == 1 {
		shown = "the one neuron" + v.ofLayer(b.layer)
	}
	linear := ""
	if b.layer < v.Net.Hidden() {
		linear = " The layers after it are taken as linear."
	}
	matrix := render.Matrix{
		Key:      "contribution",
		RowTitle: "class", ColTitle: "neuron", Rows: v.Labels(), Cols: cols, Values: cells, NoNumbers: len(order) > 40,
		Caption: "Each column is a neuron, in the order of the class it speaks for most. The weight to the class's " +
			"output times how much more it is active on the class's images than on all, w·(E[a | class] − E a)." +
			linear,
		Colors: &render.Colors{
			Name: "contribution to the class's output", Low: "speaks against its own images",
			High: "speaks for them", Map: colormap,
		},
	}
	counted := fmt.Sprintf("Each of %s counts for the class it speaks for most.", words.Count(units, "neuron"))
	if none > 0 {
		counted += fmt.Sprintf(" %s for none.", words.Count(none, "neuron"))
	}
	second := []render.Panel{strongest(render.Bars{
		Key: "neurons_for_class", Title: "Neurons that speak for a class", Caption: counted,
		Names: v.Labels(), Values: speakers, Texts: words.Whole(speakers), Map: render.Ink,
	}, speakers)}
	if scatter, ok := b.scatter(); ok {
		second = append(second, scatter)
	}
	caption := "Counted on the test images."
	if units > len(v.Classes()) {
		caption = "A class is the sum of many contributions, and a neuron gives to several classes. " + caption
	}
	return render.Figure{
		Title:    "Which neurons speak for which class: " + shown,
		Subtitle: v.Line(),
		Caption:  caption,
		Rows:     [][]render.Panel{{matrix}, second},
	}, nil
}
