//go:build unix

package safetensors

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWriteFileNoRoom writes over a file in a process whose files may not grow past 4 KiB: what a full disk or a quota
// does, without the rights to mount one.
func TestWriteFileNoRoom(t *testing.T) {
	const variable = "SAFETENSORS_TEST_PATH"
	if path := os.Getenv(variable); path != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(path, constant(100_000, 2), nil); !errors.Is(err, syscall.EFBIG) {
			t.Fatalf("error %v, want %v", err, syscall.EFBIG)
		}
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "w")
	if err := WriteFile(path, constant(5000, 1), nil); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestWriteFileNoRoom$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+path)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.ENOEXEC) {
		t.Skip("the system cannot run this test's own binary: it runs under an emulator")
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestWriteFileNoRoom")) {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, old) {
		t.Errorf("the old file was changed, error %v", err)
	}
	if d := cmp.Diff([]string{"w"}, folder(t, dir)); d != "" {
		t.Errorf("files in the folder (-want +got):\n%s", d)
	}
}
