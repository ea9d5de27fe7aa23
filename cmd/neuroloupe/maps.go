package main

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/engine/inspect"
)

// maps returns the map of each neuron of a hidden layer, 0 being the first, Units×Inputs: as one of raw, learned and
// init; the last two need the start. Those of a deeper layer are taken along the linearised path to the input (see
// inspect.Net.Paths): raw through the weights as they are, learned through the first layer's learned part, so that its
// start's noise stays out, init through the network before training. The path is weighted by the mean slopes on the test
// images, and plain without them.
func (v *view) maps(show string, layer int) ([][]float32, error) {
	if layer == 0 {
		return inspect.Maps(v.weights(show)), nil
	}
	asked, net := v.net, v.net
	switch show {
	case "init":
		net, _ = v.net.Start()
		asked = net
	case "learned":
		net.Params = slices.Clone(net.Params)
		for i, t := range net.Params {
			if w := v.weights("learned"); t.Name == v.net.Params.Weight(1).Name {
				net.Params[i].Data = w.Data
			}
		}
	}
	var slopes [][]float64
	if p, err := v.probeTest(); err == nil {
		if slopes, err = p.Slopes(v.app.ctx, asked); err != nil {
			return nil, err
		}
	}
	return net.Paths(v.app.ctx, layer, nil, slopes)
}

// path says in a formula what the maps of a layer are, such as W₁·Eσ′·W₂; the first factor is given.
func (v *view) path(first string, layer int) string {
	slope := "·Eσ′·"
	if _, err := v.test(); err != nil {
		slope = "·"
	}
	factors := []string{first}
	for l := 2; l <= layer+1; l++ {
		factors = append(factors, fmt.Sprintf("W%s", subscript(l)))
	}
	return strings.Join(factors, slope)
}

// subscript writes a whole number below the line.
func subscript(n int) string {
	return strings.Map(func(r rune) rune { return r - '0' + '₀' }, fmt.Sprint(n))
}

// layerRho returns ρ of each neuron of a hidden layer: the share of the variance of its raw map that the start's map
// explains; none when the start is not known.
func (v *view) layerRho(layer int) ([]float64, error) {
	if layer == 0 || v.noStart != nil {
		return v.rho(), nil
	}
	raw, err := v.maps("raw", layer)
	if err != nil {
		return nil, err
	}
	start, err := v.maps("init", layer)
	if err != nil {
		return nil, err
	}
	rho := make([]float64, len(raw))
	for j := range raw {
		rho[j] = inspect.Rho(raw[j], start[j])
	}
	return rho, nil
}

// importance orders the neurons of a hidden layer by how much they move the logits; it needs the test images.
func (v *view) importance(layer int) ([]float64, error) {
	act, err := v.activity(layer)
	if err != nil {
		return nil, err
	}
	return inspect.Importance(inspect.Contributions(inspect.Path(v.spec(), v.net.Params, layer), act)), nil
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
