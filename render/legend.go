package render

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"strings"
)

// entry is one remark of a legend: a sample of what it explains, if that can be
// shown, and words.
type entry struct {
	sample *mapItem
	text   string
	folds  bool // says how a list is broken into rows
	counts bool // says what holds for these values only
}

// headingsRemark says how to read the numbers along the edges of a grid.
const headingsRemark = "number of a neuron = number at the left + number at the top"

// ownScaleRemark says what Neuron does.
const ownScaleRemark = "each map has its own scale: ± the number under it"

// remarks explains everything about the maps of s in the grid g that is not
// plain: scale, averaging, folding, marks, what is not finite, headings. noun is
// what their values are.
func (r request) remarks(s Sheet, g grid, noun string) []entry {
	sc := r.scaling
	var list []entry
	say := func(format string, args ...any) {
		list = append(list, entry{text: fmt.Sprintf(format, args...), counts: true})
	}
	if g.headings {
		list = append(list, entry{text: headingsRemark})
	}
	if r.colors.Scale == Neuron {
		list = append(list, entry{text: ownScaleRemark})
	}
	switch {
	case r.colors.Scale == Percentile && r.colors.Limit == 0 && sc.beyond > 0:
		say("the scale ends at the %gth percentile of |%s|; the %s of %s %s beyond it have the colour of the end",
			percentile*100, strings.TrimSuffix(noun, "s"), grouped(sc.beyond), grouped(sc.total), noun)
	case sc.beyond > 0:
		say("the %s of %s %s beyond the scale have the colour of its end", grouped(sc.beyond), grouped(sc.total), noun)
	}
	switch box := g.geometry.box; {
	case box > 1 && g.geometry.h == 1:
		say("each cell is the mean of %d %s", box, noun)
	case box > 1:
		say("each pixel is the mean of %d×%d %s", box, box, noun)
	}
	if sc.shared == 0 && sc.total > sc.notFinite {
		say("all %s are 0", noun)
	}
	if g.geometry.h == 1 && g.geometry.w > 1 {
		list = append(list, entry{folds: true, text: fmt.Sprintf("each map is a list of %d %s, the first at the left",
			g.geometry.n, noun)})
	}
	if g.geometry.folded {
		list = append(list, entry{folds: true, text: fmt.Sprintf("each map is a list of %d %s in rows of %d, to be "+
			"read like text", g.geometry.n, noun, g.geometry.w)})
	}
	if s.Mark != nil {
		list = append(list, r.markEntry(s, g.geometry))
	}
	if sc.notFinite > 0 {
		verb := "are"
		if sc.notFinite == 1 {
			verb = "is"
		}
		list = append(list, entry{
			sample: &mapItem{
				geometry: geometry{w: 1, h: 1, n: 1, box: 1, zx: swatch, zy: swatch},
				weights:  []float32{float32(math.NaN())},
				colormap: r.colors.Map,
			},
			counts: true,
			text: fmt.Sprintf("%s of %s %s %s not finite (NaN or infinite)", grouped(sc.notFinite), grouped(sc.total),
				noun, verb),
		})
	}
	return list
}

const (
	swatch  = 12 // side of a colour sample in pixels
	keySide = 32 // positions on the longer side of the map that shows where marks are
)

// markEntry explains the hatching by a hatched sample, or, when tiles are too
// small to be hatched, by a map of the marked positions.
func (r request) markEntry(s Sheet, g geometry) entry {
	label := r.ts.clean(cmp.Or(s.MarkLabel, "marked positions"))
	if g.hatched() {
		all := geometry{w: 1, h: 1, n: 1, box: 1, zx: swatch, zy: swatch}
		return entry{
			sample: &mapItem{geometry: all, weights: []float32{0}, colormap: r.colors.Map, mark: []bool{true}},
			text:   label,
		}
	}
	// A mean over a block of the key's positions is marked if one of them is.
	full := unfold(s.Width, s.Height)
	block := (max(full.w, full.h) + keySide - 1) / keySide
	key := geometry{w: (full.w + block - 1) / block, h: (full.h + block - 1) / block, box: 1}
	key.n = key.w * key.h
	mark := make([]bool, key.n)
	for i, m := range s.Mark {
		if m {
			mark[i/full.w/block*key.w+i%full.w/block] = true
		}
	}
	return entry{
		sample: &mapItem{
			geometry: key.at(max(2*keySide/max(key.w, key.h), 2), 1),
			weights:  make([]float32, key.n), colormap: r.colors.Map, mark: mark,
		},
		text: label + ": where this map is hatched, in every tile",
	}
}

// legend sets entries one after the other in as many lines as they need.
func (p *page) legend(list []entry, x, y, width int) {
	const between, toText = 28, 7
	at, lowest := x, y+noteStyle.leading()
	for _, e := range list {
		indent := 0
		if e.sample != nil {
			indent = e.sample.geometry.size().X + toText
		}
		if w := indent + p.ts.width(e.text, noteStyle); at > x && at+w > x+width {
			at, y = x, lowest+6
		}
		if e.sample != nil {
			m := *e.sample
			m.at = image.Pt(at, y+2)
			p.tile(m)
			lowest = max(lowest, m.rect().Max.Y+4)
		}
		lines := p.ts.wrap(e.text, noteStyle, x+width-at-indent)
		lowest = max(lowest, p.paragraph(lines, noteStyle, faint, at+indent, y))
		at += indent + p.ts.width(e.text, noteStyle) + between
	}
}
