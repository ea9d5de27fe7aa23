package runs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A run is removed whole; what is being trained, is no run or holds other folders stays as it was, and what a kill has
// left of a removal is cleared away with the next.
func TestRemove(t *testing.T) {
	root := t.TempDir()
	in := func(elem ...string) string { return filepath.Join(append([]string{root}, elem...)...) }
	f := start(t, in("run"), 1)
	err := Remove(in("run"))
	if busy := (*BusyError)(nil); !errors.As(err, &busy) {
		t.Errorf("of a run that is trained: %v", err)
	}
	if _, err := Open(in("run")); err != nil {
		t.Error(err)
	}
	check(t, f.Close())
	check(t, os.MkdirAll(in("run", "inner"), 0o777))
	if err := Remove(in("run")); err == nil {
		t.Error("a run with a folder in it is removed")
	}
	check(t, os.Remove(in("run", "inner")))
	check(t, os.Mkdir(in("other"), 0o777))
	check(t, os.WriteFile(in("other", "notes"), nil, 0o666))
	if err := Remove(in("other")); err == nil || len(files(t, in("other"))) != 1 {
		t.Errorf("what is no run: %v, %v", err, files(t, in("other")))
	}
	if err := Remove(in("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	check(t, Remove(in("run")))
	check(t, Fail(in("never"), Failure{Reason: "no memory"}))
	check(t, Remove(in("never")))

	for _, name := range []string{".run.0123456789abcdef.removed", ".mine.removed", "x.0123456789abcdef.removed"} {
		check(t, os.MkdirAll(in(name, "sub"), 0o777))
	}
	check(t, SweepRemoved(root))
	got := files(t, root)
	if want := []string{".mine.removed", "other", "x.0123456789abcdef.removed"}; len(got) != 3 || got[0] != want[0] ||
		got[1] != want[1] || got[2] != want[2] {
		t.Errorf("left: %v, want %v", got, want)
	}
}
