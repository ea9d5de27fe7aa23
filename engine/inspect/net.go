package inspect

import (
	"fmt"
	"math"

	"neuroloupe/engine"
)

// Net is a network to look at: what it is, its weights, and where it started from when that is known.
type Net struct {
	Spec    engine.Spec
	Params  engine.Params // as Spec.ParamInfo
	Initial engine.Params // W₀, as Spec.ParamInfo; nil when it is not known, as for a network made elsewhere
	Gamma   float64       // γ, what weight decay has left of W₀; counts only with Initial
}

// Validate reports the first thing wrong with n: the Spec, or a parameter that is missing, misplaced or of another
// size.
func (n Net) Validate() error {
	if err := n.Spec.Validate(); err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	for _, ps := range []struct {
		what string
		have engine.Params
	}{{"parameters", n.Params}, {"start parameters", n.Initial}} {
		want := n.Spec.ParamInfo()
		if ps.have == nil && ps.what == "start parameters" {
			continue
		}
		if len(ps.have) != len(want) {
			return fmt.Errorf("inspect: %s of %v: want %d tensors, got %d", ps.what, n.Spec, len(want), len(ps.have))
		}
		for i, w := range want {
			if h := ps.have[i]; h.Name != w.Name || fmt.Sprint(h.Shape) != fmt.Sprint(w.Shape) ||
				len(h.Data) != w.Len() {
				return fmt.Errorf("inspect: %s of %v: want %s of shape %v, got %s of shape %v with %d values",
					ps.what, n.Spec, w.Name, w.Shape, h.Name, h.Shape, len(h.Data))
			}
		}
	}
	return nil
}

// Start returns the network before training: with W₀ when that is known, else with fresh start weights drawn as
// Spec.Init and Spec.Seed say; known says which.
func (n Net) Start() (start Net, known bool) {
	if n.Initial != nil {
		return Net{Spec: n.Spec, Params: n.Initial}, true
	}
	return Net{Spec: n.Spec, Params: n.Spec.NewParams()}, false
}

// Randomised returns the same network with weights drawn afresh from seed as Spec.Init says, the control of Adebayo et
// al. 2018, "Sanity checks for saliency maps", model parameter randomization: a picture that looks the same for it does
// not show what was learned. A network that started from zeros is drawn with engine.InitScaled.
func (n Net) Randomised(seed uint64) Net {
	s := n.Spec
	s.Seed = seed
	if s.Init == engine.InitZeros {
		s.Init = engine.InitScaled
	}
	return Net{Spec: n.Spec, Params: s.NewParams()}
}

// Last returns the index of the output layer, 0 being the first layer.
func (n Net) Last() int { return len(n.Spec.Layers) - 1 }

// Hidden returns the index of the last hidden layer, 0 being the first layer; −1 for a network without one.
func (n Net) Hidden() int { return len(n.Spec.Layers) - 2 }

// checkLayer reports a layer that n does not have, or that is the output when it must be hidden.
func (n Net) checkLayer(layer int, hidden bool) error {
	if err := n.Validate(); err != nil {
		return err
	}
	if hidden && n.Hidden() < 0 {
		return fmt.Errorf("inspect: network %v has no hidden layer", n.Spec)
	}
	if layer < 0 || layer > n.Last() {
		return fmt.Errorf("inspect: layer %d of %v: it has layers 1 to %d", layer+1, n.Spec, n.Last()+1)
	}
	if hidden && layer == n.Last() {
		return fmt.Errorf("inspect: layer %d of %v is the output layer, want a hidden one", layer+1, n.Spec)
	}
	return nil
}

func (n Net) checkUnit(layer, unit int) error {
	if err := n.checkLayer(layer, false); err != nil {
		return err
	}
	if units := n.Spec.Layers[layer].Units; unit < 0 || unit >= units {
		return fmt.Errorf("inspect: neuron %d of layer %d of %v: it has neurons 0 to %d", unit, layer+1, n.Spec,
			units-1)
	}
	return nil
}

func (n Net) checkInput(x []float64) error {
	if err := n.Validate(); err != nil {
		return err
	}
	if len(x) != n.Spec.Inputs {
		return fmt.Errorf("inspect: image for %v: want %d values, got %d", n.Spec, n.Spec.Inputs, len(x))
	}
	return nil
}

// Pixels returns an image as a network sees it, byte/255.
func Pixels(image []byte) []float64 {
	x := make([]float64, len(image))
	for p, v := range image {
		x[p] = float64(v) / 255
	}
	return x
}

// Pass is one image's way through a network.
type Pass struct {
	X []float64   // Inputs
	Z [][]float64 // weighted inputs z = x·W + b of each layer
	A [][]float64 // activations a = σ(z) of each layer
}

// Forward computes z and a of every layer for one image, in float64. x: Inputs, kept in the Pass.
func (n Net) Forward(x []float64) (Pass, error) {
	if err := n.checkInput(x); err != nil {
		return Pass{}, err
	}
	return n.forward(x), nil
}

func (n Net) forward(x []float64) Pass {
	p := Pass{X: x}
	for l := range n.Spec.Layers {
		z := n.weigh(l, x)
		x = activate(z, n.Spec.Layers[l].Activation)
		p.Z, p.A = append(p.Z, z), append(p.A, x)
	}
	return p
}

