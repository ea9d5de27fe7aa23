package exchange

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// layer is one layer's arrays as they are called and shaped in a file.
type layer struct {
	weight  array
	bias    array
	hasBias bool
	folded  bool // the biases, or more of them, are the weights of an input that is always 1
}

// sizes returns what the layer takes and gives when its weights are laid out so; with a folded bias it takes one more.
func (l layer) sizes(way Layout) (in, out int) {
	if way == OutIn {
		return l.weight.shape[1], l.weight.shape[0]
	}
	return l.weight.shape[0], l.weight.shape[1]
}

// plan is a way to read a file: which arrays are its layers, in which order, which way round.
type plan struct {
	layers []layer
	layout Layout
	end    End // of the folded biases; AutoEnd when there are none
	rank
	likely int // 0 for the readings that are as likely as the best, 1 for the rest
}

// rank is what speaks against a plan, the weightiest first.
type rank struct {
	unused   int // arrays that their names call weights or biases, left out
	bare     int // layers without biases where there are vectors
	left     int // matrices left out that no name sets aside, where there are vectors
	reversed int // 1 when there are more outputs than inputs
	disorder int // 0 in the order of the names, 1 of the numbers within each family of names, 2 of the shapes alone
	folds    int // 1 when biases are folded into the weights
	hinted   int // 1 when its layout is not the one that names or form hint at
}

func (r rank) compare(s rank) int {
	return cmp.Or(r.order(s), cmp.Compare(r.hinted, s.hinted))
}

// order compares all but the layout.
func (r rank) order(s rank) int {
	return cmp.Or(cmp.Compare(r.unused, s.unused), cmp.Compare(r.bare, s.bare), cmp.Compare(r.left, s.left),
		cmp.Compare(r.reversed, s.reversed), cmp.Compare(r.disorder, s.disorder),
		cmp.Compare(r.folds, s.folds))
}

func (p *plan) arrays() []array {
	var as []array
	for _, l := range p.layers {
		as = append(as, l.weight)
		if l.hasBias {
			as = append(as, l.bias)
		}
	}
	return as
}

// sizes returns the widths of the layers, inputs first.
func (p *plan) sizes() []int {
	var sizes []int
	for i, l := range p.layers {
		in, out := l.sizes(p.layout)
		if i == 0 {
			if l.folded {
				in--
			}
			sizes = append(sizes, in)
		}
		sizes = append(sizes, out)
	}
	return sizes
}

// names returns the weights' names in order.
func (p *plan) names() string {
	var names []string
	for _, l := range p.layers {
		names = append(names, l.weight.name)
	}
	return strings.Join(names, ",")
}

// row says where the folded biases are.
func (p *plan) row() string {
	line := "row"
	if p.layout == OutIn {
		line = "column"
	}
	return fmt.Sprintf("the %s %s", p.end, line)
}

func (p *plan) how() string {
	text := "with its weights In×Out"
	if p.layout == OutIn {
		text = "with its weights Out×In"
	}
	if p.end != AutoEnd {
		return text + " and its biases in " + p.row()
	}
	return fmt.Sprintf("%s and %d inputs", text, p.sizes()[0])
}

func (p *plan) flags() string {
	text := fmt.Sprintf("--layout %v", p.layout)
	if p.end != AutoEnd {
		text += fmt.Sprintf(" --bias-row %v", p.end)
	}
	return text
}

// chain lays the layers out and folds what must be folded. It returns what does not fit, or nil.
func (p *plan) chain(sizes []int) error {
	for i := range p.layers {
		l := &p.layers[i]
		in, out := l.sizes(p.layout)
		l.folded = false
		for _, before := range p.layers[:i] {
			if w := before.weight; l.weight.role == weight && w.role == weight && sameLayer(w, l.weight) {
				return fmt.Errorf("%s and %s are both of layer %q", w.name, l.weight.name, l.weight.layer)
			}
		}
		if i > 0 {
			_, before := p.layers[i-1].sizes(p.layout)
			l.folded = in == before+1
			if in != before && !l.folded {
				return fmt.Errorf("%s takes %d values but %s gives %d", l.weight.name, in, p.layers[i-1].weight.name,
					before)
			}
		} else if len(sizes) > 0 {
			l.folded = in == sizes[0]+1
		}
		if len(sizes) > 0 && i+1 < len(sizes) && out != sizes[i+1] {
			return fmt.Errorf("its sizes are %v, but %s gives %d values", sizes, l.weight.name, out)
		}
	}
	if len(sizes) > 0 {
		if got := p.sizes(); !slices.Equal(got, sizes) {
			return fmt.Errorf("its sizes are %v, but its weights are of %v", sizes, got)
		}
	}
	return nil
}

// foldFirst says whether the first layer's inputs are pixels and a 1, and whether it could be the other way too.
func (p *plan) foldFirst(o Options) (fold, either bool) {
	in, _ := p.layers[0].sizes(p.layout)
	others := slices.ContainsFunc(p.layers[1:], func(l layer) bool { return l.folded })
	switch {
	case o.Inputs > 0:
		return in == o.Inputs+1, false
	case in < 2:
		return false, false
	case !p.layers[0].hasBias && others:
		return true, false
	case square(in-1) && !square(in) && in > 16:
		return true, true
	}
	return false, !p.layers[0].hasBias && !square(in)
}

func square(n int) bool {
	side := int(math.Round(math.Sqrt(float64(n))))
	return side*side == n
}
