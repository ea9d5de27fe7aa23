// Package watch shows long work while it runs. A [Screen] shows what a command does, parts of work, files that arrive
// and the course of a training, with bars on a terminal and a line now and then elsewhere (screen.go, course.go). A
// [Display] shows a sweep: on a terminal as lines that are drawn anew (display.go, lines.go), elsewhere as a line now
// and then, for programs as JSON, and for Prometheus (metrics.go).
package watch

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"neuroloupe/cmd/internal/sweep"
	"neuroloupe/cmd/internal/words"
)

// Rate is how fast a sweep goes.
type Rate struct {
	Images float64       // per second
	Left   time.Duration // 0 when it is not known
}

// mostLines is how many runs are shown at once.
const mostLines = 10

// Lines are what a terminal of so many columns shows: the sweep, the best run, and those that are trained now.
func Lines(p sweep.Progress, r Rate, width int) []string {
	head := fmt.Sprintf("%d/%d done", p.Done, p.Runs)
	for _, n := range []struct {
		count int
		what  string
	}{{p.Running, "running"}, {p.Failed, "failed"}, {p.Stopped, "stopped"}} {
		if n.count > 0 {
			head += fmt.Sprintf(", %d %s", n.count, n.what)
		}
	}
	tail := fmt.Sprintf(" %3.0f %%", 100*p.Part)
	if r.Images > 0 {
		tail += fmt.Sprintf("  %s images/s", words.Thousands(r.Images))
	}
	if r.Left > 0 {
		tail += "  left " + words.Duration(r.Left)
	}
	lines := []string{withBar(head, tail, p.Part, width)}
	if p.Best != nil {
		lines = append(lines, cut(fmt.Sprintf("best %.2f %%  %s", 100*p.Best.Accuracy, p.Best.Name), width))
	}
	shown := p.Active
	if len(shown) > mostLines {
		shown = shown[:mostLines]
	}
	for _, a := range shown {
		part := 0.0
		if a.Of > 0 {
			part = (float64(a.Epoch-1) + float64(a.Done)/float64(a.Of)) / float64(max(1, a.Epochs))
		}
		tail := fmt.Sprintf(" epoch %d/%d", max(1, a.Epoch), a.Epochs)
		if a.Of > 0 {
			tail += fmt.Sprintf("  loss %.4f", a.Loss)
		}
		lines = append(lines, withBar("  "+a.Name, tail, part, width))
	}
	if n := len(p.Active) - len(shown); n > 0 {
		lines = append(lines, fmt.Sprintf("  and %s more", words.Count(n, "run")))
	}
	return lines
}

// withBar is a line of a text, a bar and a text after it. Where the room is short the bar goes, then the end of the
// first text.
func withBar(head, tail string, part float64, width int) string {
	const least, most = 8, 30
	room := width - 1 - utf8.RuneCountInString(head) - utf8.RuneCountInString(tail) - 1
	if room < least {
		return cut(head, width-1-utf8.RuneCountInString(tail)) + tail
	}
	room = min(room, most)
	full := min(room, max(0, int(part*float64(room)+0.5)))
	pad := max(0, width-1-utf8.RuneCountInString(head)-room-utf8.RuneCountInString(tail)-1)
	return head + strings.Repeat(" ", pad+1) + strings.Repeat("█", full) + strings.Repeat("░", room-full) + tail
}

// cut cuts a text to so many characters.
func cut(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	if width < 2 {
		return ""
	}
	return string(r[:width-1]) + "…"
}

// line is what happened, for where no lines can be drawn anew; "" for what is too small to tell.
func line(e sweep.Event, done, of int) string {
	accuracies := ""
	if e.Validation != nil {
		accuracies += fmt.Sprintf(", validation %.2f %%", 100**e.Validation)
	}
	if e.Test != nil {
		accuracies += fmt.Sprintf(", test %.2f %%", 100**e.Test)
	}
	switch e.Kind {
	case sweep.Finished:
		return fmt.Sprintf("%d/%d done: %s%s", done, of, e.Name, accuracies)
	case sweep.FailedRun:
		return fmt.Sprintf("FAILED: %s (%s): %s", e.Name, e.Run, e.Reason)
	case sweep.StoppedRun:
		return fmt.Sprintf("stopped at rung %d: %s: %s", e.Rung, e.Name, e.Reason)
	case sweep.Promoted:
		return fmt.Sprintf("goes on from rung %d: %s%s", e.Rung, e.Name, accuracies)
	case sweep.Interrupted:
		return fmt.Sprintf("interrupted and saved after epoch %d: %s", e.Epoch, e.Name)
	}
	return ""
}
