// Package inspect computes what a network's weights and activations tell about its neurons. It computes and does not
// draw; package render draws and does not compute.
//
// A [Subject] is a network with its images and an executor, and answers each question once: what a neuron is and does
// ([Subject.Neuron]), what a layer loses without its neurons ([Subject.Ablated]), what excites, what is mistaken, what
// two networks have in common. A [Net] is the network with its weights alone; what one image does in it is worked out
// in float64 ([Net.Why], [Net.Attribute]). A [Probe] asks an executor about a whole data set, for other images than the
// subject's. All indices count from 0, layers too. What needs W₀ or γ says so; nothing else does.
//
// A neuron's map is its column of a layer's weights, W[:,j], one number per input.
package inspect
