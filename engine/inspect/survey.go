package inspect

import (
	"cmp"
	"context"
	"slices"

	"neuroloupe/engine"
)

// Survey is what each neuron of a layer does over the images, worked out for layers of any size in little memory.
type Survey struct {
	Spread [][]Spread // Units×Classes: of the activations; Count is 0 for a class without images
	Share  float64    // the least share of a class's images that Spread was worked out on
	Low    float64    // the least activation of those, or 0
	High   float64    // the largest, or 0
	// The images of largest and of smallest z; see findExtremes.
	Top, Bottom []Ranking
}

// Survey looks at what each neuron of a layer does: the count images at both ends of z, and how its activations are
// spread over each class. Up to values activations are held at a time; of a class and a layer that have more, Spread is
// worked out on every second, third … image. tell is told when a class begins; nil is nobody. It is worked out at each
// call, for it can be large.
func (s *Subject) Survey(ctx context.Context, layer, count, values int, tell func()) (*Survey, error) {
	c, err := s.byClass(ctx)
	if err != nil {
		return nil, err
	}
	units, classes := s.Net.Spec.Layers[layer].Units, s.Net.Spec.Classes()
	out := &Survey{Share: 1, Top: make([]Ranking, units), Bottom: make([]Ranking, units)}
	out.Spread = make([][]Spread, units)
	for j := range units {
		out.Spread[j] = make([]Spread, classes)
		out.Top[j].most, out.Bottom[j].most = count, count
	}
	v := held{units: units}
	most := 0 // images of a class
	for k := range classes {
		most = max(most, c.from[k+1]-c.from[k])
	}
	v.values = make([]float32, 0, min(most*units, values+units))
	for k := range classes {
		if tell != nil {
			tell()
		}
		v.every = 1 + (c.from[k+1]-c.from[k])*units/values
		if err := s.read(ctx, c, layer, c.from[k], c.from[k+1], &v, out); err != nil {
			return nil, err
		}
		out.Share = min(out.Share, 1/float64(v.every))
		if err := pieces(ctx, units, func(from, to int) {
			for j := from; j < to; j++ {
				out.Spread[j][k] = spreadOf(v.of(j))
			}
		}); err != nil {
			return nil, err
		}
		for j := range units {
			if q := out.Spread[j][k].Quantiles; q != nil {
				out.Low, out.High = min(out.Low, q[0]), max(out.High, q[len(q)-1])
			}
		}
	}
	for _, r := range out.Bottom {
		for i, z := range r.Z { // ranked by −z
			r.Z[i] = -z
		}
	}
	return out, nil
}

// classed are the images one class after the other, each class in the order of the images: so a layer's values are held
// for the images of one class, not for all.
type classed struct {
	probe Probe
	at    []int // places among the subject's images
	from  []int // Classes+1: where each class begins
}

func (s *Subject) byClass(ctx context.Context) (*classed, error) {
	return keep(s, answer{what: "by class"}, func() (*classed, error) {
		p, err := s.Probe(ctx)
		if err != nil {
			return nil, err
		}
		d, inputs, labels := p.Data, s.Net.Spec.Inputs, p.Data.Labels
		c := &classed{at: indices(d.Len())}
		slices.SortStableFunc(c.at, func(a, b int) int { return cmp.Compare(labels[a], labels[b]) })
		sorted := engine.Data{Images: make([]uint8, 0, len(d.Images)), Labels: make([]uint8, 0, d.Len())}
		for _, i := range c.at {
			sorted.Images = append(sorted.Images, d.Images[i*inputs:][:inputs]...)
			sorted.Labels = append(sorted.Labels, labels[i])
		}
		for k := range s.Net.Spec.Classes() + 1 {
			n, _ := slices.BinarySearchFunc(sorted.Labels, k,
				func(label uint8, k int) int { return cmp.Compare(int(label), k) })
			c.from = append(c.from, n)
		}
		c.probe, err = s.On(sorted)
		return c, err
	})
}

// read has the network look at the images from … to−1 of c, some at a time: it ranks them by z and −z and keeps the
// activations of every nth of them.
func (s *Subject) read(ctx context.Context, c *classed, layer, from, to int, v *held, out *Survey) error {
	step := max(64, 2<<20/v.units) // 8 MB of values
	v.rows = (to - from + v.every - 1) / v.every
	v.values = slices.Grow(v.values[:0], v.rows*v.units)[:v.rows*v.units]
	for lo := from; lo < to; lo += step {
		hi := min(to, lo+step)
		v.buf = slices.Grow(v.buf[:0], (hi-lo)*v.units)
		z, err := c.probe.Range(ctx, s.Net, layer, true, lo, hi, v.buf)
		if err != nil {
			return err
		}
		if err := pieces(ctx, v.units, func(first, end int) {
			for i, row := range z {
				for j := first; j < end; j++ {
					out.Top[j].add(row[j], c.at[lo+i])
					out.Bottom[j].add(-row[j], c.at[lo+i])
				}
			}
		}); err != nil {
			return err
		}
		a := z
		if s.Net.Spec.Layers[layer].Activation != engine.Identity {
			if a, err = c.probe.Range(ctx, s.Net, layer, false, lo, hi, v.buf); err != nil {
				return err
			}
		}
		if err := pieces(ctx, v.units, func(first, end int) {
			for i, row := range a {
				if n := lo + i - from; n%v.every == 0 {
					for j := first; j < end; j++ {
						v.values[j*v.rows+n/v.every] = row[j]
					}
				}
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// held are a layer's values for some images, one neuron after the other.
type held struct {
	units, rows int
	every       int // how many images one is kept of
	values      []float32
	buf         []float32 // what the network says of some images
}

func (v *held) of(j int) []float32 { return v.values[j*v.rows : (j+1)*v.rows] }

// Ranking is the images of largest value, the largest first, equals by their places, what is no number last.
type Ranking struct {
	Z  []float32
	At []int

	most int
}

// add takes an image in when it is among them.
func (r *Ranking) add(z float32, at int) {
	n := len(r.Z)
	if n == r.most && z < r.Z[n-1] {
		return
	}
	i := n // where it goes
	for i > 0 && cmp.Or(cmp.Compare(z, r.Z[i-1]), cmp.Compare(r.At[i-1], at)) > 0 {
		i--
	}
	if i == r.most {
		return
	}
	if n == r.most {
		r.Z, r.At = r.Z[:n-1], r.At[:n-1]
	}
	r.Z, r.At = slices.Insert(r.Z, i, z), slices.Insert(r.At, i, at)
}

// pieces has all cores do a part of 0 … n−1 each, in pieces of a few cache lines of float32.
func pieces(ctx context.Context, n int, do func(from, to int)) error {
	const piece = 64
	return share(ctx, (n+piece-1)/piece, func(i int) { do(i*piece, min(n, (i+1)*piece)) })
}
