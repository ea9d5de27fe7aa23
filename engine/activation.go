package engine

import "math"

// Row computes a = σ(z) of one example: dst and z are the layer's Units and may be the same. NaN gives NaN for every
// activation.
func (a Activation) Row(dst, z []float32) {
	switch a {
	case Sigmoid:
		for i, v := range z {
			dst[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	case Tanh:
		for i, v := range z {
			dst[i] = float32(math.Tanh(float64(v)))
		}
	case ReLU:
		for i, v := range z {
			if v < 0 {
				v = 0
			}
			dst[i] = v
		}
	case Softmax:
		softmax(dst, z)
	default:
		copy(dst, z)
	}
}

// softmax with the largest z taken off first, so that no exponential overflows (Goodfellow et al., Deep Learning, 4.1).
func softmax(dst, z []float32) {
	m := z[0]
	for _, v := range z {
		m = max(m, v)
	}
	var sum float64
	for i, v := range z {
		e := math.Exp(float64(v) - float64(m))
		sum += e
		dst[i] = float32(e)
	}
	scale := float32(1 / sum)
	for i := range dst {
		dst[i] *= scale
	}
}
