package render

import (
	"fmt"
	"image"
	"math"
	"slices"
)

// Matrix is a table of numbers as colours, with a name for each row and column,
// such as class × neuron or answered × true, as a panel of a Figure. The number
// stands in its cell where there is room. A matrix too wide for the page is cut
// into bands, one below the other.
type Matrix struct {
	Title, Caption     string
	Key                string    // of its values; see Figure.Numbers
	RowTitle, ColTitle string    // what the rows and the columns are: "class", "neuron"
	Rows, Cols         []string  // their names
	Values             []float64 // len(Rows)×len(Cols), row-major; only read
	Texts              []string  // printed instead of the values; nil: two digits, or whole numbers
	Colors             *Colors   // nil: own limit and bar; Ink unless a value is negative
	NoNumbers          bool      // colours alone
}

func (m Matrix) heading() (string, string) { return m.Title, m.Caption }

func (m Matrix) check() error {
	if len(m.Rows) == 0 || len(m.Cols) == 0 || len(m.Rows) > maxSide || len(m.Cols) > maxSide {
		return fmt.Errorf("a matrix of %d×%d, want 1 to %d rows and columns", len(m.Rows), len(m.Cols), maxSide)
	}
	if want := len(m.Rows) * len(m.Cols); len(m.Values) != want {
		return fmt.Errorf("matrix has %d values, want %d×%d = %d", len(m.Values), len(m.Rows), len(m.Cols), want)
	}
	if m.Texts != nil && len(m.Texts) != len(m.Values) {
		return fmt.Errorf("%d texts, want %d, one per value", len(m.Texts), len(m.Values))
	}
	for _, s := range slices.Concat(m.Rows, m.Cols, m.Texts, []string{m.RowTitle, m.ColTitle}) {
		if len(s) > maxLabel {
			return fmt.Errorf("%.40q: %d bytes, the limit is %d", s, len(s), maxLabel)
		}
	}
	return nil
}

func (m Matrix) floats() []float32 {
	values := make([]float32, len(m.Values))
	for i, v := range m.Values {
		values[i] = float32(v)
	}
	return values
}

func (m Matrix) coloured() (*Colors, [][]float32) {
	values := m.floats()
	if m.Colors == nil {
		return inkColors(values), [][]float32{values}
	}
	return m.Colors, [][]float32{values}
}

// matrixLook is how a matrix is set.
type matrixLook struct {
	cell     image.Point // size in pixels
	band     int         // columns in a band
	bands    int
	rowNames int // pixels across
	top      int // pixels above the cells of a band: titles and names of columns
	every    int // every so many columns have their name written; 0: none
	numbered bool
	texts    []string
}

const (
	bandGap     = 16
	widestName  = 120 // of a row or a column, in pixels
	shortName   = 36  // narrowest column with a name cut short
	thinnest    = 5   // narrowest column without a name
	tallestCell = 28
)

var (
	cellStyle = style{size: 10}
	nameStyle = style{size: 11}
)

func (m Matrix) look(r request) matrixLook {
	ts := r.ts
	var l matrixLook
	write := numbers(m.Values, 2)
	number := 0
	for i, v := range m.Values {
		s := write(v)
		if m.Texts != nil {
			s = ts.cleanLine(m.Texts[i])
		}
		l.texts = append(l.texts, s)
		number = max(number, ts.width(s, cellStyle)+8)
	}
	name := 0
	for _, s := range m.Cols {
		name = max(name, min(ts.width(ts.cleanLine(s), nameStyle), widestName)+8)
	}
	for _, s := range append(slices.Clone(m.Rows), m.RowTitle) {
		l.rowNames = max(l.rowNames, min(ts.width(ts.cleanLine(s), nameStyle), widestName))
	}
	l.rowNames += 7
	room := r.room
	if r.panels > 1 {
		room = room * 11 / 20
	}
	room -= l.rowNames
	fits := func(w int) bool { return w*len(m.Cols) <= room }
	_, inOrder := counted(m.Cols)
	switch {
	case !m.NoNumbers && fits(max(number, name)):
		l.cell, l.every, l.numbered = image.Pt(max(number, name, 26), max(22, min(tallestCell, 22*10/len(m.Rows)))), 1,
			true
		if !fits(l.cell.X) {
			l.cell.X = room / len(m.Cols)
		}
	case !m.NoNumbers && fits(max(number, shortName)) && m.apart(ts, room/len(m.Cols)):
		// A long name is cut; in a matrix of classes the rows have it whole.
		l.cell, l.every, l.numbered = image.Pt(room/len(m.Cols), 20), 1, true
	case fits(name):
		l.cell, l.every = image.Pt(min(max(name, 22), room/len(m.Cols)), 18), 1
	case inOrder && fits(thinnest):
		l.cell = image.Pt(min(room/len(m.Cols), 22), 18)
		l.every = every(name, l.cell.X)
	case inOrder:
		l.cell = image.Pt(thinnest, 12)
		l.every = every(name, l.cell.X)
	default:
		// Names in any order: all are written, in as many bands as it takes,
		// unless the page would be far higher than wide.
		l.cell, l.every = image.Pt(name, 18), 1
		if bands := (len(m.Cols)*name + room - 1) / room; bands*(len(m.Rows)*18+50) > 2*room {
			l.cell, l.every = image.Pt(thinnest, 12), 0
		}
	}
	if len(m.Rows) > 1 {
		l.cell.Y = max(l.cell.Y, nameStyle.ascent()+nameStyle.descent())
	}
	l.band = min(max(room/l.cell.X, 1), len(m.Cols))
	l.bands = (len(m.Cols) + l.band - 1) / l.band
	l.band = (len(m.Cols) + l.bands - 1) / l.bands
	if m.ColTitle != "" {
		l.top += nameStyle.leading()
	}
	if l.every > 0 || m.RowTitle != "" {
		l.top += nameStyle.leading()
	}
	return l
}

