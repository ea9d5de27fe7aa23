package adopt

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// Flip says which way the images that a network was trained on were mirrored.
type Flip uint8

// The ways.
const (
	flipNone Flip = iota
	flipRows      // the last row came first
	flipCols      // the last column came first
	flipBoth      // both: half a turn
)

// String returns the name that UnmarshalText takes.
func (f Flip) String() string { return [...]string{"none", "rows", "cols", "both"}[f] }

// UnmarshalText sets f from its name.
func (f *Flip) UnmarshalText(text []byte) error {
	for _, v := range []Flip{flipNone, flipRows, flipCols, flipBoth} {
		if v.String() == string(text) {
			*f = v
			return nil
		}
	}
	return fmt.Errorf("unknown way %q; want one of %v %v %v %v", text, flipNone, flipRows, flipCols, flipBoth)
}

// scaling is what was done to pixels from 0 to 1 before a network took them: (x − mean)/std.
type scaling struct{ mean, std float64 }

// unscaled pixels are from 0 to 1, which is meant when nobody says anything; raw ones stand as in a file, from 0 to
// 255.
func unscaled() scaling { return scaling{0, 1} }
func raw() scaling      { return scaling{0, 0.00392157} }

// flag is the value of --normalize.
func (s scaling) flag() string { return words.Shortest(s.mean) + "," + words.Shortest(s.std) }

// reading is a way to take the network in a file: which of the arrays' readings, what its hidden layers compute, and
// what its images were. What it says of the images is folded into the first layer, so that the network takes ours.
type reading struct {
	net       int // 0 is the likeliest of those that fit the images
	hidden    engine.Activation
	scaling   scaling
	transpose bool
	flip      Flip
	invert    bool
}

// changes counts in how much r differs from another.
func (r reading) changes(from reading) int {
	n := 0
	for _, differs := range []bool{
		r.net != from.net, r.hidden != from.hidden, r.scaling != from.scaling, r.transpose != from.transpose,
		r.flip != from.flip, r.invert != from.invert,
	} {
		if differs {
			n++
		}
	}
	return n
}

// fold returns the parameters with which a network takes our grey images of a shape, pixels from 0 to 1. All but
// the first layer is shared with ps.
//
//	scaled    W ← W/std, b ← b − mean/std·ΣW
//	inverted  (1 − x)·W + b = x·(−W) + (b + ΣW)
//	turned    the rows of W change places as the pixels did
func (r reading) fold(ps engine.Params, shape mnist.Shape) engine.Params {
	ps = slices.Clone(ps)
	w, b := ps.Weight(1), ps.Bias(1)
	units := w.Shape[1]
	in := make([]float32, len(w.Data))
	for p := range shape.Pixels() {
		copy(in[p*units:][:units], w.Data[r.place(p, shape)*units:])
	}
	w.Data, b.Data = in, slices.Clone(b.Data)
	ps[0], ps[1] = w, b
	net := &exchange.Net{Params: ps}
	if r.scaling != unscaled() {
		net.Normalize(r.scaling.mean, r.scaling.std)
	}
	if r.invert {
		for j := range units {
			var sum float64
			for i := j; i < len(in); i += units {
				sum += float64(in[i])
				in[i] = -in[i]
			}
			b.Data[j] = float32(float64(b.Data[j]) + sum)
		}
	}
	return ps
}

// place is where the network had our pixel p of a grey image of a shape.
func (r reading) place(p int, shape mnist.Shape) int {
	y, x := p/shape.Cols, p%shape.Cols
	if r.flip == flipRows || r.flip == flipBoth {
		y = shape.Rows - 1 - y
	}
	if r.flip == flipCols || r.flip == flipBoth {
		x = shape.Cols - 1 - x
	}
	if r.transpose {
		return x*shape.Rows + y
	}
	return y*shape.Cols + x
}

// asSaid is the reading that the flags and the file ask for, and by default.
func (c *Order) asSaid(hidden engine.Activation) reading {
	r := reading{hidden: hidden, scaling: unscaled()}
	if len(c.Normalize) == 2 {
		r.scaling = scaling{c.Normalize[0], c.Normalize[1]}
	}
	runs.Over(&r.transpose, c.Transpose)
	runs.Over(&r.flip, c.Flip)
	runs.Over(&r.invert, c.Invert)
	return r
}

