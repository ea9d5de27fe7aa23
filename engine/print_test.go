package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
)

// Every operation with its operands and constants, every kind of shape, and references to buffers that are not there.
func TestProgramString(t *testing.T) {
	const none = engine.None
	refs := func(r ...engine.Ref) (in [3]engine.Ref) {
		in = [3]engine.Ref{none, none, none}
		copy(in[:], r)
		return in
	}
	p := &engine.Program{
		Spec: engine.Spec{
			Inputs: 784,
			Layers: []engine.Layer{{Units: 100}, {Units: 10}},
			Loss:   engine.CrossEntropy,
			Update: engine.Update{Method: engine.Adam},
		},
		Capacity: 3,
		Buffers: []engine.Buffer{
			{Name: "layer1.weight", Rows: 784, Cols: 100},
			{Name: "layer1.bias", Rows: 1, Cols: 100},
			{Name: "layer1.weight.m", Rows: 784, Cols: 100},
			{Name: "layer1.weight.v", Rows: 784, Cols: 100},
			{Name: "x", Batch: true, Cols: 784},
			{Name: "y", Batch: true, Cols: 10},
			{Name: "z", Batch: true, Cols: 100},
			{Name: "loss", Rows: 1, Cols: 1},
		},
		Params: []engine.Ref{0, 1},
		State:  []engine.Ref{2, 3},
		Loss:   7,
		Train: []engine.Instr{
			{Op: engine.OpImages, Out: 4, In: refs()},
			{Op: engine.OpLabels, Out: 5, In: refs()},
			{Op: engine.OpMask, Out: 6, In: refs(), Keep: 0.75, Layer: 2},
			{Op: engine.OpDense, Out: 6, In: refs(4, 0, 1)},
			{Op: engine.OpDenseDX, Out: 4, In: refs(6, 0)},
			{Op: engine.OpDenseDW, Out: 0, In: refs(4, 6)},
			{Op: engine.OpDenseDB, Out: 1, In: refs(6)},
			{Op: engine.OpActivateGrad, Out: 6, In: refs(6, 6), Activation: engine.Tanh},
			{Op: engine.OpMul, Out: 6, In: refs(6, 6)},
			{Op: engine.OpAdd, Out: 6, In: refs(6, 6)},
			{Op: engine.OpLoss, Out: 7, In: refs(6, 5), Loss: engine.CrossEntropy, Activation: engine.Softmax},
			{Op: engine.OpLossGrad, Out: 6, In: refs(6, 5), Loss: engine.Quadratic},
			{Op: engine.OpPenaltyGrad, Out: 0, In: refs(0), L2: 0.0001, L1: 0.5},
			{Op: engine.OpUpdate, Out: 0, In: refs(2), L2: 0.0001},
			{Op: engine.OpUpdate, Out: 0, In: refs(2, 3), Method: engine.Nesterov, Momentum: 0.9, L1: 0.25},
			{
				Op: engine.OpUpdate, Out: 0, In: refs(0, 2, 3), Method: engine.Adam,
				Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, L2: 1, L1: 2,
			},
			{Op: 200, Out: 99, In: refs(-7)},
		},
		Infer: []engine.Instr{{Op: engine.OpActivate, Out: 6, In: refs(6), Activation: engine.ReLU}},
	}
	const want = `network     784-100-10, cross-entropy loss, adam
step        at most 3 examples
parameters  78500 values, 314000 bytes
state       156800 values, 627200 bytes
scratch     2683 values, 10732 bytes

train
 0  x              n×784    = images()
 1  y              n×10     = labels()
 2  z              n×100    = mask(layer=2, keep=0.75)
 3  z              n×100    = dense(x, layer1.weight, layer1.bias)
 4  x              n×784    = dense-dx(z, layer1.weight)
 5  layer1.weight  784×100  = dense-dw(x, z)
 6  layer1.bias    100      = dense-db(z)
 7  z              n×100    = activate-grad(z, z, tanh)
 8  z              n×100    = mul(z, z)
 9  z              n×100    = add(z, z)
10  loss           1        = loss(z, y, softmax cross-entropy)
11  z              n×100    = loss-grad(z, y, quadratic)
12  layer1.weight  784×100  = penalty-grad(layer1.weight, l2=0.0001, l1=0.5)
13  layer1.weight  784×100  = update(layer1.weight.m, sgd, l2=0.0001)
14  layer1.weight  784×100  = update(layer1.weight.m, layer1.weight.v, nesterov, momentum=0.9, l1=0.25)
15  layer1.weight  784×100  = update(layer1.weight, layer1.weight.m, layer1.weight.v, adam, ` +
		`beta1=0.9, beta2=0.999, epsilon=1e-08, l2=1, l1=2)
16  buffer(99)     ?        = op(200)(buffer(-7))

infer
0  z  n×100  = activate(z, relu)
`
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Error(diff)
	}
}
