package engine

import (
	"fmt"
	"math"
	"math/rand/v2"

	"neuroloupe/engine/safetensors"
)

// Tensor is a named array of float32, row-major.
type Tensor = safetensors.Tensor

// Params are a network's parameters in the order of [Spec.ParamInfo].
type Params []Tensor

// Streams of the PCG generator: one seed, independent numbers.
const (
	streamInit    = 1
	streamShuffle = 2
)

// WeightName returns the name of the weights of layer l, counted from 1: an In×Out matrix, one column per neuron.
func WeightName(l int) string { return fmt.Sprintf("layer%d.weight", l) }

// BiasName returns the name of the biases of layer l, counted from 1: a vector of Out.
func BiasName(l int) string { return fmt.Sprintf("layer%d.bias", l) }

// ParamInfo returns names and shapes of the parameters, weights before biases, layer by layer; Data is nil.
func (s Spec) ParamInfo() Params {
	var ps Params
	in := s.Inputs
	for i, l := range s.Layers {
		ps = append(ps,
			Tensor{Name: WeightName(i + 1), Shape: []int{in, l.Units}},
			Tensor{Name: BiasName(i + 1), Shape: []int{l.Units}})
		in = l.Units
	}
	return ps
}

// StateNames returns what the optimisation method keeps for each parameter: for momentum and nesterov its velocity,
// for Adam the first and second moment, for sgd nothing.
func (m Method) StateNames() []string {
	switch m {
	case Momentum, Nesterov:
		return []string{"velocity"}
	case Adam:
		return []string{"m", "v"}
	}
	return nil
}

// StateInfo returns names and shapes of the optimiser's state: for each parameter each of Method.StateNames, named
// "layer1.weight.velocity"; Data is nil. All state starts at 0.
func (s Spec) StateInfo() []Tensor {
	var ts []Tensor
	for _, p := range s.ParamInfo() {
		for _, n := range s.Update.Method.StateNames() {
			ts = append(ts, Tensor{Name: p.Name + "." + n, Shape: p.Shape})
		}
	}
	return ts
}

// NewParams draws the start parameters W₀ from Seed as Init says; the same Spec gives the same bytes everywhere.
func (s Spec) NewParams() Params {
	r := rand.New(rand.NewPCG(s.Seed, streamInit))
	ps := s.ParamInfo()
	in := s.Inputs
	for i, l := range s.Layers {
		w, b := make([]float32, in*l.Units), make([]float32, l.Units)
		switch s.Init {
		case InitScaled:
			normal(r, b, 1)
			normal(r, w, 1/math.Sqrt(float64(in)))
		case InitNormal:
			normal(r, b, 1)
			normal(r, w, 1)
		case InitXavier:
			limit := math.Sqrt(6 / float64(in+l.Units))
			for k := range w {
				w[k] = float32(limit * (2*r.Float64() - 1))
			}
		case InitHe:
			normal(r, w, math.Sqrt(2/float64(in)))
		case InitZeros:
		}
		ps[2*i].Data, ps[2*i+1].Data = w, b
		in = l.Units
	}
	return ps
}

func normal(r *rand.Rand, dst []float32, sigma float64) {
	for i := range dst {
		dst[i] = float32(sigma * r.NormFloat64())
	}
}

// Weight returns the In×Out weights of layer l, counted from 1; it aliases ps.
func (ps Params) Weight(l int) Tensor { return ps[2*(l-1)] }

// Bias returns the biases of layer l, counted from 1; it aliases ps.
func (ps Params) Bias(l int) Tensor { return ps[2*(l-1)+1] }

// Clone returns a deep copy of the values; shapes are shared.
func (ps Params) Clone() Params {
	out := make(Params, len(ps))
	for i, p := range ps {
		out[i] = Tensor{Name: p.Name, Shape: p.Shape, Data: append([]float32(nil), p.Data...)}
	}
	return out
}

// alloc gives every tensor of ts a Data of its shape's size.
func alloc(ts []Tensor) []Tensor {
	for i := range ts {
		ts[i].Data = make([]float32, ts[i].Len())
	}
	return ts
}

// match picks want's tensors out of have by name and checks their shapes.
func match(want, have []Tensor) ([]Tensor, error) {
	byName := make(map[string]Tensor, len(have))
	for _, t := range have {
		byName[t.Name] = t
	}
	out := make([]Tensor, len(want))
	for i, w := range want {
		h, ok := byName[w.Name]
		if !ok {
			return nil, fmt.Errorf("engine: tensor %s is missing", w.Name)
		}
		if fmt.Sprint(h.Shape) != fmt.Sprint(w.Shape) || len(h.Data) != w.Len() {
			return nil, fmt.Errorf("engine: tensor %s: want shape %v, got %v with %d values", w.Name, w.Shape, h.Shape,
				len(h.Data))
		}
		out[i] = h
	}
	return out, nil
}

// MatchParams picks the parameters of s out of tensors by name and checks their shapes; it aliases tensors.
func (s Spec) MatchParams(tensors []Tensor) (Params, error) { return match(s.ParamInfo(), tensors) }
