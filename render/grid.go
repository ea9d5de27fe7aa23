package render

import (
	"image"
	"math"
	"slices"
	"strconv"
)

// grid is where the tiles of one sheet lie: all the same size, row by row.
type grid struct {
	geometry   geometry
	n          int // tiles of one panel
	offset     int // index into labels of the panel's first tile
	cols, rows int
	pitch      image.Point // from a tile to the next
	labels     labels
	headings   bool        // numbers along the edges stand for names under tiles
	first      int         // the first of these numbers
	gutter     image.Point // their room at the left and at the top
}

// gridRequest is what a grid is planned from.
type gridRequest struct {
	width, height int        // of a map in positions
	n             int        // tiles of a panel
	names         []string   // per tile; the tiles of several panels that are alike follow each other
	facts         [][]string // per tile, in order of importance, at least must of them
	must          int        // how many facts have to be shown at any size
	cols, tilePx  int        // 0: choose
	budget        int        // pixels across to fill
}

// tileCap returns the largest side in pixels of one of n tiles when the size is
// ours to choose. For maps of 28×28 these are whole zooms: 20, 16, 12, 7, 5, 3,
// 2, 1.
func tileCap(n int) int {
	switch {
	case n <= 1:
		return 560
	case n <= 2:
		return 448
	case n <= 4:
		return 336
	case n <= 12:
		return 196
	case n <= 35:
		return 140
	case n <= 150:
		return 84
	case n <= 600:
		return 56
	default:
		return 28
	}
}

// planGrid chooses the size of the tiles, the number of columns and what is
// written under each tile.
func planGrid(ts *typesetter, r gridRequest) grid {
	g := unfold(r.width, r.height)
	if r.tilePx > 0 {
		return layGrid(ts, r, g.zoomed(r.tilePx))
	}
	g = g.within(min(tileCap(r.n), r.budget))
	for {
		out := layGrid(ts, r, g)
		size := out.size()
		if g.zx == 1 || size.X <= r.budget && (size.Y <= 2*r.budget || r.cols > 0) {
			return out
		}
		g = g.at(g.zx-1, g.box)
	}
}

// layGrid arranges tiles of a given size.
func layGrid(ts *typesetter, r gridRequest, g geometry) grid {
	out := grid{geometry: g, n: r.n}
	tile := g.size()
	gap := gapOf(tile.X)
	first, isCounted := counted(r.names[:r.n])
	out.headings = isCounted && tile.X < small
	named := !out.headings && slices.ContainsFunc(r.names, func(s string) bool { return s != "" })
	must := r.must
	items := make([][]string, len(r.names))
	for i, facts := range r.facts {
		if tile.X < small {
			facts = facts[:r.must]
		}
		if named {
			facts = append([]string{r.names[i]}, facts...)
		}
		items[i] = facts
	}
	if named {
		must++
	}
	var widen int
	out.labels, widen = planLabels(ts, items, named, must, tile.X, gap.X)
	gap.X += widen
	if out.labels.height > 0 {
		// A label has to be nearer to its tile than to the one below.
		gap.Y = max(gap.Y, 10)
	}
	out.pitch = tile.Add(gap)
	out.pitch.Y += out.labels.height
	out.cols = r.cols
	if out.cols == 0 {
		out.cols = columns(r.n, out.pitch, gap.X, r.budget)
	}
	out.cols = min(out.cols, r.n)
	out.rows = (r.n + out.cols - 1) / out.cols
	if out.headings {
		out.first = first
		out.gutter = headingGutter(ts, first+r.n)
	}
	return out
}

// gapOf returns the white between tiles of a given width.
func gapOf(tile int) image.Point {
	switch {
	case tile >= 140:
		return image.Pt(30, 28)
	case tile >= 72:
		return image.Pt(24, 20)
	case tile >= small:
		return image.Pt(16, 14)
	default:
		return image.Pt(6, 6)
	}
}

// columns chooses how many of n tiles stand in a row: what fills the budget,
// more when the grid would be much higher than wide, and a few more or fewer
// when the last row is then full.
func columns(n int, pitch image.Point, gap, budget int) int {
	most := max((budget+gap)/pitch.X, 1)
	square := int(math.Round(math.Sqrt(float64(n) * float64(pitch.Y) / float64(pitch.X))))
	if rows := (n + most - 1) / most; rows*pitch.Y > 2*budget {
		most = max(most, square)
	}
	most = min(most, n)
	for c := most + most/16; c*10 >= most*8; c-- {
		if n%c == 0 {
			return c
		}
	}
	rows := (n + most - 1) / most
	return (n + rows - 1) / rows
}

// size returns the room that the grid takes, labels and headings included. A
// label wider than its tile counts; white beside a narrower one does not, so
// that what is set above lines up with the last column.
func (g grid) size() image.Point {
	last := g.tile(image.Point{}, g.rows*g.cols-1)
	return image.Pt(last.Max.X+max(0, g.labels.width-last.Dx()), last.Max.Y+g.labels.height)
}

// tile returns where the map of tile i lies when the grid begins at at.
func (g grid) tile(at image.Point, i int) image.Rectangle {
	at = at.Add(g.gutter).Add(image.Pt(i%g.cols*g.pitch.X, i/g.cols*g.pitch.Y))
	return image.Rectangle{Max: g.geometry.size()}.Add(at)
}

// headingGutter returns the room of headings up to most.
func headingGutter(ts *typesetter, most int) image.Point {
	st := style{size: smallest}
	return image.Pt(ts.width(strconv.Itoa(most), st)+8, st.leading()+3)
}

// placeHeadings writes the numbers along the edges: at the left that of the
// first tile of each row, at the top what to add to it.
func (g grid) placeHeadings(p *page, at image.Point) {
	if !g.headings {
		return
	}
	st := style{size: smallest}
	widest := p.ts.width(strconv.Itoa(g.cols-1), st) + 4
	for c := 0; c < g.cols; c += every(widest, g.pitch.X) {
		r := g.tile(at, c)
		p.textCentred(strconv.Itoa(c), st, faint, (r.Min.X+r.Max.X)/2, r.Min.Y-6)
	}
	for row := 0; row < g.rows; row += every(st.leading(), g.pitch.Y) {
		r := g.tile(at, row*g.cols)
		base := (r.Min.Y + r.Max.Y + st.capHeight()) / 2
		p.textRight(strconv.Itoa(g.first+row*g.cols), st, faint, r.Min.X-8, base)
	}
}

// every returns the round step at which headings of a given size do not touch.
func every(size, pitch int) int {
	step := 1
	for _, m := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000} {
		if step = m; m*pitch >= size {
			break
		}
	}
	return step
}
