package study

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
)

// Grid is runs laid out over two of their settings.
type Grid struct {
	Row, Col   string   // the settings, or several that change only together, as in "hidden+output"; Col may be ""
	Rows, Cols []string // their values in order
	Cells      []Cell   // len(Rows)×len(Cols), row-major
	By         string   // the accuracy that the run of a cell is chosen by: validation or accuracy
	Shared     []string // data set and network, as far as all runs have them in common
	Other      []string // settings besides them and the seed that differ within a cell
}

// Cell is the runs of one combination.
type Cell struct {
	Run *Run   // the median of those that can be shown; nil for none
	Of  int    // how many it is the median of
	Why string // why there is none: no run, or the states of those that are there
}

// Lay lays runs out. row and col are settings; "" has those chosen whose values are most, λ (l2) for the rows. Of
// several runs in a cell, of other seeds, the one of median accuracy on validation images is shown, the lower of the
// two in the middle of an even number. Runs that have not come to their end, and networks from
// elsewhere, are shown only where there is no other.
func Lay(all []*Run, row, col string) (*Grid, error) {
	for _, name := range []string{row, col} {
		if name != "" && settingIndex(name) < 0 {
			return nil, talk.Usage("%q is no setting; there are %s", name, strings.Join(settingNames, " "))
		}
	}
	if row != "" && row == col {
		return nil, talk.Usage("rows and columns are both %s; name two settings", row)
	}
	r, c := choose(all, row, col)
	_, by := Best(all)
	g := &Grid{Row: r.name, Col: c.name, Rows: r.values, Cols: c.values, By: by}
	if len(g.Rows) == 0 {
		return nil, fmt.Errorf("none of %s has begun", words.Count(len(all), "run"))
	}
	column, err := ColumnByName(by)
	if err != nil {
		return nil, err
	}
	held := make([][]*Run, len(g.Rows)*len(g.Cols))
	for _, run := range all {
		if run.Settings != nil {
			i := slices.Index(g.Rows, r.value(run))*len(g.Cols) + slices.Index(g.Cols, c.value(run))
			held[i] = append(held[i], run)
		}
	}
	for _, name := range []string{"data", "net"} {
		values := valuesIn(all, factor{names: []string{name}}.value)
		if len(values) == 1 && name != g.Row && name != g.Col {
			g.Shared = append(g.Shared, values[0])
		}
	}
	for _, of := range held {
		g.Cells = append(g.Cells, cellOf(of, column))
		for _, name := range Differing(of) {
			if !slices.Contains(noChoice, name) && !slices.Contains(g.Other, name) {
				g.Other = append(g.Other, name)
			}
		}
	}
	return g, nil
}

// choose returns what the rows and the columns are.
func choose(all []*Run, row, col string) (r, c factor) {
	single := func(name string) factor {
		f := factor{name: name, names: []string{name}}
		f.values = valuesIn(all, f.value)
		return f
	}
	factors := together(all, slices.DeleteFunc(Differing(all), func(name string) bool {
		return slices.Contains(noChoice, name) || name == row || name == col
	}))
	slices.SortStableFunc(factors, func(a, b factor) int { return cmp.Compare(len(b.values), len(a.values)) })
	seeds := slices.Contains(Differing(all), seed) && row != seed && col != seed
	next := func() factor {
		if len(factors) > 0 {
			f := factors[0]
			factors = factors[1:]
			return f
		}
		if seeds {
			seeds = false
			return single(seed)
		}
		return factor{values: valuesIn(all, factor{}.value)} // one value, ""
	}
	switch {
	case row != "" && col != "":
		return single(row), single(col)
	case row != "":
		return single(row), next()
	case col != "":
		return next(), single(col)
	}
	r, c = next(), next()
	if slices.Contains(c.names, "l2") {
		r, c = c, r
	}
	return r, c
}

// cellOf chooses the run that stands for those of a cell.
func cellOf(all []*Run, by Column) Cell {
	var shown []*Run
	for _, r := range all {
		if r.Trained() {
			shown = append(shown, r)
		}
	}
	if shown == nil {
		for _, r := range all {
			if (r.Epochs > 0 || r.Import != "") && r.Damage == "" && r.Standing.State != runs.Failed {
				shown = append(shown, r)
			}
		}
	}
	if shown == nil {
		if len(all) == 0 {
			return Cell{Why: "no run"}
		}
		return Cell{Why: Group{Runs: all}.States()}
	}
	slices.SortStableFunc(shown, func(a, b *Run) int {
		x, y := by.Of(a).Number, by.Of(b).Number
		if math.IsNaN(x) || math.IsNaN(y) {
			return cmp.Compare(b2i(math.IsNaN(x)), b2i(math.IsNaN(y)))
		}
		return cmp.Compare(x, y)
	})
	return Cell{Run: shown[(len(shown)-1)/2], Of: len(shown)}
}
