package kernel_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"neuroloupe/engine"
)

const (
	roundoff = 1.0 / (1 << 24) // of one float32 operation, relative
	guard    = 7               // elements before and after a destination that must stay
)

// untouched stands where nothing may be written, and in every destination before it is written.
var untouched = math.Float32frombits(0xffc0_beef)

func source(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// values draws n normal numbers; every third or so is 0, as inputs behind a ReLU are.
func values(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		if r.IntN(3) > 0 {
			x[i] = float32(r.NormFloat64())
		}
	}
	return x
}

// destination returns room for n values that holds NaN, and a function that reports what was written beside it.
func destination(n int) (dst []float32, check func(t *testing.T)) {
	room := slices.Repeat([]float32{untouched}, guard+n+guard)
	return room[guard : guard+n], func(t *testing.T) {
		t.Helper()
		for i, v := range room {
			if (i < guard || i >= guard+n) && math.Float32bits(v) != math.Float32bits(untouched) {
				t.Errorf("%v written at %d, beside 0 to %d", v, i-guard, n)
			}
		}
	}
}

// sameBits reports the first difference.
func sameBits(t *testing.T, what string, want, got []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

// near reports the first element of got that is further from want than bound; NaN is near NaN only.
func near(t *testing.T, what string, want, bound []float64, got []float32) {
	t.Helper()
	for i, w := range want {
		g := float64(got[i])
		if math.IsNaN(w) && math.IsNaN(g) || w == g {
			continue
		}
		if !(math.Abs(g-w) <= bound[i]) {
			t.Errorf("%s: element %d is %v, want %v ± %.2g", what, i, g, w, bound[i])
			return
		}
	}
}

// sizes are the awkward ones: 1, primes, and both sides of the multiples of 4 and 16 that kernels unroll by.
var sizes = []int{1, 2, 3, 4, 5, 7, 13, 15, 16, 17, 31, 67}

var activations = []engine.Activation{engine.Identity, engine.Sigmoid, engine.Tanh, engine.ReLU, engine.Softmax}

// fused are the output activations of each loss.
var fused = []struct {
	loss engine.Loss
	act  engine.Activation
}{
	{engine.Quadratic, engine.Identity},
	{engine.CrossEntropy, engine.Sigmoid},
	{engine.CrossEntropy, engine.Softmax},
}

func label(args ...any) string { return fmt.Sprint(args...) }
