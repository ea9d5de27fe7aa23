//go:build gpu && linux && cgo && amd64

package cuda

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// fakeBLAS stands for cuBLAS: it gives the stream kernels of this package, so that what is around the products can be
// tested on the simulator, recording included.
type fakeBLAS struct {
	r      *runtime
	zeros  driver.Ptr
	rooms  map[[3]int]driver.Ptr
	calls  int
	narrow int // calls whose result is bfloat16
	open   int
	err    error // of Open
}

type fakeProducts struct {
	*fakeBLAS
	s *driver.Stream
}

func (f *fakeBLAS) Open(s *driver.Stream, _ Precision) (products, error) {
	if f.err != nil {
		return nil, f.err
	}
	f.open++
	return &fakeProducts{f, s}, nil
}

func (f *fakeBLAS) Close() error {
	err := f.r.ctx.Free(f.zeros)
	for _, p := range f.rooms {
		err = errors.Join(err, f.r.ctx.Free(p))
	}
	return err
}

func (f *fakeProducts) Close() error {
	f.open--
	return nil
}

func (f *fakeProducts) Multiply(c result, a, b factor, m, n, k int) error {
	f.calls++
	null := driver.Ptr(0)
	launch := func(name string, rows, cols int, args ...any) error {
		l := driver.NewLaunch(f.r.function(name), [3]int{ceil(cols, 64), ceil(rows, 64), 1}, [3]int{threads, 1, 1}, 0,
			args...)
		return l.Run(f.s)
	}
	convert := func(from, to driver.Ptr, n, flags int) error {
		return launch("finish_delta", 1, n, int64(n), from, null, null, 0, to, flags)
	}
	out := c.p
	if f.r.options.Precision == BF16 {
		wideA, wideB, wideC, err := f.room(m*k, k*n, m*n)
		if err != nil {
			return err
		}
		if err := errors.Join(convert(a.P, wideA, m*k, narrowIn), convert(b.P, wideB, k*n, narrowIn)); err != nil {
			return err
		}
		a.P, b.P = wideA, wideB
		if c.narrow {
			f.narrow++
			out = wideC
		}
	}
	var err error
	switch {
	case a.Transposed:
		err = launch("dense_dw_medium", m, n, k, m, n, a.P, null, 0, b.P, out, null, null, null, null, null, null,
			0, float32(0), float32(0), float32(0), float32(0), float32(0), float32(0), 0)
	case b.Transposed:
		err = launch("dense_dx_medium", m, n, m, n, k, a.P, b.P, null, null, 0, out)
	default:
		err = launch("dense_medium", m, n, m, k, n, a.P, null, 0, b.P, f.zeros, out, null, null, null, 0, float32(0),
			uint64(0), 0)
	}
	if err == nil && out != c.p {
		err = convert(out, c.p, m*n, narrowOut)
	}
	return err
}

// room returns memory for the factors and the result of a product as float32. It is found again when the product is
// recorded, which is after it ran once.
func (f *fakeProducts) room(a, b, c int) (pa, pb, pc driver.Ptr, err error) {
	key := [3]int{a, b, c}
	if _, ok := f.rooms[key]; !ok {
		m := memory{ctx: f.r.ctx}
		p, err := m.alloc(int64(a+b+c+12), 4, "a product")
		if err != nil {
			return 0, 0, 0, err
		}
		f.rooms[key] = p
	}
	pa = f.rooms[key]
	pb = pa + driver.Ptr(ceil(a, 4)*16)
	return pa, pb, pb + driver.Ptr(ceil(b, 4)*16), nil
}

