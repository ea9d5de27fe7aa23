package kernel

import (
	"math"

	"neuroloupe/engine"
)

// Update changes the parameters w by one step of in.Method with learning rate lr, from the gradient g of the loss and
// the state s, t that the method keeps (see [engine.Method.StateNames]; nil where it keeps none). The gradient that
// counts is g' = g + L2·w + L1·sgn(w). step is the number of steps before this one. All of the same length; g is not
// changed.
//
//	sgd       w ← w − ηg'
//	momentum  v ← μv − ηg',  w ← w + v
//	nesterov  v ← μv − ηg',  w ← w + μv − ηg'
//	adam      m ← β₁m + (1−β₁)g',  v ← β₂v + (1−β₂)g'²,  w ← w − η m̂/(√v̂ + ε),
//	          m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ), t = step+1
func Update(w, g, s, t []float32, in *engine.Instr, lr float32, step uint64) {
	mu := in.Momentum
	switch in.Method {
	case engine.SGD:
		if in.L2 == 0 && in.L1 == 0 {
			axpy(w, -lr, g)
			return
		}
		for i, v := range w {
			w[i] = v - float32(lr*(g[i]+penalty(v, in.L2, in.L1)))
		}
	case engine.Momentum:
		for i, v := range w {
			s[i] = float32(mu*s[i]) - float32(lr*(g[i]+penalty(v, in.L2, in.L1)))
			w[i] = v + s[i]
		}
	case engine.Nesterov:
		for i, v := range w {
			d := float32(lr * (g[i] + penalty(v, in.L2, in.L1)))
			s[i] = float32(mu*s[i]) - d
			w[i] = v + (float32(mu*s[i]) - d)
		}
	case engine.Adam:
		b1, b2 := in.Beta1, in.Beta2
		k := float64(step) + 1
		c1 := float32(1 / (1 - math.Pow(float64(b1), k)))
		c2 := float32(1 / (1 - math.Pow(float64(b2), k)))
		for i, v := range w {
			d := g[i] + penalty(v, in.L2, in.L1)
			s[i] = float32(b1*s[i]) + float32((1-b1)*d)
			t[i] = float32(b2*t[i]) + float32((1-b2)*(d*d))
			w[i] = v - lr*(s[i]*c1)/(float32(math.Sqrt(float64(t[i]*c2)))+in.Epsilon)
		}
	}
}
