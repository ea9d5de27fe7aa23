package render

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
)

// Bars is a horizontal bar chart of named, signed values, each printed, as a
// panel of a Figure. Positive bars go to the right of the zero line in the
// warm colour of the map, negative ones to the left in the cold one.
type Bars struct {
	Title, Caption string
	Key            string    // of its values; see Figure.Numbers
	Names          []string  // one per bar
	Values         []float64 // one per bar
	Texts          []string  // printed instead of the values; nil: three digits
	Highlight      []int     // bars to set off
	Limit          float64   // |value| of the longest possible bar; 0: the largest of the values
	Map            Colormap  // Ink for what has no sign, such as the outputs
	Width          int       // pixels across; 0: choose
}

const maxBars = 256

func (b Bars) heading() (string, string)        { return b.Title, b.Caption }
func (b Bars) coloured() (*Colors, [][]float32) { return nil, nil }

func (b Bars) check() error {
	n := len(b.Values)
	if n == 0 || n > maxBars {
		return fmt.Errorf("%d bars, want 1 to %d", n, maxBars)
	}
	if len(b.Names) != n {
		return fmt.Errorf("%d names, want %d, one per bar", len(b.Names), n)
	}
	if b.Texts != nil && len(b.Texts) != n {
		return fmt.Errorf("%d texts, want %d, one per bar", len(b.Texts), n)
	}
	for i := range n {
		if len(b.Names[i]) > maxLabel || b.Texts != nil && len(b.Texts[i]) > maxLabel {
			return fmt.Errorf("bar %d: name or text of more than %d bytes", i, maxLabel)
		}
	}
	if i := slices.IndexFunc(b.Highlight, func(i int) bool { return i < 0 || i >= n }); i >= 0 {
		return fmt.Errorf("highlighted bar %d, want 0 to %d", b.Highlight[i], n-1)
	}
	if !b.Map.known() {
		return fmt.Errorf("unknown colour map %d, want BlueOrange, BlueRed, Grey or Ink", b.Map)
	}
	if b.Width < 0 || b.Width > maxSide {
		return fmt.Errorf("bars %d pixels wide, want 1 to %d, or 0 to choose", b.Width, maxSide)
	}
	return checkLimit(b.Limit)
}

// reach returns the largest and the smallest finite value, with 0 between.
func (b Bars) reach() (low, high float64) {
	for _, v := range b.Values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	if b.Limit > 0 {
		if low < 0 {
			low = -b.Limit
		}
		if high > 0 {
			high = b.Limit
		}
	}
	return low, high
}

// texts returns what is printed for each bar.
func (b Bars) texts(ts *typesetter) []string {
	out := make([]string, len(b.Values))
	write := numbers(b.Values, 3)
	low, _ := b.reach()
	for i, v := range b.Values {
		switch {
		case b.Texts != nil:
			out[i] = ts.cleanLine(b.Texts[i])
		case low < 0:
			out[i] = withSign(v, write(v))
		default:
			out[i] = write(v)
		}
	}
	return out
}

func (b Bars) plan(r request) view {
	const gap, nameCap, widthBeside, widthAlone = 8, 190, 290, 480
	st, pitch := style{size: 12.5}, 20
	if len(b.Values) > 30 {
		st, pitch = style{size: 11}, 16
	}
	bold := st
	bold.bold = true
	names, texts := make([]string, len(b.Values)), b.texts(r.ts)
	nameWidth, textWidth := 0, 0
	for i := range b.Values {
		names[i] = r.ts.ellipsisBeyond(r.ts.cleanLine(b.Names[i]), bold, nameCap)
		nameWidth = max(nameWidth, r.ts.width(names[i], bold))
		textWidth = max(textWidth, r.ts.width(texts[i], bold))
	}
	width := widthBeside
	if r.panels == 1 {
		width = widthAlone
	}
	width = max(cmp.Or(b.Width, width), nameWidth+textWidth+2*gap+60)
	length := width - nameWidth - textWidth - 2*gap
	low, high := b.reach()
	span := high - low
	if span == 0 {
		span = 1
	}
	return view{
		size: image.Pt(width, pitch*len(b.Values)),
		place: func(p *page, _ *Picture, at image.Point) {
			left := at.X + nameWidth + gap
			zero := left + int(math.Round(-low/span*float64(length)))
			for i, v := range b.Values {
				line, chosen := st, slices.Contains(b.Highlight, i)
				if chosen {
					line = bold
				}
				y := at.Y + i*pitch
				base := y + (pitch+st.capHeight())/2
				p.textRight(names[i], line, ink, left-gap, base)
				p.textRight(texts[i], line, ink, at.X+width, base)
				if math.IsNaN(v) || math.IsInf(v, 0) {
					continue
				}
				end := zero + int(math.Round(min(max(v, low), high)/span*float64(length)))
				bar := image.Rect(min(zero, end), y+4, max(zero, end), y+pitch-4)
				if !bar.Empty() {
					p.fills = append(p.fills, fillItem{bar, b.color(v, chosen)})
				}
			}
			p.fills = append(p.fills, fillItem{image.Rect(zero, at.Y, zero+1, at.Y+pitch*len(b.Values)), tick})
		},
	}
}

// color is the bar's: stronger when it is chosen, lighter when others are. The
// bright half of Grey would fade into the page; the zero line tells the signs.
func (b Bars) color(v float64, chosen bool) color.RGBA {
	if b.Map == Grey {
		b.Map, v = Ink, 1
	}
	t := 0.6
	switch {
	case chosen:
		t = 0.85
	case len(b.Highlight) > 0:
		t = 0.42
	}
	return b.Map.At(math.Copysign(t, v))
}
