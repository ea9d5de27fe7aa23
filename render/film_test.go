package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// newFilm is n neurons that fade from noise to strokes.
func newFilm(n, frames, width, height int) Film {
	learned := strokes(n, width, height)
	start := noisy(blankLike(learned), 0.3)
	f := Film{Sheet: Sheet{
		Title: "mnist · 784-100-10 · clear", Subtitle: "weights W during training",
		Caption: "Each tile is one neuron, from the random start to what was learned.",
		Width:   width, Height: height, Colors: weightColors(),
	}}
	for _, tile := range learned {
		f.Sheet.Tiles = append(f.Sheet.Tiles, Tile{Name: tile.Name})
	}
	for i := range frames {
		share := float32(i) / float32(max(frames-1, 1))
		fr := Frame{Epoch: i, Accuracy: 0.98 - 0.88*math.Exp(-float64(i))}
		for k := range learned {
			m := make([]float32, width*height)
			for p := range m {
				m[p] = share*learned[k].Map[p] + (1-share)*start[k].Map[p]
			}
			fr.Maps = append(fr.Maps, m)
		}
		f.Frames = append(f.Frames, fr)
	}
	return f
}

// apngFrame is a frame as the file has it.
type apngFrame struct {
	rect          image.Rectangle
	delay         time.Duration
	dispose, over byte
	data          []byte
}

// parseAPNG reads an animated PNG by the specification, sharing nothing with the
// encoder: order of chunks, checksums, sequence numbers, sizes.
func parseAPNG(t *testing.T, file []byte) (size image.Point, colors color.Palette, frames []apngFrame, plays int) {
	t.Helper()
	rest, ok := bytes.CutPrefix(file, []byte("\x89PNG\r\n\x1a\n"))
	if !ok {
		t.Fatal("no signature")
	}
	want, sequence, seen := -1, uint32(0), map[string]int{}
	next := func(b []byte) {
		if got := binary.BigEndian.Uint32(b); got != sequence {
			t.Fatalf("sequence number %d, want %d", got, sequence)
		}
		sequence++
	}
	for len(rest) > 0 {
		n := int(binary.BigEndian.Uint32(rest))
		kind, data := string(rest[4:8]), rest[8:8+n]
		if binary.BigEndian.Uint32(rest[8+n:]) != crc32.ChecksumIEEE(rest[4:8+n]) {
			t.Fatalf("%s: wrong checksum", kind)
		}
		rest = rest[12+n:]
		seen[kind]++
		u32 := func(i int) int { return int(binary.BigEndian.Uint32(data[i:])) }
		u16 := func(i int) int { return int(binary.BigEndian.Uint16(data[i:])) }
		switch kind {
		case "IHDR":
			size = image.Pt(u32(0), u32(4))
			if string(data[8:]) != "\x08\x03\x00\x00\x00" {
				t.Fatalf("IHDR %v, want 8 bits, palette", data[8:])
			}
		case "acTL":
			if seen["IDAT"] > 0 {
				t.Fatal("acTL after the pixels")
			}
			want, plays = u32(0), u32(4)
		case "PLTE":
			for i := 0; i < n; i += 3 {
				colors = append(colors, color.RGBA{data[i], data[i+1], data[i+2], 255})
			}
		case "tRNS":
			for i, a := range data {
				if a == 0 {
					colors[i] = color.RGBA{}
				}
			}
		case "fcTL":
			next(data)
			frames = append(frames, apngFrame{
				rect:    image.Rect(u32(12), u32(16), u32(12)+u32(4), u32(16)+u32(8)),
				delay:   time.Second * time.Duration(u16(20)) / time.Duration(u16(22)),
				dispose: data[24], over: data[25],
			})
		case "IDAT":
			if len(frames) != 1 {
				t.Fatal("the first image is not the first frame")
			}
			frames[0].data = append(frames[0].data, data...)
		case "fdAT":
			next(data)
			frames[len(frames)-1].data = append(frames[len(frames)-1].data, data[4:]...)
		}
	}
	if len(frames) != want || seen["IEND"] != 1 || seen["IHDR"] != 1 || seen["PLTE"] != 1 {
		t.Fatalf("%d frames, acTL says %d; chunks %v", len(frames), want, seen)
	}
	for i, f := range frames {
		if f.rect.Empty() || !f.rect.In(image.Rectangle{Max: size}) || i == 0 && f.rect.Size() != size {
			t.Fatalf("frame %d at %v of %v", i, f.rect, size)
		}
	}
	return size, colors, frames, plays
}

// paint draws the frame over what came before.
func (f apngFrame) paint(t *testing.T, canvas *image.RGBA, colors color.Palette) {
	t.Helper()
	z, err := zlib.NewReader(bytes.NewReader(f.data))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	w, h := f.rect.Dx(), f.rect.Dy()
	if len(raw) != (w+1)*h {
		t.Fatalf("%d bytes of pixels, want %d", len(raw), (w+1)*h)
	}
	above := make([]byte, w)
	for y := range h {
		line := raw[y*(w+1)+1:][:w]
		switch raw[y*(w+1)] {
		case 0:
		case 2:
			for x := range line {
				line[x] += above[x]
			}
		default:
			t.Fatalf("filter %d", raw[y*(w+1)])
		}
		for x, i := range line {
			c := colors[i].(color.RGBA)
			if c.A == 0 && f.over == 0 {
				t.Fatal("a hole in the first frame")
			}
			if c.A != 0 {
				canvas.SetRGBA(f.rect.Min.X+x, f.rect.Min.Y+y, c)
			}
		}
		above = line
	}
}

