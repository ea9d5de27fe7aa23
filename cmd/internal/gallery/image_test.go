package gallery

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/runs"
)

// picturesOf returns a view of a network that takes rows×cols images.
func picturesOf(rows, cols int) *View {
	return &View{Folder: &runs.Folder{Manifest: runs.Manifest{Data: runs.Data{
		Rows: rows, Cols: cols,
		Classes: []string{"a", "b"},
	}}}}
}

func writePNG(t *testing.T, img image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "My Digit 3.PNG")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// stroke is an image with a slanted stroke of ink on black.
func stroke(w, h int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, w, h))
	for y := h / 6; y < 2*h/3; y++ {
		for x := range w {
			if d := math.Abs(float64(x) - float64(w)/6 - float64(y)/2); d < float64(w)/12 {
				g.Pix[y*g.Stride+x] = 255
			}
		}
	}
	return g
}

// An image of the network's size comes back byte for byte: ink on black, ink on white, on paper that is not there, and
// in colour.
func TestImageOfTheNetworksSize(t *testing.T) {
	want := stroke(20, 14)
	want.Pix[3*20+9] = 77
	inverted := image.NewGray(want.Rect)
	clear := image.NewNRGBA(want.Rect) // black ink, transparent where there is none
	colored := image.NewRGBA(want.Rect.Add(image.Pt(5, 7)))
	for y := range 14 {
		for x := range 20 {
			v := want.GrayAt(x, y).Y
			inverted.SetGray(x, y, color.Gray{Y: 255 - v})
			clear.SetNRGBA(x, y, color.NRGBA{A: v})
			colored.Set(x+5, y+7, color.RGBA{v, v, v, 255})
		}
	}
	v := picturesOf(14, 20)
	for name, tt := range map[string]struct {
		img  image.Image
		note string
	}{
		"black":       {want, "dark paper"},
		"white":       {inverted, "inverted because its border is light"},
		"transparent": {clear, "inverted because its border is light"},
		"colour":      {colored, "dark paper"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Choose(writePNG(t, tt.img), false)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Pixels, want.Pix) {
				t.Errorf("other pixels")
			}
			if !strings.Contains(got.Note, tt.note) || !strings.Contains(got.Note, "the network's size") ||
				got.Label != -1 || got.file() != "My+Digit+3.PNG" {
				t.Errorf("note %q, label %d, file %q", got.Note, got.Label, got.file())
			}
		})
	}
}

// A larger image is made smaller with its ink kept, in the middle when its shape is another; grey paper becomes 0.
func TestImageScaled(t *testing.T) {
	v := picturesOf(10, 20)
	big := stroke(60, 60)
	for i, b := range big.Pix {
		big.Pix[i] = 200 - byte(int(b)*150/255) // ink 50 on paper 200
	}
	got, err := v.Choose(writePNG(t, big), false)
	if err != nil {
		t.Fatal(err)
	}
	var side, ink float64
	for y := range 10 {
		for x := range 20 {
			b := float64(got.Pixels[y*20+x])
			ink += b / 255
			if x < 5 || x >= 15 {
				side += b
			}
		}
	}
	var was float64
	for _, b := range stroke(60, 60).Pix {
		was += float64(b) / 255
	}
	if side != 0 {
		t.Errorf("ink beside the 10×10 in the middle")
	}
	// Ink of (200 − 50)·255/200 on paper of 0; 36 pixels become one.
	if want := was / 36 * 150 / 200; math.Abs(ink-want) > 0.1*want {
		t.Errorf("ink %.2f, want about %.2f", ink, want)
	}
	if !strings.Contains(got.Note, "its paper of 55/255 taken as 0") || !strings.Contains(got.Note, "scaled to 20×10") {
		t.Errorf("note %q", got.Note)
	}
}

