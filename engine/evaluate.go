package engine

// Score is how well a network does on a data set.
type Score struct {
	Loss      float64 // mean data loss
	Confusion [][]int // Confusion[label][predicted], counts
}

// evaluateRows bounds the memory of an evaluation.
const evaluateRows = 4096

// Evaluate runs the network over a data set that is bound to e as ref. The predicted class is the largest output.
func Evaluate(e Executor, p *Program, ref DataRef, d Data) (Score, error) {
	classes, last := p.Spec.Classes(), len(p.Layers)-1
	s := Score{Confusion: make([][]int, classes)}
	for k := range s.Confusion {
		s.Confusion[k] = make([]int, classes)
	}
	n := len(d.Labels)
	out := make([]float32, min(n, evaluateRows)*classes)
	y := make([]float32, classes)
	for lo := 0; lo < n; lo += evaluateRows {
		hi := min(n, lo+evaluateRows)
		q := Query{Data: ref, Lo: lo, Hi: hi, Layer: last, Z: p.Spec.Loss == CrossEntropy, Dst: out[:(hi-lo)*classes]}
		if err := e.Infer(q); err != nil {
			return Score{}, err
		}
		for i := lo; i < hi; i++ {
			row := out[(i-lo)*classes:][:classes]
			label := d.Labels[i]
			y[label] = 1
			s.Loss += p.Spec.Loss.Row(row, y, p.Spec.Layers[last].Activation)
			y[label] = 0
			s.Confusion[label][ArgMax(row)]++
		}
	}
	s.Loss /= float64(n)
	return s, nil
}

// ArgMax returns the index of the largest value, the first of equals.
func ArgMax(v []float32) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}

// Accuracy returns the share of examples whose class was predicted.
func (s Score) Accuracy() float64 {
	right, n := 0, 0
	for k, row := range s.Confusion {
		right += row[k]
		for _, c := range row {
			n += c
		}
	}
	if n == 0 {
		return 0
	}
	return float64(right) / float64(n)
}

// Recall returns for each class the share of its examples that were predicted as it; −1 for a class without examples.
func (s Score) Recall() []float64 {
	r := make([]float64, len(s.Confusion))
	for k, row := range s.Confusion {
		n := 0
		for _, c := range row {
			n += c
		}
		r[k] = -1
		if n > 0 {
			r[k] = float64(row[k]) / float64(n)
		}
	}
	return r
}

// NeverPredicted returns the classes that were not predicted for any example.
func (s Score) NeverPredicted() []int {
	var never []int
	for k := range s.Confusion {
		n := 0
		for _, row := range s.Confusion {
			n += row[k]
		}
		if n == 0 {
			never = append(never, k)
		}
	}
	return never
}