// GIF and APNG show the same frames, and every weight can be read from each of
// them: exact colours of the colour map, at one scale.
func TestFilm(t *testing.T) {
	for name, f := range map[string]Film{
		"seven":      newFilm(7, 5, 28, 28),
		"forty":      newFilm(40, 3, 12, 20),
		"one frame":  newFilm(3, 1, 28, 28),
		"one neuron": newFilm(1, 3, 28, 28),
		"means":      func() Film { f := newFilm(4, 3, 64, 64); f.Sheet.TilePx = 32; return f }(),
		"marks":      func() Film { f := newFilm(3, 3, 28, 28); f.Sheet.Mark = rim(28, 28); return f }(),
		"red":        func() Film { f := newFilm(3, 3, 28, 28); f.Sheet.Colors.Map = BlueRed; return f }(),
		"percentile": func() Film { f := newFilm(6, 3, 28, 28); f.Sheet.Colors.Scale = Percentile; return f }(),
		"unknown accuracy": func() Film {
			f := newFilm(3, 3, 28, 28)
			for i := range f.Frames {
				f.Frames[i].Accuracy = math.NaN()
			}
			return f
		}(),
		"not finite": func() Film { f := newFilm(3, 3, 28, 28); f.Frames[1].Maps[2][5] = nan32; return f }(),
	} {
		t.Run(name, func(t *testing.T) { checkFilm(t, f) })
	}
}

