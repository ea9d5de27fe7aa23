package render

import (
	"fmt"
	"image"
	"slices"
)

// Row is several sheets side by side in one picture, such as the same neurons
// raw, learned and as they began. A panel's Title stands above it as a heading,
// its Caption below the heading as a sentence; its Subtitle is not used. Panels
// whose maps and tiles agree in size and number are laid out alike, so that the
// same neuron is at the same place in each.
type Row struct {
	Title    string
	Subtitle string
	Caption  string // one sentence under the picture
	Panels   []Sheet

	// CommonScale draws all panels to one limit, taken over all of them, with
	// one colour bar at the top, so that their colours can be compared. It
	// wants panels of equal Scale (not Neuron), Map and Limit, and takes the
	// bar's words from the first. Otherwise each panel has its own bar.
	CommonScale bool

	scaling *scaling // of a film, over all frames; nil: of what is drawn
	strip   int      // room kept free above the panels, in pixels
}

const (
	pageBudget = 1104 // pixels across that a sheet fills: ten tiles of 84 with their gaps
	rowBudget  = 1240 // the same for a row of sheets
	panelGap   = 56
	minContent = 460 // narrowest page without its margins: room for a title and the bar
	minPanel   = 200 // narrowest panel: room for its bar
	beside     = 860 // content width from which the bar stands beside the title
)

