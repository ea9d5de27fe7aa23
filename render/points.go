package render

import (
	"fmt"
	"image"
	"math"

	"github.com/fogleman/gg"
)

// Points is a chart of points, as a panel of a Figure: a dot for each thing that
// two numbers are known of. Its axes are linear. Dots let what lies under them
// shine through, so that a crowd is darker than one.
type Points struct {
	Title, Caption string
	KeyX, KeyY     string    // of the places and the values; see Figure.Numbers
	Xs, Ys         []float64 // finite, of equal length
	// Names stand beside their dots, where there is room for them: the first
	// name first. One per point, "" for none; nil for none at all.
	Names []string
	X, Y  string // what the axes show, with the unit
	Width int    // of the plot in pixels; 0: choose
}

func (c Points) heading() (string, string)        { return c.Title, c.Caption }
func (c Points) coloured() (*Colors, [][]float32) { return nil, nil }

func (c Points) check() error {
	n := len(c.Xs)
	if n == 0 || n > maxPoints || len(c.Ys) != n || c.Names != nil && len(c.Names) != n {
		return fmt.Errorf("%d places, %d values and %d names, want as many of each, 1 to %d, or no names", n, len(c.Ys),
			len(c.Names), maxPoints)
	}
	if c.Width < 0 || c.Width > maxSide {
		return fmt.Errorf("a plot %d pixels wide, want 1 to %d, or 0 to choose", c.Width, maxSide)
	}
	for i, s := range c.Names {
		if len(s) > maxLabel {
			return fmt.Errorf("name %d has %d bytes, the limit is %d", i, len(s), maxLabel)
		}
	}
	for _, v := range [][]float64{c.Xs, c.Ys} {
		if err := checkAxis(v, true); err != nil {
			return err
		}
	}
	return checkTexts([]namedText{{"x", c.X}, {"y", c.Y}})
}

// radius is that of a dot: of many they are smaller.
func (c Points) radius() float64 {
	switch n := len(c.Xs); {
	case n <= 150:
		return 3.5
	case n <= 1000:
		return 2.5
	}
	return 1.75
}

func (c Points) plan(r request) view {
	// Dots at the ends of an axis are whole.
	in := c.radius() + 2
	a := newAxes(r, c.Width, 0,
		func(from, to float64) axis { return linearAxis(c.Xs, from+in, to-in) },
		func(from, to float64) axis { return linearAxis(c.Ys, from-in, to+in) }) // y goes up
	return view{size: a.size, place: func(p *page, _ *Picture, at image.Point) { c.place(p, a.place(p, c.X, c.Y, at)) }}
}

func (c Points) place(p *page, a axes) {
	dot := seriesColors[0]
	p.plots = append(p.plots, plotItem{a.plot, func(dc *gg.Context) {
		if a.y.lo < 0 && a.y.hi > 0 {
			dc.SetColor(hairline)
			dc.DrawRectangle(float64(a.plot.Min.X), math.Round(a.y.at(0)), float64(a.plot.Dx()), 1)
			dc.Fill()
		}
		dc.SetRGBA255(int(dot.R), int(dot.G), int(dot.B), 150)
		for i, x := range c.Xs {
			dc.DrawCircle(a.x.at(x), a.y.at(c.Ys[i]), c.radius())
			dc.Fill()
		}
	}})
	c.names(p, a)
}

// names writes the names beside their dots, each on the side where it covers the fewest dots; one that would cover
// another, or leave the plot on every side, is left out.
func (c Points) names(p *page, a axes) {
	away := int(c.radius()) + 3
	var taken []image.Rectangle
	for i, name := range c.Names {
		name = p.ts.ellipsisBeyond(p.ts.cleanLine(name), noteStyle, a.plot.Dx()/3)
		if name == "" {
			continue
		}
		x, y := int(math.Round(a.x.at(c.Xs[i]))), int(math.Round(a.y.at(c.Ys[i])))
		w, h := p.ts.width(name, noteStyle), noteStyle.capHeight()
		best, room, fewest := image.Rectangle{}, image.Rectangle{}, len(c.Xs)+1
		for _, at := range []image.Point{
			{x + away, y - h/2},
			{x - away - w, y - h/2},
			{x - w/2, y - away - h},
			{x - w/2, y + away},
		} {
			box := image.Rectangle{Min: at, Max: at.Add(image.Pt(w, h))}
			// All of the line, where letters may go below it.
			line := image.Rect(box.Min.X, box.Max.Y-noteStyle.ascent(), box.Max.X, box.Max.Y+noteStyle.descent())
			if n := c.under(box.Inset(-1), a); n < fewest && free(line, taken, a.plot) {
				best, fewest, room = box, n, line
			}
		}
		if best.Empty() {
			continue
		}
		taken = append(taken, room)
		n := len(p.texts)
		p.text(name, noteStyle, ink, best.Min.X, best.Max.Y)
		p.texts[n].over = true
	}
}

// free reports whether a name fits into the plot beside those that stand there.
func free(box image.Rectangle, taken []image.Rectangle, plot image.Rectangle) bool {
	const apart = 2
	for _, t := range taken {
		if t.Inset(-apart).Overlaps(box) {
			return false
		}
	}
	return box.Inset(-apart).In(plot)
}

// under counts the dots that a box touches.
func (c Points) under(box image.Rectangle, a axes) (n int) {
	r := c.radius()
	for i := range c.Xs {
		x, y := a.x.at(c.Xs[i]), a.y.at(c.Ys[i])
		if x+r > float64(box.Min.X) && x-r < float64(box.Max.X) && y+r > float64(box.Min.Y) &&
			y-r < float64(box.Max.Y) {
			n++
		}
	}
	return n
}
