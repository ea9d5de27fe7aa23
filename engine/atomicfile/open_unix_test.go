//go:build unix

package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"neuroloupe/engine/atomicfile"
)

func TestOpenNeverWaits(t *testing.T) {
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, what := range map[string]string{pipe: "a named pipe", dir: "a folder", "/dev/null": "a device"} {
		_, err := atomicfile.Open(path)
		var not *atomicfile.NotRegularError
		if !errors.As(err, &not) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got %v, want that it is %s", path, err, what)
		}
	}
	if _, err := atomicfile.Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if b, err := atomicfile.ReadBytes(file, 4); err != nil || string(b) != "text" {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := atomicfile.ReadBytes(file, 3); err == nil {
		t.Error("a file of 4 bytes is read with a limit of 3")
	}
}

// A named pipe is written to when somebody reads it, and not waited for when nobody does.
func TestWriteToAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	err := atomicfile.WriteBytes(pipe, []byte("text"))
	if err == nil || !strings.Contains(err.Error(), pipe+" is a named pipe that nobody reads") {
		t.Errorf("nobody reads: got %v", err)
	}
	r, err := os.OpenFile(pipe, os.O_RDWR, 0) // a reader, and one that does not wait for a writer
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := atomicfile.WriteBytes(pipe, []byte("text")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 9)
	if n, err := r.Read(buf); err != nil || string(buf[:n]) != "text" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe was replaced: %v", err)
	}
}
