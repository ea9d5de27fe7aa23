package page

import (
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// usualExtremes is how many images of largest and of smallest z are shown of each neuron of a layer of usual size.
const usualExtremes = 8

// extremes is how many are shown of a neuron of a layer of so many.
func extremes(units int) int {
	switch {
	case units <= 256:
		return usualExtremes
	case units <= 1024:
		return 5
	}
	return 3
}

// neurons fills in what each neuron does over the images, and the images that say most about it.
func (c *collector) neurons(out *Layer, l int) error {
	units, classes := out.Units, c.run.Subject.Net.Spec.Classes()
	keep := extremes(units)
	if keep < usualExtremes {
		c.bound("%s has %s neurons, so of each the %d test images of largest and of smallest z are shown, not %d",
			c.named(l), words.Thousands(units), keep, usualExtremes)
	}
	s, err := c.run.Subject.Survey(c.ctx, l, keep, keptValues, func() { c.tell("neurons") })
	if err != nil {
		return err
	}
	if s.Share < 1 {
		c.bound("%s has %s neurons, so how their activations are spread is computed on one in %.0f test images of "+
			"the largest class",
			c.named(l), words.Thousands(units), 1/s.Share)
	}
	out.Activity = make([][][]Num, units)
	for j, spreads := range s.Spread {
		out.Activity[j] = make([][]Num, classes)
		for k, spread := range spreads {
			if spread.Count > 0 {
				out.Activity[j][k] = append([]Num{Num(spread.Mean)}, nums(spread.Quantiles)...)
			}
		}
		top, bottom := s.Top[j], s.Bottom[j]
		out.Top, out.TopZ = append(out.Top, c.bank.all(top.At)), append(out.TopZ, numsOf(top.Z))
		out.Bottom, out.BottomZ = append(out.Bottom, c.bank.all(bottom.At)), append(out.BottomZ, numsOf(bottom.Z))
	}
	switch c.run.Subject.Net.Spec.Layers[l].Activation {
	case engine.Sigmoid:
	case engine.Tanh:
		out.Range = [2]Num{-1, 1}
	default:
		out.Range = [2]Num{Num(s.Low), Num(s.High)}
	}
	return nil
}
