package gallery

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/draw"

	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/mnist"
)

// Chosen is an input image that was asked for.
type Chosen struct {
	Name   string // test:18, train:3, or the file's path
	Label  int    // its class; −1 when that is not known
	Pixels []byte // of the run's shape
	Note   string // what was done to a file to make an input of it; "" for an image of the data set
}

// set is the image as a set of one, to probe the network with.
func (v *View) set(c Chosen) *mnist.Set {
	return &mnist.Set{Images: c.Pixels, Labels: []uint8{uint8(max(c.Label, 0))}, Shape: v.Shape(), Classes: v.Classes()}
}

// Choose finds the image that --image names: test:18, train:3, both counted from 0 among the images of the run's
// classes, or a PNG file. center moves a PNG's ink as MNIST's was.
func (v *View) Choose(text string, center bool) (Chosen, error) {
	kind, number, ok := strings.Cut(text, ":")
	if !ok || kind != "test" && kind != "train" {
		if !strings.HasSuffix(strings.ToLower(text), ".png") {
			return Chosen{}, talk.Usage("--image %s: want test:18, train:3 or a PNG file", text)
		}
		return v.readImage(text, center)
	}
	if center {
		return Chosen{}, talk.Usage("--center is for a PNG; the images of a data set are as they are")
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 {
		return Chosen{}, talk.Usage("--image %s: want a number from 0 after the colon, as in test:18", text)
	}
	get := v.Test
	if kind == "train" {
		get = v.Train
	}
	s, err := get()
	if err != nil {
		return Chosen{}, fmt.Errorf("--image %s: %w; a PNG file can be looked at without it", text, err)
	}
	if i >= s.Len() {
		return Chosen{}, talk.Usage("--image %s: there are %s, %s:0 to %s:%d", text,
			words.Count(s.Len(), kind+" image"), kind, kind, s.Len()-1)
	}
	return Chosen{Name: text, Label: int(s.Labels[i]), Pixels: s.Image(i)}, nil
}

// faintest is the faintest ink; less is taken for the noise of the paper.
const faintest = 32

// Limits of a PNG that is read.
const (
	maxImageBytes  = 64 << 20
	maxImagePixels = 64 << 20
)

// readImage reads a PNG as an input of the network: grey, ink bright on black, of the network's size.
func (v *View) readImage(path string, center bool) (Chosen, error) {
	fail := func(err error) (Chosen, error) { return Chosen{}, fmt.Errorf("--image %s: %w", path, err) }
	f, err := atomicfile.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fail(err)
	case info.Size() > maxImageBytes:
		return fail(fmt.Errorf("%d bytes, more than the %d that are read; make it smaller", info.Size(), maxImageBytes))
	}
	head, err := png.DecodeConfig(bufio.NewReader(f))
	switch {
	case err != nil:
		return fail(fmt.Errorf("not a PNG that can be read: %w", err))
	case head.Width > maxImagePixels/max(head.Height, 1):
		return fail(fmt.Errorf("%d×%d pixels, more than the %d that are read; make it smaller", head.Width, head.Height,
			maxImagePixels))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fail(err)
	}
	img, err := png.Decode(bufio.NewReader(f))
	if err != nil {
		return fail(fmt.Errorf("not a PNG that can be read: %w", err))
	}
	shape := v.Shape()
	grey, paper := greyOn(img)
	was := fmt.Sprintf("%d×%d pixels", grey.Rect.Dx(), grey.Rect.Dy())
	c := Chosen{Name: path, Label: -1, Note: was + ", dark paper: ink is what is bright"}
	if paper > 127 {
		for i, b := range grey.Pix {
			grey.Pix[i] = 255 - b
		}
		paper = 255 - paper
		c.Note = was + ", inverted because its border is light: ink is what is dark"
	}
	if clearPaper(grey, paper); paper > 0 {
		c.Note += fmt.Sprintf(", its paper of %d/255 taken as 0", paper)
	}
	if slices.Max(grey.Pix) < faintest {
		return fail(errors.New("the image is blank: there is no ink in it that differs from its paper; " +
			"draw with a darker pen on light paper, or a lighter one on dark"))
	}
	scaled := image.NewGray(image.Rect(0, 0, shape.Cols, shape.Rows))
	switch {
	case center:
		centerInk(scaled, grey)
		c.Note += fmt.Sprintf(", its ink fitted into 20/28 of %d×%d with the centre of mass in the middle, "+
			"as MNIST's was", shape.Cols, shape.Rows)
	case grey.Rect.Dx() == shape.Cols && grey.Rect.Dy() == shape.Rows:
		scaled = grey
		c.Note += ", the network's size"
	default:
		inside := fit(grey.Rect.Dx(), grey.Rect.Dy(), shape.Cols, shape.Rows)
		draw.BiLinear.Scale(scaled, inside, grey, grey.Rect, draw.Src, nil)
		c.Note += fmt.Sprintf(", scaled to %d×%d; --center also moves the ink as MNIST's was", shape.Cols, shape.Rows)
	}
	if slices.Max(scaled.Pix) == 0 {
		return fail(fmt.Errorf("its ink is too fine to be seen at %d×%d pixels; draw with a thicker pen, or cut the "+
			"paper off",
			shape.Cols, shape.Rows))
	}
	c.Pixels = scaled.Pix
	return c, nil
}

