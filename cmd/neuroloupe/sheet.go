package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type sheetCmd struct {
	viewFlags
	layerFlag

	Show     string `enum:",learned,raw,init,all" default:"" placeholder:"WHAT" help:"learned (W − γW₀, what training put there; default), raw (W; default for an imported network), init (W₀), or all three side by side."`
	Scale    string `enum:"shared,neuron,percentile" default:"shared" help:"shared (default: one scale), neuron (each its own), percentile (one scale that clips the largest half per cent)."`
	Order    string `enum:"index,norm,class,importance,similarity" default:"index" help:"index (default), norm (largest first), class (favourite class, then norm), importance (what moves the outputs most first), similarity (like beside like)."`
	Top      int    `placeholder:"N" help:"Only the first N in that order; default all."`
	MarkDead bool   `help:"Hatch the pixels that are never inked in the training images."`
	Cols     int    `placeholder:"N" help:"Tiles in a row; default chosen."`
	Tile     int    `placeholder:"PX" help:"Width of a tile in pixels; default chosen."`
}

func (sheetCmd) Help() string {
	return `Draws the weight maps of all neurons of a hidden layer, one tile each, and prints the picture's path. Neurons of a
deeper layer (--layer) are shown along the linearised path to the input: what each would look for if the layers before it
were linear.

Examples:

    neuroloupe sheet runs/mnist-784-100-10-clear-s1
    neuroloupe sheet runs/mnist-784-100-10-nielsen1-s1 --show all --order class -o compare.png
    neuroloupe sheet runs/mnist-784-60-30-10-clear-s1 --layer 2 --order similarity --data sheet.npz
`
}

func (c *sheetCmd) Run(a *app) error {
	return c.with(a, c.run, tiles(c.Tile, c.Cols, c.Top)...)
}

// tiles are the numbers of a sheet.
func tiles(tile, cols, top int) []flagNumber {
	return []flagNumber{
		sizing("--tile", tile).upTo(render.MaxSide).orChosen(),
		sizing("--cols", cols).upTo(render.MaxSide).orChosen(),
		sizing("--top", top).orChosen(),
	}
}

func (c *sheetCmd) run(v *view) error {
	if err := c.choose(v); err != nil {
		return err
	}
	if _, err := v.score(); err != nil {
		if c.Order == "importance" {
			return fmt.Errorf("--order importance goes by what a neuron does on the test images, which cannot be read: %w", err)
		}
		v.app.say("favourite classes go by weight alone: the test images cannot be read: %s", words.Line(err))
	}
	pic, n, err := c.draw(v)
	if err != nil {
		return tooLarge(err, c.numbers)
	}
	return c.save(v, pic, c.fileName(v), n, c.info())
}

// choose settles what to show, and refuses what cannot be known.
func (c *sheetCmd) choose(v *view) error {
	layer, err := v.hidden(c.Layer, 0)
	if err != nil {
		return err
	}
	c.Layer = layer + 1
	switch {
	case c.Show == "":
		c.Show = v.defaultShow()
	case c.Show != "raw" && v.noStart != nil:
		return fmt.Errorf("--show %s: %w; see the weights as they are: neuroloupe sheet %s --show raw", c.Show, v.noStart, v.folder.Path)
	}
	return nil
}

// defaultShow is what training put there, where that can be known.
func (v *view) defaultShow() string {
	if v.noStart != nil {
		return "raw"
	}
	return "learned"
}

