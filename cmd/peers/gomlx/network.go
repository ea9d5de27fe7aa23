package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	g "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
)

const inputs, classes = 784, 10

// network trains by one graph: it takes the data set, the rows of a step, the parameters and their velocities, and
// gives back the new parameters and velocities. GoMLX's own optimisers have no momentum without an adaptive rate; it is
// two more nodes.
type network struct {
	quadratic, relu bool
	lr, momentum    float64
	rng             *rand.Rand

	layers         int
	images, labels *tensors.Tensor   // of the training set
	params         []*tensors.Tensor // W and b of each layer, then their velocities if there is momentum
	train, infer   *g.Exec
}

func newNetwork(backend backends.Backend, task string, lr float64, rng *rand.Rand) (*network, error) {
	n := &network{lr: lr, momentum: 0.9, rng: rng}
	sizes := []int{inputs, 100, classes}
	switch task {
	case "quadratic":
		n.quadratic, n.momentum = true, 0
	case "softmax":
	case "large":
		n.relu = true
		sizes = []int{inputs, 1024, 1024, classes}
	default:
		return nil, fmt.Errorf("no task %q; want quadratic, softmax or large", task)
	}
	n.layers = len(sizes) - 1
	for l, in := range sizes[:n.layers] {
		out, spread := sizes[l+1], math.Sqrt(1/float64(in))
		if n.relu {
			spread *= math.Sqrt2
		}
		w := make([]float32, in*out)
		for i := range w {
			w[i] = float32(rng.NormFloat64() * spread)
		}
		n.params = append(n.params, tensors.FromFlatDataAndDimensions(w, in, out), zeros(out))
	}
	if n.momentum != 0 {
		for _, p := range n.params[:2*n.layers] {
			n.params = append(n.params, zeros(p.Shape().Dimensions...))
		}
	}
	var err error
	if n.train, err = g.NewExec(backend, n.trainGraph); err != nil {
		return nil, err
	}
	n.infer, err = g.NewExec(backend, func(in []*g.Node) *g.Node {
		return g.ArgMax(n.forward(in[0], in[1:])[n.layers],
			1, dtypes.Int32)
	})
	return n, err
}

func zeros(dims ...int) *tensors.Tensor { return tensors.FromScalarAndDimensions(float32(0), dims...) }

func (n *network) data(s set) {
	n.images = tensors.FromFlatDataAndDimensions(s.images, len(s.labels), inputs)
	n.labels = tensors.FromFlatDataAndDimensions(s.labels, len(s.labels), 1)
}

// forward returns the activations of all layers for x, rows×784, x itself first. The last are weighted inputs when a
// softmax follows.
func (n *network) forward(x *g.Node, params []*g.Node) []*g.Node {
	a := []*g.Node{x}
	for l := range n.layers {
		z := g.Add(g.Dot(a[l], params[2*l]), g.InsertAxes(params[2*l+1], 0))
		switch {
		case l == n.layers-1 && !n.quadratic:
		case n.relu:
			z = activations.Relu(z)
		default:
			z = g.Sigmoid(z)
		}
		a = append(a, z)
	}
	return a
}

// trainGraph is a step: in is images, labels, rows, and the params. Backpropagation is written out: of a product of
// matrices, g.Gradient makes a product of every row with every column and then a sum, which a compiler such as XLA
// turns into a product of matrices again; the backend in pure Go does as it is told, many times slower.
func (n *network) trainGraph(in []*g.Node) []*g.Node {
	rows, params, velocities := in[2], in[3:3+2*n.layers], in[3+2*n.layers:]
	y := g.OneHot(g.Reshape(g.Gather(in[1], rows), -1), classes, dtypes.Float32)
	a := n.forward(g.Gather(in[0], rows), params)
	out := a[n.layers]
	var delta *g.Node // ∂(loss of a row)/∂z
	if n.quadratic {
		delta = g.Mul(g.Sub(out, y), slope(out))
	} else {
		delta = g.Sub(g.Softmax(out), y)
	}
	grads := make([]*g.Node, len(params))
	for l := n.layers - 1; l >= 0; l-- {
		grads[2*l] = g.DotGeneral(a[l], []int{0}, nil, delta, []int{0}, nil)
		grads[2*l+1] = g.ReduceSum(delta, 0)
		if l == 0 {
			break
		}
		delta = g.DotGeneral(delta, []int{1}, nil, params[2*l], []int{1}, nil)
		if n.relu {
			delta = g.Mul(delta, g.Sign(a[l])) // a ≥ 0
		} else {
			delta = g.Mul(delta, slope(a[l]))
		}
	}
	next := make([]*g.Node, len(in)-3)
	for i, p := range params {
		v := g.DivScalar(grads[i], float64(rows.Shape().Dimensions[0]))
		if len(velocities) > 0 {
			v = g.Add(g.MulScalar(velocities[i], n.momentum), v)
			next[len(params)+i] = v
		}
		next[i] = g.Sub(p, g.MulScalar(v, n.lr))
	}
	return next
}

// slope returns σ'(z) for a = σ(z).
func slope(a *g.Node) *g.Node { return g.Mul(a, g.OneMinus(a)) }

func (n *network) step(rows []int32) error {
	args := []any{n.images, n.labels, tensors.FromFlatDataAndDimensions(rows, len(rows), 1)}
	for _, p := range n.params {
		args = append(args, p)
	}
	next, err := n.train.Exec(args...)
	if err != nil {
		return err
	}
	for _, p := range n.params {
		if err := p.FinalizeAll(); err != nil {
			return err
		}
	}
	n.params = next
	return nil
}

func (n *network) accuracy(s set) (float64, error) {
	args := []any{tensors.FromFlatDataAndDimensions(s.images, len(s.labels), inputs)}
	for _, p := range n.params[:2*n.layers] {
		args = append(args, p)
	}
	out, err := n.infer.Exec1(args...)
	if err != nil {
		return 0, err
	}
	right := 0
	err = tensors.ConstFlatData(out, func(classes []int32) {
		for i, c := range classes {
			if c == s.labels[i] {
				right++
			}
		}
	})
	return float64(right) / float64(len(s.labels)), err
}
