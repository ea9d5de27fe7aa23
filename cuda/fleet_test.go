//go:build gpu && linux && cgo && amd64

package cuda_test

import (
	"os"
	"testing"

	"neuroloupe/cuda"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/engine/enginetest"
	"neuroloupe/graph"
)

// A slot of a fleet is an executor, and a network in one has the bytes that it has in a fleet of one, on a device that
// holds five of the largest networks of the tests side by side.
func TestFleets(t *testing.T) {
	var settings []string
	if os.Getenv(sim.CardEnv) == "" { // a card has as many
		settings = append(settings, "sms=20")
	}
	sim.Start(t, settings...)
	enginetest.RunFleets(t, func(t *testing.T) engine.Backend { return open(t, cuda.Options{}) }, graph.Compile, false,
		slotGroups()...)
}

// slotGroups are those of RunAll that a slot is held to: all, but in short tests those that runs and refills are about.
func slotGroups() []string {
	if testing.Short() {
		return []string{"bytes", "lifetime"}
	}
	return nil
}
