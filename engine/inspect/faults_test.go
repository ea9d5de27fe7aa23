package inspect_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

func TestFaults(t *testing.T) {
	spec := engine.Spec{Inputs: 50, Layers: []engine.Layer{{Units: 40, Activation: engine.ReLU}, {Units: 3}}}
	net := inspect.Net{Spec: spec, Params: spec.NewParams()}
	if got := net.Faults(); got != nil {
		t.Errorf("of a good network: %v", got)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	net.Params.Weight(1).Data[7] = nan
	net.Params.Weight(1).Data[8], net.Params.Weight(1).Data[9] = inf, -inf
	for k := range net.Params.Bias(2).Data {
		net.Params.Bias(2).Data[k] = nan
	}
	want := []inspect.Fault{
		{Layer: 0, Count: 1, Of: 2000},
		{Layer: 0, Infinite: true, Count: 2, Of: 2000},
		{Layer: 1, Biases: true, Count: 3, Of: 3},
	}
	if diff := cmp.Diff(want, net.Faults()); diff != "" {
		t.Error(diff)
	}
}
