package inspect

import (
	"cmp"
	"context"
	"math"
	"slices"

	"neuroloupe/engine"
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
	corr, err := correlations(ctx, a, b)
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

// Alike returns the |correlations| of the pairs, the largest first.
func (m *Match) Alike() []float64 {
	r := m.sizes()
	slices.SortFunc(r, func(a, b float64) int { return cmp.Compare(b, a) })
	return r
}

// Order returns the places of the pairs, the most alike pair first.
func (m *Match) Order() []int { return Descending(m.sizes()) }

// sizes are the |correlations| of the pairs.
func (m *Match) sizes() []float64 {
	var r []float64
	for _, p := range m.Pairs {
		r = append(r, math.Abs(p.Correlation))
	}
	return r
}

// Matched are the neurons of a hidden layer of two networks, paired, and what chance would make of it.
type Matched struct {
	*Match
	Control *Match // nil where there is none
	Images  int    // that activations were compared on; 0 for maps
}

// MatchMaps pairs the neurons of a hidden layer with those of another network by their maps; see MatchMaps. The control
// is with the other's maps turned by half a turn, which are as smooth but look for other shapes.
func (s *Subject) MatchMaps(ctx context.Context, other *Subject, show Show, layer int) (*Matched, error) {
	return keep(s, answer{"match maps", layer, show, other}, func() (*Matched, error) {
		a, err := s.Maps(ctx, show, layer)
		if err != nil {
			return nil, err
		}
		b, err := other.Maps(ctx, show, layer)
		if err != nil {
			return nil, err
		}
		m := &Matched{}
		if m.Match, err = MatchMaps(ctx, a, b); err != nil {
			return nil, err
		}
		turned := make([][]float32, len(b))
		for j, w := range b {
			turned[j] = slices.Clone(w)
			slices.Reverse(turned[j])
		}
		m.Control, err = MatchMaps(ctx, a, turned)
		return m, err
	})
}

// MatchActivations pairs them by their activations on the first of the subject's images, up to so many. The control is
// with the other before training, whose neurons see the same images but have learned nothing; there is none where its
// start is not known.
func (s *Subject) MatchActivations(ctx context.Context, other *Subject, layer, images int) (*Matched, error) {
	type of struct {
		other  *Subject
		images int
	}
	return keep(s, answer{"match activations", layer, ShowRaw, of{other, images}}, func() (*Matched, error) {
		all, err := s.Images(ctx)
		if err != nil {
			return nil, err
		}
		m := &Matched{Images: min(all.Len(), images)}
		// The labels are those of the subject's classes, which need not be the other's, and of no interest here.
		d := engine.Data{Images: all.Images[:m.Images*s.Net.Spec.Inputs], Labels: make([]uint8, m.Images)}
		a, err := s.responses(ctx, s.Net, d, layer)
		if err != nil {
			return nil, err
		}
		b, err := other.responses(ctx, other.Net, d, layer)
		if err != nil {
			return nil, err
		}
		if m.Match, err = MatchMaps(ctx, a, b); err != nil {
			return nil, err
		}
		start, known := other.Net.Start()
		if !known {
			return m, nil
		}
		if b, err = other.responses(ctx, start, d, layer); err != nil {
			return nil, err
		}
		m.Control, err = MatchMaps(ctx, a, b)
		return m, err
	})
}

// responses are the activations of each neuron of a layer of n, a network of the subject's Spec, on some images,
// Units×n.
func (s *Subject) responses(ctx context.Context, n Net, d engine.Data, layer int) ([][]float32, error) {
	p, err := s.On(d)
	if err != nil {
		return nil, err
	}
	values, err := p.Values(ctx, n, layer, false)
	if err != nil {
		return nil, err
	}
	rows := make([][]float32, n.Spec.Layers[layer].Units)
	for j := range rows {
		rows[j] = column(values, j)
	}
	return rows, nil
}

// correlations returns the correlation of every row of a with every row of b, len(a)×len(b); 0 where one is constant
// or holds what is not finite: it is like nothing.
func correlations(ctx context.Context, a, b [][]float32) ([][]float64, error) {
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
