package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fake is a runner whose epochs take the given seconds, the last for good; it writes down its turns.
func fake(name string, turns *[]string, seconds ...float64) *runner {
	n := 0
	return &runner{name: name, epoch: func() (float64, float64, error) {
		*turns = append(*turns, name)
		s := seconds[min(n, len(seconds)-1)]
		n++
		return s, float64(n) / 10, nil
	}}
}

func TestMeasure(t *testing.T) {
	var turns []string
	quick, tired := fake("quick", &turns, 5, 1, 3, 2), fake("slow", &turns, 5, slow+1)
	crawling := fake("very slow", &turns, verySlow+1)
	peak := 0.0
	peaks, err := measure([]*runner{quick, tired, crawling}, 3, func() float64 {
		turns = append(turns, "peak")
		peak++
		return peak
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "quick,slow,very slow,quick,slow,peak,quick,slow,peak,quick,peak"
	if got := strings.Join(turns, ","); got != want {
		t.Errorf("turns %s\nwant  %s", got, want)
	}
	if d := cmp.Diff([]float64{1, 2, 3}, peaks); d != "" {
		t.Errorf("peaks: %s", d)
	}
	for _, c := range []struct {
		r        *runner
		seconds  []float64
		epochs   int
		accuracy float64
	}{
		{quick, []float64{1, 3, 2}, 4, 0.4},
		{tired, []float64{slow + 1, slow + 1}, 3, 0.3},
		{crawling, []float64{verySlow + 1}, 1, 0.1},
	} {
		if d := cmp.Diff(c.seconds, c.r.seconds); d != "" || c.r.epochs != c.epochs || c.r.accuracy != c.accuracy {
			t.Errorf("%s: %v, %d epochs, accuracy %v; want %v, %d, %v", c.r.name, c.r.seconds, c.r.epochs, c.r.accuracy,
				c.seconds, c.epochs, c.accuracy)
		}
	}
	broken := &runner{name: "broken", epoch: func() (float64, float64, error) { return 0, 0, errors.New("no memory") }}
	if _, err := measure([]*runner{broken}, 1, func() float64 { return 1 }); err == nil ||
		err.Error() != "broken: no memory" {
		t.Errorf("a runner that fails: %v", err)
	}
}

func TestMedian(t *testing.T) {
	if a, b := median([]float64{3, 1, 2}), median([]float64{4, 1, 3, 2}); a != 2 || b != 2.5 {
		t.Errorf("medians %v and %v, want 2 and 2.5", a, b)
	}
}
