package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits of a Spec. They keep a mistyped size from asking for terabytes, and every element count inside an int32.
const (
	MaxUnits   = 1 << 20 // inputs, or units of one layer
	MaxLayers  = 64
	MaxWeights = 1 << 30 // weights of one layer, Inputs×Units
)

// Spec says what a network is and how it learns; everything that a Program depends on.
type Spec struct {
	Inputs  int     // values per example
	Layers  []Layer // hidden layers, then the output layer; at least one
	Loss    Loss
	Init    Init
	Update  Update
	L2, L1  float64 // λ of C + λ₂/(2n) Σw² + λ₁/n Σ|w| over the weights, not the biases (Nielsen, chapter 3, 85 and 95)
	N       int     // the n of the penalties: training examples; used only when L2 or L1 is not 0
	Dropout float64 // probability that a hidden activation is set to 0 in a training step; 0 = none
	Seed    uint64  // of the start weights and the dropout masks
}

// Layer is one fully connected layer, a = σ(x·W + b).
type Layer struct {
	Units      int
	Activation Activation
}

// Update is an optimisation method with its constants; the learning rate comes with each step.
type Update struct {
	Method       Method
	Momentum     float64 // μ of momentum and nesterov, in [0, 1)
	Beta1, Beta2 float64 // Adam's decay rates; 0 = 0.9 and 0.999
	Epsilon      float64 // Adam's ε; 0 = 1e-8
}

// Sizes returns the layer sizes, inputs first: 784, 100, 10.
func (s Spec) Sizes() []int {
	sizes := make([]int, 0, len(s.Layers)+1)
	sizes = append(sizes, s.Inputs)
	for _, l := range s.Layers {
		sizes = append(sizes, l.Units)
	}
	return sizes
}

// Classes returns the number of outputs.
func (s Spec) Classes() int {
	if len(s.Layers) == 0 {
		return 0
	}
	return s.Layers[len(s.Layers)-1].Units
}

// String returns the sizes as people write them, "784-100-10".
func (s Spec) String() string {
	var parts []string
	for _, n := range s.Sizes() {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, "-")
}

// Validate reports the first thing wrong with s, naming the layer. Layer 1 is the first after the inputs.
func (s Spec) Validate() error {
	if s.Inputs < 1 || s.Inputs > MaxUnits {
		return fmt.Errorf("engine: network %v: %d inputs, want 1 to %d", s, s.Inputs, MaxUnits)
	}
	if len(s.Layers) < 1 || len(s.Layers) > MaxLayers {
		return fmt.Errorf("engine: network %v: %d layers after the inputs, want 1 to %d", s, len(s.Layers), MaxLayers)
	}
	in := s.Inputs
	for i, l := range s.Layers {
		last := i == len(s.Layers)-1
		switch {
		case l.Units < 1 || l.Units > MaxUnits:
			return fmt.Errorf("engine: layer %d of %v: %d units, want 1 to %d", i+1, s, l.Units, MaxUnits)
		case int64(in)*int64(l.Units) > MaxWeights:
			return fmt.Errorf("engine: layer %d of %v: %d×%d weights, want at most %d", i+1, s, in, l.Units, MaxWeights)
		case int(l.Activation) >= len(activationNames):
			return fmt.Errorf("engine: layer %d of %v: %v activation", i+1, s, l.Activation)
		case l.Activation == Softmax && !last:
			return fmt.Errorf("engine: layer %d of %v: softmax is for the output layer, not a hidden one", i+1, s)
		}
		in = l.Units
	}
	if err := s.validateLoss(); err != nil {
		return err
	}
	for _, v := range []struct {
		name   string
		value  float64
		lo, hi float64 // lo ≤ value < hi
	}{
		{"L2", s.L2, 0, math.Inf(1)},
		{"L1", s.L1, 0, math.Inf(1)},
		{"dropout", s.Dropout, 0, 1},
		{"momentum", s.Update.Momentum, 0, 1},
		{"beta1", s.Update.Beta1, 0, 1},
		{"beta2", s.Update.Beta2, 0, 1},
		{"epsilon", s.Update.Epsilon, 0, math.Inf(1)},
	} {
		if f := float64(float32(v.value)); !(v.value >= v.lo && f < v.hi) || v.value > 0 && f == 0 {
			return fmt.Errorf("engine: %s is %v, want at least %v and below %v in single precision", v.name, v.value,
				v.lo, v.hi)
		}
	}
	switch {
	case (s.L1 > 0 || s.L2 > 0) && s.N < 1:
		return fmt.Errorf("engine: L2 and L1 are divided by the number of training examples; it is %d", s.N)
	case int(s.Init) >= len(initNames):
		return fmt.Errorf("engine: %v init", s.Init)
	case int(s.Update.Method) >= len(methodNames):
		return fmt.Errorf("engine: %v optimizer", s.Update.Method)
	}
	return nil
}

func (s Spec) validateLoss() error {
	switch out := s.Layers[len(s.Layers)-1].Activation; s.Loss {
	case Quadratic:
		return nil
	case CrossEntropy:
		if out == Sigmoid || out == Softmax {
			return nil
		}
		return fmt.Errorf("engine: layer %d of %v: cross-entropy needs sigmoid or softmax outputs, not %v; "+
			"use the quadratic loss or another output activation", len(s.Layers), s, out)
	default:
		return fmt.Errorf("engine: %v loss", s.Loss)
	}
}

// ParseSizes reads layer sizes as people write them, "784-300-100-10".
func ParseSizes(text string) ([]int, error) {
	parts := strings.Split(text, "-")
	if len(parts) < 2 {
		return nil, fmt.Errorf("engine: network %q: want at least two sizes with a hyphen between, as in 784-100-10",
			text)
	}
	sizes := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > MaxUnits {
			return nil, fmt.Errorf("engine: network %q: size %d is %q, want a whole number from 1 to %d", text, i+1, p,
				MaxUnits)
		}
		sizes[i] = n
	}
	return sizes, nil
}
