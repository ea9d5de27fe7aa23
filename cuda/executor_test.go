//go:build gpu && linux && cgo && amd64

package cuda

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"neuroloupe/cuda/internal/cublas"
	"neuroloupe/cuda/kernels"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// Structs that kernels read are as long as the kernels say.
func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"job", unsafe.Sizeof(job{}), jobBytes},
		{"persistentLayer", unsafe.Sizeof(persistentLayer{}), persistentLayerBytes},
		{"persistentNet", unsafe.Sizeof(persistentNet{}), persistentNetBytes},
		{"persistentOwn", unsafe.Sizeof(persistentOwn{}), persistentOwnBytes},
		{"fleetJob", unsafe.Sizeof(fleetJob{}), fleetJobBytes},
	} {
		if c.got != c.want {
			t.Errorf("%s has %d bytes, want %d", c.name, c.got, c.want)
		}
	}
}

func network(sizes []int, hidden, output engine.Activation, loss engine.Loss) engine.Spec {
	s := engine.Spec{Inputs: sizes[0], Loss: loss, Seed: 1}
	for _, n := range sizes[1:] {
		s.Layers = append(s.Layers, engine.Layer{Units: n, Activation: hidden})
	}
	s.Layers[len(s.Layers)-1].Activation = output
	return s
}

func compile(t *testing.T, o Options, spec engine.Spec, capacity int) (*executor, error) {
	t.Helper()
	p, err := graph.Compile(spec, capacity)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Driver{Options: o}.Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	e, err := b.Compile(p)
	if err != nil {
		return nil, err
	}
	return e.(*executor), nil
}

// Networks whose parameters fit the blocks' shared memory run in one launch; the others say why not.
func TestModes(t *testing.T) {
	const sigmoid, relu, softmax = engine.Sigmoid, engine.ReLU, engine.Softmax
	dropout := network([]int{784, 100, 10}, relu, softmax, engine.CrossEntropy)
	dropout.Dropout, dropout.Update.Method = 0.2, engine.Adam
	penalties := network([]int{784, 30, 10}, sigmoid, sigmoid, engine.Quadratic)
	penalties.L1, penalties.L2, penalties.N = 1, 2, 100
	penalties.Update = engine.Update{Method: engine.Nesterov, Momentum: 0.9}
	for _, c := range []struct {
		name     string
		spec     engine.Spec
		capacity int
		why      string // not persistent; empty = it is
	}{
		{"784-100-10", network([]int{784, 100, 10}, sigmoid, sigmoid, engine.Quadratic), 10, ""},
		{"784-100-10, batch 64", network([]int{784, 100, 10}, sigmoid, sigmoid, engine.CrossEntropy), 64, ""},
		{"784-1-2", network([]int{784, 1, 2}, sigmoid, sigmoid, engine.Quadratic), 10, ""},
		{"dropout, adam", dropout, 10, ""},
		{"penalties, nesterov", penalties, 10, ""},
		{"784-300-100-10", network([]int{784, 300, 100, 10}, relu, softmax, engine.CrossEntropy), 10, ""},
		{"784-100-100-100-10", network([]int{784, 100, 100, 100, 10}, relu, softmax, engine.CrossEntropy), 10, ""},
		{"784-10", network([]int{784, 10}, sigmoid, softmax, engine.CrossEntropy), 10, "2 to 4 layers, not 1"},
		{
			"five layers", network([]int{7, 6, 5, 4, 3, 2}, sigmoid, softmax, engine.CrossEntropy), 10,
			"2 to 4 layers, not 5",
		},
		{
			"batch 1024", network([]int{784, 100, 10}, sigmoid, softmax, engine.CrossEntropy), 1024,
			"batches of at most 512, not 1024",
		},
		{
			"784-4096-4096-10", network([]int{784, 4096, 4096, 10}, relu, softmax, engine.CrossEntropy), 10,
			"shared memory",
		},
		{
			"65 outputs", network([]int{20, 30, 65}, relu, softmax, engine.CrossEntropy), 10,
			"at most 64 outputs, not 65",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Start(t)
			e, err := compile(t, Options{}, c.spec, c.capacity)
			if err != nil {
				t.Fatal(err)
			}
			mode, why := e.Mode()
			if (mode == Persistent) != (c.why == "") || !strings.Contains(why, c.why) {
				t.Errorf("mode %v because %q, want %q in it", mode, why, c.why)
			}
			_, err = compile(t, Options{Mode: Persistent}, c.spec, c.capacity)
			if (err == nil) != (c.why == "") {
				t.Errorf("persistent mode asked for: error %v", err)
			} else if err != nil && (!strings.Contains(err.Error(), c.why) ||
				!strings.Contains(err.Error(), "use auto or graph")) {
				t.Errorf("persistent mode asked for: error %q, want %q and what to do in it", err, c.why)
			}
			if e, err = compile(t, Options{Mode: Graph}, c.spec, c.capacity); err != nil {
				t.Errorf("graph mode asked for: %v", err)
			} else if mode, _ := e.Mode(); mode != Graph {
				t.Errorf("graph mode asked for, got %v", mode)
			}
		})
	}
}

