//go:build gpu && linux && cgo && amd64

package cuda_test

import (
	"testing"

	"neuroloupe/cuda"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/engine/enginetest"
	"neuroloupe/graph"
)

func open(t *testing.T, o cuda.Options) engine.Backend {
	t.Helper()
	b, err := cuda.Driver{Options: o}.Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Both modes pass the suite that every backend passes, with the Programs that package graph makes; the persistent one,
// which is automatic for most of them, also on a device with few multiprocessors, each of which then has several units.
func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name     string
		mode     cuda.Mode
		settings []string
	}{
		{"graph", cuda.Graph, nil},
		{"auto", cuda.Auto, nil},
		{"auto, few multiprocessors", cuda.Auto, []string{"sms=3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Start(t, c.settings...)
			enginetest.RunAll(t, func(t *testing.T) engine.Backend { return open(t, cuda.Options{Mode: c.mode}) },
				graph.Compile)
		})
	}
}
