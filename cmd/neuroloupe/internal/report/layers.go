package report

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

const (
	similarUnits = 1024          // most neurons that are put in order of similarity: 1 s
	patternWork  = 3e9           // most images×inputs×units of the patterns: a few seconds
	ablateWork   = 2e9           // most products of the ablation
	strongest    = 5             // neurons of a class that the two orders are compared on
	ablateSeed   = uint64(0x5ee) // of the random order
)

// extremes is how many images of largest and of smallest z are shown of each neuron.
func extremes(units int) int {
	switch {
	case units <= 256:
		return 8
	case units <= 1024:
		return 5
	}
	return 3
}

// layers fills in every hidden layer.
func (c *collector) layers() error {
	for l := range c.run.Net.Hidden() + 1 {
		if err := c.layer(l); err != nil {
			return fmt.Errorf("layer %d: %w", l+1, err)
		}
	}
	return nil
}

func (c *collector) layer(l int) error {
	net, spec := c.run.Net, c.run.Net.Spec
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
		out.Smooth = append(out.Smooth, Num(inspect.Smoothness(m, c.run.Rows, c.run.Cols)))
	}
	if len(shown) <= similarUnits {
		if out.Similarity, err = inspect.Similar(c.ctx, shown); err != nil {
			return err
		}
	}
	path := inspect.Path(spec, net.Params, l)
	out.Path = numRows(path)
	if c.run.NoData != nil {
		out.How = "the class of its largest outgoing weight, because there are no test images"
		for _, row := range path {
			out.Favourite = append(out.Favourite, inspect.Descending(row)[0])
		}
		return nil
	}
	return c.activity(out, l, path)
}

// maps packs the maps of a layer and returns those shown first.
func (c *collector) maps(out *Layer, l int) ([][]float32, error) {
	net := c.run.Net
	if l > 0 {
		var slopes [][]float64
		if c.run.NoData == nil {
			var err error
			if slopes, err = c.run.Tests.Slopes(c.ctx, net); err != nil {
				return nil, err
			}
		}
		path, err := net.Paths(c.ctx, l, nil, slopes)
		if err != nil {
			return nil, err
		}
		out.Default, out.Maps["path"] = "path", packMaps(path)
		return path, nil
	}
	raw := inspect.Maps(net.Params.Weight(1))
	if c.run.NoStart != nil {
		out.Default, out.Maps["raw"] = "raw", packMaps(raw)
		return raw, nil
	}
	start := inspect.Maps(net.Initial.Weight(1))
	learned := inspect.Maps(inspect.Learned(net.Params.Weight(1), net.Initial.Weight(1), net.Gamma))
	for j := range raw {
		out.Rho = append(out.Rho, Num(inspect.Rho(raw[j], start[j])))
	}
	out.Default, out.Gamma = "learned", Num(net.Gamma)
	out.Maps["learned"], out.Maps["init"] = packMaps(learned), packMaps(start)
	return learned, nil
}

// activity fills in what needs the test images.
func (c *collector) activity(out *Layer, l int, path [][]float64) error {
	spec, d := c.run.Net.Spec, c.run.Tests.Data
	act := spec.Layers[l].Activation
	if err := c.run.Tests.Executor.Write(c.run.Net.Params...); err != nil {
		return err
	}
	seen, err := inspect.Observe(c.run.Tests.Executor, spec, c.run.Tests.Ref, d, l)
	if err != nil {
		return err
	}
	contributions := inspect.Contributions(path, seen)
	importance := inspect.Importance(contributions)
	counts := inspect.ClassCounts(d.Labels, spec.Classes())
	selective := inspect.Selectivity(seen, counts, act)
	out.Favourite, out.How = inspect.Favourites(path, seen), "the class it speaks for most on the test images"
	out.Contribution, out.Importance, out.Stuck = numRows(contributions), nums(importance), nums(seen.Stuck)
	out.Select, out.Mean = nums(selective), nums(seen.Mean)
	for k := range spec.Classes() {
		r, err := inspect.RankClass(path, seen, k)
		if err != nil {
			return err
		}
		out.Overlap = append(out.Overlap, inspect.Overlap(r.ByContribution, r.ByWeight, strongest))
	}
	c.neurons(out, l)
	if err := context.Cause(c.ctx); err != nil {
		return err
	}
	if err := c.patterns(out, l); err != nil {
		return err
	}
	return c.ablate(out, l, importance, selective)
}

