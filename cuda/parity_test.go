//go:build gpu && linux && cgo && amd64

package cuda_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/cuda"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
)

// strokes draws images of 28×28 that are to a network as MNIST's: each class has a few strokes of its own, which lie
// somewhat elsewhere and differ in ink from image to image; four of five pixels are white.
func strokes(r *rand.Rand, n, classes int) engine.Data {
	const side = 28
	type stroke struct{ x, y, dx, dy float64 }
	class := make([][]stroke, classes)
	for k := range class {
		for range 3 {
			class[k] = append(class[k], stroke{
				6 + 16*r.Float64(), 6 + 16*r.Float64(), 10 * (r.Float64() - 0.5),
				10 * (r.Float64() - 0.5),
			})
		}
	}
	d := engine.Data{Images: make([]byte, n*side*side), Labels: make([]uint8, n)}
	for i := range n {
		label := r.IntN(classes)
		d.Labels[i] = uint8(label)
		image := d.Images[i*side*side:][:side*side]
		shiftX, shiftY := 2*r.NormFloat64(), 2*r.NormFloat64()
		for _, s := range class[label] {
			for t := -1.0; t <= 1; t += 0.05 {
				x, y := s.x+shiftX+t*s.dx, s.y+shiftY+t*s.dy
				for py := max(0, int(y)-1); py <= min(side-1, int(y)+2); py++ {
					for px := max(0, int(x)-1); px <= min(side-1, int(x)+2); px++ {
						ink := 255 * math.Exp(-((x-float64(px))*(x-float64(px)) + (y-float64(py))*(y-float64(py))))
						image[py*side+px] = max(image[py*side+px], byte(ink))
					}
				}
			}
		}
	}
	return d
}

// An epoch of 784-100-10 on 2,000 images leaves the weights that the CPU's leaves, up to rounding, in both modes.
func TestParity(t *testing.T) {
	const images, batch = 2000, 10
	spec := engine.Spec{
		Inputs: 784, Loss: engine.CrossEntropy, L2: 5, N: images, Seed: 3,
		Layers: []engine.Layer{{Units: 100, Activation: engine.Sigmoid}, {Units: 10, Activation: engine.Sigmoid}},
	}
	data := strokes(rand.New(rand.NewPCG(1, 2)), images, 10)
	program, err := graph.Compile(spec, batch)
	if err != nil {
		t.Fatal(err)
	}
	train := func(b engine.Backend) (params engine.Params, first, last float64) {
		t.Helper()
		e, err := b.Compile(program)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		ref, err := e.Bind(data)
		if err != nil {
			t.Fatal(err)
		}
		params = spec.NewParams()
		if err := e.Write(params...); err != nil {
			t.Fatal(err)
		}
		s := engine.Steps{
			Data: ref, Batch: batch, LR: make([]float32, images/batch),
			Loss: make([]float32, images/batch),
		}
		for _, i := range rand.New(rand.NewPCG(5, 6)).Perm(images) {
			s.Order = append(s.Order, int32(i))
		}
		for i := range s.LR {
			s.LR[i] = 0.5
		}
		if err := e.Train(s); err != nil {
			t.Fatal(err)
		}
		if err := e.Read(params...); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			first += float64(s.Loss[i]) / 20
			last += float64(s.Loss[len(s.Loss)-1-i]) / 20
		}
		return params, first, last
	}
	host, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	want, _, _ := train(host)
	for _, mode := range []cuda.Mode{cuda.Persistent, cuda.Graph} {
		t.Run(mode.String(), func(t *testing.T) {
			sim.Start(t)
			b := open(t, cuda.Options{Mode: mode})
			defer b.Close()
			got, first, last := train(b)
			worst := 0.0
			for k := range want {
				for i, w := range want[k].Data {
					worst = max(worst, math.Abs(float64(w)-float64(got[k].Data[i])))
				}
			}
			t.Logf("largest difference of a weight %.2g; mean loss of the first 20 steps %.3f, of the last %.3f", worst,
				first, last)
			if !(worst <= 1e-5) {
				t.Errorf("largest difference of a weight %.2g, want at most 1e-5", worst)
			}
			if !(last < first/2) {
				t.Errorf("the loss fell from %.3f to %.3f: nothing was learned", first, last)
			}
		})
	}
}
