package study

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine"
)

// make makes a run folder that is done after so many epochs, of which epoch e is right on e/10 of the validation and
// e/20 of the test images, and takes e seconds.
func makeRun(t testing.TB, path string, epochs int, change func(*runs.Recipe)) {
	t.Helper()
	r, err := runs.Preset("clear")
	check(t, err)
	r.Net, r.Epochs = "6-3-2", epochs
	if change != nil {
		change(&r)
	}
	m := runs.Manifest{
		Version: "v0", Train: r, Created: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Device: runs.Device{ID: "cpu", Name: "a processor"},
		Data:   runs.Data{Name: "d", Title: "d", Rows: 2, Cols: 3, Classes: []string{"a", "b"}, Train: 5, Test: 1},
	}
	spec, err := m.Spec()
	check(t, err)
	initial := spec.NewParams()
	f, err := runs.Create(path, m, initial)
	check(t, err)
	st := spec.NewState(initial.Clone())
	for e := range epochs {
		st.Epoch++
		validation, test := float64(e+1)/10, float64(e+1)/20
		check(t, f.EndEpoch(engine.Metrics{
			Epoch: e + 1, Loss: 1 / float64(e+1), Seconds: float64(e + 1),
			ValidationAccuracy: &validation, TestAccuracy: &test,
		}, st, true))
	}
	check(t, f.Finish())
	check(t, f.Close())
	check(t, os.WriteFile(f.Sheet(), nil, 0o666))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func find(t testing.TB, folders ...string) []*Run {
	t.Helper()
	all, err := Finder{}.Find(t.Context(), folders...)
	check(t, err)
	return all
}

func said(all []*Run) []string {
	var out []string
	for _, r := range all {
		out = append(out, r.Name+" "+r.Says())
	}
	return out
}

// Runs are found however deep they lie, in every state; what is no run is passed over, and so are links and what begins
// with a dot.
func TestFind(t *testing.T) {
	root := t.TempDir()
	in := func(elem ...string) string { return filepath.Join(append([]string{root}, elem...)...) }
	makeRun(t, in("a"), 3, nil)
	makeRun(t, in("deep", "er", "b"), 2, func(r *runs.Recipe) { r.Keep = "best" })
	makeRun(t, in(".hidden"), 1, nil)
	makeRun(t, in("stopped"), 1, nil)
	check(t, runs.StopAt(in("stopped"), runs.Stop{Rule: "halving", Rung: 2, Rank: 7, Of: 12, Kept: 4}))
	makeRun(t, in("spoilt"), 1, nil)
	check(t, os.WriteFile(in("spoilt", "run.toml"), []byte("format = 2"), 0o666))
	check(t, runs.Fail(in("never"), runs.Failure{Reason: "no\nmemory"}))
	check(t, os.MkdirAll(in("other", "things"), 0o777))
	check(t, os.WriteFile(in("other", "lock"), nil, 0o666))
	check(t, os.Symlink(in("a"), in("link")))
	makeRun(t, in("going"), 1, func(r *runs.Recipe) { r.Epochs = 5 })
	f, _, err := runs.Resume(in("going"))
	check(t, err)
	all := find(t, root)
	check(t, f.Close())
	got := said(all)
	for i, s := range got {
		if strings.HasPrefix(s, "spoilt unreadable: ") && strings.Contains(s, "run.toml") {
			got[i] = "spoilt unreadable"
		}
	}
	if diff := cmp.Diff([]string{
		"a done", "deep/er/b done", "going running", "never failed: no memory", "spoilt unreadable",
		"stopped stopped (rung 2, 7th of 12)",
	}, got); diff != "" {
		t.Error(diff)
	}
	a := all[0]
	if *a.Validation != 0.3 || *a.Accuracy != 0.15 || *a.Loss != 1.0/3 || a.Seconds != 6 || a.Epochs != 3 ||
		a.Setting("l2") != "5" || a.Setting("zero-dead") != "false" || a.Setting(Asked) != "3" {
		t.Errorf("%+v", a.Facts)
	}
	if all := find(t, in("a"), root, in("a")); all[0].Path != in("a") || len(all) != 6 {
		t.Errorf("each run once: %v", said(all))
	}
	_, err = (Finder{}).Find(t.Context(), in("a", "run.toml"))
	if err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file: %v", err)
	}
	if _, err := (Finder{}).Find(t.Context(), in("nowhere")); !os.IsNotExist(err) {
		t.Errorf("nothing there: %v", err)
	}
}

