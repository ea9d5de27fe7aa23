package study

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"neuroloupe/cmd/internal/words"
)

// Table is what is said of runs: what all have in common, and a line for each.
type Table struct {
	Shared [][2]string // settings that all have in common, each with its value
	Notes  []string    // what a person should know before comparing
	Head   []string    // names of the columns
	Lines  [][]Value
}

// Differing are the settings in which runs differ, in the order of SettingNames. What a run does not say, because it
// never began or was made elsewhere, counts for nothing.
func Differing(all []*Run) []string {
	var names []string
	for i, name := range settingNames {
		first := ""
		for _, r := range all {
			v := at(r.Settings, i)
			if r.Settings == nil || r.Import != "" && v == "" {
				continue
			}
			if first == "" {
				first = "=" + v // a value may be empty
			}
			if first != "="+v {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// Notes are what a person should know before comparing runs: that their arithmetic is not the same.
func Notes(all []*Run) []string {
	count := map[string]int{}
	var kinds []string
	for _, r := range all {
		a := r.Arithmetic()
		if a == "" || r.Import != "" {
			continue
		}
		if count[a]++; count[a] == 1 {
			kinds = append(kinds, a)
		}
	}
	if len(kinds) < 2 {
		return nil
	}
	slices.Sort(kinds)
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%s on %s", words.Count(count[k], "run"), k)
	}
	return []string{"different arithmetic stands side by side, so equal settings need not give equal bytes: " +
		strings.Join(kinds, ", ")}
}

// shared are the settings that all runs have in common, but those named.
func shared(all []*Run, but []string) [][2]string {
	differ := Differing(all)
	var rows [][2]string
	for k, name := range settingNames {
		v := ""
		for _, r := range all {
			v = cmp.Or(v, at(r.Settings, k)) // all that have one have the same
		}
		if name != Asked && v != "" && !slices.Contains(differ, name) && !slices.Contains(but, name) {
			rows = append(rows, [2]string{name, v})
		}
	}
	return rows
}

// usual are the columns of a table that nobody chose: what differs, and the results.
func usual(all []*Run) []string {
	names := []string{"run"}
	for _, name := range Differing(all) {
		if name != Asked { // the column epochs says it
			names = append(names, name)
		}
	}
	if len(Notes(all)) > 0 {
		names = append(names, "device")
	}
	return append(names, "epochs", "validation", "accuracy", "seconds", "state")
}

// Tabulate makes the table of runs, a line for each in their order. columns are the names of its columns; none are the
// usual ones.
func Tabulate(all []*Run, columns ...string) (*Table, error) {
	if len(columns) == 0 {
		columns = usual(all)
	}
	t := &Table{Shared: shared(all, columns), Notes: Notes(all), Head: columns}
	var of []Column
	for _, name := range columns {
		c, err := ColumnByName(name)
		if err != nil {
			return nil, err
		}
		of = append(of, c)
	}
	for _, r := range all {
		line := make([]Value, len(of))
		for i, c := range of {
			line[i] = c.Of(r)
		}
		t.Lines = append(t.Lines, line)
	}
	return t, nil
}

// Sort orders runs by a column, with − before its name from the largest; what has no value comes last. Runs of equal
// values keep their order.
func Sort(all []*Run, key string) error {
	name, down := strings.CutPrefix(key, "-")
	c, err := ColumnByName(name)
	if err != nil {
		return err
	}
	values := make(map[*Run]Value, len(all))
	for _, r := range all {
		values[r] = c.Of(r)
	}
	slices.SortStableFunc(all, func(a, b *Run) int { return order(values[a], values[b], down) })
	return nil
}

// SortByUse orders runs by the settings in which they differ, but those named, and then by name.
func SortByUse(all []*Run, but ...string) {
	var by []int
	for _, name := range Differing(all) {
		if !slices.Contains(but, name) {
			by = append(by, settingIndex(name))
		}
	}
	slices.SortStableFunc(all, func(a, b *Run) int {
		for _, i := range by {
			if n := compareValues(at(a.Settings, i), at(b.Settings, i)); n != 0 {
				return n
			}
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// order compares two values of a column.
func order(a, b Value, down bool) int {
	if a.Plain == "" || b.Plain == "" {
		return cmp.Compare(b2i(a.Plain == ""), b2i(b.Plain == ""))
	}
	n := compareValues(a.Plain, b.Plain)
	if down {
		return -n
	}
	return n
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Best orders runs by their accuracy on validation images, or on test images where none of them has any, and says
// which. Only runs that have come to their end are among them.
func Best(all []*Run) (best []*Run, by string) {
	by = "accuracy"
	for _, r := range all {
		if !r.Trained() {
			continue
		}
		best = append(best, r)
		if r.Validation != nil {
			by = "validation"
		}
	}
	_ = Sort(best, "-"+by) // there is such a column
	return best, by
}

// Compare is the table of what differs between runs: a line for each setting, device and result, a column for each
// run.
func Compare(all []*Run) *Table {
	t := &Table{Notes: Notes(all), Head: []string{""}}
	for _, r := range all {
		t.Head = append(t.Head, r.Name)
	}
	for _, name := range slices.Concat(settingNames, deviceNames, []string{
		"epochs", "validation", "accuracy", TrainingLoss, "seconds", "state",
	}) {
		c, _ := ColumnByName(name) // it is one
		line := []Value{text(name)}
		differ := false
		for _, r := range all {
			v := c.Of(r)
			differ = differ || v.Text != c.Of(all[0]).Text
			line = append(line, v)
		}
		if differ {
			t.Lines = append(t.Lines, line)
		}
	}
	return t
}

// Print writes the table for people: what is common, the notes, then the lines in columns, numbers to the right.
func (t *Table) Print(w io.Writer) error {
	var b strings.Builder
	if len(t.Shared) > 0 {
		var parts []string
		for _, s := range t.Shared {
			parts = append(parts, strings.ReplaceAll(s[0]+" "+s[1], " ", "\u00a0")) // not broken there
		}
		all := words.Wrap("all: "+strings.Join(parts, ", "), 110)
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(all, "\n", "\n     "), "\u00a0", " ") + "\n")
	}
	for _, n := range t.Notes {
		b.WriteString("note: " + n + "\n")
	}
	if len(t.Lines) == 0 {
		_, err := io.WriteString(w, b.String())
		return err
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	width, right := make([]int, len(t.Head)), make([]bool, len(t.Head))
	for i, name := range t.Head {
		width[i], right[i] = utf8.RuneCountInString(name), true
		for _, line := range t.Lines {
			width[i] = max(width[i], utf8.RuneCountInString(line[i].Text))
			right[i] = right[i] && (line[i].Plain == "" || !math.IsNaN(line[i].Number))
		}
	}
	write := func(cell func(i int) string) {
		var line strings.Builder
		for i := range t.Head {
			s := cell(i)
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(s))
			if right[i] {
				s = pad + s
			} else {
				s += pad
			}
			if i > 0 {
				line.WriteString("  ")
			}
			line.WriteString(s)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	write(func(i int) string { return t.Head[i] })
	for _, line := range t.Lines {
		write(func(i int) string { return line[i].Text })
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// PrintCSV writes the lines as comma-separated values (RFC 4180), numbers in full and what is not known empty.
func (t *Table) PrintCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	_ = c.Write(t.Head) // Error says it
	for _, line := range t.Lines {
		record := make([]string, len(line))
		for i, v := range line {
			record[i] = v.Plain
		}
		_ = c.Write(record)
	}
	c.Flush()
	return c.Error()
}
