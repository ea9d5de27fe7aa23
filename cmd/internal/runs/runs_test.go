package runs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
)

func manifest(t *testing.T) Manifest {
	t.Helper()
	r, err := Preset("clear")
	if err != nil {
		t.Fatal(err)
	}
	r.Net = "6-3-2"
	return Manifest{
		Version: "v0", Train: r,
		Data: Data{
			Name: "d", Title: "d", Rows: 2, Cols: 3, Classes: []string{"a", "b"}, Train: 5, Test: 1,
			Dead: []int{0, 5},
		},
	}
}

// start makes a run and does so many epochs, each adding 1 to every weight.
func start(t *testing.T, dir string, epochs int) *Folder {
	t.Helper()
	m := manifest(t)
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	initial := spec.NewParams()
	f, err := Create(dir, m, initial)
	if err != nil {
		t.Fatal(err)
	}
	goOn(t, f, spec.NewState(initial.Clone()), epochs)
	return f
}

func goOn(t *testing.T, f *Folder, st *engine.State, epochs int) {
	t.Helper()
	for range epochs {
		for _, p := range st.Params {
			for i := range p.Data {
				p.Data[i]++
			}
		}
		st.Epoch++
		if err := f.EndEpoch(engine.Metrics{Epoch: st.Epoch}, st, true); err != nil {
			t.Fatal(err)
		}
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestManifestReadsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f := start(t, dir, 1)
	defer f.Close()
	got, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := f.Manifest
	hidden := cmp.Comparer(func(a, b Recipe) bool {
		sa, ea := a.Spec(6, 2, 5)
		sb, eb := b.Spec(6, 2, 5)
		return ea == nil && eb == nil && cmp.Equal(sa, sb) && a.Frames == b.Frames && a.Split == b.Split &&
			a.Epochs == b.Epochs
	})
	if diff := cmp.Diff(want, got.Manifest, hidden); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]bool{true, false, false, false, false, true}, got.Manifest.DeadMask()); diff != "" {
		t.Error(diff)
	}
}

// What a kill between any two writes leaves is cut back to the checkpoint, and the run goes on from there.
func TestResumeCutsBack(t *testing.T) {
	check := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, litter := range map[string]func(t *testing.T, f *Folder){
		"nothing more": func(*testing.T, *Folder) {},
		"half a line of metrics": func(t *testing.T, f *Folder) {
			check(t, f.appendTo(metricsFile, []byte(`{"epoch":4,"lo`), 0))
		},
		"a line but for its end": func(t *testing.T, f *Folder) {
			text, err := os.ReadFile(f.file(metricsFile))
			check(t, err)
			check(t, os.WriteFile(f.file(metricsFile), append(text, `{"epoch":4}`...), 0o666))
		},
		"a line and half a frame": func(t *testing.T, f *Folder) {
			check(t, f.appendTo(metricsFile, []byte("{\"epoch\":4}\n"), 0))
			check(t, f.appendTo(frameLogFile, make([]byte, 7), 0))
		},
		"a whole epoch but for its checkpoint": func(t *testing.T, f *Folder) {
			keep, err := os.ReadFile(f.file(checkpointFile))
			check(t, err)
			st, err := f.loadState(nil)
			check(t, err)
			goOn(t, f, st, 1)
			check(t, os.WriteFile(f.file(checkpointFile), keep, 0o666))
		},
		"a file half written": func(t *testing.T, f *Folder) {
			check(t, os.WriteFile(f.file(weightsFile)+".0badcafe.tmp", []byte("x"), 0o666))
		},
		"the run's end": func(t *testing.T, f *Folder) { check(t, f.Finish()) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			f := start(t, dir, 3)
			litter(t, f)
			check(t, f.Close())
			g, st, err := Resume(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			if st.Epoch != 3 {
				t.Errorf("resumes after epoch %d, want 3", st.Epoch)
			}
			if said := g.Notices(); said != nil {
				t.Errorf("what every kill leaves is said: %q", said)
			}
			ms, err := g.Metrics()
			if err != nil || len(ms) != 3 || ms[2].Epoch != 3 {
				t.Errorf("metrics %v %v", ms, err)
			}
			for _, epochs := range []int{3, 0} { // once more changes nothing
				cut, err := g.checkMetrics(epochs)
				check(t, err)
				check(t, cut())
				if ms, err := g.Metrics(); err != nil || len(ms) != epochs {
					t.Errorf("metrics of %d epochs: %v %v", epochs, ms, err)
				}
			}
			if err := g.Finish(); err != nil {
				t.Fatal(err)
			}
			frames, err := g.Frames()
			if err != nil {
				t.Fatal(err)
			}
			initial, err := g.Initial()
			if err != nil {
				t.Fatal(err)
			}
			if len(frames) != 4 {
				t.Fatalf("%d frames, want epochs 0 to 3", len(frames))
			}
			for i, fr := range frames {
				want := initial.Weight(1).Data[2]
				for range i {
					want++
				}
				if fr.Epoch != i || fr.Weights.Data[2] != want {
					t.Errorf("frame %d: epoch %d, weight %v, want %v", i, fr.Epoch, fr.Weights.Data[2], want)
				}
			}
			if got := strings.Join(files(t, dir), " "); strings.Contains(got, ".tmp") ||
				strings.Contains(got, "frames.log") {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f := start(t, dir, 1)
	if _, _, err := Resume(dir); err == nil {
		t.Skip("files cannot be locked on this system")
	} else if !strings.Contains(err.Error(), "is being trained by") {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g, _, err := Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

func TestCreateRefusesAFolderInUse(t *testing.T) {
	m := manifest(t)
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	start(t, dir, 0).Close()
	before := files(t, dir)
	if _, err := Create(dir, m, spec.NewParams()); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("a run's folder: %v", err)
	}
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Error(diff)
	}
	// A run killed before its manifest may begin again.
	if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil {
		t.Fatal(err)
	}
	f, err := Create(dir, m, spec.NewParams())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Finish(); err != nil {
		t.Fatal(err)
	}
	if frames, err := f.Frames(); err != nil || len(frames) != 1 {
		t.Errorf("%d frames %v, want the start alone", len(frames), err)
	}
}

func TestManifestFaults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f := start(t, dir, 1)
	defer f.Close()
	good, err := os.ReadFile(f.file(manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another format":     {"format = 3", "format = 4"},
		"no image":           {"rows = 2", "rows = 0"},
		"an enormous image":  {"rows = 2", "rows = 4000000000"},
		"a net that is none": {`net = "6-3-2"`, `net = "6-3-0"`},
		"a dead pixel off":   {"dead = [0, 5]", "dead = [0, 6]"},
		"not TOML":           {"[train]", "[train"},
	} {
		text := strings.Replace(string(good), change[0], change[1], 1)
		if text == string(good) {
			t.Fatalf("%s: %q is not in run.toml:\n%s", name, change[0], good)
		}
		if err := os.WriteFile(f.file(manifestFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "run.toml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
