package page

import (
	"errors"
	"slices"

	"neuroloupe/cmd/internal/gallery"
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
	s, labels := c.run.Subject, c.run.Tests.Data.Labels
	predicted, err := s.Predicted(c.ctx)
	if err != nil {
		return err
	}
	mistakes, err := s.Mistakes(c.ctx)
	if err != nil {
		return err
	}
	var chosen []int
	found := make([]bool, s.Net.Spec.Classes())
	for i, k := range labels {
		if !found[k] && predicted[i] == int(k) {
			found[k] = true
			chosen = append(chosen, i)
		}
	}
	slices.SortFunc(chosen, func(i, j int) int { return int(labels[i]) - int(labels[j]) })
	for _, m := range mistakes[:min(len(mistakes), whyMistakes)] {
		chosen = append(chosen, m.Image)
	}
	for _, i := range chosen {
		if err := c.explain(i); err != nil {
			return err
		}
	}
	return c.errors()
}

func (c *collector) explain(i int) error {
	s := c.run.Subject
	x, err := s.Explain(c.ctx, c.run.Tests, i, s.Net.Hidden())
	if err != nil {
		return err
	}
	out := &Why{
		Image: i, Label: int(c.run.Tests.Data.Labels[i]), Predicted: x.Predicted, Pixels: c.bank.image(i),
		Z: floats(x.Z[0]), Logits: numsOf(x.Logits), Outputs: nums(x.A[s.Net.Last()]),
		NeuronError: Num(slices.Max(x.NeuronErrors)), SumError: Num(slices.Max(x.OutputErrors)),
	}
	for l := range s.Net.Hidden() + 1 {
		out.Hidden = append(out.Hidden, floats(x.A[l]))
	}
	c.doc.Why = append(c.doc.Why, out)
	return nil
}

// errors lists the worst mistakes, with the neurons that drove them: those of the picture that errors draws.
func (c *collector) errors() error {
	c.doc.Errors = &Errors{Worst: []Mistake{}}
	d, err := c.run.Draw(&gallery.Errors{Top: errorsShown})
	var none *gallery.Nothing
	switch {
	case errors.As(err, &none):
		return nil
	case err != nil:
		return err
	}
	n := d.Numbers
	images, labels, predicted := n.Values("image"), n.Values("label"), n.Values("predicted")
	loss, margin := n.Values("loss"), n.Values("margin")
	c.doc.Errors.Count = len(images)
	for i, drive := range n.Rows("drive") {
		image := int(images[i])
		out := Mistake{
			Image: c.bank.number(image), Label: int(labels[i]), Predicted: int(predicted[i]), Loss: Num(loss[i]),
			Margin: Num(margin[i]), Why: slices.IndexFunc(c.doc.Why, func(w *Why) bool { return w.Image == image }),
		}
		order := inspect.Descending(drive)
		for _, j := range order[:min(len(order), driversKept)] {
			out.Drivers = append(out.Drivers, Driving{j, Num(drive[j])})
		}
		c.doc.Errors.Worst = append(c.doc.Errors.Worst, out)
	}
	return nil
}
