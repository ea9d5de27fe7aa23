package runs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// content reads the files of a folder; a folder in it has none.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range files(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			data = []byte("(a folder)")
		}
		all[name] = string(data)
	}
	return all
}

// put makes a folder of these files.
func put(t *testing.T, dir string, all map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, data := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// trained makes a run of so many epochs with another seed, ended or not, and returns its files.
func trained(t *testing.T, seed uint64, epochs int, ended bool) map[string]string {
	t.Helper()
	dir, m := filepath.Join(t.TempDir(), "run"), manifest(t)
	m.Train.Seed = seed
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Create(dir, m, spec.NewParams())
	if err != nil {
		t.Fatal(err)
	}
	goOn(t, f, spec.NewState(spec.NewParams()), epochs)
	if ended {
		if err := f.Finish(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return content(t, dir)
}

// flips returns a file with one bit changed, at so many places from its first to its last byte.
func flips(data string) map[string]string {
	const places = 8
	all := map[string]string{}
	for n := range min(places, len(data)) {
		i := n * (len(data) - 1) / max(1, min(places, len(data))-1)
		b := []byte(data)
		b[i] ^= 1 << (n % 6)
		all[fmt.Sprintf("byte %d: %q for %q", i, b[i], data[i])] = string(b)
	}
	return all
}

// damage makes a folder of a run's files whose file name is damaged in a way, as often as there are places to damage it
// at. "other" is the file of another run, "folder" a folder in its place, "error" one of the system that is not "not
// there".
func damage(t *testing.T, run, other map[string]string, name, way string, check func(t *testing.T, dir, what string)) {
	t.Helper()
	all := map[string]string{way: run[name]}
	switch way {
	case "emptied":
		all[way] = ""
	case "halved":
		all[way] = run[name][:len(run[name])/2]
	case "other":
		all[way] = other[name]
	case "flipped":
		all = flips(run[name])
	}
	for what, data := range all {
		dir := filepath.Join(t.TempDir(), "run")
		put(t, dir, run)
		path := filepath.Join(dir, name)
		if way == "removed" || way == "folder" || way == "error" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
		if way == "folder" {
			if err := os.Mkdir(path, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if way == "error" {
			if err := os.Symlink(name, path); err != nil { // to itself
				t.Skip(err)
			}
		}
		check(t, dir, name+" "+what)
	}
}

// What resuming a run of three epochs does when one of its files is damaged: "refuse", one error that names the file,
// and nothing has been changed; "goes on", to the files of an undisturbed run; "mends", the same, and says what was
// lost, which may be frames.
func TestResumeDamaged(t *testing.T) {
	ways := []string{"removed", "emptied", "halved", "flipped", "other", "folder", "error"}
	for _, run := range []struct {
		ended bool
		files map[string]string
	}{
		{false, map[string]string{
			manifestFile:   "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			initialFile:    "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			weightsFile:    "mends   mends   mends   mends   refuse  refuse  refuse",
			checkpointFile: "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			metricsFile:    "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			frameLogFile:   "mends   mends   mends   mends   refuse  refuse  refuse",
			lockFile:       "goes-on goes-on goes-on goes-on goes-on refuse  refuse",
		}},
		{true, map[string]string{
			manifestFile:   "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			initialFile:    "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			weightsFile:    "mends   mends   mends   mends   refuse  refuse  refuse",
			checkpointFile: "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			metricsFile:    "refuse  refuse  refuse  refuse  refuse  refuse  refuse",
			framesFile:     "mends   refuse  refuse  refuse  refuse  refuse  refuse",
			lockFile:       "goes-on goes-on goes-on goes-on goes-on refuse  refuse",
		}},
	} {
		good, other, whole := trained(t, 1, 3, run.ended), trained(t, 2, 3, run.ended), trained(t, 1, 5, true)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(good)), slices.Sorted(maps.Keys(run.files))); diff != "" {
			t.Fatalf("the table has not all files:\n%s", diff)
		}
		for name, row := range run.files {
			for i, want := range strings.Fields(row) {
				t.Run(fmt.Sprintf("ended %v/%s %s", run.ended, name, ways[i]), func(t *testing.T) {
					t.Parallel()
					damage(t, good, other, name, ways[i], func(t *testing.T, dir, what string) {
						if name == manifestFile && ways[i] == "flipped" && sameManifest(t, good, dir) {
							return // in a comment or between two values
						}
						resumeDamaged(t, dir, name, what, want, whole)
					})
				})
			}
		}
	}
}

func sameManifest(t *testing.T, run map[string]string, dir string) bool {
	t.Helper()
	m, err := parseManifest(run[manifestFile])
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	return err == nil && cmp.Equal(f.Manifest, m, cmp.Comparer(func(a,
		b Recipe,
	) bool {
		return fmt.Sprint(a) == fmt.Sprint(b)
	}))
}

func resumeDamaged(t *testing.T, dir, name, what, want string, whole map[string]string) {
	t.Helper()
	before := content(t, dir)
	f, st, err := Resume(dir)
	if want == "refuse" {
		switch {
		case err == nil:
			t.Errorf("%s: goes on after epoch %d, want an error", what, st.Epoch)
			f.Close()
		case !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: the error is not one line that names it: %v", what, err)
		default:
			if diff := cmp.Diff(before, content(t, dir)); diff != "" && name != lockFile {
				t.Errorf("%s: files have been changed:\n%s", what, diff)
			}
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer f.Close()
	if said := f.Notices(); (len(said) > 0) != (want == "mends") {
		t.Errorf("%s: says %q", what, said)
	}
	if name == weightsFile { // before the next epoch writes them
		if ps, _, err := f.Weights(); err != nil || !cmp.Equal(ps, st.Params) {
			t.Errorf("%s: the weights are not those of the checkpoint: %v", what, err)
		}
	}
	goOn(t, f, st, 2)
	if err := f.Finish(); err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	got := content(t, dir)
	if name == frameLogFile || name == framesFile {
		fewerFrames(t, f, what)
		delete(got, framesFile)
	}
	for file, data := range got {
		if data != whole[file] && file != lockFile {
			t.Errorf("%s: in the end %s is not that of an undisturbed run", what, file)
		}
	}
}

// fewerFrames checks that the frames are some of those of an undisturbed run, the first and the last among them.
func fewerFrames(t *testing.T, f *Folder, what string) {
	t.Helper()
	frames, err := f.Frames()
	if err != nil || frames[0].Epoch != 0 || frames[len(frames)-1].Epoch != 5 {
		t.Errorf("%s: %d frames, %v", what, len(frames), err)
		return
	}
	w := frames[0].Weights.Data[2]
	for _, fr := range frames {
		want := w
		for range fr.Epoch {
			want++
		}
		if fr.Weights.Data[2] != want {
			t.Errorf("%s: frame %d is not that of its epoch", what, fr.Epoch)
		}
	}
}

// What looks at an ended run reads of it what is not damaged; a damaged file is one error that names it, of whoever
// reads it.
func TestReadDamaged(t *testing.T) {
	good, other := trained(t, 1, 3, true), trained(t, 2, 3, true)
	readers := map[string]func(f *Folder) (int, error){
		weightsFile: func(f *Folder) (int, error) { ps, _, err := f.Weights(); return len(ps), err },
		initialFile: func(f *Folder) (int, error) { ps, err := f.Initial(); return len(ps), err },
		metricsFile: func(f *Folder) (int, error) { ms, err := f.Metrics(); return len(ms), err },
		framesFile:  func(f *Folder) (int, error) { frames, err := f.Frames(); return len(frames), err },
	}
	counts := map[string]int{weightsFile: 4, initialFile: 4, metricsFile: 3, framesFile: 4}
	for name := range good {
		if name == manifestFile {
			continue // then nothing is read: TestManifestBytes
		}
		for _, way := range []string{"removed", "emptied", "halved", "flipped", "other", "folder", "error"} {
			damage(t, good, other, name, way, func(t *testing.T, dir, what string) {
				f, err := Open(dir)
				if err != nil {
					t.Fatal(err)
				}
				for file, read := range readers {
					got, err := read(f)
					// as while it is trained
					shorter := name == metricsFile && (way == "removed" || way == "emptied" || way == "halved")
					switch {
					case file != name && (err != nil || got != counts[file]):
						t.Errorf("%s: %d of %s, %v", what, got, file, err)
					case file == name && shorter && (err != nil || got >= counts[file]):
						t.Errorf("%s: %d of %s, %v", what, got, file, err)
					case file == name && !shorter && err == nil:
						// a bit of the last line's end makes it a line that is not finished
						if !strings.HasPrefix(what, fmt.Sprintf("%s byte %d:", name, len(good[name])-1)) {
							t.Errorf("%s: no error", what)
						}
					case file == name && !shorter &&
						(!strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n")):
						t.Errorf("%s: the error is not one line that names it: %v", what, err)
					}
				}
			})
		}
	}
}
