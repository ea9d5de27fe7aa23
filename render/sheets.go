package render

import (
	"fmt"
	"image"
	"slices"
)

// Sheets is a sheet of sheets, as a panel of a Figure that has its row to itself: small contact sheets of many
// networks in rows and columns, such as λ × learning rate, each with a line below it. Under Neuron each cell has its
// own scale, which ends at the 99.5th percentile of |w| in it and stands at the right of its line.
type Sheets struct {
	Title, Caption     string
	Key                string      // of the maps; see Figure.Numbers
	RowTitle, ColTitle string      // what the rows and the columns are: "l2", "lr"
	Rows, Cols         []string    // their names
	Width, Height      int         // of a map in positions
	Cells              []SheetCell // len(Rows)×len(Cols), row-major
	Colors             *Colors     // nil: as of a Sheet
}

// SheetCell is one network's part of a Sheets.
type SheetCell struct {
	Maps [][]float32 // each Height×Width, row-major; only read; none: the cell says why in Line
	Line string      // "97.9 %"
	Note string      // below it; "" for none
	Bold bool        // the line stands out
}

const (
	sheetsBudget = 1310 // pixels across: a page of 1406, which a laptop of 1440 shows whole
	sheetsNames  = 60   // of them kept for the names of rows
	sheetsGap    = 10
	sheetsRowGap = 9
	leastCell    = 28
)

// SheetsFit returns how many of n maps are drawn in each cell of so many columns; more are an error of the panel. All
// are, enlarged, where the cell has room; else as many as fit pixel for pixel into about a square.
func SheetsFit(columns, width, height, n int) int {
	g, across := fitCell(columns, width, height, n)
	return min(n, max(1, across*downOf(columns, g)))
}

// cellSide is the width of a cell in pixels.
func cellSide(columns int) int {
	return max(leastCell, min((sheetsBudget-sheetsNames+sheetsGap)/max(columns, 1)-sheetsGap, 420))
}

// sheetsGapIn is the white between the tiles of a cell.
func sheetsGapIn(g geometry) int { return min(g.zx, 3) }

// downOf is how many rows of tiles a cell has at most.
func downOf(columns int, g geometry) int {
	return max(1, (cellSide(columns)*23/20+sheetsGapIn(g))/(g.size().Y+sheetsGapIn(g)))
}

// fitCell chooses the size of the tiles, and how many stand in a row.
func fitCell(columns, width, height, n int) (g geometry, across int) {
	side := cellSide(columns)
	g = unfold(width, height)
	for zoom := max(1, min(84, side)/max(g.w, g.h)); zoom >= 1; zoom-- {
		g = g.at(zoom, 1)
		across = (side + sheetsGapIn(g)) / (g.size().X + sheetsGapIn(g))
		if across >= 1 && across*downOf(columns, g) >= n {
			if wide := (n + across - 1) / across; wide > 0 { // as square as it can be
				for across > 1 && (n+across-2)/(across-1) <= across-1 {
					across--
				}
			}
			return g, across
		}
	}
	if across < 1 { // not even one pixel for pixel
		g = g.within(side)
		if g.size().X > side {
			g = g.at(1, (g.w+side-1)/side)
		}
		across = max(1, (side+sheetsGapIn(g))/(g.size().X+sheetsGapIn(g)))
	}
	return g, across
}

func (s Sheets) heading() (string, string) { return s.Title, s.Caption }

