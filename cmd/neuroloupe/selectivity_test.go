package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"neuroloupe/engine/inspect"
)

// The scatter has a dot for each neuron that has a selectivity, at what it is and what the neuron costs; the farthest have
// their numbers, and come first.
func TestScatter(t *testing.T) {
	b := &ablation{}
	for j := range 40 {
		b.selectivity = append(b.selectivity, 0.5+0.01*float64(j%7))
		b.lostAll = append(b.lostAll, 0.0001*float64(j%5))
	}
	b.selectivity[3], b.lostAll[20], b.lostAll[31] = math.NaN(), 0.05, -0.02
	c, ok := b.scatter()
	if !ok || len(c.Xs) != 39 {
		t.Fatalf("%d dots, want 39", len(c.Xs))
	}
	if c.Names[0] != "20" || c.Names[1] != "31" || c.Ys[0] != 5 || c.Ys[1] != -2 || c.Xs[0] != b.selectivity[20] {
		t.Errorf("first %v %v %v", c.Names[:2], c.Xs[:2], c.Ys[:2])
	}
	var seen []float64
	for i, name := range c.Names {
		if (name != "") != (i < someNamed) {
			t.Errorf("dot %d has the name %q", i, name)
		}
		seen = append(seen, c.Xs[i]*1e3+c.Ys[i])
	}
	var want []float64
	for j, s := range b.selectivity {
		if !math.IsNaN(s) {
			want = append(want, s*1e3+100*b.lostAll[j])
		}
	}
	slices.Sort(seen)
	slices.Sort(want)
	if !slices.Equal(seen, want) {
		t.Errorf("dots %v, want %v", seen, want)
	}

	same := &ablation{selectivity: b.selectivity, lostAll: make([]float64, 40)}
	if c, _ := same.scatter(); !strings.Contains(c.Caption, "costs the same alone") || strings.Contains(c.Caption, "Correlation") {
		t.Errorf("where no neuron costs anything: %s", c.Caption)
	}

	few := &ablation{selectivity: []float64{0.2, 0.4}, lostAll: []float64{0, 0}}
	if c, _ := few.scatter(); !slices.Equal(c.Names, []string{"0", "1"}) {
		t.Errorf("of two neurons: %v", c.Names)
	}
	if _, ok := (&ablation{selectivity: []float64{math.NaN()}, lostAll: []float64{0}}).scatter(); ok {
		t.Error("no neuron has a selectivity, and dots are drawn")
	}
}

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
		rest := (sum64(m) - most) / 3 // of the other classes
		near(t, "selectivity of "+strconv.Itoa(j), at(got["selectivity"], j), (most-rest)/(most+rest), 1e-5)
		selectivity, lost = append(selectivity, at(got["selectivity"], j)), append(lost, at(got["accuracy_lost"], j))
	}
	near(t, "correlation", at(got["selectivity_correlation"]), inspect.Correlation(selectivity, lost), 1e-9)
}
