package render

import (
	"image"
	"image/color"
)

// filmPalette is the at most 256 colours of a film. A film has half as many
// colours on each side of zero as a picture: with the greys of the text all 255
// would not fit, and weights that hardly change then stay as they are, which
// halves the file.
type filmPalette struct {
	colors []color.RGBA // index 0 is transparent
	// steps maps weights to indices: a palette of paintMap whose red is the
	// index.
	steps *palette
	known map[color.RGBA]uint8
}

const (
	filmSteps   = 64 // colours on each side of zero
	filmGreys   = 40 // of text, from ink to white
	transparent = 0
)

func newFilmPalette(m Colormap) *filmPalette {
	p := &filmPalette{colors: []color.RGBA{{}}, steps: new(palette), known: make(map[color.RGBA]uint8)}
	add := func(c color.RGBA) uint8 {
		i, ok := p.known[c]
		if !ok {
			i = uint8(len(p.colors))
			p.colors = append(p.colors, c)
			p.known[c] = i
		}
		return i
	}
	table := m.table().colors
	var level [2*filmSteps + 1]uint8
	for l := range level {
		level[l] = add(table[Steps+roundDiv((l-filmSteps)*Steps, filmSteps)])
	}
	for i := range table {
		p.steps[i] = packed(color.RGBA{R: level[filmSteps+roundDiv((i-Steps)*filmSteps, Steps)]})
	}
	p.steps[notFiniteIndex] = packed(color.RGBA{R: add(notFinite)})
	for _, c := range []color.RGBA{ink, faint, hairline, tick} {
		add(c)
	}
	for i := range filmGreys {
		v := uint8(0x1f + i*(0xff-0x1f)/(filmGreys-1))
		add(color.RGBA{v, v, v, 0xff})
	}
	for l := 0; l < len(level) && len(p.colors) < 256; l += 2 {
		c := p.colors[level[l]]
		rgb := []uint8{c.R, c.G, c.B}
		shade(rgb)
		add(color.RGBA{rgb[0], rgb[1], rgb[2], 0xff})
	}
	return p
}

// roundDiv returns a/b rounded, half away from zero; b > 0.
func roundDiv(a, b int) int {
	if a < 0 {
		return -roundDiv(-a, b)
	}
	return (a + b/2) / b
}

// nearest returns the index of the colour nearest to c. It is not safe for
// concurrent use: it remembers what it was asked.
func (p *filmPalette) nearest(c color.RGBA) uint8 {
	if i, ok := p.known[c]; ok {
		return i
	}
	best, distance := uint8(0), 1<<30
	for i, o := range p.colors[1:] {
		dr, dg, db := int(c.R)-int(o.R), int(c.G)-int(o.G), int(c.B)-int(o.B)
		if d := 2*dr*dr + 4*dg*dg + 3*db*db; d < distance {
			best, distance = uint8(i+1), d
		}
	}
	p.known[c] = best
	return best
}

// palette returns the colours for image.Paletted.
func (p *filmPalette) palette() color.Palette {
	out := make(color.Palette, len(p.colors))
	for i, c := range p.colors {
		out[i] = c
	}
	return out
}

// paletted converts an opaque image.
func (p *filmPalette) paletted(img *image.RGBA) *image.Paletted {
	out := image.NewPaletted(img.Rect, p.palette())
	var last color.RGBA
	index := p.nearest(last)
	for i := range out.Pix {
		px := img.Pix[4*i : 4*i+4]
		if c := (color.RGBA{px[0], px[1], px[2], px[3]}); c != last {
			last, index = c, p.nearest(c)
		}
		out.Pix[i] = index
	}
	return out
}
