package study

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// Design is a full factorial experiment: every combination of the levels of its factors, each observed equally often.
type Design struct {
	Factors []string // names
	Levels  []int    // of each factor, at least 2

	// Cells are the observations of each combination, all the same number, at least 1. The last factor runs fastest:
	// the combination of levels i of L is cell ((i₀·L₁ + i₁)·L₂ + i₂)….
	Cells [][]float64
}

// Effect is a line of an analysis of variance.
type Effect struct {
	Factors []string // one for a main effect, more for their interaction; none for the noise
	SS      float64  // sum of squares
	DF      int      // degrees of freedom
	Share   float64  // SS/Total
	Noise   float64  // the share that it would have on average if there were nothing but noise; NaN where not known
}

// Name joins the factors with ×.
func (e Effect) Name() string {
	if len(e.Factors) == 0 {
		return "noise"
	}
	return strings.Join(e.Factors, "×")
}

// Variance is an analysis of variance.
type Variance struct {
	Effects []Effect // the largest first, without the noise
	Noise   Effect   // within the combinations; DF 0 where each was observed once
	Total   float64  // sum of squares about the mean of all
	N       int      // observations
}

// mostFactors bounds the effects, of which there are 2^factors − 1.
const mostFactors = 8

// Analyse splits the sum of squares of a balanced full factorial design exactly into main effects, interactions of
// every order, and the noise within the combinations (Montgomery, Design and Analysis of Experiments, chapter 5, "The
// General Factorial Design"):
//
//	SS_total = Σ (y − ȳ)² = Σ_S SS_S + SS_noise
//	SS_S = N/Π_{f∈S} L_f · Σ (Σ_{T⊆S} (−1)^{|S|−|T|} ȳ_T)², over the combinations of the levels of S
//
// ȳ_T being the means over all observations that agree in the factors T. If there were noise alone, SS_S would be on
// average its degrees of freedom times the mean square of the noise: that share is Effect.Noise.
func (d Design) Analyse() (*Variance, error) {
	replicates, err := d.check()
	if err != nil {
		return nil, err
	}
	v := &Variance{N: replicates * len(d.Cells)}
	means := make([]float64, len(d.Cells))
	grand := 0.0
	for i, cell := range d.Cells {
		for _, y := range cell {
			means[i] += y / float64(replicates)
		}
		grand += means[i] / float64(len(d.Cells))
	}
	for i, cell := range d.Cells {
		for _, y := range cell {
			v.Total += (y - grand) * (y - grand)
			v.Noise.SS += (y - means[i]) * (y - means[i])
		}
	}
	v.Noise.DF = v.N - len(d.Cells)
	if v.Total <= 1e-24*max(1, grand*grand)*float64(v.N) {
		return nil, errors.New("all runs have the same result")
	}
	v.Noise.Share, v.Noise.Noise = v.Noise.SS/v.Total, v.Noise.SS/v.Total
	k := len(d.Factors)
	marginal := make([][]float64, 1<<k)
	for s := range marginal {
		marginal[s] = d.marginal(means, s)
	}
	for s := 1; s < 1<<k; s++ {
		v.Effects = append(v.Effects, d.effect(marginal, s, v))
	}
	slices.SortStableFunc(v.Effects, func(a, b Effect) int { return cmp.Compare(b.SS, a.SS) })
	return v, nil
}

func (d Design) check() (replicates int, err error) {
	if len(d.Factors) == 0 || len(d.Factors) > mostFactors {
		return 0, fmt.Errorf("%d settings differ, want 1 to %d", len(d.Factors), mostFactors)
	}
	cells := 1
	for i, l := range d.Levels {
		if l < 2 {
			return 0, fmt.Errorf("%s has %d values, want at least 2", d.Factors[i], l)
		}
		cells *= l
	}
	if len(d.Levels) != len(d.Factors) || cells != len(d.Cells) {
		return 0, fmt.Errorf("%d combinations, want %d", len(d.Cells), cells)
	}
	for _, cell := range d.Cells {
		if len(cell) == 0 || len(cell) != len(d.Cells[0]) {
			return 0, errors.New("the combinations have not the same number of runs each")
		}
	}
	return len(d.Cells[0]), nil
}

// project returns the index of a cell among the combinations of the levels of the factors of set s.
func (d Design) project(cell, s int) int {
	out, scale := 0, 1
	for f := len(d.Levels) - 1; f >= 0; f-- {
		level := cell % d.Levels[f]
		cell /= d.Levels[f]
		if s>>f&1 == 1 {
			out += level * scale
			scale *= d.Levels[f]
		}
	}
	return out
}

// size is how many combinations the levels of the factors of set s have.
func (d Design) size(s int) int {
	n := 1
	for f, l := range d.Levels {
		if s>>f&1 == 1 {
			n *= l
		}
	}
	return n
}

// marginal returns the mean over the cells that agree in the factors of set s, for each combination of their levels.
func (d Design) marginal(means []float64, s int) []float64 {
	out := make([]float64, d.size(s))
	each := float64(len(means) / len(out))
	for i, m := range means {
		out[d.project(i, s)] += m / each
	}
	return out
}

// effect is that of the factors of set s.
func (d Design) effect(marginal [][]float64, s int, v *Variance) Effect {
	n := d.size(s)
	e := Effect{DF: 1, Noise: math.NaN()}
	for f, l := range d.Levels {
		if s>>f&1 == 1 {
			e.Factors = append(e.Factors, d.Factors[f])
			e.DF *= l - 1
		}
	}
	seen := make([]bool, n)
	for cell := range d.Cells {
		i := d.project(cell, s)
		if seen[i] {
			continue
		}
		seen[i] = true
		sum := 0.0
		for t := s; ; t = (t - 1) & s { // all subsets of s
			sign := 1.0
			if (bits.OnesCount(uint(s))-bits.OnesCount(uint(t)))%2 == 1 {
				sign = -1
			}
			sum += sign * marginal[t][d.project(cell, t)]
			if t == 0 {
				break
			}
		}
		e.SS += sum * sum
	}
	e.SS *= float64(v.N) / float64(n)
	e.Share = e.SS / v.Total
	if v.Noise.DF > 0 {
		e.Noise = float64(e.DF) * v.Noise.SS / float64(v.Noise.DF) / v.Total
	}
	return e
}