// Where a driver that shares the device among processes refuses the one launch, steps run as graphs.
func TestSharedDevice(t *testing.T) {
	sim.Start(t, "share=0")
	spec := network([]int{23, 17, 5}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
	want, _ := trained(t, spec, Graph, graph.Compile, nil)
	got, _ := trained(t, spec, Auto, graph.Compile, nil)
	near(t, want, got)
	e, err := compile(t, Options{}, spec, 8)
	if err != nil {
		t.Fatal(err)
	}
	if mode, why := e.Mode(); mode != Graph || !strings.Contains(why, "COOPERATIVE_LAUNCH_TOO_LARGE") {
		t.Errorf("mode %v because %q", mode, why)
	}
	if _, err := compile(t, Options{Mode: Persistent}, spec, 8); err == nil ||
		!strings.Contains(err.Error(), "use auto or graph") {
		t.Errorf("persistent mode asked for: error %v", err)
	}
}

// However many launches a call's steps take, and when the numbers of steps begin again, the bytes are the same.
func TestLaunches(t *testing.T) {
	sim.Start(t)
	spec := network([]int{9, 8, 7, 6, 3}, engine.Tanh, engine.Softmax, engine.CrossEntropy)
	spec.Update, spec.Dropout = engine.Update{Method: engine.Adam}, 0.2
	const n, batch = 50, 4
	d := engine.Data{Images: make([]byte, n*spec.Inputs), Labels: make([]uint8, n)}
	s := engine.Steps{Batch: batch, First: 7}
	for i := range n {
		d.Labels[i] = uint8(i % 3)
		s.Order = append(s.Order, int32(n-1-i))
	}
	for i := range d.Images {
		d.Images[i] = byte(i * i)
	}
	s.LR, s.Loss = slices.Repeat([]float32{0.01}, s.Count()), make([]float32, s.Count())
	run := func(change func(p *persistent)) []engine.Tensor {
		e, err := compile(t, Options{Mode: Persistent}, spec, batch)
		if err != nil {
			t.Fatal(err)
		}
		change(e.persistent)
		params := spec.NewParams()
		_, err = e.Bind(d)
		for range 2 {
			err = errors.Join(err, e.Write(params...), e.Train(s), e.Read(params...))
		}
		if err != nil {
			t.Fatal(err)
		}
		return append(params, engine.Tensor{Name: "loss", Data: slices.Clone(s.Loss)})
	}
	want := run(func(*persistent) {})
	for _, c := range []struct {
		name string
		most int
		tag  uint32
	}{
		{"one step a launch", 1, 1},
		{"five steps a launch", 5, 2},
		{"numbers run out at once", persistentSteps, 1<<32 - 1},
		{"numbers run out between launches", 5, 1<<32 - 12},
		{"numbers run out between calls", persistentSteps, 1<<32 - 20},
	} {
		got := run(func(p *persistent) { p.most, p.tag = c.most, c.tag })
		for k := range want {
			if !slices.Equal(want[k].Data, got[k].Data) {
				t.Errorf("%s: %s is not as in one launch", c.name, want[k].Name)
			}
		}
	}
}

// The kernels' division by a reciprocal is the integer division as far as indexable lets it go.
func TestReciprocal(t *testing.T) {
	for d := 1; d < 40000; d = d*9/8 + 1 {
		most := (1<<31 - 1) / d
		for _, o := range []int{0, 1, d - 1, d, d + 1, most / d * d, most/d*d - 1, most} {
			if o >= 0 && o <= most {
				if got := int(uint64(uint32(o)) * uint64(reciprocal(d)) >> 31); got != o/d {
					t.Fatalf("%d/%d is %d, want %d", o, d, got, o/d)
				}
			}
		}
	}
}

// A Program that is not a plain network's is run as it is written.
func TestNotPlain(t *testing.T) {
	spec := network([]int{5, 4, 3}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
	for _, c := range []struct {
		name   string
		change func(code []engine.Instr)
		why    string
	}{
		{"as lowered", func([]engine.Instr) {}, ""},
		{"another derivative", func(code []engine.Instr) {
			for i := range code {
				if code[i].Op == engine.OpActivateGrad {
					code[i].Activation = engine.Tanh
				}
			}
		}, "changes in another way"},
		{"another loss", func(code []engine.Instr) {
			for i := range code {
				if code[i].Op == engine.OpLoss {
					code[i].Activation = engine.Sigmoid
				}
			}
		}, "its loss"},
		{
			"an update of its own",
			func(code []engine.Instr) { code[len(code)-1].Method = engine.SGD; code[len(code)-1].L2 = 1 },
			"changes in another way",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := graph.Compile(spec, 4)
			if err != nil {
				t.Fatal(err)
			}
			c.change(p.Train)
			_, err = matchPlain(newFlow(p, p.Train))
			if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
				t.Errorf("error %v, want %q in it", err, c.why)
			}
		})
	}
}

