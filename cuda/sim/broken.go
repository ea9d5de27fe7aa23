//go:build gpu && linux && amd64

package sim

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Broken compiles a driver that does not work, and returns its path. how says what goes wrong where: "INIT=hang()"; see
// testdata/broken.c. Without g++ the test is skipped.
func Broken(t testing.TB, how string) string {
	t.Helper()
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("a broken driver is built with g++, which is not here")
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "libcuda.so.1")
	source := filepath.Join(root, "cuda", "sim", "testdata", "broken.c")
	if err := run(compiler, "-xc", "-w", "-shared", "-fPIC", "-D"+how, "-o", path, source); err != nil {
		t.Fatal(err)
	}
	return path
}
