package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Scale says which |weight| the ends of the colour map stand for. Weights that
// are not finite never count.
type Scale uint8

const (
	// Shared: limit = max |w| over all tiles. Tiles can be compared.
	Shared Scale = iota
	// Neuron: each tile has its own limit = max |w| of that tile, printed
	// under it. Weak neurons show their shape; strength cannot be compared.
	Neuron
	// Percentile: limit = the 99.5th percentile of |w| over all tiles; the
	// weights beyond it are drawn in the colour of the end, and the colour
	// bar says so. A few outliers no longer wash out the rest.
	Percentile
)

// percentile is the share of |w| that Percentile shows unclipped.
const percentile = 0.995

var scaleNames = [...]string{Shared: "shared", Neuron: "neuron", Percentile: "percentile"}

// ScaleByName returns the scale that String calls name; the error of an unknown
// name lists the known ones.
func ScaleByName(name string) (Scale, error) {
	for i, n := range scaleNames {
		if n == name {
			return Scale(i), nil
		}
	}
	return 0, fmt.Errorf("render: no scale %q, want one of %s", name, strings.Join(scaleNames[:], ", "))
}

// String returns "shared", "neuron" or "percentile".
func (s Scale) String() string {
	if int(s) >= len(scaleNames) {
		return fmt.Sprintf("Scale(%d)", uint8(s))
	}
	return scaleNames[s]
}

// scaling is a Scale worked out for the tiles of one picture.
type scaling struct {
	limits    []float64 // per tile
	shared    float64   // the common limit; under Neuron the largest
	total     int       // weights
	notFinite int       // of them NaN or ±Inf
	beyond    int       // of them finite and farther from 0 than the limit
}

// For float32 bit patterns without the sign, a larger number is a larger |w|,
// and infinity and NaN are largest of all.
const (
	absMask     = 0x7fffffff
	infinityBit = 0x7f800000
)

// scale works out the limits of maps; fixed > 0 replaces the shared limit.
func scale(maps [][]float32, s Scale, fixed float64) scaling {
	out := scaling{limits: make([]float64, len(maps))}
	for i, m := range maps {
		var largest uint32
		for _, w := range m {
			b := math.Float32bits(w) & absMask
			if b >= infinityBit {
				out.notFinite++
			} else if b > largest {
				largest = b
			}
		}
		out.limits[i] = float64(math.Float32frombits(largest))
		out.shared = max(out.shared, out.limits[i])
		out.total += len(m)
	}
	if s == Neuron {
		return out
	}
	if s == Percentile {
		// More than 99.5 % exact zeros leave nothing to clip to.
		if p := absPercentile(maps, out.total-out.notFinite); p > 0 {
			out.shared = p
		}
	}
	if fixed > 0 {
		out.shared = fixed
	}
	for i, largest := range out.limits {
		if largest > out.shared {
			out.beyond += countBeyond(maps[i], out.shared)
		}
		out.limits[i] = out.shared
	}
	return out
}

// absPercentile returns the smallest |w| that at least the share percentile of
// the n finite weights do not exceed (the nearest rank); 0 without any. Two
// passes of counting replace a sort, which would take longer than drawing.
func absPercentile(maps [][]float32, n int) float64 {
	rank := int(math.Ceil(percentile * float64(n)))
	if rank == 0 {
		return 0
	}
	const lowBits = 15
	high, rank := rankIn(rank, infinityBit>>lowBits, func(count []int) {
		for _, m := range maps {
			for _, w := range m {
				if b := math.Float32bits(w) & absMask; b < infinityBit {
					count[b>>lowBits]++
				}
			}
		}
	})
	low, _ := rankIn(rank, 1<<lowBits, func(count []int) {
		for _, m := range maps {
			for _, w := range m {
				if b := math.Float32bits(w) & absMask; b>>lowBits == uint32(high) {
					count[b&(1<<lowBits-1)]++
				}
			}
		}
	})
	return float64(math.Float32frombits(uint32(high)<<lowBits | uint32(low)))
}

// rankIn counts into size bins and returns the bin that holds the rank-th
// smallest (from 1), and its rank within that bin.
func rankIn(rank, size int, fill func(count []int)) (bin, within int) {
	count := make([]int, size)
	fill(count)
	for bin < size-1 && count[bin] < rank {
		rank -= count[bin]
		bin++
	}
	return bin, rank
}

func countBeyond(m []float32, limit float64) int {
	n := 0
	for _, w := range m {
		if a := math.Abs(float64(w)); a > limit && !math.IsInf(a, 1) {
			n++
		}
	}
	return n
}

// minus is the sign that is as wide and as high as plus; the hyphen is not.
const minus = "−"

// number writes v with the given count of significant digits, "0.84", "12.0",
// "1.2e−5", and a real minus sign.
func number(v float64, digits int) string {
	sign := ""
	if v < 0 {
		sign = minus
	}
	if v == 0 {
		return "0"
	}
	// Rounded first, placed after: 9.996 is 10.0, not 10.00.
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(math.Abs(v), 'e', digits-1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	if e < -3 || e > 4 {
		return sign + mantissa + "e" + strings.Replace(strconv.Itoa(e), "-", minus, 1)
	}
	rounded, _ := strconv.ParseFloat(mantissa+"e"+exponent, 64)
	return sign + strconv.FormatFloat(rounded, 'f', max(digits-1-e, 0), 64)
}

// numbers returns how to write each of values so that they can be compared: all
// with as many decimals as give the largest the given count of digits.
func numbers(values []float64, digits int) func(v float64) string {
	largest, whole := 0.0, true
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			largest = max(largest, math.Abs(v))
			whole = whole && v == math.Trunc(v)
		}
	}
	decimals := 0
	if !whole {
		decimals = max(digits-1-int(math.Floor(math.Log10(largest))), 0)
	}
	return func(v float64) string {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return strings.Replace(strconv.FormatFloat(v, 'g', -1, 64), "-", minus, 1)
		case largest < 1e-3 || largest >= 1e6:
			return number(v, digits)
		}
		s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
		if v < 0 && strings.Trim(s, "0.") != "" {
			s = minus + s
		}
		return s
	}
}

// tickNumber writes a round number, of at most two significant digits, without
// zeros behind the point.
func tickNumber(v float64) string {
	mantissa, exponent, scientific := strings.Cut(number(v, 2), "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	if scientific {
		return mantissa + "e" + exponent
	}
	return mantissa
}

// withSign puts a plus sign before a positive v, written as s.
func withSign(v float64, s string) string {
	if v > 0 {
		return "+" + s
	}
	return s
}

// roundTicks returns the multiples of a round step (1, 2 or 5 times a power of
// ten) in (0, limit), at most three, smallest first; none for limit 0.
func roundTicks(limit float64) []float64 {
	if limit == 0 {
		return nil
	}
	power := math.Pow(10, math.Floor(math.Log10(limit/4)))
	step := power
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * power; step*4 >= limit {
			break
		}
	}
	var ticks []float64
	for k := 1.0; k*step < limit*(1-1e-9); k++ {
		ticks = append(ticks, k*step)
	}
	return ticks
}

// grouped writes n in groups of three, "3 211 264", that no line break parts.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u00a0" + s[i:]
	}
	return s
}
