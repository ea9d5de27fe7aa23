package inspect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Values that come in any order are ranked as if they had been sorted at once: equals by place, what is no number last.
func TestRanking(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	nan := float32(math.NaN())
	many := make([]float32, 200)
	for i := range many {
		many[i] = float32(r.NormFloat64())
	}
	few := make([]float32, 40)
	for i := range few {
		few[i] = float32(r.IntN(5))
	}
	for name, z := range map[string][]float32{
		"many": many, "ties": few, "alike": make([]float32, 30), "fewer than asked for": {2, 1},
		"none": {}, "not numbers": {nan, 1, nan, 3, 2, nan}, "nothing but": {nan, nan, nan, nan, nan},
	} {
		got := Ranking{most: 4}
		for _, i := range r.Perm(len(z)) {
			got.add(z[i], i)
		}
		if want := findExtremes(z, 4).Top; !slices.Equal(got.At, want) {
			t.Errorf("%s: images %v, want %v", name, got.At, want)
		}
		for n, i := range got.At {
			if math.Float32bits(got.Z[n]) != math.Float32bits(z[i]) {
				t.Errorf("%s: image %d has %v, want %v", name, i, got.Z[n], z[i])
			}
		}
	}
}