// With its products by cuBLAS a network learns what it learns with ours.
func TestProductsByBLAS(t *testing.T) {
	adam := network([]int{23, 17, 9, 5}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
	adam.Update.Method, adam.Dropout, adam.L2, adam.L1, adam.N = engine.Adam, 0.3, 2, 0.5, 40
	nesterov := network([]int{23, 17, 9, 5}, engine.Tanh, engine.Sigmoid, engine.Quadratic)
	nesterov.Update = engine.Update{Method: engine.Nesterov, Momentum: 0.9}
	for _, c := range []struct {
		name string
		spec engine.Spec
	}{
		{"adam, dropout, penalties", adam},
		{"nesterov, quadratic", nesterov},
		{"one layer", network([]int{23, 5}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Start(t)
			want, _ := trained(t, c.spec, Graph, graph.Compile, nil)
			var fake *fakeBLAS
			got, hidden := trained(t, c.spec, Graph, graph.Compile, func(r *runtime) { fake = install(t, r) })
			near(t, want, got)
			if fake.calls == 0 || fake.open != 0 {
				t.Errorf("%d products, and %d handles left open", fake.calls, fake.open)
			}
			if !slices.ContainsFunc(hidden, func(v float32) bool { return v != 0 }) {
				t.Error("inference gives nothing but 0")
			}
		})
	}
}

// cuBLAS is opened for networks with products for it, and no others: it takes a while, and memory.
func TestBLASForLargeNetworks(t *testing.T) {
	sim.Start(t)
	for _, c := range []struct {
		sizes     []int
		batch     int
		mode      Mode
		precision Precision
		want      bool
	}{
		{[]int{784, 100, 10}, 10, Graph, FP32, false},
		{[]int{784, 1024, 10}, 128, Auto, FP32, true},
		{[]int{784, 300, 100, 10}, 300, Auto, FP32, true},
		{[]int{784, 100, 10}, 10, Graph, BF16, false},
		{[]int{784, 100, 10}, 64, Graph, BF16, true},
	} {
		p, err := graph.Compile(network(c.sizes, engine.ReLU, engine.Softmax, engine.CrossEntropy), c.batch)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Driver{Options: Options{Mode: c.mode}}.Open("cuda:0")
		if err != nil {
			t.Fatal(err)
		}
		r := b.(*backend).runtime
		fake := install(t, r)
		r.blasAlways, r.options.Precision = false, c.precision
		if _, err := b.Compile(p); err != nil {
			t.Fatal(err)
		}
		if got := fake.open == 1; got != c.want {
			t.Errorf("%v, batches of %d, %v: cuBLAS opened: %v, want %v", c.sizes, c.batch, c.precision, got, c.want)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A cuBLAS that does not start, as one that is newer than the driver, is done without, but where a precision needs it.
func TestBrokenBLAS(t *testing.T) {
	broken := func(r *runtime) { install(t, r).err = errors.New("CUBLAS_STATUS_NOT_INITIALIZED") }
	sim.Start(t)
	spec := network([]int{23, 17, 5}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
	want, _ := trained(t, spec, Graph, graph.Compile, nil)
	got, _ := trained(t, spec, Graph, graph.Compile, broken)
	near(t, want, got)
	p, err := graph.Compile(spec, 4)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Driver{Options: Options{Mode: Graph}}.Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r := b.(*backend).runtime
	broken(r)
	e, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, why := e.(*executor).Mode(); !strings.Contains(why, "without cuBLAS: CUBLAS_STATUS_NOT_INITIALIZED") {
		t.Errorf("graph mode because %q", why)
	}
	r.options.Precision = BF16
	if _, err := b.Compile(p); err == nil || !strings.Contains(err.Error(), "NOT_INITIALIZED") {
		t.Errorf("error %v", err)
	}
}

// install puts a fakeBLAS that takes all products into a runtime.
func install(t *testing.T, r *runtime) *fakeBLAS {
	t.Helper()
	fake := &fakeBLAS{r: r, rooms: map[[3]int]driver.Ptr{}}
	r.blas, r.blasAlways = fake, true
	err := r.ctx.Do(func() (err error) {
		if fake.zeros, err = r.ctx.Alloc(4 * 64); err != nil {
			return err
		}
		s, err := r.ctx.NewStream()
		if err != nil {
			return err
		}
		return errors.Join(r.ctx.CopyIn(fake.zeros, make([]byte, 4*64), s), s.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return fake
}

// With bfloat16 factors a product is off by their rounding, of 2⁻⁸ at most each, and not by much less.
func TestBF16(t *testing.T) {
	sim.Start(t)
	spec := network([]int{23, 17, 5}, engine.Identity, engine.Identity, engine.Quadratic)
	d := engine.Data{Images: make([]byte, 9*23), Labels: make([]uint8, 9)}
	for i := range d.Images {
		d.Images[i] = byte(i * i * 7)
	}
	infer := func(change func(r *runtime)) []float32 {
		p, err := graph.Compile(spec, 8)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Driver{}.Open("cuda:0")
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		change(b.(*backend).runtime)
		e, err := b.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := e.Bind(d)
		z := make([]float32, 9*5)
		err = errors.Join(err, e.Write(spec.NewParams()...), e.Infer(engine.Query{Data: ref, Hi: 9, Layer: 1, Dst: z}))
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	want := infer(func(*runtime) {})
	got := infer(func(r *runtime) {
		install(t, r)
		r.options.Precision = BF16
	})
	worst, size := 0.0, 0.0
	for i, w := range want {
		worst, size = max(worst, math.Abs(float64(w-got[i]))), max(size, math.Abs(float64(w)))
	}
	if !(worst <= size/50 && worst >= size/50_000) {
		t.Errorf("values up to %.3g are %.3g off", size, worst)
	}
}

// With bfloat16 values between layers a network learns what it learns with float32, up to their rounding.
func TestTrainBF16(t *testing.T) {
	adam := network([]int{23, 17, 12, 9, 5}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
	adam.Update.Method, adam.Dropout, adam.L2, adam.N = engine.Adam, 0.3, 2, 40
	sgd := network([]int{24, 16, 12, 5}, engine.Tanh, engine.Sigmoid, engine.Quadratic)
	for _, c := range []struct {
		name   string
		spec   engine.Spec
		narrow int // products of a step whose result is bfloat16: of each hidden layer, forward and on the way back
	}{
		{"adam, dropout", adam, 6},
		{"sgd, quadratic", sgd, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Start(t)
			start := c.spec.NewParams()
			want, _ := trained(t, c.spec, Graph, graph.Compile, nil)
			var fake *fakeBLAS
			got, hidden := trained(t, c.spec, Graph, graph.Compile, func(r *runtime) {
				fake = install(t, r)
				r.options.Precision = BF16
			})
			if fake.narrow == 0 || fake.narrow%c.narrow != 0 {
				t.Errorf("%d products with a bfloat16 result, want some times %d", fake.narrow, c.narrow)
			}
			for k := range want {
				moved, off := 0.0, 0.0
				for i, w := range want[k].Data {
					moved += math.Pow(float64(w-start[k].Data[i]), 2)
					off += math.Pow(float64(w-got[k].Data[i]), 2)
				}
				if !(off <= 0.02*0.02*moved) || off == 0 {
					t.Errorf("%s moved by %.3g, and is %.3g off", want[k].Name, math.Sqrt(moved), math.Sqrt(off))
				}
			}
			if !slices.ContainsFunc(hidden, func(v float32) bool { return v != 0 }) {
				t.Error("inference gives nothing but 0")
			}
		})
	}
}

// trained returns parameters and the first layer's activations after some steps. change, if any, is called before
// compiling.
func trained(
	t *testing.T, spec engine.Spec, mode Mode, lower func(engine.Spec, int) (*engine.Program, error),
	change func(r *runtime),
) ([]engine.Tensor, []float32) {
	t.Helper()
	p, err := lower(spec, 8)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Driver{Options: Options{Mode: mode}}.Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}()
	if change != nil {
		change(opened.(*backend).runtime)
	}
	e, err := opened.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	const n = 30
	d := engine.Data{Images: make([]byte, n*spec.Inputs), Labels: make([]uint8, n)}
	for i := range d.Images {
		d.Images[i] = byte(i * i * 7)
	}
	s := engine.Steps{Batch: 8}
	for i := range n {
		d.Labels[i] = uint8(i % spec.Classes())
		s.Order = append(s.Order, int32(i))
	}
	for range s.Count() {
		s.LR = append(s.LR, 0.01)
	}
	s.Loss = make([]float32, s.Count())
	params := spec.NewParams()
	hidden := make([]float32, n*spec.Layers[0].Units)
	for _, err := range []error{
		func() (err error) { s.Data, err = e.Bind(d); return err }(),
		e.Write(params...),
		e.Train(s),
		e.Read(params...),
		e.Infer(engine.Query{Data: s.Data, Hi: n, Dst: hidden}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return params, hidden
}
