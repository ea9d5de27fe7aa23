package page

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
)

// Many is what the page of many runs shows.
type Many struct {
	Title    string       `json:"-"`
	Notes    []string     `json:"-"`
	Facts    []Fact       `json:"-"`
	Shared   []Fact       `json:"-"`
	Failures []Fact       `json:"-"` // runs that have not come to their end, and why
	Mattered ManyMattered `json:"-"`
	Sheet    template.URL `json:"-"` // the sheet of sheets as a data URL; "" for none, and NoSheet says why
	NoSheet  string       `json:"-"`

	SheetSays string `json:"-"` // in place of the picture

	Columns  []ManyColumn `json:"columns"` // of the table
	By       int          `json:"by"`      // the column of the accuracy that runs are judged by
	Runs     []ManyRun    `json:"runs"`
	Axes     []ManyAxis   `json:"axes"` // settings in which finished runs differ
	Effects  []ManyEffect `json:"mattered"`
	Curves   []ManyCurve  `json:"curves"`    // the best first
	CurvesOf int          `json:"curves_of"` // how many there would be
	CurveOf  string       `json:"curve_of"`  // what a curve shows
}

// ManyMattered says what the shares of [Many.Effects] are of, or why there are none.
type ManyMattered struct {
	Why   string
	What  string // they are shares of the differences in
	N     int    // runs
	Noise string // what is said of chance
	Says  string // the shares, or why, in a line
}

// ManyColumn is a column of the table.
type ManyColumn struct {
	Name   string `json:"name"`
	Number bool   `json:"number"` // it is sorted by size
}

// ManyRun is a run, with a text and a number for each column.
type ManyRun struct {
	Name    string   `json:"name"`
	Done    bool     `json:"done"`
	Texts   []string `json:"texts"`
	Numbers []Num    `json:"numbers"` // null for a text, and where there is none
	Levels  []int    `json:"levels"`  // index of its value of each axis; −1 for none
}

// ManyAxis is a setting with its values in order.
type ManyAxis struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// ManyEffect is a setting, or settings together, and its share of all differences.
type ManyEffect struct {
	Name   string `json:"name"`
	Share  Num    `json:"share"`
	Chance Num    `json:"chance"` // the share that noise alone would give it on average
	DF     int    `json:"df"`
}

// ManyCurve is the accuracy of a run after each epoch.
type ManyCurve struct {
	Run    int   `json:"run"`
	Values []Num `json:"values"`
}

const (
	mostCurves   = 300 // runs whose metrics are read
	mostFailures = 200 // that are listed one by one
)

// CollectMany works out the page of runs, with their sheet of sheets.
func CollectMany(ctx context.Context, all []*study.Run, layout Layout, t talk.Talk) (*Many, error) {
	sheets, noSheet := layout.Of(all)
	if wrong := (talk.UsageError{}); errors.As(noSheet, &wrong) {
		return nil, noSheet
	}
	best, by := study.Best(all)
	m := &Many{
		Title: words.Count(len(all), "run") + " side by side", Notes: study.Notes(all), CurveOf: by + " accuracy",
		Runs: []ManyRun{}, Axes: []ManyAxis{}, Effects: []ManyEffect{}, Curves: []ManyCurve{},
	}
	if by == "accuracy" {
		m.CurveOf = "test accuracy"
	}
	table, err := study.Tabulate(all)
	if err != nil {
		return nil, err
	}
	for _, s := range table.Shared {
		m.Shared = append(m.Shared, Fact{Name: s[0], Text: s[1]})
	}
	m.table(all, table, by)
	m.facts(all, best, by)
	m.axes(all, best)
	m.effects(study.Importances(all))
	m.failures(all)
	if err := m.curves(ctx, all, best, by, t); err != nil {
		return nil, err
	}
	return m, m.sheet(ctx, sheets, noSheet, t)
}

func (m *Many) table(all []*study.Run, t *study.Table, by string) {
	m.By = slices.Index(t.Head, by)
	for i, name := range t.Head {
		number := false
		for _, line := range t.Lines {
			number = number || !math.IsNaN(line[i].Number)
		}
		m.Columns = append(m.Columns, ManyColumn{name, number})
	}
	for k, line := range t.Lines {
		r := ManyRun{Name: all[k].Name, Done: all[k].Trained(), Levels: []int{}}
		for _, v := range line {
			r.Texts, r.Numbers = append(r.Texts, v.Text), append(r.Numbers, Num(v.Number))
		}
		m.Runs = append(m.Runs, r)
	}
}

func (m *Many) facts(all, best []*study.Run, by string) {
	seconds, devices := 0.0, []string{}
	for _, r := range all {
		seconds += r.Seconds
		if a := r.Arithmetic(); a != "" && !slices.Contains(devices, a) {
			devices = append(devices, a)
		}
	}
	slices.Sort(devices)
	m.Facts = []Fact{{Name: "runs", Text: study.Group{Runs: all}.States()}}
	if len(best) > 0 {
		c, _ := study.ColumnByName(by) // it is one
		text := fmt.Sprintf("%s: %s %s", best[0].Name, c.Of(best[0]).Text, m.CurveOf)
		if a := best[0].Accuracy; by != "accuracy" && a != nil {
			text += fmt.Sprintf(", %.2f %% test accuracy", 100**a)
		}
		m.Facts = append(m.Facts, Fact{Name: "the best", Text: text})
	}
	m.Facts = append(m.Facts, Fact{Name: "trained for", Text: fmt.Sprintf("%.1f s in all, evaluation apart", seconds)})
	if len(devices) > 0 {
		m.Facts = append(m.Facts, Fact{Name: "arithmetic", Text: strings.Join(devices, ", ")})
	}
	if by == "accuracy" && len(best) > 0 {
		m.Notes = append(m.Notes, "there are no validation images, so the runs are ranked by the accuracy on the test "+
			"images, which is then no fair measure of the best")
	}
}

