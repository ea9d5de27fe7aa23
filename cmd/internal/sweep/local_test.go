package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// world is a data set and a folder for sweeps.
type world struct {
	*testing.T
	data   string
	folder Folder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t, filepath.Join(t.TempDir(), "strokes"), Folder{filepath.Join(t.TempDir(), "sweep")}}
	if err := strokes.Write(w.data, 300); err != nil {
		t.Fatal(err)
	}
	return w
}

// plan works out the runs of a file that has these tables, and writes them into the sweep's folder.
func (w *world) plan(tables string) *Plan {
	w.Helper()
	text := fmt.Sprintf("data = %q\n%s", w.data, tables)
	f, err := parse("test.toml", text)
	if err != nil {
		w.Fatal(err)
	}
	p, err := NewPlan(w.Context(), f, load, "test")
	if err != nil {
		w.Fatal(err)
	}
	if err := w.folder.Write(p); err != nil {
		w.Fatal(err)
	}
	return p
}

func load(ctx context.Context, name, dir string) (*mnist.Dataset, error) {
	return mnist.Load(ctx, name, mnist.Options{Dir: dir})
}

// local is a sweep of two places, changed by change.
func (w *world) local(p *Plan, change func(*Options)) *Local {
	w.Helper()
	place := Place{Device: job.Device{Want: "cpu"}, Shares: true}
	o := Options{
		Folder: w.folder, Plan: p, Site: &Site{Places: []Place{place, place}, Cores: 2}, Talk: talk.Silent{},
	}
	if change != nil {
		change(&o)
	}
	l, err := NewLocal(o)
	if err != nil {
		w.Fatal(err)
	}
	return l
}

