package main

import (
	"fmt"
	"path"
	"strings"
	"syscall"

	"neuroloupe/cmd/internal/faults"
)

// The kinds of promises that may not be kept.
const (
	hangs       = "hangs"
	badExit     = "exit code"
	panics      = "panics"
	talksMuch   = "talks much"
	wrongResult = "exit 0 and a wrong result"
	wrongAnswer = "exit 0 and a wrong answer"
	fileLost    = "file lost"
	tempLeft    = "temporary file left by a command that ended by itself"
	neither     = "file neither the old nor the new one"
	noReason    = "error without its reason"
	noName      = "error without the name of the file"
	refused     = "cannot be taken up again"
	otherEnd    = "taken up again, another end"
	tempForGood = "temporary file left for good"
)

// problem is a promise that was not kept.
type problem struct{ kind, text string }

// disturbance is what was done to a run of a command.
type disturbance struct {
	errno syscall.Errno // of a call that failed, 0 for none
	call  faults.Call   // that it was done to; the zero value for a random moment
}

// check looks at a disturbed run of a scenario and the files that it has left.
func (r *reference) check(o outcome, d disturbance, now snapshot) (found []problem) {
	say := func(kind, format string, args ...any) {
		found = append(found, problem{kind, fmt.Sprintf(format, args...)})
	}
	killed := o.Signal == syscall.SIGKILL && !o.Hung
	switch {
	case o.Hung:
		say(hangs, "not over after %v", faultLimit)
	case !killed && o.Exit != exitDone && o.Exit != exitFailed && o.Exit != exitInterrupted:
		say(badExit, "%v: %s", o.Result, o.stderr)
	case strings.Contains(o.stderr, "panic") || strings.Contains(o.stderr, "goroutine "):
		say(panics, "%s", o.stderr)
	case strings.Count(o.stderr, "\n") > r.lines+3+2*r.others:
		say(talksMuch, "%s", o.stderr)
	}
	if o.Exit == exitDone {
		for _, p := range differ(r.end, now) {
			say(wrongResult, "%s; said: %s", p, o.stderr)
		}
		if got := spoken.ReplaceAllString(o.stdout, ""); got != r.stdout {
			say(wrongAnswer, "stdout is %q, want %q; said: %s", got, r.stdout, o.stderr)
		}
		return found
	}
	for _, p := range paths(r.start, now) {
		text, there := now[p]
		switch {
		case !there && !r.gone[p]:
			say(fileLost, "%s", p)
		case there && faults.Temporary(p):
			if !killed && d.call.Name != "unlinkat" {
				say(tempLeft, "%s; said: %s", p, o.stderr)
			}
		case there && !r.may(p, text) && !r.partial(o, p, text):
			say(neither, "%s, %d bytes", p, len(text))
		}
	}
	if o.Exit == exitFailed && d.errno != 0 {
		lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
		last := lines[len(lines)-1]
		name := strings.TrimSuffix(path.Base(d.call.File), "~")
		switch {
		case !strings.Contains(last, d.errno.Error()):
			say(noReason, "%s", last)
		case name != "." && !strings.Contains(last, name):
			say(noName, "want %s: %s", name, last)
		}
	}
	return found
}

// may reports whether a file may hold a text in the middle of a run: one that it had at some moment of an undisturbed
// run, or of a file that grows at the end, any part of that.
func (r *reference) may(p, text string) bool {
	if r.versions[p][text] {
		return true
	}
	whole, grows := r.grown[p]
	if !grows {
		return false
	}
	if path.Base(p) == "metrics.jsonl" { // the times on a line that was not ended cannot be told
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	return strings.HasPrefix(whole, text)
}

// partial reports whether a command that failed says that a file is partial, and the file is a whole page.
func (r *reference) partial(o outcome, p, text string) bool {
	return p == r.part && o.Exit == exitFailed && strings.Contains(o.stderr, "it is partial") &&
		strings.HasSuffix(text, "</html>\n")
}

// checkAgain looks at the run that took a disturbed one up.
func (r *reference) checkAgain(args []string, o outcome, now snapshot) (found []problem) {
	if o.Exit != exitDone {
		said := fmt.Sprintf("neuroloupe %s: %v: %s", strings.Join(args, " "), o.Result, lastLine(o.stderr))
		return []problem{{refused, said}}
	}
	for _, p := range differ(r.end, now) {
		kind := otherEnd
		if faults.Temporary(p.path) {
			kind = tempForGood
		}
		found = append(found, problem{kind, p.String()})
	}
	return found
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// difference is what a path has otherwise than it should.
type difference struct{ path, what string }

func (d difference) String() string { return d.path + " " + d.what }

// differ lists what two snapshots do not have in common.
func differ(want, got snapshot) (all []difference) {
	for _, p := range paths(want, got) {
		a, wanted := want[p]
		b, there := got[p]
		switch {
		case !there:
			all = append(all, difference{p, "is missing"})
		case !wanted:
			all = append(all, difference{p, "should not be there"})
		case a != b:
			all = append(all, difference{p, fmt.Sprintf("is another (%d bytes, want %d)", len(b), len(a))})
		}
	}
	return all
}
