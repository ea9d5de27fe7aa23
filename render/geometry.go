package render

import "image"

// geometry is how a map of a sheet lies on the screen.
type geometry struct {
	w, h   int  // positions in a row and in a column, after folding
	n      int  // positions that hold a weight; the last row of a folded map may be short
	folded bool // a vector broken into rows, to be read like text
	box    int  // side of the square of positions whose mean is one cell; 1: none
	zx, zy int  // size of a cell in pixels
}

// longestStrip is the longest vector drawn as one strip of cells. A longer one
// is folded: as a strip it is either too thin to see or too wide for its page.
const longestStrip = 64

// unfold returns the layout of a map without its size on screen.
func unfold(width, height int) geometry {
	g := geometry{w: width, h: height, n: width * height, box: 1}
	if min(width, height) > 1 {
		return g
	}
	g.w, g.h = g.n, 1
	if g.n > longestStrip {
		g.w = foldWidth(g.n)
		g.h = (g.n + g.w - 1) / g.w
		g.folded = true
	}
	return g
}

// foldWidth returns the row length that breaks n positions into a block that is
// square or a little wider: a divisor of n when there is one, so that the block
// has no hole, else the root.
func foldWidth(n int) int {
	root := 1
	for root*root < n {
		root++
	}
	for w := root; w <= 2*root; w++ {
		if n%w == 0 {
			return w
		}
	}
	return root
}

// zoomed returns g with its width on screen as near to px as whole cells allow,
// not above it.
func (g geometry) zoomed(px int) geometry {
	return g.at(px/g.w, (g.w+px-1)/px)
}

// within returns g with its longer side on screen at most px, except that a map
// up to twice as long is shown pixel for pixel rather than averaged.
func (g geometry) within(px int) geometry {
	longest := max(g.w, g.h)
	if longest > px {
		px = min(2*px, longest)
	}
	return g.at(px/longest, (longest+px-1)/px)
}

// at returns g with the given zoom and box; below 1 counts as 1.
func (g geometry) at(zoom, box int) geometry {
	g.box = max(box, 1)
	g.zx = max(zoom, 1)
	g.zy = g.zx
	if g.h == 1 {
		// A strip of squares is a hairline; a quarter as high as wide reads.
		g.zy = max(g.zx, min(24, g.size().X/4), 6)
	}
	return g
}

// cells returns how many cells the map has on screen across and down.
func (g geometry) cells() image.Point {
	return image.Pt((g.w+g.box-1)/g.box, (g.h+g.box-1)/g.box)
}

// size returns the map's size on screen in pixels.
func (g geometry) size() image.Point {
	c := g.cells()
	return image.Pt(c.X*g.zx, c.Y*g.zy)
}

// held returns how many cells of row y hold a weight; the last row of a folded
// map may hold fewer than the others.
func (g geometry) held(y int) int {
	if y*g.box == g.h-1 {
		last := g.n - (g.h-1)*g.w
		return (last + g.box - 1) / g.box
	}
	return g.cells().X
}

// hatched says whether marks are drawn on the tiles: each cell then has room
// for a stroke beside its own colour.
func (g geometry) hatched() bool { return g.box == 1 && g.zx > 1 && g.zy > 1 }

// period is the distance of the strokes of the hatching in pixels, across; it
// is below zx+zy, so that every marked cell meets a stroke.
func (g geometry) period() int {
	switch z := min(g.zx, g.zy); {
	case z <= 4:
		return 4
	case z <= 8:
		return 6
	default:
		return 8
	}
}
