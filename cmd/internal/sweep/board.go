package sweep

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/study"
)

// Row is a run of the leaderboard.
type Row struct {
	Run        string            `json:"run"`
	Settings   map[string]string `json:"settings"` // what varies
	State      string            `json:"state"`
	Epochs     int               `json:"epochs"` // done
	Of         int               `json:"of_epochs"`
	Validation *float64          `json:"validation_accuracy"` // of the weights handed out
	Test       *float64          `json:"test_accuracy"`
	Reason     string            `json:"reason,omitempty"` // why it failed or was stopped
	Folder     string            `json:"folder"`

	values     []string
	arithmetic string
}

// Board is the leaderboard.
type Board struct {
	Folder  string         `json:"folder"`
	Runs    []Row          `json:"runs"`   // the best first
	States  map[string]int `json:"states"` // how many runs are in which
	Devices []string       `json:"devices"`

	varied []string
}

// NewBoard reads how far the runs of a plan are from their folders alone.
func NewBoard(f Folder, p *Plan) (*Board, error) {
	b := &Board{Folder: f.Path, States: map[string]int{}, varied: p.Varied}
	for _, r := range p.Runs {
		row := Row{
			Run: r.ID, Settings: map[string]string{}, Of: r.Order.Recipe.Epochs, Folder: f.Run(r.ID), values: r.Varied,
		}
		for i, name := range p.Varied {
			row.Settings[name] = r.Varied[i]
		}
		if err := row.read(); err != nil {
			return nil, err
		}
		b.States[row.State]++
		if a := row.arithmetic; a != "" && !slices.Contains(b.Devices, a) {
			b.Devices = append(b.Devices, a)
		}
		b.Runs = append(b.Runs, row)
	}
	slices.Sort(b.Devices)
	slices.SortStableFunc(b.Runs, func(x, y Row) int { return cmp.Compare(y.rank(), x.rank()) })
	return b, nil
}

// rank orders rows: those that are done, then by accuracy.
func (r *Row) rank() float64 {
	v := -1.0
	if a := cmp.Or(r.Validation, r.Test); a != nil {
		v = *a
	}
	if r.State == runs.Done.String() {
		v += 10
	}
	return v
}

// read reads how far the run is, as the table of runs does.
func (r *Row) read() error {
	run, err := study.Read(r.Folder)
	if err != nil {
		return err
	}
	s := run.Standing
	r.State, r.arithmetic = s.State.String(), run.Arithmetic()
	r.Epochs, r.Validation, r.Test = run.Epochs, run.Validation, run.Accuracy
	switch {
	case s.Failure != nil:
		r.Reason = s.Failure.Reason
	case s.Stop != nil:
		r.Reason = fmt.Sprintf("%s, rung %d: place %d of %d, of which %d go on", s.Stop.Rule, s.Stop.Rung, s.Stop.Rank,
			s.Stop.Of, s.Stop.Kept)
	case s.State == runs.Running:
		r.Reason = s.Holder
	}
	return nil
}

// Print writes the first most rows as a table, all for 0.
func (b *Board) Print(out io.Writer, most int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\n", strings.Join(slices.Concat(b.varied,
		[]string{"validation", "test", "epochs", "state", "run"}), "\t"))
	rows := b.Runs
	if most > 0 && len(rows) > most {
		rows = rows[:most]
	}
	for _, r := range rows {
		cells := append(slices.Clone(r.values), percent(r.Validation), percent(r.Test),
			fmt.Sprintf("%d/%d", r.Epochs, r.Of), r.State, r.Run)
		fmt.Fprintf(w, "%s\n", strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n := len(b.Runs) - len(rows); n > 0 {
		if _, err := fmt.Fprintf(out, "… and %d more: neuroloupe runs %s\n", n, b.Folder); err != nil {
			return err
		}
	}
	if len(b.Devices) > 1 {
		_, err := fmt.Fprintf(out, "trained with different arithmetic, so that the last digits do not compare: %s\n",
			strings.Join(b.Devices, "; "))
		return err
	}
	return nil
}

func percent(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", 100**v)
}

// Summary says how many runs are in which state.
func (b *Board) Summary() string {
	var parts []string
	for _, s := range []runs.State{
		runs.Done, runs.Running, runs.Interrupted, runs.Stopped, runs.Failed, runs.Queued,
	} {
		if n := b.States[s.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", n, s))
		}
	}
	return strings.Join(parts, ", ")
}
