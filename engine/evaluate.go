package engine

import "sync"

// Score is how well a network does on a data set.
type Score struct {
	Loss      float64 // mean data loss
	Confusion [][]int // Confusion[label][predicted], counts
}

// evaluateRows bounds the memory of an evaluation.
const evaluateRows = 4096

// scoreParts is how many goroutines score the outputs. It does not depend on the machine, as the loss is summed part by
// part.
const scoreParts = 4

// Evaluate runs the network over a data set that is bound to e as ref. The predicted class is the largest output.
func Evaluate(e Executor, p *Program, ref DataRef, d Data) (Score, error) {
	classes, last := p.Spec.Classes(), len(p.Layers)-1
	s := newScore(classes)
	n := len(d.Labels)
	out := make([]float32, min(n, evaluateRows)*classes)
	for lo := 0; lo < n; lo += evaluateRows {
		hi := min(n, lo+evaluateRows)
		q := Query{Data: ref, Lo: lo, Hi: hi, Layer: last, Z: p.Spec.Loss == CrossEntropy, Dst: out[:(hi-lo)*classes]}
		if err := e.Infer(q); err != nil {
			return Score{}, err
		}
		var parts [scoreParts]Score
		var wg sync.WaitGroup
		for k := range parts {
			a, b := (hi-lo)*k/scoreParts, (hi-lo)*(k+1)/scoreParts
			wg.Go(func() { parts[k] = score(p.Spec, q.Dst[a*classes:b*classes], d.Labels[lo+a:lo+b]) })
		}
		wg.Wait()
		for _, part := range parts {
			s.add(part)
		}
	}
	s.Loss /= float64(n)
	return s, nil
}

func newScore(classes int) Score {
	s := Score{Confusion: make([][]int, classes)}
	for k := range s.Confusion {
		s.Confusion[k] = make([]int, classes)
	}
	return s
}

// score sums the losses of outputs, len(labels)×Classes, and counts what they predict.
func score(spec Spec, out []float32, labels []uint8) Score {
	classes := spec.Classes()
	s := newScore(classes)
	y := make([]float32, classes)
	for i, label := range labels {
		row := out[i*classes:][:classes]
		y[label] = 1
		s.Loss += spec.Loss.Row(row, y, spec.Layers[len(spec.Layers)-1].Activation)
		y[label] = 0
		s.Confusion[label][ArgMax(row)]++
	}
	return s
}

func (s *Score) add(part Score) {
	s.Loss += part.Loss
	for k, row := range part.Confusion {
		for j, n := range row {
			s.Confusion[k][j] += n
		}
	}
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
