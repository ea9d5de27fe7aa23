package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func inked(r *rand.Rand, n, inputs int, share float64) []byte {
	images := make([]byte, n*inputs)
	for i := range images {
		if r.Float64() < share {
			images[i] = byte(1 + r.IntN(255))
		}
	}
	return images
}

// TestSparseRefuses names what has no sparse form.
func TestSparseRefuses(t *testing.T) {
	images := []byte{1, 0, 0, 2, 0, 0}
	for _, c := range []struct {
		name      string
		images    []byte
		inputs    int
		chunkRows int
		share     float64
		want      bool
	}{
		{"a third inked", images, 3, 2, 0.5, true},
		{"just enough", images, 3, 2, 1.0 / 3, true},
		{"too much ink", images, 3, 2, 0.3, false},
		{"chunks too long for a byte", make([]byte, 600), 300, 257, 1, false},
		{"longest chunk", make([]byte, 600), 300, 256, 1, true},
		{"record too long", make([]byte, 70_000), 70_000, 256, 1, false},
		{"no chunk", images, 3, 0, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewSparse(c.images, c.inputs, max(c.chunkRows, 0), c.share)
			if got := s != nil; got != c.want {
				t.Errorf("sparse form: %t, want %t", got, c.want)
			}
		})
	}
}

// TestSparse holds both sparse products to sums in float64 over all pixels, at all widths, in chunks of several sizes,
// for images without ink, with some and with nothing else.
func TestSparse(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernels) {
		r := rand.New(rand.NewPCG(5, 1))
		for cols := Lane; cols <= k.MaxColumns(); cols += Lane {
			for _, size := range []struct {
				inputs, chunkRows int
				share             float64
			}{{1, 1, 1}, {13, 4, 0}, {13, 4, 0.3}, {31, 31, 0.5}, {300, 256, 0.2}, {64, 16, 1}} {
				sparseProblem(t, k, r, size.inputs, size.chunkRows, cols, size.share)
			}
		}
	})
}

func sparseProblem(t *testing.T, k *Kernels, r *rand.Rand, inputs, chunkRows, cols int, share float64) {
	t.Helper()
	what := fmt.Sprintf("%d pixels in chunks of %d, %d columns, %v inked", inputs, chunkRows, cols, share)
	const n = 5
	images := inked(r, n, inputs, share)
	s := NewSparse(images, inputs, chunkRows, 1)
	order := []int32{3, 0, 4, 3}
	rows := len(order)
	x := func(row, i int) float64 { return float64(float32(images[int(order[row])*inputs+i]) / 255) }
	zs, ws, ds := cols+3, cols+2, cols+1
	w, d := random(r, inputs*ws), random(r, rows*ds)
	z, g := guard((rows-1)*zs+cols), guard((inputs-1)*ws+cols)
	startZ, startG := random(r, len(z.s)), random(r, len(g.s))
	copy(z.s, startZ)
	copy(g.s, startG)
	for c := range s.Chunks {
		k.Forward(z.s, zs, w, ws, s, order, c, cols)
		lo, hi := c*chunkRows, min((c+1)*chunkRows, inputs)
		k.Accumulate(g.s[lo*ws:(hi-1)*ws+cols], ws, d, ds, s, order, order, c, cols)
	}
	z.check(t, what)
	g.check(t, what)
	near := func(name string, i, j int, got float32, want, size float64, terms int) {
		t.Helper()
		if !(math.Abs(float64(got)-want) <= float64(terms+1)*size*0x1p-24) {
			t.Fatalf("%s: %s(%d, %d) is %v, want %v", what, name, i, j, got, want)
		}
	}
	for i, v := range z.s {
		row, j := i/zs, i%zs
		want, size := float64(startZ[i]), math.Abs(float64(startZ[i]))
		if j < cols {
			for p := range inputs {
				term := x(row, p) * float64(w[p*ws+j])
				want += term
				size += math.Abs(term)
			}
		}
		near("z", row, j, v, want, size, inputs)
	}
	for i, v := range g.s {
		p, j := i/ws, i%ws
		want, size := float64(startG[i]), math.Abs(float64(startG[i]))
		if j < cols {
			for row := range rows {
				term := x(row, p) * float64(d[row*ds+j])
				want += term
				size += math.Abs(term)
			}
		}
		near("g", p, j, v, want, size, rows)
	}
}
