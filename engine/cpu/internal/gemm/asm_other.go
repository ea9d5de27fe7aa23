//go:build !amd64 || noasm

package gemm

import "neuroloupe/engine/cpu/internal/isa"

// assembly returns the kernel of a tier that has assembly, else nil.
func assembly(isa.Tier) *Kernel { return nil }

func peakTurns(isa.Tier) (run func(n int), flop float64) { return peakGo, peakGoFlop }
