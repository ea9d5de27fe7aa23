package inspect

import (
	"context"
	"fmt"
	"math"

	"neuroloupe/engine"
)

// Activity is what the neurons of one layer do over a data set.
type Activity struct {
	ClassMean [][]float64 // Classes×Units: mean activation over the images of a class; 0 for a class without images
	Mean      []float64   // Units: mean over all images
	Stuck     []float64   // Units: share of the images for which the neuron is saturated at its more usual end
	Slope     []float64   // Units: mean slope over all images, E σ′(z); see Net.Paths
}

// end says at which end an activation is saturated, −1 or 1, or 0: its slope is below a twenty-fifth of its largest.
// That is a < 0.01 and a > 0.99 for sigmoid, a < −0.98 and a > 0.98 for tanh, and a = 0 for relu; the other activations
// do not saturate. A neuron that is at one end for some images and at the other for the rest is a good detector; one
// that is always at the same end is stuck.
func end(act engine.Activation, a float32) int {
	switch {
	case act == engine.Sigmoid && a < 0.01, act == engine.Tanh && a < -0.98, act == engine.ReLU && a == 0:
		return -1
	case act == engine.Sigmoid && a > 0.99, act == engine.Tanh && a > 0.98:
		return 1
	}
	return 0
}

// Observe returns the activity of a layer over the probe's data set, 0 being the first. It leaves net's parameters in
// the executor.
func (p Probe) Observe(ctx context.Context, net Net, layer int) (Activity, error) {
	if err := net.checkLayer(layer, false); err != nil {
		return Activity{}, err
	}
	if err := p.Executor.Write(net.Params...); err != nil {
		return Activity{}, fmt.Errorf("inspect: %w", err)
	}
	s, d := net.Spec, p.Data
	units, classes, n := s.Layers[layer].Units, s.Classes(), len(d.Labels)
	act := Activity{
		ClassMean: make([][]float64, classes), Mean: make([]float64, units), Stuck: make([]float64, units),
		Slope: make([]float64, units),
	}
	ends := make([][3]float64, units) // counts of end −1, 0, 1
	for k := range act.ClassMean {
		act.ClassMean[k] = make([]float64, units)
	}
	count := make([]int, classes)
	const block = 64 // neurons at a time
	step := rowsAtOnce(units)
	dst := make([]float32, min(n, step)*units)
	for lo := 0; lo < n; lo += step {
		hi := min(n, lo+step)
		if err := p.Executor.Infer(engine.Query{
			Data: p.Ref, Lo: lo, Hi: hi, Layer: layer,
			Dst: dst[:(hi-lo)*units],
		}); err != nil {
			return Activity{}, err
		}
		for _, k := range d.Labels[lo:hi] {
			count[k]++
		}
		err := share(ctx, (units+block-1)/block, func(b int) {
			first, last := b*block, min(units, (b+1)*block)
			for i := lo; i < hi; i++ {
				k := d.Labels[i]
				for n, a := range dst[(i-lo)*units:][first:last] {
					j := first + n
					act.ClassMean[k][j] += float64(a)
					act.Mean[j] += float64(a)
					act.Slope[j] += slope(float64(a), s.Layers[layer].Activation)
					ends[j][1+end(s.Layers[layer].Activation, a)]++
				}
			}
		})
		if err != nil {
			return Activity{}, err
		}
	}
	for j := range units {
		act.Slope[j] /= math.Max(1, float64(n))
		act.Mean[j] /= float64(n)
		act.Stuck[j] = max(ends[j][0], ends[j][2]) / float64(n)
		for k := range classes {
			act.ClassMean[k][j] /= math.Max(1, float64(count[k]))
		}
	}
	return act, nil
}

// Path returns the product of the weights after a layer, 0 being the first: Units×Classes, how much each output's z
// rises per unit of each neuron's activation when everything between is taken as linear.
func Path(s engine.Spec, ps engine.Params, layer int) [][]float64 {
	path := make([][]float64, s.Layers[layer].Units)
	for j := range path {
		row, from := []float64{1}, j // of a unit vector, what is not 0
		for l := layer + 1; l < len(s.Layers); l++ {
			w := ps.Weight(l + 1)
			next := make([]float64, w.Shape[1])
			for i, v := range row {
				if v == 0 {
					continue
				}
				for k := range next {
					next[k] += v * float64(w.Data[(from+i)*w.Shape[1]+k])
				}
			}
			row, from = next, 0
		}
		if layer == len(s.Layers)-1 {
			row = make([]float64, len(path))
			row[j] = 1
		}
		path[j] = row
	}
	return path
}

// Favourites returns for each neuron of a hidden layer the class that it speaks for most: the k with the largest mean
// centred contribution Path[j][k]·(E[a_j | k] − E[a_j]).
func Favourites(path [][]float64, a Activity) []int {
	fav := make([]int, len(path))
	for j, row := range path {
		best := math.Inf(-1)
		for k, w := range row {
			if c := w * (a.ClassMean[k][j] - a.Mean[j]); c > best {
				best, fav[j] = c, k
			}
		}
	}
	return fav
}

// FavouritesByWeight returns for each neuron the class of its largest weight to an output, Path[j][k]: what can be said
// without images.
func FavouritesByWeight(path [][]float64) []int {
	fav := make([]int, len(path))
	for j, row := range path {
		fav[j] = Descending(row)[0]
	}
	return fav
}
