// Package isa tells which instruction set the kernels may use.
package isa

import (
	"fmt"
	"os"
)

// Tier is a set of instructions, each including those before it.
type Tier uint8

// The tiers.
const (
	Go     Tier = iota // plain Go
	AVX2               // AVX2 and FMA
	AVX512             // AVX-512 F, BW, DQ and VL
)

var names = []string{"go", "avx2", "avx512"}

// String returns the tier's name, as Env takes it.
func (t Tier) String() string { return names[t] }

// Env names the environment variable that caps the tier: go, avx2 or avx512.
const Env = "NEUROLOUPE_CPU"

// Best returns the highest tier that this machine has, this build has assembly for, and Env allows.
func Best() (Tier, error) {
	limit := os.Getenv(Env)
	if limit == "" {
		return has(), nil
	}
	for i, n := range names {
		if n == limit {
			return min(Tier(i), has()), nil
		}
	}
	return Go, fmt.Errorf("cpu: %s is %q, want go, avx2 or avx512", Env, limit)
}

// All returns the tiers that this machine and this build have, the lowest first.
func All() []Tier {
	var all []Tier
	for t := Go; t <= has(); t++ {
		all = append(all, t)
	}
	return all
}