// fileName is sheet for the sheet that training and import draw, and says what differs for others.
func (c *sheetCmd) fileName(v *view) string {
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
func (c *sheetCmd) info() map[string]string {
	return map[string]string{"show": c.Show, "order": c.Order, "layer": strconv.Itoa(c.Layer)}
}

// drawTrainSheet draws the sheet that a training run ends with, from the weights that its executor holds.
func (a *app) drawTrainSheet(j *job) error {
	v, err := newView(a, j.folder, "")
	if err != nil {
		return err
	}
	v.use(j.data, j.program, j.executor)
	return v.drawSheet()
}

// drawSheet draws the sheet that training and import end with.
func (v *view) drawSheet() error {
	c := sheetCmd{layerFlag: layerFlag{Layer: 1}, Show: v.defaultShow(), Scale: "shared", Order: "index"}
	pic, _, err := c.draw(v)
	var size *render.SizeError
	if errors.As(err, &size) {
		return fmt.Errorf("%s; draw a part of the neurons: neuroloupe sheet %s --top 1000", size.What(), v.folder.Path)
	}
	if err != nil {
		return err
	}
	return atomicfile.Write(v.folder.Sheet(), func(w io.Writer) error { return v.encodePicture(w, pic, c.info()) })
}

// draw draws the sheet and says its numbers.
func (c *sheetCmd) draw(v *view) (*render.Picture, *numbers, error) {
	layer := c.Layer - 1
	classes, how := v.favourites(layer)
	shows := []string{c.Show}
	if c.Show == "all" {
		shows = []string{"init", "raw", "learned"}
	}
	rho, err := v.layerRho(layer)
	if err != nil {
		return nil, nil, err
	}
	maps := make([][][]float32, len(shows))
	for i, show := range shows {
		if maps[i], err = v.maps(show, layer); err != nil {
			return nil, nil, err
		}
	}
	order, err := c.order(v, maps[len(maps)-1], classes)
	if err != nil {
		return nil, nil, err
	}
	n := &numbers{}
	addVector(n, "neuron", order)
	addTexts(n, "class", pick(v.classes(), pick(classes, order)))
	if rho != nil {
		addVector(n, "rho", pick(rho, order))
		addNumber(n, "rho_median", inspect.Median(rho))
		addNumber(n, "gamma", v.net.Gamma)
	}
	if c.MarkDead {
		addVector(n, "never_inked", v.folder.Manifest.Data.Dead)
	}
	fig := render.Figure{Title: v.title(), Rows: make([][]render.Panel, 1)}
	c.words(v, &fig, rho, how, len(shows), len(order))
	colors, err := c.colors()
	if err != nil {
		return nil, nil, err
	}
	for i, show := range shows {
		p, err := c.panel(v, show, colors, pick(maps[i], order))
		if err != nil {
			return nil, nil, err
		}
		for t, j := range order {
			p.Tiles[t].Name = strconv.Itoa(j)
			p.Tiles[t].Lines = append([]string{"→ " + v.labels()[classes[j]]}, p.Tiles[t].Lines...)
			if rho != nil {
				p.Tiles[t].Lines = append(p.Tiles[t].Lines, fmt.Sprintf("ρ %.2f", rho[j]))
			}
		}
		if len(shows) == 1 {
			p.Title, p.Caption = "", ""
		}
		fig.Rows[0] = append(fig.Rows[0], p)
		c.addNumbers(n, show, p)
	}
	pic, err := v.paint(fig, n)
	return pic, n, err
}

// addNumbers adds what a panel draws.
func (c *sheetCmd) addNumbers(n *numbers, show string, p render.Sheet) {
	maps, norm := make([][]float32, len(p.Tiles)), make([]float64, len(p.Tiles))
	for t, tile := range p.Tiles {
		maps[t], norm[t] = tile.Map, inspect.Norm(tile.Map)
	}
	addMatrix(n, show, maps)
	addVector(n, show+"_norm", norm)
}

// words fills in the subtitle and the caption of the picture.
func (c *sheetCmd) words(v *view, fig *render.Figure, rho []float64, how string, shows, drawn int) {
	layer := c.Layer - 1
	share := 100 * inspect.Median(rho)
	reading := "Each tile is one neuron: its weight for every pixel."
	if layer > 0 {
		reading = fmt.Sprintf("Each tile is one neuron of layer %d: how much every pixel moves it along the path %s, that is if the "+
			"layers before it were linear.", c.Layer, v.path("W₁", layer))
	}
	reading += fmt.Sprintf(" → %s; ‖w‖ its length", how)
	if v.noStart == nil {
		reading += "; ρ the share of its raw map that is the random start."
	} else {
		reading += ". The network was made elsewhere, so how much of the maps is its random start is not known."
	}
	if shows > 1 {
		fig.Subtitle = c.count(v, drawn) + ": at the start, after training, and what training added"
		fig.Caption = fmt.Sprintf("%.0f %% of a raw map is its random start (median ρ). Take it away, and what was learned appears. %s", share, reading)
		if v.net.Gamma != 1 {
			fig.Caption = fmt.Sprintf("%.0f %% of a raw map is its random start (median ρ): weight decay has left γ = %.2g of it. %s", share, v.net.Gamma, reading)
		}
		return
	}
	fig.Subtitle = fmt.Sprintf("%s; %s", v.subtitle(c.Show, layer, share), c.count(v, drawn))
	fig.Caption = reading
}

// count says how many of the neurons are drawn.
func (c *sheetCmd) count(v *view, n int) string {
	of, hidden := v.spec().Layers[c.Layer-1].Units, "hidden neuron"
	if v.net.Hidden() > 0 {
		hidden = fmt.Sprintf("neuron of hidden layer %d", c.Layer)
	}
	by := ""
	if c.Order != "index" {
		by = ", by " + c.Order
	}
	switch {
	case of == 1:
		return "the one " + hidden
	case n == of && v.net.Hidden() > 0:
		return fmt.Sprintf("all %d neurons of hidden layer %d%s", n, c.Layer, by)
	case n == of:
		return fmt.Sprintf("all %d hidden neurons%s", n, by)
	}
	return fmt.Sprintf("%d of %d neurons%s", n, of, by)
}

func (v *view) subtitle(show string, layer int, share float64) string {
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
	case v.noStart != nil:
		return "raw weights W"
	case show == "raw":
		return fmt.Sprintf("raw weights W, of which %.0f %% is the random start", share)
	case show == "init":
		return "start weights W₀, before the first image"
	case v.net.Gamma == 1:
		return "learned weights W − W₀"
	}
	return fmt.Sprintf("learned weights W − γW₀, γ = %.3g", v.net.Gamma)
}