// greyOn returns an image in grey, and how bright its paper is. Where a sheet of paper is drawn, in the whole image or
// in the part that is not transparent, it is what the sheet's edge is. Else what is not transparent is ink, and the
// paper under it is black or white, whichever the ink is further from.
func greyOn(img image.Image) (grey *image.Gray, paper byte) {
	flat := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(flat, flat.Rect, img, img.Bounds().Min, draw.Src)
	grey, alpha := image.NewGray(flat.Rect), image.NewGray(flat.Rect)
	draw.Draw(grey, grey.Rect, flat, image.Point{}, draw.Src) // times alpha, as the colours are in flat
	const solid = 128
	var bright, weight float64
	darkest, brightest, clear := byte(255), byte(0), false
	part := image.Rectangle{Min: grey.Rect.Max} // what is solid
	for y := range grey.Rect.Dy() {
		for x := range grey.Rect.Dx() {
			i := y*grey.Stride + x
			g, a := grey.Pix[i], flat.Pix[y*flat.Stride+4*x+3]
			alpha.Pix[i] = a
			bright, weight = bright+float64(g), weight+float64(a)
			if a < solid {
				clear = true
				continue
			}
			shade := byte(min(int(g)*255/int(a), 255))
			darkest, brightest = min(darkest, shade), max(brightest, shade)
			part.Min.X, part.Min.Y = min(part.Min.X, x), min(part.Min.Y, y)
			part.Max.X, part.Max.Y = max(part.Max.X, x+1), max(part.Max.Y, y+1)
		}
	}
	drawn := !clear || int(brightest)-int(darkest) >= faintest // one shade alone is ink without a sheet
	switch {
	case !part.Empty() && drawn && border(alpha, part) >= solid:
		paper = border(grey, part)
	case bright < weight/2:
		paper = 255
	}
	for i, a := range alpha.Pix {
		grey.Pix[i] += byte((int(paper)*(255-int(a)) + 127) / 255)
	}
	return grey, paper
}

// border returns the median of the pixels along the edges of a part that is not empty.
func border(g *image.Gray, part image.Rectangle) byte {
	var edge []byte
	for y := part.Min.Y; y < part.Max.Y; y++ {
		line := g.Pix[y*g.Stride:][part.Min.X:part.Max.X]
		if y == part.Min.Y || y == part.Max.Y-1 {
			edge = append(edge, line...)
		} else {
			edge = append(edge, line[0], line[len(line)-1])
		}
	}
	slices.Sort(edge)
	return edge[len(edge)/2]
}

// clearPaper makes paper of that brightness 0 and leaves full ink where it is. What is black already does not change.
func clearPaper(g *image.Gray, paper byte) {
	for i, v := range g.Pix {
		g.Pix[i] = byte((max(int(v)-int(paper), 0)*255 + (255-int(paper))/2) / (255 - int(paper)))
	}
}

// fit returns the largest rectangle of the shape w×h in the middle of cols×rows.
func fit(w, h, cols, rows int) image.Rectangle {
	scale := min(float64(cols)/float64(w), float64(rows)/float64(h))
	fw := min(cols, max(1, int(math.Round(scale*float64(w)))))
	fh := min(rows, max(1, int(math.Round(scale*float64(h)))))
	at := image.Pt((cols-fw)/2, (rows-fh)/2)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(fw, fh))}
}

// centerInk draws the ink of src as the makers of MNIST did: fitted into 20 of 28 pixels, the shape kept, then moved so
// that its centre of mass is in the middle (LeCun, Cortes and Burges, "The MNIST database"). There must be ink.
func centerInk(dst, src *image.Gray) {
	var box image.Rectangle
	for y := range src.Rect.Dy() {
		for x := range src.Rect.Dx() {
			if src.Pix[y*src.Stride+x] >= faintest {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	cols, rows := dst.Rect.Dx(), dst.Rect.Dy()
	small := image.NewGray(image.Rectangle{Max: fit(box.Dx(), box.Dy(), max(1, cols*20/28), max(1, rows*20/28)).Size()})
	draw.BiLinear.Scale(small, small.Rect, src, box, draw.Src, nil)
	var sum, sx, sy float64
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			m := float64(small.Pix[y*small.Stride+x])
			sum, sx, sy = sum+m, sx+m*float64(x), sy+m*float64(y)
		}
	}
	sum = max(sum, 1) // scaled down, faint specks may vanish
	at := image.Pt(int(math.Round(float64(cols-1)/2-sx/sum)), int(math.Round(float64(rows-1)/2-sy/sum)))
	draw.Draw(dst, small.Rect.Add(at), small, image.Point{}, draw.Src)
}
