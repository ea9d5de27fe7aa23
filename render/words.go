package render

import (
	"cmp"
	"fmt"
	"image"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Glyph is a sign between two panels of a Figure: "×", "=", "+", "−", "→". It
// stands at half the height of the panel before it.
type Glyph string

var glyphStyle = style{size: 26, bold: true}

func (g Glyph) heading() (string, string)        { return "", "" }
func (g Glyph) coloured() (*Colors, [][]float32) { return nil, nil }

func (g Glyph) check() error {
	if n := utf8.RuneCountInString(string(g)); n < 1 || n > 2 {
		return fmt.Errorf("glyph of %d characters, want 1 or 2", n)
	}
	return nil
}

func (g Glyph) plan(r request) view {
	s := r.ts.cleanLine(string(g))
	return view{
		size: image.Pt(r.ts.width(s, glyphStyle), glyphStyle.leading()),
		place: func(p *page, _ *Picture, at image.Point) {
			p.text(s, glyphStyle, faint, at.X, at.Y+glyphStyle.ascent())
		},
	}
}

// Text is running text as a panel of a Figure. A newline begins a paragraph.
type Text struct {
	Title string
	Text  string
	Width int // longest line in pixels; 0: choose
}

func (t Text) heading() (string, string)        { return t.Title, "" }
func (t Text) coloured() (*Colors, [][]float32) { return nil, nil }

func (t Text) check() error {
	if t.Width < 0 || t.Width > maxSide {
		return fmt.Errorf("text %d pixels wide, want 1 to %d, or 0 to choose", t.Width, maxSide)
	}
	return checkTexts([]namedText{{"text", t.Text}})
}

const besideText = 300 // pixels across of text beside other panels

func (t Text) plan(r request) view {
	width := besideText
	if r.panels == 1 {
		width = textMeasure
	}
	width = min(cmp.Or(t.Width, width), r.room)
	var v view
	var paragraphs [][]string
	const between = 7
	for s := range strings.SplitSeq(r.ts.clean(t.Text), "\n") {
		lines := r.ts.wrap(s, bodyStyle, width)
		paragraphs = append(paragraphs, lines)
		for _, line := range lines {
			v.size.X = max(v.size.X, r.ts.width(line, bodyStyle))
		}
		v.size.Y += len(lines)*bodyStyle.leading() + between
	}
	v.size.Y -= between
	v.place = func(p *page, _ *Picture, at image.Point) {
		for _, lines := range paragraphs {
			at.Y = p.paragraph(lines, bodyStyle, ink, at.X, at.Y) + between
		}
	}
	return v
}

// Table is a few rows of text as a panel of a Figure. A column whose cells are
// all numbers is set to the right. A cell wraps rather than being cut.
type Table struct {
	Title, Caption string
	Header         []string   // nil: none
	Rows           [][]string // of equal length
}

func (t Table) heading() (string, string)        { return t.Title, t.Caption }
func (t Table) coloured() (*Colors, [][]float32) { return nil, nil }

const (
	maxTableRows = 512
	maxTableCols = 32
	cellGap      = 22
)

func (t Table) check() error {
	if len(t.Rows) == 0 || len(t.Rows) > maxTableRows {
		return fmt.Errorf("a table of %d rows, want 1 to %d", len(t.Rows), maxTableRows)
	}
	cols := len(t.Rows[0])
	if cols == 0 || cols > maxTableCols {
		return fmt.Errorf("a table of %d columns, want 1 to %d", cols, maxTableCols)
	}
	if t.Header != nil && len(t.Header) != cols {
		return fmt.Errorf("a header of %d columns, want %d", len(t.Header), cols)
	}
	for i, row := range append([][]string{t.Header}, t.Rows...) {
		if i > 0 && len(row) != cols {
			return fmt.Errorf("row %d has %d columns, want %d", i-1, len(row), cols)
		}
		for k, s := range row {
			if len(s) > maxText {
				return fmt.Errorf("row %d, column %d has %d bytes, the limit is %d", i-1, k, len(s), maxText)
			}
		}
	}
	return nil
}

func (t Table) plan(r request) view {
	cols := len(t.Rows[0])
	share := max((r.room-(cols-1)*cellGap)/cols, 40)
	if r.panels > 1 {
		share = min(share, besideText)
	}
	rows := t.Rows
	if t.Header != nil {
		rows = append([][]string{t.Header}, rows...)
	}
	styleOf := func(i int) style { return style{size: 13, bold: i == 0 && t.Header != nil} }
	widths, right := make([]int, cols), make([]bool, cols)
	cells := make([][][]string, len(rows)) // per row and column, lines
	heights := make([]int, len(rows))
	for k := range cols {
		right[k] = numeric(t.Rows, k)
		for i, row := range rows {
			st := styleOf(i)
			lines := r.ts.wrap(r.ts.clean(row[k]), st, share)
			cells[i] = append(cells[i], lines)
			for _, s := range lines {
				widths[k] = max(widths[k], r.ts.width(s, st))
			}
			heights[i] = max(heights[i], max(len(lines), 1)*st.leading()+5)
		}
	}
	v := view{size: image.Pt(-cellGap, 0)}
	for _, w := range widths {
		v.size.X += w + cellGap
	}
	for _, h := range heights {
		v.size.Y += h
	}
	v.place = func(p *page, _ *Picture, at image.Point) {
		left := at.X
		for i, row := range cells {
			at.X = left
			st := styleOf(i)
			for k, lines := range row {
				for n, s := range lines {
					base := at.Y + n*st.leading() + st.ascent()
					if right[k] {
						p.textRight(s, st, ink, at.X+widths[k], base)
					} else {
						p.text(s, st, ink, at.X, base)
					}
				}
				at.X += widths[k] + cellGap
			}
			at.Y += heights[i]
			if i == 0 && t.Header != nil {
				p.fills = append(p.fills, fillItem{image.Rect(left, at.Y-4, left+v.size.X, at.Y-3), tick})
			}
		}
	}
	return v
}

// numeric says whether every cell of column k is a number, with or without a
// sign, groups, a unit behind a space or a per cent sign.
func numeric(rows [][]string, k int) bool {
	for _, row := range rows {
		s := strings.NewReplacer(minus, "-", "\u00a0", "", ",", "").Replace(row[k])
		s, _, _ = strings.Cut(strings.TrimSuffix(strings.TrimSpace(s), "%"), " ")
		if _, err := strconv.ParseFloat(s, 64); err != nil && s != "" && s != "–" {
			return false
		}
	}
	return true
}
