package render

import (
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pictures in testdata/golden anew; look at each before committing it")

// The pictures in testdata/golden were looked at; these tests notice when one
// changes.
func TestGolden(t *testing.T) {
	small := func(n, width, height int) Sheet {
		s := newSheet(n, width, height)
		s.Subtitle, s.Caption = "", "Orange pixels raise the sum z of a neuron, blue ones lower it."
		coarse(s.Tiles)
		return s
	}
	tests := []struct {
		name  string
		sheet func() interface{ Draw() (*Picture, error) }
	}{
		{"one", func() interface{ Draw() (*Picture, error) } { return small(1, 28, 28) }},
		{"ten", func() interface{ Draw() (*Picture, error) } { return small(10, 28, 28) }},
		{"hundred", func() interface{ Draw() (*Picture, error) } { return small(100, 28, 28) }},
		{"threehundred_small", func() interface{ Draw() (*Picture, error) } {
			s := small(300, 28, 28)
			s.TilePx = 28
			return s
		}},
		{"marks", func() interface{ Draw() (*Picture, error) } {
			s := small(7, 28, 28)
			s.Mark, s.MarkLabel, s.TilePx = rim(28, 28), "never inked in the 60\u00a0000 training images", 84
			return s
		}},
		{"marks_in_legend", func() interface{ Draw() (*Picture, error) } {
			s := small(7, 28, 28)
			s.Mark, s.MarkLabel, s.TilePx = rim(28, 28), "never inked in the 60\u00a0000 training images", 28
			return s
		}},
		{"neuron", func() interface{ Draw() (*Picture, error) } {
			s := small(20, 28, 28)
			s.Colors.Scale, s.TilePx = Neuron, 84
			return s
		}},
		{"percentile", func() interface{ Draw() (*Picture, error) } {
			s := small(12, 28, 28)
			s.Colors.Scale, s.TilePx, s.Colors.Map = Percentile, 84, BlueRed
			return s
		}},
		{"grey", func() interface{ Draw() (*Picture, error) } {
			s := small(6, 28, 28)
			s.Colors.Map, s.Colors.Limit, s.TilePx, s.Mark = Grey, 0.6, 84, rim(28, 28)
			return s
		}},
		{"not_finite", func() interface{ Draw() (*Picture, error) } {
			s := small(3, 28, 28)
			s.TilePx = 84
			s.Tiles[1].Map[300] = nan32
			s.Tiles[2].Map = make([]float32, 28*28)
			return s
		}},
		{"wide", func() interface{ Draw() (*Picture, error) } { return small(12, 40, 16) }},
		{"list", func() interface{ Draw() (*Picture, error) } { return small(8, 13, 1) }},
		{"folded", func() interface{ Draw() (*Picture, error) } {
			s := small(8, 1, 97)
			s.TilePx = 80
			return s
		}},
		{"means", func() interface{ Draw() (*Picture, error) } {
			s := small(6, 64, 64)
			s.TilePx = 32
			return s
		}},
		{"why", func() interface{ Draw() (*Picture, error) } { return whyFigure(100, 10, 28, 28) }},
		{"kinds", func() interface{ Draw() (*Picture, error) } { return kinds(10, 100) }},
		{"sidebyside", func() interface{ Draw() (*Picture, error) } { return sideBySide(false) }},
		{"sidebyside_common", func() interface{ Draw() (*Picture, error) } { return sideBySide(true) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := tt.sheet().Draw()
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join("testdata", "golden", tt.name+".png"), p.Image)
		})
	}
}

