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
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "gpu"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("NEUROLOUPE_LIBCUDA", library)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"shapes": scriptShapes,
			"json":   scriptJSON,
		},
		RequireUniqueNames: true,
	})
}
