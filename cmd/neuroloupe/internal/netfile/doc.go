// Package netfile reads networks that other programs have saved, and writes ours so that they can read them.
//
// Read takes the JSON of Nielsen's network2.py, npz, and safetensors; it tells them apart by their content. The Write
// functions give npz, ONNX and csv; safetensors is engine/safetensors' business. Everything that a file claims is checked
// before memory is allocated for it.
//
// # Why
//
// A file holds arrays and seldom says what they mean. Names say which array is a weight matrix and which a bias, and which
// layer they are of; shapes say which way round a matrix is, because each layer must take what the one before gives and
// have as many biases as outputs. Only where both ways fit, which takes square layers, are names asked (PyTorch's
// "x.weight" is Out×In), and then the person. Nothing is guessed from the values.
package netfile
