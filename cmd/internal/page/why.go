package page

import (
	"slices"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

const (
	whyMistakes = 12 // worst mistakes that are explained
	errorsShown = 48 // worst mistakes that are shown
	driversKept = 3
)

// why explains some test images: of each class the first that is predicted right, and the worst mistakes.
func (c *collector) why() error {
	if c.run.NoData != nil {
		return nil
	}
	net, d := c.run.Subject.Net, c.run.Tests.Data
	last := c.outputs
	mistakes, err := net.Mistakes(last, d.Labels)
	if err != nil {
		return err
	}
	var chosen []int
	found := make([]bool, net.Spec.Classes())
	for i, k := range d.Labels {
		if !found[k] && engine.Answer(last[i]) == int(k) {
			found[k] = true
			chosen = append(chosen, i)
		}
	}
	slices.SortFunc(chosen, func(a, b int) int { return int(d.Labels[a]) - int(d.Labels[b]) })
	for _, m := range mistakes[:min(len(mistakes), whyMistakes)] {
		chosen = append(chosen, m.Image)
	}
	seen, err := c.run.Subject.Activity(c.ctx, net.Hidden())
	if err != nil {
		return err
	}
	means := seen.Mean
	for _, i := range chosen {
		if err := c.explain(i, means); err != nil {
			return err
		}
	}
	return c.errors(mistakes, means)
}

func (c *collector) explain(i int, means []float64) error {
	net, image := c.run.Subject.Net, c.bank.image(i)
	w, err := net.Why(inspect.Pixels(image), net.Hidden(), means)
	if err != nil {
		return err
	}
	z, err := c.run.Tests.Weighted(net, i)
	if err != nil {
		return err
	}
	neurons, outputs, err := w.SumErrors(z)
	if err != nil {
		return err
	}
	logits := z[net.Last()]
	label := int(c.run.Tests.Data.Labels[i])
	out := &Why{
		Image: i, Label: label, Predicted: engine.Answer(logits), Pixels: image, Z: floats(w.Z[0]),
		Logits: numsOf(logits), Outputs: nums(w.A[net.Last()]),
		NeuronError: Num(slices.Max(neurons)), SumError: Num(slices.Max(outputs)),
	}
	for l := range net.Hidden() + 1 {
		out.Hidden = append(out.Hidden, floats(w.A[l]))
	}
	c.doc.Why = append(c.doc.Why, out)
	return nil
}

// errors lists the worst mistakes, with the neurons that drove them.
func (c *collector) errors(mistakes []inspect.Mistake, means []float64) error {
	net := c.run.Subject.Net
	c.doc.Errors = &Errors{Count: len(mistakes), Worst: []Mistake{}}
	for _, m := range mistakes[:min(len(mistakes), errorsShown)] {
		w, err := net.Why(inspect.Pixels(c.bank.image(m.Image)), net.Hidden(), means)
		if err != nil {
			return err
		}
		drivers, err := w.Drivers(m.Predicted, m.Label)
		if err != nil {
			return err
		}
		out := Mistake{
			Image: c.bank.number(m.Image), Label: m.Label, Predicted: m.Predicted, Loss: Num(m.Loss),
			Margin: Num(m.Margin),
			Why:    slices.IndexFunc(c.doc.Why, func(w *Why) bool { return w.Image == m.Image }),
		}
		for _, dr := range drivers[:min(len(drivers), driversKept)] {
			out.Drivers = append(out.Drivers, Driving{dr.Neuron, Num(dr.Drive)})
		}
		c.doc.Errors.Worst = append(c.doc.Errors.Worst, out)
	}
	return nil
}
