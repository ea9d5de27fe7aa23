package render

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"slices"

	"github.com/fogleman/gg"
)

// MaxSide is the longest side of a picture in pixels: browsers and viewers give
// up beyond.
const MaxSide = 32767

// SizeError says that a picture would be too large to make or to open.
type SizeError struct {
	Width, Height int64
	// What the size follows from: of the largest sheet the width of a tile in
	// pixels, the tiles in a row and all of them. 0: there is no sheet.
	TilePx, Cols, Tiles int

	frames int    // of a GIF that holds too many in all; 0: of one picture
	fix    string // what else makes it smaller
}

// What says how large it would be, and the limit.
func (e *SizeError) What() string {
	if e.frames > 0 {
		return fmt.Sprintf("the film would be %d frames of %d×%d pixels, the limit of a GIF is %d pixels in all",
			e.frames, e.Width, e.Height, int64(maxFilmPixels))
	}
	return fmt.Sprintf("the picture would be %d×%d pixels, the limit is %d on a side and %d in all",
		e.Width, e.Height, maxSide, maxPixels)
}

// Error says what What does, and which fields to change.
func (e *SizeError) Error() string {
	fix := e.fix
	if e.Tiles > 0 {
		fix = fmt.Sprintf("use a smaller TilePx (now %d), other Cols (now %d), or fewer tiles at a time (now %d)",
			e.TilePx, e.Cols, e.Tiles)
		if e.frames > 0 {
			fix += ", fewer frames, or APNG"
		}
	}
	return "render: " + e.What() + "; " + fix
}

// The measures of a page in pixels, and its greys. Everything that is drawn
// takes them from here.
const (
	margin      = 48 // white on all four sides
	maxSide     = MaxSide
	maxPixels   = 64 << 20 // 256 MiB of image.RGBA
	textMeasure = 760      // longest line of running text, about 100 characters
	smallest    = 9.0      // size of type below which only a label that would else be cut goes
)

var (
	titleStyle   = style{size: 22, bold: true}
	headingStyle = style{size: 15, bold: true}
	bodyStyle    = style{size: 14}
	noteStyle    = style{size: 12}

	ink      = color.RGBA{0x1f, 0x1f, 0x1f, 0xff}
	faint    = color.RGBA{0x63, 0x63, 0x63, 0xff} // 6:1 on white
	hairline = color.RGBA{0xd2, 0xd2, 0xd2, 0xff}
	tick     = color.RGBA{0x8a, 0x8a, 0x8a, 0xff}
)

// page is a picture worked out but not yet painted: a list of what goes where,
// in pixels from the top left corner. Laying out first means that the size is
// known, and can be refused, before the image is allocated, and that tests can
// see every box.
type page struct {
	ts     *typesetter
	texts  []textItem
	maps   []mapItem
	frames []image.Rectangle // a hairline is drawn round each
	strips []stripItem
	ticks  []image.Rectangle
	fills  []fillItem
	plots  []plotItem
	strip  image.Rectangle // kept free for what changes from frame to frame of a film
	size   image.Point
}

// fillItem is a rectangle of one colour. One of them on a map marks a place of
// it.
type fillItem struct {
	rect  image.Rectangle
	color color.RGBA
}

// plotItem is a drawing of lines that stays within its rectangle.
type plotItem struct {
	rect  image.Rectangle
	paint func(dc *gg.Context)
}

type textItem struct {
	s     string
	style style
	color color.RGBA
	x     int // left end
	base  int // baseline
	w     int
	over  bool // stands on a map, inside one of its cells
}

// box returns the room that the text takes.
func (t textItem) box() image.Rectangle {
	return image.Rect(t.x, t.base-t.style.ascent(), t.x+t.w, t.base+t.style.descent())
}

// mapItem is one map of weights. weights nil draws a neutral map.
type mapItem struct {
	at       image.Point
	geometry geometry
	weights  []float32
	limit    float64
	colormap Colormap
	mark     []bool // nil: not hatched
}

func (m mapItem) rect() image.Rectangle {
	return image.Rectangle{Max: m.geometry.size()}.Add(m.at)
}

// text sets s with its left end at x.
func (p *page) text(s string, st style, c color.RGBA, x, base int) {
	if s != "" {
		p.texts = append(p.texts, textItem{s: s, style: st, color: c, x: x, base: base, w: p.ts.width(s, st)})
	}
}

// textRight sets s with its right end at x.
func (p *page) textRight(s string, st style, c color.RGBA, x, base int) {
	p.text(s, st, c, x-p.ts.width(s, st), base)
}

// textCentred sets s with its middle at x.
func (p *page) textCentred(s string, st style, c color.RGBA, x, base int) {
	p.text(s, st, c, x-p.ts.width(s, st)/2, base)
}

