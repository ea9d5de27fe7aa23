package engine_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
)

func good() engine.Spec {
	return engine.Spec{Inputs: 784, Layers: []engine.Layer{{100, engine.Sigmoid}, {10, engine.Sigmoid}}}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*engine.Spec)
		want   string // part of the error; "" = none
	}{
		{"784-100-10", func(*engine.Spec) {}, ""},
		{"no hidden layer", func(s *engine.Spec) { s.Layers = s.Layers[1:] }, ""},
		{"no layer", func(s *engine.Spec) { s.Layers = nil }, "0 layers"},
		{"no inputs", func(s *engine.Spec) { s.Inputs = 0 }, "0 inputs"},
		{"empty layer", func(s *engine.Spec) { s.Layers[1].Units = 0 }, "layer 2 of 784-100-0"},
		{"negative layer", func(s *engine.Spec) { s.Layers[0].Units = -3 }, "layer 1"},
		{"too many weights", func(s *engine.Spec) { s.Inputs, s.Layers[0].Units = 1<<20, 1<<20 }, "layer 1"},
		{"hidden softmax", func(s *engine.Spec) { s.Layers[0].Activation = engine.Softmax }, "layer 1"},
		{"unknown activation", func(s *engine.Spec) { s.Layers[0].Activation = 99 }, "unknown(99)"},
		{"cross-entropy of identity", func(s *engine.Spec) {
			s.Loss, s.Layers[1].Activation = engine.CrossEntropy, engine.Identity
		}, "sigmoid or softmax"},
		{"cross-entropy of relu", func(s *engine.Spec) {
			s.Loss, s.Layers[1].Activation = engine.CrossEntropy, engine.ReLU
		}, "layer 2"},
		{"unknown loss", func(s *engine.Spec) { s.Loss = 9 }, "unknown(9)"},
		{"L2 without n", func(s *engine.Spec) { s.L2 = 5 }, "training examples"},
		{"L2 with n", func(s *engine.Spec) { s.L2, s.N = 5, 50000 }, ""},
		{"negative L1", func(s *engine.Spec) { s.L1 = -1 }, "L1"},
		{"L2 not a number", func(s *engine.Spec) { s.L2 = math.NaN() }, "L2"},
		{"dropout of all", func(s *engine.Spec) { s.Dropout = 1 }, "dropout"},
		{"momentum of almost 1", func(s *engine.Spec) { s.Update.Momentum = 0.99999999 }, "momentum"},
		{"epsilon of almost 0", func(s *engine.Spec) { s.Update.Epsilon = 1e-50 }, "epsilon"},
		{"momentum of 1", func(s *engine.Spec) { s.Update.Momentum = 1 }, "momentum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good()
			c.change(&s)
			err := s.Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseSizes(t *testing.T) {
	got, err := engine.ParseSizes("784-300-100-10")
	if diff := cmp.Diff([]int{784, 300, 100, 10}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range []string{
		"", "784", "784-", "-784-10", "784-x-10", "784-0-10", "784--10", "784-9999999999-10",
		"784 100 10",
	} {
		if _, err := engine.ParseSizes(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestNamesReadBack(t *testing.T) {
	for a := engine.Identity; a <= engine.Softmax; a++ {
		var b engine.Activation
		if err := b.UnmarshalText([]byte(a.String())); err != nil || a != b {
			t.Errorf("%v: %v %v", a, b, err)
		}
	}
	for m := engine.SGD; m <= engine.Adam; m++ {
		var b engine.Method
		if err := b.UnmarshalText([]byte(m.String())); err != nil || m != b {
			t.Errorf("%v: %v %v", m, b, err)
		}
	}
	var l engine.Loss
	if err := l.UnmarshalText([]byte("hinge")); err == nil ||
		!strings.Contains(err.Error(), "quadratic cross-entropy") {
		t.Errorf("error does not list the names: %v", err)
	}
}

// Each initialiser has the mean and variance that its paper gives.
func TestNewParams(t *testing.T) {
	for _, c := range []struct {
		init         engine.Init
		weight, bias float64 // variance of the first layer's
		limit        float64 // largest |w|; 0 = none
	}{
		{engine.InitScaled, 1.0 / 784, 1, 0},
		{engine.InitNormal, 1, 1, 0},
		{engine.InitXavier, 2.0 / 884, 0, math.Sqrt(6.0 / 884)},
		{engine.InitHe, 2.0 / 784, 0, 0},
		{engine.InitZeros, 0, 0, 0},
	} {
		t.Run(c.init.String(), func(t *testing.T) {
			s := good()
			s.Init, s.Seed = c.init, 3
			ps := s.NewParams()
			w := ps.Weight(1).Data
			// 78,400 draws: the mean is within 4/280 of a standard deviation, the variance within 4·√2/280.
			if m, v := moments(w); math.Abs(m) > 4*math.Sqrt(c.weight)/280 ||
				math.Abs(v-c.weight) > 4*1.5/280*c.weight {
				t.Errorf("weights: mean %v variance %v, want 0 and %v", m, v, c.weight)
			}
			if _, v := moments(ps.Bias(1).Data); math.Abs(v-c.bias) > 0.6*c.bias { // 100 draws
				t.Errorf("biases: variance %v, want %v", v, c.bias)
			}
			for _, x := range w {
				if c.limit > 0 && math.Abs(float64(x)) > c.limit*(1+1e-6) {
					t.Fatalf("weight %v beyond %v", x, c.limit)
				}
			}
			if !same(ps, s.NewParams()) {
				t.Error("the same seed gives other parameters")
			}
			other := s
			other.Seed = 4
			if c.init != engine.InitZeros && same(ps, other.NewParams()) {
				t.Error("another seed gives the same parameters")
			}
		})
	}
}

func same(a, b engine.Params) bool {
	return slices.EqualFunc(a, b, func(x, y engine.Tensor) bool {
		return x.Name == y.Name &&
			slices.Equal(x.Data, y.Data)
	})
}

func moments(x []float32) (mean, variance float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, variance / float64(len(x))
}