// apart says whether the names of the columns still differ when they are cut to columns of a width in pixels.
func (m Matrix) apart(ts *typesetter, width int) bool {
	whole := map[string]string{}
	for _, s := range m.Cols {
		cut := ts.ellipsisBeyond(ts.cleanLine(s), nameStyle, width-4)
		if other, ok := whole[cut]; ok && other != s {
			return false
		}
		whole[cut] = s
	}
	return true
}

func (m Matrix) plan(r request) view {
	l := m.look(r)
	height := l.top + len(m.Rows)*l.cell.Y
	v := view{size: image.Pt(l.rowNames+l.band*l.cell.X, l.bands*(height+bandGap)-bandGap)}
	v.size.X = max(v.size.X, l.rowNames+r.ts.width(r.ts.cleanLine(m.ColTitle), nameStyle))
	v.remarks = r.remarks(Sheet{}, grid{geometry: geometry{w: 2, h: 2, n: 4, box: 1}}, "values")
	if l.numbered && r.colors.NoBar {
		v.remarks = nil // the numbers tell what the colours cannot
	}
	if l.every == 0 {
		v.remarks = append(v.remarks, entry{text: "columns are too many to be named; they stand in the order of the " +
			"data, band after band"})
	}
	v.place = func(p *page, picture *Picture, at image.Point) {
		for b := range l.bands {
			m.placeBand(p, picture, r, l, b, at)
			at.Y += height + bandGap
		}
	}
	return v
}

// placeBand sets band b with its names.
func (m Matrix) placeBand(p *page, picture *Picture, r request, l matrixLook, b int, at image.Point) {
	from, to := b*l.band, min((b+1)*l.band, len(m.Cols))
	n := to - from
	left, y := at.X+l.rowNames, at.Y
	if m.ColTitle != "" {
		p.text(p.ts.cleanLine(m.ColTitle), nameStyle, faint, left, y+nameStyle.ascent())
		y += nameStyle.leading()
	}
	base := y + nameStyle.ascent()
	if m.RowTitle != "" {
		p.textRight(p.ts.ellipsisBeyond(p.ts.cleanLine(m.RowTitle), nameStyle, widestName), nameStyle, faint, left-7,
			base)
	}
	for k := from; k < to && l.every > 0; k += l.every {
		s := p.ts.ellipsisBeyond(p.ts.cleanLine(m.Cols[k]), nameStyle, l.every*l.cell.X-4)
		x := left + (k-from)*l.cell.X + l.cell.X/2
		if half := p.ts.width(s, nameStyle) / 2; x-half >= left-4 && x+half <= left+n*l.cell.X+nameStyle.leading() {
			p.textCentred(s, nameStyle, ink, x, base)
		}
	}
	top := at.Y + l.top
	values := make([]float32, 0, n*len(m.Rows))
	for i, row := range m.Rows {
		name := p.ts.ellipsisBeyond(p.ts.cleanLine(row), nameStyle, widestName)
		p.textRight(name, nameStyle, ink, left-7, top+i*l.cell.Y+(l.cell.Y+nameStyle.capHeight())/2)
		for k := from; k < to; k++ {
			v := m.Values[i*len(m.Cols)+k]
			values = append(values, float32(v))
			cell := image.Rect(0, 0, l.cell.X, l.cell.Y).Add(image.Pt(left+(k-from)*l.cell.X, top+i*l.cell.Y))
			if l.numbered && !math.IsNaN(v) {
				p.textOver(l.texts[i*len(m.Cols)+k], cellStyle, readableOn(r.colour(v)), cell)
			}
		}
	}
	g := geometry{w: n, h: len(m.Rows), n: len(values), box: 1, zx: l.cell.X, zy: l.cell.Y}
	item := mapItem{
		at: image.Pt(left, top), geometry: g, weights: values, limit: r.scaling.shared,
		colormap: r.colors.Map,
	}
	p.tile(item)
	picture.Tiles = append(picture.Tiles, TileBox{
		Panel: r.index, Tile: b, Name: m.Title, Rect: item.rect(), Cell: l.cell, Box: 1,
		Limit: item.limit, Scale: r.colors.Scale, Map: r.colors.Map, geometry: g,
	})
}
