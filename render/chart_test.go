package render

import (
	"image"
	"math"
	"strings"
	"testing"
)

// Equal ratios are equal distances on both axes: the point between two of a power law lies half-way between their
// marks.
func TestChartIsLogarithmic(t *testing.T) {
	c := Chart{Title: "t", X: "x", Y: "y", Series: []Series{{
		Name: "a", X: []float64{1, 10, 100},
		Y: []float64{4, 40, 400},
	}}}
	img, err := c.Draw()
	if err != nil {
		t.Fatal(err)
	}
	var used image.Rectangle
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X-60; x++ { // the name is at the right
			if img.RGBAAt(x, y) == seriesColors[0] {
				used = used.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if used.Dx() < plotWidth*9/10 {
		t.Fatalf("the line covers %v", used)
	}
	mid := used.Min.Add(used.Max).Div(2)
	if img.RGBAAt(mid.X, mid.Y) != seriesColors[0] || img.RGBAAt(mid.X, mid.Y+2) != seriesColors[0] {
		t.Errorf("no mark at %v, half-way between the ends", mid)
	}
	if img.RGBAAt(mid.X-40, mid.Y-40) == seriesColors[0] {
		t.Error("the line falls")
	}
}

func TestChartAxis(t *testing.T) {
	for _, c := range []struct {
		values []float64
		lo, hi float64
	}{
		{[]float64{10, 64}, 10, 100},
		{[]float64{3, 7}, 2, 10},
		{[]float64{1000}, 500, 2000},
		{[]float64{0.011, 19}, 0.01, 20},
	} {
		a := logAxis(c.values, 0, 1)
		if math.Abs(a.lo-c.lo) > 1e-9*c.lo || math.Abs(a.hi-c.hi) > 1e-9*c.hi {
			t.Errorf("%v: axis from %v to %v, want %v to %v", c.values, a.lo, a.hi, c.lo, c.hi)
		}
		ticks := a.ticks()
		if len(ticks) < 2 || len(ticks) > 10 || ticks[0] < a.lo*0.999 || ticks[len(ticks)-1] > a.hi*1.001 {
			t.Errorf("%v: ticks %v", c.values, ticks)
		}
	}
	for v, want := range map[float64]string{5: "5", 0.5: "0.5", 5000: "5000", 20000: "20k", 5e6: "5M"} {
		if got := quantity(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}

func TestChartErrors(t *testing.T) {
	for name, s := range map[string][]Series{
		"no series":     nil,
		"no points":     {{Name: "a"}},
		"zero":          {{Name: "a", X: []float64{1, 2}, Y: []float64{1, 0}}},
		"infinite":      {{Name: "a", X: []float64{1}, Y: []float64{math.Inf(1)}}},
		"not a number":  {{Name: "a", X: []float64{math.NaN()}, Y: []float64{1}}},
		"other lengths": {{Name: "a", X: []float64{1, 2}, Y: []float64{1}}},
		"few whiskers":  {{Name: "a", X: []float64{1, 2}, Y: []float64{1, 2}, Low: []float64{1}}},
	} {
		if _, err := (Chart{Series: s}).Draw(); err == nil || !strings.HasPrefix(err.Error(), "render: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChartLinearAxis(t *testing.T) {
	for _, c := range []struct {
		values []float64
		labels string
	}{
		{[]float64{0, 30}, "0 5 10 15 20 25 30"},
		{[]float64{95.4, 98.1}, "95.0 95.5 96.0 96.5 97.0 97.5 98.0 98.5"},
		{[]float64{-0.31, 0.2}, "−0.4 −0.3 −0.2 −0.1 0.0 0.1 0.2"},
		{[]float64{5}, "4.4 4.6 4.8 5.0 5.2 5.4 5.6"},
		{[]float64{0, 0}, "−1.0 −0.5 0.0 0.5 1.0"},
		{[]float64{0, 2e7}, "0 5e6 1e7 1.5e7 2e7"},
	} {
		a := linearAxis(c.values, 10, 110)
		var labels []string
		for _, v := range a.ticks() {
			labels = append(labels, a.label(v))
		}
		if got := strings.Join(labels, " "); got != c.labels {
			t.Errorf("%v: ticks %q, want %q", c.values, got, c.labels)
		}
		mid := (a.lo + a.hi) / 2
		if a.at(a.lo) != 10 || a.at(a.hi) != 110 || math.Abs(a.at(mid)-60) > 1e-9 {
			t.Errorf("%v: ends at %v and %v, the middle at %v", c.values, a.at(a.lo), a.at(a.hi), a.at(mid))
		}
	}
}
