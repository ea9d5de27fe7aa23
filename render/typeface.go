package render

import (
	"fmt"
	"image"
	"image/draw"
	"math"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The fonts are parsed once; a parsed font is immutable, and every typesetter
// makes its own faces from it.
var (
	regularFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })
	boldFont    = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })
)

// style is how a line of text is set: one family, two weights.
type style struct {
	size float64 // em in pixels
	bold bool
}

// leading is the distance between the baselines of two lines in pixels.
func (s style) leading() int { return int(math.Round(1.36 * s.size)) }

// ascent and descent bound the ink above and below the baseline in pixels; the
// fractions are those of the Go fonts.
func (s style) ascent() int  { return int(math.Ceil(0.94 * s.size)) }
func (s style) descent() int { return int(math.Ceil(0.22 * s.size)) }

// capHeight is the height of a capital or a digit in pixels.
func (s style) capHeight() int { return int(math.Round(0.73 * s.size)) }

// typesetter measures and breaks text. It is not safe for concurrent use: each
// picture has its own.
type typesetter struct {
	regular, bold *opentype.Font
	faces         map[style]*face
}

func newTypesetter() (*typesetter, error) {
	regular, err := regularFont()
	if err != nil {
		return nil, fmt.Errorf("render: embedded regular font: %w", err)
	}
	bold, err := boldFont()
	if err != nil {
		return nil, fmt.Errorf("render: embedded bold font: %w", err)
	}
	return &typesetter{regular: regular, bold: bold, faces: make(map[style]*face)}, nil
}

// face returns the face of a style, made on first use.
func (ts *typesetter) face(st style) *face {
	if f := ts.faces[st]; f != nil {
		return f
	}
	source := ts.regular
	if st.bold {
		source = ts.bold
	}
	// NewFace of a parsed font has no way to fail: its error is always nil.
	rasteriser, _ := opentype.NewFace(source, &opentype.FaceOptions{Size: st.size, DPI: 72})
	f := &face{
		Face:     rasteriser,
		advances: make(map[rune]fixed.Int26_6),
		glyphs:   make(map[glyphKey]glyph),
	}
	ts.faces[st] = f
	return f
}

// width returns the advance of s in pixels, rounded up.
func (ts *typesetter) width(s string, st style) int {
	f := ts.face(st)
	var w fixed.Int26_6
	for _, r := range s {
		a, _ := f.GlyphAdvance(r)
		w += a
	}
	return w.Ceil()
}

// clean makes a string fit for setting: one line unless it has newlines, no
// control characters, no character that the font lacks. What is missing is
// replaced by its nearest likeness, or an empty box, never silently dropped,
// except combining accents, whose letter stays.
func (ts *typesetter) clean(s string) string {
	f := ts.face(style{size: 12})
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n':
			return r
		case '∥', '║':
			return doubleBar
		case '⟨', '〈':
			return '‹'
		case '⟩', '〉':
			return '›'
		case '\u2010', '\u2011', '\u2012':
			return '-'
		}
		switch {
		case unicode.IsControl(r), unicode.IsSpace(r) && r != '\u00a0':
			return ' '
		case unicode.In(r, unicode.Mn, unicode.Cf):
			return -1
		case f.has(r):
			return r
		}
		return '□'
	}, s)
}

// cleanLine is clean for text that has to stay on one line.
func (ts *typesetter) cleanLine(s string) string {
	return strings.ReplaceAll(ts.clean(s), "\n", " ")
}

// doubleBar, the norm sign, is not in the Go fonts; face sets it as two bars.
const doubleBar = '‖'

// face is a font.Face that remembers its glyphs. A sheet of 4096 tiles sets
// some twenty thousand characters of a dozen kinds; without memory each of them
// is rasterised anew.
//
// It embeds the rasterising face and replaces what it knows better. In
// particular Kern: opentype.Face computes it at the wrong scale, and the Go
// fonts have none.
type face struct {
	font.Face
	advances map[rune]fixed.Int26_6
	glyphs   map[glyphKey]glyph
}

type glyphKey struct {
	r rune
	x fixed.Int26_6 // fraction of a pixel, in quarters
}

type glyph struct {
	mask *image.Alpha
	at   image.Point // of the mask, relative to the pixel of the dot
}

// has says whether the face can draw r.
func (f *face) has(r rune) bool {
	_, ok := f.GlyphAdvance(r)
	return ok
}

// GlyphAdvance implements font.Face.
func (f *face) GlyphAdvance(r rune) (fixed.Int26_6, bool) {
	if a, ok := f.advances[r]; ok {
		return a, a >= 0
	}
	a, ok := f.Face.GlyphAdvance(r)
	if r == doubleBar {
		bar, barOK := f.Face.GlyphAdvance('|')
		a, ok = bar+f.barOffset(), barOK
	}
	if !ok {
		a = -1
	}
	f.advances[r] = a
	return a, ok
}

// barOffset is the distance of the two bars of the norm sign: whole pixels, so
// that both look the same.
func (f *face) barOffset() fixed.Int26_6 {
	return fixed.I(max(2, (f.Face.Metrics().Height / 6).Round()))
}

// Kern implements font.Face.
func (f *face) Kern(rune, rune) fixed.Int26_6 { return 0 }

// Glyph implements font.Face. The vertical position is rounded to whole pixels
// and the horizontal one to quarters.
func (f *face) Glyph(dot fixed.Point26_6, r rune) (image.Rectangle, image.Image, image.Point, fixed.Int26_6, bool) {
	advance, ok := f.GlyphAdvance(r)
	if !ok {
		return image.Rectangle{}, nil, image.Point{}, 0, false
	}
	key := glyphKey{r, (dot.X & 63) &^ 15}
	g, ok := f.glyphs[key]
	if !ok {
		g = f.rasterise(key)
		f.glyphs[key] = g
	}
	at := g.at.Add(image.Pt(dot.X.Floor(), dot.Y.Round()))
	return g.mask.Rect.Add(at), g.mask, image.Point{}, advance, true
}

func (f *face) rasterise(key glyphKey) glyph {
	r := key.r
	if r == doubleBar {
		r = '|'
	}
	box, mask, from, _, ok := f.Face.Glyph(fixed.Point26_6{X: key.x}, r)
	if !ok {
		return glyph{mask: image.NewAlpha(image.Rectangle{})}
	}
	size := box.Size()
	offset := image.Point{}
	if key.r == doubleBar {
		offset.X = f.barOffset().Round()
	}
	out := image.NewAlpha(image.Rectangle{Max: size.Add(offset)})
	draw.DrawMask(out, image.Rectangle{Max: size}, image.Opaque, image.Point{}, mask, from, draw.Over)
	if offset.X > 0 {
		draw.DrawMask(out, image.Rectangle{Max: size}.Add(offset), image.Opaque, image.Point{}, mask, from, draw.Over)
	}
	return glyph{mask: out, at: box.Min}
}
