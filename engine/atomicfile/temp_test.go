package atomicfile_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"neuroloupe/engine/atomicfile"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("ATOMICFILE_TEST_HANG"); path != "" {
		_ = atomicfile.Write(path, func(io.Writer) error {
			fmt.Println("writing")
			select {}
		})
	}
	os.Exit(m.Run())
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestTempOf(t *testing.T) {
	for name, want := range map[string]string{
		"sheet.png.0badcafe.tmp":  "sheet.png",
		"a.00000000.tmp":          "a",
		"notes.tmp":               "",
		"sheet.png.tmp":           "",
		"sheet.png.0BADCAFE.tmp":  "",
		"sheet.png.badcafe.tmp":   "",
		"sheet.png.00badcafe.tmp": "",
		"sheet.png-0badcafe.tmp":  "",
		".0badcafe.tmp":           "",
		"sheet.png.0badcafe":      "",
		"":                        "",
	} {
		if got, ok := atomicfile.TempOf(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", name, got, ok, want)
		}
	}
}

// What a killed process has left goes with the next Write of its target, and nothing else does.
func TestWriteCleans(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("what is left is not told from what is being written")
	}
	dir := t.TempDir()
	keep := []string{
		"backup.tmp", "f.tmp", "f.0badcafe1.tmp", "f.0BADCAFE.tmp", "g.0badcafe.tmp", "f.0badcafe.tmp.0badcafe.tmp",
	}
	for _, name := range append(keep, "f.0badcafe.tmp", "f.12345678.tmp") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "f.00000000.tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("backup.tmp", filepath.Join(dir, "f.11111111.tmp")); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, "f"), nil); err != nil {
		t.Fatal(err)
	}
	want := "backup.tmp f f.00000000.tmp f.0BADCAFE.tmp f.0badcafe.tmp.0badcafe.tmp f.0badcafe1.tmp f.11111111.tmp " +
		"f.tmp g.0badcafe.tmp"
	if got := names(t, dir); got != want {
		t.Errorf("there is now\n%s, want\n%s", got, want)
	}
}

// What another process is writing stays until it has ended, however it ends.
func TestWriteLeavesTheLiving(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("what is left is not told from what is being written")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), "ATOMICFILE_TEST_HANG="+path)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); errors.Is(err, syscall.ENOEXEC) {
		t.Skip("an emulator runs the test, and the system does not start its program without one")
	} else if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "writing\n" {
		t.Fatal(line, err)
	}
	if err := atomicfile.WriteBytes(path, nil); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !strings.HasSuffix(got, ".tmp") {
		t.Errorf("%s: what is being written is gone", got)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed
	if got := names(t, dir); !strings.HasSuffix(got, ".tmp") {
		t.Fatalf("%s: nothing is left of what was killed, so the test shows nothing", got)
	}
	if err := atomicfile.WriteBytes(path, nil); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "f" {
		t.Errorf("%s: what a kill has left is there", got)
	}
}

// Many write the same file at once: none takes what another is writing.
func TestManyWriteOneFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if err := atomicfile.WriteBytes(path, []byte("text")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := names(t, dir); got != "f" || read(t, path) != "text" {
		t.Errorf("%s: want f alone", got)
	}
}

func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	f, g := open(), open()
	if err := atomicfile.TryLock(f); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.TryLock(g); !errors.Is(err, atomicfile.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	f.Close()
	if err := atomicfile.TryLock(g); err != nil {
		t.Error(err)
	}
	g.Close()
	if err := atomicfile.TryLock(g); err == nil || errors.Is(err, atomicfile.ErrLocked) {
		t.Errorf("a closed file: got %v, want another error than ErrLocked", err)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b", "c")
	for range 2 {
		if err := atomicfile.MkdirAll(deep + string(filepath.Separator)); err != nil {
			t.Fatal(err)
		}
	}
	if err := atomicfile.Mkdir(deep); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "under")} {
		if err := atomicfile.MkdirAll(path); err == nil || !strings.HasPrefix(err.Error(), "mkdir "+file) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A target that cannot be looked at is not taken for one that is not there.
func TestWriteLooksFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.Symlink("f", path); err != nil { // to itself
		t.Skip(err)
	}
	if err := atomicfile.WriteBytes(path, nil); err == nil || errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("it is replaced: %v %v", info, err)
	}
}
