package inspect_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/enginetest"
	"neuroloupe/engine/inspect"
)

// inference is the Program of a network that is only asked.
func inference(s engine.Spec) *engine.Program {
	p, err := enginetest.Textbook(s, 1)
	if err != nil {
		panic(err)
	}
	return p
}

// newProbe binds d to an executor of engine/cpu for s.
func newProbe(t testing.TB, s engine.Spec, d engine.Data) inspect.Probe {
	t.Helper()
	b, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	e, err := b.Compile(inference(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	ref, err := e.Bind(d)
	if err != nil {
		t.Fatal(err)
	}
	return inspect.Probe{Executor: e, Ref: ref, Data: d}
}

// network returns a network with random weights.
func network(hidden engine.Activation, sizes ...int) inspect.Net {
	s := engine.Spec{Inputs: sizes[0], Seed: 5, Init: engine.InitXavier}
	for _, n := range sizes[1:] {
		s.Layers = append(s.Layers, engine.Layer{Units: n, Activation: hidden})
	}
	s.Layers[len(s.Layers)-1].Activation = engine.Sigmoid
	return inspect.Net{Spec: s, Params: s.NewParams()}
}

// images draws n labelled images, a fifth of their pixels inked.
func images(n, inputs, classes int) engine.Data {
	r := rand.New(rand.NewPCG(8, 9))
	d := engine.Data{Images: make([]byte, n*inputs), Labels: make([]uint8, n)}
	for i := range d.Images {
		if r.IntN(5) == 0 {
			d.Images[i] = byte(r.IntN(256))
		}
	}
	for i := range d.Labels {
		d.Labels[i] = uint8(r.IntN(classes))
	}
	return d
}

// The executor and the float64 pass agree on every layer of every image, over more images than go at a time.
func TestProbeAgreesWithForward(t *testing.T) {
	n := network(engine.Tanh, 6, 4, 5, 3)
	p := newProbe(t, n.Spec, images(5000, 6, 3))
	other := n.Randomised(99) // must not stay in the executor
	if _, err := p.Values(t.Context(), other, 0, false); err != nil {
		t.Fatal(err)
	}
	for l := range n.Spec.Layers {
		for _, z := range []bool{true, false} {
			values, err := p.Values(t.Context(), n, l, z)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range values {
				pass, err := n.Forward(inspect.Pixels(p.Data.Images[i*6 : (i+1)*6]))
				if err != nil {
					t.Fatal(err)
				}
				want := pass.A[l]
				if z {
					want = pass.Z[l]
				}
				for j, v := range row {
					// float32 sums of at most 7 numbers near 1, and exponentials
					if math.Abs(float64(v)-want[j]) > 2e-6 {
						t.Fatalf("layer %d image %d neuron %d z=%v: %v, want %v", l, i, j, z, v, want[j])
					}
				}
			}
		}
	}
}

func TestProbeStops(t *testing.T) {
	n := network(engine.ReLU, 4, 3, 2)
	p := newProbe(t, n.Spec, images(10, 4, 2))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := p.Values(ctx, n, 0, false); !errors.Is(err, why) {
		t.Errorf("Values: %v", err)
	}
	if _, err := n.Paths(ctx, 1, nil, nil); !errors.Is(err, why) {
		t.Errorf("Paths: %v", err)
	}
	if _, err := inspect.Assign(ctx, [][]float64{{1}}); !errors.Is(err, why) {
		t.Errorf("Assign: %v", err)
	}
	output, err := n.Target(1, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Attribute(ctx, inspect.IntegratedGradients, make([]float64, 4), output,
		inspect.AttributeOptions{}); !errors.Is(err, why) {
		t.Errorf("Attribute: %v", err)
	}
	if _, err := inspect.NewAblation(ctx, p, n, 0); !errors.Is(err, why) {
		t.Errorf("NewAblation: %v", err)
	}
	if _, err := inspect.NewPrior(ctx, p.Data, 2, 2); !errors.Is(err, why) {
		t.Errorf("NewPrior: %v", err)
	}
	if _, err := inspect.Similar(ctx, [][]float32{{1}, {2}}); !errors.Is(err, why) {
		t.Errorf("Similar: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	n := network(engine.ReLU, 4, 3, 2)
	d := images(6, 4, 2)
	p := newProbe(t, n.Spec, d)
	short := n
	short.Params = n.Params[:3]
	turned := n
	turned.Params = engine.Params{n.Params[2], n.Params[1], n.Params[0], n.Params[3]}
	x := make([]float64, 4)
	output, err := n.Target(1, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	prior, err := inspect.NewPrior(t.Context(), d, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	flat := network(engine.ReLU, 4, 2)
	wide := *prior
	wide.Width = 3
	first := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"inspect: parameters of 4-3-2: want 4 tensors, got 3": short.Validate(),
		"inspect: parameters of 4-3-2: want layer1.weight of shape [4 3], got layer2.weight of shape [3 2] with 6 " +
			"values": turned.Validate(),
		"inspect: image for 4-3-2: want 4 values, got 3":                   first(n.Forward(x[:3])),
		"inspect: layer 3 of 4-3-2: it has layers 1 to 2":                  first(p.Values(t.Context(), n, 2, false)),
		"inspect: layer 2 of 4-3-2 is the output layer, want a hidden one": first(n.Why(x, 1, nil)),
		"inspect: network 4-2 has no hidden layer":                         first(flat.Why(x, flat.Hidden(), nil)),
		"inspect: 6 images of 5 pixels: want 30 bytes, got 24": first(inspect.Patterns(t.Context(), d, 5,
			nil)),
		"inspect: mean activations: want 3, got 1":                      first(n.Why(x, 0, x[:1])),
		"inspect: neuron 3 of layer 1 of 4-3-2: it has neurons 0 to 2":  first(n.Target(0, 3, -1)),
		"inspect: neuron -1 of layer 1 of 4-3-2: it has neurons 0 to 2": first(n.Target(0, -1, 0)),
		"inspect: ε of LRP is -1, want more than 0": first(n.Attribute(t.Context(), inspect.LRP,
			x, output, inspect.AttributeOptions{Epsilon: -1})),
		"inspect: target on layer 1 of 4-3-2: want 3 weights, got 2": first(n.Gradient(x,
			inspect.Target{Weights: x[:2]})),
		"inspect: row 1 of the cost matrix: want 2, got 1": first(inspect.Assign(t.Context(),
			[][]float64{{1, 2}, {3}})),
		"inspect: cost of row 0 and column 1 is NaN, want a finite number": first(inspect.Assign(t.Context(),
			[][]float64{{1, math.NaN()}})),
		"inspect: prior of 2×3 images for 4-3-2: want 4 values": first(n.Dream(t.Context(), output, &wide,
			inspect.DreamOptions{Reach: 1})),
		"inspect: 6 images of 6 pixels: want 36 bytes, got 24": first(inspect.NewPrior(t.Context(), d, 2,
			3)),
		"inspect: class 2: there are classes 0 to 0": first(inspect.Contrast([][]float64{{1}}, 2,
			0)),
		"inspect: layers of slopes: want 1, got 0": first(n.Paths(t.Context(), 1, nil,
			[][]float64{})),
		"inspect: dream with a reach of 0, want more than 0 and finite": first(n.Dream(t.Context(), output, prior,
			inspect.DreamOptions{})),
	} {
		if err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}
