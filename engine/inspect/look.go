package inspect

import (
	"context"

	"neuroloupe/engine"
)

// Values returns a layer's activations for all images, or its weighted inputs with z: n×Units. They are worked out at
// each call, for they can be large.
func (s *Subject) Values(ctx context.Context, layer int, z bool) ([][]float32, error) {
	p, err := s.Probe(ctx)
	if err != nil {
		return nil, err
	}
	return p.Values(ctx, s.Net, layer, z)
}

// Outputs returns the weighted inputs of the output layer, the logits, for all images: n×Classes.
func (s *Subject) Outputs(ctx context.Context) ([][]float32, error) {
	return keep(s, answer{what: "outputs"}, func() ([][]float32, error) {
		return s.Values(ctx, s.Net.Last(), true)
	})
}

// Predicted returns the class that the network answers with for each image, see [engine.Answer]: n.
func (s *Subject) Predicted(ctx context.Context) ([]int, error) {
	return keep(s, answer{what: "predicted"}, func() ([]int, error) {
		z, err := s.Outputs(ctx)
		if err != nil {
			return nil, err
		}
		k := make([]int, len(z))
		for i, row := range z {
			k[i] = engine.Answer(row)
		}
		return k, nil
	})
}

// nth asks about every nth of the subject's images.
func (s *Subject) nth(ctx context.Context, n int) (Probe, error) {
	p, err := s.Probe(ctx)
	if err != nil || n <= 1 {
		return p, err
	}
	var d engine.Data
	inputs := s.Net.Spec.Inputs
	for i := 0; i < p.Data.Len(); i += n {
		d.Images = append(d.Images, p.Data.Images[i*inputs:(i+1)*inputs]...)
		d.Labels = append(d.Labels, p.Data.Labels[i])
	}
	return s.On(d)
}

// Patterned are the patterns of a layer's neurons.
type Patterned struct {
	Maps   [][]float32 // Units×Inputs
	Images int         // that they were worked out on
}

// Patterns returns the pattern of each neuron of a layer over every nth of the images; see Patterns.
func (s *Subject) Patterns(ctx context.Context, layer, nth int) (Patterned, error) {
	return keep(s, answer{what: "patterns", layer: layer, of: max(nth, 1)}, func() (Patterned, error) {
		p, err := s.nth(ctx, nth)
		if err != nil {
			return Patterned{}, err
		}
		z, err := p.Values(ctx, s.Net, layer, true)
		if err != nil {
			return Patterned{}, err
		}
		maps, err := Patterns(ctx, p.Data, s.Net.Spec.Inputs, z)
		return Patterned{maps, p.Data.Len()}, err
	})
}

// Excited are the images that excite a unit most and least.
type Excited struct {
	Extremes
	TopZ, BottomZ []float64 // z on the images of Top and of Bottom
	Mean          float64   // of z over all images
}

// excites names what excites one unit.
func excites(layer, unit, count int) answer {
	return answer{what: "excited", layer: layer, of: [2]int{unit, count}}
}

// Excited returns for some units of a layer, the output's too, the images that excite them most and least, up to count
// of each; see findExtremes. It asks the network once for all of them.
func (s *Subject) Excited(ctx context.Context, layer int, units []int, count int) ([]Excited, error) {
	var z [][]float32
	out := make([]Excited, len(units))
	for i, j := range units {
		var err error
		if out[i], err = keep(s, excites(layer, j, count), func() (Excited, error) {
			if err := s.Net.checkUnit(layer, j); err != nil {
				return Excited{}, err
			}
			if n, ok := s.kept[portrait(layer, j)]; ok && n.(*Neuron).Seen != nil {
				return excited(n.(*Neuron).Seen.Z, count), nil
			}
			if z == nil {
				var err error
				if z, err = s.weighted(ctx, layer); err != nil {
					return Excited{}, err
				}
			}
			return excited(column(z, j), count), nil
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// weighted are the weighted inputs of a layer; those of the output are kept.
func (s *Subject) weighted(ctx context.Context, layer int) ([][]float32, error) {
	if layer == s.Net.Last() {
		return s.Outputs(ctx)
	}
	return s.Values(ctx, layer, true)
}

func excited(z []float32, count int) Excited {
	e := Excited{Extremes: findExtremes(z, count)}
	for _, v := range z {
		e.Mean += float64(v) / float64(len(z))
	}
	for _, i := range e.Top {
		e.TopZ = append(e.TopZ, float64(z[i]))
	}
	for _, i := range e.Bottom {
		e.BottomZ = append(e.BottomZ, float64(z[i]))
	}
	return e
}
