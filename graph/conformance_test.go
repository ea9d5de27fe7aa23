package graph_test

import (
	"fmt"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/enginetest"
	"neuroloupe/graph"
)

// Every backend passes the same suite with the Programs that this package makes.
func TestConformance(t *testing.T) {
	run := func(name string, d engine.Driver, id string) {
		t.Run(name, func(t *testing.T) {
			enginetest.RunAll(t, func(t *testing.T) engine.Backend {
				t.Helper()
				b, err := d.Open(id)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}, graph.Compile)
		})
	}
	run("tape", graph.Driver{}, graph.DeviceID)
	for _, tier := range []string{"go", "avx2", "avx512"} { // the highest that the machine has stands in for those above
		t.Setenv("NEUROLOUPE_CPU", tier)
		for _, workers := range []int{1, 2, 3, 4} {
			run(fmt.Sprintf("cpu, %s, %d workers", tier, workers), cpu.Driver{Workers: workers}, "cpu")
		}
	}
}
