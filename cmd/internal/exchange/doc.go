// Package exchange reads networks that other programs have saved, and writes ours so that they can read them.
//
// Read takes npz, safetensors, and JSON: that of Nielsen's network2.py, and lists of numbers under other keys. It tells
// them apart by their content, and says of other files what they are and what to do. The Write functions give npz, ONNX
// and csv; safetensors is engine/safetensors' business. Everything that a file claims is checked against its size and
// against free memory before memory is allocated for it, and only the arrays of the network are read.
//
// # Why
//
// A file holds arrays and seldom says what they mean. Names say which array is a weight matrix and which a bias, and
// which layer they are of ([Net] is put together from them in search.go, by the words of names.go); shapes say what of
// it can be true, because each layer must take what the one before gives, or one more, which is its bias, and have as
// many biases as outputs. What names call weights must all be used, or it is another network; what nobody names is left
// out with a warning. The layers' order is that of the numbers in their names, none being 0 and "output" the last;
// where that does not fit, the only order that does. Nothing is guessed from the values: where shapes leave more than
// one reading, the likeliest is taken and the others are handed on, for whoever has images to try them on.
package exchange
