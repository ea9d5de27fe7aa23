package study

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/runs"
)

// A filter lets through what its expression means.
func TestFilter(t *testing.T) {
	all := []*Run{
		made("done", 0.97, "l2", "5", "net", "784-30-10", "classes", "0,1"),
		made("done", 0.9, "l2", "0.5", "net", "784-100-10"),
		made("failed", 0, "l2", "50", "net", "784-30-10", "data", "my digits"),
		{Facts: Facts{}, Name: "never"},
	}
	all[2].Validation = nil
	all[2].Standing.Failure = &runs.Failure{Reason: "loss is NaN"}
	for expression, want := range map[string][]int{
		"":                                        {0, 1, 2, 3},
		"validation > 0.95":                       {0},
		"validation >= 97%":                       {0},
		"validation<0.95":                         {1},
		"l2 == 5.0":                               {0},
		"l2=5e-1":                                 {1},
		"l2 != 5":                                 {1, 2, 3},
		"l2 <= 5 and net == 784-30-10":            {0},
		"net == '784-30-10' or l2 == 0.5":         {0, 1, 2},
		"state == failed":                         {2},
		"state in (done, failed)":                 {0, 1, 2},
		"not (state in (done)) and l2>1":          {2},
		"not state == done or l2 == 5":            {0, 2, 3},
		"l2 == 5 or l2 == 50 and state == done":   {0},
		"(l2 == 5 or l2 == 50) and state == done": {0},
		"not not l2 > 1":                          {0, 2},
		`classes == "0,1"`:                        {0},
		`data == "my digits"`:                     {2},
		`why == "loss is NaN"`:                    {2},
		"validation != 1":                         {0, 1, 2, 3},
		"validation < 2":                          {0, 1},
	} {
		f, err := ParseFilter(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var got []int
		for i, r := range all {
			if f.Meets(r) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", expression, got, want)
		}
		if len(f.Filtered(all)) != len(want) {
			t.Errorf("%s: filtered otherwise", expression)
		}
	}
}

// What is wrong with an expression is said, and where.
func TestFilterErrors(t *testing.T) {
	for expression, want := range map[string]struct {
		column int
		what   string
	}{
		"l2":                            {3, "want a comparison (== != < <= > >= in) after l2, got the end"},
		"l2 ==":                         {6, "want a value after ==, got the end"},
		"λ == 5":                        {1, `there is no column "λ"; there are run epochs`},
		"l2 == 5 &&":                    {9, `want and, or, or the end, got "&&"`},
		"l2 == 5 l1 == 2":               {9, `want and, or, or the end, got "l1"`},
		"(l2 == 5":                      {9, "want ), got the end"},
		"l2 == 5)":                      {8, `want and, or, or the end, got ")"`},
		"net < 784-30-10":               {7, `< compares numbers, and "784-30-10" is none`},
		"net in 784-30-10":              {8, `want ( after in, got "784-30-10"`},
		"l2 in (1 2)":                   {10, `want , or ), got "2"`},
		"l2 in ()":                      {8, `want a value after in, got ")"`},
		"run == 'é":                     {8, "the quotation has no end"},
		"and":                           {1, `there is no column "and"`},
		"'l2' == 5":                     {1, `want a column, got "l2"`},
		"l2 ! 5":                        {4, `want a comparison`},
		strings.Repeat("(", 200) + "l2": {102, "more than 100 parentheses inside one another"},
	} {
		_, err := ParseFilter(expression)
		e := (*FilterError)(nil)
		if !errors.As(err, &e) || e.Column != want.column || !strings.HasPrefix(e.What, want.what) {
			t.Errorf("%.30s: %v, want column %d: %s", expression, err, want.column, want.what)
		}
	}
}

// Whatever is typed, a filter is one or an error with a place in it.
func FuzzFilter(f *testing.F) {
	f.Add("accuracy > 97% and (l2 in (1, '5') or not state == done)")
	f.Fuzz(func(t *testing.T, s string) {
		_, err := ParseFilter(s)
		e := (*FilterError)(nil)
		if err != nil && (!errors.As(err, &e) || e.Column < 1 || e.Column > len([]rune(s))+1) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// Mean and sample standard deviation: 2, 4, 4, 4, 5, 5, 7, 9 has mean 5 and Σ(x − 5)² = 32.
func TestSpread(t *testing.T) {
	s := SpreadOf([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	if s.N != 8 || s.Mean != 5 || math.Abs(s.SD-math.Sqrt(32.0/7)) > 1e-15 {
		t.Errorf("%+v", s)
	}
	if s := SpreadOf([]float64{3}); s.Mean != 3 || !math.IsNaN(s.SD) {
		t.Errorf("of one: %+v", s)
	}
	if s := SpreadOf(nil); !math.IsNaN(s.Mean) {
		t.Errorf("of none: %+v", s)
	}
}

// text of a table.
func printed(t *testing.T, table *Table) string {
	t.Helper()
	var b strings.Builder
	check(t, table.Print(&b))
	return b.String()
}

// What all have in common stands above a table, groups are averaged over the runs that are done, and what has no value
// comes last whichever way it is sorted.
func TestTables(t *testing.T) {
	all := []*Run{
		made("done", 0.5, "l2", "5", "seed", "1", "lr", "0.5"),
		made("done", 0.75, "l2", "5", "seed", "2", "lr", "0.5"),
		made("failed", 0, "l2", "5", "seed", "3", "lr", "0.5"),
		made("done", 0.25, "l2", "20", "seed", "1", "lr", "0.5"),
		made("interrupted", 0.125, "l2", "20", "seed", "2", "lr", "0.5"),
	}
	all[2].Validation = nil
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		all[i].Name = name
	}
	grouped, err := TabulateGroups(all, []string{"seed"}, "-validation")
	check(t, err)
	if diff := cmp.Diff(`all: lr 0.5

l2  n  validation  validation sd  accuracy  accuracy sd  training-loss  training-loss sd  seconds  seconds sd  state
 5  2     62.50 %      ± 17.68 %         –                           –                      0.0 s     ± 0.0 s  2 done, 1 failed
20  1     25.00 %                        –                           –                      0.0 s              1 done, 1 interrupted
`, printed(t, grouped)); diff != "" {
		t.Error(diff)
	}
	names := func() string {
		var s string
		for _, r := range all {
			s += r.Name
		}
		return s
	}
	for key, want := range map[string]string{
		"validation": "edabc", "-validation": "badec", "-l2": "deabc", "-seed": "cbead", "state": "abdce",
	} {
		SortByUse(all)
		check(t, Sort(all, key))
		if got := names(); got != want {
			t.Errorf("by %s: %s, want %s", key, got, want)
		}
	}
	if err := Sort(all, "l3"); err == nil {
		t.Error("sorted by what is no column")
	}
	best, by := Best(all)
	if by != "validation" || len(best) != 3 || best[0].Name != "b" {
		t.Errorf("best by %s: %v", by, said(best))
	}
	if _, err := TabulateGroups(all, []string{"accuracy"}, ""); err == nil {
		t.Error("grouped by what is no setting")
	}
	SortByUse(all)
	if diff := cmp.Diff("                  a        d\nl2                5       20\nvalidation  50.00 %  25.00 %\n",
		printed(t, Compare([]*Run{all[0], all[3]}))); diff != "" {
		t.Error(diff)
	}
}

// Runs of different arithmetic are said to stand side by side, and of the same not.
func TestArithmetic(t *testing.T) {
	on := func(id, precision string) *Run {
		r := made("done", 0.5)
		r.Device = make([]string, len(deviceNames))
		r.Device[slices.Index(deviceNames, "device")] = id
		r.Device[slices.Index(deviceNames, "precision")] = precision
		return r
	}
	if n := Notes([]*Run{on("cuda:0", "fp32"), on("cuda:1", "fp32")}); n != nil {
		t.Errorf("two cards of one kind: %v", n)
	}
	for _, other := range []*Run{on("cpu", "fp32"), on("cuda:0", "tf32")} {
		n := Notes([]*Run{on("cuda:0", "fp32"), other})
		if len(n) != 1 || !strings.Contains(n[0], "1 run on cuda fp32") {
			t.Errorf("%v beside cuda:0 fp32: %v", other.Device, n)
		}
	}
}

// A grid has each run in its cell, and of several the median.
func TestLay(t *testing.T) {
	var all []*Run
	for _, l2 := range []string{"0", "5", "50"} {
		for _, net := range []string{"784-100-10", "784-30-10"} {
			for i, s := range []string{"1", "2", "3"} {
				all = append(all, made("done", []float64{0.9, 0.7, 0.8}[i], "l2", l2, "net", net, "seed", s))
			}
		}
	}
	g, err := Lay(all, "", "")
	check(t, err)
	if diff := cmp.Diff([][]string{{"l2", "net"}, {"0", "5", "50"}, {"784-30-10", "784-100-10"}},
		[][]string{{g.Row, g.Col}, g.Rows, g.Cols}); diff != "" {
		t.Error(diff)
	}
	for i, c := range g.Cells {
		if c.Of != 3 || c.Run.Setting("seed") != "3" || c.Run.Setting("l2") != g.Rows[i/2] ||
			c.Run.Setting("net") != g.Cols[i%2] {
			t.Errorf("cell %d: %+v", i, c)
		}
	}
	if g, err = Lay(all, "net", "seed"); err != nil || len(g.Cells) != 6 || !slices.Equal(g.Other, []string{"l2"}) {
		t.Errorf("net and seed: %+v, %v", g, err)
	}
	for i, s := range []runs.State{runs.Failed, runs.Interrupted, runs.Running} {
		all[i].Standing.State = s
	}
	if g, err = Lay(all[:4], "l2", "net"); err != nil || g.Cells[0].Why != "no run" && g.Cells[0].Run == nil {
		t.Errorf("%+v, %v", g, err)
	}
	for _, bad := range [][2]string{{"accuracy", ""}, {"l2", "l2"}} {
		if _, err := Lay(all, bad[0], bad[1]); err == nil {
			t.Errorf("laid out over %v", bad)
		}
	}
	g, err = Lay(all[:3], "", "")
	if err != nil || g.Row != "seed" || len(g.Cells) != 3 || g.Cells[0].Why != "1 failed" {
		t.Errorf("seeds alone: %+v, %v", g, err)
	}
}
