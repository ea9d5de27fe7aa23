//go:build !noasm

package gemm

import "neuroloupe/engine/cpu/internal/isa"

// assembly returns the kernel of a tier that has assembly, else nil.
func assembly(tier isa.Tier) *Kernel {
	switch tier {
	case isa.AVX512:
		return &Kernel{
			tier: tier, lanes: 16, mr: 14, nr: 32, tiles: tilesAVX512(),
			copyPanel: copyPanelAVX512, transposePanel: transposePanelAVX512,
		}
	case isa.AVX2:
		return &Kernel{
			tier: tier, lanes: 8, mr: 6, nr: 16, tiles: tilesAVX2(),
			copyPanel: copyPanelAVX2, transposePanel: transposePanelAVX2,
		}
	}
	return nil
}

func peakTurns(tier isa.Tier) (run func(n int), flop float64) {
	switch tier {
	case isa.AVX512:
		return peakAVX512, 2 * 12 * 16
	case isa.AVX2:
		return peakAVX2, 2 * 12 * 8
	}
	return peakGo, peakGoFlop
}
