package netfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"neuroloupe/engine"
)

// nielsen is what Network.save of network2.py writes, in "Neural Networks and Deep Learning" (2015), chapter 3: weights
// Out×In and biases Out×1. A network.py network put down under the same keys but without a cost is read too.
type nielsen struct {
	Sizes   []int
	Weights [][][]number
	Biases  []json.RawMessage
	Cost    string
}

// number is a value that may be null, which then is none.
type number float32

// UnmarshalJSON reads a number, rounded to float32.
func (n *number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = number(math.NaN())
		return nil
	}
	var v float64
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*n = number(v)
	return nil
}

func readNielsen(r io.ReaderAt, size int64, o Options) (*Net, error) {
	if limit := 32 * o.maxValues(); size > limit {
		return nil, fmt.Errorf("%d bytes of JSON, want at most %d", size, limit)
	}
	text := make([]byte, size)
	if _, err := r.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for _, word := range []string{"NaN", "-Infinity", "Infinity"} { // of Python's json; JSON itself has no such numbers
		text = bytes.ReplaceAll(text, []byte(word), []byte("null"))
	}
	var f nielsen
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("JSON: %w", err)
	}
	if len(f.Weights) == 0 || len(f.Weights) != len(f.Biases) || len(f.Sizes) != 0 && len(f.Sizes) != len(f.Weights)+1 {
		return nil, fmt.Errorf("JSON with %d sizes, %d weights, %d biases: want the keys of network2.py, "+
			"sizes, weights and biases, with one size more than there are layers", len(f.Sizes), len(f.Weights), len(f.Biases))
	}
	n := &Net{Form: "the JSON of Nielsen's network2.py", Meta: Meta{Hidden: "sigmoid", Output: "sigmoid"}}
	switch f.Cost {
	case "CrossEntropyCost":
		n.Meta.Loss = engine.CrossEntropy.String()
	case "QuadraticCost", "":
		n.Meta.Loss = engine.Quadratic.String()
	default:
		n.Warnings = append(n.Warnings, fmt.Sprintf("cost %.60q is not one of network2.py's; give --loss", f.Cost))
	}
	var arrays []engine.Tensor
	for l, rows := range f.Weights {
		w := engine.Tensor{Name: fmt.Sprintf("weights[%d]", l), Shape: []int{len(rows), 0}, Data: []float32{}}
		for j, row := range rows {
			if len(row) != len(rows[0]) {
				return nil, fmt.Errorf("%s: row %d has %d numbers, row 0 has %d", w.Name, j, len(row), len(rows[0]))
			}
			w.Shape[1] = len(row)
			for _, v := range row {
				w.Data = append(w.Data, float32(v))
			}
		}
		b, err := nielsenBias(f.Biases[l])
		if err != nil {
			return nil, fmt.Errorf("biases[%d]: %w", l, err)
		}
		arrays = append(arrays, w, engine.Tensor{Name: fmt.Sprintf("biases[%d]", l), Shape: []int{len(b)}, Data: b})
	}
	if o.Layout == Auto {
		o.Layout = OutIn
	}
	if err := n.assemble(arrays, OutIn, o); err != nil {
		return nil, err
	}
	if len(f.Sizes) > 0 && !slices.Equal(f.Sizes, n.Sizes) {
		return nil, fmt.Errorf("its sizes are %v, but its weights are of %v", f.Sizes, n.Sizes)
	}
	return n, nil
}

// nielsenBias reads a column vector, [[1], [2]], or a plain one.
func nielsenBias(text json.RawMessage) ([]float32, error) {
	var column [][]number
	if err := json.Unmarshal(text, &column); err != nil {
		var plain []number
		if json.Unmarshal(text, &plain) != nil {
			return nil, fmt.Errorf("want a column of numbers: %w", err)
		}
		for _, v := range plain {
			column = append(column, []number{v})
		}
	}
	b := make([]float32, len(column))
	for j, row := range column {
		if len(row) != 1 {
			return nil, fmt.Errorf("row %d has %d numbers, want 1", j, len(row))
		}
		b[j] = float32(row[0])
	}
	return b, nil
}
