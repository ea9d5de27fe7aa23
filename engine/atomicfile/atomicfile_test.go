package atomicfile_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"neuroloupe/engine/atomicfile"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriteReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, text := range []string{"one", "a second, longer text", ""} {
		if err := atomicfile.WriteBytes(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("files left behind: %v %v", entries, err)
	}
}

var errWriter = errors.New("writer failed")

// TestFailureLeavesTheOldFile: whatever goes wrong, the old file stays and nothing is left beside it.
func TestFailureLeavesTheOldFile(t *testing.T) {
	old := []byte("the old file")
	for _, tc := range []struct {
		name  string
		write func(io.Writer) error
		want  error
	}{
		{"disk full half-way", func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 5000)); err != nil {
				return err
			}
			return syscall.ENOSPC
		}, syscall.ENOSPC},
		{"error before the first byte", func(io.Writer) error { return errWriter }, errWriter},
		{"flush fails", func(w io.Writer) error { return w.(*os.File).Close() }, os.ErrClosed},
		{"rename fails", func(w io.Writer) error { return os.Remove(w.(*os.File).Name()) }, os.ErrNotExist},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "w")
			if err := os.WriteFile(path, old, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := atomicfile.Write(path, tc.write); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, old) {
				t.Errorf("the old file is now %q, error %v", got, err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("files left behind: %v %v", entries, err)
			}
		})
	}
}

func TestParentIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := atomicfile.WriteBytes(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.WriteBytes(filepath.Join(path, "under a file"), nil); err == nil {
		t.Error("no error")
	}
	if got := read(t, path); got != "old" {
		t.Errorf("the file is now %q", got)
	}
}

func TestModeIsThatOfANewFile(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "w")
	if err := atomicfile.WriteBytes(path, nil); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode() != want.Mode() {
		t.Errorf("mode %v, want %v as for any new file", got.Mode(), want.Mode())
	}
}

func TestLinksAndDevices(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := atomicfile.WriteBytes(real, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := atomicfile.WriteBytes(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || read(t, real) != "new" {
		t.Errorf("the link was replaced, or its target not: %v %v %q", info, err, read(t, real))
	}
	if _, err := os.Stat(os.DevNull); err != nil {
		t.Skipf("no %s here", os.DevNull)
	}
	if err := atomicfile.WriteBytes(os.DevNull, []byte("x")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced by a file: %v", os.DevNull, err)
	}
}
