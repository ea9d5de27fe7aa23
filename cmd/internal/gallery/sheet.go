package gallery

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Sheet is the contact sheet: the weight maps of all neurons of a hidden layer, one tile each. Those of a deeper layer
// are shown along the linearised path to the input.
type Sheet struct {
	Style
	Layer    int    // hidden, from 1; 0 is the first
	Show     string // learned, raw, init, or all three; "" is learned where the start is known, else raw
	Scale    string // shared, neuron or percentile
	Order    string // index, norm, class, importance or similarity
	Top      int    // only the first so many in that order; 0 is all
	MarkDead bool   // hatch the pixels that are never inked in the training images
	Cols     int    // tiles in a row; 0 is chosen
	Tile     int    // width of a tile in pixels; 0 is chosen
}

// Draw makes the picture.
func (c *Sheet) Draw(v *View) (*Drawing, error) {
	if err := c.choose(v); err != nil {
		return nil, err
	}
	if _, err := v.Score(); err != nil {
		if c.Order == "importance" {
			return nil, fmt.Errorf("--order importance goes by what a neuron does on the test images, which cannot "+
				"be read: %w", err)
		}
		v.talk.Say("favourite classes go by weight alone: the test images cannot be read: %s", words.Line(err))
	}
	return c.draw(v)
}

// choose settles what to show, and refuses what cannot be known.
func (c *Sheet) choose(v *View) error {
	layer, err := v.Hidden(c.Layer, 0)
	if err != nil {
		return err
	}
	c.Layer = layer + 1
	switch {
	case c.Show == "":
		c.Show = v.defaultShow()
	case c.Show != "raw" && v.NoStart != nil:
		return fmt.Errorf("--show %s: %w; see the weights as they are: neuroloupe sheet %s --show raw", c.Show,
			v.NoStart, v.Folder.Path)
	}
	return nil
}

// defaultShow is what training put there, where that can be known.
func (v *View) defaultShow() string {
	if v.NoStart != nil {
		return "raw"
	}
	return "learned"
}

// fileName is sheet for the sheet that training and import draw, and says what differs for others.
func (c *Sheet) fileName(v *View) string {
	name := "sheet"
	if c.Layer > 1 {
		name += fmt.Sprintf("-layer%d", c.Layer)
	}
	for _, p := range [][2]string{
		{c.Show, v.defaultShow()},
		{c.Scale, "shared"},
		{c.Order, "index"},
		{c.Colormap, ""},
		{strconv.Itoa(c.Cols), "0"},
		{strconv.Itoa(c.Tile), "0"},
		{strconv.FormatBool(c.MarkDead), "false"},
	} {
		switch {
		case p[0] == p[1]:
		case p[0] == "true":
			name += "-dead"
		default:
			name += "-" + p[0]
		}
	}
	return name
}

// info is what the picture's text says besides its run.
func (c *Sheet) info() map[string]string {
	return map[string]string{"show": c.Show, "order": c.Order, "layer": strconv.Itoa(c.Layer)}
}

// WriteSheet draws the sheet that training and import end with into the run folder.
func (v *View) WriteSheet() error {
	c := Sheet{Layer: 1, Show: v.defaultShow(), Scale: "shared", Order: "index"}
	d, err := c.draw(v)
	if err != nil {
		return err
	}
	pic, err := v.Paint(d)
	var size *render.SizeError
	if errors.As(err, &size) {
		return fmt.Errorf("%s; draw a part of the neurons: neuroloupe sheet %s --top 1000", size.What(), v.Folder.Path)
	}
	if err != nil {
		return err
	}
	return atomicfile.Write(v.Folder.Sheet(), func(w io.Writer) error { return v.Encode(w, pic, d) })
}

