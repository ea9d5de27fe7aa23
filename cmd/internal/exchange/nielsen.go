package exchange

import (
	"fmt"
	"io"
	"strings"

	"neuroloupe/engine"
)

// openJSON reads the numbers of a JSON file: what Network.save of network2.py writes, in "Neural Networks and Deep
// Learning" (2015), chapter 3, weights Out×In and biases Out×1, with or without a cost; or lists of numbers under other
// keys, {"W1": [[…]], "b1": […]}, or under none.
func openJSON(r io.Reader, size int64, o Options) (*contents, *Net, error) {
	p, err := readJSON(r, size, o)
	if err != nil {
		return nil, nil, err
	}
	c := &contents{size: size}
	layers := 0 // of a list of weight matrices
	top := make(map[string]*list)
	for _, l := range p.lists {
		top[l.name] = l.list
		if len(l.list.parts) > 0 && labelOf(l.name, true).role == weight {
			layers = len(l.list.parts)
		}
	}
	for _, name := range p.mixed {
		if label := labelOf(name, false); label.role != noRole && !label.aside {
			return nil, nil, fmt.Errorf("JSON: %.60s: want numbers alone, or lists of numbers", name)
		}
	}
	for _, l := range p.lists {
		if err := c.flatten(l.name, l.list, layers); err != nil {
			return nil, nil, err
		}
	}
	n := &Net{Form: "JSON"}
	sizes, weights, biases := top["sizes"], top["weights"], top["biases"]
	if sizes != nil && len(sizes.shape) == 1 {
		for _, v := range sizes.data {
			c.sizes = append(c.sizes, int(v))
		}
		c.arrays = deleteNamed(c.arrays, "sizes")
	}
	if weights == nil || biases == nil || len(weights.parts) == 0 {
		if weights == nil && len(c.arrays) == 0 || layers == 0 && !hasMatrix(c.arrays) {
			return nil, nil, fmt.Errorf("JSON with no matrix of weights: want the keys of network2.py, "+
				"sizes, weights and biases, or W1, b1, W2, b2, …; it holds %s", holds(c.arrays))
		}
		return c, n, nil
	}
	if len(c.sizes) != 0 && len(c.sizes) != len(weights.parts)+1 {
		return nil, nil, fmt.Errorf("JSON with %d sizes and %d weights: want one size more than there are layers",
			len(c.sizes), len(weights.parts))
	}
	c.hint = OutIn
	n.Form, n.Meta = "the JSON of Nielsen's network2.py", Meta{Hidden: "sigmoid", Output: "sigmoid"}
	switch cost := p.texts["cost"]; cost {
	case "CrossEntropyCost":
		n.Meta.Loss = engine.CrossEntropy.String()
	case "QuadraticCost", "":
		n.Meta.Loss = engine.Quadratic.String()
	default:
		n.Warnings = append(n.Warnings, fmt.Sprintf("cost %.60q is not one of network2.py's; give --loss", cost))
	}
	return c, n, nil
}

// flatten makes arrays of a list. layers is how many weight matrices the file lists: that many rows of biases are as
// many vectors, and no matrix.
func (c *contents) flatten(name string, l *list, layers int) error {
	is := labelOf(name, false)
	split := is.role == bias && len(l.shape) == 2 && l.shape[0] == layers && layers > 1 && !strings.Contains(name, "[")
	switch {
	case split:
		cols := l.shape[1]
		for r := range layers {
			row := l.data[r*cols : (r+1)*cols]
			load := func() ([]float32, error) { return row, nil }
			c.arrays = append(c.arrays, newArray(fmt.Sprintf("%s[%d]", name, r), []int{cols}, load))
		}
	case len(l.shape) > 0:
		c.arrays = append(c.arrays, newArray(name, l.shape, func() ([]float32, error) { return l.data, nil }))
	}
	for i, part := range l.parts {
		first := l.parts[0].shape
		if is.role == weight && len(part.shape) == 1 && len(first) == 1 && part.shape[0] != first[0] {
			return fmt.Errorf("%s: row %d has %d numbers, row 0 has %d", name, i, part.shape[0], first[0])
		}
		if err := c.flatten(fmt.Sprintf("%s[%d]", name, i), part, layers); err != nil {
			return err
		}
	}
	return nil
}

func deleteNamed(arrays []array, name string) []array {
	var rest []array
	for _, a := range arrays {
		if a.name != name {
			rest = append(rest, a)
		}
	}
	return rest
}

func hasMatrix(arrays []array) bool {
	for _, a := range arrays {
		if a.matrix() {
			return true
		}
	}
	return false
}