// sideBySide is what was stored, what was learned and what it began with.
func sideBySide(common bool) Figure {
	learned := strokes(4, 20, 20)
	start := noisy(blankLike(learned), 0.6)
	coarse(learned)
	coarse(start)
	for i := range learned {
		learned[i].Lines = learned[i].Lines[:1]
	}
	stored := blankLike(learned)
	for i := range stored {
		for p := range stored[i].Map {
			stored[i].Map[p] = learned[i].Map[p] + start[i].Map[p]
		}
	}
	f := Figure{
		Title: "Why yours looked like noise", Subtitle: "mnist · 784-100-10 · 95.5 % test accuracy",
		Caption: "Most of what the weights show is the random start; take it away and the shapes appear.",
	}
	var sheets []Sheet
	for i, s := range []Sheet{
		{Title: "as stored", Caption: "The weights W: what you drew.", Tiles: stored},
		{Title: "learned", Caption: "W − γW₀: what training changed.", Tiles: learned},
		{Title: "as it began", Caption: "γW₀: random numbers.", Tiles: start},
	} {
		s.Width, s.Height, s.TilePx = 20, 20, 80
		if s.Colors = weightColors(); common && i > 0 {
			s.Colors = sheets[0].Colors
		}
		sheets = append(sheets, s)
	}
	f.Rows = sideBy(sheets...)
	return f
}

// coarse rounds weights to fifths: flat areas keep the files small.
func coarse(tiles []Tile) {
	for _, t := range tiles {
		for i, w := range t.Map {
			t.Map[i] = float32(math.Round(5*float64(w)) / 5)
		}
	}
}

func blankLike(tiles []Tile) []Tile {
	out := make([]Tile, len(tiles))
	for i, t := range tiles {
		out[i] = Tile{Map: make([]float32, len(t.Map)), Name: t.Name, Lines: t.Lines[:1]}
	}
	return out
}

// tolerance allows for floating point that rounds differently on another
// processor, by one or two of 255; a change that the eye can see is larger.
const tolerance = 2

// compareGolden compares img with the picture in file. When they differ it
// writes both and where they do into a folder that it names.
func compareGolden(t *testing.T, file string, img *image.RGBA) {
	t.Helper()
	if *update {
		if err := writeGolden(file, img); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := readRGBA(file)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	diff, count := difference(want, img)
	if count == 0 {
		return
	}
	// Not t.TempDir: it is gone when somebody comes to look.
	dir, err := os.MkdirTemp("", "render-golden-")
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*image.RGBA{"got.png": img, "want.png": want, "diff.png": diff} {
		if err := writeGolden(filepath.Join(dir, name), m); err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("%s: %d pixels differ, sizes %v and %v; look at got.png, want.png and diff.png in %s",
		file, count, want.Rect.Size(), img.Rect.Size(), dir)
}

// difference returns a picture that is red where a and b differ, and in how
// many pixels they do.
func difference(a, b *image.RGBA) (*image.RGBA, int) {
	diff := image.NewRGBA(a.Rect.Union(b.Rect))
	count := 0
	for y := range diff.Rect.Dy() {
		for x := range diff.Rect.Dx() {
			p, q := a.RGBAAt(x, y), b.RGBAAt(x, y)
			c := color.RGBA{p.R/4 + 190, p.G/4 + 190, p.B/4 + 190, 255}
			if apart(p.R, q.R) || apart(p.G, q.G) || apart(p.B, q.B) || apart(p.A, q.A) {
				c = color.RGBA{255, 0, 0, 255}
				count++
			}
			diff.SetRGBA(x, y, c)
		}
	}
	return diff, count
}

func apart(a, b uint8) bool { return max(a, b)-min(a, b) > tolerance }

func writeGolden(file string, img image.Image) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	var b strings.Builder
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, img); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

func readRGBA(file string) (*image.RGBA, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out := image.NewRGBA(m.Bounds())
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Src)
	return out, nil
}

// The comparison itself notices a change of one pixel and of the size.
func TestDifference(t *testing.T) {
	a := image.NewRGBA(image.Rect(0, 0, 8, 6))
	b := image.NewRGBA(image.Rect(0, 0, 8, 6))
	if _, n := difference(a, b); n != 0 {
		t.Errorf("equal pictures differ in %d pixels", n)
	}
	b.SetRGBA(3, 4, color.RGBA{0, 0, tolerance + 1, 0})
	if _, n := difference(a, b); n != 1 {
		t.Errorf("one pixel changed, %d noticed", n)
	}
	for i := range a.Pix {
		a.Pix[i] = 255
	}
	if _, n := difference(a, image.NewRGBA(image.Rect(0, 0, 8, 5))); n != 48 {
		t.Errorf("another size: %d pixels differ, want all 48", n)
	}
}
