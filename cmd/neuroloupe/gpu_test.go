//go:build gpu && linux && cgo && amd64

package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"neuroloupe/cuda/sim"
)

// TestGPUScripts runs testdata/gpu on the driver simulator: what people with a GPU type and see.
func TestGPUScripts(t *testing.T) {
	library := sim.Build(t)
	hanging, crashing := sim.Broken(t, "INIT=hang()"), sim.Broken(t, "INIT=crash()")
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "gpu"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("NEUROLOUPE_LIBCUDA", library)
			e.Setenv("HANGING", hanging)
			e.Setenv("CRASHING", crashing)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"shapes": scriptShapes,
			"json":   scriptJSON,
		},
		RequireUniqueNames: true,
	})
}
