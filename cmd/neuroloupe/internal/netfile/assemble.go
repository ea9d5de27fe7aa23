package netfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/engine"
)

// layer is one layer's arrays as they are called and shaped in a file.
type layer struct {
	name         string
	weight, bias engine.Tensor // bias.Data is nil when there is none
}

// assemble makes the network out of a file's arrays, in the file's order. hint is the layout to take where the shapes
// allow both.
func (n *Net) assemble(arrays []engine.Tensor, hint Layout, o Options) error {
	layers, err := group(arrays, o.Layers)
	if err != nil {
		return err
	}
	if hint == Auto && slices.ContainsFunc(layers, func(l layer) bool { return strings.HasSuffix(l.weight.Name, ".weight") }) {
		hint = OutIn // PyTorch's name for it
	}
	if n.Layout, err = orient(layers, hint, o.Layout); err != nil {
		return err
	}
	for i, l := range layers {
		in, out := l.sizes(n.Layout)
		w := engine.Tensor{Name: engine.WeightName(i + 1), Shape: []int{in, out}, Data: l.weight.Data}
		if n.Layout == OutIn {
			w.Data = transpose(w.Data, out, in)
		}
		b := engine.Tensor{Name: engine.BiasName(i + 1), Shape: []int{out}, Data: l.bias.Data}
		if b.Data == nil {
			b.Data = make([]float32, out)
			n.Warnings = append(n.Warnings, fmt.Sprintf("layer %d, %s, has no biases; they are taken as 0", i+1, l.weight.Name))
		}
		if i == 0 {
			n.Sizes = []int{in}
		}
		n.Sizes = append(n.Sizes, out)
		n.Layers = append(n.Layers, l.name)
		n.Params = append(n.Params, w, b)
	}
	n.warnNonFinite()
	return nil
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

// role finds in a name the word for what an array is. What is left of the name tells the layers apart.
var role = regexp.MustCompile(`(?i)(^|[^a-z])(weights?|kernels?|coefs?|w|bias(?:es)?|intercepts?|b)([^a-z]|$)`)

// splitName returns what an array is, 'w' or 'b', and the layer that it is of; 0 when the name does not say.
func splitName(name string) (what byte, layer string) {
	found := role.FindAllStringSubmatchIndex(name, -1)
	if found == nil {
		return 0, ""
	}
	m := found[len(found)-1]
	what = 'w'
	if word := strings.ToLower(name[m[4]:m[5]]); word[0] == 'b' || word[0] == 'i' {
		what = 'b'
	}
	rest := strings.TrimSuffix(name[m[5]:], ":0") // Keras
	return what, strings.Trim(name[:m[4]]+rest, "._/-")
}

// group puts weights and biases together, layer by layer.
func group(arrays []engine.Tensor, want []string) ([]layer, error) {
	if len(arrays) == 0 {
		return nil, fmt.Errorf("it holds no arrays of floating-point numbers")
	}
	named := true
	for _, a := range arrays {
		what, _ := splitName(a.Name)
		named = named && what != 0
	}
	var layers []layer
	var err error
	if named {
		layers, err = groupByName(arrays, want)
	} else if layers, err = groupByShape(arrays); err == nil && len(want) > 0 {
		err = fmt.Errorf("the arrays %s have no layer names to choose by", list(arrays))
	}
	if err != nil {
		return nil, err
	}
	for i, l := range layers {
		w := l.weight
		if len(w.Shape) != 2 {
			return nil, fmt.Errorf("%s has shape %s, want two dimensions: only fully connected layers can be read "+
				"(it holds %s)", w.Name, shape(w), list(arrays))
		}
		if len(w.Data) == 0 {
			return nil, fmt.Errorf("%s has shape %s: it is empty", w.Name, shape(w))
		}
		if b := l.bias; b.Data != nil {
			if len(b.Shape) == 0 || slices.Max(b.Shape) != len(b.Data) {
				return nil, fmt.Errorf("%s has shape %s, want one number per neuron", b.Name, shape(b))
			}
		}
		if layers[i].name == "" {
			layers[i].name = strconv.Itoa(i + 1)
		}
	}
	return layers, nil
}

// groupByName pairs arrays whose names differ in the role alone, as fc1.weight and fc1.bias.
func groupByName(arrays []engine.Tensor, want []string) ([]layer, error) {
	var layers []layer
	for _, a := range arrays {
		what, name := splitName(a.Name)
		i := slices.IndexFunc(layers, func(l layer) bool { return l.name == name })
		if i < 0 {
			i = len(layers)
			layers = append(layers, layer{name: name})
		}
		dst := &layers[i].weight
		if what == 'b' {
			dst = &layers[i].bias
		}
		if dst.Data != nil {
			return nil, fmt.Errorf("%s and %s are both of layer %q", dst.Name, a.Name, name)
		}
		*dst = a
	}
	var names []string
	for _, l := range layers {
		names = append(names, l.name)
	}
	if len(want) > 0 {
		chosen := make([]layer, len(want))
		for i, name := range want {
			k := slices.Index(names, name)
			if k < 0 {
				return nil, fmt.Errorf("no layer %q; it has %s", name, strings.Join(names, ", "))
			}
			chosen[i] = layers[k]
		}
		layers = chosen
	} else {
		slices.SortStableFunc(layers, func(a, b layer) int { return slices.Compare(numbers(a.name), numbers(b.name)) })
	}
	for _, l := range layers {
		if l.weight.Data == nil {
			return nil, fmt.Errorf("%s has no weights beside it; it holds %s", l.bias.Name, list(arrays))
		}
	}
	return layers, nil
}

var digits = regexp.MustCompile(`\d+`)

// numbers returns the numbers in a name. Layers are sorted by them alone: of hidden, output the file's order is kept.
func numbers(name string) []int {
	var ns []int
	for _, d := range digits.FindAllString(name, -1) {
		n, err := strconv.Atoi(d)
		if err != nil {
			n = 1 << 30 // too long for an order that anyone meant
		}
		ns = append(ns, n)
	}
	if ns == nil {
		return []int{1 << 30} // fc1, fc2, out
	}
	return ns
}

// groupByShape pairs matrices and vectors in the order of the file.
func groupByShape(arrays []engine.Tensor) ([]layer, error) {
	var weights, biases []engine.Tensor
	for _, a := range arrays {
		if len(a.Shape) > 0 && slices.Max(a.Shape) == len(a.Data) {
			biases = append(biases, a)
		} else {
			weights = append(weights, a)
		}
	}
	if len(weights) == 0 || len(biases) != 0 && len(biases) != len(weights) {
		return nil, fmt.Errorf("%s: %d matrices and %d vectors, and names that do not say which are weights and which "+
			"biases; name the arrays W1, b1, W2, b2, … and save them again", list(arrays), len(weights), len(biases))
	}
	layers := make([]layer, len(weights))
	for i, w := range weights {
		layers[i] = layer{weight: w}
		if len(biases) > 0 {
			layers[i].bias = biases[i]
		}
	}
	return layers, nil
}

// sizes returns what the layer takes and gives when its weights are laid out as l.
func (l layer) sizes(way Layout) (in, out int) {
	if way == OutIn {
		return l.weight.Shape[1], l.weight.Shape[0]
	}
	return l.weight.Shape[0], l.weight.Shape[1]
}

// orient finds the layout in which each layer takes what the one before gives, and has as many biases as outputs.
func orient(layers []layer, hint, want Layout) (Layout, error) {
	inOut, outIn := misfit(layers, InOut), misfit(layers, OutIn)
	switch {
	case want == InOut && inOut != nil:
		return 0, fmt.Errorf("as In×Out, %w", inOut)
	case want == OutIn && outIn != nil:
		return 0, fmt.Errorf("as Out×In, %w", outIn)
	case want != Auto:
		return want, nil
	case inOut == nil && outIn == nil && hint == Auto:
		var ws []engine.Tensor
		for _, l := range layers {
			ws = append(ws, l.weight)
		}
		return 0, fmt.Errorf("the weights %s fit both ways round, as In×Out and as Out×In, and their names do not say which; "+
			"give --layout %v (x·W: Keras, scikit-learn) or --layout %v (W·x: Nielsen, PyTorch)", list(ws), InOut, OutIn)
	case inOut == nil && outIn == nil:
		return hint, nil
	case inOut == nil:
		return InOut, nil
	case outIn == nil:
		return OutIn, nil
	}
	return 0, fmt.Errorf("the layers do not follow one another: as Out×In %w; as In×Out %w; "+
		"give --layers with their names in order, if it is the order", outIn, inOut)
}

// misfit returns what is wrong with a layout, or nil.
func misfit(layers []layer, way Layout) error {
	for i, l := range layers {
		in, out := l.sizes(way)
		if i > 0 {
			if _, before := layers[i-1].sizes(way); in != before {
				return fmt.Errorf("%s takes %d values but %s gives %d", l.weight.Name, in, layers[i-1].weight.Name, before)
			}
		}
		if b := l.bias; b.Data != nil && len(b.Data) != out {
			return fmt.Errorf("%s gives %d values but %s has %d", l.weight.Name, out, b.Name, len(b.Data))
		}
	}
	return nil
}

// list names arrays with their shapes, the first dozen.
func list(arrays []engine.Tensor) string {
	var parts []string
	for _, a := range arrays[:min(len(arrays), 12)] {
		parts = append(parts, fmt.Sprintf("%.60s %s", a.Name, shape(a)))
	}
	if len(arrays) > 12 {
		parts = append(parts, fmt.Sprintf("and %d more", len(arrays)-12))
	}
	return strings.Join(parts, ", ")
}

// shape writes a shape as people do, 784×100.
func shape(t engine.Tensor) string {
	var parts []string
	for _, d := range t.Shape {
		parts = append(parts, strconv.Itoa(d))
	}
	return cmp.Or(strings.Join(parts, "×"), "1")
}
