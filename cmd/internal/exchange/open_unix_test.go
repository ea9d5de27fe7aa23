//go:build unix

package exchange

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A named pipe is refused; waiting for its writer would never end.
func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.npz")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, Options{}); err == nil || !strings.Contains(err.Error(), "a named pipe, want a file") {
		t.Error(err)
	}
}
