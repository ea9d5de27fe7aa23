package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/doctor"
)

// The settings that the doctor advises do what they are said to do: the run is trained again with them.
func TestDoctorAdviceHelps(t *testing.T) {
	data := shapes(t)
	diagnose := func(flags ...string) (d doctor.Diagnosis) {
		t.Helper()
		out := filepath.Join(t.TempDir(), "run")
		must(t, append([]string{
			"train", data, "--net", "120-30-4", "--epochs", "10", "--out", out, "--preset",
			"nielsen1",
		}, flags...)...)
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
	if after.Smoothness.Raw < before.Smoothness.Raw+0.05 {
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
