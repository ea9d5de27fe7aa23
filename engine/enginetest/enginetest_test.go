package enginetest

import (
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
)

// newBench is a bench with the interpreter and a defect.
func newBench(d defect) *bench {
	open := func() engine.Backend { return &interpreter{defect: d} }
	return &bench{open: open, backend: open(), lower: Textbook}
}

func TestRunAllCPU(t *testing.T) {
	RunAll(t, func(t *testing.T) engine.Backend {
		b, err := cpu.Driver{Workers: 2}.Open("cpu")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, Textbook)
}

// TestMargins: the plain kernels pass every check and stay below a quarter of the error bounds, so that another order
// of the sums has room; that the bounds are tight enough is for TestDefects to show.
func TestMargins(t *testing.T) {
	for _, g := range groups() {
		b := newBench(defect{})
		for _, c := range g.checks {
			b.worst = 0
			if err := c.run(b); err != nil {
				t.Errorf("%s/%s: %v", g.name, c.name, err)
			}
			if !(b.worst <= 0.25) {
				t.Errorf("%s/%s: an error of %.3f bounds, want at most 0.25", g.name, c.name, b.worst)
			}
		}
	}
}
