package inspect

import (
	"context"
	"math"
)

// AblateOptions say how a layer is ablated.
type AblateOptions struct {
	Nth   int    // on every nth image of the subject's; 0 and 1 are all
	Every int    // neurons between two points of the curves; at least 1
	Seed  uint64 // of the random order
}

// Ablated is what the network loses without the neurons of a hidden layer: each alone, and many at once.
type Ablated struct {
	Images   int       // that it was measured on
	Mean     []float64 // Units: E a_j, what a neuron is replaced by
	Accuracy float64   // of the network as it is
	Recall   []float64 // per class, −1 for a class without images
	Lost     []Lost    // Units: without that neuron alone
	Alone    []float64 // Units: Lost.Accuracy of each
	Curves   Curves    // without the most important ones first, the least important first, and any
	// The correlation of Selectivity and Alone over the neurons that have a selectivity, and how many those are.
	Selective   float64
	SelectiveOf int
}

// Ablated measures what the neurons of a hidden layer are worth. tell is told how many have been taken away alone; nil
// is nobody.
func (s *Subject) Ablated(ctx context.Context, layer int, o AblateOptions, tell func(done int)) (*Ablated, error) {
	o.Nth = max(o.Nth, 1)
	return keep(s, answer{what: "ablated", layer: layer, of: o}, func() (*Ablated, error) {
		importance, err := s.Importance(ctx, layer)
		if err != nil {
			return nil, err
		}
		selectivity, err := s.Selectivity(ctx, layer)
		if err != nil {
			return nil, err
		}
		p, err := s.nth(ctx, o.Nth)
		if err != nil {
			return nil, err
		}
		b, err := newAblation(ctx, p, s.Net, layer)
		if err != nil {
			return nil, err
		}
		a := &Ablated{Images: p.Data.Len(), Mean: b.Mean, Accuracy: b.Accuracy, Recall: b.Recall}
		all := indices(len(b.Mean))
		step := len(all)
		if tell != nil {
			step = max(8, step/64)
		}
		for lo := 0; lo < len(all); lo += step {
			hi := min(len(all), lo+step)
			lost, err := b.Lost(ctx, all[lo:hi])
			if err != nil {
				return nil, err
			}
			a.Lost = append(a.Lost, lost...)
			if tell != nil {
				tell(hi)
			}
		}
		var known, cost []float64
		for j, l := range a.Lost {
			a.Alone = append(a.Alone, l.Accuracy)
			if !math.IsNaN(selectivity[j]) {
				known, cost = append(known, selectivity[j]), append(cost, l.Accuracy)
			}
		}
		a.Selective, a.SelectiveOf = Correlation(known, cost), len(known)
		a.Curves, err = b.Curves(ctx, importance, o.Seed, o.Every)
		return a, err
	})
}
