package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// The PTX is that of the sources beside it.
func TestHash(t *testing.T) {
	files, err := filepath.Glob("*.cu")
	if err != nil {
		t.Fatal(err)
	}
	headers, err := filepath.Glob("*.h")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, headers...)
	slices.Sort(files)
	h := sha256.New()
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(text)
	}
	want := hex.EncodeToString(h.Sum(nil))
	for name, got := range map[string]string{"kernels.ptx": Hash(), "fleet.ptx": hashOf(FleetPTX)} {
		if got != want {
			t.Errorf("%s was made from sources with hash %s, these have %s: run mkptx.sh", name, got, want)
		}
	}
}

// A thread's registers spill into local memory when an array is indexed by what is not a constant: that would be slow
// without being wrong.
func TestNoLocalMemory(t *testing.T) {
	if at := regexp.MustCompile(`\.local[^\n]*`).FindString(PTX + FleetPTX); at != "" {
		t.Errorf("a kernel keeps an array in local memory: %s", at)
	}
}
