package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine"
)

// The settings that the doctor advises do what they are said to do: the run is trained again with them.
func TestDoctorAdviceHelps(t *testing.T) {
	data := shapes(t)
	diagnose := func(flags ...string) (d diagnosis) {
		t.Helper()
		out := filepath.Join(t.TempDir(), "run")
		must(t, append([]string{"train", data, "--net", "120-30-4", "--epochs", "10", "--out", out, "--preset", "nielsen1"}, flags...)...)
		if err := json.Unmarshal([]byte(must(t, "doctor", out, "--json")), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	before := diagnose()
	advised := regexp.MustCompile(`start small and let the start decay: ([^.]*)\. `).FindStringSubmatch(strings.Join(before.Advice, "\n"))
	if advised == nil {
		t.Fatalf("nothing is advised: %q", before.Advice)
	}
	after := diagnose(strings.Fields(advised[1])...)
	if after.Smoothness.Raw < before.Smoothness.Raw+smoother {
		t.Errorf("%s: smoothness %v, before %v", advised[1], after.Smoothness.Raw, before.Smoothness.Raw)
	}
	for _, text := range after.Advice {
		for flag := range strings.FieldsSeq(advised[1]) {
			if strings.HasPrefix(flag, "--") && strings.Contains(text, flag) {
				t.Errorf("%s is set, and advised again: %q", flag, text)
			}
		}
	}
}

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
