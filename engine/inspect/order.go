package inspect

import (
	"context"
	"math"
	"slices"
)

// Importance returns for each neuron Σ_k |Contributions[k][j]|: how much it moves the logits of the classes, each on
// its own images. It orders a sheet rather than the accuracy lost without the neuron, because that comes in steps of
// one image, is about 0 for most neurons of a network that has more than it needs, and says little about several at
// once: a run of train --preset clear with 98.1 % on the test images has 73.6 % without the 50 neurons of largest
// importance, 88.1 % without the 50 that cost most alone, 93.4 % without 50 at random.
func Importance(contributions [][]float64) []float64 {
	if len(contributions) == 0 {
		return nil
	}
	imp := make([]float64, len(contributions[0]))
	for _, row := range contributions {
		for j, c := range row {
			imp[j] += math.Abs(c)
		}
	}
	return imp
}

// seriateRounds bounds the improvement of Similar.
const seriateRounds = 50

// Similar returns an order of maps in which neighbours are alike: a path through all of them, short in the distance
// 1 − corr. From the map that is least like the others on average it goes on to the nearest not yet taken, and then
// turns pieces round while that makes the path shorter (2-opt, Croes 1958). The same maps give the same order. maps:
// n×Inputs. Time and memory grow with
// n²: 1 s for 1024 maps of 784 inputs.
func Similar(ctx context.Context, maps [][]float32) ([]int, error) {
	n := len(maps)
	if n == 0 {
		return nil, nil
	}
	corr, err := correlations(ctx, maps, maps)
	if err != nil {
		return nil, err
	}
	start, least := 0, math.Inf(1)
	for i, row := range corr {
		var sum float64
		for _, c := range row {
			sum += c
		}
		if sum < least {
			start, least = i, sum
		}
	}
	order, taken := []int{start}, make([]bool, n)
	taken[start] = true
	for len(order) < n {
		next, best := -1, math.Inf(-1)
		for j, c := range corr[order[len(order)-1]] {
			if !taken[j] && c > best {
				next, best = j, c
			}
		}
		taken[next] = true
		order = append(order, next)
	}
	return order, shorten(ctx, order, corr)
}

// shorten turns order[i..j] round while that raises the sum of correlations of neighbours.
func shorten(ctx context.Context, order []int, corr [][]float64) error {
	n := len(order)
	link := func(i, j int) float64 { // of the places i and j; nothing beyond the ends
		if i < 0 || j >= n {
			return 0
		}
		return corr[order[i]][order[j]]
	}
	for range seriateRounds {
		better := false
		for i := range n {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			for j := i + 1; j < n; j++ {
				if link(i-1, j)+link(i, j+1) > link(i-1, i)+link(j, j+1)+1e-9 {
					slices.Reverse(order[i : j+1])
					better = true
				}
			}
		}
		if !better {
			break
		}
	}
	return nil
}
