package render

import (
	"fmt"
	"image"
)

// Figure is rows of panels with a title and a caption: one picture that answers
// one question. A panel is a Map, Image, Thumbs, HiddenGrid, Sheet, Bars, Chart,
// Matrix, Table or Text, or a Glyph between two of them:
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
// 1280 pixels wide; a row that is still wider continues in the next line.
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
	// check is Validate, without the package's name before its errors.
	check() error
	// coloured returns what the panel's colours stand for, and the values that
	// a limit is taken from; nil without colours.
	coloured() (*Colors, [][]float32)
	// plan measures the panel.
	plan(r request) view
}

// request is what a panel is planned from.
type request struct {
	ts      *typesetter
	colors  Colors
	scaling scaling
	side    int  // longer side of a map in pixels
	room    int  // pixels across that the panel may take
	alone   bool // no other panel beside it
	index   int  // TileBox.Panel
}

// view is a panel, measured: its drawing without heading, bar and caption.
type view struct {
	size    image.Point
	place   func(p *page, picture *Picture, at image.Point)
	remarks []entry
}

const (
	figureBudget = 1184 // pixels across: a page of 1280
	figureGap    = 36   // between panels
	glyphGap     = 14   // between a panel and a glyph
	glyphRoom    = 64   // of a glyph that begins a line, before the panel it goes with
	figureRowGap = 30
	minCaption   = 148 // narrowest room for a heading and a caption
	minBar       = 132 // narrowest bar whose three numbers fit
	maxPanels    = 4096
)

// sides are the sizes tried for the maps of a row: whole zooms of 28×28.
var sides = []int{280, 252, 224, 196, 168, 140, 112}

const agreed = 3 // index into sides of the smallest map that rows agree on

// Validate returns an error that says which panel is wrong, and how; nil if
// Draw can try.
func (f Figure) Validate() error {
	if err := checkTexts([]namedText{{"title", f.Title}, {"subtitle", f.Subtitle}, {"caption", f.Caption}}); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	count := 0
	for i, row := range f.Rows {
		count += len(row)
		for k, p := range row {
			if err := checkPanel(p); err != nil {
				return fmt.Errorf("render: row %d, panel %d%s", i, k, err)
			}
		}
	}
	if count == 0 || count > maxPanels {
		return fmt.Errorf("render: a figure of %d panels, want 1 to %d", count, maxPanels)
	}
	return nil
}

// checkPanel returns what is wrong with a panel, with its title before it.
func checkPanel(p Panel) error {
	if p == nil {
		return fmt.Errorf(": nil")
	}
	title, caption := p.heading()
	c, _ := p.coloured()
	err := checkTexts([]namedText{{"title", title}, {"caption", caption}})
	if err == nil {
		err = p.check()
	}
	if err == nil {
		err = c.check()
	}
	switch {
	case err == nil:
		return nil
	case title == "":
		return fmt.Errorf(": %w", err)
	}
	return fmt.Errorf(" (%.40q): %w", title, err)
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
