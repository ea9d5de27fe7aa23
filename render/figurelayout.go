package render

import (
	"image"
	"math"
	"slices"
)

// item is a panel being laid out.
type item struct {
	panel          Panel
	title, caption string
	colors         *Colors // nil: none
	scaling        scaling
	ownBar         bool
	index          int
	view           view
	width          int
}

func (it *item) glyph() bool {
	_, is := it.panel.(Glyph)
	return is
}

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
	bars := f.scales(rows)
	var lines [][]*item
	var barsAfter [][]*item
	planRows(ts, rows)
	for i, row := range rows {
		broken := breakLine(row)
		for range broken {
			barsAfter = append(barsAfter, nil)
		}
		lines = append(lines, broken...)
		if len(broken) > 0 {
			barsAfter[len(lines)-1] = bars[i]
		}
	}
	p := &page{ts: ts}
	width := minContent
	for _, line := range lines {
		width = max(width, lineWidth(line))
	}
	y := p.titleBlock(ts.clean(f.Title), ts.clean(f.Subtitle), margin, margin, width)
	if y > margin {
		y += 26
	}
	y = placeBars(p, bars[-1], y, width)
	picture := &Picture{}
	for i, line := range lines {
		if i > 0 {
			y += figureRowGap
		}
		y = placeLine(p, picture, line, y)
		y = placeBars(p, barsAfter[i], y, width)
	}
	y += 28
	if f.Caption != "" {
		y = p.paragraph(ts.balance(ts.clean(f.Caption), bodyStyle, min(width, textMeasure)), bodyStyle, ink, margin, y) + 8
	}
	p.legend(figureLegend(ts, lines), margin, y, width)
	if err := p.close("use fewer panels, or smaller ones"); err != nil {
		return nil, nil, err
	}
	return p, picture, nil
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
			rows[i] = append(rows[i], it)
			index++
		}
	}
	return rows
}

// scales works out what the colours of each panel stand for, and where the bars
// of colours that several panels share belong: by row, or −1 for above all.
func (f Figure) scales(rows [][]*item) map[int][]*item {
	users := make(map[*Colors][]*item)
	values := make(map[*Colors][][]float32)
	row := make(map[*Colors]int)
	var order []*Colors
	for i, items := range rows {
		for _, it := range items {
			c, maps := it.panel.coloured()
			if it.colors = c; c == nil {
				continue
			}
			if users[c] == nil {
				order = append(order, c)
				row[c] = i
			}
			users[c] = append(users[c], it)
			values[c] = append(values[c], maps...)
			if row[c] != i {
				row[c] = -1
			}
		}
	}
	bars := make(map[int][]*item)
	for _, c := range order {
		sc := scale(values[c], c.scale(), c.Limit)
		for _, it := range users[c] {
			it.scaling = sc
		}
		switch {
		case c.NoBar:
		case len(users[c]) == 1:
			users[c][0].ownBar = true
		default:
			bars[row[c]] = append(bars[row[c]], users[c][0])
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
			if planRow(ts, row, side); lineWidth(row) <= figureBudget {
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

// planRow measures the panels of a row, with maps of a given size.
func planRow(ts *typesetter, row []*item, side int) {
	panels, room := 0, figureBudget
	for _, it := range row {
		if it.glyph() {
			room = figureBudget - glyphRoom
		} else {
			panels++
		}
	}
	for _, it := range row {
		r := request{ts: ts, scaling: it.scaling, side: side, room: room, alone: panels == 1, index: it.index}
		if it.colors != nil {
			r.colors = *it.colors
		}
		it.view = it.panel.plan(r)
		it.width = it.view.size.X
		if it.ownBar {
			it.width = max(it.width, minBar)
		}
		if it.title != "" || it.caption != "" {
			it.width = max(it.width, minCaption)
		}
	}
}

// breakLine cuts a row into lines of at most figureBudget pixels where a panel
// alone is not wider. A glyph goes with the panel after it.
func breakLine(row []*item) [][]*item {
	if len(row) == 0 {
		return nil
	}
	var lines [][]*item
	start := 0
	for i := 1; i < len(row); i++ {
		if lineWidth(row[start:i+1]) <= figureBudget {
			continue
		}
		cut := i
		for cut > start+1 && row[cut-1].glyph() {
			cut--
		}
		lines = append(lines, row[start:cut])
		start = cut
	}
	return append(lines, row[start:])
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
			b := it.colors.bar(p.ts, it.scaling)
			bottom = p.bar(b, xs[i], bottom+8, min(max(it.view.size.X, minBar), barWidth))
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

// placeBars sets the bars of colours that several panels share side by side, as
// many as fit a line, and returns where they end.
func placeBars(p *page, items []*item, y, width int) int {
	if len(items) == 0 {
		return y
	}
	const barGap = 44
	x, end := margin, y
	for _, it := range items {
		if x > margin && x+barWidth > margin+width {
			x, y = margin, end
		}
		end = max(end, p.bar(it.colors.bar(p.ts, it.scaling), x, y+10, min(barWidth, width)))
		x += barWidth + barGap
	}
	return end + 20
}

// figureLegend collects the remarks of all panels. One that holds for some of
// the values only begins with the name of their colours, or of their panel.
func figureLegend(ts *typesetter, lines [][]*item) []entry {
	items := slices.Concat(lines...)
	coloured := make(map[*Colors]bool)
	for _, it := range items {
		if it.colors != nil {
			coloured[it.colors] = true
		}
	}
	var list []entry
	for _, it := range items {
		for _, e := range it.view.remarks {
			if e.counts && len(coloured) > 1 {
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
