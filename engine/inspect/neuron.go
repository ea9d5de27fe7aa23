package inspect

import (
	"context"
	"fmt"
	"math"
	"slices"

	"neuroloupe/engine"
)

// checkImages reports a data set whose images are not of the size that a network reads.
func checkImages(d engine.Data, inputs int) error {
	if len(d.Images) != d.Len()*inputs {
		return fmt.Errorf("inspect: %d images of %d pixels: want %d bytes, got %d", d.Len(), inputs, d.Len()*inputs,
			len(d.Images))
	}
	return nil
}

// meanImage returns μ, the mean of the images of d in pixels of byte/255: Inputs.
func meanImage(d engine.Data, inputs int) []float64 {
	mu := make([]float64, inputs)
	for i := range d.Len() {
		for p, v := range d.Images[i*inputs:][:inputs] {
			mu[p] += float64(v)
		}
	}
	for p := range mu {
		mu[p] /= 255 * max(1, float64(d.Len()))
	}
	return mu
}

// Patterns returns for each neuron the covariance of the inputs with its z over a data set, Units×Inputs:
//
//	cov(x, z_j) = Σ_x·w_j = 1/n Σ_i (x_i − μ)(z_ij − E z_j)
//
// For a neuron of the first layer it is its pattern (Haufe et al., "On the interpretation of weight vectors of linear
// models in multivariate neuroimaging", NeuroImage 2014, theorem 1 for one component, up to the factor 1/var z): the
// map says what the neuron weighs, the pattern what it then responds to. Σ_x is never formed. z: n×Units.
func Patterns(ctx context.Context, d engine.Data, inputs int, z [][]float32) ([][]float32, error) {
	if err := checkImages(d, inputs); err != nil {
		return nil, err
	}
	if len(z) != d.Len() {
		return nil, sizes("examples of weighted inputs", d.Len(), len(z))
	}
	units := width(z)
	sums, err := inputSums(ctx, d, inputs, z, means(z, units))
	if err != nil {
		return nil, err
	}
	maps := make([][]float32, units)
	for j, s := range sums {
		for p := range s {
			s[p] /= float64(d.Len())
		}
		maps[j] = narrow(s)
	}
	return maps, nil
}

// Triggered returns each neuron's spike-triggered average over a data set, Units×Inputs:
//
//	Σ_i a_ij x_i / Σ_i a_ij − μ
//
// the images weighted by how strongly they excite it, less the mean image. It is smooth because the images are, for an
// untrained network too: see Net.Start for what to show beside it. Where a takes negative values (tanh, identity), a
// less its lowest value over the data set is the weight. A neuron that never fires has zeros. a: n×Units.
func Triggered(ctx context.Context, d engine.Data, inputs int, a [][]float32) ([][]float32, error) {
	if err := checkImages(d, inputs); err != nil {
		return nil, err
	}
	if len(a) != d.Len() {
		return nil, sizes("examples of activations", d.Len(), len(a))
	}
	units := width(a)
	low, total := make([]float64, units), make([]float64, units)
	for _, row := range a {
		for j, v := range row {
			low[j] = min(low[j], float64(v))
			total[j] += float64(v)
		}
	}
	sums, err := inputSums(ctx, d, inputs, a, low)
	if err != nil {
		return nil, err
	}
	mu := meanImage(d, inputs)
	maps := make([][]float32, units)
	for j, s := range sums {
		total[j] -= low[j] * float64(d.Len())
		for p := range s {
			if total[j] > 0 {
				s[p] = s[p]/total[j] - mu[p]
			}
		}
		maps[j] = narrow(s)
	}
	return maps, nil
}

// inputSums returns Σ_i (v_ij − shift_j)·x_i for each neuron j, Units×Inputs. Zero pixels are skipped.
func inputSums(ctx context.Context, d engine.Data, inputs int, v [][]float32, shift []float64) ([][]float64, error) {
	const block = 32 // neurons at a time: their sums for all pixels of an image stay near
	units := len(shift)
	sums := make([][]float64, units)
	blocks := (units + block - 1) / block
	err := share(ctx, blocks, func(b int) {
		lo, hi := b*block, min(units, (b+1)*block)
		acc := make([]float64, inputs*(hi-lo))
		row := make([]float64, hi-lo)
		for i, values := range v {
			if i%512 == 0 && ctx.Err() != nil {
				return
			}
			for j := range row {
				row[j] = float64(values[lo+j]) - shift[lo+j]
			}
			for p, px := range d.Images[i*inputs:][:inputs] {
				if px == 0 {
					continue
				}
				x := float64(px)
				to := acc[p*len(row):][:len(row)]
				for j, r := range row {
					to[j] += x * r
				}
			}
		}
		for j := lo; j < hi; j++ {
			sums[j] = make([]float64, inputs)
			for p := range sums[j] {
				sums[j][p] = acc[p*(hi-lo)+j-lo] / 255
			}
		}
	})
	return sums, err
}

func width(rows [][]float32) int {
	if len(rows) == 0 {
		return 0
	}
	return len(rows[0])
}

// Extremes are the images that say most about a neuron, by index into the data set.
type Extremes struct {
	Top     []int   // largest z first
	Bottom  []int   // smallest z first
	Deciles [][]int // ten: images evenly spaced within each tenth of the data set, largest z first
}

// findExtremes sorts the images by a neuron's z, not by a: sigmoid rounds many of them to 1. Each list has at most
// count images; equal z are taken by index. z: n.
func findExtremes(z []float32, count int) Extremes {
	order, negative := Descending(z), make([]float32, len(z))
	for i, v := range z {
		negative[i] = -v
	}
	n := len(order)
	count = min(max(count, 0), n)
	e := Extremes{Top: order[:count:count], Bottom: Descending(negative)[:count:count], Deciles: make([][]int, 10)}
	for t := range e.Deciles {
		group := order[t*n/10 : (t+1)*n/10]
		k := min(count, len(group))
		for i := range k {
			e.Deciles[t] = append(e.Deciles[t], group[(2*i+1)*len(group)/(2*k)])
		}
	}
	return e
}

// Quantiles are the levels of Spread.Quantiles.
func Quantiles() []float64 { return []float64{0, 0.05, 0.25, 0.5, 0.75, 0.95, 1} }

// Spread is how values are spread.
type Spread struct {
	Count    int
	Mean, SD float64 // SD is the root of the mean squared deviation
	// at the levels of Quantiles(), interpolated linearly between order statistics; nil for no values
	Quantiles []float64
}

// spreads returns how one neuron's values are spread over all images and over each class's. v, labels: n; labels are
// below classes.
func spreads(v []float32, labels []uint8, classes int) (all Spread, class []Spread) {
	of := make([][]float32, classes)
	for i, k := range labels {
		of[k] = append(of[k], v[i])
	}
	for _, c := range of {
		class = append(class, spreadOf(c))
	}
	return spreadOf(slices.Clone(v)), class
}

// spreadOf returns how values are spread, and leaves them sorted.
func spreadOf(v []float32) Spread {
	s := Spread{Count: len(v)}
	if len(v) == 0 {
		return s
	}
	s.Mean = mean(v)
	for _, x := range v {
		d := float64(x) - s.Mean
		s.SD += d * d
	}
	s.SD = math.Sqrt(s.SD / float64(len(v)))
	slices.Sort(v)
	for _, q := range Quantiles() {
		at := q * float64(len(v)-1)
		i := int(at)
		f := at - float64(i)
		lo, hi := float64(v[i]), float64(v[min(i+1, len(v)-1)])
		s.Quantiles = append(s.Quantiles, lo+f*(hi-lo))
	}
	return s
}
