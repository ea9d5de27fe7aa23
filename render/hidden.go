package render

import (
	"cmp"
	"fmt"
	"image"
	"slices"
)

// HiddenGrid is the values of a layer, such as activations, one cell per neuron
// in rows to be read like text, as a panel of a Figure. A cell that is large
// enough carries its neuron's number; else numbers stand along the edges.
type HiddenGrid struct {
	Title, Caption string
	Key            string    // of its values; see Figure.Numbers
	Values         []float32 // one per neuron; only read
	Cols           int       // cells in a row; 0: choose, 10 for 100 neurons
	Colors         *Colors   // nil: own limit and bar; Ink unless a value is negative
	Highlight      []int     // neurons to outline
	Side           int       // width on screen in pixels; 0: choose
}

func (h HiddenGrid) heading() (string, string) { return h.Title, h.Caption }

func (h HiddenGrid) check() error {
	if len(h.Values) == 0 || len(h.Values) > maxPositions {
		return fmt.Errorf("a grid of %d neurons, want 1 to %d", len(h.Values), maxPositions)
	}
	if h.Cols < 0 {
		return fmt.Errorf("%d columns, want at least 1, or 0 to choose", h.Cols)
	}
	if i := slices.IndexFunc(h.Highlight, func(j int) bool { return j < 0 || j >= len(h.Values) }); i >= 0 {
		return fmt.Errorf("highlighted neuron %d, want 0 to %d", h.Highlight[i], len(h.Values)-1)
	}
	return checkSide(h.Side)
}

func (h HiddenGrid) coloured() (*Colors, [][]float32) {
	if h.Colors == nil {
		return inkColors(h.Values), [][]float32{h.Values}
	}
	return h.Colors, [][]float32{h.Values}
}

const (
	widestCell   = 40 // of a grid of few neurons
	numberedCell = 21 // narrowest cell with a number in it
)

func (h HiddenGrid) plan(r request) view {
	n := len(h.Values)
	g := geometry{n: n, w: cmp.Or(min(h.Cols, n), foldWidth(n))}
	g.h = (n + g.w - 1) / g.w
	g.folded = g.h > 1
	zoom := h.Side / g.w
	if h.Side == 0 {
		zoom = min(r.side/g.w, 2*r.side/g.h, widestCell)
	}
	zoom = max(zoom, 1)
	g.box, g.zx, g.zy = 1, zoom, zoom
	cells := grid{
		geometry: geometry{w: 1, h: 1, n: 1, box: 1, zx: zoom, zy: zoom}, n: n, cols: g.w, rows: g.h,
		pitch: image.Pt(zoom, zoom),
	}
	numbered := zoom >= numberedCell && r.ts.width(fmt.Sprint(n-1), style{size: smallest}) <= zoom-3
	if cells.headings = !numbered && n > 1; cells.headings {
		cells.gutter = headingGutter(r.ts, n)
	}
	v := r.mapView(Sheet{Tiles: []Tile{{Map: h.Values, Name: r.ts.clean(h.Title)}}}, g)
	v.remarks = slices.DeleteFunc(v.remarks, func(e entry) bool { return e.folds })
	if cells.headings {
		v.remarks = append(v.remarks, entry{text: headingsRemark})
	}
	v.size = v.size.Add(cells.gutter)
	place := v.place
	v.place = func(p *page, picture *Picture, at image.Point) {
		cells.placeHeadings(p, at)
		place(p, picture, at.Add(cells.gutter))
		picture.Tiles[len(picture.Tiles)-1].border = outlineWidth(zoom)
		for i, value := range h.Values {
			chosen := slices.Contains(h.Highlight, i)
			cell := cells.tile(at, i)
			if chosen {
				p.outline(cell, ink, outlineWidth(zoom))
			}
			if numbered {
				st := style{size: smallest, bold: chosen}
				p.textOver(fmt.Sprint(i), st, readableOn(r.colour(float64(value))), cell)
			}
		}
	}
	return v
}
