package cpu

import (
	"fmt"
	"runtime"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/enginetest"
)

// Every instruction set passes the suite that every backend passes, with its work shared out however small it is; also
// with Programs in which nothing can be fused; the best one also with one worker and with more than there are cores.
func TestConformance(t *testing.T) {
	tiers := isa.All()
	best := tiers[len(tiers)-1]
	type lowerer = func(engine.Spec, int) (*engine.Program, error)
	run := func(tier isa.Tier, workers int, name string, lower lowerer) {
		t.Run(fmt.Sprintf("%v/workers-%d%s", tier, workers, name), func(t *testing.T) {
			enginetest.RunAll(t, func(*testing.T) engine.Backend { return shared(tier, workers) }, lower)
		})
	}
	for _, tier := range tiers {
		run(tier, 2, "", enginetest.Textbook)
	}
	run(best, 1, "", enginetest.Textbook)
	run(best, leaves, "", enginetest.Textbook)
	run(best, runtime.NumCPU()+1, "", enginetest.Textbook)
	run(best, 2, "/apart", textbookApart)
}

// shared opens the CPU and shares any work over the workers, however small.
func shared(tier isa.Tier, workers int) *backend {
	b := Driver{Workers: workers}.open(tier)
	b.parallel = 1
	return b
}
