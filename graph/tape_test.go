package graph

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"neuroloupe/engine"
)

// tape compiles p on the tape backend, with start parameters written and d bound.
func tape(t *testing.T, p *engine.Program, d engine.Data) (engine.Executor, engine.DataRef) {
	t.Helper()
	b, err := Driver{}.Open("tape")
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(e.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := e.Write(p.Spec.NewParams()...); err != nil {
		t.Fatal(err)
	}
	ref, err := e.Bind(d)
	if err != nil {
		t.Fatal(err)
	}
	return e, ref
}

// epoch shuffles the n examples and cuts them into batches.
func epoch(ref engine.DataRef, n, batch int, lr float32, first uint64, r *rand.Rand) engine.Steps {
	s := engine.Steps{Data: ref, Batch: batch, First: first}
	for _, i := range r.Perm(n) {
		s.Order = append(s.Order, int32(i))
	}
	s.LR, s.Loss = make([]float32, s.Count()), make([]float32, s.Count())
	for i := range s.LR {
		s.LR[i] = lr / float32(i+1)
	}
	return s
}

// A TapeMachine and a Program on the same kernels are the same network to the last bit: loss, parameters, optimiser
// state and every layer, over epochs with tail batches.
func TestTapeIsProgram(t *testing.T) {
	const n, batch, epochs = 17, 5, 4
	for _, c := range specs {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, c.spec, batch)
			d := examples(c.spec, n)
			e, ref := tape(t, p, d)
			v := interpret(p, c.spec.NewParams())
			r := rand.New(rand.NewPCG(1, 2))
			first := uint64(0)
			for range epochs {
				s := epoch(ref, n, batch, 0.3, first, r)
				if err := e.Train(s); err != nil {
					t.Fatal(err)
				}
				losses := make([]float32, s.Count())
				for i := range losses {
					losses[i] = v.train(d, s.Order[i*batch:][:s.Rows(i)], s.LR[i], first+uint64(i))
				}
				sameBits(t, "loss", s.Loss, losses)
				first += uint64(s.Count())
			}
			for _, want := range v.resident() {
				got := engine.Tensor{Name: want.Name, Data: make([]float32, len(want.Data))}
				if err := e.Read(got); err != nil {
					t.Fatal(err)
				}
				sameBits(t, want.Name, got.Data, want.Data)
			}
			for l, refs := range p.Layers {
				units := c.spec.Layers[l].Units
				var z, a []float32
				for lo := 0; lo < n; lo += batch {
					order := []int32{0, 1, 2, 3, 4}[:min(batch, n-lo)]
					for i := range order {
						order[i] = int32(lo + i)
					}
					v.run(p.Infer, d, order, 0, 0)
					z = append(z, v.bufs[refs.Z][:len(order)*units]...)
					a = append(a, v.bufs[refs.A][:len(order)*units]...)
				}
				for _, q := range []engine.Query{
					{Hi: n, Z: true},
					{Hi: n},
					{Lo: 3, Hi: 9},
					{Lo: 4, Hi: 5, Z: true},
					{Lo: 6, Hi: 6},
				} {
					q.Data, q.Layer = ref, l
					q.Dst = make([]float32, (q.Hi-q.Lo)*units)
					if err := e.Infer(q); err != nil {
						t.Fatal(err)
					}
					want := a
					if q.Z {
						want = z
					}
					sameBits(t, "layer", q.Dst, want[q.Lo*units:q.Hi*units])
				}
			}
		})
	}
}

// The same steps in one call or in many give the same bytes, whatever runs in between.
func TestTapeCutsAnywhere(t *testing.T) {
	spec := specs[3].spec // dropout and momentum: what depends on the step's number and on state
	const n, batch = 23, 4
	p, d := compile(t, spec, batch), examples(spec, n)
	whole, ref := tape(t, p, d)
	cut, _ := tape(t, p, d)
	s := epoch(ref, n, batch, 0.1, 7, rand.New(rand.NewPCG(3, 4)))
	if err := whole.Train(s); err != nil {
		t.Fatal(err)
	}
	for i := range s.Count() {
		part := engine.Steps{
			Data: ref, Order: s.Order[i*batch:][:s.Rows(i)], Batch: batch, First: s.First + uint64(i),
			LR: s.LR[i : i+1], Loss: make([]float32, 1),
		}
		if err := cut.Train(part); err != nil {
			t.Fatal(err)
		}
		sameBits(t, "loss", part.Loss, s.Loss[i:i+1])
		dst := make([]float32, 2*spec.Classes())
		if err := cut.Infer(engine.Query{Data: ref, Hi: 2, Layer: len(spec.Layers) - 1, Dst: dst}); err != nil {
			t.Fatal(err)
		}
	}
	for _, info := range append(spec.ParamInfo(), spec.StateInfo()...) {
		x, y := info, info
		x.Data, y.Data = make([]float32, info.Len()), make([]float32, info.Len())
		if err := errors.Join(whole.Read(x), cut.Read(y)); err != nil {
			t.Fatal(err)
		}
		sameBits(t, info.Name, y.Data, x.Data)
	}
}

