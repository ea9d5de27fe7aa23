package main

import (
	"fmt"
	"strings"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
)

// maps returns the map of each neuron of a hidden layer, 0 being the first, Units×Inputs: as one of raw, learned and
// init; the last two need the start. See inspect.Subject.Maps.
func (v *view) maps(show string, layer int) ([][]float32, error) {
	return v.subject.Maps(v.app.ctx, way(show), layer)
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
func (v *view) path(first string, layer int) string {
	slope := "·Eσ′·"
	if _, err := v.test(); err != nil {
		slope = "·"
	}
	factors := []string{first}
	for l := 2; l <= layer+1; l++ {
		factors = append(factors, fmt.Sprintf("W%s", words.Subscript(l)))
	}
	return strings.Join(factors, slope)
}

// layerRho returns ρ of each neuron of a hidden layer; none when the start is not known.
func (v *view) layerRho(layer int) ([]float64, error) {
	if v.noStart != nil {
		return nil, nil
	}
	return v.subject.Rho(v.app.ctx, layer)
}

// importance orders the neurons of a hidden layer by how much they move the logits; it needs the test images.
func (v *view) importance(layer int) ([]float64, error) {
	return v.subject.Importance(v.app.ctx, layer)
}

// tag names a neuron and the class that it speaks for most.
func (v *view) tag(neuron, class int) string {
	return fmt.Sprintf("%d → %s", neuron, v.labels()[class])
}

// tags names some neurons of a layer whose favourites are given.
func (v *view) tags(neurons, favourites []int) []string {
	out := make([]string, len(neurons))
	for i, j := range neurons {
		out[i] = v.tag(j, favourites[j])
	}
	return out
}

// ofLayer says which hidden layer is meant where there are several: " of hidden layer 2".
func (v *view) ofLayer(layer int) string {
	if v.net.Hidden() < 1 {
		return ""
	}
	return fmt.Sprintf(" of hidden layer %d", layer+1)
}

// withLayer adds the layer to a file's name where it is not the usual one.
func withLayer(name string, layer, usual int) string {
	if layer == usual {
		return name
	}
	return fmt.Sprintf("%s-layer%d", name, layer+1)
}

// weightName says on a colour bar what the maps of a layer shown one way are.
func (v *view) weightName(show string, layer int) string {
	title, _ := v.heading(show, layer)
	_, formula, _ := strings.Cut(title, ": ")
	return "weight " + formula
}
