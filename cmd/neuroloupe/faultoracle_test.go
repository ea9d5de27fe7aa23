package main

import (
	"maps"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/faults"
)

// What check finds in the runs below is what is wrong with them, and nothing else.
func TestFaultOracle(t *testing.T) {
	r := &reference{
		start: snapshot{"pic": "old", "notes": "mine"},
		end:   snapshot{"pic": "new", "notes": "mine", "metrics.jsonl": "1\n2\n"},
		versions: map[string]map[string]bool{
			"pic": {"old": true, "half": true, "new": true}, "notes": {"mine": true}, "metrics.jsonl": {"1\n2\n": true},
		},
		grown:  map[string]string{"metrics.jsonl": "1\n2\n"},
		gone:   map[string]bool{"metrics.jsonl": true},
		stdout: "drawn\n", lines: 1,
	}
	begun := snapshot{"pic": "old", "notes": "mine"}
	with := func(s snapshot, path, text string) snapshot {
		s = maps.Clone(s)
		s[path] = text
		return s
	}
	failed := func(said string) outcome { return outcome{faults.Result{Exit: 1}, "", said} }
	good := outcome{faults.Result{}, "drawn\n", "drawing\n"}
	lesser := outcome{faults.Result{}, "lesser\n", ""}
	killed := outcome{faults.Result{Exit: -1, Signal: syscall.SIGKILL}, "", ""}
	hung := outcome{faults.Result{Exit: -1, Signal: syscall.SIGKILL, Hung: true}, "", ""}
	eio := disturbance{syscall.EIO, faults.Call{Name: "write", File: "out/pic~"}}
	const why = "drawing\nneuroloupe: pic: input/output error\n"
	for _, c := range []struct {
		name string
		o    outcome
		d    disturbance
		now  snapshot
		want []string
	}{
		{"all is well", good, eio, r.end, nil},
		{"it fails and says why", failed(why), eio, begun, nil},
		{"killed half-way", killed, disturbance{}, with(begun, "pic", "half"), nil},
		{"killed in the middle of a line", killed, disturbance{}, with(begun, "metrics.jsonl", "1\n2"), nil},
		{"killed with a temporary file", killed, disturbance{}, with(begun, "pic.0123abcd.tmp", "n"), nil},
		{"it fails and leaves one", failed(why), eio, with(begun, "pic.0123abcd.tmp", "n"), []string{tempLeft}},
		{"a success that changed nothing", good, eio, begun, []string{wrongResult, wrongResult}},
		{"a success that says something else", lesser, eio, r.end, []string{wrongAnswer}},
		{"half a picture", killed, disturbance{}, with(begun, "pic", "ne"), []string{neither}},
		{"a line in the middle is lost", killed, disturbance{}, with(begun, "metrics.jsonl", "2\n"), []string{neither}},
		{"somebody else's file", killed, disturbance{}, with(begun, "notes", ""), []string{neither}},
		{"a file that nobody made before", killed, disturbance{}, with(begun, "core", "x"), []string{neither}},
		{"a file is gone", killed, disturbance{}, snapshot{"notes": "mine"}, []string{fileLost}},
		{"another reason", failed("neuroloupe: pic: not there\n"), eio, begun, []string{noReason}},
		{"no name", failed("neuroloupe: input/output error\n"), eio, begun, []string{noName}},
		{"many lines", failed("1\n2\n3\n4\n" + why), eio, begun, []string{talksMuch}},
		{"a panic", failed("panic: oh\n" + why), eio, begun, []string{panics}},
		{"wrong usage", outcome{faults.Result{Exit: 2}, "", why}, eio, begun, []string{badExit}},
		{"no end", hung, eio, begun, []string{hangs}},
	} {
		var got []string
		for _, p := range r.check(c.o, c.d, c.now) {
			got = append(got, p.kind)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	for _, c := range []struct {
		name string
		o    outcome
		now  snapshot
		want string
	}{
		{"all is well", good, r.end, ""},
		{"it is refused", failed("not empty\n"), begun, refused},
		{"other bytes", good, with(r.end, "pic", "half"), otherEnd},
		{"a temporary file stays", good, with(r.end, "pic.0123abcd.tmp", ""), tempForGood},
	} {
		found := r.checkAgain([]string{"sheet"}, c.o, c.now)
		other := func(p problem) bool { return p.kind != c.want }
		if slices.ContainsFunc(found, other) || (len(found) > 0) != (c.want != "") {
			t.Errorf("%s: found %v, want %q", c.name, found, c.want)
		}
	}
}
