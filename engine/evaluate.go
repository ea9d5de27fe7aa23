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

// Evaluate runs the network over a data set that is bound to e as ref. What it predicts is [Answer], whatever the loss.
func Evaluate(e Executor, p *Program, ref DataRef, d Data) (Score, error) {
	classes, last := p.Spec.Classes(), len(p.Layers)-1
	s := newScore(classes)
	n := len(d.Labels)
	out := make([]float32, min(n, evaluateRows)*classes)
	for lo := 0; lo < n; lo += evaluateRows {
		hi := min(n, lo+evaluateRows)
		q := Query{Data: ref, Lo: lo, Hi: hi, Layer: last, Z: true, Dst: out[:(hi-lo)*classes]}
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

// score sums the losses of the outputs' weighted inputs z, len(labels)×Classes, and counts what they answer.
func score(spec Spec, z []float32, labels []uint8) Score {
	classes := spec.Classes()
	s := newScore(classes)
	a, y := make([]float32, classes), make([]float32, classes)
	for i, label := range labels {
		row := z[i*classes:][:classes]
		y[label] = 1
		s.Loss += spec.RowLoss(row, y, a)
		y[label] = 0
		s.Confusion[label][Answer(row)]++
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

// Answer returns the class that a network answers with, given the weighted inputs z of its output layer: that of the
// largest z. Every activation rises with z, so no other class has a larger output; but outputs tie where they are
// saturated, at 1 for z > 17 in single precision, and z does not. Of equal z the first class wins; NaN never does, and
// where all are NaN the answer is class 0. Whatever says what a network answers must ask this.
func Answer(z []float32) int {
	best := -1
	for k, v := range z {
		if v == v && (best < 0 || v > z[best]) {
			best = k
		}
	}
	return max(best, 0)
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
