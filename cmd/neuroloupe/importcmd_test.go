package main

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/adopt"
	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// TestImportMNIST: a network that plain numpy trained is as accurate here as numpy says
// (cmd/internal/exchange/testdata/digits.py), and a wrong activation is noticed.
func TestImportMNIST(t *testing.T) {
	if _, talk, code := neuroloupe(t, "data", "fetch"); code != exitDone {
		t.Skipf("MNIST cannot be had: %s", talk)
	}
	nets := filepath.Join("..", "internal", "exchange", "testdata")
	var numpy struct{ Accuracy float64 }
	if err := json.Unmarshal(mustRead(t, nets, "digits.json"), &numpy); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "digits")
	var r adopt.Result
	if err := json.Unmarshal([]byte(must(t, "import", filepath.Join(nets, "digits.npz"), "--out", dir, "--json")),
		&r); err != nil {
		t.Fatal(err)
	}
	// Two images of 10,000: float32 rounds otherwise than float64 where two outputs are all but equal.
	if r.TestAccuracy == nil || math.Abs(*r.TestAccuracy-numpy.Accuracy) > 2e-4 || len(r.Warnings) > 0 {
		t.Errorf("%+v, want accuracy %v and no warnings", r, numpy.Accuracy)
	}
	if f, err := runs.Open(dir); err != nil || f.Manifest.Data.Train != 60000 || len(f.Manifest.Data.Dead) != 67 {
		t.Errorf("%+v %v", f, err)
	}
	var d doctor.Diagnosis
	if err := json.Unmarshal([]byte(must(t, "doctor", dir, "--json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.RhoMedian != nil || d.Saturated == nil || *d.DeadPixels != 67 {
		t.Errorf("%+v", d)
	}
	must(t, "sheet", dir, "--mark-dead", "--order", "class")

	out := must(t, "import", filepath.Join(nets, "digits.npz"), "--hidden", "relu", "--out", dir+"-relu")
	if !strings.Contains(out, "With hidden sigmoid it would be 95.3") {
		t.Errorf("a wrong activation is not named:\n%s", out)
	}
}

// The outputs for one image are those of numpy. It needs no data set.
func TestImportComputesAsNumpy(t *testing.T) {
	nets := filepath.Join("..", "internal", "exchange", "testdata")
	var numpy struct{ Ramp []float64 }
	if err := json.Unmarshal(mustRead(t, nets, "digits.json"), &numpy); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "digits")
	must(t, "import", filepath.Join(nets, "digits.npz"), "--data", "none", "--out", dir)
	v, err := gallery.Open(t.Context(), dir, "", talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	ramp := &mnist.Set{
		Images: make([]byte, 784), Labels: []uint8{0}, Shape: mnist.Grey(28, 28),
		Classes: v.Folder.Manifest.Data.Classes,
	}
	for p := range ramp.Images {
		ramp.Images[p] = byte(7 * p)
	}
	v.Subject.Images = func(context.Context) (engine.Data, error) { return dataset.Data(ramp), nil }
	s, err := v.Score()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	// The quadratic loss of one image with label 0 is ½ Σ(a − y)².
	var want float64
	for k, a := range numpy.Ramp {
		if k == 0 {
			a--
		}
		want += a * a / 2
	}
	if math.Abs(s.Loss-want) > 1e-6 {
		t.Errorf("loss %v, want %v", s.Loss, want)
	}
}
