package kernel

import "neuroloupe/engine"

// Activate computes a = σ(z) for rows×cols elements; softmax runs over each row of cols. dst may be z itself. See
// [engine.Activation.Row].
func Activate(dst, z []float32, rows, cols int, act engine.Activation) {
	if act != engine.Softmax {
		rows, cols = 1, rows*cols
	}
	for r := range rows {
		act.Row(dst[r*cols:(r+1)*cols], z[r*cols:(r+1)*cols])
	}
}

// ActivateGrad computes ∂C/∂z from g = ∂C/∂a: g ⊙ σ'(z), with σ' written in terms of a = σ(z): a(1−a) for sigmoid,
// 1−a² for tanh, [a > 0] for relu, 1 for identity. For softmax ∂C/∂z_k = a_k (g_k − Σ_j g_j a_j). dst may be a or g
// itself. All rows×cols.
func ActivateGrad(dst, a, g []float32, rows, cols int, act engine.Activation) {
	n := rows * cols
	dst, a, g = dst[:n], a[:n], g[:n]
	switch act {
	case engine.Identity:
		copy(dst, g)
	case engine.Sigmoid:
		for i, y := range a {
			dst[i] = g[i] * (y * (1 - y))
		}
	case engine.Tanh:
		for i, y := range a {
			dst[i] = g[i] * (1 - float32(y*y))
		}
	case engine.ReLU:
		for i, y := range a {
			v := g[i]
			if y <= 0 {
				v = 0
			}
			dst[i] = v
		}
	case engine.Softmax:
		for r := range rows {
			lo, hi := r*cols, (r+1)*cols
			s := dot(a[lo:hi], g[lo:hi])
			for i := lo; i < hi; i++ {
				dst[i] = a[i] * (g[i] - s)
			}
		}
	}
}

// Mul computes dst = x ⊙ m; dst may be x.
func Mul(dst, x, m []float32) {
	for i, v := range x {
		dst[i] = v * m[i]
	}
}

// Add computes dst = x + y; dst may be x or y.
func Add(dst, x, y []float32) {
	for i, v := range x {
		dst[i] = v + y[i]
	}
}
