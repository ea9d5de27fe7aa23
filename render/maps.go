package render

import (
	"cmp"
	"fmt"
	"image/color"
)

// Map is one map of signed values, such as the weights of a neuron, as a panel
// of a Figure.
type Map struct {
	Title, Caption string
	Key            string // of its values; see Figure.Numbers
	Width, Height  int
	Values         []float32 // Height×Width, row-major; only read
	Colors         *Colors   // nil: its own limit and bar
	// Mark is true at positions to hatch, such as pixels that are never inked;
	// nil or Height×Width, row-major.
	Mark      []bool
	MarkLabel string // what they are; empty: "marked positions"
	Side      int    // longest side on screen in pixels; 0: choose
}

func (m Map) heading() (string, string) { return m.Title, m.Caption }

func (m Map) sheet() Sheet {
	return Sheet{
		Width: m.Width, Height: m.Height, Tiles: []Tile{{Map: m.Values, Name: m.Title}},
		Mark: m.Mark, MarkLabel: m.MarkLabel,
	}
}

func (m Map) check() error {
	if err := checkSide(m.Side); err != nil {
		return err
	}
	s := m.sheet()
	s.Tiles[0].Name = ""
	return s.check()
}

func checkSide(side int) error {
	if side < 0 || side > maxSide {
		return fmt.Errorf("side of %d pixels, want 1 to %d, or 0 to choose", side, maxSide)
	}
	return nil
}

func (m Map) coloured() (*Colors, [][]float32) {
	c := m.Colors
	if c == nil {
		c = &Colors{}
	}
	return c, [][]float32{m.Values}
}

func (m Map) plan(r request) view {
	return r.mapView(m.sheet(), unfold(m.Width, m.Height).within(cmp.Or(m.Side, r.side)))
}

// mapView shows the only tile of s.
func (r request) mapView(s Sheet, g geometry) view {
	return r.tiles(s, grid{geometry: g, n: 1, cols: 1, rows: 1}, "values")
}

// colour returns the colour of a value of the panel.
func (r request) colour(v float64) color.RGBA {
	if r.scaling.shared == 0 {
		v *= 0 // 0, or NaN for what is not finite
		return r.colors.Map.At(v)
	}
	return r.colors.Map.At(v / r.scaling.shared)
}

// readableOn returns black or white, whichever is read better on c.
func readableOn(c color.RGBA) color.RGBA {
	if labOf(c).L < 58 {
		return color.RGBA{0xff, 0xff, 0xff, 0xff}
	}
	return ink
}

// Image is a grey image, ink dark on white, as a panel of a Figure.
type Image struct {
	Title, Caption string
	Key            string // of its pixels, "" for none; see Figure.Numbers
	Width, Height  int
	Pixels         []byte // Height×Width, row-major; 0 is blank, 255 full ink; only read
	Side           int    // longest side on screen in pixels; 0: choose
}

func (m Image) heading() (string, string) { return m.Title, m.Caption }

func (m Image) check() error { return m.asMap().check() }

// asMap is the image as a map from 0 to 255.
func (m Image) asMap() Map {
	return Map{
		Title: m.Title, Width: m.Width, Height: m.Height, Values: inkOf(m.Pixels), Side: m.Side,
		Colors: imageColors(),
	}
}

// imageColors are those of the bytes of an image.
func imageColors() *Colors { return &Colors{Map: Ink, Limit: 255, NoBar: true} }

func inkOf(pixels []byte) []float32 {
	values := make([]float32, len(pixels))
	for i, v := range pixels {
		values[i] = float32(v)
	}
	return values
}

func (m Image) coloured() (*Colors, [][]float32) { return m.asMap().coloured() }

func (m Image) plan(r request) view { return m.asMap().plan(r) }

// Thumbs is a strip of small images with labels, as a panel of a Figure.
type Thumbs struct {
	Title, Caption string
	Width, Height  int
	Images         [][]byte   // each Height×Width, row-major; 0 is blank, 255 full ink; only read
	Names          []string   // under each image; nil or one per image
	Lines          [][]string // facts under the names; nil or one list per image
	Cols           int        // images in a row; 0: choose
	Side           int        // width of an image on screen in pixels; 0: choose
}

func (t Thumbs) heading() (string, string) { return t.Title, t.Caption }

func (t Thumbs) check() error {
	if t.Names != nil && len(t.Names) != len(t.Images) {
		return fmt.Errorf("%d names, want %d, one per image", len(t.Names), len(t.Images))
	}
	if t.Lines != nil && len(t.Lines) != len(t.Images) {
		return fmt.Errorf("%d lists of lines, want %d, one per image", len(t.Lines), len(t.Images))
	}
	return t.sheet().check()
}

func (t Thumbs) sheet() Sheet {
	s := Sheet{
		Width: t.Width, Height: t.Height, Tiles: make([]Tile, len(t.Images)),
		Colors: imageColors(), Cols: t.Cols, TilePx: t.Side,
	}
	for i, pixels := range t.Images {
		s.Tiles[i].Map = inkOf(pixels)
		if t.Names != nil {
			s.Tiles[i].Name = t.Names[i]
		}
		if t.Lines != nil {
			s.Tiles[i].Lines = t.Lines[i]
		}
	}
	return s
}

func (t Thumbs) coloured() (*Colors, [][]float32) { return t.sheet().coloured() }

func (t Thumbs) plan(r request) view {
	s := t.sheet()
	if s.TilePx == 0 {
		// A strip is an aside: smaller than the maps that it explains.
		s.TilePx = unfold(s.Width, s.Height).within(56).size().X
	}
	return s.planOf(r, "values")
}
