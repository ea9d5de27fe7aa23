package doctor

import (
	"testing"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine"
)

// Of several remedies those are left out that the run has already.
func TestRemediesLeaveOutWhatIsSet(t *testing.T) {
	r, err := runs.Preset("nielsen1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		init  engine.Init
		l2    float64
		flags string
	}{
		{engine.InitNormal, 0, "--init scaled --l2 5"},
		{engine.InitNormal, 0.1, "--init scaled"},
		{engine.InitScaled, 0, "--l2 5"},
		{engine.InitScaled, 5, ""},
	} {
		a := &advice{recipe: r}
		a.recipe.Init, a.recipe.L2 = tt.init, tt.l2
		if got := a.with(startFrom(engine.InitScaled), decay()); got.flags != tt.flags {
			t.Errorf("%v, λ %v: %q, want %q", tt.init, tt.l2, got.flags, tt.flags)
		}
	}
}
