package inspect_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

func TestMapsAreColumns(t *testing.T) {
	w := engine.Tensor{Shape: []int{3, 2}, Data: []float32{1, 10, 2, 20, 3, 30}}
	if diff := cmp.Diff([][]float32{{1, 2, 3}, {10, 20, 30}}, inspect.Maps(w)); diff != "" {
		t.Error(diff)
	}
}

func TestLearnedAndGamma(t *testing.T) {
	w0 := engine.Tensor{Shape: []int{2, 2}, Data: []float32{1, -2, 3, 4}}
	w := engine.Tensor{Shape: []int{2, 2}, Data: []float32{0.5 + 7, -1, 1.5, 2}}
	if diff := cmp.Diff([]float32{7, 0, 0, 0}, inspect.Learned(w, w0, 0.5).Data); diff != "" {
		t.Error(diff)
	}
	half := engine.Tensor{Shape: w0.Shape, Data: []float32{0.5, -1, 1.5, 2}}
	if g := inspect.EstimateGamma(half, w0); math.Abs(g-0.5) > 1e-12 {
		t.Errorf("γ of half the start is %v", g)
	}
	if g := inspect.EstimateGamma(w, engine.Tensor{Data: make([]float32, 4)}); g != 1 {
		t.Errorf("γ of a start of zeros is %v", g)
	}
}

func TestRho(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	start, learned, sum, opposite := make([]float32, 784), make([]float32, 784), make([]float32, 784),
		make([]float32, 784)
	for i := range start {
		start[i], learned[i] = float32(r.NormFloat64()), 0.5*float32(r.NormFloat64())
		sum[i], opposite[i] = start[i]+learned[i], -2*start[i]+3
	}
	for _, c := range []struct {
		name string
		w    []float32
		want float64
		tol  float64
	}{
		{"the start itself", start, 1, 1e-12},
		{"the start, scaled, turned and moved", opposite, 1, 1e-6},
		{"nothing of the start", learned, 0, 0.01}, // ρ of 784 independent pairs is about 1/784
		{"a fifth learned", sum, 1 / 1.25, 0.06},   // variance 1 of 1.25; four standard errors
		{"constant", make([]float32, 784), 0, 0},
	} {
		if got := inspect.Rho(c.w, start); math.Abs(got-c.want) > c.tol {
			t.Errorf("%s: ρ = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSmoothness(t *testing.T) {
	const n = 28
	r := rand.New(rand.NewPCG(3, 4))
	noise, wave, board, flat := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	for y := range n {
		for x := range n {
			noise[y*n+x] = float32(r.NormFloat64())
			wave[y*n+x] = float32(math.Sin(2 * math.Pi * float64(x+y) / 28))
			board[y*n+x] = float32(1 - 2*((x+y)%2))
		}
	}
	for _, c := range []struct {
		name string
		m    []float32
		want float64
		tol  float64
	}{
		{"noise", noise, 0, 0.1},
		{"a slow wave", wave, math.Cos(2 * math.Pi / 28), 0.02}, // autocorrelation of a sine at lag 1, up to the rim
		{"a chess board", board, -1, 1e-9},
		{"flat", flat, 0, 0},
	} {
		if got := inspect.Smoothness(c.m, n, n); math.Abs(got-c.want) > c.tol {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	// By hand: 1 2 / 3 4 has mean 2.5, Σd² = 5, pairs (1,2) (3,4) (1,3) (2,4): 0.75+0.75−0.75−0.75 = 0.
	if got := inspect.Smoothness([]float32{1, 2, 3, 4}, 2, 2); got != 0 {
		t.Errorf("2×2: %v", got)
	}
	// By hand: 1 2 4 in a row has mean 7/3, Σd² = 14/3, pairs 4/9 − 5/9 = −1/9; (3/2)(−1/9)/(14/3) = −1/28.
	if got := inspect.Smoothness([]float32{1, 2, 4}, 1, 3); math.Abs(got+1.0/28) > 1e-12 {
		t.Errorf("1×3: %v, want −1/28", got)
	}
}

func TestRMSNormMedian(t *testing.T) {
	maps := [][]float32{{3, 100, 1}, {4, 100, 2}}
	if got := inspect.RMS(maps, []bool{true, false, false}); math.Abs(got-math.Sqrt(12.5)) > 1e-12 {
		t.Errorf("rms %v", got)
	}
	if got := inspect.RMS(maps, make([]bool, 3)); got != 0 {
		t.Errorf("rms of nothing %v", got)
	}
	if got := inspect.Norm([]float32{3, 4}); got != 5 {
		t.Errorf("norm %v", got)
	}
	if a, b := inspect.Median([]float64{3, 1, 2}), inspect.Median([]float64{4, 1, 2, 3}); a != 2 || b != 2.5 {
		t.Errorf("medians %v %v", a, b)
	}
	if !math.IsNaN(inspect.Median(nil)) {
		t.Error("median of nothing")
	}
}

// The weights of some neurons have the maps of those neurons, in the order asked for.
func TestWeightsOf(t *testing.T) {
	w := engine.Tensor{Shape: []int{2, 20}, Data: make([]float32, 40)}
	for i := range w.Data {
		w.Data[i] = float32(i)
	}
	if diff := cmp.Diff([][]float32{{17, 37}, {0, 20}, {19, 39}},
		inspect.Maps(inspect.WeightsOf(w, []int{17, 0, 19}))); diff != "" {
		t.Error(diff)
	}
	if got := inspect.Maps(w)[18]; got[0] != 18 || got[1] != 38 {
		t.Errorf("map 18 is %v, want 18, 38", got)
	}
}

// A deep path is the product of the weight matrices.
func TestPathAndFavourites(t *testing.T) {
	s := engine.Spec{Inputs: 1, Layers: []engine.Layer{{Units: 2}, {Units: 3}, {Units: 2}}}
	ps := s.ParamInfo()
	for i := range ps {
		ps[i].Data = make([]float32, ps[i].Len())
	}
	copy(ps.Weight(2).Data, []float32{1, 2, 0, 0, -1, 1})
	copy(ps.Weight(3).Data, []float32{1, 0, 0, 1, 2, 2})
	if diff := cmp.Diff([][]float64{{1, 2}, {2, 1}}, inspect.Path(s, ps, 0)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]float64{{1, 0}, {0, 1}}, inspect.Path(s, ps, 2)); diff != "" {
		t.Error(diff)
	}
	// Neuron 0 has the larger weight to class 1, but it is class 0 that makes it fire.
	a := inspect.Activity{ClassMean: [][]float64{{0.9, 0.1}, {0.1, 0.1}}, Mean: []float64{0.5, 0.1}}
	if diff := cmp.Diff([]int{0, 0}, inspect.Favourites([][]float64{{1, 2}, {0, 0}}, a)); diff != "" {
		t.Error(diff)
	}
}