// --center fits the ink into 20/28 and puts its centre of mass in the middle, wherever it was.
func TestImageCentered(t *testing.T) {
	v := picturesOf(28, 28)
	for _, at := range []image.Point{{0, 0}, {90, 10}, {40, 120}} {
		img := image.NewGray(image.Rect(0, 0, 200, 200))
		s := stroke(90, 70)
		for y := range 70 {
			copy(img.Pix[(y+at.Y)*img.Stride+at.X:][:90], s.Pix[y*s.Stride:])
		}
		got, err := v.Choose(writePNG(t, img), true)
		if err != nil {
			t.Fatal(err)
		}
		var sum, sx, sy float64
		var box image.Rectangle
		for y := range 28 {
			for x := range 28 {
				if b := float64(got.Pixels[y*28+x]); b > 0 {
					sum, sx, sy = sum+b, sx+b*float64(x), sy+b*float64(y)
					box = box.Union(image.Rect(x, y, x+1, y+1))
				}
			}
		}
		if math.Abs(sx/sum-13.5) > 0.5 || math.Abs(sy/sum-13.5) > 0.5 {
			t.Errorf("from %v: centre of mass at %.2f, %.2f, want 13.5, 13.5 to half a pixel", at, sx/sum, sy/sum)
		}
		if long := max(box.Dx(), box.Dy()); long != 20 {
			t.Errorf("from %v: ink %v, want its longer side to be 20", at, box.Size())
		}
	}
	if _, err := v.Choose(writePNG(t, image.NewGray(image.Rect(0, 0, 9, 9))), true); err == nil ||
		!strings.Contains(err.Error(), "no ink") {
		t.Errorf("a blank image: error %v", err)
	}
}

