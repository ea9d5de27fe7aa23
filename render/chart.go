package render

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"

	"github.com/fogleman/gg"
)

// Chart is a line chart: by itself a picture, see Draw, and a panel of a Figure,
// in which its Subtitle is not used. Its axes are logarithmic, as for speeds over
// sizes, unless they are asked to be linear, as for accuracy over epochs.
type Chart struct {
	Title, Subtitle string
	Caption         string
	X, Y            string // what the axes show, with the unit
	Series          []Series
	LinearX         bool
	LinearY         bool
	Width           int // of the plot in pixels; 0: choose
}

// Series is one line of a Chart.
type Series struct {
	Name       string
	KeyX, KeyY string    // of X, "" when it only counts, and of Y; see Figure.Numbers
	X, Y       []float64 // finite, of equal length, positive on a logarithmic axis; X ascending
	// Low and High are the ends of the whiskers at each point; nil for none.
	Low, High []float64
}

const (
	plotWidth   = 640
	plotHeight  = 360
	plotBeside  = 330 // width of a plot beside other panels
	axisGap     = 8
	markRadius  = 3.5
	manyPoints  = 40 // a series of more is drawn without marks
	maxSeries   = 12
	longestName = 240 // of a series, in pixels
	maxPoints   = 1 << 20
)

// seriesColors are told apart by the colour-blind and, by lightness, in grey: blue, orange, green, and a dark grey. The
// fifth series takes the first again, with a broken line, and so on.
var seriesColors = []color.RGBA{
	{0x1f, 0x5f, 0xa8, 0xff}, {0xd9, 0x7c, 0x1a, 0xff}, {0x2a, 0x8c, 0x6b, 0xff}, {0x55, 0x55, 0x55, 0xff},
}

// dashes returns the lengths of strokes and gaps of series i; nil is a whole line.
func dashes(i int) []float64 {
	return [][]float64{nil, {7, 4}, {2, 3}}[i/len(seriesColors)]
}

// Validate returns an error that says which series is wrong, and how.
func (c Chart) Validate() error {
	if err := c.check(); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	return nil
}

func (c Chart) heading() (string, string)        { return c.Title, c.Caption }
func (c Chart) coloured() (*Colors, [][]float32) { return nil, nil }

func (c Chart) check() error {
	if len(c.Series) == 0 || len(c.Series) > maxSeries {
		return fmt.Errorf("a chart of %d series, want 1 to %d", len(c.Series), maxSeries)
	}
	if c.Width < 0 || c.Width > maxSide {
		return fmt.Errorf("a plot %d pixels wide, want 1 to %d, or 0 to choose", c.Width, maxSide)
	}
	for _, s := range c.Series {
		if len(s.X) == 0 || len(s.Y) != len(s.X) || s.Low != nil && len(s.Low) != len(s.X) || s.High != nil &&
			len(s.High) != len(s.X) {
			return fmt.Errorf("series %q: %d places, %d values, whiskers from %d to %d", s.Name, len(s.X), len(s.Y),
				len(s.Low), len(s.High))
		}
		if len(s.X) > maxPoints || len(s.Name) > maxLabel {
			return fmt.Errorf("series %.40q: %d points, the limit is %d; a name of %d bytes, the limit is %d", s.Name,
				len(s.X), maxPoints, len(s.Name), maxLabel)
		}
		if err := checkAxis(s.X, c.LinearX); err != nil {
			return fmt.Errorf("series %q: %w", s.Name, err)
		}
		if err := checkAxis(slices.Concat(s.Y, s.Low, s.High), c.LinearY); err != nil {
			return fmt.Errorf("series %q: %w", s.Name, err)
		}
	}
	return checkTexts([]namedText{{"x", c.X}, {"y", c.Y}})
}

func checkAxis(values []float64, linear bool) error {
	for _, v := range values {
		switch {
		case linear && (math.IsNaN(v) || math.Abs(v) > 1e300):
			return fmt.Errorf("%v on an axis, want a finite number", v)
		case !linear && (!(v > 0) || math.IsInf(v, 1)):
			return fmt.Errorf("%v on a logarithmic axis, want a positive number", v)
		}
	}
	return nil
}

// axis maps values to pixels.
type axis struct {
	lo, hi, from, to float64
	step             float64 // between two ticks; 0: logarithmic
}

// newAxis covers all values.
func newAxis(linear bool, values []float64, from, to float64) axis {
	if linear {
		return linearAxis(values, from, to)
	}
	return logAxis(values, from, to)
}

// logAxis covers all values, out to the next of 1, 2 and 5 times a power of ten.
func logAxis(values []float64, from, to float64) axis {
	a := axis{lo: roundLog(slices.Min(values), -1), hi: roundLog(slices.Max(values), 1), from: from, to: to}
	if a.lo == a.hi {
		a.lo, a.hi = a.lo/2, a.hi*2
	}
	return a
}

