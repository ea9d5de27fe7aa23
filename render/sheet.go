package render

import (
	"fmt"
	"math"
	"slices"
)

// Tile is the map of one neuron.
type Tile struct {
	// Map holds Height×Width weights, row-major. It aliases the caller's
	// memory, is only read, and must not change while a picture is drawn.
	Map []float32
	// Name identifies the neuron, usually by its number, "17".
	Name string
	// Lines are short facts, "→ 3", "‖w‖ 2.1", in order of importance; as many
	// are shown as fit legibly.
	Lines []string
}

// Sheet is a contact sheet: every neuron of a layer as one small map. Only
// Width, Height and Tiles are needed; every other field's zero value means
// "choose" or "none".
//
// A sheet is one picture, however many tiles it has. To spread a layer over
// several, give each sheet a slice of Tiles and the same Limit (see Limits).
//
// In a Row or a Figure a sheet is a panel: its Title is the heading above it, its
// Caption a sentence, and its Subtitle is not used.
type Sheet struct {
	Title    string // "mnist · 784-100-10 · 97.9 % test accuracy"
	Subtitle string // "learned weights W − γW₀"
	Caption  string // one sentence under the picture: what it shows, how to read it

	// Width and Height are the size of a map in positions (input pixels). A
	// vector (one of them 1) is drawn as a strip up to 64 long, else folded
	// into rows, and the legend says so.
	Width, Height int
	Tiles         []Tile

	Scale Scale
	// Limit is the |w| at the ends of the colour map under Shared and
	// Percentile; 0 takes it from the tiles. Weights beyond it get the colour
	// of the end, and the colour bar says so.
	Limit float64
	Map   Colormap
	// Low and High say on the colour bar what the two signs mean; empty: that
	// ink lowers or raises z.
	Low, High string

	// Cols is the number of tiles in a row; 0: choose.
	Cols int
	// TilePx is the width of a tile on screen in pixels; 0: choose. It is
	// rounded down to a whole multiple of Width, so that each weight is a
	// block of equal pixels. A tile narrower than Width shows means over
	// square blocks of weights, and the legend says of how many.
	TilePx int

	// Mark, Height×Width, row-major, is true at positions to hatch in every
	// tile, such as pixels that are never inked; nil: none. Tiles too small to
	// hatch are left alone and the legend shows where the positions are.
	Mark      []bool
	MarkLabel string // what they are; empty: "marked positions"
}

const (
	defaultLow   = "negative: ink lowers z"
	defaultHigh  = "positive: ink raises z"
	defaultMark  = "marked positions"
	maxText      = 4096 // bytes of a title or a caption
	maxLabel     = 256  // bytes of a name or a fact
	maxLines     = 16   // facts of a tile
	maxPositions = 1 << 28
)

// Validate returns an error that says what is wrong with the sheet, where, and
// what would be right; nil if Draw can try. The size of the picture is known,
// and checked, only when it is laid out: see Draw.
func (s Sheet) Validate() error {
	if err := s.check(); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	return nil
}

