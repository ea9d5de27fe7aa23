package lesson

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// said is a Talk that keeps what it is told.
type said struct {
	talk.Silent
	mu    sync.Mutex
	lines []string
}

func (s *said) Say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// school returns a school whose runs are kept in a new folder, what it says, and an order of four epochs of 20 steps.
func school(t *testing.T) (*School, *said, Order) {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "strokes")
	if err := strokes.Write(data, 300); err != nil {
		t.Fatal(err)
	}
	r, err := runs.Preset("clear")
	if err != nil {
		t.Fatal(err)
	}
	r.Net, r.Split, r.Epochs, r.Batch = "120-8-4", "200/100", 4, 10
	says := &said{}
	s := &School{
		Root: filepath.Join(dir, "runs"), Device: job.Device{Want: "cpu", Workers: 1}, Version: "test", Talk: says,
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, says, Order{Recipe: r, Data: data}
}

func begin(t *testing.T, s *School, o Order) *Lesson {
	t.Helper()
	l, err := s.Begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// until waits until a lesson is as it should be.
func until(t *testing.T, l *Lesson, is func(Status) bool) Status {
	t.Helper()
	s := l.Status()
	for !is(s) {
		if s.State == Failed || s.State == Over || t.Context().Err() != nil {
			t.Fatalf("the lesson stands at %+v", s)
		}
		s = l.Wait(t.Context(), s.Version)
	}
	return s
}

func in(state State) func(Status) bool { return func(s Status) bool { return s.State == state } }

// whole trains an order as train does, and returns its folder.
func whole(t *testing.T, o Order) string {
	t.Helper()
	set, err := mnist.Load(t.Context(), o.Data, mnist.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	order := job.Order{
		Recipe: o.Recipe, Data: set, Name: o.Data, Out: out, Device: job.Device{Want: "cpu", Workers: 1},
		Version: "test",
	}
	if err := job.Ready(t.Context(), order, job.Events{}, talk.Silent{}); err != nil {
		t.Fatal(err)
	}
	return out
}

func content(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A lesson that is played, paused and stepped through ends with the bytes of the same run trained in one go, wherever
// it is kept; the pictures on the way are of the network as it was then.
func TestLessonIsTheRun(t *testing.T) {
	s, _, o := school(t)
	want := whole(t, o)
	folder, err := runs.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := folder.Frames()
	if err != nil {
		t.Fatal(err)
	}
	l := begin(t, s, o)
	at := func(epoch, step int) {
		t.Helper()
		got := until(t, l, func(s Status) bool { return s.State == Paused && s.Epoch == epoch && s.Step == step })
		if f := l.Frame(); f.Epoch != epoch || f.Step != step || f.Number != got.Frame {
			t.Fatalf("paused in epoch %d, step %d, the picture is of epoch %d, step %d", epoch, step, f.Epoch, f.Step)
		}
	}
	at(0, 0)
	l.Step()
	at(0, 1)
	l.Step()
	at(0, 2)
	first := l.Frame().Params.Weight(1).Data
	if cmp.Equal(first, frames[0].Weights.Data) {
		t.Error("two steps change nothing")
	}
	l.Epoch()
	at(1, 0)
	l.Until(27)
	at(1, 7)
	path, err := l.Keep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := path, filepath.Join(s.Root, "strokes-120-8-4-clear-s1"); got != want {
		t.Errorf("kept as %s, want %s", got, want)
	}
	l.Play()
	until(t, l, in(Ended))
	if again, err := l.Keep(t.Context()); again != path || err != nil {
		t.Errorf("kept again as %s, %v", again, err)
	}
	moments := l.Moments()
	if len(moments) != len(frames) {
		t.Fatalf("%d moments are kept, want %d", len(moments), len(frames))
	}
	for i, m := range moments {
		if m.Epoch != frames[i].Epoch || !cmp.Equal(m.Params.Weight(1).Data, frames[i].Weights.Data) {
			t.Errorf("the picture after epoch %d is not the frame of the run", m.Epoch)
		}
	}
	if n := len(l.Metrics(0)); n != 4 || len(l.Metrics(3)) != 1 {
		t.Errorf("metrics of %d epochs", n)
	}
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"weights.safetensors", "frames.safetensors", "initial.safetensors"} {
		if !bytes.Equal(content(t, path, name), content(t, want, name)) {
			t.Errorf("%s is not that of the run", name)
		}
	}
	if standing, err := runs.StandingOf(path); err != nil || standing.State != runs.Done {
		t.Errorf("the run that is kept is %v, %v", standing.State, err)
	}
}

// What is let go leaves nothing; what is under way when the school closes is kept, and goes on to the same bytes.
func TestLessonsAreSaved(t *testing.T) {
	s, says, o := school(t)
	gone := begin(t, s, o)
	gone.Until(25)
	until(t, gone, func(s Status) bool { return s.State == Paused && s.Steps == 25 })
	if err := gone.End(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(s.folder())
	if err != nil || len(left) > 0 {
		t.Errorf("a lesson that is let go leaves %v, %v", left, err)
	}
	l := begin(t, s, o)
	l.Until(25)
	until(t, l, func(s Status) bool { return s.State == Paused && s.Steps == 25 })
	begin(t, s, o) // not a step is done
	if _, err := s.Begin(t.Context(), o); err == nil || !strings.Contains(err.Error(), "2 trainings are open") {
		t.Errorf("a third lesson: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Keep(t.Context()); err == nil {
		t.Error("a lesson that is over is kept")
	}
	all, err := os.ReadDir(s.Root)
	if err != nil || len(all) != 1 {
		t.Fatalf("what is saved: %v, %v", all, err)
	}
	kept := filepath.Join(s.Root, all[0].Name())
	if want := "saved; go on with: neuroloupe train --resume " + kept; says.text() != want {
		t.Errorf("said: %s\nwant: %s", says.text(), want)
	}
	j, err := job.Resume(t.Context(), kept, job.Change{}, talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	if j.State.Steps != 25 {
		t.Errorf("%d steps are saved", j.State.Steps)
	}
	if err := j.Train(job.Events{}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, kept, "weights.safetensors"), content(t, whole(t, o), "weights.safetensors")) {
		t.Error("gone on with, the run ends elsewhere")
	}
}

// What a program that was killed has left is kept by the next: a training that has done an epoch, and nothing that is
// another program's.
func TestRescue(t *testing.T) {
	s, says, o := school(t)
	if err := os.MkdirAll(s.folder(), 0o777); err != nil {
		t.Fatal(err)
	}
	run := whole(t, o)
	if err := os.Rename(run, filepath.Join(s.folder(), "1-1")); err != nil {
		t.Fatal(err)
	}
	busy := filepath.Join(s.folder(), "1-2")
	if err := os.Rename(whole(t, o), busy); err != nil {
		t.Fatal(err)
	}
	f, _, err := runs.Resume(busy)
	if err != nil {
		t.Fatal(err)
	}
	begin(t, s, o)
	kept := filepath.Join(s.Root, "strokes-120-8-4-clear-s1")
	if _, err := runs.Open(kept); err != nil || !strings.Contains(says.text(), "--resume "+kept) {
		t.Errorf("the training that was cut off: %v; said: %s", err, says.text())
	}
	if err := f.Close(); err != nil {
		t.Fatalf("the folder of another program: %v", err)
	}
	if _, err := runs.Open(busy); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(busy); err != nil {
		t.Fatal(err)
	}
}

// What no network can be trained with, or watched, is refused, and leaves nothing; one that diverges says so.
func TestRefusals(t *testing.T) {
	s, _, o := school(t)
	for want, change := range map[string]func(*runs.Recipe){
		"write 120-8-4":        func(r *runs.Recipe) { r.Net = "784-8-4" },
		"that can be watched":  func(r *runs.Recipe) { r.Net = "120-100000-4" },
		"want 1 to 10000":      func(r *runs.Recipe) { r.Epochs = 20000 },
		"asks for 1000 images": func(r *runs.Recipe) { r.Split = "900/100" },
		"softmax is for the":   func(r *runs.Recipe) { r.Hidden = engine.Softmax },
	} {
		bad := o
		change(&bad.Recipe)
		if _, err := s.Begin(t.Context(), bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if _, err := os.Stat(s.Root); err == nil {
		t.Error("a lesson that was refused has made a folder")
	}
	o.Recipe.Hidden, o.Recipe.Output, o.Recipe.Loss, o.Recipe.LR = engine.ReLU, engine.Identity, engine.Quadratic, 1e20
	l := begin(t, s, o)
	l.Play()
	st := l.Status()
	for st.State != Failed && st.State != Ended {
		st = l.Wait(t.Context(), st.Version)
	}
	if st.State != Failed || !strings.Contains(st.Error, "lower the learning rate") {
		t.Errorf("a training that diverges is %s: %s", st.State, st.Error)
	}
}

// Two lessons that play keep the same time: neither is an epoch ahead of the other. One that is paused holds nobody up.
func TestLessonsTakeTurns(t *testing.T) {
	s, _, o := school(t)
	o.Recipe.Epochs, o.Recipe.Batch = 12, 200 // an epoch is a step
	a := begin(t, s, o)
	o.Recipe.Batch = 1 // and here 200
	b := begin(t, s, o)
	until(t, a, in(Paused))
	until(t, b, in(Paused))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		var seen uint64
		for ctx.Err() == nil {
			x := a.Wait(ctx, seen)
			seen = x.Version
			if y := b.Status(); x.Epoch > y.Epoch+1 && y.State == Plays {
				t.Errorf("one is in epoch %d, the other in %d", x.Epoch, y.Epoch)
			}
		}
	})
	b.Play()
	a.Play()
	until(t, a, in(Ended))
	until(t, b, in(Ended))
	stop()
	wg.Wait()
}
