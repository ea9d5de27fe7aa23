package kernel_test

import (
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// TestShortSlices: a slice that is shorter than the sizes say is a panic, and never a read or a write past its end.
func TestShortSlices(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	in := engine.Instr{Op: engine.OpUpdate, Method: engine.Adam, Beta1: 0.9, Beta2: 0.999, L2: 1}
	ones := func(n int) []float32 { // no zero input, which Dense and DenseDW skip
		x := f(n)
		for i := range x {
			x[i] = 1
		}
		return x
	}
	for name, call := range map[string]func(){
		"Dense, dst":        func() { kernel.Dense(f(5), ones(8), f(12), f(3), 2, 4, 3) },
		"Dense, x":          func() { kernel.Dense(f(6), ones(7), f(12), f(3), 2, 4, 3) },
		"Dense, w":          func() { kernel.Dense(f(6), ones(8), f(11), f(3), 2, 4, 3) },
		"DenseDX, dst":      func() { kernel.DenseDX(f(7), f(6), f(12), 2, 4, 3) },
		"DenseDX, d":        func() { kernel.DenseDX(f(8), f(5), f(12), 2, 4, 3) },
		"DenseDX, w":        func() { kernel.DenseDX(f(8), f(6), f(11), 2, 4, 3) },
		"DenseDW, dst":      func() { kernel.DenseDW(f(11), ones(8), f(6), 2, 4, 3, 0, 4) },
		"DenseDW, x":        func() { kernel.DenseDW(f(12), ones(7), f(6), 2, 4, 3, 0, 4) },
		"DenseDW, d":        func() { kernel.DenseDW(f(12), ones(8), f(5), 2, 4, 3, 0, 4) },
		"DenseDB, dst":      func() { kernel.DenseDB(f(2), f(6), 2, 3) },
		"DenseDB, d":        func() { kernel.DenseDB(f(3), f(5), 2, 3) },
		"Activate, dst":     func() { kernel.Activate(f(5), f(6), 2, 3, engine.Sigmoid) },
		"Activate, z":       func() { kernel.Activate(f(6), f(5), 2, 3, engine.Softmax) },
		"ActivateGrad, dst": func() { kernel.ActivateGrad(f(5), f(6), f(6), 2, 3, engine.ReLU) },
		"ActivateGrad, a":   func() { kernel.ActivateGrad(f(6), f(5), f(6), 2, 3, engine.ReLU) },
		"ActivateGrad, g":   func() { kernel.ActivateGrad(f(6), f(6), f(5), 2, 3, engine.ReLU) },
		"Mul, dst":          func() { kernel.Mul(f(5), f(6), f(6)) },
		"Mul, m":            func() { kernel.Mul(f(6), f(6), f(5)) },
		"Add, dst":          func() { kernel.Add(f(5), f(6), f(6)) },
		"Add, y":            func() { kernel.Add(f(6), f(6), f(5)) },
		"Loss, p":           func() { kernel.Loss(f(5), f(6), 2, 3, engine.Quadratic, engine.Identity) },
		"Loss, y":           func() { kernel.Loss(f(6), f(5), 2, 3, engine.CrossEntropy, engine.Softmax) },
		"LossGrad, dst":     func() { kernel.LossGrad(f(5), f(6), f(6), 2, 3, engine.Quadratic, engine.Identity) },
		"LossGrad, p":       func() { kernel.LossGrad(f(6), f(5), f(6), 2, 3, engine.CrossEntropy, engine.Softmax) },
		"LossGrad, y":       func() { kernel.LossGrad(f(6), f(6), f(5), 2, 3, engine.Quadratic, engine.Identity) },
		"PenaltyGrad, dst":  func() { kernel.PenaltyGrad(f(5), f(6), 1, 1) },
		"Update, g":         func() { kernel.Update(f(6), f(5), f(6), f(6), &in, 1, 0) },
		"Update, s":         func() { kernel.Update(f(6), f(6), f(5), f(6), &in, 1, 0) },
		"Update, no t":      func() { kernel.Update(f(6), f(6), f(6), nil, &in, 1, 0) },
		"Images, dst":       func() { kernel.Images(f(5), make([]byte, 9), []int32{2, 0}, 3) },
		"Images, example":   func() { kernel.Images(f(6), make([]byte, 9), []int32{3, 0}, 3) },
		"Labels, dst":       func() { kernel.Labels(f(5), make([]uint8, 9), []int32{2, 0}, 3) },
		"Labels, example":   func() { kernel.Labels(f(6), make([]uint8, 3), []int32{3, 0}, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}
