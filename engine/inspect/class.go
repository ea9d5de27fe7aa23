package inspect

import (
	"cmp"
	"fmt"
	"slices"
)

func sizes(what string, want, got int) error {
	return fmt.Errorf("inspect: %s: want %d, got %d", what, want, got)
}

// Descending returns the indices of v from the largest value to the smallest, equals by index, NaN last.
func Descending[T cmp.Ordered](v []T) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(v[j], v[i]) })
	return order
}

// Contributions returns Classes×Units: what a neuron gives to its own class's logit on the images of that class beyond
// what it gives on average, Path[j][k]·(E[a_j | k] − E[a_j]). For the last hidden layer Path is W and this is the mean
// centred evidence of the class's images; for an earlier layer everything after it is taken as linear.
func Contributions(path [][]float64, a Activity) [][]float64 {
	c := make([][]float64, len(a.ClassMean))
	for k := range c {
		c[k] = contribution(path, a, k)
	}
	return c
}

// contribution is row k of Contributions.
func contribution(path [][]float64, a Activity, k int) []float64 {
	c := make([]float64, len(path))
	for j := range path {
		c[j] = path[j][k] * (a.ClassMean[k][j] - a.Mean[j])
	}
	return c
}

// ClassRank is which neurons speak for a class.
type ClassRank struct {
	Contribution   []float64 // Units: row of Contributions
	Weight         []float64 // Units: Path[j][k]
	ByContribution []int     // neurons, the largest contribution first
	ByWeight       []int     // neurons, the largest weight first
}

// RankClass ranks the neurons of a layer for a class k by mean centred contribution and by weight alone.
func RankClass(path [][]float64, a Activity, k int) (ClassRank, error) {
	if k < 0 || k >= len(a.ClassMean) {
		return ClassRank{}, fmt.Errorf("inspect: class %d: there are classes 0 to %d", k, len(a.ClassMean)-1)
	}
	r := ClassRank{Contribution: contribution(path, a, k), Weight: make([]float64, len(path))}
	for j := range path {
		r.Weight[j] = path[j][k]
	}
	r.ByContribution, r.ByWeight = Descending(r.Contribution), Descending(r.Weight)
	return r, nil
}

// InBoth returns how many of the first n neurons by contribution are among the first n by weight.
func (r ClassRank) InBoth(n int) int {
	both := 0
	for _, j := range r.ByContribution[:min(n, len(r.ByContribution))] {
		if slices.Contains(r.ByWeight[:min(n, len(r.ByWeight))], j) {
			both++
		}
	}
	return both
}
