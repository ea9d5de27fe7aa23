package gallery

import (
	"fmt"
	"strconv"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Compare pairs the neurons of two runs and draws the differences.
type Compare struct {
	Style
	Other    *View  // the second run
	Layer    int    // hidden, from 1; 0 is the first
	By       string // what makes two neurons alike: maps or activations
	Show     string // learned, raw or init; "" is learned where both starts are known
	Top      int    // pairs to draw, the most alike
	MarkDead bool   // hatch the pixels that are never inked in the training images of the first run
}

// Draw makes the picture.
func (c *Compare) Draw(v *View) (*Drawing, error) {
	w := c.Other
	p, err := c.compare(v, w)
	if err != nil {
		return nil, err
	}
	fig, err := c.figure(p)
	if err != nil {
		return nil, err
	}
	name := withLayer("compare", p.layer, 0)
	for _, part := range [][2]string{{c.By, "maps"}, {c.Show, p.usual}} {
		if part[0] != part[1] {
			name += "-" + part[0]
		}
	}
	return &Drawing{Name: name + "-" + escaped(w.Name()), Figure: fig, Numbers: p.numbers(c.Top)}, nil
}

// paired are the neurons of a layer of two runs, paired.
type paired struct {
	a, b         *View
	layer        int
	usual        string // the maps that would be shown unless asked
	match        *inspect.Matched
	by           string
	mapsA, mapsB [][]float32
	favA, favB   []int
	order        []int // of the pairs, the most alike first
}

// compareImages bounds the test images that activations are compared on.
const compareImages = 2000

func (c *Compare) compare(v, w *View) (*paired, error) {
	p := &paired{a: v, b: w, by: c.By, usual: v.defaultShow()}
	if w.NoStart != nil {
		p.usual = "raw"
	}
	if c.Show == "" {
		c.Show = p.usual
	}
	for _, x := range []*View{v, w} {
		if c.Show != "raw" && x.NoStart != nil {
			return nil, fmt.Errorf("--show %s: %w; compare the weights as they are: --show raw", c.Show, x.NoStart)
		}
	}
	if a, b := v.Shape(), w.Shape(); a != b {
		return nil, fmt.Errorf("%s takes images of %v pixels and %s of %v; maps of different sizes cannot be compared",
			v.Folder.Path, a, w.Folder.Path, b)
	}
	var err error
	if p.layer, err = v.Hidden(c.Layer, 0); err != nil {
		return nil, err
	}
	if _, err := w.Hidden(p.layer+1, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", w.Folder.Path, err)
	}
	if p.mapsA, err = v.maps(c.Show, p.layer); err != nil {
		return nil, err
	}
	if p.mapsB, err = w.maps(c.Show, p.layer); err != nil {
		return nil, err
	}
	p.favA, _ = v.Favourites(p.layer)
	p.favB, _ = w.Favourites(p.layer)
	if n := max(len(p.mapsA), len(p.mapsB)); n > manyMaps {
		v.talk.Say("pairing %d neurons with %d", len(p.mapsA), len(p.mapsB))
	}
	if err := c.pair(v, w, p); err != nil {
		return nil, err
	}
	p.order = p.match.Order()
	return p, nil
}

func (c *Compare) pair(v, w *View, p *paired) (err error) {
	if c.By == "maps" {
		p.match, err = v.Subject.MatchMaps(v.ctx, w.Subject, way(c.Show), p.layer)
		return err
	}
	if _, err := v.Test(); err != nil {
		return fmt.Errorf("--by activations goes by the test images of %s: %w", v.Folder.Path, err)
	}
	p.match, err = v.Subject.MatchActivations(v.ctx, w.Subject, p.layer, compareImages)
	return err
}

func (p *paired) numbers(top int) *arrays.Set {
	n := &arrays.Set{}
	var a, b []int
	var corr []float64
	for _, q := range p.match.Pairs {
		a, b, corr = append(a, q.A), append(b, q.B), append(corr, q.Correlation)
	}
	arrays.AddVector(n, "a", a)
	arrays.AddVector(n, "b", b)
	arrays.AddVector(n, "correlation", corr)
	arrays.AddVector(n, "drawn", p.shown(top))
	var mapsA, mapsB [][]float32
	var favA, favB []int
	for i := range a {
		mapsA, mapsB = append(mapsA, p.mapsA[a[i]]), append(mapsB, p.mapsB[b[i]])
		favA, favB = append(favA, p.favA[a[i]]), append(favB, p.favB[b[i]])
	}
	arrays.AddMatrix(n, "map_a", mapsA)
	arrays.AddMatrix(n, "map_b", mapsB)
	arrays.AddVector(n, "favourite_a", favA)
	arrays.AddVector(n, "favourite_b", favB)
	if s, err := p.b.Score(); err == nil {
		arrays.AddNumber(n, "accuracy_of_b", s.Accuracy())
	}
	arrays.AddNumber(n, "mean", p.match.Mean)
	arrays.AddVector(n, "curve", p.match.Alike())
	if p.by == "activations" {
		arrays.AddNumber(n, "images", p.match.Images)
	}
	if p.match.Control != nil {
		arrays.AddNumber(n, "mean_control", p.match.Control.Mean)
		arrays.AddVector(n, "curve_control", p.match.Control.Alike())
	}
	arrays.AddVector(n, "best_of_a", p.match.Best)
	arrays.AddVector(n, "only_a", p.match.OnlyA)
	arrays.AddVector(n, "only_b", p.match.OnlyB)
	arrays.AddMatrix(n, "difference", p.match.Differences(p.mapsA, p.mapsB))
	return n
}

// shown are the pairs to draw, the most alike first.
func (p *paired) shown(top int) []int { return p.order[:min(top, len(p.order))] }

func (c *Compare) figure(p *paired) (render.Figure, error) {
	colors, err := c.weightColors()
	if err != nil {
		return render.Figure{}, err
	}
	first := []render.Panel{p.summary()}
	if len(p.match.Pairs) > 1 {
		first = append([]render.Panel{p.chart()}, first...)
	}
	shown := p.shown(c.Top)
	differences := p.match.Differences(p.mapsA, p.mapsB)
	a := c.sheet(p.a, "map_a", "A: "+p.a.Name(), colors)
	b := c.sheet(p.a, "map_b", "B: "+p.b.Name(), colors)
	d := c.sheet(p.a, "difference", "Difference: B − A", colors)
	opposite := false
	for _, i := range shown {
		q := p.match.Pairs[i]
		signed, sign := p.mapsB[q.B], ""
		if q.Correlation < 0 {
			signed, sign = negated(signed), "−"
		}
		a.Tiles = append(a.Tiles, tile(strconv.Itoa(q.A), "→ "+p.a.Labels()[p.favA[q.A]], p.mapsA[q.A]))
		b.Tiles = append(b.Tiles, tile(sign+strconv.Itoa(q.B), "→ "+p.b.Labels()[p.favB[q.B]], signed))
		d.Tiles = append(d.Tiles, tile("r", fmt.Sprintf("%.2f", q.Correlation), differences[i]))
		opposite = opposite || sign != ""
	}
	a.Caption = p.a.score100()
	b.Caption = p.b.score100()
	if opposite {
		b.Caption += " A minus before the number: drawn negated, because the pair is opposite."
	}
	d.Caption = "r: the correlation of the pair's " + c.By + "."
	title := fmt.Sprintf("The same neurons in two runs? The %d most alike of %d pairs", len(shown), len(p.match.Pairs))
	if len(shown) == len(p.match.Pairs) {
		title = "The same neurons in two runs? " + words.Count(len(shown), "pair")
	}
	return render.Figure{
		Title: title + p.a.ofLayer(p.layer),
		Subtitle: fmt.Sprintf("A, %s; B, %s. Maps: %s, one scale", p.a.Line(), p.b.Line(),
			p.a.weightName(c.Show, p.layer)),
		Caption: "The neurons of a network have no order, so each of A stands beside the one of B that it is paired " +
			"with, the most alike pair first. Hungarian method: no other pairing has a larger sum of |r|.",
		Rows: [][]render.Panel{first, {a, b, d}},
	}, nil
}

func negated(m []float32) []float32 {
	out := make([]float32, len(m))
	for i, v := range m {
		out[i] = -v
	}
	return out
}

func tile(name, line string, m []float32) render.Tile {
	return render.Tile{Name: name, Lines: []string{line}, Map: m}
}

// score100 is a run's test accuracy in a sentence, or nothing when it is not known.
func (v *View) score100() string {
	s, err := v.Score()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%.1f %% test accuracy.", 100*s.Accuracy())
}

func (c *Compare) sheet(v *View, key, title string, colors *render.Colors) render.Sheet {
	shape := v.Shape()
	s := render.Sheet{Key: key, Title: title, Width: shape.Cols, Height: shape.Rows, Colors: colors, Cols: 5}
	if c.MarkDead {
		s.Mark = v.Dead()
		s.MarkLabel = "never inked in the training images"
	}
	return s
}

// chart is how alike the pairs are, from the most alike pair to the least.
func (p *paired) chart() render.Chart {
	c := render.Chart{
		Title: "How alike the pairs are", X: "pairs, the most alike first", Y: "|r| of the pair's " + p.by,
		LinearX: true, LinearY: true,
		Caption: "1 is the same, 0 unrelated.",
	}
	add := func(name, key string, m *inspect.Match) {
		y := m.Alike()
		x := make([]float64, len(y))
		for i := range x {
			x[i] = float64(i + 1)
		}
		c.Series = append(c.Series, render.Series{Name: name, X: x, KeyY: key, Y: y})
	}
	add("A with B", "curve", p.match.Match)
	if p.match.Control != nil {
		add(map[string]string{"maps": "control: B turned", "activations": "control: B untrained"}[p.by],
			"curve_control", p.match.Control)
	}
	return c
}

// summary says in words how alike the runs' neurons are.
func (p *paired) summary() render.Text {
	m := p.match
	s := fmt.Sprintf("The %d pairs have |r| = %.2f on average, and half of them more than %.2f.", len(m.Pairs), m.Mean,
		inspect.Median(m.Alike()))
	if len(m.Pairs) == 1 {
		s = fmt.Sprintf("The pair has r = %.2f.", m.Pairs[0].Correlation)
	}
	if p.by == "activations" {
		s += fmt.Sprintf(" Two neurons are alike here when they are active on the same of %s test images.",
			words.Thousands(p.match.Images))
	}
	if p.match.Control != nil {
		what := "B before training, whose neurons see the same images but have learned nothing"
		if p.by == "maps" {
			what = "B's maps turned by half a turn, which are as smooth but look for other shapes"
		}
		s += fmt.Sprintf(" The control: with %s, it is %.2f.", what, p.match.Control.Mean)
		if len(m.Pairs) >= fewNeurons {
			if m.Mean < 1.25*p.match.Control.Mean {
				s += " That is hardly less: the two runs found other neurons."
			} else {
				s += " What is above that is what both runs found."
			}
		}
	}
	if n := len(m.OnlyA) + len(m.OnlyB); n > 0 {
		which := "A"
		if len(m.OnlyB) > 0 {
			which = "B"
		}
		s += fmt.Sprintf("\n%s of %s, which has more, are left over.", words.Count(n, "neuron"), which)
	}
	return render.Text{Title: "In words", Text: s, Width: 420}
}
