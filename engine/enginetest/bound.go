package enginetest

import (
	"errors"
	"math"

	"neuroloupe/engine"
)

const (
	roundoff   = 1.0 / (1 << 24) // u of float32
	deviations = 8               // how many standard deviations of accumulated rounding a bound allows
	perLayer   = 8               // roundings of an activation, its derivative and, for softmax, its sum
	perUpdate  = 4               // roundings of an element's new value
)

// noise is the relative error of a value that float32 computes from the inputs, for a batch of rows after some steps;
// see the package's documentation.
func noise(spec engine.Spec, rows, steps int) float64 {
	in, chain := spec.Inputs, math.Sqrt(float64(rows))
	for _, l := range spec.Layers {
		chain += math.Sqrt(float64(in)) + perLayer
		in = l.Units
	}
	return deviations * roundoff * float64(steps+1) * chain
}

// bounds are the errors that float32 arithmetic may have put into parameters and state, element by element.
type bounds struct {
	params, state [][]float64
	steps         int
}

func newBounds(n *reference) *bounds {
	b := &bounds{}
	for _, p := range n.params {
		b.params = append(b.params, make([]float64, len(p)))
	}
	for _, s := range n.state {
		b.state = append(b.state, make([]float64, len(s)))
	}
	return b
}

// errKink says that the data put the weighted input of a ReLU so near to 0 that float32 may see it on the other side,
// and with it another derivative. No bound holds then: other data are wanted.
var errKink = errors.New("a ReLU within rounding of its kink")

// step makes n's update for gradient g and carries the bounds over it: the update rule differentiated, plus the
// rounding of its own operations.
func (b *bounds) step(n *reference, g gradient, rows int, lr float64, step uint64) error {
	e := noise(n.spec, rows, b.steps)
	if n.closest <= e {
		return errKink
	}
	b.steps++
	full := n.penalised(g.sum)
	eg := make([][]float64, len(full)) // error of full
	for p, w := range n.params {
		largest := 0.0
		for i, s := range g.scale[p] {
			largest = max(largest, s, math.Abs(g.sum[p][i]))
		}
		eg[p] = make([]float64, len(w))
		for i := range w {
			eg[p][i] = perUpdate * roundoff * math.Abs(full[p][i]-g.sum[p][i])
			if g.scale[p][i] > 0 { // an element that no example reaches has the gradient 0 in any arithmetic
				eg[p][i] += e * largest
			}
			// the sign may be either
			if n.spec.L1 > 0 && p%2 == 0 && b.params[p][i] > 0 && math.Abs(w[i]) <= b.params[p][i] {
				eg[p][i] += 2 * n.spec.L1 / float64(n.spec.N)
			}
		}
	}
	n.update(full, lr, step)
	mu := n.spec.Update.Momentum
	kept := len(n.spec.Update.Method.StateNames())
	for p, w := range n.params {
		for i, grad := range eg[p] {
			ew := &b.params[p][i]
			switch n.spec.Update.Method {
			case engine.SGD:
				*ew += lr * grad
			case engine.Momentum:
				v, ev := n.state[kept*p][i], &b.state[kept*p][i]
				*ev = mu*(*ev) + lr*grad + perUpdate*roundoff*math.Abs(v)
				*ew += *ev
			case engine.Nesterov:
				v, ev := n.state[kept*p][i], &b.state[kept*p][i]
				*ev = mu*(*ev) + lr*grad + perUpdate*roundoff*math.Abs(v)
				*ew += mu*(*ev) + lr*grad + perUpdate*roundoff*math.Abs(v)
			case engine.Adam:
				*ew += b.adam(n, kept*p, i, full[p][i], grad, lr, step)
			}
			*ew += perUpdate * roundoff * math.Abs(w[i])
		}
	}
	return nil
}

// adam bounds the error of m and v in state tensors s and s+1 and returns that of the change of w, lr·m̂/(√v̂ + ε).
// Where the gradient is all rounding that quotient is anything up to its largest value, which stays below 4 (by Cauchy
// and Schwarz, for the steps of a check).
func (b *bounds) adam(n *reference, s, i int, g, grad, lr float64, step uint64) float64 {
	beta1, beta2, epsilon := adamConstants(n.spec.Update)
	m, v := n.state[s][i], n.state[s+1][i]
	em, ev := &b.state[s][i], &b.state[s+1][i]
	*em = beta1*(*em) + (1-beta1)*grad + perUpdate*roundoff*math.Abs(m)
	*ev = beta2*(*ev) + (1-beta2)*(2*math.Abs(g)+grad)*grad + 2*perUpdate*roundoff*v
	t := float64(step) + 1
	c1, c2 := 1/(1-math.Pow(beta1, t)), 1/(1-math.Pow(beta2, t))
	root := math.Sqrt(v * c2)
	eroot := math.Sqrt(*ev * c2)
	if root > 0 {
		eroot = min(eroot, *ev*c2/root) // √x − √(x−e) ≤ e/√x
	}
	if eroot >= root/2+epsilon {
		return 8 * lr
	}
	denominator := root - eroot + epsilon
	change := (*em*c1 + math.Abs(m)*c1*eroot/(root+epsilon)) / denominator
	return lr * min(change+2*perUpdate*roundoff*math.Abs(m)*c1/(root+epsilon), 8)
}
