package engine

import "math"

// rate returns the learning rate of the step that t, in [0, 1), of the run lies before.
func (k ScheduleKind) rate(lr, t float64) float32 {
	switch {
	case k == Step && t >= 0.8:
		lr /= 10
	case k == Cosine:
		lr *= (1 + math.Cos(math.Pi*t)) / 2
	}
	return float32(lr)
}

// Decay follows γ, the factor by which weight decay alone has shrunk a weight that no gradient ever reached, such as
// that of a pixel never inked: what is left of W₀ in W is γW₀. The update is linear in such a weight for sgd, momentum
// and nesterov, so γ obeys the update's own recursion; for sgd it is Π(1 − ηλ/n).
type Decay struct {
	Gamma    float64 `json:"gamma"`    // γ, 1 at the start
	Velocity float64 `json:"velocity"` // of γ, for momentum and nesterov
}

// HasGamma reports whether s shrinks an untouched weight by a factor that does not depend on its value. It does not for
// an L1 penalty, nor for Adam with an L2 penalty; γ is then estimated from W, see package inspect.
func (s Spec) HasGamma() bool {
	return s.L1 == 0 && (s.L2 == 0 || s.Update.Method != Adam)
}

// step advances d by one training step of s with learning rate lr.
func (d *Decay) step(s Spec, lr float32) {
	if s.L2 == 0 || !s.HasGamma() {
		return
	}
	mu := float64(float32(s.Update.Momentum))
	shrink := float64(lr) * float64(float32(s.L2/float64(s.N))) * d.Gamma
	switch s.Update.Method {
	case Momentum:
		d.Velocity = mu*d.Velocity - shrink
		d.Gamma += d.Velocity
	case Nesterov:
		d.Velocity = mu*d.Velocity - shrink
		d.Gamma += mu*d.Velocity - shrink
	default:
		d.Gamma -= shrink
	}
}