// With keep = best the numbers are those of the first of the best epochs, with last those of the last.
func TestHandedOut(t *testing.T) {
	var ms []engine.Metrics
	for _, a := range []float64{0.5, 0.75, 0.7, 0.75, 0.6} {
		ms = append(ms, engine.Metrics{ValidationAccuracy: new(a)})
	}
	if best, last := handedOut(ms, "best"), handedOut(ms, "last"); best != 1 || last != 4 {
		t.Errorf("best %d, last %d, want 1 and 4", best, last)
	}
}

// Runs that are still to be made are listed once, by what their sweep says of them, until they are there.
func TestQueued(t *testing.T) {
	root := t.TempDir()
	makeRun(t, filepath.Join(root, "s", "runs", "one"), 1, nil)
	check(t, runs.Fail(filepath.Join(root, "s", "runs", "two"), runs.Failure{Reason: "no memory"}))
	settings := make([]string, len(settingNames))
	settings[settingIndex("l2")] = "7"
	f := Finder{Queued: func(folder string) (all []Run, err error) {
		if filepath.Base(folder) == "s" {
			for _, name := range []string{"one", "two", "three"} {
				all = append(all, Run{Path: filepath.Join(folder, "runs", name), Facts: Facts{Settings: settings}})
			}
		}
		return all, nil
	}}
	all, err := f.Find(t.Context(), root)
	check(t, err)
	if diff := cmp.Diff([]string{
		"s/runs/one done", "s/runs/three queued", "s/runs/two failed: no memory",
	}, said(all)); diff != "" {
		t.Error(diff)
	}
	if all[0].Setting("l2") != "5" || all[1].Setting("l2") != "7" || all[2].Setting("l2") != "7" {
		t.Error("the settings are not those of the runs, or of the plan where there is no run")
	}
}

// many makes so many runs, half of one recipe and half of another, by copying two.
func many(t testing.TB, root string, n int) {
	t.Helper()
	from := filepath.Join(t.TempDir(), "from")
	for i := range 2 {
		makeRun(t, filepath.Join(from, fmt.Sprint(i)), 10, func(r *runs.Recipe) { r.L2 = float64(i) })
	}
	files := map[string][]byte{}
	check(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[path], err = os.ReadFile(path)
		}
		return err
	}))
	old := time.Now().Add(-time.Hour)
	for i := range n {
		dir := filepath.Join(root, fmt.Sprintf("%05d", i))
		check(t, os.MkdirAll(dir, 0o777))
		for path, data := range files {
			if filepath.Base(filepath.Dir(path)) == fmt.Sprint(i%2) {
				to := filepath.Join(dir, filepath.Base(path))
				check(t, os.WriteFile(to, data, 0o666))
				check(t, os.Chtimes(to, old, old))
			}
		}
	}
}