// What is not a PNG, or is too large, is refused before its pixels are read.
func TestImageRefused(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, stroke(8, 8)); err != nil {
		t.Fatal(err)
	}
	huge := bytes.Clone(b.Bytes())
	binary.BigEndian.PutUint32(huge[16:], 1<<20)
	binary.BigEndian.PutUint32(huge[20:], 1<<20)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"text":  {[]byte("a 3"), "not a PNG that can be read"},
		"short": {b.Bytes()[:b.Len()/2], "not a PNG that can be read"},
		"huge":  {huge, "1048576×1048576 pixels, more than"},
		"empty": {nil, "not a PNG that can be read"},
	} {
		path := filepath.Join(t.TempDir(), name+".png")
		if err := os.WriteFile(path, tt.data, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := picturesOf(28, 28).Choose(path, false); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
	if _, err := picturesOf(28, 28).Choose(t.TempDir()+".png", false); err == nil {
		t.Error("a file that is not there: no error")
	}
}

// Ink on transparent paper is what is not transparent, whatever its colour and however it is stored; on a sheet that is
// drawn, with or without something transparent around it, what differs from the sheet.
func TestInkOnTransparentPaper(t *testing.T) {
	want := stroke(20, 14)
	want.Pix[2*20+6], want.Pix[3*20+6] = 130, 60 // half transparent
	const w, h = 20, 14
	ink := func(c color.NRGBA) *image.NRGBA {
		m := image.NewNRGBA(want.Rect)
		for i, v := range want.Pix {
			c.A = v
			m.SetNRGBA(i%w, i/w, c)
		}
		return m
	}
	deep := image.NewNRGBA64(want.Rect)
	palette := image.NewPaletted(want.Rect, nil)
	for i := range 256 {
		palette.Palette = append(palette.Palette, color.NRGBA{255, 255, 255, uint8(i)})
	}
	sheet := func(paper uint8, around int) image.Image { // black or white ink on a grey sheet
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		for i, v := range want.Pix {
			x, y := i%w, i/w
			if x < around || y < around || x >= w-around || y >= h-around {
				continue
			}
			g := v
			if paper > 127 {
				g = 255 - v
			}
			m.SetNRGBA(x, y, color.NRGBA{g, g, g, 255})
		}
		return m
	}
	write := func(img image.Image) string { return writePNG(t, img) }
	card := sheet(255, 0).(*image.NRGBA)
	for i := range 3 {
		card.SetNRGBA(w-1-i, h-1, color.NRGBA{})
	}
	for i, v := range want.Pix {
		deep.SetNRGBA64(i%w, i/w, color.NRGBA64{0xffff, 0xffff, 0xffff, uint16(v) * 0x101})
		palette.Pix[i] = v
	}
	for name, file := range map[string]string{
		"grey and alpha": grayAlphaPNG(t, want),
		"white ink":      write(ink(color.NRGBA{255, 255, 255, 0})), "black ink": write(ink(color.NRGBA{})),
		"16 bits": write(deep), "a palette": write(palette), "a card with a cut corner": write(card),
		"a white sheet": write(sheet(255, 0)), "a black one": write(sheet(0, 0)),
		"a white sheet with nothing around": write(sheet(255, 1)),
		"a black one with nothing around":   write(sheet(0, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := picturesOf(h, w).readImage(file, false)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Pixels, want.Pix) {
				t.Errorf("pixels %v, want %v", got.Pixels, want.Pix)
			}
		})
	}
	for name, c := range map[string]color.NRGBA{
		"yellow": {255, 240, 0, 0}, "red": {200, 0, 0, 0}, "grey": {128, 128, 128, 0}, "blue": {B: 255},
	} {
		got, err := picturesOf(h, w).readImage(writePNG(t, ink(c)), false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, v := range want.Pix { // as its coverage, but for a factor
			if b := got.Pixels[i]; (b > 0) != (v > 0) || v == 255 && b < 127 || b > v {
				t.Errorf("%s: pixel %d is %d of ink that covers %d/255", name, i, b, v)
			}
		}
	}
}

// grayAlphaPNG writes white ink, of which image/png writes no such file, in grey and alpha: as solid as ink is bright.
// Its hidden colour, where nothing is seen, is not white.
func grayAlphaPNG(t *testing.T, ink *image.Gray) string {
	t.Helper()
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	for y := range ink.Rect.Dy() {
		row := []byte{0} // unfiltered
		for x := range ink.Rect.Dx() {
			a := ink.GrayAt(x, y).Y
			row = append(row, byte(255*min(int(a), 1)), a)
		}
		z.Write(row)
	}
	z.Close()
	head := binary.BigEndian.AppendUint32(nil, uint32(ink.Rect.Dx()))
	head = binary.BigEndian.AppendUint32(head, uint32(ink.Rect.Dy()))
	file := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range []struct {
		name string
		data []byte
	}{{"IHDR", append(head, 8, 4, 0, 0, 0)}, {"IDAT", data.Bytes()}, {"IEND", nil}} {
		body := append([]byte(c.name), c.data...)
		file = append(binary.BigEndian.AppendUint32(file, uint32(len(c.data))), body...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(body))
	}
	path := filepath.Join(t.TempDir(), "grey.png")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Ink that was cut out along its edge is ink still: a bar as a 1 is.
func TestInkCutOut(t *testing.T) {
	for name, c := range map[string]color.NRGBA{"white": {255, 255, 255, 255}, "black": {A: 255}} {
		bar := image.NewNRGBA(image.Rect(0, 0, 4, 20))
		for i := range 4 * 20 {
			bar.SetNRGBA(i%4, i/4, c)
		}
		for _, p := range []image.Point{{0, 0}, {3, 0}, {0, 19}, {3, 19}} {
			bar.SetNRGBA(p.X, p.Y, color.NRGBA{})
		}
		got, err := picturesOf(20, 20).readImage(writePNG(t, bar), false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Pixels[10*20+9] != 255 || got.Pixels[0] != 0 || got.Pixels[8] != 0 {
			t.Errorf("%s: the bar is %d, its corner %d, beside it is %d, want 255, 0, 0",
				name, got.Pixels[10*20+9], got.Pixels[8], got.Pixels[0])
		}
	}
}

// Ink that no pixel of the input would show is not taken for none.
func TestInkTooFine(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 2000, 2000))
	img.Pix[1000*2000+1000] = 255
	_, err := picturesOf(28, 28).readImage(writePNG(t, img), false)
	if err == nil || !strings.Contains(err.Error(), "too fine to be seen at 28×28") {
		t.Errorf("error %v", err)
	}
}

func TestBlankImage(t *testing.T) {
	uniform := func(c color.Color) image.Image {
		m := image.NewNRGBA(image.Rect(0, 0, 20, 14))
		for i := range 20 * 14 {
			m.Set(i%20, i/20, c)
		}
		return m
	}
	for name, c := range map[string]color.Color{
		"transparent": color.NRGBA{}, "white": color.White, "black": color.Black, "grey": color.Gray{90},
	} {
		for _, center := range []bool{false, true} {
			if _, err := picturesOf(14, 20).readImage(writePNG(t, uniform(c)), center); err == nil ||
				!strings.Contains(err.Error(), "blank") {
				t.Errorf("%s, --center %t: %v, want that it is blank", name, center, err)
			}
		}
	}
}
