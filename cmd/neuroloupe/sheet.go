package main

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type sheetCmd struct {
	Folder string `arg:"" name:"run" help:"Run folder."`

	Show     string `enum:"learned,raw,init,all" default:"learned" help:"learned (default: W − γW₀, what training put there), raw (W), init (W₀), or all three side by side."`
	Scale    string `enum:"shared,neuron,percentile" default:"shared" help:"shared (default: one scale), neuron (each its own), percentile (one scale that clips the largest half per cent)."`
	Order    string `enum:"index,norm,class" default:"index" help:"index (default), norm (largest first) or class (favourite class, then norm)."`
	Top      int    `placeholder:"N" help:"Only the first N in that order; default all."`
	MarkDead bool   `help:"Hatch the pixels that are never inked in the training images."`
	Cols     int    `placeholder:"N" help:"Tiles in a row; default chosen."`
	Tile     int    `placeholder:"PX" help:"Width of a tile in pixels; default chosen."`
	Colormap string `placeholder:"NAME" help:"blue-orange (default), blue-red or grey."`
	Output   string `short:"o" placeholder:"FILE" help:"The picture to write; default in the run folder."`
}

func (sheetCmd) Help() string {
	return `Draws the weight maps of all neurons of the first hidden layer, one tile each, and prints the picture's path.

Examples:

    neuroloupe sheet runs/mnist-784-100-10-clear-s1
    neuroloupe sheet runs/mnist-784-100-10-nielsen1-s1 --show all --order class -o compare.png
`
}

func (c *sheetCmd) Run(a *app) error {
	l, err := openLook(c.Folder)
	if err != nil {
		return err
	}
	s, err := l.watch(a)
	if err != nil {
		a.say("favourite classes go by weight alone: the test images cannot be read: %s", oneLine(err))
	}
	out := c.Output
	if out == "" {
		out = filepath.Join(l.folder.Path, c.fileName())
	}
	if c.Top < 0 {
		return usage("--top %d: want 1 or more", c.Top)
	}
	if err := c.draw(l, s, out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, out)
	return err
}

