package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// Finder finds runs.
type Finder struct {
	// Queued returns the runs that a folder, which is no run's, says are still to be made, with Path and, where they
	// are known, Settings; nil for nobody to ask. One that is there already gives its settings where they are not yet
	// to be read, and is otherwise left out.
	Queued func(folder string) ([]Run, error)

	Talk talk.Talk // nil is nobody
}

// Usual are the folders that hold runs unless others are named: those of runs and sweeps that are there.
func Usual() []string {
	var all []string
	for _, name := range []string{"runs", "sweeps"} {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			all = append(all, name)
		}
	}
	return all
}

// Find returns the runs in and below folders, by name, each once. Links below them are not followed, and what begins
// with a dot is passed over. A run that is damaged is among them and says so; only a folder that cannot be read is an
// error.
func (f Finder) Find(ctx context.Context, folders ...string) ([]*Run, error) {
	if f.Talk == nil {
		f.Talk = talk.Silent{}
	}
	var all []*Run
	seen := map[string]bool{}
	for _, folder := range folders {
		found, err := f.below(ctx, folder)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			abs, err := filepath.Abs(r.Path)
			if err != nil {
				return nil, err
			}
			if seen[abs] {
				continue
			}
			seen[abs] = true
			if len(folders) > 1 && r.Path != folder {
				r.Name = filepath.ToSlash(r.Path)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// found is a folder that holds a run, or may.
type found struct {
	path, key string // key is the path below the folder that is listed
	stamps    stamps
	manifest  bool // it has run.toml
}

// below returns the runs of one folder.
func (f Finder) below(ctx context.Context, root string) ([]*Run, error) {
	began := time.Now()
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is a file; name a folder that runs lie in", root)
	}
	var places []found
	var queued []Run
	if err := f.walk(ctx, root, ".", &places, &queued); err != nil {
		return nil, err
	}
	known := readIndex(root)
	all := make([]*Run, len(places))
	anew := make([]bool, len(places))
	var next, read atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	told, end := f.Talk.Count("reading runs", len(places), func(r float64) string { return fmt.Sprintf("%.0f/s", r) })
	var telling sync.Mutex
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(places) && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := context.Cause(ctx); err != nil {
					failed.Store(&err)
					return
				}
				all[i], anew[i] = places[i].read(known)
				if n := int(read.Add(1)); n%100 == 0 {
					telling.Lock()
					told(n)
					telling.Unlock()
				}
			}
		})
	}
	wg.Wait()
	end()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	indexed := 0
	for i, r := range all {
		if r != nil && r.Damage == "" && places[i].manifest {
			indexed++
		}
	}
	if slices.Contains(anew, true) || len(known) != indexed {
		writeIndex(root, began, places, all)
	}
	return merge(root, all, queued), nil
}

// merge joins the runs that are there with those to come, by name.
func merge(root string, all []*Run, queued []Run) []*Run {
	all = slices.DeleteFunc(all, func(r *Run) bool { return r == nil })
	at := map[string]*Run{}
	for _, r := range all {
		at[filepath.Clean(r.Path)] = r
	}
	for _, q := range queued {
		if r := at[filepath.Clean(q.Path)]; r != nil {
			if r.Settings == nil {
				r.Settings = q.Settings
			}
			continue
		}
		if q.Name == "" {
			q.Name = q.Path
			if rel, err := filepath.Rel(root, q.Path); err == nil {
				q.Name = filepath.ToSlash(rel)
			}
		}
		all = append(all, &q)
	}
	slices.SortStableFunc(all, func(a, b *Run) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// walk collects what lies below a folder.
func (f Finder) walk(ctx context.Context, path, key string, places *[]found, queued *[]Run) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	p := found{path: path, key: filepath.ToSlash(key)}
	maybe := false
	for _, e := range entries {
		switch e.Name() {
		case runs.ManifestFile:
			p.manifest = true
		case runs.ErrorFile, runs.LockFile:
			maybe = true
		}
	}
	if p.manifest || maybe {
		p.stamps = stampsOf(path)
		*places = append(*places, p)
	}
	if p.manifest {
		return nil
	}
	if f.Queued != nil {
		more, err := f.Queued(path)
		if err != nil {
			f.Talk.Say("what is still to be trained is not known: %s", words.Line(err))
		}
		*queued = append(*queued, more...)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		err := f.walk(ctx, filepath.Join(path, e.Name()), filepath.Join(key, e.Name()), places, queued)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns the run of a place, nil where there is none after all, and whether its facts were read from its files.
func (p found) read(known map[string]entry) (r *Run, anew bool) {
	r = &Run{Path: p.path, Name: p.key}
	if p.key == "." {
		r.Name = filepath.Base(p.path)
	}
	var err error
	r.Standing, err = runs.StandingOf(p.path)
	switch {
	case err != nil:
		r.Damage = words.Line(err)
	case !p.manifest && r.Standing.State != runs.Failed && r.Standing.State != runs.Running:
		return nil, false // a folder of other things, or what a kill has left of a run being made
	}
	if !p.manifest {
		return r, false
	}
	if e, ok := known[p.key]; ok && e.Stamps == p.stamps {
		r.Facts = e.Facts
		return r, false
	}
	if r.Facts, err = readFacts(p.path); err != nil && r.Damage == "" {
		r.Damage = words.Line(err)
	}
	return r, err == nil
}

// Read reads the run of a folder that the caller knows to be one's. Of a run that never began only the path and the
// standing are known.
func Read(path string) (*Run, error) {
	r := &Run{Path: path, Name: filepath.Base(path)}
	var err error
	if r.Standing, err = runs.StandingOf(path); err != nil || r.Standing.State == runs.Queued {
		return r, err
	}
	r.Facts, err = readFacts(path)
	if errors.Is(err, fs.ErrNotExist) { // it is just being made, or failed before it was
		err = nil
	}
	return r, err
}

// readFacts reads run.toml and metrics.jsonl. With an error the facts are as far as they are known.
func readFacts(path string) (Facts, error) {
	f, err := runs.Open(path)
	if err != nil {
		return Facts{}, err
	}
	m := &f.Manifest
	facts := Facts{
		Created: m.Created, Settings: SettingsOf(cmp.Or(m.Data.Title, m.Data.Name), m.Train),
		Device: valuesOf(reflect.ValueOf(m.Device)),
	}
	if m.Import != nil {
		facts.Import = m.Import.File
		for i, name := range settingNames { // how it was trained is not known
			if !slices.Contains([]string{"data", "net", "hidden", "output"}, name) {
				facts.Settings[i] = ""
			}
		}
		return facts, nil
	}
	metrics, err := f.Metrics()
	if len(metrics) == 0 {
		return facts, err
	}
	facts.Epochs = len(metrics)
	out := metrics[handedOut(metrics, m.Train.Keep)]
	facts.Validation, facts.Accuracy, facts.Loss = out.ValidationAccuracy, out.TestAccuracy, &out.Loss
	for _, e := range metrics {
		facts.Seconds += e.Seconds
	}
	return facts, err
}

// handedOut is the index of the epoch whose weights are handed out: the last, or the first of the best on validation
// images, as engine.Trainer keeps them.
func handedOut(metrics []engine.Metrics, keep string) int {
	best := len(metrics) - 1
	if keep != "best" {
		return best
	}
	for i := len(metrics) - 1; i >= 0; i-- {
		if a, b := metrics[i].ValidationAccuracy, metrics[best].ValidationAccuracy; a != nil && b != nil && *a >= *b {
			best = i
		}
	}
	return best
}