// linearAxis covers all values, out to the next multiple of a round step.
func linearAxis(values []float64, from, to float64) axis {
	a := axis{lo: slices.Min(values), hi: slices.Max(values), from: from, to: to}
	if a.hi-a.lo <= 1e-9*max(math.Abs(a.lo), math.Abs(a.hi)) {
		around := cmp.Or(math.Abs(a.lo)/10, 1)
		a.lo, a.hi = a.lo-around, a.hi+around
	}
	a.step = roundLog((a.hi-a.lo)/6, 1)
	a.lo, a.hi = math.Floor(a.lo/a.step+1e-9)*a.step, math.Ceil(a.hi/a.step-1e-9)*a.step
	return a
}

func (a axis) at(v float64) float64 {
	if a.step > 0 {
		return a.from + (a.to-a.from)*(v-a.lo)/(a.hi-a.lo)
	}
	return a.from + (a.to-a.from)*math.Log(v/a.lo)/math.Log(a.hi/a.lo)
}

// roundLog returns the nearest 1, 2 or 5 times a power of ten at or beyond v in the direction.
func roundLog(v float64, direction int) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	steps := []float64{1, 2, 5, 10}
	if direction < 0 {
		for _, m := range slices.Backward(steps) {
			if m*power <= v*(1+1e-9) {
				return m * power
			}
		}
		return power
	}
	for _, m := range steps {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// ticks returns the multiples of the step, or 1, 2 and 5 times the powers of ten on the axis, the powers alone when
// those are many.
func (a axis) ticks() []float64 {
	var all, powers []float64
	if a.step > 0 {
		for k := math.Round(a.lo / a.step); k <= math.Round(a.hi/a.step); k++ {
			all = append(all, k*a.step)
		}
		return all
	}
	for p := math.Pow(10, math.Floor(math.Log10(a.lo))); p <= a.hi*(1+1e-9); p *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := m * p; v >= a.lo*(1-1e-9) && v <= a.hi*(1+1e-9) {
				all = append(all, v)
				if m == 1 {
					powers = append(powers, v)
				}
			}
		}
	}
	if len(all) > 10 && len(powers) > 1 {
		return powers
	}
	return all
}

// Draw draws the chart. Values on the axes are written in full up to 9,999 and with k and M from there.
func (c Chart) Draw() (*image.RGBA, error) {
	panel := c
	panel.Title, panel.Subtitle, panel.Caption = "", "", ""
	picture, err := Figure{Title: c.Title, Subtitle: c.Subtitle, Caption: c.Caption, Rows: [][]Panel{{panel}}}.Draw()
	if err != nil {
		return nil, err
	}
	return picture.Image, nil
}

func (c Chart) plan(r request) view {
	ts := r.ts
	var xs, ys []float64
	last := 0
	for _, s := range c.Series {
		xs = append(xs, s.X...)
		ys = slices.Concat(ys, s.Y, s.Low, s.High)
		last = max(last, ts.width(seriesName(ts, s.Name), noteStyle))
	}
	a := newAxes(r, c.Width, last,
		func(from, to float64) axis { return newAxis(c.LinearX, xs, from, to) },
		func(from, to float64) axis { return newAxis(c.LinearY, ys, from, to) })
	v := view{size: a.size}
	// So many names that they do not fit beside the plot go on below it.
	v.size.Y = max(v.size.Y, a.plot.Min.Y+len(c.Series)*noteStyle.leading())
	v.place = func(p *page, _ *Picture, at image.Point) { c.place(p, a.place(p, c.X, c.Y, at)) }
	return v
}

// axes are a plot with its axes, measured.
type axes struct {
	plot image.Rectangle
	x, y axis
	size image.Point // with all numbers, and room beside the plot
}

// newAxes measures a plot so many pixels wide, 0 to choose, with room beside it, whose axes are made for where they
// lie.
func newAxes(r request, width, beside int, x, y func(from, to float64) axis) axes {
	plot := image.Rect(0, 0, plotWidth, plotHeight)
	if r.panels > 1 {
		plot = image.Rect(0, 0, plotBeside, plotBeside*plotHeight/plotWidth)
	}
	if width > 0 {
		plot = image.Rect(0, 0, width, max(width*plotHeight/plotWidth, 1))
	}
	plot = plot.Add(image.Pt(0, noteStyle.leading()+8))
	a := axes{y: y(float64(plot.Max.Y), float64(plot.Min.Y))}
	left := 0
	for _, v := range a.y.ticks() {
		left = max(left, r.ts.width(a.y.label(v), noteStyle)+axisGap)
	}
	a.plot = plot.Add(image.Pt(left, 0))
	a.x = x(float64(a.plot.Min.X), float64(a.plot.Max.X))
	beside = max(beside, r.ts.width(a.x.label(a.x.hi), noteStyle)/2)
	base := a.plot.Max.Y + axisGap + noteStyle.ascent()
	a.size = image.Pt(a.plot.Max.X+axisGap+beside, base+noteStyle.leading()+noteStyle.descent())
	return a
}

