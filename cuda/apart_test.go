//go:build gpu && linux && cgo && amd64

package cuda

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// apart rewrites code so that nothing can be fused: behind every instruction with a row per example, its result is
// copied by the addition of a matrix of zeros, and gradients go through the addition of a penalty. A dropout mask that
// keeps nothing makes the zeros.
func apart(p *engine.Program, code []engine.Instr) []engine.Instr {
	var out []engine.Instr
	add := func(op engine.Op, to engine.Ref, from ...engine.Ref) *engine.Instr {
		in := engine.Instr{Op: op, Out: to, In: [3]engine.Ref{engine.None, engine.None, engine.None}}
		copy(in.In[:], from)
		out = append(out, in)
		return &out[len(out)-1]
	}
	buffer := func(like engine.Buffer) engine.Ref {
		like.Name = fmt.Sprintf("apart%d", len(p.Buffers))
		p.Buffers = append(p.Buffers, like)
		return engine.Ref(len(p.Buffers) - 1)
	}
	zeros := map[int]engine.Ref{} // by columns
	for _, in := range code {
		b := p.Buffers[in.Out]
		if in.Op == engine.OpUpdate {
			penalty, sum := buffer(b), buffer(b)
			g := add(engine.OpPenaltyGrad, penalty, in.Out)
			g.L2, g.L1 = in.L2, in.L1
			add(engine.OpAdd, sum, in.In[0], penalty)
			in.In[0], in.L2, in.L1 = sum, 0, 0
		}
		if !b.Batch {
			out = append(out, in)
			continue
		}
		if _, ok := zeros[b.Cols]; !ok {
			zeros[b.Cols] = buffer(b)
			m := add(engine.OpMask, zeros[b.Cols])
			m.Keep, m.Layer = 1e-12, 99
		}
		final := in.Out
		in.Out = buffer(b)
		out = append(out, in)
		add(engine.OpAdd, final, in.Out, zeros[b.Cols])
	}
	return out
}

// Instructions that cannot be done with others give what they give together.
func TestApart(t *testing.T) {
	const dropout, penalties = 0.4, 0.3
	var specs []engine.Spec
	for _, hidden := range []engine.Activation{engine.Identity, engine.Sigmoid, engine.Tanh, engine.ReLU} {
		for _, output := range []engine.Activation{
			engine.Identity, engine.Sigmoid, engine.Tanh, engine.ReLU,
			engine.Softmax,
		} {
			for _, loss := range []engine.Loss{engine.Quadratic, engine.CrossEntropy} {
				s := network([]int{11, 7, 6, 5}, hidden, output, loss)
				s.Update = engine.Update{Method: engine.Method(len(specs) % 4), Momentum: 0.5}
				if len(specs)%2 == 0 {
					s.Dropout, s.L1, s.L2, s.N = dropout, penalties, penalties, 10
				}
				if s.Validate() == nil {
					specs = append(specs, s)
				}
			}
		}
	}
	sim.Start(t)
	kernels := map[string]bool{}
	for _, spec := range specs {
		l := spec.Layers
		t.Run(fmt.Sprint(l[0].Activation, l[2].Activation, spec.Loss, spec.Update.Method), func(t *testing.T) {
			want, wantHidden := trained(t, spec, Graph, graph.Compile, nil)
			got, gotHidden := trained(t, spec, Graph, func(s engine.Spec, capacity int) (*engine.Program, error) {
				p, err := graph.Compile(s, capacity)
				if err == nil {
					p.Train, p.Infer = apart(p, p.Train), apart(p, p.Infer)
				}
				return p, err
			}, func(r *runtime) { r.launched = kernels })
			near(t, want, got)
			near(t, []engine.Tensor{{Name: "hidden", Data: wantHidden}},
				[]engine.Tensor{{Name: "hidden", Data: gotHidden}})
		})
	}
	for _, name := range []string{
		"images", "labels", "mask", "finish_dense", "finish_delta", "softmax", "softmax_grad", "add", "penalty_grad",
		"column_sums", "apply_update", "loss",
	} {
		if !kernels[name] {
			t.Errorf("no launch of kernel %s, only of %v", name, slices.Sorted(maps.Keys(kernels)))
		}
	}
}

// near checks that two runs of the same training agree up to rounding.
func near(t *testing.T, want, got []engine.Tensor) {
	t.Helper()
	for k := range want {
		for i, w := range want[k].Data {
			if d := math.Abs(float64(w) - float64(got[k].Data[i])); !(d <= 1e-5) {
				t.Fatalf("%s[%d] is %v, want %v", want[k].Name, i, got[k].Data[i], w)
			}
		}
	}
}
