package simd

import (
	"math"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// Rates are what an update needs beside its instruction, the same for all elements of a step.
type Rates struct {
	LR     float32 // η
	Step   uint64  // steps before this one
	c1, c2 float32 // Adam's 1/(1−βᵗ)
}

// NewRates returns the rates of a step for the update in.
func NewRates(in *engine.Instr, lr float32, step uint64) Rates {
	r := Rates{LR: lr, Step: step}
	if in.Method == engine.Adam {
		t := float64(step) + 1
		r.c1 = float32(1 / (1 - math.Pow(float64(in.Beta1), t)))
		r.c2 = float32(1 / (1 - math.Pow(float64(in.Beta2), t)))
	}
	return r
}

// Update is [kernel.Update] on len(w) elements, a multiple of [Lane]: g the gradient of the loss, s and t the state.
func (k *Kernels) Update(w, g, s, t []float32, in *engine.Instr, r Rates) {
	if !k.vectorUpdates || in.L1 != 0 {
		kernel.Update(w, g, s, t, in, r.LR, r.Step)
		return
	}
	n := len(w)
	switch in.Method {
	case engine.SGD:
		k.sgd(w, g[:n], r.LR, in.L2)
	case engine.Momentum:
		k.momentum(w, g[:n], s[:n], r.LR, in.L2, in.Momentum)
	case engine.Nesterov:
		k.nesterov(w, g[:n], s[:n], r.LR, in.L2, in.Momentum)
	case engine.Adam:
		k.adam(w, g[:n], s[:n], t[:n], r.LR, in.L2, in.Beta1, 1-in.Beta1, in.Beta2, 1-in.Beta2, r.c1, r.c2, in.Epsilon)
	}
}
