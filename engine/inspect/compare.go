package inspect

import (
	"context"
	"math"
)

// Pair is a neuron of one network and the one of another that it is matched with.
type Pair struct {
	A, B        int
	Correlation float64 // of their maps; negative when one is the other's negative
}

// Match is the neurons of two networks, paired.
type Match struct {
	Pairs        []Pair  // in the order of A
	OnlyA, OnlyB []int   // neurons left over when one network has more
	Mean         float64 // mean |correlation| of the pairs
	// of each neuron of A, the largest |correlation| with any of B: what a matching cannot exceed
	Best []float64
}

// MatchMaps pairs the neurons of two networks so that the sum of |corr| between the maps of a pair is largest (see
// Assign). Neurons of a layer have no order of their own, so that two trainings are only comparable after this. Any
// vectors of equal length can stand for maps, such as the neurons' values over a data set. a: Units×Inputs, b: Units
// of the other×Inputs.
func MatchMaps(ctx context.Context, a, b [][]float32) (*Match, error) {
	corr, err := Correlations(ctx, a, b)
	if err != nil {
		return nil, err
	}
	cost := make([][]float64, len(corr))
	m := &Match{Best: make([]float64, len(corr))}
	for i, row := range corr {
		cost[i] = make([]float64, len(row))
		for j, c := range row {
			cost[i][j] = 1 - math.Abs(c)
			m.Best[i] = max(m.Best[i], math.Abs(c))
		}
	}
	colOf, err := Assign(ctx, cost)
	if err != nil {
		return nil, err
	}
	taken := make([]bool, len(b))
	for i, j := range colOf {
		if j < 0 {
			m.OnlyA = append(m.OnlyA, i)
			continue
		}
		taken[j] = true
		m.Pairs = append(m.Pairs, Pair{A: i, B: j, Correlation: corr[i][j]})
		m.Mean += math.Abs(corr[i][j])
	}
	m.Mean /= max(1, float64(len(m.Pairs)))
	for j, t := range taken {
		if !t {
			m.OnlyB = append(m.OnlyB, j)
		}
	}
	return m, nil
}

// Differences returns B − A for each pair, with B negated where the correlation is negative: len(Pairs)×Inputs.
func (m *Match) Differences(a, b [][]float32) [][]float32 {
	d := make([][]float32, len(m.Pairs))
	for i, p := range m.Pairs {
		sign := float32(math.Copysign(1, p.Correlation))
		d[i] = make([]float32, len(a[p.A]))
		for k := range d[i] {
			d[i][k] = sign*b[p.B][k] - a[p.A][k]
		}
	}
	return d
}

// Correlations returns the correlation of every row of a with every row of b, len(a)×len(b); 0 where one is constant
// or holds what is not finite: it is like nothing.
func Correlations(ctx context.Context, a, b [][]float32) ([][]float64, error) {
	for _, rows := range [][][]float32{a, b} {
		for _, r := range rows {
			if len(r) != len(a[0]) {
				return nil, sizes("values of a map", len(a[0]), len(r))
			}
		}
	}
	ua, ub := standardised(a), standardised(b)
	corr := make([][]float64, len(a))
	err := share(ctx, len(a), func(i int) {
		corr[i] = make([]float64, len(b))
		for j, v := range ub {
			corr[i][j] = dot(ua[i], v)
		}
	})
	return corr, err
}

// standardised returns each row less its mean and of length 1; zeros for a constant row, or one that is not finite.
func standardised(rows [][]float32) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		m := mean(r)
		out[i] = make([]float64, len(r))
		var square float64
		for k, v := range r {
			out[i][k] = float64(v) - m
			square += out[i][k] * out[i][k]
		}
		if !(square > 0) || math.IsInf(square, 0) {
			clear(out[i])
			continue
		}
		norm := math.Sqrt(square)
		for k := range out[i] {
			out[i][k] /= norm
		}
	}
	return out
}
