package inspect

import (
	"context"
	"fmt"
)

// Paths returns the map of neurons of any layer through the linearised path to the inputs, len(units)×Inputs:
//
//	plain           W1·W2·…·Wl[:,j]
//	slope-weighted  W1·diag(E σ′₁)·W2·diag(E σ′₂)·…·Wl[:,j]
//
// For the first layer it is the neuron's own map, exactly; for a deeper one it is what the neuron would look for if
// everything before it were linear. slopes[l] are the slopes of layer l, 0 being the first (see Probe.Slopes); nil is
// plain. units nil is all. Its cost is that of one backward pass per unit.
func (n Net) Paths(ctx context.Context, layer int, units []int, slopes [][]float64) ([][]float32, error) {
	if err := n.checkLayer(layer, false); err != nil {
		return nil, err
	}
	if slopes != nil && len(slopes) < layer {
		return nil, sizes("layers of slopes", layer, len(slopes))
	}
	for l := range layer {
		if slopes != nil && len(slopes[l]) != n.Spec.Layers[l].Units {
			return nil, sizes(fmt.Sprintf("slopes of layer %d", l+1), n.Spec.Layers[l].Units, len(slopes[l]))
		}
	}
	if units == nil {
		units = indices(n.Spec.Layers[layer].Units)
	}
	maps := make([][]float32, len(units))
	for _, j := range units {
		if err := n.checkUnit(layer, j); err != nil {
			return nil, err
		}
	}
	err := share(ctx, len(units), func(i int) {
		t := Target{Layer: layer, Weights: make([]float64, n.Spec.Layers[layer].Units)}
		t.Weights[units[i]] = 1
		maps[i] = narrow(n.descend(t, slopes, 0)[0])
	})
	return maps, err
}

// Templates returns the template of each class, Classes×Inputs: Σ_j W2[j,k]·W1[:,j], with slopes Σ_j W2[j,k]·E σ′_j·
// W1[:,j], and so on for more layers. It is Paths of the output layer.
func (n Net) Templates(ctx context.Context, slopes [][]float64) ([][]float32, error) {
	return n.Paths(ctx, n.Last(), nil, slopes)
}

// LocalTemplates returns the template of each class at one image, Classes×Inputs: ∂s_k/∂x, the Jacobian of the logits.
func (n Net) LocalTemplates(ctx context.Context, x []float64) ([][]float32, error) {
	if err := n.checkInput(x); err != nil {
		return nil, err
	}
	return n.Paths(ctx, n.Last(), nil, n.slopes(n.forward(x)))
}

func indices(n int) []int {
	is := make([]int, n)
	for i := range is {
		is[i] = i
	}
	return is
}

func narrow(v []float64) []float32 {
	f := make([]float32, len(v))
	for i, x := range v {
		f[i] = float32(x)
	}
	return f
}

func widen(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}
