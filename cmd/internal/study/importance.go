package study

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/words"
)

// Importance says which settings mattered to the accuracy of runs, or why that cannot be said.
type Importance struct {
	By  string // what was measured: "validation" or "accuracy"
	Why string // that it cannot be said; then Variance is nil

	*Variance
	Values map[string][]string // of each factor
	Seeds  int                 // runs of each combination
}

// seed is the setting whose values are repetitions and no choice.
const seed = "seed"

// noChoice are settings that change no weight that is measured, or that others say more exactly.
var noChoice = []string{seed, "frames"}

// Importances analyses the variance of the accuracy over the runs: their settings are the factors, and runs that
// differ in nothing but the seed are the repetitions that show the noise. It needs every combination of the settings,
// each trained to its end equally often; settings that change only together count as one.
func Importances(all []*Run) Importance {
	by := "accuracy"
	for _, r := range all {
		if r.Trained() && r.Validation != nil {
			by = "validation"
		}
	}
	im := Importance{By: by}
	refuse := func(format string, args ...any) Importance {
		im.Why = fmt.Sprintf(format, args...)
		return im
	}
	factors := slices.DeleteFunc(Differing(all), func(name string) bool { return slices.Contains(noChoice, name) })
	if len(factors) == 0 {
		return refuse("the runs differ in no setting but the seed")
	}
	groups := together(all, factors)
	if len(groups) > mostFactors {
		return refuse("%d settings differ, want at most %d", len(groups), mostFactors)
	}
	d, why := design(all, groups, by)
	if why != "" {
		return refuse("%s", why)
	}
	im.Seeds, im.Values = len(d.Cells[0]), map[string][]string{}
	for _, g := range groups {
		im.Values[g.name] = g.values
	}
	if im.Seeds == 1 && len(groups) == 1 {
		return refuse("each value of %s was trained once, so that what it does and chance cannot be told apart; "+
			"train with several seeds", groups[0].name)
	}
	v, err := d.Analyse()
	if err != nil {
		return refuse("%v", err)
	}
	im.Variance = v
	return im
}

// factor is a setting, or some that change only together, with its values over the runs in order.
type factor struct {
	name   string
	names  []string
	values []string
}

