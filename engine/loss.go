package engine

import "math"

// RowLoss returns the loss of one example from the weighted inputs z of the output layer. y is its target, one-hot; a
// is room for the activations. All Classes.
func (s Spec) RowLoss(z, y, a []float32) float64 {
	out := s.Layers[len(s.Layers)-1].Activation
	if s.Loss == Quadratic {
		out.Row(a, z)
		z = a
	}
	return s.Loss.Row(z, y, out)
}

// Row returns the loss of one example, summed in float64. y is its target, one-hot; p its activations a for the
// quadratic loss, its weighted inputs z for cross-entropy, where out is the fused output activation.
//
//	quadratic              ½ Σ (a − y)²
//	cross-entropy, sigmoid Σ max(z,0) − z·y + ln(1 + e^−|z|)
//	cross-entropy, softmax Σ y (ln Σ_j e^{z_j} − z)
func (l Loss) Row(p, y []float32, out Activation) float64 {
	var sum float64
	switch {
	case l == Quadratic:
		for i, a := range p {
			d := float64(a) - float64(y[i])
			sum += d * d / 2
		}
	case out == Softmax:
		m := p[0]
		for _, z := range p {
			m = max(m, z)
		}
		var e float64
		for _, z := range p {
			e += math.Exp(float64(z) - float64(m))
		}
		logSum := math.Log(e)
		for i, z := range p {
			if y[i] != 0 || math.IsNaN(float64(z)) {
				sum += float64(y[i]) * (logSum - (float64(z) - float64(m)))
			}
		}
	default:
		// One logarithm does for many factors 1 + e^−|z| ≤ 2: of their product, less 1 so that small terms are not
		// lost.
		excess := 0.0
		for i, v := range p {
			z := float64(v)
			sum += max(z, 0) - z*float64(y[i])
			e := math.Exp(-math.Abs(z))
			excess += e + excess*e
			if i%1000 == 999 {
				sum += math.Log1p(excess)
				excess = 0
			}
		}
		sum += math.Log1p(excess)
	}
	return sum
}