// allowed reports whether r differs from what was said only in what nobody has said.
func (c *Order) allowed(r, said reading, meta exchange.Meta) bool {
	return (r.hidden == said.hidden || c.Hidden == nil && meta.Hidden == "") &&
		(r.scaling == said.scaling || len(c.Normalize) == 0) &&
		(r.transpose == said.transpose || c.Transpose == nil) &&
		(r.flip == said.flip || c.Flip == nil) &&
		(r.invert == said.invert || c.Invert == nil)
}

// record notes in a manifest how the network was taken.
func (r reading) record(m *runs.Import) {
	m.Mean, m.Std = r.scaling.mean, r.scaling.std
	m.Transpose, m.Invert = r.transpose, r.invert
	if r.flip != flipNone {
		m.Flip = r.flip.String()
	}
}

// flags are those of import that ask for r, beside the ones that were given: what a flag or default says already is
// left out. netFlags are those of the arrays' reading; classes are empty for those given.
func (c *Order) flags(r, said reading, netFlags string, classes []int) string {
	var flags []string
	add := func(name, value string) {
		if strings.HasPrefix(value, "-") {
			flags = append(flags, "--"+name+"="+shellWord(value)) // or it is taken for a flag
			return
		}
		flags = append(flags, "--"+name, shellWord(value))
	}
	is := func(name string, on bool) {
		if !on {
			name = "no-" + name
		}
		flags = append(flags, "--"+name)
	}
	if c.Hidden != nil || r.hidden != said.hidden {
		add("hidden", r.hidden.String())
	}
	if c.Output != nil {
		add("output", c.Output.String())
	}
	if c.Loss != nil {
		add("loss", c.Loss.String())
	}
	if c.Layout != exchange.Auto && !strings.Contains(netFlags, "--layout") {
		add("layout", c.Layout.String())
	}
	if len(c.Layers) > 0 {
		add("layers", strings.Join(c.Layers, ","))
	}
	switch {
	case netFlags != "":
		flags = append(flags, netFlags)
	case c.BiasRow != exchange.AutoEnd:
		add("bias-row", c.BiasRow.String())
	}
	if len(c.Normalize) > 0 || r.scaling != unscaled() {
		add("normalize", r.scaling.flag())
	}
	if c.Transpose != nil || r.transpose {
		is("transpose", r.transpose)
	}
	if c.Flip != nil || r.flip != flipNone {
		add("flip", r.flip.String())
	}
	if c.Invert != nil || r.invert {
		is("invert", r.invert)
	}
	if c.Data != "" {
		add("data", c.Data)
	}
	if len(classes) == 0 {
		classes = c.Classes
	}
	if len(classes) > 0 {
		add("classes", words.Commas(classes))
	}
	if c.Image != "" {
		add("image", c.Image)
	}
	return strings.Join(flags, " ")
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 127 ||
			strings.ContainsRune("-_./,:+=@%", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// words says in what r differs from another reading, in print.
func (r reading) words(from reading, how []string, classes []int) string {
	var parts []string
	if r.net != from.net && how[r.net] != "" {
		parts = append(parts, strings.TrimPrefix(how[r.net], "with "))
	}
	if r.hidden != from.hidden {
		parts = append(parts, fmt.Sprintf("hidden %v", r.hidden))
	}
	if r.scaling != from.scaling {
		parts = append(parts, r.scaling.String())
	}
	for _, b := range []struct {
		differs, on bool
		yes, no     string
	}{
		{r.transpose != from.transpose, r.transpose, "images transposed", "images not transposed"},
		{r.flip != from.flip, r.flip != flipNone, "images mirrored (" + r.flip.String() + ")", "images not mirrored"},
		{r.invert != from.invert, r.invert, "ink inverted", "ink not inverted"},
	} {
		if b.differs && b.on {
			parts = append(parts, b.yes)
		} else if b.differs {
			parts = append(parts, b.no)
		}
	}
	if len(classes) > 0 {
		parts = append(parts, "its outputs for the labels "+words.Commas(classes))
	}
	if len(parts) == 0 {
		return "as it was said"
	}
	return strings.Join(parts, ", ")
}

// String says what the pixels were.
func (s scaling) String() string {
	switch s {
	case unscaled():
		return "pixels from 0 to 1"
	case raw():
		return "pixels from 0 to 255"
	}
	return fmt.Sprintf("pixels (x − %s)/%s", words.Shortest(s.mean), words.Shortest(s.std))
}