// seriesName returns a name fit to stand beside the plot.
func seriesName(ts *typesetter, s string) string {
	return ts.ellipsisBeyond(ts.cleanLine(s), noteStyle, longestName)
}

// moved returns the axis by some pixels farther on.
func (a axis) moved(by int) axis {
	a.from += float64(by)
	a.to += float64(by)
	return a
}

// place sets the frame, the axes with their numbers and their names; at is the left top corner. It returns the axes as
// they lie there.
func (a axes) place(p *page, x, y string, at image.Point) axes {
	x = p.ts.ellipsisBeyond(p.ts.cleanLine(x), noteStyle, a.size.X)
	y = p.ts.ellipsisBeyond(p.ts.cleanLine(y), noteStyle, a.size.X)
	a.plot, a.x, a.y = a.plot.Add(at), a.x.moved(at.X), a.y.moved(at.Y)
	p.text(y, noteStyle, faint, at.X, at.Y+noteStyle.ascent())
	p.frames = append(p.frames, a.plot)
	for _, v := range a.y.ticks() {
		y := int(math.Round(a.y.at(v)))
		p.ticks = append(p.ticks, image.Rect(a.plot.Min.X-4, y, a.plot.Min.X, y+1))
		p.textRight(a.y.label(v), noteStyle, faint, a.plot.Min.X-axisGap, y+noteStyle.ascent()/2-1)
	}
	base := a.plot.Max.Y + axisGap + noteStyle.ascent()
	free := a.plot.Min.X - a.plot.Dx()
	for _, v := range a.x.ticks() {
		x := int(math.Round(a.x.at(v)))
		p.ticks = append(p.ticks, image.Rect(x, a.plot.Max.Y, x+1, a.plot.Max.Y+4))
		if half := p.ts.width(a.x.label(v), noteStyle)/2 + 3; x-half >= free {
			p.textCentred(a.x.label(v), noteStyle, faint, x, base)
			free = x + half
		}
	}
	p.text(x, noteStyle, faint, max(a.plot.Max.X-p.ts.width(x, noteStyle), at.X), base+noteStyle.leading())
	return a
}

// place sets the chart's names and lines into axes that are placed.
func (c Chart) place(p *page, a axes) {
	c.names(p, a.y, a.plot)
	p.plots = append(p.plots, plotItem{a.plot, func(dc *gg.Context) {
		for i, s := range c.Series {
			dc.SetDash(dashes(i)...)
			s.paint(dc, seriesColors[i%len(seriesColors)], a.x, a.y)
		}
		dc.SetDash()
	}})
}

// names writes each series' name beside its last point, moved apart where they would touch.
func (c Chart) names(p *page, vertical axis, plot image.Rectangle) {
	type name struct {
		s     string
		color color.RGBA
		y     int
	}
	var all []name
	for i, s := range c.Series {
		at := vertical.at(s.Y[len(s.Y)-1])
		all = append(all, name{seriesName(p.ts, s.Name), seriesColors[i%len(seriesColors)], int(at) +
			noteStyle.ascent()/2})
	}
	slices.SortStableFunc(all, func(a, b name) int { return a.y - b.y })
	lowest := plot.Max.Y - noteStyle.descent() // the axis has its numbers below
	for i := range slices.Backward(all) {
		all[i].y = min(all[i].y, lowest)
		lowest = all[i].y - noteStyle.leading()
	}
	highest := plot.Min.Y + noteStyle.ascent()
	for i := range all {
		all[i].y = max(all[i].y, highest)
		highest = all[i].y + noteStyle.leading()
		p.text(all[i].s, noteStyle, all[i].color, plot.Max.X+axisGap, all[i].y)
	}
}

func (s Series) paint(dc *gg.Context, c color.RGBA, horizontal, vertical axis) {
	dc.SetColor(c)
	dc.SetLineWidth(1.5)
	for i, x := range s.X {
		if s.Low != nil && s.High != nil {
			px := horizontal.at(x)
			dc.DrawLine(px, vertical.at(s.Low[i]), px, vertical.at(s.High[i]))
			dc.Stroke()
		}
	}
	for i, x := range s.X {
		dc.LineTo(horizontal.at(x), vertical.at(s.Y[i]))
	}
	dc.Stroke()
	if len(s.X) > manyPoints {
		return
	}
	for i, x := range s.X {
		dc.DrawCircle(horizontal.at(x), vertical.at(s.Y[i]), markRadius)
		dc.Fill()
	}
}

// label writes the value of a tick.
func (a axis) label(v float64) string {
	if a.step == 0 {
		return quantity(v)
	}
	largest := max(math.Abs(a.lo), math.Abs(a.hi))
	if largest >= 1e6 || largest < 1e-3 {
		return tickNumber(v)
	}
	decimals := max(int(math.Ceil(-math.Log10(a.step)-1e-9)), 0)
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	if v < -a.step/2 {
		s = minus + s
	}
	return s
}

// quantity writes a round number for a logarithmic axis.
func quantity(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%gk", v/1e3)
	}
	return fmt.Sprintf("%g", v)
}
