package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
)

// Many processes that choose a name at once get one each.
func TestNewFolder(t *testing.T) {
	base := filepath.Join(t.TempDir(), "runs", "mnist")
	const many = 240
	names := make(chan string, many)
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			name, err := NewFolder(base)
			if err != nil {
				t.Error(err)
			}
			names <- name
		})
	}
	all.Wait()
	close(names)
	got := map[string]bool{}
	for name := range names {
		got[name] = true
	}
	if len(got) != many || !got[base] || !got[fmt.Sprintf("%s-%d", base, many)] {
		t.Errorf("%d names for %d", len(got), many)
	}
	if _, err := NewFolder(filepath.Join(base, "\x00")); err == nil {
		t.Error("a name that cannot be: no error")
	}
}

// Of many processes that make the same folder at once one does, and it is that one's.
func TestCreateAtOnce(t *testing.T) {
	dir, m := filepath.Join(t.TempDir(), "run"), manifest(t)
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	const many = 8
	made := make(chan uint64, many)
	var all sync.WaitGroup
	for i := range uint64(many) {
		all.Go(func() {
			m := m
			m.Train.Seed = i
			f, err := Create(dir, m, spec.NewParams())
			if err == nil {
				made <- i
				err = f.Close()
			}
			if err != nil && !strings.Contains(err.Error(), "not empty") &&
				!strings.Contains(err.Error(), "is being trained by") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(made)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if seed, more := <-made, len(made); f.Manifest.Train.Seed != seed || more > 0 {
		t.Errorf("the folder is that of %d, made by %d and %d more", f.Manifest.Train.Seed, seed, more)
	}
}

// A folder whose lock was removed, or that was moved, is no longer this process's to write to.
func TestLockIsWatched(t *testing.T) {
	check := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, take := range map[string]func(t *testing.T, f *Folder){
		"lock removed": func(t *testing.T, f *Folder) { check(t, os.Remove(f.file(lockFile))) },
		"moved":        func(t *testing.T, f *Folder) { check(t, os.Rename(f.Path, f.Path+"-elsewhere")) },
		"removed":      func(t *testing.T, f *Folder) { check(t, os.RemoveAll(f.Path)) },
		"another's": func(t *testing.T, f *Folder) {
			check(t, os.Remove(f.file(lockFile)))
			g, _, err := Resume(f.Path)
			check(t, err)
			t.Cleanup(func() { g.Close() })
		},
		"another folder": func(t *testing.T, f *Folder) {
			check(t, os.Rename(f.Path, f.Path+"-elsewhere"))
			start(t, f.Path, 1).Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			f := start(t, dir, 1)
			defer f.Close()
			st, err := f.loadState(nil)
			check(t, err)
			take(t, f)
			var before map[string]string
			if _, err := os.Stat(dir); err == nil {
				before = content(t, dir)
			}
			for what, err := range map[string]error{
				"an epoch": f.EndEpoch(engine.Metrics{Epoch: 2}, st, true), "a checkpoint": f.Save(st),
				"run.toml": f.WriteManifest(),
				"the end":  f.Finish(),
			} {
				if !errors.Is(err, errLost) {
					t.Errorf("%s is written: %v", what, err)
				}
			}
			if before != nil {
				if diff := cmp.Diff(before, content(t, dir)); diff != "" {
					t.Error(diff)
				}
			} else if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder is there again: %v", err)
			}
		})
	}
}

// Only a lock that another has is said to be another's.
func TestLockErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f := start(t, dir, 1)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.file(lockFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere", "lock"), f.file(lockFile)); err != nil {
		t.Skip(err)
	}
	if _, _, err := Resume(dir); err == nil || strings.Contains(err.Error(), "another process") ||
		!strings.Contains(err.Error(), lockFile) {
		t.Errorf("a lock that cannot be opened: %v", err)
	}
}

