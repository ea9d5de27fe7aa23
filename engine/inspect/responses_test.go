package inspect_test

import (
	"cmp"
	"math"
	"slices"
	"testing"
)

// What is said of a layer's weighted inputs is what sorting all of them says, whatever the network and the images.
func TestResponses(t *testing.T) {
	eachReference(t, func(t *testing.T, r subject) {
		ctx := t.Context()
		s, _ := newSubject(t, r.Net, r.height, r.width, r.data)
		for layer := range r.Spec.Layers {
			z, err := s.Values(ctx, layer, true)
			if err != nil {
				t.Fatal(err)
			}
			const bins = 9
			got, err := s.Responses(ctx, layer, bins, 4)
			if err != nil {
				t.Fatal(err)
			}
			for j := range r.Spec.Layers[layer].Units {
				order := make([]int, len(z))
				for i := range z {
					order[i] = i
				}
				slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(z[b][j], z[a][j]) })
				if want := order[:min(4, len(z))]; !slices.Equal(got.Top[j].At, want) {
					t.Errorf("layer %d, neuron %d: images %v excite it most, want %v", layer, j, got.Top[j].At, want)
				}
				low, high := float64(z[order[len(z)-1]][j]), float64(z[order[0]][j])
				if got.Low[j] != low || got.High[j] != high {
					t.Errorf("layer %d, neuron %d: from %v to %v, want %v to %v", layer, j, got.Low[j], got.High[j],
						low, high)
				}
				// The edges of the bins, each image put where its z lies between two of them.
				want := make([][]int, r.Spec.Classes())
				for k := range want {
					want[k] = make([]int, bins)
				}
				for i := range z {
					v, b := float64(z[i][j]), 0
					for b < bins-1 && v >= low+(high-low)*float64(b+1)/bins {
						b++
					}
					want[r.data.Labels[i]][b]++
				}
				for k := range want {
					if !slices.Equal(got.Counts[j][k], want[k]) {
						t.Errorf("layer %d, neuron %d, class %d: %v, want %v", layer, j, k, got.Counts[j][k], want[k])
					}
				}
			}
			if b := got.Bin(0, math.NaN()); b != -1 {
				t.Errorf("what is no number lies in bin %d", b)
			}
			if lo, hi := got.Bin(0, got.Low[0]-1), got.Bin(0, got.High[0]+1); lo != 0 || hi != bins-1 {
				t.Errorf("beyond the ends are bins %d and %d", lo, hi)
			}
		}
	})
}