// The names are read from the PTX.
func TestKernelsAreThere(t *testing.T) {
	for _, c := range []struct {
		ptx   string
		least int
	}{{kernels.PTX, 30}, {kernels.FleetPTX, 3}} {
		if names := kernelNames(c.ptx); len(names) < c.least {
			t.Errorf("%d kernels in the PTX: %v", len(names), names)
		}
		if !strings.Contains(c.ptx, ".target sm_70") {
			t.Error("the PTX is not for sm_70")
		}
	}
}

// Without cuBLAS the precisions that need it are refused.
func TestPrecisionNeedsCuBLAS(t *testing.T) {
	t.Setenv(cublas.LibraryEnv, "")
	sim.Start(t)
	for _, p := range []Precision{TF32, BF16} {
		b, err := Driver{Options: Options{Precision: p}}.Open("cuda:0")
		if err == nil {
			b.Close()
		}
		if want := "precision " + p.String() + " needs cuBLAS"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("precision %v: error %v, want %q in it", p, err, want)
		}
	}
}

// Names go in and out; a wrong one says what there is.
func TestOptionNames(t *testing.T) {
	for _, m := range []Mode{Auto, Persistent, Graph} {
		var got Mode
		if text, err := m.MarshalText(); err != nil || got.UnmarshalText(text) != nil || got != m {
			t.Errorf("mode %v comes back as %v", m, got)
		}
	}
	for _, p := range []Precision{FP32, TF32, BF16} {
		var got Precision
		if text, err := p.MarshalText(); err != nil || got.UnmarshalText(text) != nil || got != p {
			t.Errorf("precision %v comes back as %v", p, got)
		}
	}
	var m Mode
	if err := m.UnmarshalText([]byte("quick")); err == nil ||
		!strings.Contains(err.Error(), `"quick", want one of auto, persistent, graph`) {
		t.Errorf("error %v", err)
	}
}
