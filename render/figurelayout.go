package render

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// item is a panel being laid out.
type item struct {
	panel          Panel
	title, caption string
	colors         *Colors // nil: none
	maps           [][]float32
	scaling        scaling
	ownBar         bool
	index          int // TileBox.Panel
	view           view
	width          int
}

func (it *item) glyph() bool {
	_, is := it.panel.(Glyph)
	return is
}

// bar returns the bar of the item's colours.
func (it *item) bar(ts *typesetter) bar { return it.colors.bar(ts, it.scaling) }

// layOut places everything, and fails if the picture would be too large.
func (f Figure) layOut() (*page, *Picture, error) {
	if err := f.Validate(); err != nil {
		return nil, nil, err
	}
	ts, err := newTypesetter()
	if err != nil {
		return nil, nil, err
	}
	rows := f.items(ts)
	bars := scales(rows)
	planRows(ts, rows)
	width := minContent
	lines := make([][][]*item, len(rows))
	for i, row := range rows {
		lines[i] = breakLine(row)
		for _, line := range lines[i] {
			width = max(width, lineWidth(line))
		}
	}
	p, picture := &page{ts: ts}, &Picture{}
	y, gap := f.header(p, bars[-1], width), 0
	for i, row := range lines {
		for _, line := range row {
			y, gap = placeLine(p, picture, line, y+gap), figureRowGap
		}
		y = placeBars(p, bars[i], y, width)
	}
	y += 28
	if f.Caption != "" {
		y = p.paragraph(ts.balance(ts.clean(f.Caption), bodyStyle, min(width, textMeasure)), bodyStyle, ink, margin,
			y) + 8
	}
	items := slices.Concat(rows...)
	p.legend(figureLegend(ts, items), margin, y, width)
	largest := slices.MaxFunc(items, func(a, b *item) int {
		return cmp.Compare(a.view.size.X*a.view.size.Y, b.view.size.X*b.view.size.Y)
	})
	if err := p.close(largest.view.sheet); err != nil {
		return nil, nil, err
	}
	return p, picture, nil
}

// header sets the title and the bars that hold for more than a row; a single one
// stands at the title's right where the page is wide. It returns where the
// panels may begin.
func (f Figure) header(p *page, bars []*item, width int) int {
	title, subtitle := p.ts.clean(f.Title), p.ts.clean(f.Subtitle)
	end := margin
	if len(bars) == 1 && width >= beside {
		end = p.titleBlock(title, subtitle, margin, margin, width-barWidth-sheetGap)
		end = max(end, p.bar(bars[0].bar(p.ts), margin+width-barWidth, margin+6, barWidth))
	} else {
		end = p.titleBlock(title, subtitle, margin, margin, width)
		end = placeBars(p, bars, end, width)
	}
	if end > margin {
		end += 26
	}
	return end
}

// items lists the panels, their texts fit for setting.
func (f Figure) items(ts *typesetter) [][]*item {
	index := 0
	rows := make([][]*item, len(f.Rows))
	for i, row := range f.Rows {
		for _, panel := range row {
			it := &item{panel: panel, index: index}
			it.title, it.caption = panel.heading()
			it.title, it.caption = ts.clean(it.title), ts.clean(it.caption)
			it.colors, it.maps = panel.coloured()
			rows[i] = append(rows[i], it)
			index++
		}
	}
	return rows
}

// scales works out what the colours of each panel stand for, and where the bars
// of colours that several panels share belong: by row, or −1 for the header,
// where the bar of colours that all panels share belongs too.
func scales(rows [][]*item) map[int][]*item {
	users := make(map[*Colors][]*item)
	row := make(map[*Colors]int)
	var order []*Colors
	panels := 0
	for i, items := range rows {
		for _, it := range items {
			if !it.glyph() {
				panels++
			}
			c := it.colors
			if c == nil {
				continue
			}
			if users[c] == nil {
				order = append(order, c)
				row[c] = i
			}
			users[c] = append(users[c], it)
			if row[c] != i {
				row[c] = -1
			}
		}
	}
	bars := make(map[int][]*item)
	for _, c := range order {
		var maps [][]float32
		for _, it := range users[c] {
			maps = append(maps, it.maps...)
		}
		sc := scale(maps, c.Scale, c.Limit)
		for _, it := range users[c] {
			it.scaling = sc
			it.scaling.limits, sc.limits = sc.limits[:len(it.maps)], sc.limits[len(it.maps):]
		}
		switch first := users[c][0]; {
		case c.NoBar:
		case len(users[c]) == panels:
			bars[-1] = append(bars[-1], first)
		case len(users[c]) == 1:
			first.ownBar = true
		default:
			bars[row[c]] = append(bars[row[c]], first)
		}
	}
	return bars
}

// planRows measures all panels. The maps of a row are as large as lets them all
// stand in one line; rows that allow large maps agree on a size, so that columns
// line up.
func planRows(ts *typesetter, rows [][]*item) {
	common := 0
	chosen := make([]int, len(rows))
	for i, row := range rows {
		for k, side := range sides {
			chosen[i] = k
			if planRow(ts, row, side) {
				break
			}
		}
		if chosen[i] <= agreed {
			common = max(common, chosen[i])
		}
	}
	for i, row := range rows {
		if chosen[i] < common {
			planRow(ts, row, sides[common])
		}
	}
}

