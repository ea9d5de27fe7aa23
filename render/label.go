package render

import "strconv"

// labels says what is written under each tile, and how. It is one decision for
// a whole grid, so that baselines and sizes agree from tile to tile.
type labels struct {
	items  [][]string // per tile: its name if named, then its facts
	named  bool
	rows   []labelRow
	room   int // pixels across that a line may take
	width  int // pixels across that the longest line takes
	height int // pixels from the bottom of the map to the end of the last line
}

// labelRow is one line: an item at the left and, if right ≥ 0, one at the right
// edge of the map.
type labelRow struct {
	left, right int
	style       style
}

const (
	labelTop   = 3   // pixels between a map and its label
	lastResort = 8.0 // size at which a label is cut rather than made smaller
)

// labelLook is how much is written under a tile of a given width.
type labelLook struct {
	name, fact float64 // sizes
	rows       int     // lines at most
	between    int     // pixels kept free between neighbouring labels
}

func lookOf(tile int) labelLook {
	switch {
	case tile >= 140:
		return labelLook{name: 14, fact: 12.5, rows: 4, between: 16}
	case tile >= 72:
		return labelLook{name: 12, fact: 11, rows: 3, between: 10}
	case tile >= small:
		return labelLook{name: 10.5, fact: 10, rows: 2, between: 8}
	default:
		return labelLook{name: 9, fact: 9, rows: 1, between: 6}
	}
}

// small is the tile width in pixels below which facts are left out, and names
// too when the number of a neuron can be read from headings.
const small = 44

// planLabels decides the lines under tiles that are tile pixels wide and gap
// pixels apart. Items are in order of importance, the first must of them always
// shown. widen is by how much the gap has to grow for the widest line.
func planLabels(ts *typesetter, items [][]string, named bool, must, tile, gap int) (l labels, widen int) {
	look := lookOf(tile)
	l = labels{items: items, named: named, room: tile + gap - look.between}
	count := 0
	for _, it := range items {
		count = max(count, len(it))
	}
	for i := 0; i < count && len(l.rows) < max(look.rows, must); i++ {
		row := labelRow{left: i, right: -1, style: style{size: look.fact}}
		if i == 0 && named {
			row.style.size = look.name
		}
		if i+1 < count && l.paired(ts, i, tile, row.style) {
			row.right = i + 1
			i++
		}
		l.rows = append(l.rows, row)
	}
	// Room first: a label that is too wide at the smallest size moves the
	// tiles apart, up to what the eye still takes for a grid.
	for _, row := range l.rows {
		if need := l.longest(ts, row, style{size: smallest}); need > l.room+widen {
			widen = max(min(need, max(2*tile, 110))-l.room, 0)
		}
	}
	l.room += widen
	for i, row := range l.rows {
		for l.longest(ts, row, row.style) > l.room && row.style.size > lastResort {
			row.style.size -= 0.5
		}
		l.rows[i] = row
		l.width = max(l.width, min(l.longest(ts, row, row.style), l.room))
		l.height += row.style.leading()
	}
	if len(l.rows) > 0 {
		last := l.rows[len(l.rows)-1].style
		l.height += labelTop - last.leading() + last.ascent() + last.descent()
	}
	return l, widen
}

// paired says whether items i and i+1 fit side by side under every tile.
func (l labels) paired(ts *typesetter, i, tile int, st style) bool {
	for _, it := range l.items {
		if i+1 < len(it) && ts.width(it[i], st)+10+ts.width(it[i+1], st) > tile {
			return false
		}
	}
	return true
}

// longest returns the width of the widest text that stands alone on a row; a
// pair is known to fit.
func (l labels) longest(ts *typesetter, row labelRow, st style) int {
	w := 0
	for _, it := range l.items {
		if row.left < len(it) {
			w = max(w, ts.width(it[row.left], st))
		}
	}
	return w
}

// place writes the label of tile i below its map, which spans [left, right) and
// ends at y.
func (l labels) place(p *page, i, left, right, y int) {
	y += labelTop
	for _, row := range l.rows {
		base := y + row.style.ascent()
		c := faint
		if row.left == 0 && l.named {
			c = ink
		}
		if row.left < len(l.items[i]) {
			s, st := p.ts.fit(l.items[i][row.left], row.style, lastResort, l.room)
			p.text(s, st, c, left, base)
		}
		if row.right >= 0 && row.right < len(l.items[i]) {
			p.textRight(l.items[i][row.right], row.style, faint, right, base)
		}
		y += row.style.leading()
	}
}

// counted says whether the names are whole numbers that go up by one, so that
// headings can stand for them, and returns the first.
func counted(names []string) (first int, ok bool) {
	for i, name := range names {
		v, err := strconv.Atoi(name)
		if err != nil || strconv.Itoa(v) != name || v < 0 {
			return 0, false
		}
		if i == 0 {
			first = v
		}
		if v != first+i {
			return 0, false
		}
	}
	return first, len(names) > 1
}
