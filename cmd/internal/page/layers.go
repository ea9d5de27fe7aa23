package page

import (
	"context"
	"fmt"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// What is worked out for every neuron is bounded, so that the time and the memory that a page takes grow no faster than
// the network; what a bound cuts short is said on the page (see Document.Bounds).
const (
	similarUnits = 1024          // most neurons that are put in order of similarity: 1 s
	patternWork  = 3e9           // most images×inputs×units of the patterns: a few seconds
	ablateWork   = 2e9           // most products of the ablation
	keptValues   = 16 << 20      // most images×units of a layer that are held at a time: 64 MB
	strongest    = 5             // neurons of a class that the two orders are compared on
	ablateSeed   = uint64(0x5ee) // of the random order
)

// layers fills in every hidden layer.
func (c *collector) layers() error {
	for l := range c.run.Subject.Net.Hidden() + 1 {
		if err := c.layer(l); err != nil {
			return fmt.Errorf("layer %d: %w", l+1, err)
		}
	}
	return nil
}

func (c *collector) layer(l int) error {
	net, spec := c.run.Subject.Net, c.run.Subject.Net.Spec
	out := &Layer{
		Number: l + 1, Units: spec.Layers[l].Units, Activation: spec.Layers[l].Activation.String(),
		Range: [2]Num{0, 1}, Gamma: 1, Bias: numsOf(net.Params.Bias(l + 1).Data), Maps: map[string]*Maps{},
	}
	c.doc.Layers = append(c.doc.Layers, out)
	shown, err := c.maps(out, l)
	if err != nil {
		return err
	}
	for _, m := range shown {
		out.Norm = append(out.Norm, Num(inspect.Norm(m)))
	}
	smooth, err := c.run.Subject.Smoothness(c.ctx, c.run.Subject.Usual(), l)
	if err != nil {
		return err
	}
	out.Smooth = nums(smooth)
	if len(shown) > similarUnits {
		c.bound("%s has %s neurons, so the maps are not put in order of similarity: that is done for up to %s",
			c.named(l), words.Thousands(len(shown)), words.Thousands(similarUnits))
	} else if out.Similarity, err = inspect.Similar(c.ctx, shown); err != nil {
		return err
	}
	out.Path = numRows(c.run.Subject.OutPath(l))
	favourites, err := c.run.Subject.Favourites(c.ctx, l)
	if err != nil {
		return err
	}
	out.Favourite, out.How = favourites.Class, "the class it speaks for most on the test images"
	if !favourites.Images {
		out.How = "the class of its largest outgoing weight, because there are no test images"
		return nil
	}
	return c.activity(out, l)
}

// maps packs the maps of a layer and returns those shown first.
func (c *collector) maps(out *Layer, l int) ([][]float32, error) {
	s := c.run.Subject
	usual, err := s.Maps(c.ctx, s.Usual(), l)
	switch {
	case err != nil:
		return nil, err
	case l > 0:
		out.Default, out.Maps["path"], out.PathOf = "path", c.pack(usual), s.Usual().String()
		return usual, nil
	case s.NoStart != nil:
		out.Default, out.Maps["raw"] = "raw", c.pack(usual)
		return usual, nil
	}
	rho, err := s.Rho(c.ctx, l)
	if err != nil {
		return nil, err
	}
	start, err := s.Maps(c.ctx, inspect.ShowStart, l)
	if err != nil {
		return nil, err
	}
	if out.Raw, err = s.Maps(c.ctx, inspect.ShowRaw, l); err != nil {
		return nil, err
	}
	out.Rho, out.Default, out.Gamma = nums(rho), "learned", Num(s.Net.Gamma)
	out.Maps["learned"], out.Maps["init"] = c.pack(usual), c.pack(start)
	return usual, nil
}

// activity fills in what needs the test images.
func (c *collector) activity(out *Layer, l int) error {
	s := c.run.Subject
	seen, err := s.Activity(c.ctx, l)
	if err != nil {
		return err
	}
	contributions, err := s.Contributions(c.ctx, l)
	if err != nil {
		return err
	}
	importance, err := s.Importance(c.ctx, l)
	if err != nil {
		return err
	}
	selective, err := s.Selectivity(c.ctx, l)
	if err != nil {
		return err
	}
	out.Contribution, out.Importance, out.Stuck = numRows(contributions), nums(importance), nums(seen.Stuck)
	out.Select, out.Mean = nums(selective), nums(seen.Mean)
	for k := range s.Net.Spec.Classes() {
		r, err := s.ClassRank(c.ctx, l, k)
		if err != nil {
			return err
		}
		out.Overlap = append(out.Overlap, inspect.Overlap(r.ByContribution, r.ByWeight, strongest))
	}
	if err := c.neurons(out, l); err != nil {
		return err
	}
	if err := c.patterns(out, l); err != nil {
		return err
	}
	c.tell("ablation")
	if err := c.ablate(out, l, importance, selective); err != nil {
		return err
	}
	return context.Cause(c.ctx)
}

// some returns every nth example of the test images with their places, few enough for a cost, of an example as a share
// of what there may be of all.
func (c *collector) some(cost float64) (inspect.Probe, error) {
	p, inputs := c.run.Tests, c.run.Subject.Net.Spec.Inputs
	step := max(1, int(cost*float64(p.Data.Len())+0.999))
	if step == 1 {
		return p, nil
	}
	var d engine.Data
	for i := 0; i < p.Data.Len(); i += step {
		d.Images = append(d.Images, p.Data.Images[i*inputs:(i+1)*inputs]...)
		d.Labels = append(d.Labels, p.Data.Labels[i])
	}
	return c.run.Subject.On(d)
}

func (c *collector) patterns(out *Layer, l int) error {
	inputs := c.run.Subject.Net.Spec.Inputs
	p, err := c.some(max(float64(inputs)*float64(out.Units)/patternWork, float64(out.Units)/keptValues))
	if err != nil {
		return err
	}
	z, err := p.Values(c.ctx, c.run.Subject.Net, l, true)
	if err != nil {
		return err
	}
	maps, err := inspect.Patterns(c.ctx, p.Data, inputs, z)
	if err != nil {
		return err
	}
	out.Patterned, out.Maps["pattern"] = p.Data.Len(), c.pack(maps)
	c.boundImages(l, "the patterns are computed", p.Data.Len())
	return nil
}

// ablate measures what the neurons are worth, on as many of the test images as time and memory allow.
func (c *collector) ablate(out *Layer, l int, importance, selective []float64) error {
	spec := c.run.Subject.Net.Spec
	work := float64(spec.Layers[l+1].Units)
	for n := l + 1; n < len(spec.Layers)-1; n++ {
		work += float64(spec.Layers[n].Units) * float64(spec.Layers[n+1].Units)
	}
	p, err := c.some(max(work*float64(out.Units)/ablateWork,
		float64(max(out.Units, spec.Layers[l+1].Units))/keptValues))
	if err != nil {
		return err
	}
	c.boundImages(l, "what is lost without a neuron is measured", p.Data.Len())
	b, err := inspect.NewAblation(c.ctx, p, c.run.Subject.Net, l)
	if err != nil {
		return err
	}
	lost, err := b.Lost(c.ctx, nil)
	if err != nil {
		return err
	}
	curves, err := b.Curves(c.ctx, importance, ablateSeed, max(1, out.Units/50))
	if err != nil {
		return err
	}
	ab := &Ablation{
		Images: p.Data.Len(), Accuracy: Num(b.Accuracy),
		MostFirst: points(curves.MostFirst), LeastFirst: points(curves.LeastFirst), Random: points(curves.Random),
	}
	delta := make([]float64, len(lost))
	for j, v := range lost {
		delta[j] = v.Accuracy
		ab.Class = append(ab.Class, nums(v.Class))
	}
	ab.Lost, ab.Selective = nums(delta), Num(inspect.Correlation(selective, delta))
	out.Ablation = ab
	return nil
}

func points(curve []inspect.CurvePoint) [][]Num {
	out := make([][]Num, len(curve))
	for i, p := range curve {
		out[i] = []Num{Num(p.Removed), Num(p.Accuracy)}
	}
	return out
}
