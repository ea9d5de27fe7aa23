package page

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"neuroloupe/engine/inspect"
)

// Values that come in any order are ranked as if they had been sorted at once: equals by place, what is no number last.
func TestRanking(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	nan := float32(math.NaN())
	few := make([]float32, 40)
	for i := range few {
		few[i] = float32(r.IntN(5))
	}
	for name, z := range map[string][]float32{
		"many": noise(r, 200, 1), "ties": few, "alike": make([]float32, 30), "fewer than asked for": {2, 1},
		"none": {}, "not numbers": {nan, 1, nan, 3, 2, nan}, "nothing but": {nan, nan, nan, nan, nan},
	} {
		got := ranking{most: 4}
		for _, i := range r.Perm(len(z)) {
			got.add(z[i], i)
		}
		if want := inspect.FindExtremes(z, 4).Top; !slices.Equal(got.at, want) {
			t.Errorf("%s: images %v, want %v", name, got.at, want)
		}
		for n, i := range got.at {
			if math.Float32bits(got.z[n]) != math.Float32bits(z[i]) {
				t.Errorf("%s: image %d has %v, want %v", name, i, got.z[n], z[i])
			}
		}
	}
}
