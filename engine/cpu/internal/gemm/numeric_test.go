package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"neuroloupe/engine/cpu/internal/isa"
)

// TestBound compares with float64 under the bound of Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
// section 3.5: |C − Ĉ| ≤ γₖ |A||B|, γₖ = ku/(1 − ku), which holds for any order of the sum, fused or not.
func TestBound(t *testing.T) {
	const u = 1.0 / (1 << 24)
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(5, 0))
		for _, op := range []Op{NN, TN, NT} {
			for _, size := range [][3]int{{17, 33, 1}, {5, 11, 97}, {64, 10, 1024}, {10, 100, 784}, {29, 47, 1500}} {
				s := Shape{op, size[0], size[1], size[2]}
				p := newProblem(r, s, Epilogue{})
				for _, m := range []Matrix{p.a, p.b} { // of very different magnitudes, so that sums cancel and swamp
					for i := range m.Data {
						m.Data[i] *= float32(math.Exp2(float64(r.IntN(30) - 15)))
					}
				}
				p.mul(k)
				gamma := float64(s.K) * u / (1 - float64(s.K)*u)
				for i := range s.M {
					for j := range s.N {
						var sum, size float64
						for q := range s.K {
							x, y := p.at(i, j, q)
							sum += float64(x) * float64(y)
							size += math.Abs(float64(x) * float64(y))
						}
						got := float64(p.c.Data[i*p.c.Stride+j])
						if d := math.Abs(got - sum); !(d <= gamma*size) {
							t.Fatalf("%v: c[%d,%d] = %v, want %v ± %v", s, i, j, got, sum, gamma*size)
						}
					}
				}
			}
		}
	})
}

// TestNonFinite puts NaN and infinities into every operand: they show where the definition says, nowhere else.
func TestNonFinite(t *testing.T) {
	odd := []float32{
		float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32,
		float32(math.Copysign(0, -1)),
	}
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(6, 0))
		for _, op := range []Op{NN, TN, NT} {
			for name, ep := range epilogues(75) {
				for _, v := range odd {
					t.Run(fmt.Sprintf("%v %v %v", op, name, v), func(t *testing.T) {
						p := newProblem(r, Shape{op, 31, 75, 20}, ep)
						if ep.Bias != nil {
							p.ep.Bias = bias(75)
							p.ep.Bias[r.IntN(75)] = v
						}
						for _, m := range []Matrix{p.a, p.b, p.c} {
							m.Data[r.IntN(m.Rows)*m.Stride+r.IntN(m.Cols)] = v
						}
						want := p.want(roundingOf(k.tier))
						p.mul(k)
						same(t, p.c, want)
					})
				}
			}
		}
	})
}

// TestInfiniteWeight: without weight decay an infinite weight stays; 0·∞ must not make it NaN.
func TestInfiniteWeight(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		p := newProblem(rand.New(rand.NewPCG(7, 0)), Shape{TN, 20, 40, 10}, Epilogue{Mode: Update, LR: 0.1})
		p.c.Data[3] = float32(math.Inf(-1))
		p.mul(k)
		if !math.IsInf(float64(p.c.Data[3]), -1) {
			t.Errorf("got %v, want -Inf", p.c.Data[3])
		}
	})
}

// TestPack compares the pack functions with their definitions for all widths, and looks for writes outside of whole
// vectors.
func TestPack(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(8, 0))
		for width := 1; width <= k.nr; width++ {
			for _, length := range []int{1, 2, k.lanes, k.lanes + 1, 3*k.lanes - 1, 40} {
				src := place(length, width, 3, 1, r.Float32)
				got, want := place(length, k.nr, 0, 16, r.Float32), place(length, k.nr, 0, 16, r.Float32)
				k.copyPanel(got.Data, src.Data, k.nr, src.Stride, length, width)
				copyPanelGo(want.Data, src.Data, k.nr, src.Stride, length, width)
				samePanel(t, fmt.Sprintf("copy %d×%d", length, width), got, want, width)
				if width > k.lanes {
					continue
				}
				src = place(width, length, 3, 1, r.Float32)
				got, want = place(length, k.lanes, 0, 16, r.Float32), place(length, k.lanes, 0, 16, r.Float32)
				k.transposePanel(got.Data, src.Data, k.lanes, src.Stride, width, length)
				transposePanelGo(want.Data, src.Data, k.lanes, src.Stride, width, length)
				samePanel(t, fmt.Sprintf("transpose %d×%d", width, length), got, want, width)
			}
		}
	})
}

func samePanel(t *testing.T, name string, got, want Matrix, width int) {
	t.Helper()
	for i := range got.Rows {
		for j := range width {
			if g, w := got.Data[i*got.Stride+j], want.Data[i*want.Stride+j]; g != w {
				t.Fatalf("%s: element %d, %d: got %v, want %v", name, i, j, g, w)
			}
		}
	}
	for i, v := range got.Data[len(got.Data):cap(got.Data)] {
		if v != canary {
			t.Fatalf("%s: wrote %v at %d behind the panel", name, v, i)
		}
	}
}

func TestPeak(t *testing.T) {
	for _, tier := range isa.All() {
		if rate := Peak(tier, time.Nanosecond); !(rate > 0) || math.IsInf(rate, 0) {
			t.Errorf("%v: %v GFLOP/s", tier, rate)
		}
	}
}
