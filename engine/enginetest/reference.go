package enginetest

import (
	"math"

	"neuroloupe/engine"
)

// reference is a network trained by the textbook: one example after the other, in float64, with plain loops. Tensors
// are flat and row-major, in the order of Spec.ParamInfo and Spec.StateInfo, so W of layer l is params[2l] and the
// weight from input i to unit j is W[i·Units + j].
//
// Constants that a Program holds as float32 (λ/n, μ, β, ε, 1/keep) are rounded to it here too: a bound is then about
// arithmetic alone.
type reference struct {
	spec   engine.Spec
	params [][]float64
	state  [][]float64
	// closest is how near a weighted input of a ReLU has come to 0, where the derivative jumps, relative to the size
	// of the layer's weighted inputs; +Inf before the first.
	closest float64
}

// single rounds to float32.
func single(v float64) float64 { return float64(float32(v)) }

// newReference makes a network with the parameters given and state 0.
func newReference(spec engine.Spec, params []engine.Tensor) *reference {
	n := &reference{spec: spec, closest: math.Inf(1)}
	for _, p := range params {
		values := make([]float64, len(p.Data))
		for i, v := range p.Data {
			values[i] = float64(v)
		}
		n.params = append(n.params, values)
	}
	for _, s := range spec.StateInfo() {
		n.state = append(n.state, make([]float64, s.Len()))
	}
	return n
}

// activity is what one example brings about in each layer.
type activity struct {
	z [][]float64 // weighted inputs
	a [][]float64 // activations σ(z)
	h [][]float64 // what the next layer sees: a ⊙ mask
	s []float64   // size of the layer's weighted inputs: the largest |z| or ‖(b, x ⊙ w)‖₂ of its units
}

// forward computes z = x·W + b, a = σ(z), h = a ⊙ mask, layer by layer. masks holds a row per hidden layer; nil is no
// dropout.
func (n *reference) forward(x []float64, masks [][]float32) activity {
	var act activity
	for l, layer := range n.spec.Layers {
		w, b := n.params[2*l], n.params[2*l+1]
		z, size := make([]float64, layer.Units), 0.0
		for j := range z {
			z[j] = b[j]
			squares := b[j] * b[j]
			for i, v := range x {
				term := v * w[i*layer.Units+j]
				z[j] += term
				squares += term * term
			}
			size = max(size, math.Abs(z[j]), math.Sqrt(squares))
		}
		if layer.Activation == engine.ReLU {
			for _, v := range z {
				if v != 0 {
					n.closest = min(n.closest, math.Abs(v)/size)
				}
			}
		}
		a := activate(layer.Activation, z)
		h := append([]float64(nil), a...)
		if masks != nil && l < len(n.spec.Layers)-1 {
			for j := range h {
				h[j] *= float64(masks[l][j])
			}
		}
		act.z, act.a, act.h, act.s = append(act.z, z), append(act.a, a), append(act.h, h), append(act.s, size)
		x = h
	}
	return act
}

// gradient is ∂C₀/∂w of the mean data cost C₀ for each parameter, and its scale: the root of the sum of the squares of
// the terms that the batch adds up, which a cancellation among them does not hide.
type gradient struct {
	sum, scale [][]float64
}

// gradient returns the mean cost of the examples of order and its gradient. masks holds for each hidden layer the rows
// of the batch one after the other; nil is no dropout.
func (n *reference) gradient(d engine.Data, order []int32, masks [][]float32) (cost float64, g gradient) {
	for _, p := range n.params {
		g.sum = append(g.sum, make([]float64, len(p)))
		g.scale = append(g.scale, make([]float64, len(p)))
	}
	for r, e := range order {
		cost += n.backprop(pixels(d, n.spec.Inputs, e), int(d.Labels[e]), maskRows(n.spec, masks, r), g)
	}
	rows := float64(len(order))
	for p := range g.sum {
		for i := range g.sum[p] {
			g.sum[p][i] /= rows
			g.scale[p][i] = math.Sqrt(g.scale[p][i]) / rows
		}
	}
	return cost / rows, g
}

// backprop adds one example's terms to g and returns its cost (Nielsen, chapter 2, BP1 to BP4).
func (n *reference) backprop(x []float64, label int, masks [][]float32, g gradient) float64 {
	act := n.forward(x, masks)
	last := len(n.spec.Layers) - 1
	cost, delta := n.output(act.z[last], act.a[last], label) // BP1
	for l := last; l >= 0; l-- {
		in := x
		if l > 0 {
			in = act.h[l-1]
		}
		for j, d := range delta {
			g.sum[2*l+1][j] += d // BP3
			g.scale[2*l+1][j] += d * d
			for i, v := range in {
				k := i*len(delta) + j
				g.sum[2*l][k] += v * d // BP4
				g.scale[2*l][k] += v * d * v * d
			}
		}
		if l == 0 {
			break
		}
		back := make([]float64, len(in)) // BP2
		for i := range back {
			for j, d := range delta {
				back[i] += n.params[2*l][i*len(delta)+j] * d
			}
			if masks != nil {
				back[i] *= float64(masks[l-1][i])
			}
		}
		delta = throughActivation(n.spec.Layers[l-1].Activation, act.z[l-1], back)
	}
	return cost
}

