package render

import (
	"fmt"
	"image"
)

// Figure is rows of panels with a title and a caption: one picture that answers
// one question. A panel is a Map, Image, Thumbs, HiddenGrid, Sheet, Bars, Chart,
// Points, Matrix, Table, Text or Sheets, or a Glyph between two of them:
//
//	w := &render.Colors{Name: "weight", Low: "ink lowers z", High: "ink raises z"}
//	render.Figure{
//		Title: "What neuron 17 sees in this 3",
//		Rows: [][]render.Panel{{
//			render.Image{Title: "input x", Width: 28, Height: 28, Pixels: x},
//			render.Glyph("×"),
//			render.Map{Title: "weights w", Width: 28, Height: 28, Values: w17, Colors: w},
//			render.Glyph("="),
//			render.Map{Title: "x·w", Width: 28, Height: 28, Values: product},
//		}},
//	}.Draw()
//
// Maps are as large as lets the panels of a row stand side by side on a page
// 1280 pixels wide; a row that is still wider continues in the next line. A
// colour bar stands below the panel or the row whose colours it is, and in the
// header when they are those of all panels or of several rows.
type Figure struct {
	Title    string
	Subtitle string // which run, data, accuracy, scale
	Caption  string // under all panels: what to read off
	Rows     [][]Panel
}

// Panel is one of the types of this package that a Figure is made of. Each has
// a Title, a heading above it, and a Caption, a sentence below it; both wrap,
// and "" leaves them out.
type Panel interface {
	heading() (title, caption string)
	// check says what is wrong beside the heading and the colours.
	check() error
	// coloured returns what the panel's colours stand for, and the maps that
	// their scale is worked out over; nil without colours.
	coloured() (*Colors, [][]float32)
	// plan measures the panel.
	plan(r request) view
}

// request is what a panel is planned from.
type request struct {
	*item
	ts     *typesetter
	side   int     // longer side of a map in pixels
	room   int     // pixels across that the panel may take
	row    []*item // the panel and those beside it; the ones before it are planned
	panels int     // in the row, glyphs not counted
}

// view is a panel, measured: its drawing without heading, bar and caption.
type view struct {
	size    image.Point
	place   func(p *page, picture *Picture, at image.Point)
	remarks []entry
	grid    grid  // of a Sheet
	sheet   *grid // what makes it smaller, for an error; nil: nothing in particular
}

const (
	figureBudget = 1184 // pixels across: a page of 1280
	pageBudget   = 1104 // the same for a sheet alone: ten tiles of 84 with their gaps
	alikeBudget  = 1240 // for sheets that are alike and nothing else, whose tiles shall not shrink for that
	minContent   = 460  // narrowest page without its margins: room for a title and a bar
	beside       = 860  // content width from which a bar stands beside the title
	figureGap    = 36   // between panels
	sheetGap     = 56   // between sheets that are alike, which have gaps themselves
	glyphGap     = 14   // between a panel and a glyph
	glyphRoom    = 64   // of a glyph that begins a line, before the panel it goes with
	figureRowGap = 30
	minCaption   = 148 // narrowest room for a heading and a caption
	minBar       = 132 // narrowest bar whose three numbers fit
	minSheet     = 200 // narrowest room that a sheet is fitted into
	maxPanels    = 4096
)

// sides are the sizes tried for the maps of a row: whole zooms of 28×28.
var sides = []int{280, 252, 224, 196, 168, 140, 112}

const agreed = 3 // index into sides of the smallest map that rows agree on

// Validate returns an error that says which panel is wrong, and how; nil if
// Draw can try.
func (f Figure) Validate() error {
	if err := checkTexts([]namedText{
		{"title", f.Title},
		{"subtitle", f.Subtitle},
		{"caption", f.Caption},
	}); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	count := 0
	for i, row := range f.Rows {
		count += len(row)
		for k, p := range row {
			if p == nil {
				return fmt.Errorf("render: row %d, panel %d: nil", i, k)
			}
			if err := check(p); err != nil {
				name, _ := p.heading()
				if name != "" {
					name = fmt.Sprintf(" (%.40q)", name)
				}
				return fmt.Errorf("render: row %d, panel %d%s: %w", i, k, name, err)
			}
		}
	}
	if count == 0 || count > maxPanels {
		return fmt.Errorf("render: a figure of %d panels, want 1 to %d", count, maxPanels)
	}
	return nil
}

// check is Validate of a panel, without the package's name before its errors.
func check(p Panel) error {
	title, caption := p.heading()
	if err := checkTexts([]namedText{{"title", title}, {"caption", caption}}); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	c, maps := p.coloured()
	if c != nil && c.Scale == Neuron && !ownScale(p) {
		return fmt.Errorf("scale neuron, which is for the tiles of a sheet; use shared or percentile")
	}
	return c.check(maps)
}

// ownScale reports whether the maps of a panel may have each their own scale.
func ownScale(p Panel) bool {
	switch p.(type) {
	case Sheet, Sheets:
		return true
	}
	return false
}

// Draw draws the figure. It fails on what Validate refuses and, before the image
// is allocated, on a picture that no viewer would open.
func (f Figure) Draw() (*Picture, error) {
	page, picture, err := f.layOut()
	if err != nil {
		return nil, err
	}
	picture.Image = page.paint()
	return picture, nil
}
