package render

import (
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"time"
)

// maxFilmPixels bounds the memory of a GIF, whose frames are all held until it
// is written: 1 GiB.
const maxFilmPixels = 1 << 30

// EncodeGIF writes the film as an animated GIF that plays for ever. It fails
// like Sheet.Draw, and on what Validate refuses, before anything is written.
func (f Film) EncodeGIF(w io.Writer) error {
	r, err := newReel(f)
	if err != nil {
		return err
	}
	if pixels := int64(len(r.base.Pix)) * int64(len(f.Frames)); pixels > maxFilmPixels {
		return &SizeError{
			Width: int64(r.base.Rect.Dx()), Height: int64(r.base.Rect.Dy()), frames: len(f.Frames),
			TilePx: r.page.maps[0].geometry.size().X, Cols: f.Sheet.Cols, Tiles: len(f.Sheet.Tiles),
		}
	}
	g := &gif.GIF{Config: image.Config{ColorModel: r.base.Palette, Width: r.base.Rect.Dx(), Height: r.base.Rect.Dy()}}
	err = r.each(func(i int, img *image.Paletted) error {
		g.Image = append(g.Image, img)
		g.Delay = append(g.Delay, int(max(f.delay(i), 20*time.Millisecond)/(10*time.Millisecond)))
		g.Disposal = append(g.Disposal, gif.DisposalNone)
		return nil
	})
	if err != nil {
		return err
	}
	if err := gif.EncodeAll(w, g); err != nil {
		return fmt.Errorf("render: encode gif: %w", err)
	}
	return nil
}

// EncodeAPNG writes the film as an animated PNG that plays for ever, with the
// entries of text as in EncodePNG; a program that knows no animation shows its
// first frame. It fails like EncodeGIF.
//
// Format: PNG specification, third edition, 11.3.6 (acTL, fcTL, fdAT).
func (f Film) EncodeAPNG(w io.Writer, text map[string]string) error {
	r, err := newReel(f)
	if err != nil {
		return err
	}
	texts, err := textChunks(text)
	if err != nil {
		return err
	}
	out := &chunkWriter{w: w}
	out.head(r.base.Rect.Size(), 3)
	frames := binary.BigEndian.AppendUint32(nil, uint32(len(f.Frames)))
	out.chunk("acTL", binary.BigEndian.AppendUint32(frames, 0)) // plays for ever
	out.write(texts)
	out.palette(r.palette.colors)
	out.chunk("tRNS", []byte{0}) // the first colour, transparent
	var sequence uint32
	err = r.each(func(i int, img *image.Paletted) error {
		out.chunk("fcTL", frameControl(sequence, img.Rect, f.delay(i), i > 0))
		sequence++
		data, err := deflateRows(img.Rect.Dy(), zlib.DefaultCompression, indexRows(img))
		if err != nil {
			return err
		}
		if i == 0 {
			out.chunk("IDAT", data)
			return out.err
		}
		out.chunk("fdAT", append(binary.BigEndian.AppendUint32(nil, sequence), data...))
		sequence++
		return out.err
	})
	if err == nil {
		out.chunk("IEND", nil)
		err = out.err
	}
	if err != nil {
		return fmt.Errorf("render: encode apng: %w", err)
	}
	return nil
}

// frameControl returns the data of an fcTL chunk: where the frame lies, how long
// it is shown, that it stays, and whether it is drawn over what is there.
func frameControl(sequence uint32, r image.Rectangle, shown time.Duration, over bool) []byte {
	var b []byte
	for _, v := range []int{int(sequence), r.Dx(), r.Dy(), r.Min.X, r.Min.Y} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(max(shown.Milliseconds(), 1)))
	b = binary.BigEndian.AppendUint16(b, 1000)
	if over {
		return append(b, 0, 1)
	}
	return append(b, 0, 0)
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
