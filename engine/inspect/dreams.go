package inspect

import (
	"context"
	"math"
)

// Prior is what the images are like.
func (s *Subject) Prior(ctx context.Context) (*Prior, error) {
	return keep(s, answer{what: "prior"}, func() (*Prior, error) {
		p, err := s.Probe(ctx)
		if err != nil {
			return nil, err
		}
		return newPrior(ctx, p.Data, s.Rows, s.Cols)
	})
}

// Made is an image made up for a unit, beside what its images make of it.
type Made struct {
	*Dreamt
	Best    int     // the image that excites the unit most
	AtBest  float64 // and how much
	Mean    float64 // its mean over the images
	Unmoved bool    // it is the same for all of them, or not finite
}

// Dreams makes up an image for each of some units of a layer, held to what the subject's images are like: for neurons
// of the first layer in closed form (see Net.DreamNeuron), else by gradient ascent (see Net.Dream), Reach being what
// the image that excites the unit most gains on the mean of all; an image for a unit that none moves is held to a Reach
// of 1. tell is called after each image that was ascended to; nil is nobody.
func (s *Subject) Dreams(ctx context.Context, layer int, units []int, o DreamOptions, tell func()) ([]Made, error) {
	prior, err := s.Prior(ctx)
	if err != nil {
		return nil, err
	}
	best, err := s.Excited(ctx, layer, units, 1)
	if err != nil {
		return nil, err
	}
	closed := layer == 0 && s.Net.Hidden() >= 0
	var patterns [][]float32
	if closed {
		if patterns, err = s.patternsOf(ctx, units); err != nil {
			return nil, err
		}
	}
	made := make([]Made, len(units))
	for i, j := range units {
		type of struct {
			unit int
			o    DreamOptions
		}
		if made[i], err = keep(s, answer{what: "dream", layer: layer, of: of{j, o}}, func() (Made, error) {
			m := Made{Best: best[i].Top[0], AtBest: best[i].TopZ[0], Mean: best[i].Mean}
			if closed {
				var err error
				m.Dreamt, err = s.Net.DreamNeuron(j, prior, patterns[i], 0)
				return m, err
			}
			t, err := s.Net.Target(layer, j, -1)
			if err != nil {
				return m, err
			}
			o := o
			o.Reach = m.AtBest - m.Mean
			if !(o.Reach > 0) || math.IsInf(o.Reach, 0) {
				m.Unmoved, o.Reach = true, 1
			}
			m.Dreamt, err = s.Net.Dream(ctx, t, prior, o)
			return m, err
		}); err != nil {
			return nil, err
		}
		if tell != nil && !closed {
			tell()
		}
	}
	return made, nil
}

// patternsOf are the patterns of some neurons of the first layer, len(units)×Inputs.
func (s *Subject) patternsOf(ctx context.Context, units []int) ([][]float32, error) {
	p, err := s.Probe(ctx)
	if err != nil {
		return nil, err
	}
	z, err := p.Values(ctx, s.Net, 0, true)
	if err != nil {
		return nil, err
	}
	return Patterns(ctx, p.Data, s.Net.Spec.Inputs, columns(z, units))
}
