package page

import (
	"bytes"
	"image"
	"image/png"

	"neuroloupe/engine"
)

const (
	spriteColumns = 20
	spriteImages  = 400
)

// bank collects the test images that a page shows, each once.
type bank struct {
	data       engine.Data
	rows, cols int
	numbers    map[int]int // index in the test set to number
	index      []int
}

// number returns the number of test image i.
func (b *bank) number(i int) int {
	n, ok := b.numbers[i]
	if !ok {
		n = len(b.index)
		b.numbers[i], b.index = n, append(b.index, i)
	}
	return n
}

func (b *bank) all(images []int) []int {
	out := make([]int, len(images))
	for k, i := range images {
		out[k] = b.number(i)
	}
	return out
}

// image returns the bytes of test image i.
func (b *bank) image(i int) []byte { return b.data.Images[i*b.rows*b.cols:][:b.rows*b.cols] }

// pack draws the images into sprites.
func (b *bank) pack() (*Images, error) {
	out := &Images{Index: b.index, Columns: spriteColumns, Each: spriteImages}
	for lo := 0; lo < len(b.index); lo += spriteImages {
		part := b.index[lo:min(len(b.index), lo+spriteImages)]
		across := min(spriteColumns, len(part))
		down := (len(part) + spriteColumns - 1) / spriteColumns
		img := image.NewGray(image.Rect(0, 0, across*b.cols, down*b.rows))
		for n, i := range part {
			x, y := n%spriteColumns*b.cols, n/spriteColumns*b.rows
			for r := range b.rows {
				copy(img.Pix[(y+r)*img.Stride+x:], b.image(i)[r*b.cols:(r+1)*b.cols])
			}
			out.Label = append(out.Label, int(b.data.Labels[i]))
		}
		var buf bytes.Buffer
		if err := png.Encode(&buf, img); err != nil {
			return nil, err
		}
		out.Sprites = append(out.Sprites, buf.Bytes())
	}
	return out, nil
}
