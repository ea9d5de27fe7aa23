package graph

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The Programs of the networks people train, read and judged once.
func TestProgramGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		spec engine.Spec
	}{
		{"nielsen1", engine.Spec{
			Inputs: 784, Layers: []engine.Layer{layer(100, engine.Sigmoid), layer(10, engine.Sigmoid)},
		}},
		{"clear", engine.Spec{
			Inputs: 784, Layers: []engine.Layer{layer(100, engine.Sigmoid), layer(10, engine.Sigmoid)},
			Loss: engine.CrossEntropy, L2: 5, N: 50000,
		}},
		{"dropout", engine.Spec{
			Inputs: 784, Layers: []engine.Layer{
				layer(300, engine.ReLU), layer(100, engine.Tanh),
				layer(10, engine.Softmax),
			},
			Loss: engine.CrossEntropy, Dropout: 0.25, L2: 1, L1: 2, N: 10000,
			Update: engine.Update{Method: engine.Adam},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compile(t, c.spec, 10).String()
			file := filepath.Join("testdata", c.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The rules of engine.Program, for every network.
func TestProgramRules(t *testing.T) {
	for _, c := range specs {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, c.spec, 8)
			names, used := map[string]bool{}, make([]bool, len(p.Buffers))
			for _, b := range p.Buffers {
				if names[b.Name] {
					t.Errorf("two buffers named %s", b.Name)
				}
				names[b.Name] = true
			}
			ready := map[engine.Ref]bool{}
			check := func(what string, refs []engine.Ref, want []engine.Tensor) {
				if len(refs) != len(want) {
					t.Fatalf("%d %s, want %d", len(refs), what, len(want))
				}
				for i, r := range refs {
					if b := p.Buffers[r]; b.Name != want[i].Name || b.Len(1) != want[i].Len() || b.Batch {
						t.Errorf("%s %d is %+v, want %s %v", what, i, b, want[i].Name, want[i].Shape)
					}
					ready[r], used[r] = true, true
				}
			}
			check("parameters", p.Params, c.spec.ParamInfo())
			check("state", p.State, c.spec.StateInfo())

			parameter := map[engine.Ref]bool{}
			for _, r := range p.Params {
				parameter[r] = true
			}
			run := func(code []engine.Instr) {
				written := map[engine.Ref]bool{}
				readable := func(r engine.Ref) bool { return ready[r] || written[r] }
				for i, in := range code {
					for _, r := range in.In[:in.Operands()] {
						if !readable(r) {
							t.Errorf("instruction %d reads %s before it is written", i, p.Buffers[r].Name)
						}
						used[r] = true
					}
					if written[in.Out] || parameter[in.Out] != (in.Op == engine.OpUpdate) {
						t.Errorf("instruction %d, %v, writes %s", i, in.Op, p.Buffers[in.Out].Name)
					}
					written[in.Out], used[in.Out] = true, true
				}
			}
			run(p.Train)
			run(p.Infer)
			for r, b := range p.Buffers {
				if !used[r] {
					t.Errorf("buffer %s is never used", b.Name)
				}
			}

			// Updates come last and in the order of the parameters, with penalties for weights alone.
			updates := p.Train[len(p.Train)-len(p.Params):]
			for i, in := range updates {
				l2, l1 := float32(0), float32(0)
				if i%2 == 0 && c.spec.N > 0 {
					l2, l1 = float32(c.spec.L2/float64(c.spec.N)), float32(c.spec.L1/float64(c.spec.N))
				}
				if in.Op != engine.OpUpdate || in.Out != p.Params[i] || in.L2 != l2 || in.L1 != l1 {
					t.Errorf("instruction %d is %+v, want the update of %s with L2 %v and L1 %v",
						len(p.Train)-len(updates)+i, in, p.Buffers[p.Params[i]].Name, l2, l1)
				}
				if in.Operands() != 1+len(c.spec.Update.Method.StateNames()) {
					t.Errorf("update of %s has %d operands", p.Buffers[in.Out].Name, in.Operands())
				}
			}

			count := func(code []engine.Instr) map[engine.Op]int {
				n := map[engine.Op]int{}
				for _, in := range code {
					n[in.Op]++
				}
				return n
			}
			layers, acts, masks := len(c.spec.Layers), 0, 0
			for _, l := range c.spec.Layers {
				if l.Activation != engine.Identity {
					acts++
				}
			}
			if c.spec.Dropout > 0 {
				masks = layers - 1
			}
			infer := map[engine.Op]int{engine.OpImages: 1, engine.OpDense: layers}
			if acts > 0 {
				infer[engine.OpActivate] = acts
			}
			if diff := cmp.Diff(infer, count(p.Infer)); diff != "" {
				t.Errorf("inference: %s", diff)
			}
			train := count(p.Train)
			for op, want := range map[engine.Op]int{
				engine.OpMask: masks, engine.OpMul: 2 * masks, engine.OpDenseDX: layers - 1, // no ∂C/∂x of the data
				engine.OpDenseDW: layers, engine.OpDenseDB: layers, engine.OpLoss: 1, engine.OpLossGrad: 1,
				engine.OpPenaltyGrad: 0, engine.OpAdd: 0, engine.OpUpdate: 2 * layers,
			} {
				if train[op] != want {
					t.Errorf("training has %d %v, want %d", train[op], op, want)
				}
			}
			for i, l := range p.Layers {
				z, a := p.Buffers[l.Z], p.Buffers[l.A]
				if !z.Batch || !a.Batch || z.Cols != c.spec.Layers[i].Units || a.Cols != z.Cols {
					t.Errorf("layer %d: z %+v, a %+v", i+1, z, a)
				}
				if identity := c.spec.Layers[i].Activation == engine.Identity; (l.Z == l.A) != identity {
					t.Errorf("layer %d: a is z: %t, want %t", i+1, l.Z == l.A, identity)
				}
			}
			if b := p.Buffers[p.Loss]; b.Name != "loss" || b.Len(8) != 1 {
				t.Errorf("loss %+v", b)
			}
		})
	}
}

// The same Spec gives the same Program, whenever and for however many rows its graph was built.
func TestLowerIsDeterministic(t *testing.T) {
	for _, c := range specs {
		t.Run(c.name, func(t *testing.T) {
			want := compile(t, c.spec, 16)
			for rows := 1; rows <= 20; rows++ {
				got, err := Lower(build(t, c.spec, rows), 16)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("built for %d rows: %s", rows, diff)
				}
			}
		})
	}
}

func TestUpdateConstants(t *testing.T) {
	for _, c := range []struct {
		name   string
		update engine.Update
		want   engine.Instr
	}{
		{"sgd", engine.Update{Momentum: 0.5, Beta1: 0.5}, engine.Instr{}},
		{"momentum", engine.Update{Method: engine.Momentum, Momentum: 0.5}, engine.Instr{Momentum: 0.5}},
		{"adam by default", engine.Update{Method: engine.Adam}, engine.Instr{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}},
		{
			"adam",
			engine.Update{Method: engine.Adam, Beta1: 0.5, Beta2: 0.75, Epsilon: 0.125},
			engine.Instr{Beta1: 0.5, Beta2: 0.75, Epsilon: 0.125},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := specs[0].spec
			spec.Update = c.update
			p := compile(t, spec, 1)
			got := p.Train[len(p.Train)-1]
			c.want.Op, c.want.Method, c.want.Out, c.want.In = engine.OpUpdate, c.update.Method, got.Out, got.In
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
