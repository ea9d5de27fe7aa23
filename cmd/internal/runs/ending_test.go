package runs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
)

// The standing of a run follows from its folder alone, through its whole life.
func TestStanding(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	want := func(state State) Standing {
		t.Helper()
		s, err := StandingOf(dir)
		if err != nil || s.State != state {
			t.Fatalf("standing %v, %v, want %v", s, err, state)
		}
		return s
	}
	want(Queued)
	when := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	early := Failure{Reason: "the disk is full", When: when}
	check(t, Fail(dir, early))
	if diff := cmp.Diff(&early, want(Failed).Failure); diff != "" {
		t.Error(diff)
	}

	f := start(t, dir, 1) // the failure before it began is no other run's file
	s := want(Running)
	if !strings.Contains(s.Holder, "process ") {
		t.Errorf("held by %q", s.Holder)
	}
	_, _, err := Resume(dir)
	if busy := (*BusyError)(nil); !errors.As(err, &busy) || busy.Holder != s.Holder {
		t.Errorf("a second process: %v", err)
	}
	check(t, f.Close())
	want(Interrupted)

	stop := Stop{Rule: "halving", Rung: 1, Epoch: 2, Accuracy: 0.5, Rank: 3, Of: 4, Kept: 2, Cut: 0.75, When: when}
	check(t, StopAt(dir, stop))
	if diff := cmp.Diff(&stop, want(Stopped).Stop); diff != "" {
		t.Error(diff)
	}
	accuracy := 0.25
	failure := Failure{
		Reason: "loss is NaN", Final: true, Epoch: 3, Step: 7, When: when,
		Last: &engine.Metrics{Epoch: 2, Loss: 1.5, TestAccuracy: &accuracy},
	}
	check(t, Fail(dir, failure))
	if diff := cmp.Diff(&failure, want(Failed).Failure); diff != "" {
		t.Error(diff)
	}

	f, st, err := Resume(dir)
	check(t, err)
	goOn(t, f, st, 1)
	check(t, f.Finish())
	check(t, os.WriteFile(f.Sheet(), nil, 0o666))
	check(t, f.Close())
	if s := want(Done); s.Failure != nil || s.Stop != nil {
		t.Errorf("what ended earlier is still said: %+v", s)
	}
}

// A file of an ending that says something else is an error, not a run without one.
func TestEndingDamaged(t *testing.T) {
	for _, name := range []string{errorFile, stoppedFile} {
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, name), []byte("reason = 3 = 4"), 0o666))
		if _, err := StandingOf(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
