package words

import (
	"math"
	"strconv"
)

// Range is what a number may be.
type Range struct {
	Least, Most float64
	Below       bool // Most itself is too much
}

// AtLeast is a whole number without an upper limit.
func AtLeast(least int) Range { return Range{Least: float64(least), Most: math.Inf(1)} }

// Finite is a number that is not negative.
func Finite() Range { return Range{Most: math.MaxFloat64} }

// Part is a number from 0 to below 1.
func Part() Range { return Range{Most: 1, Below: true} }

// Holds reports whether a number is in the range; NaN is in none.
func (r Range) Holds(v float64) bool { return v >= r.Least && (v < r.Most || v == r.Most && !r.Below) }

// String says what is wanted.
func (r Range) String() string {
	least := Plain(r.Least)
	switch {
	case r.Most == math.MaxFloat64:
		return least + " or more, and finite"
	case math.IsInf(r.Most, 1):
		return least + " or more"
	case r.Below:
		return least + " to below " + Plain(r.Most)
	}
	return least + " to " + Plain(r.Most)
}

// Plain is a number with as few digits as tell it from all others, and no exponent.
func Plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
