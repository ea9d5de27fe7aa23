package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of the search for an order of the layers.
const (
	maxSteps = 20_000
	maxPlans = 64
)

// search looks for the ways to read a file.
type search struct {
	o       Options
	c       *contents
	weights []array // the matrices to be put in order, as their names sort them
	vectors []array // what may be biases
	named   int     // how many arrays of the file its names call weights or biases
	loose   int     // how many of its matrices might be weights for all that names say
	pick    bool    // some of the weights may be left out
	steps   int
	plans   []*plan
	misfit  map[Layout]error // of the order that the names give
}

// readings returns the ways to read a file, the likeliest first, at least one.
func readings(c *contents, o Options) ([]*plan, error) {
	if err := refuse(c, o); err != nil {
		return nil, err
	}
	c.hintByName()
	var best []*plan
	var why error
	for _, choose := range choices(c, o) {
		s := &search{o: o, c: c, misfit: map[Layout]error{}}
		if err := s.take(choose); err != nil {
			why = err
			continue
		}
		if len(s.weights) == 0 {
			continue
		}
		s.run()
		if len(s.plans) == 0 {
			if why == nil {
				why = s.why()
			}
			continue
		}
		slices.SortStableFunc(s.plans, func(a, b *plan) int { return a.compare(b.rank) })
		if best == nil || s.plans[0].order(best[0].rank) < 0 {
			best = s.plans
		}
		if best[0].unused == 0 && best[0].left == 0 {
			break
		}
	}
	switch {
	case best != nil:
		return variants(best, c, o)
	case why != nil:
		return nil, why
	case len(c.pickled) > 0:
		return nil, pickledError(c.pickled)
	}
	return nil, fmt.Errorf("it holds no matrix of weights: %s; save each layer's weights as a matrix, W1, W2, …",
		holds(c.arrays))
}

// choice says which arrays are looked at.
type choice struct {
	name func(array) bool
	pick bool
}

// derived reports whether an array was made of another, by its name and shape.
func (c *contents) derived(a array) bool {
	return slices.ContainsFunc(c.arrays, func(b array) bool {
		return a.from(b.label) &&
			slices.Equal(a.shape, b.shape)
	})
}

// choices returns which arrays to look at, in turn: those that their names call weights and biases, at first without
// what only goes with them; then all, by their shapes.
func choices(c *contents, o Options) []choice {
	cs := []choice{
		{name: func(a array) bool { return a.role != noRole && !a.aside }},
		{name: func(a array) bool { return a.role != noRole && !a.aside && !c.derived(a) }},
		{name: func(a array) bool { return a.role != noRole }},
		{name: func(a array) bool { return a.role != noRole && !c.derived(a) }},
		{name: func(a array) bool { return !a.aside }},
		{name: func(array) bool { return true }},
	}
	if !slices.ContainsFunc(c.arrays, func(a array) bool { return a.role == weight }) {
		cs = append(cs, choice{name: func(a array) bool { return !a.aside }, pick: true})
	}
	if len(o.Layers) > 0 {
		cs = []choice{{name: func(array) bool { return true }}}
	}
	return cs
}

// take sorts the chosen arrays into matrices and vectors.
func (s *search) take(ch choice) error {
	s.pick = ch.pick
	for _, a := range s.c.arrays {
		if a.role != noRole && !a.aside {
			s.named++
		}
		if a.matrix() && !a.vector() && !a.aside && !s.c.derived(a) {
			s.loose++
		}
		if !ch.name(a) {
			continue
		}
		switch {
		case a.role == weight && a.matrix(), a.role == noRole && a.matrix() && !a.vector():
			s.weights = append(s.weights, a)
		case a.role == bias, a.role == noRole && a.vector():
			s.vectors = append(s.vectors, a)
		}
	}
	byPlace := func(a, b array) int { return slices.Compare(a.place(), b.place()) }
	slices.SortStableFunc(s.vectors, byPlace)
	if len(s.o.Layers) == 0 {
		slices.SortStableFunc(s.weights, byPlace)
		return nil
	}
	var chosen []array
	for _, want := range s.o.Layers {
		is := func(a array) bool { return a.layer == want || a.name == want }
		i := slices.IndexFunc(s.weights, is)
		if i < 0 {
			var names []string
			for _, a := range s.weights {
				names = append(names, a.layerName())
			}
			return fmt.Errorf("no layer %q; it has %s", want, some(names, 12))
		}
		if k := slices.IndexFunc(s.weights[i+1:], is); k >= 0 && s.weights[i].name != want {
			return fmt.Errorf("%s and %s are both of layer %q; give the whole name of one",
				s.weights[i].name, s.weights[i+1+k].name, want)
		}
		chosen = append(chosen, s.weights[i])
	}
	s.weights = chosen
	return nil
}

func (a array) layerName() string {
	if a.layer == "" {
		return a.name
	}
	return a.layer
}

// run finds the plans: the order of the names where it fits, and else those that the shapes allow.
func (s *search) run() {
	for _, layout := range []Layout{OutIn, InOut} {
		if s.o.Layout != Auto && s.o.Layout != layout || s.c.sure && s.o.Layout == Auto && s.c.hint != layout {
			continue
		}
		before := len(s.plans)
		s.misfit[layout] = s.try(layout, s.weights)
		found := s.plans[before:]
		if len(s.o.Layers) == 0 && (len(found) == 0 || found[0].reversed > 0) {
			s.steps = 0
			s.extend(layout, nil, s.weights)
		}
	}
}

