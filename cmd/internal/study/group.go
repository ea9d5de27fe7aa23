package study

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
)

// Spread is the mean of some numbers and their standard deviation.
type Spread struct {
	N    int
	Mean float64 // NaN of none
	SD   float64 // of the sample, over n − 1; NaN of fewer than two
}

// SpreadOf works out a spread: sd = √(Σ(x − mean)²/(n − 1)).
func SpreadOf(x []float64) Spread {
	s := Spread{N: len(x), Mean: math.NaN(), SD: math.NaN()}
	if s.N == 0 {
		return s
	}
	s.Mean = 0
	for _, v := range x {
		s.Mean += v / float64(s.N)
	}
	if s.N == 1 {
		return s
	}
	sum := 0.0
	for _, v := range x {
		sum += (v - s.Mean) * (v - s.Mean)
	}
	s.SD = math.Sqrt(sum / float64(s.N-1))
	return s
}

// Group is runs that differ in nothing but some settings.
type Group struct {
	Runs []*Run
	Done []*Run // those that have come to their end, which alone are averaged
}

// grouped are the results that groups are averaged over.
var grouped = []string{"validation", "accuracy", TrainingLoss, "seconds"}

// GroupBy joins runs that differ only in the settings named, which must be names of settings, in the order of their
// first.
func GroupBy(all []*Run, names []string) ([]Group, error) {
	var but []int
	for _, name := range names {
		i := settingIndex(name)
		if i < 0 {
			return nil, fmt.Errorf("%q is no setting; there are %s", name, strings.Join(settingNames, " "))
		}
		but = append(but, i)
	}
	at := map[string]int{}
	var groups []Group
	for _, r := range all {
		rest := slices.Clone(r.Settings)
		for _, i := range but {
			if i < len(rest) {
				rest[i] = ""
			}
		}
		key := strings.Join(rest, "\x00")
		switch {
		case r.Settings == nil:
			key = "\x00" + r.Path // of what settings are not known nothing is like it
		case r.Import != "":
			key = "\x01" + r.Path
		}
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key] = i
			groups = append(groups, Group{})
		}
		g := &groups[i]
		g.Runs = append(g.Runs, r)
		if r.Trained() {
			g.Done = append(g.Done, r)
		}
	}
	return groups, nil
}

// Spread averages a result over the runs of the group that have come to their end.
func (g Group) Spread(c Column) Spread {
	var x []float64
	for _, r := range g.Done {
		if v := c.Of(r).Number; !math.IsNaN(v) {
			x = append(x, v)
		}
	}
	return SpreadOf(x)
}

// States says how many runs of the group are in which state.
func (g Group) States() string {
	count := map[string]int{}
	for _, r := range g.Runs {
		count[r.State()]++
	}
	var parts []string
	for s := runs.Done; s >= runs.Queued; s-- {
		if n := count[s.String()]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+s.String())
		}
	}
	for _, s := range []string{"imported", "unreadable"} {
		if n := count[s]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+s)
		}
	}
	return strings.Join(parts, ", ")
}

// TabulateGroups makes the table of groups: what differs between them, how many runs were averaged, mean ± standard
// deviation of each result, and the states. sort is a column of it, with − before its name from the largest mean; ""
// is by what differs.
func TabulateGroups(all []*Run, names []string, sort string) (*Table, error) {
	byUse := slices.Clone(all)
	SortByUse(byUse, names...)
	groups, err := GroupBy(byUse, names)
	if err != nil {
		return nil, err
	}
	t := &Table{Shared: shared(all, names), Notes: Notes(all)}
	var of []Column
	for _, name := range Differing(all) {
		if !slices.Contains(names, name) {
			c, _ := ColumnByName(name) // it is one
			t.Head, of = append(t.Head, name), append(of, c)
		}
	}
	t.Head = append(t.Head, "n")
	for _, name := range grouped {
		t.Head = append(t.Head, name, name+" sd")
	}
	t.Head = append(t.Head, "state")
	for _, g := range groups {
		var line []Value
		for _, c := range of {
			line = append(line, c.Of(g.Runs[0]))
		}
		line = append(line, setting(strconv.Itoa(len(g.Done))))
		for _, name := range grouped {
			c, _ := ColumnByName(name) // it is one
			line = append(line, spreadValues(name, g.Spread(c))...)
		}
		t.Lines = append(t.Lines, append(line, text(g.States())))
	}
	if sort == "" {
		return t, nil
	}
	key, down := strings.CutPrefix(sort, "-")
	i := slices.Index(t.Head, key)
	if i < 0 {
		return nil, fmt.Errorf("there is no column %q in a table of groups; there are %s", key,
			strings.Join(t.Head, ", "))
	}
	slices.SortStableFunc(t.Lines, func(a, b []Value) int { return order(a[i], b[i], down) })
	return t, nil
}

// spreadValues are the mean and the standard deviation of a result, in its unit.
func spreadValues(name string, s Spread) []Value {
	write := func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
	switch name {
	case "validation", "accuracy":
		write = percent
	case "seconds":
		write = seconds
	}
	value := func(v float64, before string) Value {
		if math.IsNaN(v) {
			return Value{Text: "", Number: v}
		}
		return Value{before + write(v), words.Shortest(v), v}
	}
	mean := value(s.Mean, "")
	if s.N == 0 {
		mean.Text = "–"
	}
	return []Value{mean, value(s.SD, "± ")}
}
