package gallery

import (
	"fmt"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Neuron is a page on one neuron.
type Neuron struct {
	Style
	Neuron   int  // from 0
	Layer    int  // hidden, from 1; 0 is the first
	Count    int  // images at each end
	MarkDead bool // hatch the pixels that are never inked in the training images
}

// portrait is what is drawn of one neuron.
type portrait struct {
	view     *View
	layer    int
	neuron   int
	cmap     render.Colormap
	count    int
	markDead bool
	fig      render.Figure
	n        *arrays.Set
	facts    [][]string
}

// Draw makes the picture.
func (c *Neuron) Draw(v *View) (*Drawing, error) {
	layer, err := v.Hidden(c.Layer, 0)
	if err != nil {
		return nil, err
	}
	if err := v.neuron(c.Neuron, layer); err != nil {
		return nil, err
	}
	if c.MarkDead && v.Dead() == nil {
		return nil, fmt.Errorf("--mark-dead: %s was imported without a data set, so its never-inked pixels are not "+
			"known", v.Folder.Path)
	}
	p := &portrait{view: v, layer: layer, neuron: c.Neuron, count: c.Count, markDead: c.MarkDead, n: &arrays.Set{}}
	if p.cmap, err = c.Map(); err != nil {
		return nil, err
	}
	p.fig = render.Figure{
		Title: fmt.Sprintf("Neuron %d%s", c.Neuron, v.ofLayer(layer)), Subtitle: v.Line(),
		Caption: "A map says what the neuron weighs; the pattern says what it then responds to on these images, " +
			"which is smoother because images are; the triggered average of an untrained network shows how much of " +
			"that smoothness needs no training at all.",
	}
	if err := p.maps(); err != nil {
		return nil, err
	}
	if _, err := v.Test(); err != nil {
		v.talk.Say("no pattern, no images and no accuracy: the test images cannot be read: %s", words.Line(err))
		p.fig.Caption = "What the neuron does on images is not shown: the test images could not be read."
		p.fig.Rows = append(p.fig.Rows, []render.Panel{p.outgoing()})
	} else if err := p.withImages(); err != nil {
		return nil, err
	}
	p.fig.Rows[0] = append(p.fig.Rows[0], render.Table{Title: "in numbers", Rows: p.facts})
	return &Drawing{Name: withLayer(fmt.Sprintf("neuron-%d", c.Neuron), layer, 0), Figure: p.fig, Numbers: p.n}, nil
}

// portraitSide is the side of the maps of a page on one neuron.
const portraitSide = 224

// maps adds the neuron's weights: as they are, what training added, and the start.
func (p *portrait) maps() error {
	v, j := p.view, p.neuron
	shape := v.Shape()
	shows := []string{"raw"}
	if v.NoStart == nil {
		shows = []string{"raw", "learned", "init"}
	}
	titles := map[string]string{"raw": "weights W", "learned": "learned: W − γW₀", "init": "start W₀"}
	captions := map[string]string{
		"raw": "as they are", "learned": "what training added",
		"init": "random, before the first image",
	}
	if p.layer > 0 {
		first := map[string]string{"raw": "W₁", "learned": "(W₁ − γW₀)", "init": "W₁"}
		titles = map[string]string{
			"raw": "path to the input", "learned": "path, W₁ without its start",
			"init": "path before training",
		}
		for show := range captions {
			captions[show] = v.path(first[show], p.layer) + ", everything between taken as linear"
		}
	}
	colors := &render.Colors{Name: "weight", Low: "ink lowers z", High: "ink raises z", Map: p.cmap}
	var row []render.Panel
	maps := map[string][]float32{}
	for _, show := range shows {
		all, err := v.maps(show, p.layer)
		if err != nil {
			return err
		}
		maps[show] = all[j]
		m := v.mapPanel(p.n, "map_"+show, all[j])
		m.Title, m.Caption, m.Colors, m.Side = titles[show], captions[show], colors, portraitSide
		if p.markDead {
			m.Mark, m.MarkLabel = v.Dead(), "never inked in the training images"
		}
		row = append(row, m)
	}
	raw := maps["raw"]
	arrays.AddNumber(p.n, "norm", inspect.Norm(raw))
	arrays.AddNumber(p.n, "smoothness_raw", inspect.Smoothness(raw, shape.Rows, shape.Cols))
	arrays.AddNumber(p.n, "bias", v.Net.Params.Bias(p.layer + 1).Data[j])
	if v.NoStart == nil {
		arrays.AddNumber(p.n, "rho", inspect.Rho(raw, maps["init"]))
		arrays.AddNumber(p.n, "smoothness_learned", inspect.Smoothness(maps["learned"], shape.Rows, shape.Cols))
	}
	if p.markDead {
		arrays.AddVector(p.n, "never_inked", v.Folder.Manifest.Data.Dead)
	}
	p.fact("‖w‖", "%.3g", inspect.Norm(raw))
	if v.NoStart == nil {
		p.fact("ρ, share of the start", "%.2f", inspect.Rho(raw, maps["init"]))
		p.fact("smoothness raw, learned", "%s, %s", words.Hundredths(inspect.Smoothness(raw, shape.Rows, shape.Cols)),
			words.Hundredths(inspect.Smoothness(maps["learned"], shape.Rows, shape.Cols)))
	} else {
		p.fact("smoothness", "%s", words.Hundredths(inspect.Smoothness(raw, shape.Rows, shape.Cols)))
		row = append(row, render.Text{
			Title: "no learned part",
			Text: "The network was made elsewhere and its start weights are not known, so what training added cannot " +
				"be told from them.", Width: 240,
		})
	}
	p.fact("bias", "%s", words.Signed(float64(v.Net.Params.Bias(p.layer + 1).Data[j])))
	p.fig.Rows = append(p.fig.Rows, row)
	return nil
}

func (p *portrait) fact(name, format string, args ...any) {
	p.facts = append(p.facts, []string{name, fmt.Sprintf(format, args...)})
}

// outgoing is what the neuron's activation weighs for each output.
func (p *portrait) outgoing() render.Bars {
	path := inspect.Path(p.view.Spec(), p.view.Net.Params, p.layer)[p.neuron]
	arrays.AddVector(p.n, "outgoing", path)
	b := render.Bars{
		Key: "outgoing", Title: "weight to each class", Caption: "its column of W2",
		Names: p.view.Labels(), Values: path, Map: p.cmap, Width: 260,
	}
	if p.layer < p.view.Net.Hidden() {
		b.Caption = "the product of the weights after it, everything between taken as linear"
	}
	return strongest(b, sizes64(path))
}

// withImages adds what the neuron does on the test images.
func (p *portrait) withImages() error {
	v, j, ctx := p.view, p.neuron, p.view.ctx
	probe, err := v.ProbeTest()
	if err != nil {
		return err
	}
	values := map[bool][][]float32{}
	for _, weighted := range []bool{true, false} {
		all, err := probe.Values(ctx, v.Net, p.layer, weighted)
		if err != nil {
			return err
		}
		values[weighted] = inspect.Columns(all, []int{j})
	}
	if err := p.patterns(probe, values[true], values[false]); err != nil {
		return err
	}
	if err := p.images(inspect.Column(values[true], 0)); err != nil {
		return err
	}
	return p.classes(probe, inspect.Column(values[false], 0))
}

// patterns adds what the neuron responds to, beside the same of an untrained network. z, a: n×1.
func (p *portrait) patterns(probe inspect.Probe, z, a [][]float32) error {
	v, ctx := p.view, p.view.ctx
	pattern, err := inspect.Patterns(ctx, probe.Data, v.Spec().Inputs, z)
	if err != nil {
		return err
	}
	triggered, err := inspect.Triggered(ctx, probe.Data, v.Spec().Inputs, a)
	if err != nil {
		return err
	}
	start, known := v.Net.Start()
	before, err := probe.Values(ctx, start, p.layer, false)
	if err != nil {
		return err
	}
	untrained, err := inspect.Triggered(ctx, probe.Data, v.Spec().Inputs, inspect.Columns(before, []int{p.neuron}))
	if err != nil {
		return err
	}
	which := "the same neuron before training"
	if !known {
		which = "a network of random weights: its own start is not known"
	}
	colors := &render.Colors{Name: "mean ink, less the mean image", Low: "less ink", High: "more ink", Map: p.cmap}
	panel := func(key, title, caption string, values []float32, c *render.Colors) render.Panel {
		m := v.mapPanel(p.n, key, values)
		m.Title, m.Caption, m.Colors, m.Side = title, caption, c, portraitSide
		return m
	}
	last := panel("pattern", "pattern Σw", "covariance of each pixel with z: what it responds to", pattern[0],
		&render.Colors{Name: "covariance with z", Low: "less ink", High: "more ink", Map: p.cmap})
	p.fig.Rows = append(p.fig.Rows, []render.Panel{
		panel("triggered", "triggered average", "images weighted by a, less their mean", triggered[0], colors),
		panel("triggered_untrained", "the same, untrained", which, untrained[0], colors),
		last,
	})
	return nil
}

// images adds the images at both ends of z and those between.
func (p *portrait) images(z []float32) error {
	x := inspect.FindExtremes(z, p.count)
	test, err := p.view.Test()
	if err != nil {
		return err
	}
	for _, end := range []struct {
		name, title string
		images      []int
	}{{"top", "excite it most", x.Top}, {"bottom", "excite it least", x.Bottom}} {
		strip, values, err := p.view.strip(end.images, z)
		if err != nil {
			return err
		}
		strip.Title = end.title
		p.fig.Rows = append(p.fig.Rows, []render.Panel{strip})
		arrays.AddVector(p.n, end.name, end.images)
		arrays.AddVector(p.n, end.name+"_label", arrays.Pick(test.Labels, end.images))
		arrays.AddVector(p.n, end.name+"_z", values)
	}
	const each = 3
	shape := p.view.Shape()
	tenths := render.Thumbs{
		Title: "from most to least", Caption: "a column per tenth of the test images by z, with the class of each; " +
			"three images spread over the tenth",
		Width: shape.Cols, Height: shape.Rows, Cols: len(x.Deciles), Side: 56,
	}
	var drawn []int
	for r := range each {
		for d, images := range x.Deciles {
			if len(images) == 0 {
				continue
			}
			i := images[r*(len(images)-1)/(each-1)]
			drawn = append(drawn, i)
			tenths.Images = append(tenths.Images, test.Image(i))
			tenths.Names = append(tenths.Names, p.view.Labels()[test.Labels[i]])
			tenths.Lines = append(tenths.Lines, []string{fmt.Sprintf("%d–%d %%", 10*d, 10*d+10)})
		}
	}
	if len(drawn) == each*len(x.Deciles) {
		p.fig.Rows = append(p.fig.Rows, []render.Panel{tenths})
		arrays.AddArray(p.n, "tenths", drawn, each, len(x.Deciles))
		arrays.AddArray(p.n, "tenths_label", arrays.Pick(test.Labels, drawn), each, len(x.Deciles))
	}
	return nil
}

// classes adds what the neuron does for each class.
func (p *portrait) classes(probe inspect.Probe, a []float32) error {
	v := p.view
	names := v.Labels()
	all, each := inspect.Spreads(a, probe.Data.Labels, len(names))
	mean := render.Bars{
		Key:   "mean_activation",
		Title: "mean activation by class", Caption: fmt.Sprintf("± its standard deviation; over all images %.2f ± %.2f",
			all.Mean, all.SD),
		Names: names, Map: p.cmap, Width: 300,
	}
	var sd []float64
	negative := false
	for _, s := range each {
		mean.Values = append(mean.Values, s.Mean)
		mean.Texts = append(mean.Texts, fmt.Sprintf("%.2f ± %.2f", s.Mean, s.SD))
		sd = append(sd, s.SD)
		negative = negative || s.Mean < 0
	}
	if !negative {
		mean.Map = render.Ink
	}
	b, err := inspect.NewAblation(v.ctx, probe, v.Net, p.layer)
	if err != nil {
		return err
	}
	lost, err := b.Lost(v.ctx, []int{p.neuron})
	if err != nil {
		return err
	}
	without := render.Bars{
		Key:   "recall_lost",
		Title: "recall lost without it, % points",
		Caption: fmt.Sprintf("its activation replaced by its mean; accuracy lost over all: %s %% points",
			words.Signed(100*lost[0].Accuracy)),
		Names: names, Map: p.cmap, Width: 260,
	}
	for _, d := range lost[0].Class {
		without.Values = append(without.Values, 100*d)
	}
	importance, err := v.importance(p.layer)
	if err != nil {
		return err
	}
	favourites, _ := v.Favourites(p.layer)
	rank := 1
	for _, x := range importance {
		if x > importance[p.neuron] {
			rank++
		}
	}
	act, err := v.Activity(p.layer)
	if err != nil {
		return err
	}
	p.fact("answer", "%s", v.speaks(p.layer, p.neuron, favourites[p.neuron]))
	p.fact("importance", "%s of %d", words.Ordinal(rank), len(importance))
	p.fact("stuck at one end", "%.0f %% of the images", 100*act.Stuck[p.neuron])
	p.fig.Rows = append(p.fig.Rows, []render.Panel{
		strongest(mean, sizes64(mean.Values)), p.outgoing(), strongest(without, sizes64(without.Values)),
	})
	arrays.AddTexts(p.n, "classes", v.Classes())
	arrays.AddVector(p.n, "mean_activation", mean.Values)
	arrays.AddVector(p.n, "sd_activation", sd)
	arrays.AddVector(p.n, "mean_sd_over_all", []float64{all.Mean, all.SD})
	arrays.AddNumber(p.n, "favourite", favourites[p.neuron])
	arrays.AddNumber(p.n, "importance_rank", rank)
	arrays.AddNumber(p.n, "stuck", act.Stuck[p.neuron])
	arrays.AddVector(p.n, "recall_lost", lost[0].Class)
	arrays.AddNumber(p.n, "accuracy_lost", lost[0].Accuracy)
	return nil
}
