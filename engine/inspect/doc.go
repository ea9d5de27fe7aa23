// Package inspect computes what a network's weights and activations tell about its neurons. It computes and does not
// draw; package render draws and does not compute.
//
// A [Net] is a network with its weights; what one image does in it is worked out here in float64 ([Net.Why],
// [Net.Attribute]). What needs a whole data set goes through a [Probe], which asks an engine's executor, and takes the
// rows of values that this returns ([Patterns], [newAblation]). All indices count from 0, layers too. What needs W₀ or
// γ says so; nothing else does.
//
// A neuron's map is its column of a layer's weights, W[:,j], one number per input.
package inspect
