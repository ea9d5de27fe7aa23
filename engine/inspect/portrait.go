package inspect

import (
	"context"
	"math"
)

// Neuron is what there is to say of one neuron of a hidden layer.
type Neuron struct {
	Maps      map[Show][]float32 // Inputs each; ShowRaw alone where the start is not known
	Smooth    map[Show]float64   // smoothness of each
	Norm      float64            // of the raw map
	Rho       float64            // NaN where the start is not known
	Bias      float32
	Out       []float64 // Classes: a row of OutPath
	Favourite int       // the class that it speaks for most; see Favourites
	Seen      *Seen     // what it does on the images; nil where there are none
}

// Seen is what a neuron does on the images.
type Seen struct {
	Z         []float32 // n: its weighted inputs
	Pattern   []float32 // Inputs; see Patterns
	Triggered []float32 // Inputs; see Triggered
	Untrained []float32 // the same of the network before training, see Net.Start
	Known     bool      // that is its own start
	All       Spread    // of its activations
	Class     []Spread  // the same over the images of each class
	Lost      Lost      // what the network loses without it
	Rank      int       // among the layer's neurons by importance, from 1
	Stuck     float64   // see Activity
}

// portrait names what there is to say of one neuron.
func portrait(layer, neuron int) answer { return answer{what: "neuron", layer: layer, of: neuron} }

// Neuron returns what there is to say of a neuron.
func (s *Subject) Neuron(ctx context.Context, layer, neuron int) (*Neuron, error) {
	return keep(s, portrait(layer, neuron), func() (*Neuron, error) {
		if err := s.Net.checkLayer(layer, true); err != nil {
			return nil, err
		}
		if err := s.Net.checkUnit(layer, neuron); err != nil {
			return nil, err
		}
		n := &Neuron{
			Maps: map[Show][]float32{}, Smooth: map[Show]float64{}, Rho: math.NaN(),
			Bias: s.Net.Params.Bias(layer + 1).Data[neuron], Out: s.OutPath(layer)[neuron],
		}
		shows := []Show{ShowRaw}
		if s.NoStart == nil {
			shows = append(shows, ShowLearned, ShowStart)
			rho, err := s.Rho(ctx, layer)
			if err != nil {
				return nil, err
			}
			n.Rho = rho[neuron]
		}
		for _, show := range shows {
			maps, err := s.Maps(ctx, show, layer)
			if err != nil {
				return nil, err
			}
			smooth, err := s.Smoothness(ctx, show, layer)
			if err != nil {
				return nil, err
			}
			n.Maps[show], n.Smooth[show] = maps[neuron], smooth[neuron]
		}
		n.Norm = Norm(n.Maps[ShowRaw])
		favourites, err := s.Favourites(ctx, layer)
		if err != nil {
			return nil, err
		}
		n.Favourite = favourites.Class[neuron]
		if favourites.Images {
			n.Seen, err = s.see(ctx, layer, neuron)
		}
		return n, err
	})
}

// see works out what a neuron does on the images.
func (s *Subject) see(ctx context.Context, layer, neuron int) (*Seen, error) {
	p, err := s.Probe(ctx)
	if err != nil {
		return nil, err
	}
	one, inputs, labels := []int{neuron}, s.Net.Spec.Inputs, p.Data.Labels
	seen := &Seen{}
	all, err := p.Values(ctx, s.Net, layer, true)
	if err != nil {
		return nil, err
	}
	z := columns(all, one)
	if all, err = p.Values(ctx, s.Net, layer, false); err != nil {
		return nil, err
	}
	a := columns(all, one)
	start, known := s.Net.Start()
	if all, err = p.Values(ctx, start, layer, false); err != nil {
		return nil, err
	}
	before := columns(all, one)
	patterns, err := Patterns(ctx, p.Data, inputs, z)
	if err != nil {
		return nil, err
	}
	triggered, err := Triggered(ctx, p.Data, inputs, a)
	if err != nil {
		return nil, err
	}
	untrained, err := Triggered(ctx, p.Data, inputs, before)
	if err != nil {
		return nil, err
	}
	seen.Z, seen.Known = column(z, 0), known
	seen.Pattern, seen.Triggered, seen.Untrained = patterns[0], triggered[0], untrained[0]
	seen.All, seen.Class = spreads(column(a, 0), labels, s.Net.Spec.Classes())
	b, err := newAblation(ctx, p, s.Net, layer)
	if err != nil {
		return nil, err
	}
	lost, err := b.Lost(ctx, one)
	if err != nil {
		return nil, err
	}
	importance, err := s.Importance(ctx, layer)
	if err != nil {
		return nil, err
	}
	act, err := s.Activity(ctx, layer)
	if err != nil {
		return nil, err
	}
	seen.Lost, seen.Stuck, seen.Rank = lost[0], act.Stuck[neuron], 1
	for _, x := range importance {
		if x > importance[neuron] {
			seen.Rank++
		}
	}
	return seen, nil
}