func (f factor) value(r *Run) string {
	var parts []string
	for _, name := range f.names {
		v := r.Setting(name)
		if v == "" {
			v = "–"
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, " ")
}

// Factor is a setting in which runs differ, or several that change only together, as in "hidden+output".
type Factor struct {
	Name   string
	Values []string          // over the runs, in order
	Of     func(*Run) string // the value of a run
}

// Factors are those of runs; the seed is none.
func Factors(all []*Run) []Factor {
	var out []Factor
	names := slices.DeleteFunc(Differing(all), func(name string) bool { return slices.Contains(noChoice, name) })
	for _, f := range together(all, names) {
		out = append(out, Factor{f.name, f.values, f.value})
	}
	return out
}

// together makes factors of settings: two whose values name each other are one.
func together(all []*Run, names []string) []factor {
	var out []factor
next:
	for _, name := range names {
		f := factor{name: name, names: []string{name}}
		for i := range out {
			if oneToOne(all, out[i], f) {
				out[i].names = append(out[i].names, name)
				out[i].name += "+" + name
				continue next
			}
		}
		out = append(out, f)
	}
	for i := range out {
		out[i].values = valuesIn(all, out[i].value)
	}
	return out
}

// oneToOne reports whether each value of a goes with one value of b, and the other way round.
func oneToOne(all []*Run, a, b factor) bool {
	to, from := map[string]string{}, map[string]string{}
	for _, r := range all {
		if r.Settings == nil {
			continue
		}
		x, y := a.value(r), b.value(r)
		if v, ok := to[x]; ok && v != y {
			return false
		}
		if v, ok := from[y]; ok && v != x {
			return false
		}
		to[x], from[y] = y, x
	}
	return true
}

// valuesIn are the values that runs have, each once, in order.
func valuesIn(all []*Run, of func(*Run) string) []string {
	var values []string
	for _, r := range all {
		if r.Settings != nil {
			values = append(values, of(r))
		}
	}
	slices.SortFunc(values, compareValues)
	return slices.Compact(values)
}

// mostCells bounds the combinations, so that a table of all settings of strangers does not fill the memory.
const mostCells = 1 << 20

// design lays runs out as a full factorial design; why says what is missing.
func design(all []*Run, factors []factor, by string) (d Design, why string) {
	cells := 1
	for _, f := range factors {
		d.Factors, d.Levels = append(d.Factors, f.name), append(d.Levels, len(f.values))
		if cells *= len(f.values); cells > mostCells {
			return d, fmt.Sprintf("the settings %s have more combinations than there are runs, so they were not "+
				"crossed", nameAll(factors))
		}
	}
	column, err := ColumnByName(by)
	if err != nil {
		return d, err.Error()
	}
	d.Cells = make([][]float64, cells)
	there := make([]int, cells) // runs of each, whether done or not
	seeds := make([]map[string]int, cells)
	open := map[string]int{} // runs that count for nothing, by state
	for _, r := range all {
		if r.Settings == nil {
			open[r.State()]++
			continue
		}
		i := 0
		for k, f := range factors {
			i = i*d.Levels[k] + slices.Index(f.values, f.value(r))
		}
		there[i]++
		y := column.Of(r).Number
		if !r.Trained() || math.IsNaN(y) {
			open[r.State()]++
			continue
		}
		if seeds[i] == nil {
			seeds[i] = map[string]int{}
		}
		if seeds[i][r.Setting(seed)]++; seeds[i][r.Setting(seed)] > 1 {
			return d, fmt.Sprintf("%s is there twice with seed %s", combination(factors, d.Levels, i), r.Setting(seed))
		}
		d.Cells[i] = append(d.Cells[i], y)
	}
	return d, d.unbalanced(factors, there, open)
}

// unbalanced says why the cells are not equally full; "" where they are.
func (d Design) unbalanced(factors []factor, there []int, open map[string]int) string {
	missing, never, most, at := 0, 0, 0, -1
	for i, cell := range d.Cells {
		most = max(most, len(cell))
		if there[i] == 0 {
			never++
		}
		if len(cell) == 0 {
			if missing++; at < 0 {
				at = i
			}
		}
	}
	because := ""
	for _, s := range []string{
		"failed", "stopped", "interrupted", "running", "queued", "imported", "unreadable", "done",
	} {
		if n := open[s]; n > 0 && s != "done" {
			because += fmt.Sprintf("; %s %s", words.Count(n, "run"), s)
		} else if n > 0 {
			because += fmt.Sprintf("; %s without a measurement", words.Count(n, "run"))
		}
	}
	if never > 0 && len(factors) > 1 {
		return fmt.Sprintf("%s are not fully crossed: of %d combinations %d were never tried, such as %s%s",
			nameAll(factors), len(d.Cells), never, combination(factors, d.Levels, at), because)
	}
	if missing > 0 {
		return fmt.Sprintf("of %d combinations of %s %d have no finished run, such as %s%s", len(d.Cells),
			nameAll(factors), missing, combination(factors, d.Levels, at), because)
	}
	for i, cell := range d.Cells {
		if len(cell) < most {
			return fmt.Sprintf("the grid is not balanced: %s has %s to go by, others have %d%s",
				combination(factors, d.Levels, i), words.Count(len(cell), "finished run"), most, because)
		}
	}
	return ""
}

func nameAll(factors []factor) string {
	var names []string
	for _, f := range factors {
		names = append(names, f.name)
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// combination names cell i.
func combination(factors []factor, levels []int, i int) string {
	parts := make([]string, len(factors))
	for k := len(factors) - 1; k >= 0; k-- {
		parts[k] = factors[k].name + " " + factors[k].values[i%levels[k]]
		i /= levels[k]
	}
	return strings.Join(parts, ", ")
}

// Says puts the shares into a line: "lr 71 %, l2 12 %, lr×l2 9 %, seeds 4 %". What has less than half a per cent is
// joined.
func (im Importance) Says() string {
	if im.Variance == nil {
		return im.Why
	}
	var parts []string
	rest, small := 0.0, 0
	for _, e := range im.Effects {
		if e.Share < 0.005 && len(e.Factors) > 1 {
			rest += e.Share
			small++
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %.0f %%", e.Name(), 100*e.Share))
	}
	if small > 0 {
		parts = append(parts, fmt.Sprintf("%s %.0f %%", words.Count(small, "other interaction"), 100*rest))
	}
	if im.Seeds > 1 {
		return strings.Join(parts, ", ") + fmt.Sprintf(", seeds %.0f %%", 100*im.Noise.Share)
	}
	return strings.Join(parts, ", ") + " (one seed each, so that the interaction of all cannot be told from noise)"
}