// draw draws the sheet and says its numbers.
func (c *Sheet) draw(v *View) (*Drawing, error) {
	layer := c.Layer - 1
	classes, how := v.Favourites(layer)
	shows := []string{c.Show}
	if c.Show == "all" {
		shows = []string{"init", "raw", "learned"}
	}
	rho, err := v.layerRho(layer)
	if err != nil {
		return nil, err
	}
	maps := make([][][]float32, len(shows))
	for i, show := range shows {
		if maps[i], err = v.maps(show, layer); err != nil {
			return nil, err
		}
	}
	order, err := c.order(v, way(shows[len(shows)-1]), classes)
	if err != nil {
		return nil, err
	}
	n := &arrays.Set{}
	arrays.AddVector(n, "neuron", order)
	arrays.AddTexts(n, "class", arrays.Pick(v.Classes(), arrays.Pick(classes, order)))
	if rho != nil {
		arrays.AddVector(n, "rho", arrays.Pick(rho, order))
		arrays.AddNumber(n, "rho_median", inspect.Median(rho))
		arrays.AddNumber(n, "gamma", v.Net.Gamma)
	}
	if c.MarkDead {
		arrays.AddVector(n, "never_inked", v.Folder.Manifest.Data.Dead)
	}
	fig := render.Figure{Title: v.Title(), Rows: make([][]render.Panel, 1)}
	c.words(v, &fig, rho, how, len(shows), len(order))
	colors, err := c.colors()
	if err != nil {
		return nil, err
	}
	for i, show := range shows {
		norms, err := v.Subject.Norms(v.ctx, way(show), layer)
		if err != nil {
			return nil, err
		}
		picked, lengths := arrays.Pick(maps[i], order), arrays.Pick(norms, order)
		p, err := c.panel(v, show, colors, picked, lengths)
		if err != nil {
			return nil, err
		}
		arrays.AddMatrix(n, show, picked)
		arrays.AddVector(n, show+"_norm", lengths)
		for t, j := range order {
			p.Tiles[t].Name = strconv.Itoa(j)
			p.Tiles[t].Lines = append([]string{"→ " + v.Labels()[classes[j]]}, p.Tiles[t].Lines...)
			if rho != nil {
				p.Tiles[t].Lines = append(p.Tiles[t].Lines, fmt.Sprintf("ρ %.2f", rho[j]))
			}
		}
		if len(shows) == 1 {
			p.Title, p.Caption = "", ""
		}
		fig.Rows[0] = append(fig.Rows[0], p)
	}
	return &Drawing{Name: c.fileName(v), Figure: fig, Numbers: n, Info: c.info()}, nil
}

// words fills in the subtitle and the caption of the picture.
func (c *Sheet) words(v *View, fig *render.Figure, rho []float64, how string, shows, drawn int) {
	layer := c.Layer - 1
	share := 100 * inspect.Median(rho)
	reading := "Each tile is one neuron: its weight for every pixel."
	if layer > 0 {
		reading = fmt.Sprintf("Each tile is one neuron of layer %d: how much every pixel moves it along the path %s, "+
			"that is if the layers before it were linear.", c.Layer, v.path("W₁", layer))
	}
	reading += fmt.Sprintf(" → %s; ‖w‖ its length", how)
	if v.NoStart == nil {
		reading += "; ρ the share of its raw map that is the random start."
	} else {
		reading += ". The network was made elsewhere, so how much of the maps is its random start is not known."
	}
	if shows > 1 {
		fig.Subtitle = c.count(v, drawn) + ": at the start, after training, and what training added"
		fig.Caption = fmt.Sprintf("%.0f %% of a raw map is its random start (median ρ). Take it away, and what was "+
			"learned appears. %s", share, reading)
		if v.Net.Gamma != 1 {
			fig.Caption = fmt.Sprintf("%.0f %% of a raw map is its random start (median ρ): weight decay has left γ "+
				"= %.2g of it. %s", share, v.Net.Gamma, reading)
		}
		return
	}
	fig.Subtitle = fmt.Sprintf("%s; %s", v.subtitle(c.Show, layer, share), c.count(v, drawn))
	fig.Caption = reading
}

// count says how many of the neurons are drawn.
func (c *Sheet) count(v *View, n int) string {
	of, hidden := v.Spec().Layers[c.Layer-1].Units, "hidden neuron"
	if v.Net.Hidden() > 0 {
		hidden = fmt.Sprintf("neuron of hidden layer %d", c.Layer)
	}
	by := ""
	if c.Order != "index" {
		by = ", by " + c.Order
	}
	switch {
	case of == 1:
		return "the one " + hidden
	case n == of && v.Net.Hidden() > 0:
		return fmt.Sprintf("all %d neurons of hidden layer %d%s", n, c.Layer, by)
	case n == of:
		return fmt.Sprintf("all %d hidden neurons%s", n, by)
	}
	return fmt.Sprintf("%d of %d neurons%s", n, of, by)
}

