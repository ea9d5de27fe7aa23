package gallery

import (
	"fmt"
	"strings"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
)

// maps returns the map of each neuron of a hidden layer, 0 being the first, Units×Inputs: as one of raw, learned and
// init; the last two need the start. See inspect.Subject.Maps.
func (v *View) maps(show string, layer int) ([][]float32, error) {
	return v.Subject.Maps(v.ctx, way(show), layer)
}

// way is the way to show weights that a flag names.
func way(show string) inspect.Show {
	switch show {
	case "learned":
		return inspect.ShowLearned
	case "init":
		return inspect.ShowStart
	}
	return inspect.ShowRaw
}

// path says in a formula what the maps of a layer are, such as W₁·Eσ′·W₂; the first factor is given.
func (v *View) path(first string, layer int) string {
	slope := "·Eσ′·"
	if _, err := v.Test(); err != nil {
		slope = "·"
	}
	factors := []string{first}
	for l := 2; l <= layer+1; l++ {
		factors = append(factors, fmt.Sprintf("W%s", words.Subscript(l)))
	}
	return strings.Join(factors, slope)
}

// layerRho returns ρ of each neuron of a hidden layer; none when the start is not known.
func (v *View) layerRho(layer int) ([]float64, error) {
	if v.NoStart != nil {
		return nil, nil
	}
	return v.Subject.Rho(v.ctx, layer)
}

// importance orders the neurons of a hidden layer by how much they move the logits; it needs the test images.
func (v *View) importance(layer int) ([]float64, error) {
	return v.Subject.Importance(v.ctx, layer)
}

// tag names a neuron and the class that it speaks for most.
func (v *View) tag(neuron, class int) string {
	return fmt.Sprintf("%d → %s", neuron, v.Labels()[class])
}

// tags names some neurons of a layer whose favourites are given.
func (v *View) tags(neurons, favourites []int) []string {
	out := make([]string, len(neurons))
	for i, j := range neurons {
		out[i] = v.tag(j, favourites[j])
	}
	return out
}

// ofLayer says which hidden layer is meant where there are several: " of hidden layer 2".
func (v *View) ofLayer(layer int) string {
	if v.Net.Hidden() < 1 {
		return ""
	}
	return fmt.Sprintf(" of hidden layer %d", layer+1)
}

// weightName says on a colour bar what the maps of a layer shown one way are.
func (v *View) weightName(show string, layer int) string {
	title, _ := v.heading(show, layer)
	_, formula, _ := strings.Cut(title, ": ")
	return "weight " + formula
}
