package study

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
)

// Query is what can be asked of many runs. What is asked wrongly is a [talk.UsageError].
type Query struct {
	Folders []string // to look in; none are the usual ones
	Where   string   // see Filter
	Sort    string   // a column, with − before its name from the largest; "" is by what differs
	Columns []string // of the table; none are the usual ones
	Group   []string // settings whose runs are joined; none for a line each
	Best    int      // only so many, the best first; 0 is all. See Best
	Every   bool     // without Columns, every column there is
}

// Find returns the runs that are asked for.
func (q Query) Find(ctx context.Context, f Finder) ([]*Run, error) {
	filter, err := ParseFilter(q.Where)
	if err != nil {
		return nil, talk.Usage("--where %w", err)
	}
	for _, name := range q.Columns {
		if _, err := ColumnByName(name); err != nil {
			return nil, talk.Usage("--columns: %w", err)
		}
	}
	folders := q.Folders
	if len(folders) == 0 {
		if folders = Usual(); len(folders) == 0 {
			return nil, talk.Usage("there is neither a folder runs nor a folder sweeps here; name the folders to " +
				"look in")
		}
	}
	all, err := f.Find(ctx, folders...)
	if err != nil {
		return nil, err
	}
	all = filter.Filtered(all)
	switch {
	case len(q.Group) > 0: // its lines are sorted
	case q.Sort == "":
		SortByUse(all)
	default:
		if err := Sort(all, q.Sort); err != nil {
			return nil, talk.Usage("--sort: %w", err)
		}
	}
	return all, nil
}

// Table makes the table that is asked for.
func (q Query) Table(all []*Run) (*Table, error) {
	switch {
	case q.Best > 0:
		return q.best(all)
	case len(q.Group) == 0 && q.Every && len(q.Columns) == 0:
		return Tabulate(all, Columns()...)
	case len(q.Group) == 0:
		return Tabulate(all, q.Columns...)
	}
	if len(q.Columns) > 0 {
		return nil, talk.Usage("--columns is not for --group, whose columns follow from what it joins")
	}
	t, err := TabulateGroups(all, q.Group, q.Sort)
	if err != nil {
		return nil, talk.Usage("--group: %w", err)
	}
	return t, nil
}

// best makes the table of the best runs, which says so where that is no fair choice, or there is none.
func (q Query) best(all []*Run) (*Table, error) {
	best, by := Best(all)
	t, err := Tabulate(best[:min(q.Best, len(best))], q.Columns...)
	switch {
	case err != nil:
		return nil, err
	case len(best) == 0 && len(all) > 0:
		t.Notes = append(t.Notes, fmt.Sprintf("none of %s has come to its end", words.Count(len(all), "run")))
	case by != "validation" && len(best) > 0:
		t.Notes = append(t.Notes, "none of these runs has validation images: chosen by test accuracy, which is then "+
			"no fair measure")
	}
	return t, nil
}

// ToRemove returns the runs that are named, or with an expression those below the folders named that meet it.
func ToRemove(ctx context.Context, f Finder, named []string, where string) ([]*Run, error) {
	switch {
	case where != "":
		return Query{Folders: named, Where: where}.Find(ctx, f)
	case len(named) == 0:
		return nil, talk.Usage("name runs, or say with --where which")
	}
	return Named(ctx, f, named)
}

// Named returns the runs of folders that are named one by one.
func Named(ctx context.Context, f Finder, paths []string) ([]*Run, error) {
	var all []*Run
	for _, path := range paths {
		found, err := f.Find(ctx, path)
		if err != nil {
			return nil, err
		}
		if len(found) != 1 || filepath.Clean(found[0].Path) != filepath.Clean(path) {
			return nil, talk.Usage("%s is no run; %d runs lie below it", path, len(found))
		}
		all = append(all, found[0])
	}
	return all, nil
}

// Remove removes run folders, and says of those that cannot be removed why. Those being trained stay.
func Remove(ctx context.Context, all []*Run) (removed int, err error) {
	var errs []error
	var parents []string
	for _, r := range all {
		if err := context.Cause(ctx); err != nil {
			return removed, errors.Join(append(errs, err)...)
		}
		if err := runs.Remove(r.Path); err != nil {
			errs = append(errs, err)
			continue
		}
		removed++
		if p := filepath.Dir(r.Path); !slices.Contains(parents, p) {
			parents = append(parents, p)
		}
	}
	for _, p := range parents {
		errs = append(errs, runs.SweepRemoved(p))
	}
	return removed, errors.Join(errs...)
}

// Document is a table for programs.
type Document struct {
	Shared map[string]any   `json:"shared"` // settings that all have in common
	Notes  []string         `json:"notes"`
	Runs   []map[string]any `json:"runs"` // by column; numbers in full, null for what is not known
}

// Document returns the table for programs.
func (t *Table) Document() Document {
	d := Document{Shared: map[string]any{}, Notes: t.Notes, Runs: []map[string]any{}}
	if d.Notes == nil {
		d.Notes = []string{}
	}
	for _, s := range t.Shared {
		d.Shared[s[0]] = setting(s[1]).plain()
	}
	for _, line := range t.Lines {
		m := map[string]any{}
		for i, v := range line {
			m[t.Head[i]] = v.plain()
		}
		d.Runs = append(d.Runs, m)
	}
	return d
}

// plain is the value for programs: a number, a text, or nil.
func (v Value) plain() any {
	switch {
	case !math.IsNaN(v.Number) && !math.IsInf(v.Number, 0):
		return json.Number(v.Plain)
	case v.Plain == "":
		return nil
	case v.Plain == "true" || v.Plain == "false":
		return v.Plain == "true"
	}
	return v.Plain
}

// Ask lists runs and asks whether to remove them; only y is yes.
func Ask(in io.Reader, out io.Writer, all []*Run) bool {
	const most = 10
	for i, r := range all {
		if i == most && len(all) > most+1 {
			fmt.Fprintf(out, "  and %d more\n", len(all)-i)
			break
		}
		fmt.Fprintf(out, "  %s  %s\n", r.Path, r.State())
	}
	fmt.Fprintf(out, "remove %s? [y/N] ", words.Count(len(all), "run"))
	answer, err := bufio.NewReader(in).ReadString('\n')
	return err == nil && strings.EqualFold(strings.TrimSpace(answer), "y")
}
