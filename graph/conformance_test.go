package graph_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/enginetest"
	"neuroloupe/graph"
)

// The tape machine passes the suite that every backend passes.
func TestConformance(t *testing.T) {
	enginetest.RunAll(t, open(graph.Driver{}, graph.DeviceID), graph.Compile)
}

// The Programs of this package are the textbook's, to the last name, for every network of the suite. Package cpu runs
// the suite on the textbook's with each instruction set and number of workers, so it need not do so again on these.
func TestProgramsAreTheTextbooks(t *testing.T) {
	var compared atomic.Int64 // networks are compiled by several goroutines at once
	enginetest.RunAll(t, open(cpu.Driver{}, "cpu"), func(s engine.Spec, capacity int) (*engine.Program, error) {
		want, err := enginetest.Textbook(s, capacity)
		got, err2 := graph.Compile(s, capacity)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("program of %v (-textbook +graph):\n%s", s, diff)
		}
		if !cmp.Equal(want, got) {
			t.Errorf("program of %v: %s", s, cmp.Diff(want, got))
		}
		compared.Add(1)
		return got, nil
	})
	if n := compared.Load(); n < 50 {
		t.Errorf("%d programs compared", n)
	}
}

func open(d engine.Driver, id string) func(*testing.T) engine.Backend {
	return func(t *testing.T) engine.Backend {
		t.Helper()
		b, err := d.Open(id)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}
