//go:build !amd64 || noasm

package isa

func has() Tier { return Go }
