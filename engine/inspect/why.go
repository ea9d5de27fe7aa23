package inspect

import (
	"context"
	"fmt"
	"math"

	"neuroloupe/engine"
)

// Why is what one image does in a network.
//
// For the last hidden layer the account is exact: Evidence[k][j] = W[j,k]·a_j and Rest[k] is the output's bias, so that
// Σ_j Evidence[k][j] + Rest[k] = s_k, the logit. For an earlier layer it is the linear path at this image,
// Evidence[k][j] = ∂s_k/∂a_j·a_j, gradient×activation, and Rest[k] is whatever makes the sum s_k: biases on the way,
// and what the curvature of the activations leaves out. Rest is then no constant of the network, and evidence is true
// only for small changes of a_j (for relu, up to the next kink).
type Why struct {
	Pass
	Layer    int         // the hidden layer of Evidence, 0 being the first
	Exact    bool        // Layer is the last hidden one
	Evidence [][]float64 // Classes×Units
	Centred  [][]float64 // Classes×Units: the same weights times a_j − E a_j; nil without means
	Rest     []float64   // Classes

	net Net
}

// Why explains the outputs for one image by the neurons of a hidden layer. x: Inputs. mean: E a_j over a data set,
// Units, for the centred evidence; nil for none.
func (n Net) Why(x []float64, layer int, mean []float64) (*Why, error) {
	if err := n.checkLayer(layer, true); err != nil {
		return nil, err
	}
	if err := n.checkInput(x); err != nil {
		return nil, err
	}
	units := n.Spec.Layers[layer].Units
	if mean != nil && len(mean) != units {
		return nil, sizes("mean activations", units, len(mean))
	}
	w := &Why{Pass: n.forward(x), Layer: layer, Exact: layer == n.Hidden(), net: n}
	slopes := n.slopes(w.Pass)
	for k := range n.Spec.Classes() {
		t := Target{Layer: n.Last(), Weights: make([]float64, n.Spec.Classes())}
		t.Weights[k] = 1
		g := n.descend(t, slopes, layer+1)[layer+1]
		evidence := make([]float64, units)
		var sum float64
		for j, a := range w.A[layer] {
			evidence[j] = g[j] * a
			sum += evidence[j]
		}
		w.Evidence = append(w.Evidence, evidence)
		if w.Exact {
			w.Rest = append(w.Rest, float64(n.Params.Bias(n.Last() + 1).Data[k]))
		} else {
			w.Rest = append(w.Rest, w.Z[n.Last()][k]-sum)
		}
		if mean != nil {
			centred := make([]float64, units)
			for j, a := range w.A[layer] {
				centred[j] = g[j] * (a - mean[j])
			}
			w.Centred = append(w.Centred, centred)
		}
	}
	return w, nil
}

// Contrast returns row class less row not of a Classes×Units account, such as Why.Evidence: what speaks for the one and
// not the other.
func Contrast(account [][]float64, class, not int) ([]float64, error) {
	for _, k := range []int{class, not} {
		if k < 0 || k >= len(account) {
			return nil, fmt.Errorf("inspect: class %d: there are classes 0 to %d", k, len(account)-1)
		}
	}
	c := make([]float64, len(account[class]))
	for j, v := range account[class] {
		c[j] = v - account[not][j]
	}
	return c, nil
}

// Product is a neuron of the first layer and one image: Σ Map + Bias = z.
type Product struct {
	Map  []float32 // Inputs: x_p·W1[p,j]
	Bias float64   // b_j
	Sum  float64   // Σ Map + Bias, of the rounded products as they are drawn
}

// Product returns input×weight of a neuron of the first layer.
func (w *Why) Product(neuron int) (Product, error) {
	if err := w.net.checkUnit(0, neuron); err != nil {
		return Product{}, err
	}
	t, b := w.net.Params.Weight(1), w.net.Params.Bias(1)
	p := Product{Map: make([]float32, len(w.X)), Bias: float64(b.Data[neuron])}
	p.Sum = p.Bias
	for i, x := range w.X {
		p.Map[i] = float32(x * float64(t.Data[i*t.Shape[1]+neuron]))
		p.Sum += float64(p.Map[i])
	}
	return p, nil
}

// productSums returns Sum of Product for every neuron of the first layer.
func (w *Why) productSums() []float64 {
	t, sums := w.net.Params.Weight(1), widen(w.net.Params.Bias(1).Data)
	for i, x := range w.X {
		for j, u := range t.Data[i*len(sums):][:len(sums)] {
			sums[j] += float64(float32(x * float64(u)))
		}
	}
	return sums
}

// SumErrors holds the sums against the weighted inputs z of every layer as an executor computed them (see
// Probe.Weighted): neurons[j] = |Σ_p x_p·W1[p,j] + b_j − z_j| of the first layer, outputs[k] = |Σ_j Evidence[k][j] +
// Rest[k] − s_k|.
func (w *Why) SumErrors(z [][]float32) (neurons, outputs []float64, err error) {
	if len(z) != len(w.Z) {
		return nil, nil, sizes("layers of weighted inputs", len(w.Z), len(z))
	}
	for l := range z {
		if len(z[l]) != len(w.Z[l]) {
			return nil, nil, sizes("weighted inputs", len(w.Z[l]), len(z[l]))
		}
	}
	for j, sum := range w.productSums() {
		neurons = append(neurons, math.Abs(sum-float64(z[0][j])))
	}
	for k, v := range z[len(z)-1] {
		sum := w.Rest[k] - float64(v)
		for _, e := range w.Evidence[k] {
			sum += e
		}
		outputs = append(outputs, math.Abs(sum))
	}
	return neurons, outputs, nil
}

// Explained is what one image does in a network, held against what an executor computes.
type Explained struct {
	*Why
	Mean      []float64 // E a_j over the subject's images, which Centred goes by; nil where there are none
	Logits    []float32 // of the executor
	Predicted int       // the class that the executor answers with
	// See Why.SumErrors.
	NeuronErrors, OutputErrors []float64
}

// Explain explains the outputs for an example of p by the neurons of a hidden layer. p asks the subject's own images,
// as Probe gives it, or others, as On does. It is worked out at each call: it can be large, and there are many images.
func (s *Subject) Explain(ctx context.Context, p Probe, example, layer int) (*Explained, error) {
	x := &Explained{}
	sees, err := s.sees(ctx)
	if err != nil {
		return nil, err
	}
	if sees {
		act, err := s.Activity(ctx, layer)
		if err != nil {
			return nil, err
		}
		x.Mean = act.Mean
	}
	image := p.Data.Images[example*s.Net.Spec.Inputs:][:s.Net.Spec.Inputs]
	if x.Why, err = s.Net.Why(Pixels(image), layer, x.Mean); err != nil {
		return nil, err
	}
	z, err := p.Weighted(s.Net, example)
	if err != nil {
		return nil, err
	}
	x.Logits = z[s.Net.Last()]
	x.Predicted = engine.Answer(x.Logits)
	x.NeuronErrors, x.OutputErrors, err = x.SumErrors(z)
	return x, err
}