// Validate returns an error that says which panel is wrong, and how; nil if
// Draw can try.
func (r Row) Validate() error {
	if len(r.Panels) == 0 {
		return fmt.Errorf("render: a row without panels, want at least 1")
	}
	if err := checkTexts([]namedText{{"title", r.Title}, {"subtitle", r.Subtitle}, {"caption", r.Caption}}); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	for i, s := range r.Panels {
		err := s.check()
		if err == nil && r.CommonScale {
			err = s.shares(r.Panels[0])
		}
		if err != nil && len(r.Panels) > 1 {
			err = fmt.Errorf("panel %d (%.40q): %w", i, s.Title, err)
		}
		if err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	return nil
}

// shares says why s cannot be drawn to one scale with first.
func (s Sheet) shares(first Sheet) error {
	switch {
	case s.Scale == Neuron:
		return fmt.Errorf("scale neuron, whose tiles have each their own, in a row with a common scale; use shared or percentile")
	case s.Scale != first.Scale:
		return fmt.Errorf("scale %v, but the row has a common scale and panel 0 has %v", s.Scale, first.Scale)
	case s.Map != first.Map:
		return fmt.Errorf("colour map %v, but the row has a common scale and panel 0 has %v", s.Map, first.Map)
	case s.Limit != first.Limit:
		return fmt.Errorf("limit %v, but the row has a common scale and panel 0 has %v", s.Limit, first.Limit)
	}
	return nil
}

// Draw draws the row. It fails like Sheet.Draw.
func (r Row) Draw() (*Picture, error) {
	page, picture, err := r.layOut()
	if err != nil {
		return nil, err
	}
	picture.Image = page.paint()
	return picture, nil
}

// panel is a sheet being laid out.
type panel struct {
	sheet   *Sheet
	scaling scaling
	grid    grid
	width   int
	noun    string // what the values are; empty: "weights"
}

// layOut places everything, and fails if the picture would be too large.
func (r Row) layOut() (*page, *Picture, error) {
	if err := r.Validate(); err != nil {
		return nil, nil, err
	}
	ts, err := newTypesetter()
	if err != nil {
		return nil, nil, err
	}
	r = r.cleaned(ts)
	panels, err := r.plan(ts)
	if err != nil {
		return nil, nil, err
	}
	p := &page{ts: ts}
	width := -panelGap
	for _, q := range panels {
		width += q.width + panelGap
	}
	width = max(width, minContent)
	y := r.header(p, panels, width)
	if r.strip > 0 {
		p.strip = image.Rect(margin, y, margin+width, y+r.strip)
		y += r.strip
	}
	picture := &Picture{}
	y = r.placePanels(p, picture, panels, y)
	r.footer(p, panels, width, y)
	if err := p.close(sizeFix(panels[0].grid)); err != nil {
		return nil, nil, err
	}
	return p, picture, nil
}

// cleaned returns r with every text but those of the tiles fit for setting.
func (r Row) cleaned(ts *typesetter) Row {
	r.Title, r.Subtitle, r.Caption = ts.clean(r.Title), ts.clean(r.Subtitle), ts.clean(r.Caption)
	panels := make([]Sheet, len(r.Panels))
	for i, s := range r.Panels {
		for _, text := range []*string{&s.Title, &s.Caption, &s.Low, &s.High, &s.MarkLabel} {
			*text = ts.clean(*text)
		}
		panels[i] = s
	}
	r.Panels = panels
	return r
}

// plan works out the scale and the grid of each panel.
func (r Row) plan(ts *typesetter) ([]panel, error) {
	panels := make([]panel, len(r.Panels))
	r.planScales(panels)
	budget := pageBudget
	if n := len(panels); n > 1 {
		budget = max((rowBudget-(n-1)*panelGap)/n, minPanel)
	}
	for i := range panels {
		q := &panels[i]
		if q.width > 0 {
			continue // planned with an earlier one
		}
		group := alike(panels[i:])
		g := planGrid(ts, newGridRequest(ts, group, budget))
		if err := checkSize(int64(g.cols)*int64(g.pitch.X), int64(g.rows)*int64(g.pitch.Y), sizeFix(g)); err != nil {
			return nil, err
		}
		for k, member := range group {
			member.grid = g
			member.grid.offset = k * g.n
			member.width = g.size().X
			if len(panels) > 1 {
				member.width = max(member.width, minPanel)
			}
		}
	}
	return panels, nil
}

// planScales works out what the colours of each panel stand for.
func (r Row) planScales(panels []panel) {
	var all [][]float32
	for i := range r.Panels {
		panels[i].sheet = &r.Panels[i]
		if r.scaling != nil {
			panels[i].scaling = *r.scaling
			continue
		}
		if r.CommonScale {
			all = append(all, r.Panels[i].maps()...)
		} else {
			panels[i].scaling = r.Panels[i].scaling()
		}
	}
	if !r.CommonScale || r.scaling != nil {
		return
	}
	common := scale(all, r.Panels[0].Scale, r.Panels[0].Limit)
	for i := range panels {
		panels[i].scaling = common
		panels[i].scaling.limits = common.limits[:len(r.Panels[i].Tiles)]
	}
}

// alike returns the first panel and those after it that show the same neurons
// in maps of the same size.
func alike(panels []panel) []*panel {
	first := panels[0].sheet
	group := []*panel{&panels[0]}
	for i := range panels[1:] {
		s := panels[1+i].sheet
		if s.Width == first.Width && s.Height == first.Height && s.Cols == first.Cols && s.TilePx == first.TilePx &&
			(s.Scale == Neuron) == (first.Scale == Neuron) &&
			slices.EqualFunc(s.Tiles, first.Tiles, func(a, b Tile) bool { return a.Name == b.Name }) {
			group = append(group, &panels[1+i])
		}
	}
	return group
}

// newGridRequest asks for one grid for panels that are alike.
func newGridRequest(ts *typesetter, group []*panel, budget int) gridRequest {
	s := group[0].sheet
	req := gridRequest{
		width: s.Width, height: s.Height, n: len(s.Tiles),
		cols: s.Cols, tilePx: s.TilePx, budget: budget,
	}
	if s.Scale == Neuron {
		req.must = 1
	}
	for _, q := range group {
		for i, t := range q.sheet.Tiles {
			var facts []string
			if s.Scale == Neuron {
				facts = append(facts, "±"+number(q.scaling.limits[i], 2))
			}
			for _, l := range t.Lines {
				facts = append(facts, ts.cleanLine(l))
			}
			req.names = append(req.names, ts.cleanLine(t.Name))
			req.facts = append(req.facts, facts)
		}
	}
	return req
}

// header sets the title, and at its right, or below it on a narrow page, the
// colour bar, if there is one for all panels. It returns where tiles may begin.
func (r Row) header(p *page, panels []panel, width int) int {
	switch {
	case !r.oneBar(panels):
		return p.titleBlock(r.Title, r.Subtitle, margin, margin, width) + 26
	case width >= beside:
		end := p.titleBlock(r.Title, r.Subtitle, margin, margin, width-barWidth-panelGap)
		barEnd := p.bar(panels[0].bar(), margin+width-barWidth, margin+6, barWidth)
		return max(end, barEnd) + 26
	default:
		end := p.titleBlock(r.Title, r.Subtitle, margin, margin, width)
		return p.bar(panels[0].bar(), margin, end+14, min(width, barWidth)) + 26
	}
}

// oneBar says whether one colour bar holds for all panels; it does also when
// every tile has its own scale and the bar only tells the colours apart.
func (r Row) oneBar(panels []panel) bool {
	if r.CommonScale || len(panels) == 1 {
		return true
	}
	first := panels[0].bar()
	for i := range panels {
		b := panels[i].bar()
		b.limit = first.limit
		if !b.own || b != first {
			return false
		}
	}
	return true
}

// bar returns the colour bar of a panel.
func (q *panel) bar() bar {
	b := bar{
		colormap: q.sheet.Map,
		limit:    q.scaling.shared,
		own:      q.sheet.Scale == Neuron,
		clipped:  q.scaling.beyond > 0,
		low:      q.sheet.Low,
		high:     q.sheet.High,
	}
	if b.low == "" {
		b.low = defaultLow
	}
	if b.high == "" {
		b.high = defaultHigh
	}
	return b
}

// placePanels sets headings, sentences, bars and tiles, each beginning at one
// height across all panels, and returns where the lowest ends.
func (r Row) placePanels(p *page, picture *Picture, panels []panel, y int) int {
	lowest := func(place func(q *panel, x, y int) int) {
		x, end := margin, y
		for i := range panels {
			end = max(end, place(&panels[i], x, y))
			x += panels[i].width + panelGap
		}
		y = end
	}
	top := y
	lowest(func(q *panel, x, y int) int {
		lines, st := p.ts.shrinkWrap(q.sheet.Title, headingStyle, 13, q.width)
		return p.paragraph(lines, st, ink, x, y)
	})
	lowest(func(q *panel, x, y int) int {
		lines := p.ts.wrap(q.sheet.Caption, noteStyle, q.width)
		return p.paragraph(lines, noteStyle, faint, x, y+min(len(lines), 1)*2)
	})
	if y > top {
		y += 14
	}
	if !r.oneBar(panels) {
		lowest(func(q *panel, x, y int) int {
			return p.bar(q.bar(), x, y, min(q.width, barWidth)) + 16
		})
	}
	index := 0
	lowest(func(q *panel, x, y int) int {
		q.placeTiles(p, picture, index, image.Pt(x, y))
		index++
		return y + q.grid.size().Y
	})
	return y
}

// placeTiles sets the maps of one panel, their labels and headings.
func (q *panel) placeTiles(p *page, picture *Picture, index int, at image.Point) {
	g := q.grid
	g.placeHeadings(p, at)
	for i, t := range q.sheet.Tiles {
		r := g.tile(at, i)
		m := mapItem{at: r.Min, geometry: g.geometry, weights: t.Map, limit: q.scaling.limits[i], colormap: q.sheet.Map}
		if g.geometry.hatched() {
			m.mark = q.sheet.Mark
		}
		p.tile(m)
		g.labels.place(p, g.offset+i, r.Min.X, r.Max.X, r.Max.Y)
		picture.Tiles = append(picture.Tiles, TileBox{
			Panel: index, Tile: i, Name: t.Name, Rect: r,
			Cell: image.Pt(g.geometry.zx, g.geometry.zy), Box: g.geometry.box,
			Limit: m.limit, Scale: q.sheet.Scale, Map: m.colormap,
			geometry: g.geometry, hatched: m.mark != nil,
		})
	}
}

// footer sets the caption and the legend.
func (r Row) footer(p *page, panels []panel, width, y int) {
	y += 28
	if r.Caption != "" {
		y = p.paragraph(p.ts.balance(r.Caption, bodyStyle, min(width, textMeasure)), bodyStyle, ink, margin, y) + 8
	}
	p.legend(r.legend(panels), margin, y, width)
}

// legend collects the remarks of all panels. One that does not hold for all of
// them begins with the heading of the panel it is about.
func (r Row) legend(panels []panel) []entry {
	holds := make(map[string]int)
	var all []entry
	var about []string
	for i := range panels {
		for _, e := range legendEntries(&panels[i]) {
			all = append(all, e)
			about = append(about, panels[i].sheet.Title)
			holds[e.text]++
		}
	}
	var list []entry
	for i, e := range all {
		if holds[e.text] < len(panels) && about[i] != "" {
			e.text = about[i] + ": " + e.text
		}
		if !slices.ContainsFunc(list, func(o entry) bool { return o.text == e.text }) {
			list = append(list, e)
		}
	}
	return list
}

// sizeFix says what makes a picture with this grid smaller.
func sizeFix(g grid) string {
	return fmt.Sprintf("use a smaller TilePx (now %d), other Cols (now %d), or fewer tiles at a time (now %d)",
		g.geometry.size().X, g.cols, g.n)
}