// fileName is sheet.png for the sheet that training draws, and says what differs for others.
func (c *sheetCmd) fileName() string {
	name := "sheet"
	for _, p := range [][2]string{
		{c.Show, "learned"},
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
	return name + ".png"
}

// drawTrainSheet draws the sheet that a training run ends with, from the weights that its executor holds.
func (a *app) drawTrainSheet(j *job) error {
	l, err := openLook(j.folder.Path)
	if err != nil {
		return err
	}
	s, err := observe(j.executor, j.program, engineData(j.data.test))
	if err != nil {
		return err
	}
	c := sheetCmd{Show: "learned", Scale: "shared", Order: "index"}
	return c.draw(l, s, j.folder.Sheet())
}

// panelText is the heading and the sentence of each way to show the maps.
var panelText = map[string][2]string{
	"raw":     {"Raw: W", "The weights as they are."},
	"learned": {"Learned: W − γW₀", "What training put there."},
	"init":    {"Start: W₀", "The random start, before the first image."},
}

func (c *sheetCmd) draw(l *look, s *seen, out string) error {
	m := l.folder.Manifest
	classes, how := l.favourites(s)
	order := c.order(l, classes)
	shows := []string{c.Show}
	if c.Show == "all" {
		shows = []string{"init", "raw", "learned"}
	}
	row := render.Row{Title: l.title(s), CommonScale: len(shows) > 1 && c.Scale != "neuron"}
	for _, show := range shows {
		p, err := c.panel(l, show, classes, order)
		if err != nil {
			return err
		}
		row.Panels = append(row.Panels, p)
	}
	raw, start := inspect.Maps(l.show("raw")), inspect.Maps(l.show("init"))
	var rho []float64
	for j := range raw {
		rho = append(rho, inspect.Rho(raw[j], start[j]))
	}
	share := 100 * inspect.Median(rho)
	reading := fmt.Sprintf("Each tile is one neuron: its weight for every pixel. → %s; ‖w‖ its length; ρ the share of its raw map that is the random start.", how)
	if len(shows) > 1 {
		row.Subtitle = c.count(len(order), len(raw)) + ": at the start, after training, and what training added"
		row.Caption = fmt.Sprintf("%.0f %% of a raw map is its random start (median ρ). Take it away, and what was learned appears. %s", share, reading)
		if l.gamma != 1 {
			row.Caption = fmt.Sprintf("%.0f %% of a raw map is its random start (median ρ): weight decay has left γ = %.2g of it. %s", share, l.gamma, reading)
		}
	} else {
		row.Panels[0].Title, row.Panels[0].Caption = "", ""
		row.Subtitle = fmt.Sprintf("%s; %s", subtitle(c.Show, l.gamma, share), c.count(len(order), len(raw)))
		row.Caption = reading
	}
	pic, err := row.Draw()
	if err != nil {
		return err
	}
	info := pic.Info()
	info["run"], info["net"], info["show"] = filepath.Base(l.folder.Path), l.folder.Spec.String(), c.Show
	info["data"], info["order"] = m.Data.Title, c.Order
	var b bytes.Buffer
	if err := render.EncodePNG(&b, pic.Image, info); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(out, b.Bytes()); err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	return nil
}

// count says how many of the neurons are drawn.
func (c *sheetCmd) count(n, of int) string {
	switch {
	case of == 1:
		return "the one hidden neuron"
	case n == of:
		return fmt.Sprintf("all %d hidden neurons", n)
	}
	return fmt.Sprintf("%d of %d neurons, by %s", n, of, c.Order)
}

func subtitle(show string, gamma, share float64) string {
	switch show {
	case "raw":
		return fmt.Sprintf("raw weights W, of which %.0f %% is the random start", share)
	case "init":
		return "start weights W₀, before the first image"
	}
	if gamma == 1 {
		return "learned weights W − W₀"
	}
	return fmt.Sprintf("learned weights W − γW₀, γ = %.3g", gamma)
}

func (l *look) title(s *seen) string {
	m := l.folder.Manifest
	t := fmt.Sprintf("%s · %s · %s", m.Data.Title, l.folder.Spec, m.Train.Preset)
	if s != nil {
		t += fmt.Sprintf(" · %.1f %% test accuracy", 100*s.score.Accuracy())
	}
	return t
}

func (c *sheetCmd) panel(l *look, show string, classes, order []int) (render.Sheet, error) {
	m := l.folder.Manifest.Data
	p := render.Sheet{
		Title: panelText[show][0], Caption: panelText[show][1],
		Width: m.Cols, Height: m.Rows, Cols: c.Cols, TilePx: c.Tile,
	}
	var err error
	if p.Scale, err = render.ScaleByName(c.Scale); err != nil {
		return p, err
	}
	if c.Colormap != "" {
		if p.Map, err = render.ColormapByName(c.Colormap); err != nil {
			return p, usageError{err}
		}
	}
	if c.MarkDead {
		p.Mark = l.folder.Manifest.DeadMask()
		p.MarkLabel = fmt.Sprintf("never inked in the training images: %d of %d pixels", len(m.Dead), m.Rows*m.Cols)
	}
	maps, raw, start := inspect.Maps(l.show(show)), inspect.Maps(l.show("raw")), inspect.Maps(l.show("init"))
	for _, j := range order {
		p.Tiles = append(p.Tiles, render.Tile{
			Map: maps[j], Name: strconv.Itoa(j), Lines: []string{
				"→ " + m.Classes[classes[j]],
				fmt.Sprintf("‖w‖ %.3g", inspect.Norm(maps[j])),
				fmt.Sprintf("ρ %.2f", inspect.Rho(raw[j], start[j])),
			},
		})
	}
	return p, nil
}

// order returns the neurons as they are to be drawn.
func (c *sheetCmd) order(l *look, classes []int) []int {
	show := c.Show
	if show == "all" {
		show = "learned"
	}
	maps := inspect.Maps(l.show(show))
	order := make([]int, len(maps))
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
	}
	if c.Top > 0 {
		order = order[:min(c.Top, len(order))]
	}
	return order
}