// output returns an example's cost and ∂cost/∂z of the output layer.
func (n *reference) output(z, a []float64, label int) (cost float64, delta []float64) {
	difference := make([]float64, len(a))
	for k := range a {
		y := 0.0
		if k == label {
			y = 1
		}
		difference[k] = a[k] - y
	}
	act := n.spec.Layers[len(n.spec.Layers)-1].Activation
	switch {
	case n.spec.Loss == engine.Quadratic: // ½‖a − y‖²
		for _, d := range difference {
			cost += d * d / 2
		}
		return cost, throughActivation(act, z, difference)
	case act == engine.Softmax: // −ln a_label = ln Σ e^z − z_label
		return logSumExp(z) - z[label], difference
	default: // −ln a for the label's output, −ln (1 − a) for the others: −ln σ(v) = ln(1 + e^−v)
		for k, v := range z {
			if k != label {
				v = -v
			}
			cost += max(-v, 0) + math.Log1p(math.Exp(-math.Abs(v)))
		}
		return cost, difference // Nielsen, chapter 3, equation 67
	}
}

func logSumExp(z []float64) float64 {
	m, sum := z[0], 0.0
	for _, v := range z {
		m = max(m, v)
	}
	for _, v := range z {
		sum += math.Exp(v - m)
	}
	return m + math.Log(sum)
}

// activate returns σ(z) of a layer.
func activate(act engine.Activation, z []float64) []float64 {
	a := make([]float64, len(z))
	total := 0.0
	if act == engine.Softmax {
		total = logSumExp(z)
	}
	for k, v := range z {
		switch act {
		case engine.Identity:
			a[k] = v
		case engine.Sigmoid:
			a[k] = 1 / (1 + math.Exp(-v))
		case engine.Tanh:
			a[k] = math.Tanh(v)
		case engine.ReLU:
			a[k] = math.Max(v, 0)
		case engine.Softmax:
			a[k] = math.Exp(v - total)
		}
	}
	return a
}

// throughActivation returns ∂C/∂z from z and g = ∂C/∂a: g·σ'(z), for softmax a_k·(g_k − Σ_j g_j·a_j).
func throughActivation(act engine.Activation, z, g []float64) []float64 {
	delta := make([]float64, len(z))
	a, inner := activate(act, z), 0.0
	for k := range z {
		inner += g[k] * a[k]
	}
	for k, v := range z {
		switch act {
		case engine.Identity:
			delta[k] = g[k]
		case engine.Sigmoid: // σ(z)·σ(−z)
			delta[k] = g[k] * a[k] / (1 + math.Exp(v))
		case engine.Tanh: // 1/cosh² z
			c := math.Cosh(v)
			delta[k] = g[k] / (c * c)
		case engine.ReLU:
			if v > 0 {
				delta[k] = g[k]
			}
		case engine.Softmax:
			delta[k] = a[k] * (g[k] - inner)
		}
	}
	return delta
}

// penalised returns g plus ∂/∂w of λ₂/(2n)·Σw² + λ₁/n·Σ|w|: λ₂/n·w + λ₁/n·sgn(w), sgn(0) = 0. Biases have no penalty.
func (n *reference) penalised(g [][]float64) [][]float64 {
	full := make([][]float64, len(g))
	for p := range g {
		full[p] = append([]float64(nil), g[p]...)
		if p%2 == 1 || n.spec.L1 == 0 && n.spec.L2 == 0 {
			continue
		}
		l2, l1 := single(n.spec.L2/float64(n.spec.N)), single(n.spec.L1/float64(n.spec.N))
		for i, w := range n.params[p] {
			full[p][i] += l2 * w
			switch {
			case w > 0:
				full[p][i] += l1
			case w < 0:
				full[p][i] -= l1
			}
		}
	}
	return full
}

// update changes parameters and state by one step with the gradient g of the whole cost; step counts the steps before.
func (n *reference) update(g [][]float64, lr float64, step uint64) {
	u := n.spec.Update
	mu := single(u.Momentum)
	beta1, beta2, epsilon := adamConstants(u)
	kept := len(u.Method.StateNames())
	for p, w := range n.params {
		state := n.state[kept*p : kept*(p+1)]
		for i := range w {
			grad := g[p][i]
			switch u.Method {
			case engine.SGD:
				w[i] -= lr * grad
			case engine.Momentum:
				v := state[0]
				v[i] = mu*v[i] - lr*grad
				w[i] += v[i]
			case engine.Nesterov:
				v := state[0]
				v[i] = mu*v[i] - lr*grad
				w[i] += mu*v[i] - lr*grad
			case engine.Adam:
				m, v := state[0], state[1]
				t := float64(step) + 1
				m[i] = beta1*m[i] + (1-beta1)*grad
				v[i] = beta2*v[i] + (1-beta2)*grad*grad
				mHat := m[i] / (1 - math.Pow(beta1, t))
				vHat := v[i] / (1 - math.Pow(beta2, t))
				w[i] -= lr * mHat / (math.Sqrt(vHat) + epsilon)
			}
		}
	}
}

// adamConstants returns β₁, β₂ and ε with their defaults.
func adamConstants(u engine.Update) (beta1, beta2, epsilon float64) {
	or := func(v, otherwise float64) float64 {
		if v == 0 {
			v = otherwise
		}
		return single(v)
	}
	return or(u.Beta1, 0.9), or(u.Beta2, 0.999), or(u.Epsilon, 1e-8)
}
