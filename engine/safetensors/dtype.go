package safetensors

import (
	"encoding/binary"
	"math"
)

// dtype is an element type that can be read as float32.
type dtype struct {
	name string
	size int // bytes
	// decode converts the elements in src, little-endian, to dst: len(src) = size·len(dst). It returns the index of the
	// first one that float32 cannot hold, or −1.
	decode func(dst []float32, src []byte) int
}

// dtypeOf returns the dtype of that name in a header.
func dtypeOf(name string) (dtype, bool) {
	switch name {
	case "F32":
		return float32Type(), true
	case "F64":
		return dtype{"F64", 8, decodeF64}, true
	case "F16":
		return dtype{"F16", 2, decodeF16}, true
	case "BF16":
		return dtype{"BF16", 2, decodeBF16}, true
	}
	return dtype{}, false
}

// float32Type is the dtype that is written.
func float32Type() dtype { return dtype{"F32", 4, decodeF32} }

func decodeF32(dst []float32, src []byte) int {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
	return -1
}

// decodeF64 rounds to nearest. A finite value that would become infinite is an error: a network with one is not the
// network that was saved.
func decodeF64(dst []float32, src []byte) int {
	for i := range dst {
		v := math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		dst[i] = float32(v)
		if math.IsInf(float64(dst[i]), 0) && !math.IsInf(v, 0) {
			return i
		}
	}
	return -1
}

func decodeF16(dst []float32, src []byte) int {
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(src[2*i:]))
	}
	return -1
}

// decodeBF16: a bfloat16 is the upper half of a float32.
func decodeBF16(dst []float32, src []byte) int {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
	return -1
}

// half returns the value of an IEEE 754 binary16: (−1)^s · 2^(e−15) · 1.f, for e = 0 (−1)^s · 2^−14 · 0.f, for e = 31
// infinity or NaN. All are exact in float32.
func half(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10&31), uint32(h&0x3ff)
	switch exponent {
	case 0:
		v := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	default:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	}
}
