package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/faults"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/study"
)

// A removal that is killed before or after any call that changes a file leaves the whole run where it was, or no run
// anywhere; and the next removal clears away what is left.
func TestRemovalIsKilled(t *testing.T) {
	if err := faults.Supported(); err != nil {
		t.Skip(err)
	}
	program, err := exec.LookPath("neuroloupe") // testscript.Main puts it there
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(t.TempDir(), "run")
	must(t, "train", shapes(t), "--net", "120-4-4", "--epochs", "1", "--out", made)
	names := func(dir string) (all []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	whole := names(made)
	remove := func(decide func(faults.Call) faults.Fault) (root string, r faults.Result) {
		root, err := filepath.EvalSymlinks(t.TempDir())
		if err == nil {
			err = os.CopyFS(filepath.Join(root, "run"), os.DirFS(made))
		}
		if err != nil {
			t.Fatal(err)
		}
		c := faults.Command{
			Path: program, Args: []string{"runs", "rm", "run", "--yes"}, Dir: root, Root: root, Env: os.Environ(),
			Decide: decide,
		}
		if r, err = c.Run(faultLimit); err != nil {
			t.Fatal(err)
		}
		return root, r
	}
	root, undisturbed := remove(func(faults.Call) faults.Fault { return faults.Fault{} })
	if left := names(root); undisturbed.Exit != 0 || len(left) > 0 {
		t.Fatalf("undisturbed: %v, left: %v", undisturbed, left)
	}
	changes := 0
	for _, c := range undisturbed.Calls {
		if c.Changes() {
			changes++
		}
	}
	if changes < len(whole) { // a renaming, and a removal of each file
		t.Fatalf("%d calls change something, want at least %d", changes, len(whole))
	}
	for _, moment := range []faults.Moment{faults.Before, faults.After} {
		for k := 1; k <= changes; k++ {
			t.Run(fmt.Sprintf("%d at change %d", moment, k), func(t *testing.T) {
				n := 0
				root, _ := remove(func(c faults.Call) faults.Fault {
					if c.Changes() {
						n++
					}
					if c.Changes() && n == k {
						return faults.Fault{Kill: moment}
					}
					return faults.Fault{}
				})
				path := filepath.Join(root, "run")
				if _, err := os.Stat(path); err == nil {
					if diff := cmp.Diff(whole, names(path)); diff != "" {
						t.Errorf("half a run is left: %s", diff)
					}
				}
				all, err := study.Finder{}.Find(t.Context(), root)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range all {
					if r.Path != path || r.State() != "done" {
						t.Errorf("left: %s %s", r.Path, r.Says())
					}
				}
				if err := runs.SweepRemoved(root); err != nil {
					t.Error(err)
				}
				if left := names(root); len(left) > len(all) {
					t.Errorf("left: %v", left)
				}
			})
		}
	}
}