// neurons fills in what each neuron does over the images, and the images that say most about it.
func (c *collector) neurons(out *Layer, l int) {
	d, classes := c.run.Tests.Data, c.run.Net.Spec.Classes()
	spreads, ex := make([][]inspect.Spread, out.Units), make([]inspect.Extremes, out.Units)
	var wait sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), out.Units)
	for w := range workers {
		wait.Go(func() {
			for j := w; j < out.Units && c.ctx.Err() == nil; j += workers {
				_, spreads[j] = inspect.Spreads(inspect.Column(c.a[l], j), d.Labels, classes)
				ex[j] = inspect.FindExtremes(inspect.Column(c.z[l], j), extremes(out.Units))
			}
		})
	}
	wait.Wait()
	lo, hi := 0.0, 0.0
	for j := range out.Units {
		rows := make([][]Num, classes)
		for k, s := range spreads[j] {
			if s.Count == 0 {
				continue
			}
			rows[k] = append([]Num{Num(s.Mean)}, nums(s.Quantiles)...)
			lo, hi = min(lo, s.Quantiles[0]), max(hi, s.Quantiles[len(s.Quantiles)-1])
		}
		z := inspect.Column(c.z[l], j)
		out.Activity = append(out.Activity, rows)
		out.Top, out.Bottom = append(out.Top, c.bank.all(ex[j].Top)), append(out.Bottom, c.bank.all(ex[j].Bottom))
		out.TopZ, out.BottomZ = append(out.TopZ, pick(z, ex[j].Top)), append(out.BottomZ, pick(z, ex[j].Bottom))
	}
	switch c.run.Net.Spec.Layers[l].Activation {
	case engine.Sigmoid:
	case engine.Tanh:
		out.Range = [2]Num{-1, 1}
	default:
		out.Range = [2]Num{Num(lo), Num(hi)}
	}
}

func pick(v []float32, at []int) []Num {
	out := make([]Num, len(at))
	for i, n := range at {
		out[i] = Num(v[n])
	}
	return out
}

// some returns every nth example of the test images, few enough for work per example to stay below most, and their
// places.
func (c *collector) some(perExample, most float64) (engine.Data, []int) {
	d, inputs := c.run.Tests.Data, c.run.Net.Spec.Inputs
	step := max(1, int(perExample*float64(d.Len())/most+0.999))
	if step == 1 {
		at := make([]int, d.Len())
		for i := range at {
			at[i] = i
		}
		return d, at
	}
	var out engine.Data
	var at []int
	for i := 0; i < d.Len(); i += step {
		out.Images = append(out.Images, d.Images[i*inputs:(i+1)*inputs]...)
		out.Labels, at = append(out.Labels, d.Labels[i]), append(at, i)
	}
	return out, at
}

func (c *collector) patterns(out *Layer, l int) error {
	inputs := c.run.Net.Spec.Inputs
	d, at := c.some(float64(inputs)*float64(out.Units), patternWork)
	z := make([][]float32, len(at))
	for i, n := range at {
		z[i] = c.z[l][n]
	}
	maps, err := inspect.Patterns(c.ctx, d, inputs, z)
	if err != nil {
		return err
	}
	out.Patterned, out.Maps["pattern"] = len(at), packMaps(maps)
	return nil
}

// ablate measures what the neurons are worth, on as many of the test images as time allows.
func (c *collector) ablate(out *Layer, l int, importance, selective []float64) error {
	spec := c.run.Net.Spec
	work := float64(spec.Layers[l+1].Units)
	for n := l + 1; n < len(spec.Layers)-1; n++ {
		work += float64(spec.Layers[n].Units) * float64(spec.Layers[n+1].Units)
	}
	p := c.run.Tests
	if d, at := c.some(work*float64(out.Units), ablateWork); len(at) < p.Data.Len() {
		ref, err := p.Executor.Bind(d)
		if err != nil {
			return err
		}
		p = inspect.Probe{Executor: p.Executor, Ref: ref, Data: d}
	}
	b, err := inspect.NewAblation(c.ctx, p, c.run.Net, l)
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
