package page

import (
	"context"
	"fmt"
	"math"

	"neuroloupe/cmd/internal/words"
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
	s := c.run.Subject
	if err := c.maps(out, l); err != nil {
		return err
	}
	norms, err := s.Norms(c.ctx, s.Usual(), l)
	if err != nil {
		return err
	}
	smooth, err := s.Smoothness(c.ctx, s.Usual(), l)
	if err != nil {
		return err
	}
	out.Norm, out.Smooth = nums(norms), nums(smooth)
	if out.Units > similarUnits {
		c.bound("%s has %s neurons, so the maps are not put in order of similarity: that is done for up to %s",
			c.named(l), words.Thousands(out.Units), words.Thousands(similarUnits))
	} else if out.Similarity, err = s.Similar(c.ctx, s.Usual(), l); err != nil {
		return err
	}
	out.Path = numRows(s.OutPath(l))
	favourites, err := s.Favourites(c.ctx, l)
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

// maps packs the maps of a layer.
func (c *collector) maps(out *Layer, l int) error {
	s := c.run.Subject
	usual, err := s.Maps(c.ctx, s.Usual(), l)
	switch {
	case err != nil:
		return err
	case l > 0:
		out.Default, out.Maps["path"], out.PathOf = "path", c.pack(usual), s.Usual().String()
		return nil
	case s.NoStart != nil:
		out.Default, out.Maps["raw"] = "raw", c.pack(usual)
		return nil
	}
	rho, err := s.Rho(c.ctx, l)
	if err != nil {
		return err
	}
	start, err := s.Maps(c.ctx, inspect.ShowStart, l)
	if err != nil {
		return err
	}
	if out.Raw, err = s.Maps(c.ctx, inspect.ShowRaw, l); err != nil {
		return err
	}
	out.Rho, out.Default, out.Gamma = nums(rho), "learned", Num(s.Net.Gamma)
	out.Maps["learned"], out.Maps["init"] = c.pack(usual), c.pack(start)
	return nil
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
		out.Overlap = append(out.Overlap, r.InBoth(strongest))
	}
	if err := c.neurons(out, l); err != nil {
		return err
	}
	if err := c.patterns(out, l); err != nil {
		return err
	}
	c.tell("ablation")
	if err := c.ablate(out, l); err != nil {
		return err
	}
	return context.Cause(c.ctx)
}

// nth is every how many of the test images may be looked at for a cost, of an image as a share of what there may be of
// all.
func (c *collector) nth(cost float64) int {
	return max(1, int(cost*float64(c.run.Tests.Data.Len())+0.999))
}

func (c *collector) patterns(out *Layer, l int) error {
	s := c.run.Subject
	p, err := s.Patterns(c.ctx, l,
		c.nth(max(float64(s.Net.Spec.Inputs)*float64(out.Units)/patternWork, float64(out.Units)/keptValues)))
	if err != nil {
		return err
	}
	out.Patterned, out.Maps["pattern"] = p.Images, c.pack(p.Maps)
	c.boundImages(l, "the patterns are computed", p.Images)
	return nil
}

// ablate measures what the neurons are worth, on as many of the test images as time and memory allow.
func (c *collector) ablate(out *Layer, l int) error {
	spec := c.run.Subject.Net.Spec
	work := float64(spec.Layers[l+1].Units)
	for n := l + 1; n < len(spec.Layers)-1; n++ {
		work += float64(spec.Layers[n].Units) * float64(spec.Layers[n+1].Units)
	}
	cost := max(work*float64(out.Units)/ablateWork, float64(max(out.Units, spec.Layers[l+1].Units))/keptValues)
	b, err := c.run.Subject.Ablated(c.ctx, l, inspect.AblateOptions{
		Nth:   c.nth(cost),
		Every: max(1, out.Units/50), Seed: ablateSeed,
	}, nil)
	if err != nil {
		return err
	}
	c.boundImages(l, "what is lost without a neuron is measured", b.Images)
	ab := &Ablation{
		Images: b.Images, Accuracy: Num(b.Accuracy), Lost: nums(b.Alone), Selective: Num(b.Selective),
		MostFirst: points(b.Curves.MostFirst), LeastFirst: points(b.Curves.LeastFirst), Random: points(b.Curves.Random),
	}
	for _, v := range b.Lost {
		ab.Class = append(ab.Class, nums(v.Class))
	}
	if b.SelectiveOf < out.Units {
		ab.Selective = Num(math.NaN())
	}
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
