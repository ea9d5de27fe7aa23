// Package inspect computes what a network's weights and activations tell about its neurons. It computes and does not
// draw; package render draws and does not compute.
//
// A neuron's map is its column of a layer's weights, W[:,j], one number per input.
package inspect
