package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/enginetest"
	"neuroloupe/engine/kernel"
)

func network(sizes []int, hidden, output engine.Activation, loss engine.Loss) engine.Spec {
	s := engine.Spec{Inputs: sizes[0], Loss: loss, Seed: 7}
	for _, n := range sizes[1:] {
		s.Layers = append(s.Layers, engine.Layer{Units: n, Activation: hidden})
	}
	s.Layers[len(s.Layers)-1].Activation = output
	return s
}

// digits draws n examples with a share of the pixels inked.
func digits(n, inputs, classes int, share float64) engine.Data {
	r := rand.New(rand.NewPCG(11, uint64(n)))
	d := engine.Data{Images: make([]byte, n*inputs), Labels: make([]uint8, n)}
	for i := range d.Images {
		if r.Float64() < share {
			d.Images[i] = byte(1 + r.IntN(255))
		}
	}
	for i := range d.Labels {
		d.Labels[i] = uint8(r.IntN(classes))
	}
	return d
}

// ordered returns steps over the examples of d in order.
func ordered(ref engine.DataRef, n, batch int) engine.Steps {
	s := engine.Steps{Data: ref, Batch: batch}
	for i := range n {
		s.Order = append(s.Order, int32(i))
	}
	for range s.Count() {
		s.LR = append(s.LR, 0.1)
	}
	s.Loss = make([]float32, s.Count())
	return s
}

// trained returns the losses and all tensors after an epoch.
func trained(t *testing.T, b *backend, spec engine.Spec, d engine.Data, batch int) (loss []float32,
	tensors []engine.Tensor,
) {
	t.Helper()
	defer b.Close()
	e, ref := ready(t, b, spec, d, batch)
	defer e.Close()
	s := ordered(ref, len(d.Labels), batch)
	if err := e.Train(s); err != nil {
		t.Fatal(err)
	}
	tensors = append([]engine.Tensor(spec.ParamInfo()), spec.StateInfo()...)
	for i := range tensors {
		tensors[i].Data = make([]float32, tensors[i].Len())
	}
	if err := e.Read(tensors...); err != nil {
		t.Fatal(err)
	}
	return s.Loss, tensors
}

