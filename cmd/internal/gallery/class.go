package gallery

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Class is which neurons of a layer speak for a class, by contribution and by weight alone.
type Class struct {
	Style
	Class string // its name or number
	Layer int    // hidden, from 1; 0 is the last
	Top   int    // neurons of each order
}

// Draw makes the picture.
func (c *Class) Draw(v *View) (*Drawing, error) {
	k, err := v.Class(c.Class)
	if err != nil {
		return nil, err
	}
	layer, err := v.Hidden(c.Layer, -1)
	if err != nil {
		return nil, err
	}
	r, err := v.Subject.ClassRank(v.ctx, layer, k)
	if err != nil {
		return nil, fmt.Errorf("which neurons speak for a class is measured on its test images: %w", err)
	}
	top := min(c.Top, len(r.Weight))
	name := v.Classes()[k]
	rows := [][2]string{
		{"class", name},
		{"contribution", fmt.Sprint(r.ByContribution[:top])},
		{"weight alone", fmt.Sprint(r.ByWeight[:top])},
	}
	for _, n := range agreeAt(top) {
		rows = append(rows, [2]string{"in both", fmt.Sprintf("%d of the first %d",
			r.InBoth(n), n)})
	}
	fig, n, err := c.figure(v, layer, k, top, r)
	if err != nil {
		return nil, err
	}
	return &Drawing{
		Name: withLayer("class-"+classWord(v.Classes(), k), layer, v.Net.Hidden()), Figure: fig, Numbers: n,
		Words: rows,
	}, nil
}

// agreeAt are the lengths at which two orders are compared: 5 and all that are shown.
func agreeAt(top int) []int {
	if top > 5 {
		return []int{5, top}
	}
	return []int{top}
}

func (c *Class) figure(v *View, layer, k, top int, r inspect.ClassRank) (render.Figure, *arrays.Set, error) {
	name := v.Labels()[k]
	colors, err := c.weightColors()
	if err != nil {
		return render.Figure{}, nil, err
	}
	test, err := v.Test()
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
	shape := v.Shape()
	mean, count := classMean(test, k)
	row := []render.Panel{render.Image{
		Key: "mean_image", Title: "the mean " + name, Caption: fmt.Sprintf("of %d test images", count),
		Width: shape.Cols, Height: shape.Rows, Pixels: mean, Side: mapSide,
	}}
	var sheets [][]render.Panel
	values := [2][]float64{r.Contribution, r.Weight}
	for i, text := range [2][2]string{
		{"by contribution", "What it gives to the logit of " + name + " on these images beyond its average."},
		{"by weight alone", "What argsort of the weights names."},
	} {
		b := render.Bars{
			Key: [2]string{"contribution", "weight"}[i], Title: text[0], Caption: text[1], Map: colors.Map,
			Width: 300,
		}
		s := render.Sheet{
			Key:   [2]string{"maps_by_contribution", "maps_by_weight"}[i],
			Title: "the first " + words.Number(top) + " " + text[0],
			Width: shape.Cols, Height: shape.Rows, Colors: colors, Cols: min(top, 10),
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
		agree = append(agree, fmt.Sprintf("%d of the first %d", r.InBoth(n), n))
	}
	row = append(row, render.Text{
		Title: "do they agree?", Width: 220,
		Text: fmt.Sprintf("The two orders share %s; those are bold.\nA neuron that is always on gives the same to "+
			"every image: its weight may be large, and it still does not tell a %s from the rest. Its contribution "+
			"counts only what it gives beyond its average.",
			strings.Join(agree, ", and "), name),
	})
	n := &arrays.Set{}
	arrays.AddTexts(n, "class", []string{v.Classes()[k]})
	arrays.AddVector(n, "contribution", r.Contribution)
	arrays.AddVector(n, "weight", r.Weight)
	arrays.AddVector(n, "by_contribution", r.ByContribution)
	arrays.AddVector(n, "by_weight", r.ByWeight)
	arrays.AddArray(n, "mean_image", mean, shape.Rows, shape.Cols)
	arrays.AddNumber(n, "mean_image_of", count)
	var both [][]int
	for _, first := range agreeAt(top) {
		both = append(both, []int{first, r.InBoth(first)})
	}
	arrays.AddMatrix(n, "first_and_in_both", both)
	arrays.AddMatrix(n, "maps_by_contribution", maps[0])
	arrays.AddMatrix(n, "maps_by_weight", maps[1])
	colors.Name = what
	negative, positive := colors.Map.Sides()
	return render.Figure{
		Title: "Which neurons" + v.ofLayer(layer) + " speak for " + name, Subtitle: v.Line(),
		Rows: append([][]render.Panel{row}, sheets...),
		Caption: "Contribution: weight·(mean a over the class's images − mean a over all); " + positive +
			" in a map raises the neuron's activation where there is ink, " +
			negative + " lowers it. Both rows of maps are drawn to one scale.",
	}, n, nil
}
