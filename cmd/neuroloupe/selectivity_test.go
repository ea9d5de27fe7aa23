package main

import (
	"slices"
	"strconv"
	"testing"

	"neuroloupe/engine/inspect"
)

// The correlation that the caption and the file say is that of the numbers in the file, and those are the run's.
func TestSelectivityIsTheRuns(t *testing.T) {
	dir := trained(t, "--net", "120-12-4", "--epochs", "20")
	v := opened(t, dir)
	all, labels := passes(t, v)
	got := shown(t, "classes", dir)
	var selectivity, lost []float64
	for j := range 12 {
		var mean, count [4]float64
		for i, p := range all {
			mean[labels[i]] += p.A[0][j]
			count[labels[i]]++
		}
		var m []float64
		for k := range mean {
			m = append(m, mean[k]/count[k])
		}
		most := slices.Max(m)
		rest := (sum(m) - most) / 3 // of the other classes
		near(t, "selectivity of "+strconv.Itoa(j), at(got["selectivity"], j), (most-rest)/(most+rest), 1e-5)
		selectivity, lost = append(selectivity, at(got["selectivity"], j)), append(lost, at(got["accuracy_lost"], j))
	}
	near(t, "correlation", at(got["selectivity_correlation"]), inspect.Correlation(selectivity, lost), 1e-9)
}
