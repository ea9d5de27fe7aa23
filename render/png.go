package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/draw"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	maxPNGText   = 1 << 20 // bytes of one text chunk, compressed or not
	maxPNGTexts  = 1024    // text chunks of a file
	maxPNGChunk  = 1<<31 - 1
	maxKeyLength = 79
)

// EncodePNG writes img as PNG with the entries of text as text chunks, sorted
// by key, before the pixels. Equal input gives equal bytes.
//
// A key is 1 to 79 printable Latin-1 characters without leading, trailing or
// double spaces (PNG specification, third edition, 11.3.3.2); a value is UTF-8
// without NUL, at most 1 MiB. A pure ASCII value is written as tEXt, any other
// as iTXt. An invalid entry is an error that names it, and nothing is written.
func EncodePNG(w io.Writer, img image.Image, text map[string]string) error {
	chunks, err := textChunks(text)
	if err != nil {
		return err
	}
	size := img.Bounds().Size()
	if size.X < 1 || size.Y < 1 {
		return fmt.Errorf("render: encode png: image of %v pixels, want at least 1×1", size)
	}
	kind, row := byte(2), rgbRows(img)
	if row == nil {
		kind, row = 6, rgbaRows(img)
	}
	data, err := deflateRows(size.Y, zlib.BestSpeed, row)
	if err == nil && len(data) > maxPNGChunk {
		err = fmt.Errorf("%d bytes of pixels, the limit is %d", len(data), maxPNGChunk)
	}
	if err != nil {
		return fmt.Errorf("render: encode png: %w", err)
	}
	out := &chunkWriter{w: w}
	out.head(size, kind)
	out.write(chunks)
	out.chunk("IDAT", data)
	out.chunk("IEND", nil)
	if out.err != nil {
		return fmt.Errorf("render: encode png: %w", out.err)
	}
	return nil
}

// rgbRows returns the rows of an opaque image.RGBA without their alpha; nil for
// any other image.
func rgbRows(img image.Image) func(y int) []byte {
	m, ok := img.(*image.RGBA)
	if !ok || !m.Opaque() {
		return nil
	}
	row := make([]byte, 3*m.Rect.Dx())
	return func(y int) []byte {
		line := m.Pix[y*m.Stride:][:4*m.Rect.Dx()]
		for x := 0; 3*x < len(row); x++ {
			copy(row[3*x:3*x+3], line[4*x:])
		}
		return row
	}
}

// rgbaRows returns the rows of any image, with alpha not multiplied in.
func rgbaRows(img image.Image) func(y int) []byte {
	m := image.NewNRGBA(img.Bounds())
	draw.Draw(m, m.Rect, img, m.Rect.Min, draw.Src)
	return func(y int) []byte { return m.Pix[y*m.Stride:][:4*m.Rect.Dx()] }
}

// deflateRows returns the pixels of an image as PNG has them: a filter byte before
// each row, compressed. A row like the one above it becomes zeros, which pictures
// of enlarged pixels are full of. Any other is written as it is: few colours in
// many places repeat better than their differences do.
func deflateRows(height, level int, row func(y int) []byte) ([]byte, error) {
	const none, up = 0, 2
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		return nil, err
	}
	var above, line []byte
	for y := range height {
		pixels := row(y)
		line = append(append(line[:0], none), pixels...)
		if y > 0 && bytes.Equal(pixels, above) {
			clear(line)
			line[0] = up
		}
		above = append(above[:0], pixels...)
		if _, err := z.Write(line); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// chunkWriter writes a PNG file and keeps the first error.
type chunkWriter struct {
	w   io.Writer
	err error
}

func (c *chunkWriter) write(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
	}
}

func (c *chunkWriter) chunk(kind string, data []byte) { c.write(pngChunk(kind, data)) }

// head writes the signature and the header of an image with 8 bits a channel; kind
// is 2 for RGB, 3 for a palette, 6 for RGBA.
func (c *chunkWriter) head(size image.Point, kind byte) {
	c.write([]byte(pngSignature))
	data := binary.BigEndian.AppendUint32(nil, uint32(size.X))
	data = binary.BigEndian.AppendUint32(data, uint32(size.Y))
	c.chunk("IHDR", append(data, 8, kind, 0, 0, 0))
}

// pngChunk returns a whole chunk.
func pngChunk(kind string, data []byte) []byte {
	chunk := binary.BigEndian.AppendUint32(make([]byte, 0, len(data)+12), uint32(len(data)))
	chunk = append(append(chunk, kind...), data...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
}

// textChunks returns the entries of text as chunks, sorted by key.
func textChunks(text map[string]string) ([]byte, error) {
	var chunks []byte
	for _, k := range slices.Sorted(maps.Keys(text)) {
		chunk, err := textChunk(k, text[k])
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, chunk...)
	}
	return chunks, nil
}

// textChunk returns a whole tEXt or iTXt chunk.
func textChunk(key, value string) ([]byte, error) {
	latin, err := keyword(key)
	if err != nil {
		return nil, err
	}
	switch {
	case len(value) > maxPNGText-128:
		return nil, fmt.Errorf("render: png text %q: %d bytes, the limit is %d", key, len(value), maxPNGText-128)
	case !utf8.ValidString(value):
		return nil, fmt.Errorf("render: png text %q: value is not UTF-8", key)
	case strings.ContainsRune(value, 0):
		return nil, fmt.Errorf("render: png text %q: value contains NUL", key)
	}
	kind, separator := "tEXt", "\x00"
	if strings.IndexFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		// Not compressed, method 0, no language, no translated keyword.
		kind, separator = "iTXt", "\x00\x00\x00\x00\x00"
	}
	return pngChunk(kind, append(latin, separator+value...)), nil
}

// keyword checks a key and converts it to Latin-1.
func keyword(key string) ([]byte, error) {
	latin := make([]byte, 0, len(key))
	for _, r := range key {
		if r < 0x20 || r > 0x7e && r < 0xa1 || r > 0xff {
			return nil, fmt.Errorf("render: png text key %q: %q is not a printable Latin-1 character", key, r)
		}
		latin = append(latin, byte(r))
	}
	if len(latin) < 1 || len(latin) > maxKeyLength {
		return nil, fmt.Errorf("render: png text key %q: %d characters, want 1 to %d", key, len(latin), maxKeyLength)
	}
	if key[0] == ' ' || key[len(key)-1] == ' ' || strings.Contains(key, "  ") {
		return nil, fmt.Errorf("render: png text key %q: leading, trailing or double spaces", key)
	}
	return latin, nil
}
