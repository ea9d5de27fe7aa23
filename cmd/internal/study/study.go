// Package study looks at many runs side by side: it finds run folders (find.go), keeps what it has read of them in an
// index (index.go), and makes of them a table (table.go) that is filtered (filter.go), sorted, and grouped (group.go).
// It says which settings mattered (anova.go, importance.go), lays runs out over two of their settings (grid.go), and
// removes run folders (remove.go). It trains nothing and draws nothing.
//
// # Why
//
// The filter is a language of our own of some two hundred lines. The libraries for expressions (expr-lang, cel-go)
// bring calls, maps and types that no table of runs needs, read 784-30-10 as a subtraction, and speak of their own
// types in their errors.
//
// The index holds what run.toml and metrics.jsonl say, which no program changes but the one that trains, and nothing
// of where a run stands: that is asked of the folder and its lock each time, because a process that dies changes no
// file.
package study

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
)

// Run is a run as a table shows it.
type Run struct {
	Path string // of its folder
	Name string // the path below the folder that was listed; the folder's own name where that is the run
	Facts

	Standing runs.Standing
	Damage   string // why run.toml or metrics.jsonl cannot be read; then the Facts are empty or end early
}

// Facts are what run.toml and metrics.jsonl say of a run.
type Facts struct {
	Created  time.Time `json:"created"`
	Import   string    `json:"import,omitempty"`   // the file that the network came from; "" for one trained here
	Settings []string  `json:"settings,omitempty"` // the values of SettingNames; none for a run that never began
	Device   []string  `json:"device,omitempty"`   // the values of deviceNames
	Epochs   int       `json:"epochs"`             // done

	// Of the weights handed out: after the last epoch, or with keep = "best" the best. nil where not measured.
	Validation *float64 `json:"validation,omitempty"`
	Accuracy   *float64 `json:"accuracy,omitempty"` // on the test images
	Loss       *float64 `json:"loss,omitempty"`     // mean training loss over that epoch

	Seconds float64 `json:"seconds"` // of training alone, over all epochs
}

// Trained reports whether the run has come to its end here, so that its numbers are final.
func (r *Run) Trained() bool {
	return r.Damage == "" && r.Import == "" && r.Standing.State == runs.Done
}

// State is where the run stands, in a word: what Standing says, or imported, or unreadable.
func (r *Run) State() string {
	switch {
	case r.Standing.State == runs.Running:
		return r.Standing.State.String()
	case r.Damage != "":
		return "unreadable"
	case r.Import != "":
		return "imported"
	}
	return r.Standing.State.String()
}

// Why says of a run that did not come to its end what ended it; "" where there is nothing to say.
func (r *Run) Why() string {
	switch s := r.Standing; {
	case s.State == runs.Running:
		return s.Holder
	case r.Damage != "":
		return r.Damage
	case s.Failure != nil:
		return strings.Join(strings.Fields(s.Failure.Reason), " ")
	case s.Stop != nil:
		return fmt.Sprintf("rung %d, %s of %d", s.Stop.Rung, words.Ordinal(s.Stop.Rank), s.Stop.Of)
	}
	return ""
}

// Says is State with Why.
func (r *Run) Says() string {
	state, why := r.State(), r.Why()
	switch {
	case why == "" || r.Standing.State == runs.Running:
		return state
	case r.Standing.Stop != nil && r.Damage == "":
		return state + " (" + why + ")"
	}
	return state + ": " + why
}

// Setting returns the value of a setting by its flag's name; "" for a run that never began.
func (r *Run) Setting(name string) string {
	return at(r.Settings, settingIndex(name))
}

func at(all []string, i int) string {
	if i < 0 || i >= len(all) {
		return ""
	}
	return all[i]
}

// number reads a value as a number; NaN for a text.
func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// compareValues orders values of a setting: numbers by size, before texts by their letters, networks by their sizes.
func compareValues(a, b string) int {
	x, y := number(a), number(b)
	switch nx, ny := math.IsNaN(x), math.IsNaN(y); {
	case !nx && !ny && x < y:
		return -1
	case !nx && !ny && x > y:
		return 1
	case nx != ny && nx:
		return 1
	case nx != ny:
		return -1
	}
	as, bs := strings.Split(a, "-"), strings.Split(b, "-")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX != nil || errY != nil {
			return strings.Compare(a, b)
		}
		if x != y {
			return x - y
		}
	}
	return len(as) - len(bs)
}