func sameBits(t *testing.T, what string, want, got []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Fatalf("%s[%d] is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// The number of workers does not change a bit, in any way that a layer is computed: over nonzero pixels and all, by
// rows and by columns, in blocks of several widths.
func TestWorkersSameBytes(t *testing.T) {
	momentum := network([]int{90, 100, 10}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
	momentum.Update = engine.Update{Method: engine.Momentum, Momentum: 0.9}
	momentum.L2, momentum.N = 3, 100
	dropout := network([]int{60, 300, 130, 20, 7}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
	dropout.Dropout = 0.3
	dropout.Update = engine.Update{Method: engine.Adam}
	decay := network([]int{90, 260, 140, 10}, engine.Tanh, engine.Sigmoid, engine.Quadratic)
	decay.L2, decay.N = 3, 100
	for _, c := range []struct {
		name  string
		spec  engine.Spec
		batch int
	}{
		{"small", network([]int{90, 50, 10}, engine.Sigmoid, engine.Sigmoid, engine.CrossEntropy), 10},
		{"batches of two", network([]int{90, 50, 10}, engine.Sigmoid, engine.Sigmoid, engine.Quadratic), 2},
		{"momentum", momentum, 16},
		{"large with dropout", dropout, 33},
		{"large with decay", decay, 64},
	} {
		for _, share := range []float64{0.2, 0.9} {
			for _, tier := range isa.All() {
				t.Run(fmt.Sprintf("%s/ink-%v/%v", c.name, share, tier), func(t *testing.T) {
					d := digits(100, c.spec.Inputs, c.spec.Classes(), share)
					loss, tensors := trained(t, shared(tier, 1), c.spec, d, c.batch)
					for _, workers := range []int{2, 3, 4, 7} {
						otherLoss, others := trained(t, shared(tier, workers), c.spec, d, c.batch)
						sameBits(t, fmt.Sprintf("%d workers: loss", workers), loss, otherLoss)
						for i, want := range tensors {
							sameBits(t, fmt.Sprintf("%d workers: %s", workers, want.Name), want.Data, others[i].Data)
						}
					}
				})
			}
		}
	}
}

// A step allocates nothing, nor does a call of Train or Infer.
func TestAllocations(t *testing.T) {
	large := network([]int{90, 200, 150, 10}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
	large.Update = engine.Update{Method: engine.Adam}
	large.Dropout = 0.5
	for _, c := range []struct {
		name string
		spec engine.Spec
	}{{"small", network([]int{90, 50, 10}, engine.Sigmoid, engine.Sigmoid, engine.Quadratic)}, {"large", large}} {
		for _, share := range []float64{0.2, 0.9} {
			for _, workers := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s/ink-%v/workers-%d", c.name, share, workers), func(t *testing.T) {
					b := shared(isa.All()[len(isa.All())-1], workers)
					defer b.Close()
					d := digits(64, 90, 10, share)
					e, ref := ready(t, b, c.spec, d, 16)
					defer e.Close()
					s := ordered(ref, 60, 16)
					q := engine.Query{Data: ref, Hi: 64, Layer: 1, Dst: make([]float32, 64*c.spec.Layers[1].Units)}
					n := 1.0
					// A goroutine that sleeps, which one on a busy machine does at times, may allocate in the runtime,
					// until its caches are full.
					for try := 0; try < 20 && n > 0; try++ {
						n = testing.AllocsPerRun(10, func() {
							if err := e.Train(s); err != nil {
								t.Error(err)
							}
							if err := e.Infer(q); err != nil {
								t.Error(err)
							}
						})
					}
					if n != 0 {
						t.Errorf("%v allocations in a call of %d steps and one of inference, want 0", n, s.Count())
					}
				})
			}
		}
	}
}

// Own rows of a dropout mask are those of [kernel.Mask], wherever in a block of random words a row begins.
func TestMask(t *testing.T) {
	for _, units := range []int{1, 3, 4, 10, 33} {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d units, %d workers", units, workers), func(t *testing.T) {
				const n, step = 11, 1<<32 + 5
				b := shared(isa.Go, workers)
				defer b.Close()
				spec := network([]int{5, units, 2}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
				spec.Dropout, spec.Seed = 0.4, 0xfeed_beef_0123
				p, err := enginetest.Textbook(spec, n)
				if err != nil {
					t.Fatal(err)
				}
				x, err := b.Compile(p)
				if err != nil {
					t.Fatal(err)
				}
				e := x.(*executor)
				defer e.Close()
				var in *engine.Instr
				for i := range p.Train {
					if p.Train[i].Op == engine.OpMask {
						in = &p.Train[i]
					}
				}
				for _, w := range e.crew {
					w.begin(0, nil, make([]int32, n), nil)
					w.step = step
					w.mask(in, rows)
				}
				want := make([]float32, n*units)
				kernel.Mask(want, in.Keep, spec.Seed, step, in.Layer)
				for r := range n {
					sameBits(t, fmt.Sprintf("row %d", r), want[r*units:(r+1)*units], e.m[in.Out].row(r)[:units])
				}
			})
		}
	}
}

func TestDriver(t *testing.T) {
	for _, c := range []struct {
		name    string
		env     string
		driver  Driver
		id      string
		words   []string // of the error
		subject string   // of the capability
	}{
		{name: "best", driver: Driver{Workers: 2}, id: "cpu", subject: "2 of "},
		{name: "capped", env: "go", id: "cpu", subject: "plain Go"},
		{name: "unknown tier", env: "sse", id: "cpu", words: []string{isa.Env, "sse", "avx2"}},
		{name: "unknown device", id: "cpu:1", words: []string{"cpu:1"}},
		{name: "workers", driver: Driver{Workers: -1}, id: "cpu", words: []string{"-1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(isa.Env, c.env)
			b, err := c.driver.Open(c.id)
			if err == nil {
				defer b.Close()
			}
			if (err != nil) != (c.words != nil) {
				t.Fatalf("error %v, want one: %t", err, c.words != nil)
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not name %q", err, w)
				}
			}
			if err == nil && !strings.Contains(b.Device().Capability, c.subject) {
				t.Errorf("capability %q does not say %q", b.Device().Capability, c.subject)
			}
			if d := c.driver.Devices()[0]; c.env == "sse" && (d.Usable || d.Reason == "") {
				t.Errorf("device %+v, want it unusable with the reason", d)
			}
		})
	}
}

// A network that the machine has no memory for is refused before any is taken.
func TestTooLarge(t *testing.T) {
	b := shared(isa.Go, 1)
	defer b.Close()
	b.device.Memory = 1 << 30
	p, err := enginetest.Textbook(network([]int{20_000, 10_000, 10}, engine.ReLU, engine.Softmax, engine.CrossEntropy),
		10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Compile(p); err == nil || !strings.Contains(err.Error(), "20000-10000-10") ||
		!strings.Contains(err.Error(), "GiB") {
		t.Errorf("error %v, want one that names the network and the memory", err)
	}
}
