package exchange

import (
	"fmt"
	"slices"
	"strings"
)

// pair finds each layer's biases among the vectors, which stand in the order of their names. Of the rules the one that
// pairs most is taken, of equals the first.
func (p *plan) pair(vectors []array) error {
	rules := []func([]array) []int{p.byLayer, p.byRank, p.byEnd, p.byLength}
	if p.sameLayers(vectors) {
		rules = rules[:1]
	}
	var best []int
	most := 0
	for _, rule := range rules {
		if found, n := p.fits(rule(vectors), vectors); n > most {
			best, most = found, n
		}
	}
	for i, v := range best {
		if v >= 0 {
			p.layers[i].bias, p.layers[i].hasBias = vectors[v], true
		}
	}
	// Biases that are called after a layer but are not of its size are no biases to leave out: something is wrong.
	for i, v := range vectors {
		for _, l := range p.layers {
			if v.role == bias && !l.hasBias && !slices.Contains(best, i) && sameLayer(l.weight, v) {
				_, out := l.sizes(p.layout)
				return fmt.Errorf("%s gives %d values but %s has %s", l.weight.name, out, v.name, dims(v.shape))
			}
		}
	}
	return nil
}

// fits drops the pairs of which the vector has not as many numbers as the layer has outputs, and counts the others.
func (p *plan) fits(pairs []int, vectors []array) ([]int, int) {
	n := 0
	for i, v := range pairs {
		if v < 0 {
			continue
		}
		if _, out := p.layers[i].sizes(p.layout); vectors[v].len() != out || !vectors[v].vector() {
			pairs[i] = -1
			continue
		}
		n++
	}
	return pairs, n
}

func sameLayer(w, b array) bool { return strings.Join(w.words, " ") == strings.Join(b.words, " ") }

// sameLayers reports whether the weights and the biases are called after the very same layers.
func (p *plan) sameLayers(vectors []array) bool {
	return len(vectors) == len(p.layers) && !slices.Contains(p.byLayer(vectors), -1)
}

// none pairs nothing.
func (p *plan) none() []int { return slices.Repeat([]int{-1}, len(p.layers)) }

// byLayer pairs what is called after the same layer: fc1.weight and fc1.bias.
func (p *plan) byLayer(vectors []array) []int {
	pairs := p.none()
	for i, l := range p.layers {
		pairs[i] = slices.IndexFunc(vectors, func(v array) bool {
			return v.role == bias && l.weight.role == weight && sameLayer(l.weight, v)
		})
	}
	return pairs
}

// byRank pairs the first with the first, where there are as many: W0, W1 and b1, b2.
func (p *plan) byRank(vectors []array) []int {
	pairs := p.none()
	if len(vectors) == len(pairs) {
		for i := range pairs {
			pairs[i] = i
		}
	}
	return pairs
}

// byEnd pairs weights between two layers with the biases of the second: input_hidden and hidden.
func (p *plan) byEnd(vectors []array) []int {
	pairs := p.none()
	for i, l := range p.layers {
		pairs[i] = slices.IndexFunc(vectors, func(v array) bool { return v.role == bias && l.weight.leadsTo(v.label) })
	}
	return pairs
}

// byLength pairs each layer with the first vector of its size that is not yet taken.
func (p *plan) byLength(vectors []array) []int {
	pairs := p.none()
	for i, l := range p.layers {
		_, out := l.sizes(p.layout)
		for k, v := range vectors {
			if v.len() == out && v.vector() && !slices.Contains(pairs, k) {
				pairs[i] = k
				break
			}
		}
	}
	return pairs
}

// refuse names what makes a network more than fully connected layers, so that the rest of it alone would be another
// one.
func refuse(c *contents, o Options) error {
	if len(o.Layers) > 0 {
		return nil
	}
	named := slices.ContainsFunc(c.arrays, func(a array) bool { return a.role != noRole })
	for _, a := range c.arrays {
		switch {
		case a.aside:
		case len(a.shape) > 2 && (a.role == weight || !named):
			return fmt.Errorf("%s has shape %s, want two dimensions: only fully connected layers can be read "+
				"(it holds %s)", a.name, dims(a.shape), holds(c.arrays))
		case len(a.shape) == 1 && a.role == weight && slices.ContainsFunc(c.arrays, func(b array) bool {
			return b.role == bias && sameLayer(a, b) && slices.Equal(a.shape, b.shape)
		}):
			return fmt.Errorf("%s has shape %s, as of a normalisation between layers: only fully connected layers "+
				"can be read; work it into the layer before it, or leave it out with --layers (it holds %s)",
				a.name, dims(a.shape), holds(c.arrays))
		}
	}
	return nil
}