func checkFilm(t *testing.T, f Film) {
	var asGIF, asPNG bytes.Buffer
	if err := f.EncodeGIF(&asGIF); err != nil {
		t.Fatal(err)
	}
	if err := f.EncodeAPNG(&asPNG, map[string]string{"run": "a run", "net": "γ"}); err != nil {
		t.Fatal(err)
	}
	text, err := ReadPNGText(bytes.NewReader(asPNG.Bytes()))
	if err != nil || text["run"] != "a run" || text["net"] != "γ" {
		t.Errorf("text %v, error %v", text, err)
	}
	g, err := gif.DecodeAll(bytes.NewReader(asGIF.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	size, colors, frames, plays := parseAPNG(t, asPNG.Bytes())
	if len(frames) != len(f.Frames) || len(g.Image) != len(f.Frames) || plays != 0 || g.LoopCount != 0 &&
		len(g.Image) > 1 {
		t.Fatalf("%d and %d frames, want %d; played %d and %d times", len(g.Image), len(frames), len(f.Frames),
			g.LoopCount, plays)
	}
	if len(colors) > 256 {
		t.Fatalf("%d colours", len(colors))
	}
	first, err := png.Decode(bytes.NewReader(asPNG.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	a, b := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
	for i := range frames {
		frames[i].paint(t, a, colors)
		draw.Draw(b, g.Image[i].Rect, g.Image[i], g.Image[i].Rect.Min, draw.Over)
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Fatalf("frame %d: GIF and APNG differ", i)
		}
		if i == 0 {
			d := image.NewRGBA(first.Bounds())
			draw.Draw(d, d.Rect, first, image.Point{}, draw.Src)
			if !bytes.Equal(a.Pix, d.Pix) {
				t.Error("a program without animation shows something else than the first frame")
			}
		}
		wantDelay := 200 * time.Millisecond
		if i == len(frames)-1 {
			wantDelay = 3 * time.Second
		}
		if frames[i].delay != wantDelay || time.Duration(g.Delay[i])*10*time.Millisecond != wantDelay ||
			frames[i].dispose != 0 || (frames[i].over == 1) != (i > 0) {
			t.Errorf("frame %d: %+v, GIF delay %d", i, frames[i].delay, g.Delay[i])
		}
		checkFilmFrame(t, f, i, a)
	}
}

// checkFilmFrame reads the weights of frame i back from its pixels.
func checkFilmFrame(t *testing.T, f Film, i int, img *image.RGBA) {
	t.Helper()
	r, err := newReel(f)
	if err != nil {
		t.Fatal(err)
	}
	for k, m := range r.page.maps {
		if m.limit != r.page.maps[0].limit {
			t.Fatalf("tile %d has another limit than the first", k)
		}
		period := m.geometry.period()
		cells := m.geometry.cells()
		for c := range cells.X * cells.Y {
			x, y := c%cells.X, c/cells.X
			at := image.Pt(x*m.geometry.zx, y*m.geometry.zy)
			if m.mark != nil && (at.X+at.Y)%period == 0 {
				at.X++
			}
			at = at.Add(m.at)
			v, ok := f.Sheet.Colors.Map.Value(img.RGBAAt(at.X, at.Y))
			if !ok {
				t.Fatalf("frame %d, tile %d, cell %d: %v is no colour of the map", i, k, c, img.RGBAAt(at.X, at.Y))
			}
			var want float64
			for dy := range m.geometry.box {
				for dx := range m.geometry.box {
					want += float64(f.Frames[i].Maps[k][(y*m.geometry.box+dy)*m.geometry.w+x*m.geometry.box+dx])
				}
			}
			want = min(max(want/float64(m.geometry.box*m.geometry.box), -m.limit), m.limit)
			// Half a step of the film and half a step of the map.
			if d := math.Abs(v*m.limit - want); d > m.limit*(0.5/filmSteps+1.0/Steps) ||
				math.IsNaN(d) != math.IsNaN(want) {
				t.Fatalf("frame %d, tile %d, cell %d: %v is read back, want %v", i, k, c, v*m.limit, want)
			}
		}
	}
}

// A film of the size that people make is one that they can send. Weights move as
// those of a real net do, which gives files of 2.6 and 1.5 MB: by steps that
// shrink while it learns, those of the never-inked rim not at all.
func TestFilmSize(t *testing.T) {
	f := newFilm(100, 31, 28, 28)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range f.Frames[1:] {
		for k, m := range f.Frames[i+1].Maps {
			for p := range m {
				m[p] = f.Frames[i].Maps[k][p]
				if x, y := p%28, p/28; min(x, y, 27-x, 27-y) >= 2 {
					m[p] += 0.13 / float32(4+i) * float32(r.NormFloat64())
				}
			}
		}
	}
	var asGIF, asPNG bytes.Buffer
	if err := f.EncodeGIF(&asGIF); err != nil {
		t.Fatal(err)
	}
	if err := f.EncodeAPNG(&asPNG, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("GIF %d bytes, APNG %d bytes", asGIF.Len(), asPNG.Len())
	if asGIF.Len() > 3<<20 || asPNG.Len() > 3<<20 {
		t.Errorf("GIF %d bytes, APNG %d bytes, want at most 3 MiB", asGIF.Len(), asPNG.Len())
	}
}

func TestFilmPalette(t *testing.T) {
	for _, m := range []Colormap{BlueOrange, BlueRed, Grey, Ink} {
		p := newFilmPalette(m)
		if len(p.colors) > 256 {
			t.Errorf("%v: %d colours", m, len(p.colors))
		}
		for i, c := range m.Table() {
			got := p.colors[p.steps[i]&0xff]
			v, ok := m.Value(got)
			if want, _ := m.Value(c); !ok || math.Abs(v-want) > 0.5/filmSteps+0.5/Steps {
				t.Errorf("%v: step %d has the colour of %v, want one near %v", m, i, v, want)
			}
		}
		for _, exact := range []color.RGBA{m.At(-1), m.At(0), m.At(1), m.At(math.NaN()), {0xff, 0xff, 0xff, 0xff}} {
			if p.colors[p.nearest(exact)] != exact {
				t.Errorf("%v: %v is not in the palette", m, exact)
			}
		}
	}
}

func TestFilmRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *Film)
		want   string
	}{
		{"no frames", func(f *Film) { f.Frames = nil }, "0 frames, want 1 to"},
		{"neuron", func(f *Film) { f.Sheet.Colors.Scale = Neuron }, "scale neuron"},
		{"few maps", func(f *Film) { f.Frames[1].Maps = f.Frames[1].Maps[1:] }, "frame 1 has 2 maps, want 3"},
		{
			"short map", func(f *Film) { f.Frames[2].Maps[1] = f.Frames[2].Maps[1][1:] },
			`frame 2: tile 1 ("1"): map has 783 weights`,
		},
		{"order", func(f *Film) { f.Frames[2].Epoch = 1 }, "frame 2 is epoch 1, want epochs that go up from 0"},
		{"accuracy", func(f *Film) { f.Frames[1].Accuracy = 97 }, "frame 1: accuracy 97"},
		{"delay", func(f *Film) { f.Delay = time.Hour }, "1h0m0s"},
		{"huge", func(f *Film) { f.Sheet.TilePx = 32000 }, "pixels, the limit is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFilm(3, 3, 28, 28)
			tt.change(&f)
			var b bytes.Buffer
			for _, err := range []error{f.EncodeGIF(&b), f.EncodeAPNG(&b, nil)} {
				if err == nil || !strings.Contains(err.Error(), tt.want) ||
					!strings.HasPrefix(err.Error(), "render: ") || b.Len() > 0 {
					t.Errorf("error %v after %d bytes, want one with %q", err, b.Len(), tt.want)
				}
			}
		})
	}
	if err := newFilm(1, 1, 2, 2).EncodeAPNG(io.Discard, map[string]string{"": "x"}); err == nil {
		t.Error("empty key: no error")
	}
	w := fullWriter(100)
	if err := newFilm(1, 1, 2, 2).EncodeAPNG(&w, nil); err == nil || !strings.Contains(err.Error(), errFull.Error()) {
		t.Errorf("error %v, want that of the writer", err)
	}
}