// textOver sets s in the middle of a cell of a map.
func (p *page) textOver(s string, st style, c color.RGBA, cell image.Rectangle) {
	mid := cell.Min.Add(cell.Max).Div(2)
	n := len(p.texts)
	p.textCentred(s, st, c, mid.X, mid.Y+(st.capHeight()+1)/2)
	for i := range p.texts[n:] {
		p.texts[n+i].over = true
	}
}

// outline draws a border of the given width just inside r.
func (p *page) outline(r image.Rectangle, c color.RGBA, width int) {
	for _, side := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width), image.Rect(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y, r.Min.X+width, r.Max.Y), image.Rect(r.Max.X-width, r.Min.Y, r.Max.X, r.Max.Y),
	} {
		p.fills = append(p.fills, fillItem{side, c})
	}
}

// paragraph sets lines one below the other from y down and returns where they
// end.
func (p *page) paragraph(lines []string, st style, c color.RGBA, x, y int) int {
	for _, s := range lines {
		p.text(s, st, c, x, y+st.ascent())
		y += st.leading()
	}
	return y
}

// tile places a map with its frame.
func (p *page) tile(m mapItem) {
	p.maps = append(p.maps, m)
	p.frames = append(p.frames, m.rect())
}

// titleBlock sets a title and what belongs under it, and returns where they
// end. Both wrap or shrink; neither is ever cut.
func (p *page) titleBlock(title, subtitle string, x, y, width int) int {
	lines, st := p.ts.shrinkWrap(title, titleStyle, 16, width)
	y = p.paragraph(lines, st, ink, x, y)
	if subtitle != "" {
		if len(lines) > 0 {
			y += 4
		}
		y = p.paragraph(p.ts.balance(subtitle, bodyStyle, min(width, textMeasure)), bodyStyle, faint, x, y)
	}
	return y
}

// close fixes the size of the page round what is on it, and refuses one that
// no viewer would open. sheet is the largest one on it, nil for none.
func (p *page) close(sheet *grid) error {
	var used image.Rectangle
	grow := func(r image.Rectangle) { used = used.Union(r) }
	for _, t := range p.texts {
		grow(t.box())
	}
	for _, r := range p.frames {
		grow(r)
	}
	for _, f := range p.fills {
		grow(f.rect)
	}
	for _, q := range p.plots {
		grow(q.rect)
	}
	grow(p.strip)
	p.size = used.Max.Add(image.Pt(margin, margin))
	e := &SizeError{Width: int64(p.size.X), Height: int64(p.size.Y), fix: "use fewer panels, or smaller ones"}
	if sheet != nil {
		e.TilePx, e.Cols, e.Tiles = sheet.geometry.size().X, sheet.cols, sheet.n
	}
	return e.check()
}

// check returns e if a picture of its size is too large.
func (e *SizeError) check() error {
	if e.Width > maxSide || e.Height > maxSide || e.Width*e.Height > maxPixels {
		return e
	}
	return nil
}

// paint allocates the image and draws the page.
func (p *page) paint() *image.RGBA {
	img := image.NewRGBA(image.Rectangle{Max: p.size})
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	dc := gg.NewContextForRGBA(img)
	palettes := make(map[Colormap]*palette)
	for _, m := range p.maps {
		if palettes[m.colormap] == nil {
			palettes[m.colormap] = newPalette(m.colormap)
		}
		palettes[m.colormap].paintMap(img, m.at, m.geometry, m.weights, m.limit)
		hatch(img, m.at, m.geometry, m.mark)
	}
	for _, s := range p.strips {
		s.paint(img, dc)
	}
	p.paintFrames(dc)
	for _, f := range p.fills {
		draw.Draw(img, f.rect, image.NewUniform(f.color), image.Point{}, draw.Src)
	}
	for _, q := range p.plots {
		q.paint(dc)
	}
	for _, t := range p.texts {
		dc.SetFontFace(p.ts.face(t.style))
		dc.SetColor(t.color)
		dc.DrawString(t.s, float64(t.x), float64(t.base))
	}
	return img
}

// paintFrames draws the hairlines. The even-odd rule leaves the inside of each
// frame untouched, to the pixel. gg walks the height of the image for each path
// and, for each edge, those before it in the same line of pixels: between one
// path in all and one per frame, a few frames per path cost least.
func (p *page) paintFrames(dc *gg.Context) {
	dc.SetFillRuleEvenOdd()
	dc.SetColor(hairline)
	for batch := range slices.Chunk(p.frames, 16) {
		for _, r := range batch {
			drawRectangle(dc, r.Inset(-1))
			drawRectangle(dc, r)
		}
		dc.Fill()
	}
	dc.SetFillRuleWinding()
	dc.SetColor(tick)
	for _, r := range p.ticks {
		drawRectangle(dc, r)
	}
	dc.Fill()
}

func drawRectangle(dc *gg.Context, r image.Rectangle) {
	dc.DrawRectangle(float64(r.Min.X), float64(r.Min.Y), float64(r.Dx()), float64(r.Dy()))
}
