package inspect

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"neuroloupe/engine"
)

// Unit is a neuron of a layer; both count from 0.
type Unit struct{ Layer, Neuron int }

// Broken says what is taken from a network, to see what it does without. The zero value takes nothing.
type Broken struct {
	// Off are hidden neurons that are switched off: to what is behind it such a neuron gives its mean activation over
	// the images of the whole network, as in ablation, or with Zero nothing, whatever the image.
	Off  []Unit
	Zero bool
	// Start takes the start out of the first layer's weights: they are W − γW₀.
	Start bool
	// Noise is put on the weights of every layer, after Start: W + σ·s·n with σ = Noise, s the standard deviation of
	// that layer's weights, and n as [Normal] of Seed and the layer. Biases have none.
	Noise float64
	Seed  uint32
}

// Break returns the network with what b says taken from it, as a network of the same Spec. mean gives the mean
// activations of a hidden layer of the whole network, Units; nil will do where b.Off is empty or b.Zero set. Neurons
// are switched off in the weights behind them: their rows there are 0, and the biases have what they always give. After
// b.Start, Gamma is 0, for nothing of the start is left.
func (n Net) Break(b Broken, mean func(layer int) ([]float64, error)) (Net, error) {
	if err := n.Validate(); err != nil {
		return Net{}, err
	}
	if b.Start && n.Initial == nil {
		return Net{}, fmt.Errorf("inspect: the start of the network is not known, so it cannot be taken out")
	}
	if !(b.Noise >= 0) || math.IsInf(b.Noise, 0) {
		return Net{}, fmt.Errorf("inspect: noise %v, want a number from 0", b.Noise)
	}
	n.Params = n.Params.Clone()
	if b.Start {
		n.Params[0] = Learned(n.Params[0], n.Initial.Weight(1), n.Gamma)
		n.Gamma = 0
	}
	if b.Noise > 0 {
		for l := range n.Spec.Layers {
			addNoise(n.Params.Weight(l+1).Data, b.Noise, b.Seed, l)
		}
	}
	off := slices.Clone(b.Off)
	slices.SortFunc(off, func(a, c Unit) int { return cmp.Or(a.Layer-c.Layer, a.Neuron-c.Neuron) })
	off = slices.Compact(off)
	for len(off) > 0 {
		l := off[0].Layer
		if err := n.checkLayer(l, true); err != nil {
			return Net{}, err
		}
		k := 0
		for ; k < len(off) && off[k].Layer == l; k++ {
			if err := n.checkUnit(l, off[k].Neuron); err != nil {
				return Net{}, err
			}
		}
		means := make([]float64, n.Spec.Layers[l].Units)
		if !b.Zero {
			var err error
			if means, err = mean(l); err != nil {
				return Net{}, err
			}
		}
		switchOff(n.Params.Weight(l+2), n.Params.Bias(l+2).Data, off[:k], means)
		off = off[k:]
	}
	return n, nil
}

// addNoise adds σ·s·n to weights.
func addNoise(w []float32, sigma float64, seed uint32, layer int) {
	var mean, square float64
	for _, v := range w {
		mean += float64(v)
	}
	mean /= float64(len(w))
	for _, v := range w {
		d := float64(v) - mean
		square += float64(d * d)
	}
	scale := sigma * math.Sqrt(square/float64(len(w)))
	for i, v := range Normal(seed, layer, len(w)) {
		w[i] = float32(float64(w[i]) + float64(scale*v))
	}
}

// switchOff has neurons give their means to the layer behind them, of weights w, In×Out, and biases b.
func switchOff(w engine.Tensor, b []float32, off []Unit, means []float64) {
	for k, v := range b {
		z := float64(v)
		for _, u := range off {
			z += float64(means[u.Neuron] * float64(w.Data[u.Neuron*len(b)+k]))
		}
		b[k] = float32(z)
	}
	for _, u := range off {
		clear(w.Data[u.Neuron*len(b):][:len(b)])
	}
}

// Normal returns n numbers of the standard normal distribution, the same for the same seed and layer: Box and Muller
// 1958, "A note on the generation of random normal deviates", on pairs of uniform numbers that are hashes of their
// place. A page's script works out the same numbers, with 32-bit integers alone.
func Normal(seed uint32, layer, n int) []float64 {
	key := mix(seed + uint32(layer)*0x9e3779b9)
	second := mix(key ^ 0x85ebca6b)
	uniform := func(i int) float64 { return (float64(mix(mix(uint32(i)^key)+second)) + 0.5) / (1 << 32) }
	out := make([]float64, n)
	for i := 0; i < n; i += 2 {
		r := math.Sqrt(-2 * math.Log(uniform(i)))
		sin, cos := math.Sincos(2 * math.Pi * uniform(i+1))
		out[i] = r * cos
		if i+1 < n {
			out[i+1] = r * sin
		}
	}
	return out
}

// mix is a bijection of 32 bits in which every bit of the argument sways every bit of the result: lowbias32 of
// Wellons 2018, "Prospecting for hash functions".
func mix(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}

// Broken returns a subject of the network with what b says taken from it, as [Subject.Then]; the means that neurons
// give which are switched off are those over the images.
func (s *Subject) Broken(ctx context.Context, b Broken) (*Subject, error) {
	if b.Start && s.NoStart != nil {
		return nil, s.NoStart
	}
	n, err := s.Net.Break(b, func(layer int) ([]float64, error) {
		a, err := s.Activity(ctx, layer)
		return a.Mean, err
	})
	if err != nil {
		return nil, err
	}
	return s.Then(n), nil
}