// files are the contents of all files of the sweep's runs but those that tell the time.
func (w *world) files(folder Folder) map[string]string {
	w.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(folder.Path, runsDir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder.Path, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		switch d.Name() {
		case "run.toml", "lock", "metrics.jsonl":
			text = nil
		case "error.txt", "stopped.txt":
			text, _, _ = bytes.Cut(text, []byte("when = "))
		}
		all[rel] = string(text)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// once makes sure that no epoch of a run was trained twice, and returns how many were trained.
func (w *world) once() int {
	w.Helper()
	events, err := w.folder.Events()
	if err != nil {
		w.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range events {
		if e.Kind != Epoch {
			continue
		}
		key := fmt.Sprint(e.Run, " ", e.Epoch)
		if seen[key] {
			w.Errorf("epoch %d of run %s was trained twice", e.Epoch, e.Run)
		}
		seen[key] = true
	}
	return len(seen)
}

const six = `[set]
epochs = 3
batch = 10
[grid]
net = ["120-8-4", "120-12-4"]
l2 = [0, 1, 5]
`

// A sweep leaves of each network what training it alone leaves.
func TestSweepAgainstAlone(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six)
	if err := w.local(p, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.once(); n != 18 {
		t.Errorf("%d epochs", n)
	}
	alone := Folder{filepath.Join(t.TempDir(), "alone")}
	for _, r := range p.Runs {
		o := r.Order
		o.Examples, o.Out, o.Device = nil, alone.Run(r.ID), job.Device{Want: "cpu", Workers: 2}
		if err := job.Ready(t.Context(), o, job.Events{}, talk.Silent{}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(w.files(alone), w.files(w.folder)); diff != "" {
		t.Errorf("side by side there is something else: %s", diff)
	}
	b, err := NewBoard(w.folder, p)
	if err != nil {
		t.Fatal(err)
	}
	if b.States["done"] != 6 || !slices.IsSortedFunc(b.Runs, func(x, y Row) int {
		return -int(1e9 * (*x.Validation - *y.Validation))
	}) || len(b.Devices) != 1 {
		t.Errorf("board %+v", b)
	}
}

// However often and by however many processes a sweep is ended, what is there when it is done is what one that was
// never ended leaves, and no epoch was trained twice.
func TestBrokenOff(t *testing.T) {
	for kind, tables := range map[string]string{
		"all":     six,
		"halving": six + "[stop]\nrule = \"halving\"\nreduction = 2\nfirst = 1\n",
	} {
		if testing.Short() && kind == "all" {
			continue
		}
		w := newWorld(t)
		p := w.plan(tables)
		if err := w.local(p, nil).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := w.files(w.folder)
		rng := rand.New(rand.NewPCG(1, 1))
		for processes := 1; processes <= 3; processes++ {
			if testing.Short() && processes != 2 {
				continue
			}
			w.folder = Folder{filepath.Join(t.TempDir(), "sweep")}
			if err := w.folder.Write(p); err != nil {
				t.Fatal(err)
			}
			for round := range 4 {
				w.side(p, processes, round < 3, rng)
			}
			if diff := cmp.Diff(want, w.files(w.folder)); diff != "" {
				t.Errorf("%d processes: %s", processes, diff)
			}
			w.once()
		}
	}
}

// side runs sweeps side by side, and ends all but the last ones after some events.
func (w *world) side(p *Plan, processes int, ends bool, rng *rand.Rand) {
	w.Helper()
	var all sync.WaitGroup
	for range processes {
		left := 1 + rng.IntN(8)
		ctx, end := context.WithCancel(w.Context())
		l := w.local(p, func(o *Options) {
			var mu sync.Mutex
			o.Watch = func(Event) {
				mu.Lock()
				defer mu.Unlock()
				if left--; left == 0 && ends {
					end()
				}
			}
		})
		all.Go(func() {
			defer end()
			if err := l.Run(ctx); err != nil && !(ends && errors.Is(err, engine.ErrInterrupted)) {
				w.Error(err)
			}
		})
	}
	all.Wait()
}

// A larger grid takes over what a smaller one has trained.
func TestLargerGrid(t *testing.T) {
	w := newWorld(t)
	if err := w.local(w.plan(six), nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := w.files(w.folder)
	p := w.plan(strings.Replace(six, "[0, 1, 5]", "[20, 5, 1, 0]", 1) + "seed = [1, 2]\n")
	began := map[string]bool{}
	var mu sync.Mutex
	l := w.local(p, func(o *Options) {
		o.Watch = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == Began {
				began[e.Run] = true
			}
		}
	})
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.Runs) != 16 || len(began) != 10 {
		t.Errorf("%d runs, of which %d were trained", len(p.Runs), len(began))
	}
	after := w.files(w.folder)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s has changed", name)
		}
	}
}

const diverging = `[set]
epochs = 3
batch = 10
net = "120-8-4"
hidden = "relu"
output = "identity"
loss = "quadratic"
[grid]
lr = [1e30, 0.01, 0.02, 1e31]
`

// A run that diverges says so where it lies, and the others go on; it is not tried again unless that is asked for.
func TestFailures(t *testing.T) {
	w := newWorld(t)
	p := w.plan(diverging)
	l := w.local(p, nil)
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	failed := l.Failures()
	if len(failed) != 2 || !failed[0].Final || failed[0].Name != "lr 1e+30" {
		t.Fatalf("failed: %+v", failed)
	}
	for _, f := range failed {
		s, err := runs.StandingOf(f.Path)
		if err != nil || s.State != runs.Failed || !s.Failure.Final || s.Failure.Epoch != 1 || s.Failure.Step < 1 ||
			!strings.Contains(s.Failure.Reason, "training has diverged; lower the learning rate") {
			t.Errorf("%+v %v", s.Failure, err)
		}
	}
	trained := func(change func(*Options)) (began []string, err error) {
		var mu sync.Mutex
		l := w.local(p, func(o *Options) {
			o.Site.Places = o.Site.Places[:1]
			o.Watch = func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == Began {
					began = append(began, e.Name)
				}
			}
			if change != nil {
				change(o)
			}
		})
		err = l.Run(t.Context())
		return began, err
	}
	if began, err := trained(nil); err != nil || began != nil {
		t.Errorf("again: %v, %v", began, err)
	}
	if began, err := trained(func(o *Options) { o.Retry = true }); err != nil || len(began) != 2 {
		t.Errorf("--retry failed: %v, %v", began, err)
	}
	began, err := trained(func(o *Options) { o.Retry, o.FailFast = true, true })
	if !errors.Is(err, ErrFailures) || len(began) != 1 {
		t.Errorf("--fail-fast: %v, %v", began, err)
	}
	p = w.plan(strings.Replace(diverging, "0.01, 0.02,", "1e29,", 1) + "[limits]\nfailures = 2\n")
	w.folder.Path = filepath.Join(t.TempDir(), "limit")
	if err := w.folder.Write(p); err != nil {
		t.Fatal(err)
	}
	if began, err = trained(nil); !errors.Is(err, ErrFailures) || len(began) != 2 {
		t.Errorf("failures = 2: %v, %v", began, err)
	}
}

// A run that fails in one process is not tried again by another that has not seen it, and both know of it in the end.
func TestFailsElsewhere(t *testing.T) {
	w := newWorld(t)
	p := w.plan(diverging)
	first, second := w.local(p, nil), w.local(p, nil) // both have looked, and nothing was there
	if err := first.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, b := first.Failures(), second.Failures(); len(a) != 2 || len(b) != 2 {
		t.Errorf("%+v\n%+v", a, b)
	}
	events, err := w.folder.Events()
	if err != nil {
		t.Fatal(err)
	}
	began := map[string]int{}
	for _, e := range events {
		if e.Kind == Began {
			began[e.Name]++
		}
	}
	for name, n := range began {
		if n != 1 {
			t.Errorf("%s began %d times", name, n)
		}
	}
}

// A run that another process has trained to its rung since this one looked is not trained beyond it.
func TestRungReachedElsewhere(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six + "[stop]\nrule = \"halving\"\nreduction = 2\nfirst = 1\n")
	stale := w.local(p, nil) // it has looked, and nothing was there
	ctx, end := context.WithCancel(t.Context())
	defer end()
	epochs := 0
	other := w.local(p, func(o *Options) {
		o.Site.Places = o.Site.Places[:1]
		o.Watch = func(e Event) {
			if e.Kind == Epoch {
				if epochs++; epochs == 2 {
					end()
				}
			}
		}
	})
	if err := other.Run(ctx); !errors.Is(err, engine.ErrInterrupted) {
		t.Fatal(err)
	}
	if err := stale.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.once(); n != 6*1+3*1+1*1 {
		t.Errorf("%d epochs", n)
	}
}

