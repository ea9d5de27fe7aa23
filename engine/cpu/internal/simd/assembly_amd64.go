//go:build !noasm

package simd

import "neuroloupe/engine/cpu/internal/isa"

// assembly returns the kernels of a tier in assembly, nil for that of plain Go.
func assembly(t isa.Tier) *Kernels {
	switch t {
	case isa.AVX512:
		return avx512()
	case isa.AVX2:
		return avx2()
	}
	return nil
}

func avx512() *Kernels {
	k := &Kernels{
		groups:  16,
		sigmoid: sigmoidAVX512, tanh: tanhAVX512, relu: reluAVX512, expNegAbs: expNegAbsAVX512,
		expShift: expShiftAVX512, scale: scaleAVX512, shrink: shrinkAVX512,
		sigmoidGrad: sigmoidGradAVX512, tanhGrad: tanhGradAVX512, reluGrad: reluGradAVX512, mul: mulAVX512,
		add: addAVX512, fade: fadeAVX512,
		sgd: sgdAVX512, momentum: momentumAVX512, nesterov: nesterovAVX512, adam: adamAVX512, vectorUpdates: true,
		pause: pause,
		tiles: []tile{{64, multiply8xAVX512}, {32, multiply4xAVX512}, {16, multiply2xAVX512}, {8, multiply1xAVX512}},
	}
	k.forward = []func(z []float32, zs int, w []float32, ws int, recs []uint16, start []uint32, order []int32,
		chunk int, tab *[256]float32){
		nil,
		sparseForward1xAVX512, sparseForward2xAVX512, sparseForward3xAVX512, sparseForward4xAVX512,
		sparseForward5xAVX512, sparseForward6xAVX512, sparseForward7xAVX512, sparseForward8xAVX512,
		sparseForward9xAVX512, sparseForward10xAVX512, sparseForward11xAVX512, sparseForward12xAVX512,
		sparseForward13xAVX512, sparseForward14xAVX512, sparseForward15xAVX512, sparseForward16xAVX512,
	}
	k.update = []func(w []float32, ws int, d []float32, ds int, recs []uint16, start []uint32, order, next []int32,
		chunk int, tab *[256]float32){
		nil,
		sparseUpdate1xAVX512, sparseUpdate2xAVX512, sparseUpdate3xAVX512, sparseUpdate4xAVX512,
		sparseUpdate5xAVX512, sparseUpdate6xAVX512, sparseUpdate7xAVX512, sparseUpdate8xAVX512,
		sparseUpdate9xAVX512, sparseUpdate10xAVX512, sparseUpdate11xAVX512, sparseUpdate12xAVX512,
		sparseUpdate13xAVX512, sparseUpdate14xAVX512, sparseUpdate15xAVX512, sparseUpdate16xAVX512,
	}
	return k
}

func avx2() *Kernels {
	k := &Kernels{
		groups:  12,
		sigmoid: sigmoidAVX2, tanh: tanhAVX2, relu: reluAVX2, expNegAbs: expNegAbsAVX2, expShift: expShiftAVX2,
		scale: scaleAVX2, shrink: shrinkAVX2,
		sigmoidGrad: sigmoidGradAVX2, tanhGrad: tanhGradAVX2, reluGrad: reluGradAVX2, mul: mulAVX2, add: addAVX2,
		fade: fadeAVX2,
		sgd:  sgdAVX2, momentum: momentumAVX2, nesterov: nesterovAVX2, adam: adamAVX2, vectorUpdates: true,
		pause: pause,
		tiles: []tile{{32, multiply4xAVX2}, {16, multiply2xAVX2}, {8, multiply1xAVX2}},
	}
	k.forward = []func(z []float32, zs int, w []float32, ws int, recs []uint16, start []uint32, order []int32,
		chunk int, tab *[256]float32){
		nil,
		sparseForward1xAVX2, sparseForward2xAVX2, sparseForward3xAVX2, sparseForward4xAVX2,
		sparseForward5xAVX2, sparseForward6xAVX2, sparseForward7xAVX2, sparseForward8xAVX2,
		sparseForward9xAVX2, sparseForward10xAVX2, sparseForward11xAVX2, sparseForward12xAVX2,
	}
	k.update = []func(w []float32, ws int, d []float32, ds int, recs []uint16, start []uint32, order, next []int32,
		chunk int, tab *[256]float32){
		nil,
		sparseUpdate1xAVX2, sparseUpdate2xAVX2, sparseUpdate3xAVX2, sparseUpdate4xAVX2,
		sparseUpdate5xAVX2, sparseUpdate6xAVX2, sparseUpdate7xAVX2, sparseUpdate8xAVX2,
		sparseUpdate9xAVX2, sparseUpdate10xAVX2, sparseUpdate11xAVX2, sparseUpdate12xAVX2,
	}
	return k
}