func (v *View) subtitle(show string, layer int, share float64) string {
	if layer > 0 {
		switch show {
		case "init":
			return fmt.Sprintf("path from the input before training, %s", v.path("W₁", layer))
		case "learned":
			return fmt.Sprintf("path from the input through the learned part of W₁, %s", v.path("(W₁ − γW₀)", layer))
		}
		return fmt.Sprintf("path from the input, %s", v.path("W₁", layer))
	}
	switch {
	case v.NoStart != nil:
		return "raw weights W"
	case show == "raw":
		return fmt.Sprintf("raw weights W, of which %.0f %% is the random start", share)
	case show == "init":
		return "start weights W₀, before the first image"
	case v.Net.Gamma == 1:
		return "learned weights W − W₀"
	}
	return fmt.Sprintf("learned weights W − γW₀, γ = %.3g", v.Net.Gamma)
}

// heading is the heading and the sentence of a way to show the maps of a layer.
func (v *View) heading(show string, layer int) (title, caption string) {
	formula := map[string]string{"raw": "W", "learned": "W − γW₀", "init": "W₀"}
	if layer > 0 {
		formula = map[string]string{
			"raw": v.path("W₁", layer), "learned": v.path("(W₁ − γW₀)", layer), "init": v.path("W₁", layer),
		}
	}
	switch show {
	case "learned":
		return "Learned: " + formula[show], "What training put there."
	case "init":
		return "Start: " + formula[show], "The random start, before the first image."
	}
	return "Raw: " + formula[show], "The weights as they are."
}

// colors are those of all maps of the picture.
func (c *Sheet) colors() (*render.Colors, error) {
	colors, err := c.weightColors()
	if err != nil {
		return nil, err
	}
	colors.Scale, err = render.ScaleByName(c.Scale)
	return colors, err
}

// panel is the sheet of maps shown one way, its tiles with their lengths alone, which are given.
func (c *Sheet) panel(v *View, show string, colors *render.Colors, maps [][]float32, lengths []float64) (render.Sheet,
	error,
) {
	shape := v.Shape()
	p := render.Sheet{Key: show, Width: shape.Cols, Height: shape.Rows, Cols: c.Cols, TilePx: c.Tile, Colors: colors}
	p.Title, p.Caption = v.heading(show, c.Layer-1)
	if c.MarkDead {
		if p.Mark = v.Dead(); p.Mark == nil {
			return p, fmt.Errorf("--mark-dead: %s was imported without a data set, so its never-inked pixels are not "+
				"known", v.Folder.Path)
		}
		p.MarkLabel = fmt.Sprintf("never inked in the training images: %d of %d pixels",
			len(v.Folder.Manifest.Data.Dead), shape.Pixels())
	}
	for i, w := range maps {
		p.Tiles = append(p.Tiles, render.Tile{Map: w, Lines: []string{fmt.Sprintf("‖w‖ %.3g", lengths[i])}})
	}
	return p, nil
}

// manyMaps is how many maps take long enough to order by similarity that it is said.
const manyMaps = 1000

// order returns the neurons as they are to be drawn. show is the way whose maps a way to order them looks at.
func (c *Sheet) order(v *View, show inspect.Show, classes []int) (order []int, err error) {
	norm, err := v.Subject.Norms(v.ctx, show, c.Layer-1)
	if err != nil {
		return nil, err
	}
	order = make([]int, len(norm))
	for j := range order {
		order[j] = j
	}
	byNorm := func(a, b int) int { return cmp.Compare(norm[b], norm[a]) }
	switch c.Order {
	case "norm":
		slices.SortStableFunc(order, byNorm)
	case "class":
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(classes[a], classes[b]),
				byNorm(a, b))
		})
	case "importance":
		imp, err := v.importance(c.Layer - 1)
		if err != nil {
			return nil, err
		}
		order = inspect.Descending(imp)
	case "similarity":
		if len(order) > manyMaps {
			v.talk.Say("ordering %d maps by similarity", len(order))
		}
		if order, err = v.Subject.Similar(v.ctx, show, c.Layer-1); err != nil {
			return nil, err
		}
	}
	if c.Top > 0 {
		order = order[:min(c.Top, len(order))]
	}
	return order, nil
}