// check is Validate without the package's name before its errors.
func (s Sheet) check() error {
	if s.Width < 1 || s.Height < 1 {
		return fmt.Errorf("maps of %d×%d (height×width), want both at least 1", s.Height, s.Width)
	}
	want := int64(s.Height) * int64(s.Width)
	if s.Width > maxPositions || s.Height > maxPositions || want > maxPositions {
		return fmt.Errorf("maps of %d×%d (height×width), the limit is %d weights", s.Height, s.Width, maxPositions)
	}
	if len(s.Tiles) == 0 {
		return fmt.Errorf("a sheet without tiles, want at least 1")
	}
	if int(s.Scale) >= len(scaleNames) {
		return fmt.Errorf("unknown scale %d, want Shared, Neuron or Percentile", s.Scale)
	}
	if !s.Map.known() {
		return fmt.Errorf("unknown colour map %d, want BlueOrange, BlueRed, Grey or Ink", s.Map)
	}
	if err := checkLimit(s.Limit); err != nil {
		return err
	}
	if s.Limit > 0 && s.Scale == Neuron {
		return fmt.Errorf("limit %v with scale neuron, whose tiles have each their own; use scale shared", s.Limit)
	}
	if s.Cols < 0 {
		return fmt.Errorf("%d columns, want at least 1, or 0 to choose", s.Cols)
	}
	if s.TilePx < 0 || s.TilePx > maxSide {
		return fmt.Errorf("tiles of %d pixels, want 1 to %d, or 0 to choose", s.TilePx, maxSide)
	}
	if s.Mark != nil && int64(len(s.Mark)) != want {
		return fmt.Errorf("mark has %d positions, want %d×%d = %d", len(s.Mark), s.Height, s.Width, want)
	}
	if err := checkTexts([]namedText{
		{"title", s.Title},
		{"subtitle", s.Subtitle},
		{"caption", s.Caption},
		{"low", s.Low},
		{"high", s.High},
		{"mark label", s.MarkLabel},
	}); err != nil {
		return err
	}
	for i, t := range s.Tiles {
		err := t.check(s.Height, s.Width)
		if err == nil && !s.Map.signed() {
			err = checkUnsigned(t.Map)
		}
		if err != nil {
			return fmt.Errorf("tile %d (%.40q): %w", i, t.Name, err)
		}
	}
	return nil
}

// checkLimit refuses a limit that is neither 0, to choose, nor a scale.
func checkLimit(limit float64) error {
	if limit != 0 && !(limit >= math.SmallestNonzeroFloat32 && limit <= math.MaxFloat32) {
		return fmt.Errorf("limit %v, want a positive number that a float32 holds, or 0 to take it from what is drawn", limit)
	}
	return nil
}

// checkUnsigned refuses what the colour map Ink would hide.
func checkUnsigned(values []float32) error {
	if i := slices.IndexFunc(values, func(v float32) bool { return v < 0 }); i >= 0 {
		return fmt.Errorf("value %d is %v, but colour map ink shows nothing below 0; use a signed one", i, values[i])
	}
	return nil
}

func (t Tile) check(height, width int) error {
	if len(t.Map) != height*width {
		return fmt.Errorf("map has %d weights, want %d×%d = %d", len(t.Map), height, width, height*width)
	}
	if len(t.Name) > maxLabel {
		return fmt.Errorf("name has %d bytes, the limit is %d", len(t.Name), maxLabel)
	}
	if len(t.Lines) > maxLines {
		return fmt.Errorf("%d lines, the limit is %d", len(t.Lines), maxLines)
	}
	for i, l := range t.Lines {
		if len(l) > maxLabel {
			return fmt.Errorf("line %d has %d bytes, the limit is %d", i, len(l), maxLabel)
		}
	}
	return nil
}

type namedText struct{ name, text string }

// checkTexts refuses texts that no page has room for.
func checkTexts(texts []namedText) error {
	for _, t := range texts {
		if len(t.text) > maxText {
			return fmt.Errorf("%s has %d bytes, the limit is %d", t.name, len(t.text), maxText)
		}
	}
	return nil
}

// Limits returns for each tile the |w| that the ends of the colour map stand
// for: what Draw uses, for a caller that draws several pictures to one scale.
func (s Sheet) Limits() ([]float64, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s.scaling().limits, nil
}

func (s Sheet) scaling() scaling { return scale(s.maps(), s.Scale, s.Limit) }

func (s Sheet) maps() [][]float32 {
	maps := make([][]float32, len(s.Tiles))
	for i, t := range s.Tiles {
		maps[i] = t.Map
	}
	return maps
}

// Draw draws the sheet. It fails on what Validate refuses and, before the image
// is allocated, on a picture that would have more than 32767 pixels on a side or
// 67108864 in all; the error names the size and what would make it smaller.
func (s Sheet) Draw() (*Picture, error) {
	panel := s
	panel.Title, panel.Subtitle, panel.Caption = "", "", ""
	return Row{
		Title: s.Title, Subtitle: s.Subtitle, Caption: s.Caption,
		Panels: []Sheet{panel},
	}.Draw()
}
