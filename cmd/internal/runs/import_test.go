package runs

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of a network made elsewhere there are weights, and a reason for all else.
func TestImportNet(t *testing.T) {
	dir, m := filepath.Join(t.TempDir(), "run"), manifest(t)
	m.Import = &Import{
		File: "there/net.npz", SHA256: "00", Form: "npz", Layout: "out-in",
		Layers: []string{"fc1", "out"}, Std: 1,
	}
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	want := spec.NewParams()
	f, err := ImportNet(dir, m, want)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.Import, got.Manifest.Import); diff != "" {
		t.Error(diff)
	}
	ps, gamma, err := got.Weights()
	if err != nil || !math.IsNaN(gamma) {
		t.Fatal(gamma, err)
	}
	if diff := cmp.Diff(want, ps); diff != "" {
		t.Error(diff)
	}
	var start *StartError
	if _, err := got.Initial(); !errors.As(err, &start) || start.File != "net.npz" {
		t.Errorf("W₀: %v", err)
	}
	if _, err := got.Frames(); !errors.As(err, &start) {
		t.Errorf("frames: %v", err)
	}
	if ms, err := got.Metrics(); err != nil || ms != nil {
		t.Errorf("metrics: %v %v", ms, err)
	}
	if _, _, err := Resume(dir); err == nil || !strings.Contains(err.Error(), "made elsewhere") {
		t.Errorf("resumed: %v", err)
	}
	if _, err := ImportNet(dir, m, want); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder in use: %v", err)
	}
	if diff := cmp.Diff([]string{lockFile, manifestFile, weightsFile}, files(t, dir)); diff != "" {
		t.Error(diff)
	}
}
