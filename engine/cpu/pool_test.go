package cpu

import (
	"fmt"
	"runtime"
	"testing"

	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/cpu/internal/simd"
)

// A barrier holds however many workers share however few cores: what one writes before it, the others read behind it.
func TestBarrier(t *testing.T) {
	for _, procs := range []int{1, 2} {
		for _, workers := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%d workers on %d cores", workers, procs), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				p := newPool(workers)
				defer p.close()
				b := newBarrier(workers, simd.New(isa.Go))
				const turns = 500
				written := make([]int, workers)
				wrong := make([]int, workers)
				p.run(workers, func(id int) {
					for turn := range turns {
						written[id] = turn
						b.wait()
						for _, v := range written {
							if v != turn {
								wrong[id]++
							}
						}
						b.wait()
					}
				})
				for id, n := range wrong {
					if n != 0 {
						t.Errorf("worker %d read %d values too early or too late", id, n)
					}
				}
			})
		}
	}
}

// The workers of a pool live on from one job to the next, also for fewer than all.
func TestPool(t *testing.T) {
	p := newPool(4)
	for _, n := range []int{4, 1, 3, 4} {
		ran := make([]int, 4)
		p.run(n, func(id int) { ran[id]++ })
		for id, times := range ran {
			if want := map[bool]int{true: 1}[id < n]; times != want {
				t.Errorf("job for %d workers: worker %d ran it %d times, want %d", n, id, times, want)
			}
		}
	}
	p.close()
}

// BenchmarkBarrier is two workers waiting for each other, BenchmarkPool waking them for a job: why there is a barrier
// between stages and a job for all steps of a call.
func BenchmarkBarrier(b *testing.B) {
	p := newPool(2)
	defer p.close()
	tiers := isa.All()
	bar := newBarrier(2, simd.New(tiers[len(tiers)-1]))
	p.run(2, func(int) {
		for range b.N {
			bar.wait()
		}
	})
}

func BenchmarkPool(b *testing.B) {
	p := newPool(2)
	defer p.close()
	for b.Loop() {
		p.run(2, func(int) {})
	}
}
