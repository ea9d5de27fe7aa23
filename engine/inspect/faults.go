package inspect

import (
	"fmt"
	"math"
	"strconv"
)

// Faults says in words which weights and biases of n are not finite, a sentence per tensor and kind: "layer 1: 1 of
// 78,400 weights is not a number"; nil when there are none.
func (n Net) Faults() []string {
	var all []string
	for l := range n.Spec.Layers {
		for i, values := range [][]float32{n.Params.Weight(l + 1).Data, n.Params.Bias(l + 1).Data} {
			nan, inf := 0, 0
			for _, v := range values {
				if math.IsNaN(float64(v)) {
					nan++
				} else if math.IsInf(float64(v), 0) {
					inf++
				}
			}
			for _, f := range []struct {
				count int
				what  string
			}{{nan, "not a number"}, {inf, "infinite"}} {
				verb := "are"
				if f.count == 1 {
					verb = "is"
				}
				if f.count > 0 {
					all = append(all, fmt.Sprintf("layer %d: %s of %s %s %s %s", l+1, grouped(f.count), grouped(len(values)),
						[]string{"weights", "biases"}[i], verb, f.what))
				}
			}
		}
	}
	return all
}

// grouped writes a whole number with a comma between groups of three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