// extend tries every order of the rest after what is there, depth first, in the order of the names.
func (s *search) extend(layout Layout, ordered, rest []array) {
	if s.steps++; s.steps > maxSteps || len(s.plans) > maxPlans {
		return
	}
	if len(rest) == 0 || s.pick && len(ordered) > 0 {
		_ = s.try(layout, ordered)
	}
	for i, a := range rest {
		next := append(slices.Clone(ordered), a)
		if len(ordered) > 0 {
			p := plan{layers: []layer{{weight: ordered[len(ordered)-1]}, {weight: a}}, layout: layout}
			if p.chain(nil) != nil {
				continue
			}
		}
		s.extend(layout, next, slices.Delete(slices.Clone(rest), i, i+1))
	}
}

// try adds the plan of an order if it fits; else it returns why not.
func (s *search) try(layout Layout, order []array) error {
	p := &plan{layout: layout}
	for _, w := range order {
		p.layers = append(p.layers, layer{weight: w})
	}
	if err := p.chain(s.c.sizes); err != nil {
		return err
	}
	if err := p.pair(s.vectors); err != nil {
		return err
	}
	used := p.arrays()
	for _, a := range used {
		if a.role != noRole && !a.aside {
			p.unused--
		}
	}
	p.unused += s.named
	if s.pick {
		p.unused += len(s.weights) - len(order)
	}
	if len(s.vectors) > 0 {
		p.left = max(0, s.loose-len(order))
	}
	if len(s.o.Layers) > 0 {
		p.unused, p.left = 0, 0
	}
	for _, l := range p.layers {
		if !l.hasBias && !l.folded && len(s.vectors) > 0 {
			p.bare++
		}
		if l.folded {
			p.folds = 1
		}
	}
	if sizes := p.sizes(); sizes[0] < sizes[len(sizes)-1] {
		p.reversed = 1
	}
	if p.disorder = disorder(order); p.disorder > 1 && p.folds > 0 {
		return errors.New("the numbers of its layers say another order") // two guesses at once are no reading
	}
	if s.c.hint != Auto && s.c.hint != layout {
		p.hinted = 1
	}
	s.plans = append(s.plans, p)
	return nil
}

// disorder says what an order goes against: see [rank].
func disorder(order []array) int {
	worst := 0
	for i, a := range order {
		for _, b := range order[i+1:] {
			if slices.Compare(a.place(), b.place()) > 0 {
				worst = max(worst, 1)
				if a.family() == b.family() {
					worst = 2
				}
			}
		}
	}
	return worst
}

// why says why no order fits.
func (s *search) why() error {
	one := func(layout Layout) string {
		return fmt.Sprintf("as %s %v", map[Layout]string{OutIn: "Out×In", InOut: "In×Out"}[layout], s.misfit[layout])
	}
	if s.o.Layout != Auto {
		return errors.New(one(s.o.Layout))
	}
	var parts, names []string
	for _, layout := range []Layout{OutIn, InOut} {
		if s.misfit[layout] != nil {
			parts = append(parts, one(layout))
		}
	}
	for _, w := range s.weights {
		names = append(names, w.layerName())
	}
	return fmt.Errorf("the layers do not follow one another: %s; give --layers with the names of the network's "+
		"layers in order, out of %s (it holds %s)",
		strings.Join(parts, "; "), strings.Join(names[:min(len(names), 20)], ","), holds(s.c.arrays))
}

// hintByName takes PyTorch's names for a hint: "x.weight" is Out×In.
func (c *contents) hintByName() {
	torch := func(a array) bool { return a.matrix() && strings.HasSuffix(a.name, ".weight") }
	if c.hint == Auto && slices.ContainsFunc(c.arrays, torch) {
		c.hint = OutIn
	}
}

// variants returns the best of the sorted plans and those that differ from it in what shapes leave open: the layout,
// and where the biases are folded in. It is an error when the order of the layers is left open.
func variants(plans []*plan, c *contents, o Options) ([]*plan, error) {
	best := plans[0]
	var open []*plan
	for _, p := range plans {
		switch {
		case p.order(best.rank) != 0:
		case p.layout == best.layout && p.names() != best.names():
			return nil, fmt.Errorf("its layers can stand in more than one order, %s or %s; give --layers with their "+
				"names in order",
				best.names(), p.names())
		case !slices.ContainsFunc(open, func(q *plan) bool { return q.layout == p.layout }):
			open = append(open, p)
		}
	}
	var all []*plan
	for i, p := range open {
		if i > 0 && c.hint != Auto {
			p.likely = 1
		}
		fold, either := p.foldFirst(o)
		all = append(all, p.folded(fold || p.layers[0].folded, o)...)
		if either {
			for _, q := range p.folded(!fold, o) {
				q.likely = 1
				all = append(all, q)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *plan) int { return a.likely - b.likely })
	return all, nil
}

// folded returns the plan with its first layer's biases folded in or not, and for each end where they may be.
func (p *plan) folded(first bool, o Options) []*plan {
	q := *p
	q.layers = slices.Clone(p.layers)
	q.layers[0].folded = first
	if !slices.ContainsFunc(q.layers, func(l layer) bool { return l.folded }) {
		return []*plan{&q}
	}
	ends := []End{Last, First}
	if slices.ContainsFunc(q.layers, func(l layer) bool {
		return strings.HasPrefix(strings.ToLower(l.weight.name), "theta") // as in Andrew Ng's course
	}) {
		ends = []End{First, Last}
	}
	if o.BiasRow != AutoEnd {
		ends = []End{o.BiasRow}
	}
	var all []*plan
	for _, end := range ends {
		r := q
		r.end = end
		all = append(all, &r)
	}
	return all
}