// weigh returns z = x·W + b of layer l.
func (n Net) weigh(l int, x []float64) []float64 {
	w, b := n.Params.Weight(l+1).Data, n.Params.Bias(l+1).Data
	z := make([]float64, len(b))
	for k, v := range b {
		z[k] = float64(v)
	}
	for i, v := range x {
		if v == 0 {
			continue
		}
		for k, u := range w[i*len(z):][:len(z)] {
			z[k] += v * float64(u)
		}
	}
	return z
}

// activate returns a = σ(z).
func activate(z []float64, act engine.Activation) []float64 {
	a := make([]float64, len(z))
	switch act {
	case engine.Sigmoid:
		for i, v := range z {
			a[i] = 1 / (1 + math.Exp(-v))
		}
	case engine.Tanh:
		for i, v := range z {
			a[i] = math.Tanh(v)
		}
	case engine.ReLU:
		for i, v := range z {
			a[i] = max(0, v)
		}
	case engine.Softmax:
		top, sum := math.Inf(-1), 0.0
		for _, v := range z {
			top = max(top, v)
		}
		for i, v := range z {
			a[i] = math.Exp(v - top)
			sum += a[i]
		}
		for i := range a {
			a[i] /= sum
		}
	default:
		copy(a, z)
	}
	return a
}

// slope returns σ′(z) written with a = σ(z); 0 for relu at 0. Softmax has no slope of its own: targets are weighted
// inputs, so that the output's activation is never passed.
func slope(a float64, act engine.Activation) float64 {
	switch act {
	case engine.Sigmoid:
		return a * (1 - a)
	case engine.Tanh:
		return 1 - a*a
	case engine.ReLU:
		if a > 0 {
			return 1
		}
		return 0
	}
	return 1
}

// slopes returns σ′ of every layer's units for one image.
func (n Net) slopes(p Pass) [][]float64 {
	s := make([][]float64, len(p.A))
	for l, a := range p.A {
		s[l] = make([]float64, len(a))
		for j, v := range a {
			s[l][j] = slope(v, n.Spec.Layers[l].Activation)
		}
	}
	return s
}

// Target is a number that a network computes, F = Σ_k Weights[k]·z_k over the weighted inputs of one layer: a class's
// logit, the difference of two, a hidden neuron's z.
type Target struct {
	Layer   int       // 0 is the first
	Weights []float64 // Units of the layer
}

// Target returns z of a unit of a layer, 0 being the first, less z of the unit not when that is not negative.
func (n Net) Target(layer, unit, not int) (Target, error) {
	if err := n.checkUnit(layer, unit); err != nil {
		return Target{}, err
	}
	t := Target{Layer: layer, Weights: make([]float64, n.Spec.Layers[layer].Units)}
	t.Weights[unit]++
	if not >= 0 {
		if err := n.checkUnit(layer, not); err != nil {
			return Target{}, err
		}
		t.Weights[not]--
	}
	return t, nil
}

func (n Net) checkTarget(t Target) error {
	if err := n.checkLayer(t.Layer, false); err != nil {
		return err
	}
	if units := n.Spec.Layers[t.Layer].Units; len(t.Weights) != units {
		return fmt.Errorf("inspect: target on layer %d of %v: want %d weights, got %d", t.Layer+1, n.Spec, units,
			len(t.Weights))
	}
	return nil
}

// value returns F.
func (t Target) value(p Pass) float64 { return dot(t.Weights, p.Z[t.Layer]) }

// descend follows a target back to the inputs by the chain rule with given slopes: g[l] is ∂F/∂(what layer l reads),
// so g[0] is Inputs, ∂F/∂x, and g[l] is ∂F/∂a of layer l−1. It goes down to layer end: what is below is nil. slopes[l]
// are the σ′ of layer l; nil slopes are all 1.
func (n Net) descend(t Target, slopes [][]float64, end int) [][]float64 {
	g := make([][]float64, t.Layer+1)
	d := t.Weights
	for l := t.Layer; ; l-- {
		g[l] = n.transposed(l, d)
		if l == end {
			return g
		}
		d = g[l]
		if slopes != nil {
			d = make([]float64, len(g[l]))
			for j, v := range g[l] {
				d[j] = v * slopes[l-1][j]
			}
		}
	}
}

// transposed returns δ·Wᵀ of layer l. Zeros of δ are skipped: a target has one or two units, and relu leaves many.
func (n Net) transposed(l int, d []float64) []float64 {
	w := n.Params.Weight(l + 1)
	var some []int
	for k, v := range d {
		if v != 0 {
			some = append(some, k)
		}
	}
	g := make([]float64, w.Shape[0])
	for i := range g {
		row := w.Data[i*len(d):][:len(d)]
		var sum float64
		for _, k := range some {
			sum += d[k] * float64(row[k])
		}
		g[i] = sum
	}
	return g
}

// Gradient returns ∂F/∂x at an image, the network's linear map from the inputs to the target there (its Jacobian). x
// and the result: Inputs.
func (n Net) Gradient(x []float64, t Target) ([]float64, error) {
	if err := n.checkTarget(t); err != nil {
		return nil, err
	}
	if err := n.checkInput(x); err != nil {
		return nil, err
	}
	return n.gradient(n.forward(x), t), nil
}

func (n Net) gradient(p Pass, t Target) []float64 { return n.descend(t, n.slopes(p), 0)[0] }

func dot(a, b []float64) float64 {
	var sum float64
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
