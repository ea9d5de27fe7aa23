package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/job"
)

// The main job on real digits, cut short: one epoch of 20,000 images reaches what a linear classifier does (LeCun et
// al. 1998 give 88 %), and its maps are already pictures.
func TestTrainMNIST(t *testing.T) {
	if _, talk, code := neuroloupe(t, "data", "fetch"); code != exitDone {
		t.Skipf("MNIST cannot be had: %s", talk)
	}
	dir := filepath.Join(t.TempDir(), "run")
	var r job.Result
	if err := json.Unmarshal([]byte(must(t, "train", "--epochs", "1", "--split", "20000/1000", "--out", dir, "--json")),
		&r); err != nil {
		t.Fatal(err)
	}
	if r.TestAccuracy < 0.9 || len(r.NeverPredicted) > 0 {
		t.Errorf("accuracy %v, never predicted %v", r.TestAccuracy, r.NeverPredicted)
	}
	var d doctor.Diagnosis
	if err := json.Unmarshal([]byte(must(t, "doctor", dir, "--json")), &d); err != nil {
		t.Fatal(err)
	}
	if *d.Smoothness.Learned < 0.7 || *d.Smoothness.Init > 0.05 {
		t.Errorf("smoothness learned %v, start %v: what was learned is not a picture, or the start is one",
			*d.Smoothness.Learned, *d.Smoothness.Init)
	}
	if *d.DeadPixels < 67 { // 67 in all 60,000 images, more in the first 20,000
		t.Errorf("%d dead pixels", *d.DeadPixels)
	}
}
