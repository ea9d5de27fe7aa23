package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/cpu/internal/simd"
	"neuroloupe/engine/enginetest"
)

// strokes draws n images of side×side with about 81 % of the pixels blank and the others along thick strokes, as in
// handwriting: the nonzero pixels of a row lie together.
func strokes(n, side, classes int) engine.Data {
	r := rand.New(rand.NewPCG(1, 2))
	d := engine.Data{Images: make([]byte, n*side*side), Labels: make([]uint8, n)}
	for i := range n {
		d.Labels[i] = uint8(r.IntN(classes))
		image := d.Images[i*side*side : (i+1)*side*side]
		inked := 0
		for inked*100 < 19*side*side {
			x, y := 4+r.Float64()*float64(side-8), 4+r.Float64()*float64(side-8)
			dx, dy := r.NormFloat64()*0.7, r.NormFloat64()*0.7
			for range side {
				for oy := -1; oy <= 1; oy++ {
					for ox := -1; ox <= 1; ox++ {
						px, py := int(x)+ox, int(y)+oy
						if px >= 0 && px < side && py >= 0 && py < side && image[py*side+px] == 0 &&
							inked*100 < 19*side*side {
							image[py*side+px] = byte(1 + r.IntN(255))
							inked++
						}
					}
				}
				x, y = x+dx, y+dy
			}
		}
	}
	return d
}

type benchCase struct {
	name    string
	sizes   []int
	hidden  engine.Activation
	output  engine.Activation
	loss    engine.Loss
	method  engine.Update
	batches []int
}

func benchCases() []benchCase {
	sgd := engine.Update{Method: engine.SGD}
	return []benchCase{
		{
			"784-100-10/sigmoid-quadratic-sgd",
			[]int{784, 100, 10},
			engine.Sigmoid, engine.Sigmoid, engine.Quadratic, sgd,
			[]int{10, 64, 256},
		},
		{
			"784-100-10/sigmoid-softmax-momentum",
			[]int{784, 100, 10},
			engine.Sigmoid, engine.Softmax, engine.CrossEntropy,
			engine.Update{Method: engine.Momentum, Momentum: 0.9},
			[]int{10, 64, 256},
		},
		{
			"784-100-10/relu-softmax-adam",
			[]int{784, 100, 10},
			engine.ReLU, engine.Softmax, engine.CrossEntropy,
			engine.Update{Method: engine.Adam},
			[]int{10, 256},
		},
		{
			"784-1024-1024-10/relu-softmax-sgd",
			[]int{784, 1024, 1024, 10},
			engine.ReLU, engine.Softmax,
			engine.CrossEntropy, sgd,
			[]int{128},
		},
	}
}

func (c benchCase) spec() engine.Spec {
	s := engine.Spec{Inputs: c.sizes[0], Loss: c.loss, Update: c.method, Seed: 1}
	for _, n := range c.sizes[1:] {
		s.Layers = append(s.Layers, engine.Layer{Units: n, Activation: c.hidden})
	}
	s.Layers[len(s.Layers)-1].Activation = c.output
	return s
}

// BenchmarkTrain is a training step: random batches of a data set as large as MNIST, in calls of as many steps as the
// benchmark asks for.
func BenchmarkTrain(b *testing.B) {
	data := strokes(60_000, 28, 10)
	for _, c := range benchCases() {
		for _, batch := range c.batches {
			for _, tier := range isa.All() {
				for _, workers := range []int{1, 2} {
					b.Run(fmt.Sprintf("%s/batch-%d/%v/workers-%d", c.name, batch, tier, workers), func(b *testing.B) {
						benchTrain(b, Driver{Workers: workers}.open(tier), c.spec(), data, batch)
					})
				}
			}
		}
	}
}

func benchTrain(b *testing.B, backend *backend, spec engine.Spec, data engine.Data, batch int) {
	defer backend.Close()
	e, ref := ready(b, backend, spec, data, batch)
	defer e.Close()
	order := rand.New(rand.NewPCG(3, 4)).Perm(len(data.Labels))
	steps := engine.Steps{Data: ref, Batch: batch, LR: make([]float32, b.N), Loss: make([]float32, b.N)}
	for i := range b.N * batch {
		steps.Order = append(steps.Order, int32(order[i%len(order)]))
	}
	for i := range steps.LR {
		steps.LR[i] = 0.01
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := e.Train(steps); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)*float64(batch)/b.Elapsed().Seconds(), "samples/s")
}

// ready compiles spec, binds data and writes start parameters.
func ready(tb testing.TB, backend *backend, spec engine.Spec, data engine.Data, capacity int) (engine.Executor,
	engine.DataRef,
) {
	tb.Helper()
	p, err := enginetest.Textbook(spec, capacity)
	if err != nil {
		tb.Fatal(err)
	}
	e, err := backend.Compile(p)
	if err != nil {
		tb.Fatal(err)
	}
	ref, err := e.Bind(data)
	if err != nil {
		tb.Fatal(err)
	}
	if err := e.Write(spec.NewParams()...); err != nil {
		tb.Fatal(err)
	}
	return e, ref
}

// BenchmarkInk is where the sparse form stops paying: a step over nonzero pixels and over all of them, for shares of
// ink.
func BenchmarkInk(b *testing.B) {
	c := benchCases()[0]
	tiers := isa.All()
	best := tiers[len(tiers)-1]
	for _, share := range []float64{0.19, 0.35, 0.5, 0.65, 0.8} {
		data := digits(10_000, 784, 10, share)
		for _, batch := range []int{10, 64, 256} {
			for _, sparse := range []bool{true, false} {
				b.Run(fmt.Sprintf("%v/batch-%d/sparse-%t", share, batch, sparse), func(b *testing.B) {
					backend := Driver{Workers: 1}.open(best)
					defer backend.Close()
					x, ref := ready(b, backend, c.spec(), data, batch)
					defer x.Close()
					e := x.(*executor)
					set := e.data[ref]
					set.sparse = nil
					if sparse {
						set.sparse = simd.NewSparse(data.Images, 784, e.chunkRows, 1)
					}
					s := ordered(ref, len(data.Labels)/batch*batch, batch)
					b.ResetTimer()
					for done := 0; done < b.N; done += s.Count() {
						if err := e.Train(s); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Microseconds())/float64((b.N+s.Count()-1)/s.Count()*s.Count()),
						"µs/step")
				})
			}
		}
	}
}

// BenchmarkInfer evaluates 10,000 images.
func BenchmarkInfer(b *testing.B) {
	data := strokes(10_000, 28, 10)
	c := benchCases()[0]
	for _, tier := range isa.All() {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v/workers-%d", tier, workers), func(b *testing.B) {
				backend := Driver{Workers: workers}.open(tier)
				defer backend.Close()
				e, ref := ready(b, backend, c.spec(), data, 10)
				defer e.Close()
				q := engine.Query{Data: ref, Hi: len(data.Labels), Layer: 1, Dst: make([]float32, len(data.Labels)*10)}
				b.ReportAllocs()
				for b.Loop() {
					if err := e.Infer(q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
