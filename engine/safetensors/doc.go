// Package safetensors reads and writes the safetensors file format for float32 tensors.
//
// A file is an 8-byte little-endian header length, a JSON header that gives each tensor's dtype, shape and byte range,
// and the data (https://huggingface.co/docs/safetensors, "Format"). Files written here carry two checksums in the
// header's metadata, and Read checks them when they are there, so a damaged file is an error and never a network:
//
//	sha256         of the data
//	header_sha256  of the header, with zeros in the place of these 64 digits
package safetensors

// Tensor is a named array, row-major.
type Tensor struct {
	Name  string
	Shape []int // empty for a scalar
	Data  []float32
}

// Len returns the number of elements that the shape asks for.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}