func (m *Many) axes(all, finished []*study.Run) {
	for _, f := range study.Factors(finished) {
		m.Axes = append(m.Axes, ManyAxis{f.Name, f.Values})
		for i, r := range all {
			level := -1
			if r.Settings != nil {
				level = slices.Index(f.Values, f.Of(r))
			}
			m.Runs[i].Levels = append(m.Runs[i].Levels, level)
		}
	}
}

func (m *Many) effects(im study.Importance) {
	m.Mattered.Why, m.Mattered.What, m.Mattered.Says = im.Why, m.CurveOf, im.Says()
	if im.Variance == nil {
		return
	}
	m.Mattered.N = im.N
	for _, e := range im.Effects {
		m.Effects = append(m.Effects, ManyEffect{e.Name(), Num(e.Share), Num(e.Noise), e.DF})
	}
	if im.Seeds < 2 {
		m.Mattered.Noise = "Each combination was trained once, so the last interaction holds what is chance."
		return
	}
	m.Mattered.Noise = fmt.Sprintf("What the %d seeds of each combination differ in is chance, called seeds here; "+
		"what is no larger than it would be by chance alone says nothing.", im.Seeds)
	m.Effects = append(m.Effects, ManyEffect{"seeds", Num(im.Noise.Share), Num(math.NaN()), im.Noise.DF})
}

// failures lists what has not come to its end, what failed first.
func (m *Many) failures(all []*study.Run) {
	var open []*study.Run
	for _, r := range all {
		if !r.Trained() && r.State() != "imported" {
			open = append(open, r)
		}
	}
	first := func(r *study.Run) int {
		return slices.Index([]string{"failed", "unreadable", "stopped"}, r.State()) & 3
	}
	slices.SortStableFunc(open, func(a, b *study.Run) int { return cmp.Compare(first(a), first(b)) })
	for i, r := range open {
		if i == mostFailures {
			more := fmt.Sprintf("and %d more; see the table", len(open)-i)
			m.Failures = append(m.Failures, Fact{Name: "…", Text: more})
			break
		}
		text := r.Says()
		if f := r.Standing.Failure; f != nil && f.Epoch > 0 {
			text += fmt.Sprintf(" (in epoch %d)", f.Epoch)
		}
		m.Failures = append(m.Failures, Fact{Name: r.Name, Text: text})
	}
}

// curves reads the accuracy over the epochs of the best runs.
func (m *Many) curves(ctx context.Context, all, best []*study.Run, by string, t talk.Talk) error {
	order := slices.Clone(best)
	for _, r := range all {
		if r.Epochs > 0 && !slices.Contains(order, r) {
			order = append(order, r)
		}
	}
	m.CurvesOf = len(order)
	order = order[:min(len(order), mostCurves)]
	return talk.Parts(ctx, t, "reading curves", len(order), 1, func(i, _ int) error {
		f, err := runs.Open(order[i].Path)
		if err != nil {
			return nil // the table says so
		}
		metrics, err := f.Metrics()
		if err != nil || len(metrics) == 0 {
			return nil
		}
		c := ManyCurve{Run: slices.Index(all, order[i])}
		for _, e := range metrics {
			a := e.ValidationAccuracy
			if by == "accuracy" {
				a = e.TestAccuracy
			}
			v := math.NaN()
			if a != nil {
				v = *a
			}
			c.Values = append(c.Values, Num(v))
		}
		m.Curves = append(m.Curves, c)
		return nil
	})
}

// sheet draws the sheet of sheets.
func (m *Many) sheet(ctx context.Context, s *gallery.Sheets, none error, t talk.Talk) error {
	if none != nil {
		m.NoSheet = words.Line(none)
		return nil
	}
	d, err := s.Draw(ctx, t)
	var nothing *gallery.Nothing
	if errors.As(err, &nothing) {
		m.NoSheet = words.Line(nothing)
		return nil
	}
	if err != nil {
		return err
	}
	pic, err := d.PaintAlone()
	if err != nil {
		return err
	}
	var png bytes.Buffer
	if err := d.EncodeAlone(&png, pic); err != nil {
		return err
	}
	m.Sheet = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png.Bytes()))
	m.SheetSays = d.Figure.Title + ". " + d.Figure.Subtitle
	for _, row := range d.Words {
		m.SheetSays += ". " + row[0] + ": " + row[1]
	}
	return nil
}

// manyPage is what the template of the page of many runs sees.
type manyPage struct {
	*Many
	inline
}

// WriteMany writes the page of many runs: one HTML file that asks for nothing else.
func WriteMany(w io.Writer, m *Many) error {
	p := manyPage{Many: m}
	var err error
	p.inline, err = inlined(m, []string{"style.css", "runs.css"}, []string{"base.js", "charts.js", "runs.js"})
	if err != nil {
		return err
	}
	return fill(w, "runs.html", p)
}
