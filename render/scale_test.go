package render

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScale(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		name  string
		maps  [][]float32
		scale Scale
		limit float64
		want  scaling
	}{
		{"shared", [][]float32{{1, -2}, {0.5, 0}}, Shared, 0, scaling{limits: []float64{2, 2}, shared: 2, total: 4}},
		{"neuron", [][]float32{{1, -2}, {0.5, 0}}, Neuron, 0, scaling{limits: []float64{2, 0.5}, shared: 2, total: 4}},
		{"all zero", [][]float32{{0, 0}, {0, 0}}, Shared, 0, scaling{limits: []float64{0, 0}, total: 4}},
		{
			"negative zero",
			[][]float32{{float32(math.Copysign(0, -1))}},
			Neuron, 0,
			scaling{limits: []float64{0}, total: 1},
		},
		{
			"not finite",
			[][]float32{{nan, inf, -inf, -3}, {nan, nan, nan, nan}},
			Shared, 0,
			scaling{limits: []float64{3, 3}, shared: 3, total: 8, notFinite: 7},
		},
		{
			"nothing finite, percentile",
			[][]float32{{nan, -inf}},
			Percentile, 0,
			scaling{limits: []float64{0}, total: 2, notFinite: 2},
		},
		{
			"percentile of few is the largest",
			[][]float32{{1, -2}, {0.5, 0}},
			Percentile, 0,
			scaling{limits: []float64{2, 2}, shared: 2, total: 4},
		},
		{
			"percentile of zeros and one",
			[][]float32{append(make([]float32, 999), 7)},
			Percentile, 0,
			scaling{limits: []float64{7}, shared: 7, total: 1000},
		},
		{
			"given",
			[][]float32{{1, -2, inf}, {0.5, 0, nan}},
			Shared, 1.5,
			scaling{limits: []float64{1.5, 1.5}, shared: 1.5, total: 6, notFinite: 2, beyond: 1},
		},
		{
			"given and larger",
			[][]float32{{1, -2}},
			Percentile, 10,
			scaling{limits: []float64{10}, shared: 10, total: 2},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := scale(tt.maps, tt.scale, tt.limit)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(scaling{})); diff != "" {
				t.Errorf("scale (-want +got):\n%s", diff)
			}
		})
	}
}

// The percentile found by counting is that of sorting.
func TestPercentileIsTheNearestRank(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 199, 200, 201, 1000, 4567} {
		for _, spread := range []float64{1e-40, 1e-3, 1, 1e30} {
			var maps [][]float32
			var all []float64
			for len(all) < n {
				m := make([]float32, min(97, n-len(all)))
				for i := range m {
					m[i] = float32(r.NormFloat64() * spread)
					all = append(all, math.Abs(float64(m[i])))
				}
				maps = append(maps, m)
			}
			slices.Sort(all)
			want := all[(n*995+999)/1000-1]
			got := scale(maps, Percentile, 0)
			if got.shared != want {
				t.Errorf("%d weights of spread %g: limit %v, want %v", n, spread, got.shared, want)
			}
			beyond := 0
			for _, a := range all {
				if a > want {
					beyond++
				}
			}
			if got.beyond != beyond {
				t.Errorf("%d weights of spread %g: %d beyond, want %d", n, spread, got.beyond, beyond)
			}
		}
	}
}

func TestScaleByName(t *testing.T) {
	for _, s := range []Scale{Shared, Neuron, Percentile} {
		if got, err := ScaleByName(s.String()); got != s || err != nil {
			t.Errorf("ScaleByName(%q) = %v, %v", s, got, err)
		}
	}
	if _, err := ScaleByName("global"); err == nil ||
		!strings.Contains(err.Error(), "want one of shared, neuron, percentile") {
		t.Errorf("error %v does not list the names", err)
	}
}

func TestNumber(t *testing.T) {
	tests := []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 3, "0"},
		{0.8371, 3, "0.837"},
		{0.8371, 2, "0.84"},
		{-0.8, 3, "−0.800"},
		{1, 2, "1.0"},
		{9.996, 3, "10.0"},
		{10, 3, "10.0"},
		{99.96, 3, "100"},
		{1000, 3, "1000"},
		{12345, 3, "12300"},
		{123456, 3, "1.23e5"},
		{0.001, 3, "0.00100"},
		{0.0009996, 3, "0.00100"},
		{0.00012, 2, "1.2e−4"},
		{-1.17549435e-38, 3, "−1.18e−38"},
		{3.4028e38, 2, "3.4e38"},
	}
	for _, tt := range tests {
		if got := number(tt.v, tt.digits); got != tt.want {
			t.Errorf("number(%v, %d) = %q, want %q", tt.v, tt.digits, got, tt.want)
		}
	}
}

func TestRoundTicks(t *testing.T) {
	tests := []struct {
		limit float64
		want  []string
	}{
		{0, nil},
		{1, []string{"0.5"}},
		{0.837, []string{"0.5"}},
		{1.74, []string{"0.5", "1", "1.5"}},
		{2, []string{"0.5", "1", "1.5"}},
		{3.5, []string{"1", "2", "3"}},
		{8, []string{"2", "4", "6"}},
		{12.3, []string{"5", "10"}},
		{0.0004, []string{"1e−4", "2e−4", "3e−4"}},
		{6e-40, []string{"2e−40", "4e−40"}},
		{3e38, []string{"1e38", "2e38"}},
	}
	for _, tt := range tests {
		var got []string
		for _, v := range roundTicks(tt.limit) {
			got = append(got, tickNumber(v))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("ticks up to %v (-want +got):\n%s", tt.limit, diff)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1 000", 78400: "78 400", 3211264: "3 211 264"} {
		if got := strings.ReplaceAll(grouped(n), "\u00a0", " "); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}
