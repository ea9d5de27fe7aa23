package inspect

import (
	"context"
	"math"
)

// Responses are how the weighted inputs z of a layer's neurons are spread over the images, in little memory.
type Responses struct {
	Bins int
	// The least and the largest finite z of each neuron: where its first bin begins and its last ends. Both are 0 for a
	// neuron that has none.
	Low, High []float64 // Units
	// How many images of each class have z in each bin, which are of equal width; of a neuron that has the same z for
	// all images, all are in the first. What is not finite is in none.
	Counts [][][]int // Units×Classes×Bins
	Top    []Ranking // Units: the images of largest z; see findExtremes
}

// Responses looks at z of every neuron of a layer, 0 being the first, on all images: bins of equal width for each
// class, and up to top images of largest z.
func (s *Subject) Responses(ctx context.Context, layer, bins, top int) (*Responses, error) {
	type asked struct{ bins, top int }
	return keep(s, answer{what: "responses", layer: layer, of: asked{bins, top}}, func() (*Responses, error) {
		p, err := s.Probe(ctx)
		if err != nil {
			return nil, err
		}
		units, classes := s.Net.Spec.Layers[layer].Units, s.Net.Spec.Classes()
		r := &Responses{
			Bins: bins, Low: make([]float64, units), High: make([]float64, units),
			Counts: make([][][]int, units), Top: make([]Ranking, units),
		}
		for j := range units {
			r.Low[j], r.High[j] = math.Inf(1), math.Inf(-1)
			r.Top[j].most = top
			r.Counts[j] = make([][]int, classes)
			for k := range classes {
				r.Counts[j][k] = make([]int, bins)
			}
		}
		// Where the bins lie is known after all images, so they are gone over twice.
		if err := p.each(ctx, s.Net, layer, func(i, j int, z float32) {
			r.Top[j].add(z, i)
			if v := float64(z); finite(v) {
				r.Low[j], r.High[j] = min(r.Low[j], v), max(r.High[j], v)
			}
		}); err != nil {
			return nil, err
		}
		for j := range units {
			if r.Low[j] > r.High[j] {
				r.Low[j], r.High[j] = 0, 0
			}
		}
		err = p.each(ctx, s.Net, layer, func(i, j int, z float32) {
			if b := r.Bin(j, float64(z)); b >= 0 {
				r.Counts[j][p.Data.Labels[i]][b]++
			}
		})
		return r, err
	})
}

// Bin is the bin of a neuron that z lies in, the nearest one for a z beyond them; −1 for what is not finite.
func (r *Responses) Bin(neuron int, z float64) int {
	lo, hi := r.Low[neuron], r.High[neuron]
	switch {
	case !finite(z):
		return -1
	case hi <= lo:
		return 0
	}
	return max(0, min(r.Bins-1, int(float64(r.Bins)*(z-lo)/(hi-lo))))
}

// finite reports whether v is a number and not infinite.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// each goes over z of a layer's neurons on all images, some images at a time; the neurons are shared out among all
// cores, each seeing the images in their order.
func (p Probe) each(ctx context.Context, n Net, layer int, do func(image, neuron int, z float32)) error {
	units := n.Spec.Layers[layer].Units
	step := rowsAtOnce(units)
	buf := make([]float32, step*units)
	for lo := 0; lo < p.Data.Len(); lo += step {
		hi := min(p.Data.Len(), lo+step)
		z, err := p.Range(ctx, n, layer, true, lo, hi, buf)
		if err != nil {
			return err
		}
		if err := pieces(ctx, units, func(first, end int) {
			for i, row := range z {
				for j := first; j < end; j++ {
					do(lo+i, j, row[j])
				}
			}
		}); err != nil {
			return err
		}
	}
	return nil
}
