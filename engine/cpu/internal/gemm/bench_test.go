package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"neuroloupe/engine/cpu/internal/isa"
)

// BenchmarkMul reports GFLOP/s and the share of the tier's peak. A layer k-n is three products: x·W (NN m×n, k), xᵀ·δ
// with the update (TN k×n, m), δ·Wᵀ (NT m×k, n).
func BenchmarkMul(b *testing.B) {
	layers := [][2]int{{784, 100}, {784, 1024}, {1024, 1024}, {100, 10}, {1024, 10}}
	for _, tier := range isa.All() {
		peak := Peak(tier, 20*time.Millisecond)
		for _, m := range []int{10, 64, 128, 256, 1024} {
			for _, l := range layers {
				if m == 1024 && l != [2]int{1024, 1024} {
					continue
				}
				run(b, tier, peak, Shape{NN, m, l[1], l[0]}, Epilogue{Bias: bias(l[1]), ReLU: true})
				run(b, tier, peak, Shape{TN, l[0], l[1], m}, Epilogue{Mode: Update, LR: 1e-9})
				run(b, tier, peak, Shape{NT, m, l[0], l[1]}, Epilogue{})
			}
		}
	}
}

func run(b *testing.B, tier isa.Tier, peak float64, s Shape, ep Epilogue) {
	b.Run(fmt.Sprintf("tier=%v/op=%v/m=%d/n=%d/k=%d", tier, s.Op, s.M, s.N, s.K), func(b *testing.B) {
		k := New(tier)
		p := newProblem(rand.New(rand.NewPCG(3, 0)), s, ep)
		p.a.Stride, p.b.Stride, p.c.Stride = p.a.Cols, p.b.Cols, p.c.Cols
		scratch := k.NewScratch(s)
		b.ReportAllocs()
		best := time.Duration(1 << 62)
		for b.Loop() {
			start := time.Now()
			k.Mul(scratch, p.op, p.c, p.a, p.b, p.ep)
			best = min(best, time.Since(start))
		}
		rate := 2 * float64(s.M) * float64(s.N) * float64(s.K) / float64(best.Nanoseconds())
		b.ReportMetric(rate, "GFLOP/s")
		b.ReportMetric(100*rate/peak, "%peak")
	})
}
