package gemm

import (
	"runtime"
	"time"

	"neuroloupe/engine/cpu/internal/isa"
)

// Peak measures the multiply-adds of one core on registers alone, for about d: 10⁹ floating-point operations per
// second, a multiply-add counted as two, in the best of many short intervals. It is the limit that a product's rate is
// compared with. The machine must have the tier; the Go tier's limit is that of scalar code.
func Peak(tier isa.Tier, d time.Duration) float64 {
	run, flop := peakTurns(tier)
	const turns = 1 << 14
	best := 0.0
	for start := time.Now(); ; {
		t := time.Now()
		run(turns)
		best = max(best, turns*flop/float64(time.Since(t).Nanoseconds()))
		if time.Since(start) >= d {
			return best
		}
	}
}

const peakGoFlop = 2 * 12

// peakGo runs n turns of twelve multiply-adds.
func peakGo(n int) { runtime.KeepAlive(peakSums(n, 0.5, 0.25)) }

// peakSums multiplies and adds in as many chains as there are registers for.
func peakSums(n int, x, y float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 float32
	for range n {
		s0 = s0*x + y
		s1 = s1*x + y
		s2 = s2*x + y
		s3 = s3*x + y
		s4 = s4*x + y
		s5 = s5*x + y
		s6 = s6*x + y
		s7 = s7*x + y
		s8 = s8*x + y
		s9 = s9*x + y
		s10 = s10*x + y
		s11 = s11*x + y
	}
	return s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11
}