func (s Sheets) check() error {
	if len(s.Rows) == 0 || len(s.Cols) == 0 || len(s.Rows) > maxSide || len(s.Cols) > maxSide {
		return fmt.Errorf("sheets of %d×%d, want 1 to %d rows and columns", len(s.Rows), len(s.Cols), maxSide)
	}
	if want := len(s.Rows) * len(s.Cols); len(s.Cells) != want {
		return fmt.Errorf("%d cells, want %d×%d = %d", len(s.Cells), len(s.Rows), len(s.Cols), want)
	}
	if s.Width < 1 || s.Height < 1 || s.Width > maxPositions || s.Height > maxPositions ||
		int64(s.Width)*int64(s.Height) > maxPositions {
		return fmt.Errorf("maps of %d×%d (height×width), want 1 to %d weights", s.Height, s.Width, maxPositions)
	}
	for _, text := range slices.Concat(s.Rows, s.Cols, []string{s.RowTitle, s.ColTitle}) {
		if len(text) > maxLabel {
			return fmt.Errorf("%.40q: %d bytes, the limit is %d", text, len(text), maxLabel)
		}
	}
	fit := SheetsFit(len(s.Cols), s.Width, s.Height, s.most())
	for i, c := range s.Cells {
		if len(c.Maps) > fit {
			return fmt.Errorf("cell %d: %d maps, room is for %d; see SheetsFit", i, len(c.Maps), fit)
		}
		for k, m := range c.Maps {
			if err := (Tile{Map: m, Lines: []string{c.Line, c.Note}}).check(s.Height, s.Width); err != nil {
				return fmt.Errorf("cell %d, map %d: %w", i, k, err)
			}
		}
	}
	return nil
}

// most is how many maps the fullest cell has.
func (s Sheets) most() int {
	n := 1
	for _, c := range s.Cells {
		n = max(n, len(c.Maps))
	}
	return n
}

func (s Sheets) coloured() (*Colors, [][]float32) {
	var maps [][]float32
	for _, c := range s.Cells {
		maps = append(maps, c.Maps...)
	}
	if s.Colors == nil {
		return weightColors(), maps
	}
	return s.Colors, maps
}

// sheetsLook is how the cells lie.
type sheetsLook struct {
	geometry
	across  int         // tiles in a row of a cell
	cell    image.Point // of the tiles of a cell, in pixels
	pitch   image.Point // from a cell to the next
	left    int         // pixels of the names of rows
	top     int         // of those of columns
	noted   bool
	limited bool // each cell has its own scale
}

var sheetsLine = style{size: 11.5}

func (s Sheets) look(r request) sheetsLook {
	var l sheetsLook
	l.geometry, l.across = fitCell(len(s.Cols), s.Width, s.Height, s.most())
	l.across = min(l.across, s.most())
	tile := l.geometry.size()
	down := (s.most() + l.across - 1) / l.across
	gap := sheetsGapIn(l.geometry)
	l.cell = image.Pt(l.across*(tile.X+gap)-gap, down*(tile.Y+gap)-gap)
	for _, name := range append(slices.Clone(s.Rows), s.RowTitle) {
		l.left = max(l.left, min(r.ts.width(r.ts.cleanLine(name), nameStyle), widestName)+10)
	}
	for _, c := range s.Cells {
		l.noted = l.noted || c.Note != ""
	}
	l.limited = r.colors.Scale == Neuron
	l.top = nameStyle.leading() + 4
	if s.ColTitle != "" {
		l.top += nameStyle.leading()
	}
	under := labelTop + sheetsLine.leading()
	if l.noted {
		under += noteStyle.leading()
	}
	l.pitch = image.Pt(max(l.cell.X, min(cellSide(len(s.Cols)), 100))+sheetsGap, l.cell.Y+under+sheetsRowGap)
	return l
}

func (s Sheets) plan(r request) view {
	l := s.look(r)
	g := grid{geometry: l.geometry, n: len(s.Cells), cols: len(s.Cols), rows: len(s.Rows)}
	v := view{
		size: image.Pt(l.left+len(s.Cols)*l.pitch.X-sheetsGap, l.top+len(s.Rows)*l.pitch.Y-sheetsRowGap),
		grid: g, sheet: &g, remarks: r.remarks(Sheet{Width: s.Width, Height: s.Height}, g, "weights"),
	}
	for i, e := range v.remarks {
		if e.text == ownScaleRemark {
			v.remarks[i].text = fmt.Sprintf("each network has its own scale, which ends at the %gth percentile of its "+
				"|weight|: ± the number under it", percentile*100)
		}
	}
	v.place = func(p *page, picture *Picture, at image.Point) {
		s.placeNames(p, l, at)
		next := 0
		for i, c := range s.Cells {
			box := at.Add(image.Pt(l.left+i%len(s.Cols)*l.pitch.X, l.top+i/len(s.Cols)*l.pitch.Y))
			limit := s.placeCell(p, picture, r, l, i, next, box)
			next += len(c.Maps)
			s.placeLine(p, l, c, limit, box)
		}
	}
	return v
}

