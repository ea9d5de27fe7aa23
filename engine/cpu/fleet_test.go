package cpu

import (
	"fmt"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/enginetest"
)

// A slot is an executor, and a network in a fleet is trained as it is alone, with every instruction set.
func TestFleets(t *testing.T) {
	tiers := isa.All()
	if testing.Short() {
		tiers = tiers[len(tiers)-1:]
	}
	for _, tier := range tiers {
		t.Run(fmt.Sprint(tier), func(t *testing.T) {
			enginetest.RunFleets(t, func(*testing.T) engine.Backend { return shared(tier, 2) },
				enginetest.Textbook, true)
		})
	}
}
