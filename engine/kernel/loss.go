package kernel

import (
	"math"

	"neuroloupe/engine"
)

// Loss returns the mean over the rows of [engine.Loss.Row]. y: rows×cols targets, one-hot; p: rows×cols, a for the
// quadratic loss, z for cross-entropy with its fused activation act.
func Loss(p, y []float32, rows, cols int, loss engine.Loss, act engine.Activation) float32 {
	var sum float64
	for r := range rows {
		sum += loss.Row(p[r*cols:(r+1)*cols], y[r*cols:(r+1)*cols], act)
	}
	return float32(sum / float64(rows))
}

// LossGrad computes ∂(mean loss)/∂p: (p − y)/n for the quadratic loss, (σ(z) − y)/n for cross-entropy with its fused
// activation (Nielsen, chapter 3, equation 67; Bishop, PRML, 4.109), n = rows. All rows×cols; dst may be p.
func LossGrad(dst, p, y []float32, rows, cols int, loss engine.Loss, act engine.Activation) {
	n := rows * cols
	dst, p, y = dst[:n], p[:n], y[:n]
	if loss == engine.CrossEntropy {
		Activate(dst, p, rows, cols, act)
		p = dst
	}
	scale := 1 / float32(rows)
	for i, v := range p {
		dst[i] = (v - y[i]) * scale
	}
}

// Penalty returns L2/2 Σw² + L1 Σ|w|, with L2 = λ₂/n and L1 = λ₁/n, summed in float64.
func Penalty(w []float32, l2, l1 float32) float32 {
	var squares, sum float64
	for _, v := range w {
		squares += float64(v) * float64(v)
		sum += math.Abs(float64(v))
	}
	return float32(float64(l2)/2*squares + float64(l1)*sum)
}

// PenaltyGrad computes dst = L2·w + L1·sgn(w), sgn(0) = 0.
func PenaltyGrad(dst, w []float32, l2, l1 float32) {
	for i, v := range w {
		dst[i] = penalty(v, l2, l1)
	}
}

// penalty rounds after each operation, so that no compiler fuses it with the sum around it: the separate penalty
// gradient and the one inside Update then agree to the last bit.
func penalty(w, l2, l1 float32) float32 {
	if l1 == 0 {
		if l2 == 0 {
			return 0 // also for an infinite w
		}
		return float32(l2 * w)
	}
	p := float32(l2 * w)
	switch {
	case w > 0:
		p = float32(p + l1)
	case w < 0:
		p = float32(p - l1)
	}
	return p
}
