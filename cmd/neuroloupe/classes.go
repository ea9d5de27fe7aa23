package main

import (
	"cmp"
	"fmt"
	"slices"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type classesCmd struct {
	viewFlags
	layerFlag

	Top int `default:"100" placeholder:"N" help:"Neurons to show, the most important ones; default 100."`
}

func (classesCmd) Help() string {
	return `Shows which neurons of a hidden layer (--layer; default the last) speak for which class: a matrix of class × neuron
with what each gives to a class's output on the images of that class, and how selective the neurons are.

Examples:

    neuroloupe classes runs/mnist-784-100-10-clear-s1
    neuroloupe classes runs/mnist-784-100-10-nielsen1-s1 --top 40 --data classes.npz -o classes.png
`
}

func (c *classesCmd) Run(a *app) error {
	return c.withAblation(a, c.Top, c.Layer, func(v *view, b *ablation) error {
		act, err := v.activity(b.Layer)
		if err != nil {
			return err
		}
		contributions := inspect.Contributions(inspect.Path(v.spec(), v.net.Params, b.Layer), act)
		speakers, _ := b.speakers(contributions)
		n := &numbers{}
		addTexts(n, "classes", v.classes())
		addVector(n, "drawn_neuron", c.columns(b, contributions))
		addMatrix(n, "contribution", contributions)
		addMatrix(n, "mean_activation", act.ClassMean)
		addVector(n, "favourite", b.favourites)
		addVector(n, "neurons_for_class", speakers)
		addVector(n, "selectivity", b.selectivity)
		addVector(n, "accuracy_lost", b.lostAll)
		r, _ := b.selective()
		addNumber(n, "selectivity_correlation", r)
		fig, err := c.figure(v, b, contributions)
		if err != nil {
			return err
		}
		return c.draw(v, fig, withLayer("classes", b.Layer, v.net.Hidden()), n)
	})
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
func (c *classesCmd) columns(b *ablation, contributions [][]float64) []int {
	order := inspect.Descending(b.importance)
	order = order[:min(c.Top, len(order))]
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(b.favourites[i], b.favourites[j]),
			cmp.Compare(contributions[b.favourites[j]][j], contributions[b.favourites[i]][i]))
	})
	return order
}

func (c *classesCmd) figure(v *view, b *ablation, contributions [][]float64) (render.Figure, error) {
	colormap, err := c.colormap()
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
	for k := range v.classes() {
		for _, j := range order {
			cells = append(cells, contributions[k][j])
		}
	}
	units := len(b.favourites)
	shown := fmt.Sprintf("all %d neurons%s", units, v.ofLayer(b.Layer))
	if len(order) < units {
		shown = fmt.Sprintf("the %d most important of %d neurons%s", len(order), units, v.ofLayer(b.Layer))
	}
	if units == 1 {
		shown = "the one neuron" + v.ofLayer(b.Layer)
	}
	linear := ""
	if b.Layer < v.net.Hidden() {
		linear = " The layers after it are taken as linear."
	}
	matrix := render.Matrix{
		RowTitle: "class", ColTitle: "neuron", Rows: v.labels(), Cols: cols, Values: cells, NoNumbers: len(order) > 40,
		Caption: "Each column is a neuron, in the order of the class it speaks for most. The weight to the class's output times how much " +
			"more it is active on the class's images than on all, w·(E[a | class] − E a)." + linear,
		Colors: &render.Colors{Name: "contribution to the class's output", Low: "speaks against its own images", High: "speaks for them", Map: colormap},
	}
	counted := fmt.Sprintf("Each of %s counts for the class it speaks for most.", words.Count(units, "neuron"))
	if none > 0 {
		counted += fmt.Sprintf(" %s for none.", words.Count(none, "neuron"))
	}
	second := []render.Panel{strongest(render.Bars{
		Title: "Neurons that speak for a class", Caption: counted,
		Names: v.labels(), Values: speakers, Texts: words.Whole(speakers), Map: render.Ink,
	}, speakers)}
	if scatter, ok := b.scatter(); ok {
		second = append(second, scatter)
	}
	caption := "Counted on the test images."
	if units > len(v.classes()) {
		caption = "A class is the sum of many contributions, and a neuron gives to several classes. " + caption
	}
	return render.Figure{
		Title:    "Which neurons speak for which class: " + shown,
		Subtitle: v.line(),
		Caption:  caption,
		Rows:     [][]render.Panel{{matrix}, second},
	}, nil
}
