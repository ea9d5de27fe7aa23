package inspect_test

import (
	"fmt"
	"math"
	"testing"

	"neuroloupe/engine/inspect"
)

func TestPatternsTriggeredSpread(t *testing.T) {
	eachReference(t, func(t *testing.T, s subject) {
		p := newProbe(t, s.Spec, s.data)
		value := func(layer int, z bool) [][]float32 {
			v, err := p.Values(t.Context(), s.Net, layer, z)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		patterns, err := inspect.Patterns(t.Context(), s.data, s.Spec.Inputs, value(0, true))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "patterns", s.want.Pattern, patterns, bulk)
		some, err := inspect.Patterns(t.Context(), s.data, s.Spec.Inputs,
			inspect.Columns(value(s.Hidden(), true), []int{4, 0}))
		if err != nil {
			t.Fatal(err)
		}
		if s.Hidden() > 0 && s.Spec.Layers[s.Hidden()].Units > 4 {
			near(t, "deep patterns", [][]float64{s.want.DeepPattern[4], s.want.DeepPattern[0]}, some, bulk)
		}
		triggered, err := inspect.Triggered(t.Context(), s.data, s.Spec.Inputs, value(0, false))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "triggered", s.want.Triggered, triggered, bulk)
		column := inspect.Column(value(0, true), 1)
		all, class := inspect.Spreads(column, s.data.Labels, s.Spec.Classes())
		near(t, "quantiles", s.want.Quantiles, all.Quantiles, bulk)
		near(t, "sd", s.want.SD, all.SD, bulk)
		count := 0
		for _, c := range class {
			count += c.Count
		}
		if count != len(column) || all.Count != len(column) {
			t.Errorf("%d of %d values in classes", count, all.Count)
		}
	})
}

func TestAblation(t *testing.T) {
	eachReference(t, func(t *testing.T, s subject) {
		p := newProbe(t, s.Spec, s.data)
		for layer, want := range s.want.Ablation {
			b, err := inspect.NewAblation(t.Context(), p, s.Net, layer)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "accuracy", s.want.Accuracy, b.Accuracy, exact)
			near(t, "recall", s.want.Recall, b.Recall, exact)
			lost, err := b.Lost(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for j, l := range lost {
				near(t, fmt.Sprintf("layer %d neuron %d", layer, j), want.Lost[j], l.Accuracy, exact)
				near(t, fmt.Sprintf("layer %d neuron %d per class", layer, j), want.Class[j], l.Class, exact)
			}
			for _, every := range []int{1, 2, 100} {
				curve, err := b.Curve(t.Context(), want.Order, every)
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range curve {
					if c.Removed != min(i*every, len(want.Order)) ||
						math.Abs(c.Accuracy-want.Curve[c.Removed]) > exact {
						t.Errorf("layer %d every %d: point %d is %+v, want accuracy %v", layer, every, i, c,
							want.Curve[c.Removed])
					}
				}
				if last := curve[len(curve)-1]; last.Removed != len(want.Order) {
					t.Errorf("curve ends at %d of %d", last.Removed, len(want.Order))
				}
			}
		}
		a, err := p.Observe(t.Context(), s.Net, 0)
		if err != nil {
			t.Fatal(err)
		}
		count := inspect.ClassCounts(s.data.Labels, s.Spec.Classes())
		near(t, "selectivity", s.want.Selectivity, inspect.Selectivity(a, count, s.Spec.Layers[0].Activation), bulk)
	})
}

func TestPriorAndClosedForm(t *testing.T) {
	eachReference(t, func(t *testing.T, s subject) {
		p, err := inspect.NewPrior(t.Context(), s.data, s.height, s.width)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "variance", s.want.Prior.Variance, p.Variance, exact)
		near(t, "dimension", s.want.Prior.Dimension, p.Dimension, exact)
		near(t, "variation", s.want.Prior.Variation, p.Variation, exact)
		pattern := make([]float32, s.Spec.Inputs)
		for i, v := range s.want.Pattern[1] {
			pattern[i] = float32(v)
		}
		d, err := s.DreamNeuron(1, p, pattern, 2)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "free", s.want.Dream.Free, d.Free, single)
		near(t, "image", s.want.Dream.Image, d.Image, single)
		near(t, "values", []float64{s.want.Dream.AtFree, s.want.Dream.AtMean}, []float64{d.AtFree, d.AtMean}, single)
	})
}

func TestMistakes(t *testing.T) {
	eachReference(t, func(t *testing.T, s subject) {
		p := newProbe(t, s.Spec, s.data)
		z, err := p.Values(t.Context(), s.Net, s.Last(), true)
		if err != nil {
			t.Fatal(err)
		}
		mistakes, err := s.Mistakes(z, s.data.Labels)
		if err != nil {
			t.Fatal(err)
		}
		var at []int
		var losses []float64
		for _, m := range mistakes {
			at, losses = append(at, m.Image), append(losses, m.Loss)
		}
		near(t, "mistakes", s.want.Mistakes, at, 0)
		near(t, "losses", s.want.Losses, losses, bulk)
		// What drove a mistake adds up to its margin less that of the mean activations.
		m := mistakes[0]
		last := s.want.Why[s.Hidden()]
		w, err := s.Why(s.image(m.Image), s.Hidden(), last.Mean)
		if err != nil {
			t.Fatal(err)
		}
		drivers, err := w.Drivers(m.Predicted, m.Label)
		if err != nil {
			t.Fatal(err)
		}
		weights, bias := s.Params.Weight(s.Last()+1), s.Params.Bias(s.Last()+1).Data
		sum := float64(bias[m.Predicted]) - float64(bias[m.Label])
		for j, a := range last.Mean {
			row := weights.Data[j*s.Spec.Classes():]
			sum += a * (float64(row[m.Predicted]) - float64(row[m.Label]))
		}
		for i, d := range drivers {
			sum += d.Drive
			if i > 0 && d.Drive > drivers[i-1].Drive {
				t.Errorf("driver %d is above the one before", i)
			}
		}
		near(t, "drives", m.Margin, sum, bulk)
		if m.Margin <= 0 {
			t.Errorf("margin %v", m.Margin)
		}
	})
}