// The index gives what the files say, is believed only where they are unchanged, and is made again when it is gone,
// damaged or old.
func TestIndex(t *testing.T) {
	root, n := t.TempDir(), worthIndex+1
	many(t, root, n)
	path := filepath.Join(root, IndexFile)
	first := find(t, root)
	whole, err := os.ReadFile(path)
	check(t, err)
	// In a folder that cannot be written to it is as where the index cannot be: the spoiling "a folder" below.
	same := func(when string) {
		t.Helper()
		if diff := cmp.Diff(first, find(t, root)); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	known := func() int {
		n := 0
		for _, e := range readIndex(root) {
			if e.Stamps != (stamps{}) {
				n++
			}
		}
		return n
	}
	if known() != n {
		t.Errorf("%d of %d runs are known", known(), n)
	}
	same("from the index")
	for name, spoil := range map[string]func() error{
		"deleted":   func() error { return os.Remove(path) },
		"cut short": func() error { return os.WriteFile(path, whole[:len(whole)/2], 0o666) },
		"one digit changed": func() error {
			return os.WriteFile(path, []byte(strings.Replace(string(whole), `"epochs":10`, `"epochs":11`, 1)), 0o666)
		},
		"empty":    func() error { return os.WriteFile(path, nil, 0o666) },
		"a folder": func() error { return os.Remove(path) },
	} {
		check(t, spoil())
		if name == "a folder" {
			check(t, os.Mkdir(path, 0o777))
		}
		same(name)
		if name == "a folder" {
			check(t, os.Remove(path))
			same("no longer a folder")
		}
		if known() != n {
			t.Errorf("%s: %d of %d runs are known again", name, known(), n)
		}
	}

	// It is the stamps that tell: a file changed behind them is not read, one with another time is, one of another
	// size is.
	changed := filepath.Join(root, "00001", "run.toml")
	text, err := os.ReadFile(changed)
	check(t, err)
	info, err := os.Stat(changed)
	check(t, err)
	check(t, os.WriteFile(changed, []byte(strings.Repeat("#", len(text))), 0o666))
	check(t, os.Chtimes(changed, info.ModTime(), info.ModTime()))
	same("behind the stamps")
	check(t, os.Chtimes(changed, info.ModTime(), info.ModTime().Add(time.Minute)))
	if all := find(t, root); all[1].State() != "unreadable" || known() != n-1 {
		t.Errorf("another time: %s", all[1].Says())
	}
	check(t, os.WriteFile(changed, text, 0o666))
	check(t, os.RemoveAll(filepath.Join(root, "00002")))
	if all := find(t, root); !slices.Equal(all[1].Settings, first[1].Settings) || len(all) != n-1 {
		t.Errorf("put back: %s of %d", all[1].Says(), len(all))
	}
	// What changed a moment before it was read may change again within the same tick of the clock.
	if known() != n-2 {
		t.Errorf("%d runs are trusted, want all %d but the one just written", known(), n-1)
	}
}

// Few runs get no index.
func TestNoIndex(t *testing.T) {
	root := t.TempDir()
	many(t, root, 3)
	find(t, root)
	if _, err := os.Stat(filepath.Join(root, IndexFile)); !os.IsNotExist(err) {
		t.Errorf("an index of three runs: %v", err)
	}
}

// Removing asks, and only y is yes; what is named is removed, what meets an expression too, and nothing else.
func TestRemove(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		makeRun(t, filepath.Join(root, name), 1, func(r *runs.Recipe) { r.L2 = float64(name[0]) })
	}
	all, err := ToRemove(t.Context(), Finder{}, []string{root}, "l2 < 99")
	check(t, err)
	if len(all) != 2 {
		t.Fatalf("%v meet the expression", said(all))
	}
	for answer, want := range map[string]bool{
		"y\n": true, " Y \n": true, "yes\n": false, "\n": false, "n\n": false, "": false,
	} {
		var out strings.Builder
		if got := Ask(strings.NewReader(answer), &out, all); got != want {
			t.Errorf("%q is %v", answer, got)
		}
		if !strings.Contains(out.String(), all[0].Path) || !strings.HasSuffix(out.String(), "remove 2 runs? [y/N] ") {
			t.Errorf("asked %q", out.String())
		}
	}
	if _, err := ToRemove(t.Context(), Finder{}, []string{root}, ""); err == nil {
		t.Error("a folder of runs is taken for a run")
	}
	named, err := ToRemove(t.Context(), Finder{}, []string{filepath.Join(root, "b")}, "")
	check(t, err)
	held, _, err := runs.Resume(filepath.Join(root, "a"))
	check(t, err)
	n, err := Remove(t.Context(), append(named, find(t, root)[0]))
	check(t, held.Close())
	if n != 1 || err == nil || !strings.Contains(err.Error(), "is being trained by process") {
		t.Errorf("removed %d: %v", n, err)
	}
	if left := find(t, root); len(left) != 2 || left[0].Name != "a" || left[1].Name != "c" {
		t.Errorf("left: %v", said(left))
	}
}

// BenchmarkFind lists 10,000 run folders: without an index, and with one.
func BenchmarkFind(b *testing.B) {
	root := b.TempDir()
	many(b, root, 10_000)
	find(b, root)
	for _, indexed := range []bool{true, false} {
		b.Run(fmt.Sprintf("index=%v", indexed), func(b *testing.B) {
			for b.Loop() {
				if !indexed {
					os.Remove(filepath.Join(root, IndexFile))
				}
				if all := find(b, root); len(all) != 10_000 {
					b.Fatal(len(all))
				}
			}
		})
	}
}