// heading is the heading and the sentence of a way to show the maps of a layer.
func (v *view) heading(show string, layer int) (title, caption string) {
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
func (c *sheetCmd) colors() (*render.Colors, error) {
	colors, err := c.weightColors()
	if err != nil {
		return nil, err
	}
	colors.Scale, err = render.ScaleByName(c.Scale)
	return colors, err
}

// panel is the sheet of maps shown one way, its tiles with their lengths alone.
func (c *sheetCmd) panel(v *view, show string, colors *render.Colors, maps [][]float32) (render.Sheet, error) {
	m := v.folder.Manifest.Data
	p := render.Sheet{Width: m.Cols, Height: m.Rows, Cols: c.Cols, TilePx: c.Tile, Colors: colors}
	p.Title, p.Caption = v.heading(show, c.Layer-1)
	if c.MarkDead {
		if p.Mark = v.dead(); p.Mark == nil {
			return p, fmt.Errorf("--mark-dead: %s was imported without a data set, so its never-inked pixels are not known", v.folder.Path)
		}
		p.MarkLabel = fmt.Sprintf("never inked in the training images: %d of %d pixels", len(m.Dead), m.Rows*m.Cols)
	}
	for _, w := range maps {
		p.Tiles = append(p.Tiles, render.Tile{Map: w, Lines: []string{fmt.Sprintf("‖w‖ %.3g", inspect.Norm(w))}})
	}
	return p, nil
}

// manyMaps is how many maps take long enough to order by similarity that it is said.
const manyMaps = 1000

// order returns the neurons as they are to be drawn. maps are the ones that a way to order them looks at.
func (c *sheetCmd) order(v *view, maps [][]float32, classes []int) (order []int, err error) {
	order = make([]int, len(maps))
	norm := make([]float64, len(maps))
	for j := range order {
		order[j], norm[j] = j, inspect.Norm(maps[j])
	}
	byNorm := func(a, b int) int { return cmp.Compare(norm[b], norm[a]) }
	switch c.Order {
	case "norm":
		slices.SortStableFunc(order, byNorm)
	case "class":
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(classes[a], classes[b]), byNorm(a, b)) })
	case "importance":
		imp, err := v.importance(c.Layer - 1)
		if err != nil {
			return nil, err
		}
		order = inspect.Descending(imp)
	case "similarity":
		if len(maps) > manyMaps {
			v.app.say("ordering %d maps by similarity", len(maps))
		}
		if order, err = inspect.Similar(v.app.ctx, maps); err != nil {
			return nil, err
		}
	}
	if c.Top > 0 {
		order = order[:min(c.Top, len(order))]
	}
	return order, nil
}

// pick returns the values at some places.
func pick[T any](v []T, places []int) []T {
	out := make([]T, len(places))
	for i, p := range places {
		out[i] = v[p]
	}
	return out
}
