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
	of       *inspect.Neuron
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
	if p.of, err = v.Subject.Neuron(v.ctx, layer, c.Neuron); err != nil {
		return nil, err
	}
	p.maps()
	if p.of.Seen == nil {
		_, err := v.Test()
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
func (p *portrait) maps() {
	v, of := p.view, p.of
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
	for _, show := range shows {
		m := v.mapPanel(p.n, "map_"+show, of.Maps[way(show)])
		m.Title, m.Caption, m.Colors, m.Side = titles[show], captions[show], colors, portraitSide
		if p.markDead {
			m.Mark, m.MarkLabel = v.Dead(), "never inked in the training images"
		}
		row = append(row, m)
	}
	raw, learned := of.Smooth[inspect.ShowRaw], of.Smooth[inspect.ShowLearned]
	arrays.AddNumber(p.n, "norm", of.Norm)
	arrays.AddNumber(p.n, "smoothness_raw", raw)
	arrays.AddNumber(p.n, "bias", of.Bias)
	if v.NoStart == nil {
		arrays.AddNumber(p.n, "rho", of.Rho)
		arrays.AddNumber(p.n, "smoothness_learned", learned)
	}
	if p.markDead {
		arrays.AddVector(p.n, "never_inked", v.Folder.Manifest.Data.Dead)
	}
	p.fact("‖w‖", "%.3g", of.Norm)
	if v.NoStart == nil {
		p.fact("ρ, share of the start", "%.2f", of.Rho)
		p.fact("smoothness raw, learned", "%s, %s", words.Hundredths(raw), words.Hundredths(learned))
	} else {
		p.fact("smoothness", "%s", words.Hundredths(raw))
		row = append(row, render.Text{
			Title: "no learned part",
			Text: "The network was made elsewhere and its start weights are not known, so what training added cannot " +
				"be told from them.", Width: 240,
		})
	}
	p.fact("bias", "%s", words.Signed(float64(of.Bias)))
	p.fig.Rows = append(p.fig.Rows, row)
}

func (p *portrait) fact(name, format string, args ...any) {
	p.facts = append(p.facts, []string{name, fmt.Sprintf(format, args...)})
}

// outgoing is what the neuron's activation weighs for each output.
func (p *portrait) outgoing() render.Bars {
	path := p.of.Out
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
	p.patterns()
	if err := p.images(); err != nil {
		return err
	}
	p.classes()
	return nil
}

// patterns adds what the neuron responds to, beside the same of an untrained network.
func (p *portrait) patterns() {
	v, seen := p.view, p.of.Seen
	which := "the same neuron before training"
	if !seen.Known {
		which = "a network of random weights: its own start is not known"
	}
	colors := &render.Colors{Name: "mean ink, less the mean image", Low: "less ink", High: "more ink", Map: p.cmap}
	panel := func(key, title, caption string, values []float32, c *render.Colors) render.Panel {
		m := v.mapPanel(p.n, key, values)
		m.Title, m.Caption, m.Colors, m.Side = title, caption, c, portraitSide
		return m
	}
	last := panel("pattern", "pattern Σw", "covariance of each pixel with z: what it responds to", seen.Pattern,
		&render.Colors{Name: "covariance with z", Low: "less ink", High: "more ink", Map: p.cmap})
	p.fig.Rows = append(p.fig.Rows, []render.Panel{
		panel("triggered", "triggered average", "images weighted by a, less their mean", seen.Triggered, colors),
		panel("triggered_untrained", "the same, untrained", which, seen.Untrained, colors),
		last,
	})
}

// images adds the images at both ends of z and those between.
func (p *portrait) images() error {
	all, err := p.view.Subject.Excited(p.view.ctx, p.layer, []int{p.neuron}, p.count)
	if err != nil {
		return err
	}
	x := all[0]
	test, err := p.view.Test()
	if err != nil {
		return err
	}
	for _, end := range []struct {
		name, title string
		images      []int
		z           []float64
	}{{"top", "excite it most", x.Top, x.TopZ}, {"bottom", "excite it least", x.Bottom, x.BottomZ}} {
		strip, err := p.view.strip(end.images, end.z)
		if err != nil {
			return err
		}
		strip.Title = end.title
		p.fig.Rows = append(p.fig.Rows, []render.Panel{strip})
		arrays.AddVector(p.n, end.name, end.images)
		arrays.AddVector(p.n, end.name+"_label", arrays.Pick(test.Labels, end.images))
		arrays.AddVector(p.n, end.name+"_z", end.z)
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
func (p *portrait) classes() {
	v, of, seen := p.view, p.of, p.of.Seen
	names, all := v.Labels(), seen.All
	mean := render.Bars{
		Key:   "mean_activation",
		Title: "mean activation by class", Caption: fmt.Sprintf("± its standard deviation; over all images %.2f ± %.2f",
			all.Mean, all.SD),
		Names: names, Map: p.cmap, Width: 300,
	}
	var sd []float64
	negative := false
	for _, s := range seen.Class {
		mean.Values = append(mean.Values, s.Mean)
		mean.Texts = append(mean.Texts, fmt.Sprintf("%.2f ± %.2f", s.Mean, s.SD))
		sd = append(sd, s.SD)
		negative = negative || s.Mean < 0
	}
	if !negative {
		mean.Map = render.Ink
	}
	without := render.Bars{
		Key:   "recall_lost",
		Title: "recall lost without it, % points",
		Caption: fmt.Sprintf("its activation replaced by its mean; accuracy lost over all: %s %% points",
			words.Signed(100*seen.Lost.Accuracy)),
		Names: names, Map: p.cmap, Width: 260,
	}
	for _, d := range seen.Lost.Class {
		without.Values = append(without.Values, 100*d)
	}
	p.fact("answer", "%s", v.speaks(p.layer, p.neuron, of.Favourite))
	p.fact("importance", "%s of %d", words.Ordinal(seen.Rank), v.Spec().Layers[p.layer].Units)
	p.fact("stuck at one end", "%.0f %% of the images", 100*seen.Stuck)
	p.fig.Rows = append(p.fig.Rows, []render.Panel{
		strongest(mean, sizes64(mean.Values)), p.outgoing(), strongest(without, sizes64(without.Values)),
	})
	arrays.AddTexts(p.n, "classes", v.Classes())
	arrays.AddVector(p.n, "mean_activation", mean.Values)
	arrays.AddVector(p.n, "sd_activation", sd)
	arrays.AddVector(p.n, "mean_sd_over_all", []float64{all.Mean, all.SD})
	arrays.AddNumber(p.n, "favourite", of.Favourite)
	arrays.AddNumber(p.n, "importance_rank", seen.Rank)
	arrays.AddNumber(p.n, "stuck", seen.Stuck)
	arrays.AddVector(p.n, "recall_lost", seen.Lost.Class)
	arrays.AddNumber(p.n, "accuracy_lost", seen.Lost.Accuracy)
}