// planRow measures the panels of a row, with maps of a given size, and says
// whether smaller ones would not help.
func planRow(ts *typesetter, row []*item, side int) bool {
	panels, alike, room := 0, true, figureBudget
	for _, it := range row {
		if it.glyph() {
			room = figureBudget - glyphRoom
		} else {
			panels++
		}
		alike = alike && it.alike(row[0])
	}
	if alike {
		room = alikeBudget
	}
	for _, it := range row {
		it.view = it.panel.plan(request{item: it, ts: ts, side: side, room: room, row: row, panels: panels})
		it.width = it.view.size.X
		if it.ownBar {
			it.width = max(it.width, minBar)
		}
		if it.title != "" || it.caption != "" {
			it.width = max(it.width, minCaption)
		}
	}
	return panels == 1 || alike || lineWidth(row) <= figureBudget
}

// breakLine cuts a row into lines of at most figureBudget pixels where it can. A
// glyph goes with the panel after it, and sheets that are alike stay together.
func breakLine(row []*item) [][]*item {
	var lines [][]*item
	start := 0
	for i := range row {
		if lineWidth(row[start:i+1]) <= figureBudget {
			continue
		}
		cut := i
		for cut > start && (row[cut-1].glyph() || row[cut-1].alike(row[cut])) {
			cut--
		}
		if cut > start {
			lines = append(lines, row[start:cut])
			start = cut
		}
	}
	if start < len(row) {
		lines = append(lines, row[start:])
	}
	return lines
}

func lineWidth(line []*item) int {
	w := 0
	for i, it := range line {
		w += it.width
		if i > 0 {
			w += gapBetween(line[i-1], it)
		}
	}
	return w
}

func gapBetween(a, b *item) int {
	if a.glyph() || b.glyph() {
		return glyphGap
	}
	if a.alike(b) {
		return sheetGap
	}
	return figureGap
}

// placeLine sets panels side by side: headings, then drawings at one height,
// each with its bar and its caption below. It returns where the lowest ends.
func placeLine(p *page, picture *Picture, line []*item, y int) int {
	xs := make([]int, len(line))
	for i, it := range line {
		xs[i] = margin
		if i > 0 {
			xs[i] = xs[i-1] + line[i-1].width + gapBetween(line[i-1], it)
		}
	}
	top := y
	for i, it := range line {
		lines, st := p.ts.shrinkWrap(it.title, headingStyle, 13, it.width)
		top = max(top, p.paragraph(lines, st, ink, xs[i], y))
	}
	if top > y {
		top += 6
	}
	end := top
	for i, it := range line {
		at := image.Pt(xs[i], top)
		if it.glyph() {
			at.Y += max(lower(line, i)-it.view.size.Y, 0) / 2
		}
		it.view.place(p, picture, at)
		bottom := at.Y + it.view.size.Y
		if it.ownBar {
			bottom = p.bar(it.bar(p.ts), xs[i], bottom+8, min(max(it.view.size.X, minBar), barWidth))
		}
		if it.caption != "" {
			bottom = p.paragraph(p.ts.wrap(it.caption, noteStyle, it.width), noteStyle, faint, xs[i], bottom+7)
		}
		end = max(end, bottom)
	}
	return end
}

// lower returns the height of the lower of the drawings beside item i.
func lower(line []*item, i int) int {
	h := math.MaxInt
	for _, k := range []int{i - 1, i + 1} {
		if k >= 0 && k < len(line) {
			h = min(h, line[k].view.size.Y)
		}
	}
	return h % math.MaxInt
}

// placeBars sets the bars of colours that several panels share below y, side by
// side, as many as fit a line, and returns where they end.
func placeBars(p *page, items []*item, y, width int) int {
	const barGap = 44
	x, end := margin, y
	for _, it := range items {
		if x > margin && x+barWidth > margin+width {
			x, y = margin, end
		}
		end = max(end, p.bar(it.bar(p.ts), x, y+14, barWidth))
		x += barWidth + barGap
	}
	return end
}

// figureLegend collects the remarks of all panels. One about values that does
// not hold for all coloured panels begins with the name of its colours, or of
// its panel.
func figureLegend(ts *typesetter, items []*item) []entry {
	coloured, holds := 0, make(map[string]int)
	for _, it := range items {
		if it.colors != nil {
			coloured++
		}
		for _, e := range it.view.remarks {
			holds[e.text]++
		}
	}
	var list []entry
	for _, it := range items {
		for _, e := range it.view.remarks {
			if e.counts && holds[e.text] < coloured {
				about := ts.cleanLine(it.colors.Name)
				if it.ownBar || about == "" {
					about = it.title
				}
				if about != "" {
					e.text = about + ": " + e.text
				}
			}
			if !slices.ContainsFunc(list, func(o entry) bool { return o.text == e.text }) {
				list = append(list, e)
			}
		}
	}
	return list
}