// A folder whose making was killed, after any of its files, can be made again, and nothing that is said goes in a
// circle.
func TestHalfMade(t *testing.T) {
	train, imported := trained(t, 1, 0, false), importedFiles(t)
	for _, c := range []struct {
		files map[string]string
		order []string // in which they are written
	}{
		{train, []string{lockFile, initialFile, frameLogFile, checkpointFile}},
		{imported, []string{lockFile, weightsFile}},
	} {
		for n := range len(c.order) + 1 {
			for _, temp := range []string{"", manifestFile, c.order[min(n, len(c.order)-1)]} {
				half := map[string]string{}
				for _, name := range c.order[:n] {
					half[name] = c.files[name]
				}
				if temp == lockFile {
					continue // is not replaced
				}
				if temp != "" {
					half[temp+".0badcafe.tmp"] = "half"
				}
				dir := filepath.Join(t.TempDir(), "run")
				put(t, dir, half)
				if _, _, err := Resume(dir); err == nil || !errors.Is(err, fs.ErrNotExist) ||
					strings.Contains(err.Error(), "--resume") {
					t.Errorf("%v: resumed: %v", half, err)
				}
				for kind, again := range map[string]map[string]string{"train": train, "import": imported} {
					dir := filepath.Join(t.TempDir(), "run")
					put(t, dir, half)
					if err := makeAgain(t, dir, kind); err != nil {
						t.Errorf("%s over %d of %v: %v", kind, n, c.order, err)
					} else if diff := cmp.Diff(again, content(t, dir)); diff != "" {
						t.Errorf("%s over %d of %v:\n%s", kind, n, c.order, diff)
					}
				}
			}
		}
	}
}

func makeAgain(t *testing.T, dir, kind string) error {
	t.Helper()
	m := manifest(t)
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var f *Folder
	if kind == "train" {
		f, err = Create(dir, m, spec.NewParams())
	} else {
		m.Import = &Import{File: "net.npz", SHA256: "00"}
		f, err = ImportNet(dir, m, spec.NewParams())
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func importedFiles(t *testing.T) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if err := makeAgain(t, dir, "import"); err != nil {
		t.Fatal(err)
	}
	return content(t, dir)
}

// What is a person's stays, and a folder that has it is not made a run folder; what is said can be followed.
func TestCreateRefuses(t *testing.T) {
	whole := trained(t, 1, 1, true)
	lost := trained(t, 1, 1, true)
	delete(lost, manifestFile)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a person's file": {map[string]string{"notes.tmp": "mine"}, "notes.tmp is in it"},
		"one beside ours": {
			map[string]string{lockFile: "", initialFile: "", "backup.tmp": "mine"},
			"backup.tmp is in it",
		},
		"a picture half-made":    {map[string]string{"why.png.0badcafe.tmp": ""}, "why.png.0badcafe.tmp is in it"},
		"a run":                  {whole, "go on with --resume"},
		"an import":              {importedFiles(t), "draw it with neuroloupe sheet"},
		"a run without its toml": {lost, "is in it"},
	} {
		for _, kind := range []string{"train", "import"} {
			dir := filepath.Join(t.TempDir(), "run")
			put(t, dir, c.files)
			if err := makeAgain(t, dir, kind); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: %v, want %q", name, kind, err, c.want)
			}
			if diff := cmp.Diff(c.files, content(t, dir)); diff != "" {
				t.Errorf("%s: %s:\n%s", name, kind, diff)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	put(t, dir, lost)
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "neuroloupe import "+
		filepath.Join(dir, weightsFile)) {
		t.Errorf("a run without its toml: %v", err)
	}
}

// Resuming removes what its own killed writes left, and nothing of a person's.
func TestSweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f := start(t, dir, 1)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	keep := map[string]string{"notes.tmp": "a", "backup.tmp": "b", "run.toml.tmp": "c", "weights.old.0badcafe.tmp": "d"}
	put(t, dir, keep)
	put(t, dir, map[string]string{
		"weights.safetensors.0badcafe.tmp": "", "run.toml.12345678.tmp": "",
		"sheet.png.00000000.tmp": "",
	})
	g, _, err := Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	got := content(t, dir)
	for name, data := range got {
		if strings.HasSuffix(name, ".tmp") && keep[name] != data {
			t.Errorf("%s is still there", name)
		}
		delete(keep, name)
	}
	if len(keep) > 0 {
		t.Errorf("gone: %v", keep)
	}
}
