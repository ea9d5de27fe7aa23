package graph

import (
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// specs are networks that between them have every activation, loss, method and penalty, one layer and several, sizes
// that differ and sizes that do not.
var specs = []struct {
	name string
	spec engine.Spec
}{
	{"sigmoid quadratic sgd", engine.Spec{
		Inputs: 6, Layers: []engine.Layer{layer(5, engine.Sigmoid), layer(3, engine.Sigmoid)}, Seed: 1,
	}},
	{"sigmoid cross-entropy L2 sgd", engine.Spec{
		Inputs: 6, Layers: []engine.Layer{layer(5, engine.Sigmoid), layer(3, engine.Sigmoid)},
		Loss: engine.CrossEntropy,
		L2:   5, N: 50, Seed: 2,
	}},
	{"softmax cross-entropy L2 adam", engine.Spec{
		Inputs: 6, Layers: []engine.Layer{layer(5, engine.Tanh), layer(3, engine.Softmax)}, Loss: engine.CrossEntropy,
		L2: 2, N: 40, Update: engine.Update{Method: engine.Adam}, Seed: 3,
	}},
	{"two relu layers dropout L1 L2 nesterov", engine.Spec{
		Inputs: 7, Layers: []engine.Layer{layer(6, engine.ReLU), layer(5, engine.ReLU), layer(4, engine.Softmax)},
		Loss: engine.CrossEntropy, Init: engine.InitHe, L1: 1, L2: 2, N: 30, Dropout: 0.4,
		Update: engine.Update{Method: engine.Nesterov, Momentum: 0.9}, Seed: 4,
	}},
	{"softmax quadratic L1 momentum", engine.Spec{
		Inputs: 6, Layers: []engine.Layer{layer(5, engine.Tanh), layer(3, engine.Softmax)}, L1: 3, N: 60,
		Update: engine.Update{Method: engine.Momentum, Momentum: 0.5}, Seed: 5,
	}},
	{"identity everywhere dropout", engine.Spec{
		Inputs: 6, Layers: []engine.Layer{layer(5, engine.Identity), layer(3, engine.Identity)},
		Init:    engine.InitXavier,
		Dropout: 0.5, Seed: 6,
	}},
	{"equal sizes dropout L1 adam", engine.Spec{
		Inputs: 4, Layers: []engine.Layer{layer(4, engine.Sigmoid), layer(4, engine.Sigmoid), layer(4, engine.Sigmoid)},
		Loss: engine.CrossEntropy, L1: 1, N: 20, Dropout: 0.3,
		Update: engine.Update{Method: engine.Adam, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-6}, Seed: 7,
	}},
	{"all of size one L2 nesterov", engine.Spec{
		Inputs: 1, Layers: []engine.Layer{layer(1, engine.Tanh), layer(1, engine.Sigmoid)}, L2: 1, N: 10,
		Update: engine.Update{Method: engine.Nesterov, Momentum: 0.7}, Seed: 8,
	}},
	{"one layer", engine.Spec{
		Inputs: 6, Layers: []engine.Layer{layer(3, engine.Softmax)}, Loss: engine.CrossEntropy, Dropout: 0.5, Seed: 9,
	}},
}

func layer(units int, a engine.Activation) engine.Layer {
	return engine.Layer{Units: units, Activation: a}
}

// examples draws n examples for spec.
func examples(spec engine.Spec, n int) engine.Data {
	r := rand.New(rand.NewPCG(spec.Seed, 99))
	d := engine.Data{Images: make([]byte, n*spec.Inputs), Labels: make([]uint8, n)}
	for i := range d.Images {
		if r.IntN(3) > 0 { // a third of the pixels is 0
			d.Images[i] = byte(r.IntN(256))
		}
	}
	for i := range d.Labels {
		d.Labels[i] = uint8(r.IntN(spec.Classes()))
	}
	return d
}

// interpreter runs a Program instruction by instruction with the kernels: what a Program means.
type interpreter struct {
	p    *engine.Program
	bufs [][]float32
}

func interpret(p *engine.Program, params []engine.Tensor) *interpreter {
	v := &interpreter{p: p}
	for _, b := range p.Buffers {
		buf := make([]float32, b.Len(p.Capacity))
		for i := range buf {
			buf[i] = float32(math.NaN()) // what is read must have been written
		}
		v.bufs = append(v.bufs, buf)
	}
	for i, r := range p.Params {
		copy(v.bufs[r], params[i].Data)
	}
	for _, r := range p.State {
		clear(v.bufs[r])
	}
	return v
}

func (v *interpreter) run(code []engine.Instr, d engine.Data, order []int32, lr float32, step uint64) {
	rows := len(order)
	for k := range code {
		in := &code[k]
		cols := v.p.Buffers[in.Out].Cols
		out := v.bufs[in.Out][:v.p.Buffers[in.Out].Len(rows)]
		var arg [3][]float32
		var shape [3]engine.Buffer
		for j, r := range in.In {
			if r != engine.None {
				shape[j] = v.p.Buffers[r]
				arg[j] = v.bufs[r][:shape[j].Len(rows)]
			}
		}
		switch in.Op {
		case engine.OpImages:
			kernel.Images(out, d.Images, order, cols)
		case engine.OpLabels:
			kernel.Labels(out, d.Labels, order, cols)
		case engine.OpMask:
			kernel.Mask(out, in.Keep, v.p.Spec.Seed, step, in.Layer)
		case engine.OpDense:
			kernel.Dense(out, arg[0], arg[1], arg[2], rows, shape[1].Rows, cols)
		case engine.OpDenseDX:
			kernel.DenseDX(out, arg[0], arg[1], rows, cols, shape[1].Cols)
		case engine.OpDenseDW:
			kernel.DenseDW(out, arg[0], arg[1], rows, shape[0].Cols, cols, 0, shape[0].Cols)
		case engine.OpDenseDB:
			kernel.DenseDB(out, arg[0], rows, cols)
		case engine.OpActivate:
			kernel.Activate(out, arg[0], rows, cols, in.Activation)
		case engine.OpActivateGrad:
			kernel.ActivateGrad(out, arg[0], arg[1], rows, cols, in.Activation)
		case engine.OpMul:
			kernel.Mul(out, arg[0], arg[1])
		case engine.OpAdd:
			kernel.Add(out, arg[0], arg[1])
		case engine.OpLoss:
			out[0] = kernel.Loss(arg[0], arg[1], rows, shape[0].Cols, in.Loss, in.Activation)
		case engine.OpLossGrad:
			kernel.LossGrad(out, arg[0], arg[1], rows, cols, in.Loss, in.Activation)
		case engine.OpPenaltyGrad:
			kernel.PenaltyGrad(out, arg[0], in.L2, in.L1)
		case engine.OpUpdate:
			kernel.Update(out, arg[0], arg[1], arg[2], in, lr, step)
		default:
			panic(in.Op)
		}
	}
}

func (v *interpreter) train(d engine.Data, order []int32, lr float32, step uint64) (loss float32) {
	v.run(v.p.Train, d, order, lr, step)
	return v.bufs[v.p.Loss][0]
}

// resident returns parameters and state as an Executor's Read does.
func (v *interpreter) resident() []engine.Tensor {
	var ts []engine.Tensor
	for _, refs := range [][]engine.Ref{v.p.Params, v.p.State} {
		for _, r := range refs {
			ts = append(ts, engine.Tensor{Name: v.p.Buffers[r].Name, Data: v.bufs[r]})
		}
	}
	return ts
}

// sameBits fails the test when a value of got differs from want in any bit.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func compile(t *testing.T, spec engine.Spec, capacity int) *engine.Program {
	t.Helper()
	p, err := Compile(spec, capacity)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func build(t *testing.T, spec engine.Spec, rows int) *Net {
	t.Helper()
	net, err := Build(spec, rows)
	if err != nil {
		t.Fatal(err)
	}
	return net
}
