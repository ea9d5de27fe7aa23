package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	g "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// Backpropagation written out gives what GoMLX's own differentiation of the loss gives, and velocities fade as they
// should.
func TestStep(t *testing.T) {
	const lr = 0.5
	for _, task := range []string{"quadratic", "softmax", "large"} {
		rng := rand.New(rand.NewPCG(1, 2))
		backend, err := simplego.New("")
		if err != nil {
			t.Fatal(err)
		}
		n, err := newNetwork(backend, task, lr, rng)
		if err != nil {
			t.Fatal(err)
		}
		s := set{images: make([]float32, 5*inputs), labels: []int32{3, 9, 0, 3, 7}}
		for i := range s.images {
			s.images[i] = max(0, rng.Float32()-0.8)
		}
		n.data(s)
		gradient, err := g.NewExec(backend, func(in []*g.Node) []*g.Node {
			x, y := g.Gather(in[0], in[2]), g.OneHot(g.Reshape(g.Gather(in[1], in[2]), -1), classes, dtypes.Float32)
			out, loss := n.forward(x, in[3:])[n.layers], (*g.Node)(nil)
			if n.quadratic {
				loss = g.MulScalar(g.ReduceAllSum(g.Square(g.Sub(out, y))), 0.5)
			} else {
				loss = g.Neg(g.ReduceAllSum(g.Mul(y, g.LogSoftmax(out))))
			}
			return g.Gradient(g.DivScalar(loss, float64(x.Shape().Dimensions[0])), in[3:]...)
		})
		if err != nil {
			t.Fatal(err)
		}
		velocity := make([][]float64, 2*n.layers)
		for step, rows := range [][]int32{{4, 0, 1}, {2, 3}} {
			args := []any{n.images, n.labels, tensors.FromFlatDataAndDimensions(rows, len(rows), 1)}
			var before [][]float32
			for _, p := range n.params[:2*n.layers] {
				args = append(args, p)
				before = append(before, tensors.MustCopyFlatData[float32](p))
			}
			grads, err := gradient.Exec(args...)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.step(rows); err != nil {
				t.Fatal(err)
			}
			for i, gr := range grads {
				after := tensors.MustCopyFlatData[float32](n.params[i])
				if velocity[i] == nil {
					velocity[i] = make([]float64, len(after))
				}
				worst, moved := 0.0, 0.0
				for j, d := range tensors.MustCopyFlatData[float32](gr) {
					velocity[i][j] = n.momentum*velocity[i][j] + float64(d)
					want := float64(before[i][j]) - lr*velocity[i][j]
					worst = max(worst, math.Abs(float64(after[j])-want))
					moved = max(moved, math.Abs(lr*velocity[i][j]))
				}
				// Both round in float32, sums of up to 1,024 products differently.
				if moved == 0 || worst > 1e-4*moved+1e-6 {
					t.Errorf("%s, step %d, parameter %d moved by up to %g: %g away from GoMLX's gradient", task, step+1,
						i, moved, worst)
				}
			}
		}
	}
	if _, err := newNetwork(nil, "none", 1, nil); err == nil {
		t.Error("an unknown task was taken")
	}
}
