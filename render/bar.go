package render

import (
	"image"
	"image/draw"
	"strings"

	"github.com/fogleman/gg"
)

const (
	barWidth  = 380
	barHeight = 12
	arrow     = 9 // length of the pointed end of a clipped bar
)

// bar is a horizontal colour bar: words above its two ends, numbers below.
type bar struct {
	name      string // what the numbers are; a line above all
	colormap  Colormap
	limit     float64 // |value| at the ends
	own       bool    // each tile has its own limit; the ends read "max"
	clipped   bool    // values beyond the limit have the colour of the end
	low, high string  // what the negative and the positive side mean
}

// stripItem is the coloured part of a bar.
type stripItem struct {
	rect image.Rectangle
	bar  bar
}

// bar places a colour bar with its top left corner at (x, y) and returns where
// it ends.
func (p *page) bar(b bar, x, y, width int) int {
	y = p.paragraph(p.ts.wrap(b.name, noteStyle, width), noteStyle, ink, x, y)
	half := width/2 - 8
	low := p.ts.wrap(b.low, noteStyle, half)
	high := p.ts.wrap(b.high, noteStyle, half)
	for range max(len(low), len(high)) - len(low) {
		low = append([]string{""}, low...)
	}
	for range len(low) - len(high) {
		high = append([]string{""}, high...)
	}
	for i := range low {
		p.text(low[i], noteStyle, faint, x, y+noteStyle.ascent())
		p.textRight(high[i], noteStyle, faint, x+width, y+noteStyle.ascent())
		y += noteStyle.leading()
	}
	y += 4
	strip := image.Rect(x, y, x+width, y+barHeight)
	if b.clipped {
		strip.Max.X -= arrow
		if b.colormap.signed() {
			strip.Min.X += arrow
		}
	}
	p.strips = append(p.strips, stripItem{strip, b})
	p.frames = append(p.frames, strip)
	y += barHeight + 1
	p.barNumbers(b, image.Rect(x, y, x+width, y), strip)
	return y + 7 + noteStyle.ascent() + noteStyle.descent()
}

// barNumbers sets the numbers under a bar: always 0 and the two ends, which
// carry the exact limit, and round numbers between where there is room.
// outer gives the bar's ends with its arrows, and the top of the ticks.
func (p *page) barNumbers(b bar, outer, strip image.Rectangle) {
	var taken []image.Rectangle
	place := func(s string, at, left int) {
		w := p.ts.width(s, noteStyle)
		box := image.Rect(left-6, 0, left+w+6, 1)
		for _, t := range taken {
			if t.Overlaps(box) {
				return
			}
		}
		taken = append(taken, box)
		p.ticks = append(p.ticks, image.Rect(at, outer.Min.Y, at+1, outer.Min.Y+4))
		p.text(s, noteStyle, faint, left, outer.Min.Y+6+noteStyle.ascent())
	}
	centred := func(s string, v float64) {
		at := strip.Min.X + int((1+v)/2*float64(strip.Dx()-1)+0.5)
		place(s, at, at-p.ts.width(s, noteStyle)/2)
	}
	low, high := number(-b.limit, 3), withSign(b.limit, number(b.limit, 3))
	switch {
	case b.own:
		low, high = minus+"max", "+max"
	case b.clipped:
		low, high = "≤ "+low, "≥ "+high
	}
	if !b.colormap.signed() {
		place("0", strip.Min.X, strip.Min.X)
		high = strings.Replace(high, "+", "", 1)
	} else {
		centred("0", 0)
	}
	if b.limit == 0 && !b.own {
		return
	}
	if b.colormap.signed() {
		place(low, strip.Min.X, outer.Min.X)
	}
	place(high, strip.Max.X-1, outer.Max.X-p.ts.width(high, noteStyle))
	if b.own {
		return
	}
	for _, v := range roundTicks(b.limit) {
		if !b.colormap.signed() {
			centred(tickNumber(v), 2*v/b.limit-1)
			continue
		}
		centred(tickNumber(-v), -v/b.limit)
		centred(withSign(v, tickNumber(v)), v/b.limit)
	}
}

// paint draws the colours, each as wide as any other.
func (s stripItem) paint(img *image.RGBA, dc *gg.Context) {
	r := s.rect
	for x := range r.Dx() {
		t := 2*float64(x)/float64(r.Dx()-1) - 1
		if !s.bar.colormap.signed() {
			t = (t + 1) / 2
		}
		column := image.Rect(r.Min.X+x, r.Min.Y, r.Min.X+x+1, r.Max.Y)
		draw.Draw(img, column, image.NewUniform(s.bar.colormap.At(t)), image.Point{}, draw.Src)
	}
	if !s.bar.clipped {
		return
	}
	top, bottom := float64(r.Min.Y), float64(r.Max.Y)
	for _, end := range []struct {
		t, x, tip float64
	}{
		{-1, float64(r.Min.X - 1), float64(r.Min.X - arrow)},
		{1, float64(r.Max.X + 1), float64(r.Max.X + arrow)},
	} {
		if end.t < 0 && !s.bar.colormap.signed() {
			continue
		}
		dc.MoveTo(end.x, top)
		dc.LineTo(end.tip, (top+bottom)/2)
		dc.LineTo(end.x, bottom)
		dc.ClosePath()
		dc.SetColor(s.bar.colormap.At(end.t))
		dc.FillPreserve()
		dc.SetColor(hairline)
		dc.SetLineWidth(1)
		dc.Stroke()
	}
}