// placeNames sets the names of the rows and the columns.
func (s Sheets) placeNames(p *page, l sheetsLook, at image.Point) {
	base := at.Y + nameStyle.ascent()
	bold := nameStyle
	bold.bold = true
	if s.ColTitle != "" {
		p.text(p.ts.cleanLine(s.ColTitle)+" →", nameStyle, faint, at.X+l.left, base)
		base += nameStyle.leading()
	}
	if s.RowTitle != "" {
		p.text(p.ts.ellipsisBeyond(p.ts.cleanLine(s.RowTitle)+" ↓", nameStyle, l.left), nameStyle, faint, at.X, base)
	}
	for k, name := range s.Cols {
		name = p.ts.ellipsisBeyond(p.ts.cleanLine(name), bold, l.pitch.X-4)
		p.text(name, bold, ink, at.X+l.left+k*l.pitch.X, base)
	}
	for i, name := range s.Rows {
		y := at.Y + l.top + i*l.pitch.Y + bold.ascent()
		p.text(p.ts.ellipsisBeyond(p.ts.cleanLine(name), bold, l.left-6), bold, ink, at.X, y)
	}
}

// placeCell sets the maps of a cell, first being the number of its first map, and returns where their colours end.
func (s Sheets) placeCell(
	p *page, picture *Picture, r request, l sheetsLook, cell, first int, at image.Point,
) (limit float64) {
	maps := s.Cells[cell].Maps
	switch {
	case l.limited:
		limit = scale(maps, Percentile, 0).shared
	case len(maps) > 0:
		limit = r.scaling.limits[first]
	}
	size, gap := l.geometry.size(), sheetsGapIn(l.geometry)
	if len(maps) > 0 { // one frame round all: those of neighbours would lie on each other
		p.frames = append(p.frames, image.Rectangle{Max: l.cell}.Add(at))
	}
	for k, m := range maps {
		item := mapItem{
			at:       at.Add(image.Pt(k%l.across*(size.X+gap), k/l.across*(size.Y+gap))),
			geometry: l.geometry, weights: m, limit: limit, colormap: r.colors.Map,
		}
		p.maps = append(p.maps, item)
		picture.Tiles = append(picture.Tiles, TileBox{
			Panel: r.index, Tile: first + k,
			Name: fmt.Sprintf("%s, %s: %d", s.Rows[cell/len(s.Cols)], s.Cols[cell%len(s.Cols)], k),
			Rect: item.rect(), Cell: image.Pt(l.zx, l.zy), Box: l.box, Limit: limit, Scale: r.colors.Scale,
			Map: item.colormap, geometry: l.geometry,
		})
	}
	return limit
}

// placeLine writes what stands under a cell, or in its place.
func (s Sheets) placeLine(p *page, l sheetsLook, c SheetCell, limit float64, at image.Point) {
	room := l.pitch.X - sheetsGap
	st := sheetsLine
	st.bold = c.Bold
	line := p.ts.cleanLine(c.Line)
	if len(c.Maps) == 0 {
		y := at.Y
		for _, text := range p.ts.wrap(line, noteStyle, room) {
			p.text(text, noteStyle, faint, at.X, y+noteStyle.ascent())
			y += noteStyle.leading()
		}
		return
	}
	y := at.Y + l.cell.Y + labelTop
	line, st = p.ts.fit(line, st, lastResort, room)
	p.text(line, st, ink, at.X, y+st.ascent())
	own := "±" + number(limit, 2)
	if both := p.ts.width(line, st) + 8 + p.ts.width(own, noteStyle); l.limited && both <= room {
		p.textRight(own, noteStyle, faint, at.X+max(l.cell.X, both), y+st.ascent())
	}
	if c.Note != "" {
		note, st := p.ts.fit(p.ts.cleanLine(c.Note), noteStyle, lastResort, room)
		p.text(note, st, faint, at.X, y+sheetsLine.leading()+st.ascent())
	}
}

func (s Sheets) numbers() []Numbers {
	var all []float64
	for _, c := range s.Cells {
		for _, m := range c.Maps {
			all = append(all, floats(m)...)
		}
	}
	return []Numbers{{s.Key, all}}
}
