package render

import (
	"compress/zlib"
	"fmt"
	"image"
	"image/color"
	"io"
)

// MapPNG writes one map as a small PNG, without page, frame or bar: height×width
// weights, row-major, each a square of zoom×zoom pixels in the colour m.At(w/limit),
// with those colours alone in its palette. Limit 0 is the largest |w|.
func MapPNG(w io.Writer, width, height int, weights []float32, limit float64, m Colormap, zoom int) error {
	s := Sheet{Width: width, Height: height, Tiles: []Tile{{Map: weights}}, Colors: &Colors{Limit: limit, Map: m}}
	limits, err := s.Limits()
	if err != nil {
		return err
	}
	if zoom < 1 {
		return fmt.Errorf("render: map png: zoom %d, want at least 1", zoom)
	}
	size := &SizeError{
		Width: int64(width) * int64(zoom), Height: int64(height) * int64(zoom),
		fix: "use a smaller zoom",
	}
	if err := size.check(); err != nil {
		return err
	}
	perUnit := 0.0
	if limits[0] > 0 {
		perUnit = Steps / limits[0]
	}
	steps := newPalette(m)
	img := image.NewPaletted(image.Rect(0, 0, width*zoom, height*zoom), nil)
	var colors []color.RGBA
	index := make(map[uint32]uint8)
	for y := range height {
		row := img.Pix[y*zoom*img.Stride:]
		for x, v := range weights[y*width : (y+1)*width] {
			c := steps.color(float64(v), perUnit)
			i, ok := index[c]
			if !ok {
				i = uint8(len(index))
				index[c] = i
				colors = append(colors, unpacked(c))
			}
			for k := range zoom {
				row[x*zoom+k] = i
			}
		}
		for k := 1; k < zoom; k++ {
			copy(row[k*img.Stride:], row[:width*zoom])
		}
	}
	data, err := deflateRows(img.Rect.Dy(), zlib.BestSpeed, indexRows(img))
	if err != nil {
		return fmt.Errorf("render: map png: %w", err)
	}
	out := &chunkWriter{w: w}
	out.head(img.Rect.Size(), 3)
	out.palette(colors)
	out.chunk("IDAT", data)
	out.chunk("IEND", nil)
	if out.err != nil {
		return fmt.Errorf("render: map png: %w", out.err)
	}
	return nil
}

// indexRows returns the rows of an image as numbers in its palette.
func indexRows(img *image.Paletted) func(y int) []byte {
	return func(y int) []byte { return img.Pix[y*img.Stride:][:img.Rect.Dx()] }
}

// palette writes the colours that the pixels are numbers of.
func (c *chunkWriter) palette(colors []color.RGBA) {
	var data []byte
	for _, v := range colors {
		data = append(data, v.R, v.G, v.B)
	}
	c.chunk("PLTE", data)
}
