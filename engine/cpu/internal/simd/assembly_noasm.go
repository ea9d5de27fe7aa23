//go:build !amd64 || noasm

package simd

import "neuroloupe/engine/cpu/internal/isa"

// assembly returns the kernels of a tier in assembly: this build has none.
func assembly(isa.Tier) *Kernels { return nil }
