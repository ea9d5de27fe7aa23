package exchange

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/engine"
)

// assemble makes the network out of what a file holds: n is filled with the likeliest reading, the others hang on it.
func (n *Net) assemble(c *contents, o Options) error {
	if len(c.arrays) == 0 {
		return nothing(c)
	}
	plans, err := readings(c, o)
	if err != nil {
		return err
	}
	best := plans[0]
	var used []array
	for _, p := range plans {
		for _, a := range p.arrays() {
			if !slices.ContainsFunc(used, func(b array) bool { return b.name == a.name }) {
				used = append(used, a)
			}
		}
	}
	if err := c.afford(used, o); err != nil {
		return err
	}
	data := make(map[string][]float32)
	for _, a := range used {
		if data[a.name], err = a.load(); err != nil {
			return err
		}
	}
	warnings := n.Warnings
	if text := c.leftOut(best, o); text != "" {
		warnings = append(warnings, text)
	}
	form, meta := n.Form, n.Meta
	net := func(p *plan) *Net {
		m := &Net{Form: form, Meta: meta, Warnings: slices.Clone(warnings)}
		m.build(p, data)
		return m
	}
	*n = *net(best)
	if len(plans) == 1 {
		return nil
	}
	n.How, n.Flags = best.how(), best.flags()
	for _, p := range plans[1:] {
		n.Others = append(n.Others, Reading{How: p.how(), Flags: p.flags(), Sizes: p.sizes(), make: func() *Net {
			m := net(p)
			m.How, m.Flags = p.how(), p.flags()
			return m
		}})
	}
	if doubt := slices.IndexFunc(plans[1:], func(p *plan) bool { return p.likely == best.likely }); doubt >= 0 {
		n.Unsure = fmt.Sprintf("its shapes can be read in %d ways, and it was read %s; if it is wrong: %s",
			len(plans), best.how(), plans[doubt+1].flags())
	}
	return nil
}

// nothing says that there is no array to read, and why.
func nothing(c *contents) error {
	switch {
	case len(c.pickled) > 0:
		return pickledError(c.pickled)
	case len(c.unread) > 0:
		return fmt.Errorf("it holds no arrays of floating-point numbers, but %s; save the weights as float32",
			some(c.unread, 6))
	}
	return errors.New("it holds no arrays; save the weights and biases of each layer")
}

// leftOut names, in one sentence, the arrays that are no part of the network.
func (c *contents) leftOut(p *plan, o Options) string {
	var names []string
	for _, a := range c.arrays {
		if !slices.ContainsFunc(p.arrays(), func(b array) bool { return b.name == a.name }) {
			names = append(names, fmt.Sprintf("%.60s %s", a.name, dims(a.shape)))
		}
	}
	names = append(names, c.unread...)
	if len(names) == 0 {
		return ""
	}
	why := "no layer's weights or biases"
	if len(o.Layers) > 0 {
		why = "not of the layers that --layers names"
	}
	return fmt.Sprintf("left out, as %s: %s", why, some(names, 8))
}

// build fills n with the network that p makes of the arrays' data.
func (n *Net) build(p *plan, data map[string][]float32) {
	n.Layout = p.layout
	n.Sizes = p.sizes()
	var without, folded []string
	for i, l := range p.layers {
		in, out := l.sizes(p.layout)
		values := data[l.weight.name]
		if p.layout == OutIn {
			values = transpose(values, out, in)
		} else {
			values = slices.Clone(values)
		}
		b := make([]float32, out)
		if l.hasBias {
			copy(b, data[l.bias.name])
		}
		if l.folded {
			in--
			row := 0
			if p.end == Last {
				row = in
			}
			for j, v := range values[row*out : (row+1)*out] {
				b[j] += v
			}
			values = slices.Delete(values, row*out, (row+1)*out)
			folded = append(folded, l.weight.name)
		} else if !l.hasBias {
			without = append(without, fmt.Sprintf("%d (%.60s)", i+1, l.weight.name))
		}
		n.Layers = append(n.Layers, cmp.Or(l.weight.layer, strconv.Itoa(i+1)))
		n.Params = append(n.Params, engine.Tensor{Name: engine.WeightName(i + 1), Shape: []int{in, out}, Data: values},
			engine.Tensor{Name: engine.BiasName(i + 1), Shape: []int{out}, Data: b})
	}
	if len(folded) > 0 {
		n.Warnings = append(n.Warnings, fmt.Sprintf("%s of %s was read as biases: the weights of an input that is "+
			"always 1",
			p.row(), some(folded, 6)))
	}
	if len(without) > 0 {
		n.Warnings = append(n.Warnings, fmt.Sprintf("no biases in layer %s; they are taken as 0", some(without, 6)))
	}
	n.warnNonFinite()
}

// transpose returns the columns of a rows×cols matrix as rows.
func transpose(m []float32, rows, cols int) []float32 {
	t := make([]float32, len(m))
	for r := range rows {
		for c := range cols {
			t[c*rows+r] = m[r*cols+c]
		}
	}
	return t
}

// holds names arrays with their shapes, the first few.
func holds(arrays []array) string {
	var parts []string
	for _, a := range arrays {
		parts = append(parts, fmt.Sprintf("%.60s %s", a.name, dims(a.shape)))
	}
	if len(parts) == 0 {
		return "none"
	}
	return some(parts, 8)
}

// dims writes a shape as people do, 784×100.
func dims(shape []int) string {
	var parts []string
	for _, d := range shape {
		parts = append(parts, strconv.Itoa(d))
	}
	return cmp.Or(strings.Join(parts, "×"), "1")
}
