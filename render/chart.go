package render

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"github.com/fogleman/gg"
)

// Chart is a line chart with logarithmic axes, for speeds over sizes.
type Chart struct {
	Title, Subtitle string
	Caption         string
	X, Y            string // what the axes show, with the unit
	Series          []Series
}

// Series is one line of a Chart.
type Series struct {
	Name string
	X, Y []float64 // positive, of equal length; X ascending
	// Low and High are the ends of the whiskers at each point; nil for none.
	Low, High []float64
}

const (
	plotWidth  = 640
	plotHeight = 360
	axisGap    = 8
	markRadius = 3.5
)

// seriesColors are told apart by the colour-blind and, by lightness, in grey: blue, orange, green, and a dark grey.
var seriesColors = []color.RGBA{
	{0x1f, 0x5f, 0xa8, 0xff}, {0xd9, 0x7c, 0x1a, 0xff}, {0x2a, 0x8c, 0x6b, 0xff}, {0x55, 0x55, 0x55, 0xff},
}

// Validate returns an error that says which series is wrong, and how.
func (c Chart) Validate() error {
	if len(c.Series) == 0 || len(c.Series) > len(seriesColors) {
		return fmt.Errorf("render: a chart of %d series, want 1 to %d", len(c.Series), len(seriesColors))
	}
	for _, s := range c.Series {
		if len(s.X) == 0 || len(s.Y) != len(s.X) || s.Low != nil && len(s.Low) != len(s.X) || s.High != nil && len(s.High) != len(s.X) {
			return fmt.Errorf("render: series %q: %d places, %d values, whiskers from %d to %d", s.Name, len(s.X), len(s.Y), len(s.Low), len(s.High))
		}
		for _, v := range slices.Concat(s.X, s.Y, s.Low, s.High) {
			if !(v > 0) || math.IsInf(v, 1) {
				return fmt.Errorf("render: series %q: %v on a logarithmic axis, want a positive number", s.Name, v)
			}
		}
	}
	return nil
}

// axis maps values to pixels, logarithmically.
type axis struct{ lo, hi, from, to float64 }

// logAxis covers all values, out to the next of 1, 2 and 5 times a power of ten.
func logAxis(values []float64, from, to float64) axis {
	a := axis{lo: roundLog(slices.Min(values), -1), hi: roundLog(slices.Max(values), 1), from: from, to: to}
	if a.lo == a.hi {
		a.lo, a.hi = a.lo/2, a.hi*2
	}
	return a
}

func (a axis) at(v float64) float64 {
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

// ticks returns 1, 2 and 5 times the powers of ten on the axis, the powers alone when those are many.
func (a axis) ticks() []float64 {
	var all, powers []float64
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
	if err := c.Validate(); err != nil {
		return nil, err
	}
	ts, err := newTypesetter()
	if err != nil {
		return nil, err
	}
	p := &page{ts: ts}
	y := p.titleBlock(ts.clean(c.Title), ts.clean(c.Subtitle), margin, margin, plotWidth) + 18
	p.text(ts.clean(c.Y), noteStyle, faint, margin, y+noteStyle.ascent())
	y += noteStyle.leading() + 8

	var xs, ys []float64
	for _, s := range c.Series {
		xs = append(xs, s.X...)
		ys = slices.Concat(ys, s.Y, s.Low, s.High)
	}
	vertical := logAxis(ys, float64(y+plotHeight), float64(y))
	left := margin
	for _, v := range vertical.ticks() {
		left = max(left, margin+ts.width(quantity(v), noteStyle)+axisGap)
	}
	plot := image.Rect(left, y, left+plotWidth, y+plotHeight)
	horizontal := logAxis(xs, float64(plot.Min.X), float64(plot.Max.X))
	p.frames = append(p.frames, plot)
	for _, v := range vertical.ticks() {
		at := int(math.Round(vertical.at(v)))
		p.ticks = append(p.ticks, image.Rect(plot.Min.X-4, at, plot.Min.X, at+1))
		p.textRight(quantity(v), noteStyle, faint, plot.Min.X-axisGap, at+noteStyle.ascent()/2-1)
	}
	base := plot.Max.Y + axisGap + noteStyle.ascent()
	for _, v := range horizontal.ticks() {
		at := int(math.Round(horizontal.at(v)))
		p.ticks = append(p.ticks, image.Rect(at, plot.Max.Y, at+1, plot.Max.Y+4))
		p.textCentred(quantity(v), noteStyle, faint, at, base)
	}
	p.textRight(ts.clean(c.X), noteStyle, faint, plot.Max.X, base+noteStyle.leading())
	c.names(p, horizontal, vertical, plot)
	if c.Caption != "" {
		p.paragraph(ts.balance(ts.clean(c.Caption), bodyStyle, plotWidth), bodyStyle, ink, margin, base+2*noteStyle.leading()+8)
	}
	if err := p.close("draw fewer series"); err != nil {
		return nil, err
	}
	img := p.paint()
	dc := gg.NewContextForRGBA(img)
	for i, s := range c.Series {
		s.paint(dc, seriesColors[i], horizontal, vertical)
	}
	return img, nil
}

// names writes each series' name beside its last point, moved apart where they would touch.
func (c Chart) names(p *page, horizontal, vertical axis, plot image.Rectangle) {
	type name struct {
		s     string
		color color.RGBA
		y     int
	}
	var all []name
	for i, s := range c.Series {
		at := vertical.at(s.Y[len(s.Y)-1])
		all = append(all, name{p.ts.clean(s.Name), seriesColors[i], int(at) + noteStyle.ascent()/2})
	}
	slices.SortFunc(all, func(a, b name) int { return a.y - b.y })
	for i := range all {
		if i > 0 {
			all[i].y = max(all[i].y, all[i-1].y+noteStyle.leading())
		}
		p.text(all[i].s, noteStyle, all[i].color, plot.Max.X+axisGap, all[i].y)
	}
}

func (s Series) paint(dc *gg.Context, c color.RGBA, horizontal, vertical axis) {
	dc.SetColor(c)
	dc.SetLineWidth(1.5)
	for i, x := range s.X {
		px := horizontal.at(x)
		if s.Low != nil && s.High != nil {
			dc.DrawLine(px, vertical.at(s.Low[i]), px, vertical.at(s.High[i]))
			dc.Stroke()
		}
		if i > 0 {
			dc.DrawLine(horizontal.at(s.X[i-1]), vertical.at(s.Y[i-1]), px, vertical.at(s.Y[i]))
			dc.Stroke()
		}
	}
	for i, x := range s.X {
		dc.DrawCircle(horizontal.at(x), vertical.at(s.Y[i]), markRadius)
		dc.Fill()
	}
}

// quantity writes a round number for an axis.
func quantity(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%gk", v/1e3)
	}
	return fmt.Sprintf("%g", v)
}