// Graphs are kept for a few batch sizes only, none larger than a step, and a size that comes back after its graph went
// gives the same bytes.
func TestTapeForgetsGraphs(t *testing.T) {
	spec := specs[0].spec
	p, d := compile(t, spec, 9), examples(spec, 40)
	e, ref := tape(t, p, d)
	ask := func(rows int) []float32 {
		dst := make([]float32, rows*spec.Classes())
		if err := e.Infer(engine.Query{Data: ref, Hi: rows, Layer: 1, Dst: dst}); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	first := ask(1)
	for rows := 1; rows <= 9; rows++ {
		ask(rows)
		if got := len(e.(*executor).infer); got > maxMachines {
			t.Fatalf("%d graphs kept, want at most %d", got, maxMachines)
		}
	}
	sameBits(t, "first example", ask(1), first)
	ask(40)
	for rows := range e.(*executor).infer {
		if rows > p.Capacity {
			t.Errorf("a graph for %d rows, want at most the capacity %d", rows, p.Capacity)
		}
	}
}

func TestTapeErrors(t *testing.T) {
	spec := specs[2].spec
	p, d := compile(t, spec, 4), examples(spec, 6)
	e, ref := tape(t, p, d)
	one := []float32{1}
	for _, c := range []struct {
		name, want string
		do         func() error
	}{
		{"no such device", `no device "cuda"`, func() error { _, err := Driver{}.Open("cuda"); return err }},
		{"bad program", "cross-entropy needs", func() error {
			bad := *p
			bad.Spec.Layers = []engine.Layer{layer(3, engine.Tanh)}
			_, err := (&backend{}).Compile(&bad)
			return err
		}},
		{"no capacity", "steps of 0 rows", func() error {
			_, err := (&backend{}).Compile(&engine.Program{Spec: spec})
			return err
		}},
		{"data that does not fit", "bytes of images", func() error {
			_, err := e.Bind(engine.Data{Images: make([]byte, 5), Labels: make([]uint8, 1)})
			return err
		}},
		{
			"unknown tensor", "has no tensor layer9.weight",
			func() error { return e.Write(engine.Tensor{Name: "layer9.weight"}) },
		},
		{"short tensor", "layer1.bias: want shape [5], got [] with 4 values", func() error {
			return e.Read(engine.Tensor{Name: "layer1.bias", Data: make([]float32, 4)})
		}},
		{"transposed tensor", "layer1.weight: want shape [6 5], got [5 6]", func() error {
			return e.Write(engine.Tensor{Name: "layer1.weight", Shape: []int{5, 6}, Data: make([]float32, 30)})
		}},
		{"unknown data", "data set 1 of 1", func() error {
			return e.Train(engine.Steps{Data: 1, Batch: 1, Order: []int32{0}, LR: one, Loss: one})
		}},
		{"unknown data in a query", "data set -1 of 1", func() error { return e.Infer(engine.Query{Data: -1}) }},
		{"batch over capacity", "capacity 4", func() error {
			return e.Train(engine.Steps{Data: ref, Batch: 5, Order: []int32{0}, LR: one, Loss: one})
		}},
		{"query past the end", "examples 0 to 7 of 6", func() error { return e.Infer(engine.Query{Data: ref, Hi: 7}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	// What failed has written nothing.
	want := spec.NewParams()
	got := want.Clone()
	bad := engine.Tensor{Name: "layer2.bias", Data: make([]float32, 1)}
	if err := e.Write(engine.Tensor{Name: "layer1.bias", Data: make([]float32, 5)}, bad); err == nil {
		t.Fatal("no error for a short tensor")
	}
	if err := e.Read(got...); err != nil {
		t.Fatal(err)
	}
	sameBits(t, "layer1.bias", got.Bias(1).Data, want.Bias(1).Data)
}

func TestTapeClosed(t *testing.T) {
	spec := specs[0].spec
	p, d := compile(t, spec, 4), examples(spec, 6)
	for _, c := range []struct {
		name  string
		close func(engine.Backend, engine.Executor) error
	}{
		{"executor", func(_ engine.Backend, e engine.Executor) error { return e.Close() }},
		{"backend", func(b engine.Backend, _ engine.Executor) error { return b.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := Driver{}.Open("tape")
			if err != nil {
				t.Fatal(err)
			}
			e, err := b.Compile(p)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := c.close(b, e); err != nil {
					t.Fatal(err)
				}
			}
			_, bind := e.Bind(d)
			for name, err := range map[string]error{
				"Bind": bind, "Write": e.Write(), "Read": e.Read(),
				"Train": e.Train(engine.Steps{}), "Infer": e.Infer(engine.Query{}),
			} {
				if !errors.Is(err, engine.ErrClosed) {
					t.Errorf("%s: error %v, want ErrClosed", name, err)
				}
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	b := &backend{closed: true}
	if _, err := b.Compile(p); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Compile: error %v, want ErrClosed", err)
	}
}

func TestDevices(t *testing.T) {
	ds := Driver{}.Devices()
	if len(ds) != 1 || !ds[0].Usable || ds[0].Reason == "" {
		t.Fatalf("devices %+v", ds)
	}
	b, err := Driver{}.Open(ds[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if b.Device() != ds[0] {
		t.Errorf("opened %+v, want %+v", b.Device(), ds[0])
	}
}
