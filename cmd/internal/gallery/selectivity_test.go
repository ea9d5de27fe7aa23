package gallery

import (
	"math"
	"slices"
	"strings"
	"testing"

	"neuroloupe/engine/inspect"
)

// The scatter has a dot for each neuron that has a selectivity, at what it is and what the neuron costs; the farthest
// have their numbers, and come first.
func TestScatter(t *testing.T) {
	b := &ablation{Ablated: &inspect.Ablated{}}
	for j := range 40 {
		b.selectivity = append(b.selectivity, 0.5+0.01*float64(j%7))
		b.Alone = append(b.Alone, 0.0001*float64(j%5))
	}
	b.selectivity[3], b.Alone[20], b.Alone[31] = math.NaN(), 0.05, -0.02
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
			want = append(want, s*1e3+100*b.Alone[j])
		}
	}
	slices.Sort(seen)
	slices.Sort(want)
	if !slices.Equal(seen, want) {
		t.Errorf("dots %v, want %v", seen, want)
	}

	same := &ablation{selectivity: b.selectivity, Ablated: &inspect.Ablated{
		Alone: make([]float64, 40), SelectiveOf: 39,
	}}
	if c, _ := same.scatter(); !strings.Contains(c.Caption, "costs the same alone") ||
		strings.Contains(c.Caption, "Correlation") {
		t.Errorf("where no neuron costs anything: %s", c.Caption)
	}

	few := &ablation{selectivity: []float64{0.2, 0.4}, Ablated: &inspect.Ablated{Alone: []float64{0, 0}}}
	if c, _ := few.scatter(); !slices.Equal(c.Names, []string{"0", "1"}) {
		t.Errorf("of two neurons: %v", c.Names)
	}
	none := &ablation{selectivity: []float64{math.NaN()}, Ablated: &inspect.Ablated{Alone: []float64{0}}}
	if _, ok := none.scatter(); ok {
		t.Error("no neuron has a selectivity, and dots are drawn")
	}
}
