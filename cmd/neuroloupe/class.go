package main

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type classCmd struct {
	viewFlags
	Class string `arg:"" help:"Class, by its name or number."`
	layerFlag

	Top int `default:"10" placeholder:"N" help:"Neurons of each order; default 10."`
}

func (classCmd) Help() string {
	return `Shows which neurons speak for a class: by what they give to its logit on the class's test images beyond what they give on
average, and beside that by their outgoing weight alone, which is what argsort of the weights names. A large weight says
nothing when the neuron is always on, or never.

Examples:

    neuroloupe class runs/mnist-784-100-10-clear-s1 3
    neuroloupe class runs/mnist-784-100-10-nielsen1-s1 3 --top 5 --data three.csv
`
}

func (c *classCmd) Run(a *app) error {
	return c.with(a, c.run, sizing("--top", c.Top))
}

func (c *classCmd) run(v *view) error {
	k, err := v.class(c.Class)
	if err != nil {
		return err
	}
	layer, err := v.hidden(c.Layer, -1)
	if err != nil {
		return err
	}
	act, err := v.activity(layer)
	if err != nil {
		return fmt.Errorf("which neurons speak for a class is measured on its test images: %w", err)
	}
	r, err := inspect.RankClass(inspect.Path(v.spec(), v.net.Params, layer), act, k)
	if err != nil {
		return err
	}
	top := min(c.Top, len(r.Weight))
	name := v.classes()[k]
	rows := [][2]string{
		{"class", name},
		{"contribution", fmt.Sprint(r.ByContribution[:top])},
		{"weight alone", fmt.Sprint(r.ByWeight[:top])},
	}
	for _, n := range agreeAt(top) {
		rows = append(rows, [2]string{"in both", fmt.Sprintf("%d of the first %d", inspect.Overlap(r.ByContribution, r.ByWeight, n), n)})
	}
	if err := printRows(v.app.stdout, rows); err != nil {
		return err
	}
	fig, n, err := c.figure(v, layer, k, top, r)
	if err != nil {
		return err
	}
	return c.draw(v, fig, withLayer("class-"+classWord(v.classes(), k), layer, v.net.Hidden()), n)
}

// agreeAt are the lengths at which two orders are compared: 5 and all that are shown.
func agreeAt(top int) []int {
	if top > 5 {
		return []int{5, top}
	}
	return []int{top}
}

func (c *classCmd) figure(v *view, layer, k, top int, r inspect.ClassRank) (render.Figure, *numbers, error) {
	name := v.labels()[k]
	colors, err := c.weightColors()
	if err != nil {
		return render.Figure{}, nil, err
	}
	test, err := v.test()
	if err != nil {
		return render.Figure{}, nil, err
	}
	shown := [2][]int{r.ByContribution[:top], r.ByWeight[:top]}
	var maps [2][][]float32
	var what string
	for i, units := range shown {
		if maps[i], what, err = v.mapsOf(layer, units); err != nil {
			return render.Figure{}, nil, err
		}
	}
	rows, cols := v.size()
	mean, count := classMean(test, k)
	row := []render.Panel{render.Image{
		Title: "the mean " + name, Caption: fmt.Sprintf("of %d test images", count), Width: cols, Height: rows, Pixels: mean, Side: mapSide,
	}}
	var sheets [][]render.Panel
	values := [2][]float64{r.Contribution, r.Weight}
	for i, text := range [2][2]string{
		{"by contribution", "What it gives to the logit of " + name + " on these images beyond its average."},
		{"by weight alone", "What argsort of the weights names."},
	} {
		b := render.Bars{Title: text[0], Caption: text[1], Map: colors.Map, Width: 300}
		s := render.Sheet{
			Title: "the first " + words.Number(top) + " " + text[0], Width: cols, Height: rows, Colors: colors, Cols: min(top, 10),
		}
		for p, j := range shown[i] {
			if slices.Contains(shown[1-i], j) {
				b.Highlight = append(b.Highlight, p)
			}
			b.Names, b.Values = append(b.Names, fmt.Sprintf("neuron %d", j)), append(b.Values, values[i][j])
			other := slices.Index([2][]int{r.ByWeight, r.ByContribution}[i], j) + 1
			s.Tiles = append(s.Tiles, render.Tile{Map: maps[i][p], Name: fmt.Sprint(j), Lines: []string{
				[2]string{"gives ", "weight "}[i] + words.Signed(values[i][j]),
				[2]string{"by weight ", "by contr. "}[i] + words.Ordinal(other),
			}})
		}
		row = append(row, b)
		sheets = append(sheets, []render.Panel{s})
	}
	var agree []string
	for _, n := range agreeAt(top) {
		agree = append(agree, fmt.Sprintf("%d of the first %d", inspect.Overlap(r.ByContribution, r.ByWeight, n), n))
	}
	row = append(row, render.Text{
		Title: "do they agree?", Width: 220,
		Text: fmt.Sprintf("The two orders share %s; those are bold.\nA neuron that is always on gives the same to every image: its weight may be "+
			"large, and it still does not tell a %s from the rest. Its contribution counts only what it gives beyond its average.",
			strings.Join(agree, ", and "), name),
	})
	n := &numbers{}
	addTexts(n, "class", []string{v.classes()[k]})
	addVector(n, "contribution", r.Contribution)
	addVector(n, "weight", r.Weight)
	addVector(n, "by_contribution", r.ByContribution)
	addVector(n, "by_weight", r.ByWeight)
	addArray(n, "mean_image", mean, rows, cols)
	addNumber(n, "mean_image_of", count)
	var both [][]int
	for _, first := range agreeAt(top) {
		both = append(both, []int{first, inspect.Overlap(r.ByContribution, r.ByWeight, first)})
	}
	addMatrix(n, "first_and_in_both", both)
	addMatrix(n, "maps_by_contribution", maps[0])
	addMatrix(n, "maps_by_weight", maps[1])
	colors.Name = what
	negative, positive := colors.Map.Sides()
	return render.Figure{
		Title: "Which neurons" + v.ofLayer(layer) + " speak for " + name, Subtitle: v.line(), Rows: append([][]render.Panel{row}, sheets...),
		Caption: "Contribution: weight·(mean a over the class's images − mean a over all); " + positive + " in a map raises the neuron's activation where there is ink, " +
			negative + " lowers it. Both rows of maps are drawn to one scale.",
	}, n, nil
}
