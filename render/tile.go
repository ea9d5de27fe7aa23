package render

import (
	"encoding/binary"
	"image"
	"image/color"
	"math"
)

// palette is a colour map as the four bytes of a pixel of image.RGBA each, with
// the colour of what is not finite behind the last.
type palette [2*Steps + 2]uint32

const notFiniteIndex = 2*Steps + 1

func newPalette(m Colormap) *palette {
	var p palette
	for i, c := range m.table().colors {
		p[i] = packed(c)
	}
	p[notFiniteIndex] = packed(notFinite)
	return &p
}

func packed(c color.RGBA) uint32 {
	return binary.LittleEndian.Uint32([]byte{c.R, c.G, c.B, c.A})
}

// paintMap draws weights into img with the top left corner at at, straight into
// its pixels: through an interface, pixel by pixel, a large sheet would take
// seconds. Places of a folded map that hold no weight are left as they are.
func (p *palette) paintMap(img *image.RGBA, at image.Point, g geometry, weights []float32, limit float64) {
	perUnit := 0.0
	if limit > 0 {
		perUnit = Steps / limit
	}
	cells := g.cells()
	row := make([]uint32, cells.X)
	for y := range cells.Y {
		held := row[:g.held(y)]
		if g.box == 1 {
			for x, w := range weights[y*g.w : y*g.w+len(held)] {
				held[x] = p.color(float64(w), perUnit)
			}
		} else {
			for x := range held {
				held[x] = p.color(g.mean(weights, x, y), perUnit)
			}
		}
		first := img.PixOffset(at.X, at.Y+y*g.zy)
		line := img.Pix[first : first+len(held)*g.zx*4]
		for x, c := range held {
			for i := range g.zx {
				binary.LittleEndian.PutUint32(line[(x*g.zx+i)*4:], c)
			}
		}
		for i := 1; i < g.zy; i++ {
			copy(img.Pix[first+i*img.Stride:], line)
		}
	}
}

// color returns the pixel of weight w; perUnit is Steps/limit.
func (p *palette) color(w, perUnit float64) uint32 {
	if math.IsNaN(w) || w > math.MaxFloat32 || w < -math.MaxFloat32 {
		return p[notFiniteIndex]
	}
	return p[step(w*perUnit)]
}

// mean returns the mean of the weights in cell (x, y), NaN if one of them is
// not finite: an average must not hide it.
func (g geometry) mean(weights []float32, x, y int) float64 {
	sum, n := 0.0, 0
	for r := y * g.box; r < min((y+1)*g.box, g.h); r++ {
		from, to := r*g.w+x*g.box, r*g.w+min((x+1)*g.box, g.w)
		for i := from; i < min(to, g.n); i++ {
			sum += float64(weights[i])
			n++
		}
	}
	if math.IsInf(sum, 0) {
		return math.NaN()
	}
	return sum / float64(n)
}

// hatch draws diagonal strokes over the marked positions of a map. A stroke is
// the colour beneath it, darkened (lightened where it is dark), so that the
// colour still shows through as well as between.
func hatch(img *image.RGBA, at image.Point, g geometry, mark []bool) {
	hatchWith(img, at, g, mark, shade)
}

// hatchWith calls stroke with each pixel of the hatching.
func hatchWith(img *image.RGBA, at image.Point, g geometry, mark []bool, stroke func(px []uint8)) {
	period := g.period()
	for i, marked := range mark {
		if !marked {
			continue
		}
		x0, y0 := i%g.w*g.zx, i/g.w*g.zy
		for y := y0; y < y0+g.zy; y++ {
			for x := x0 + (period-(x0+y)%period)%period; x < x0+g.zx; x += period {
				o := img.PixOffset(at.X+x, at.Y+y)
				stroke(img.Pix[o : o+3])
			}
		}
	}
}

// shade darkens a light colour and lightens a dark one.
func shade(rgb []uint8) {
	luma := 2*int(rgb[0]) + 5*int(rgb[1]) + int(rgb[2])
	for i, c := range rgb {
		if luma > 8*120 {
			rgb[i] = uint8(int(c) * 64 / 100)
		} else {
			rgb[i] = uint8(255 - (255-int(c))*55/100)
		}
	}
}
