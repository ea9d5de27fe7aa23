package page

import (
	"context"
	"fmt"
	"math"
	"strings"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/render"
)

// Layout is how a sheet of sheets is to be laid out and to look; see study.Lay and gallery.Sheets.
type Layout struct {
	gallery.Style
	Rows, Cols  string
	Scale, Show string
	Neurons     int
}

// Of lays runs out.
func (l Layout) Of(all []*study.Run) (*gallery.Sheets, error) {
	if _, err := l.Map(); err != nil {
		return nil, err
	}
	g, err := study.Lay(all, l.Rows, l.Cols)
	if err != nil {
		return nil, err
	}
	s := sheetsOf(g)
	s.Style, s.Scale, s.Show, s.Neurons = l.Style, l.Scale, l.Show, l.Neurons
	return s, nil
}

// Draw draws the sheet of sheets of runs.
func (l Layout) Draw(ctx context.Context, all []*study.Run, t talk.Talk) (*gallery.Drawing, *render.Picture, error) {
	s, err := l.Of(all)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.Draw(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	pic, err := d.PaintAlone()
	return d, pic, err
}

// sheetsOf makes the sheet of sheets of runs that are laid out over two settings; how it looks is to be filled in.
func sheetsOf(g *study.Grid) *gallery.Sheets {
	by := "validation"
	if g.By != "validation" {
		by = "test"
	}
	shown, most, of := 0, 0, 0
	s := &gallery.Sheets{Row: g.Row, Col: g.Col, Rows: g.Rows, Cols: g.Cols, By: by, Scale: "cell"}
	for _, c := range g.Cells {
		cell := gallery.SheetsCell{Why: c.Why, Accuracy: math.NaN()}
		if c.Run != nil {
			shown++
			most = max(most, c.Of)
			of += c.Of
			cell.Run = c.Run.Path
			if a := c.Run.Accuracy; by == "test" && a != nil {
				cell.Accuracy = *a
			}
			if a := c.Run.Validation; by == "validation" && a != nil {
				cell.Accuracy = *a
			}
			var notes []string
			if !c.Run.Trained() {
				notes = append(notes, c.Run.State())
			}
			if c.Of > 1 {
				notes = append(notes, fmt.Sprintf("median of %d", c.Of))
			}
			cell.Note = strings.Join(notes, ", ")
		}
		s.Cells = append(s.Cells, cell)
	}
	over := g.Row
	if g.Col != "" {
		over += " × " + g.Col
	}
	count := words.Count(shown, "network")
	if of > shown {
		count = fmt.Sprintf("%d of %s", shown, words.Count(of, "network"))
	}
	s.Title = strings.Join(append(g.Shared, count+" over "+over), " · ")
	if most > 1 {
		s.Caption = fmt.Sprintf("Of several runs in a cell the one of median %s accuracy is shown.", by)
	}
	if len(g.Other) > 0 {
		s.Caption = strings.TrimSpace(s.Caption + " The runs of a cell differ in more than the seed: " +
			strings.Join(g.Other, ", ") + ".")
	}
	return s
}