// The leaderboard says how good the weights are that a run hands out: with keep = "best" not those of its last epoch.
func TestBoardOfBest(t *testing.T) {
	w := newWorld(t)
	p := w.plan("[set]\nepochs = 8\nbatch = 10\nnet = \"120-8-4\"\nkeep = \"best\"\n[grid]\nlr = [3, 6, 12, 25]\n")
	if err := w.local(p, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := NewBoard(w.folder, p)
	if err != nil {
		t.Fatal(err)
	}
	differ := false
	for _, row := range b.Runs {
		f, err := runs.Open(row.Folder)
		if err != nil {
			t.Fatal(err)
		}
		metrics, err := f.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		best, last := 0.0, 0.0
		for _, m := range metrics {
			last = *m.ValidationAccuracy
			best = max(best, last)
		}
		if *row.Validation != best {
			t.Errorf("%v: %v, the best was %v", row.values, *row.Validation, best)
		}
		differ = differ || last != best
	}
	if !differ {
		t.Error("the last epoch was the best of every run: nothing is tested")
	}
}

// A setting that no run can have is found before anything is trained, and where it stands is said.
func TestPlanErrors(t *testing.T) {
	w := newWorld(t)
	for tables, want := range map[string]string{
		"[grid]\nnet = [\"120-8-4\", \"120-8-5\"]": "test.toml:3: grid.net: network 120-8-5: the last size is 5",
		"[set]\nl2 = 1\n[grid]\nepochs = [1, 0]":   "test.toml:5: grid.epochs: 0: want 1 or more",
		"[set]\nsplit = \"300/0\"\n[stop]\nfirst = 1": "test.toml:4: stop: " +
			"a split of 300/0 leaves no validation images",
		"[set]\nsplit = \"300/0\"\nkeep = \"best\"": "test.toml:4: set.keep: best: " +
			"want last: a split of 300/0 leaves no",
		"[set]\nsplit = \"900/0\"": "test.toml:3: set.split: split 900/0 asks for 900 images",
		"[set]\nclasses = [1]":     "test.toml:3: set.classes: ",
		"preset = \"clean\"":       `test.toml:2: preset: unknown preset "clean"`,
	} {
		f, err := parse("test.toml", fmt.Sprintf("data = %q\n%s\n", w.data, tables))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewPlan(t.Context(), f, load, "test"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The plan that lies in a sweep's folder gives the runs that its file gave, and is not taken for those of other data.
func TestThaw(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six + "[[list]]\nhidden = \"tanh\"\n[[list]]\nhidden = \"relu\"\noptimizer = \"momentum\"\n")
	thawed, err := w.folder.Thaw(t.Context(), load, "test")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range p.Runs {
		q := thawed.Runs[i]
		if q.ID != r.ID || !slices.Equal(q.Varied, r.Varied) || q.Name(thawed) != r.Name(p) {
			t.Errorf("run %d is %+v, was %+v", i, q, r)
		}
	}
	if err := strokes.Write(w.data, 330); err != nil {
		t.Fatal(err)
	}
	if _, err := w.folder.Thaw(t.Context(), load, "test"); err == nil ||
		!strings.Contains(err.Error(), "was planned for another") {
		t.Errorf("other data: %v", err)
	}
}

// Shards are the whole together, and nothing twice.
func TestShards(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six)
	for i := range 4 {
		l := w.local(p, func(o *Options) { o.Shard = Shard{i, 4} })
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if done := l.Progress().Done; done != []int{2, 2, 1, 1}[i] {
			t.Errorf("shard %d: %d done", i, done)
		}
	}
	if n := w.once(); n != 18 {
		t.Errorf("%d epochs", n)
	}
	for text, want := range map[string]Shard{"0/1": {0, 1}, "3/4": {3, 4}, "": {}} {
		if s, err := ParseShard(text); err != nil || s != want {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"4/4", "-1/4", "1/0", "1", "1/4/2", "a/b", "1/4x"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
}

// With a rule the runs get the epochs that it gives them, what is stopped says why, and a run that is promoted goes on
// where it was.
func TestRulesTrain(t *testing.T) {
	for _, rule := range []string{"halving", "asha"} {
		w := newWorld(t)
		p := w.plan(`[set]
epochs = 4
batch = 10
net = "120-8-4"
[grid]
lr = [0.001, 0.01, 0.1, 0.5]
[stop]
rule = "` + rule + `"
reduction = 2
first = 1
`)
		l := w.local(p, nil)
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		done, stopped := 0, 0
		for _, r := range p.Runs {
			s, err := runs.StandingOf(w.folder.Run(r.ID))
			if err != nil {
				t.Fatal(err)
			}
			switch s.State {
			case runs.Done:
				done++
			case runs.Stopped:
				stopped++
				if s.Stop.Rule != rule || s.Stop.Of < 2 || s.Stop.Rank > s.Stop.Of || s.Stop.Kept < 1 {
					t.Errorf("%s: %+v", rule, s.Stop)
				}
			default:
				t.Errorf("%s: run %s is %v", rule, r.Name(p), s.State)
			}
		}
		if rule == "halving" && done != 1 || done < 1 || stopped < 1 || done+stopped != 4 {
			t.Errorf("%s: %d done, %d stopped", rule, done, stopped)
		}
		if n := w.once(); n >= 16 || rule == "halving" && n != 1*2+1*2+4 {
			t.Errorf("%s: %d epochs", rule, n)
		}
	}
}

// What a run is going to write is reckoned before; it must be about what it writes.
func TestRoom(t *testing.T) {
	w := newWorld(t)
	p := w.plan("[set]\nepochs = 20\nbatch = 50\nnet = \"120-200-4\"\noptimizer = \"adam\"\nlr = 0.001\n")
	l := w.local(p, nil)
	kept, besides := l.entries[0].bytes()
	need, free, err := l.room()
	if err != nil || need != kept+besides || free <= 0 {
		t.Fatalf("%d and %d of %d, %v", kept, besides, free, err)
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var size int64
	for name := range w.files(w.folder) {
		info, err := os.Stat(filepath.Join(w.folder.Path, name))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > kept || size < kept/3 {
		t.Errorf("the run's files have %d bytes, reckoned were %d", size, kept)
	}
}

// A disk without room for a run ends the sweep before that run is begun, and nothing is called failed.
func TestDiskNearlyFull(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six)
	l := w.local(p, func(o *Options) { o.Site.Places = o.Site.Places[:1] })
	asked := 0
	l.freeAt = func(string) (int64, error) {
		if asked++; asked > 2 {
			return 1000, nil
		}
		return 1 << 30, nil
	}
	err := l.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the disk is nearly full: the run net 120-") ||
		!strings.Contains(err.Error(), "has 1 kB free") {
		t.Errorf("%v", err)
	}
	b, err := NewBoard(w.folder, p)
	if err != nil || b.States["done"] != 2 || b.States["queued"] != 4 {
		t.Errorf("%v, %v", b.States, err)
	}
	err = l.Room()
	if err == nil || !strings.Contains(err.Error(), "the runs that are left are going to write about") {
		t.Errorf("%v", err)
	}
	if err := w.local(p, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The time of a sweep is over.
func TestTime(t *testing.T) {
	w := newWorld(t)
	p := w.plan(strings.Replace(six, "epochs = 3", "epochs = 100000", 1))
	p.File.Time = 300 * time.Millisecond
	err := w.local(p, nil).Run(t.Context())
	if !errors.Is(err, ErrTime) || !errors.Is(err, engine.ErrInterrupted) {
		t.Fatal(err)
	}
	for _, r := range p.Runs {
		if s, err := runs.StandingOf(w.folder.Run(r.ID)); err != nil ||
			s.State != runs.Interrupted && s.State != runs.Queued {
			t.Errorf("%+v, %v", s, err)
		}
	}
}
