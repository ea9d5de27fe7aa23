package sweep

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestFile(t *testing.T) {
	f, err := parse("digits.toml", `# a sweep
data = "fashion"
preset = "fast"   # of train
[set]
epochs = 10
zero-dead = true
[grid]
l2 = [0, 0.5, 20]
seed = [
  1,
  2,
]
classes = [[0, 1], [3, 5]]
[[list]]
hidden = "relu"
lr = 0.1
[[list]]
hidden = "tanh"
[stop]
rule = "asha"
first = 2
[limits]
failures = 3
time = "90m"
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Path: "digits.toml",
		Set: []Value{
			{"data", "fashion", "data"},
			{"preset", "fast", "preset"},
			{"epochs", int64(10), "set.epochs"},
			{"zero-dead", true, "set.zero-dead"},
		},
		Grid: []Axis{
			{"l2", []any{int64(0), 0.5, int64(20)}},
			{"seed", []any{int64(1), int64(2)}},
			{"classes", []any{[]any{int64(0), int64(1)}, []any{int64(3), int64(5)}}},
		},
		List: [][]Value{
			{{"hidden", "relu", "list[0].hidden"}, {"lr", 0.1, "list[0].lr"}},
			{{"hidden", "tanh", "list[1].hidden"}},
		},
		Stop:     &StopRule{Rule: "asha", Reduction: 3, First: 2},
		Failures: 3, Time: 90 * time.Minute,
	}
	if diff := cmp.Diff(want, f, cmpopts.IgnoreUnexported(File{}), cmpopts.IgnoreFields(File{}, "Text")); diff != "" {
		t.Error(diff)
	}
	if n := len(f.points()); n != 2*3*2*2 {
		t.Errorf("%d points", n)
	}
}

// Whatever is wrong is said with file, line and key.
func TestFileErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[set]\nepochs = = 3":                   "s.toml:2: ",
		"[set]\nepochs = 3\nepochs = 4":         "s.toml:3: ",
		"date = 3":                              "s.toml:1: date: unknown key; want data, folder, preset",
		"\nl2 = 3":                              "s.toml:2: l2: a setting stands in a table",
		"[sets]\nl2 = 3":                        "s.toml:1: sets: unknown key",
		"[set]\nlambda = 3":                     `s.toml:2: set.lambda: unknown setting "lambda"; want one of net`,
		"[set]\nzero_dead = true":               `s.toml:2: set.zero_dead: unknown setting "zero_dead"`,
		"[set]\n# five\nepochs = 5.5":           "s.toml:3: set.epochs: 5.5: want a whole number",
		"[set]\nepochs = [5]":                   "s.toml:2: set.epochs: one value is wanted here",
		"[set]\nhidden = \"reluu\"":             "s.toml:2: set.hidden: ",
		"[grid]\nl2 = 3":                        "s.toml:2: grid.l2: want a list of one value or more",
		"[grid]\nl2 = []":                       "s.toml:2: grid.l2: want a list of one value or more",
		"[grid]\nl2 = [1, \"2\"]":               `s.toml:2: grid.l2: "2": want a number`,
		"[grid]\nl2 = [1, 2, 1]":                "s.toml:2: grid.l2: 1 stands there twice",
		"[set]\nl2 = 1\n[grid]\nl2 = [1, 2]":    "s.toml:4: grid.l2: l2 is given twice: set.l2 says it too",
		"[grid]\nl2 = [1, 2]\n[[list]]\nl2 = 1": "s.toml:4: list[0].l2: l2 is given twice: [grid] has it too",
		"[list]\nl2 = 3":                        "s.toml:1: list: want tables, [[list]]",
		"set = 3":                               "s.toml:1: set: want a table, [set]",
		"[stop]\nrule = \"median\"":             `s.toml:2: stop.rule: median: want "halving" or "asha"`,
		"[stop]\nreduction = 1":                 "s.toml:2: stop.reduction: 1: want a whole number from 2",
		"[stop]\nfirst = 0":                     "s.toml:2: stop.first: 0: want a number of epochs from 1",
		"[stop]\nrungs = 3":                     "s.toml:2: stop.rungs: unknown key",
		"[limits]\ntime = 8":                    "s.toml:2: limits.time: 8: want a time as",
		"[limits]\nfailures = -1":               "s.toml:2: limits.failures: -1: want a whole number from 1",
		"[limits]\nmemory = 1":                  "s.toml:2: limits.memory: unknown key",
		"data = 3":                              "s.toml:1: data: 3: want a name in quotes",
		"[grid]\nseed = [" + numbers(400) + "]\nl2 = [" + numbers(400) + "]": "s.toml:3: " +
			"grid.l2: more than 100000 runs",
	} {
		_, err := parse("s.toml", text)
		var file *FileError
		if !errors.As(err, &file) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d, ", i)
	}
	return b.String()
}

// Nothing that is no sweep's file makes the reader fail in another way than by saying so.
func FuzzFile(f *testing.F) {
	f.Add("data = \"mnist\"\n[grid]\nl2 = [1]\n[[list]]\nlr = 0.1\n[stop]\nrule = \"asha\"\n")
	f.Add("[[grid]]\nl2 = [1]\n[limits]\ntime = \"8h\"")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parse("s.toml", text)
		var wrong *FileError
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("%v", err)
		}
		if err == nil && len(file.Grid) == 0 && len(file.points()) != max(1, len(file.List)) {
			t.Errorf("%d points of %d tables", len(file.points()), len(file.List))
		}
	})
}
