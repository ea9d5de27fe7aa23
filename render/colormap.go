package render

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"sync"
)

// Steps is the number of distinct colours on each side of zero. A colour map
// has 2·Steps + 1 = 255 colours, so a weight read back from a picture is off by
// at most limit/(2·Steps).
const Steps = 127

// Colormap maps t ∈ [−1, 1] to a colour. Every map but Ink is symmetric about
// an exactly neutral zero (R = G = B) and changes strictly in CIELAB lightness
// from there to either end. In the two diverging maps zero is the lightest
// colour, t and −t are equally light, and warm means positive. The zero value
// is the default, BlueOrange; a value that is none of the constants acts like
// it, and Validate refuses it.
//
// The design, a linear ramp of lightness from a light neutral centre, follows
// K. Moreland, Diverging Color Maps for Scientific Visualization (ISVC 2009),
// and P. Kovesi, Good Colour Maps: How to Design Them (arXiv:1509.03700).
type Colormap uint8

const (
	// BlueOrange runs from blue (negative) to orange-brown (positive). Its
	// sides stay apart for every kind of colour blindness.
	BlueOrange Colormap = iota
	// BlueRed runs from blue (negative) to red (positive).
	BlueRed
	// Grey runs linearly from black (negative) through middle grey to white
	// (positive), for print. Its zero is not its lightest colour.
	Grey
	// Ink runs from white (0) to black (1), for what is never negative, such as
	// images and activations; below 0 it is white. It is no map for weights,
	// and has no name that ColormapByName knows.
	Ink
)

// notFinite is the colour of NaN and ±Inf: violet, the vivid colour that stays
// farthest from every colour of every map for normal and for colour-blind eyes
// (ΔE*ab ≥ 34; the customary magenta comes within 3 of BlueOrange for a
// deuteranope).
var notFinite = color.RGBA{0xa0, 0x00, 0xff, 0xff}

// The diverging maps as CIELAB (a*, b*) at |t| = 1/4, 1/2, 3/4 and 1. Lightness
// is not theirs to choose: it falls linearly from neutral to darkest.
var (
	blue   = [4][2]float64{{-5, -17}, {-3, -34}, {4, -46}, {10, -42}}
	orange = [4][2]float64{{14, 33}, {30, 60}, {33, 54}, {26, 38}}
	red    = [4][2]float64{{20, 14}, {43, 27}, {57, 34}, {50, 28}}
)

const (
	neutral = 0xf5 // the zero of the diverging maps: a touch below the white of the page
	darkest = 30.0 // L* of their two ends
)

var colormaps = [...]struct {
	name  string
	table func() *colorTable
}{
	BlueOrange: {"blue-orange", sync.OnceValue(func() *colorTable { return diverging(blue, orange) })},
	BlueRed:    {"blue-red", sync.OnceValue(func() *colorTable { return diverging(blue, red) })},
	Grey:       {"grey", sync.OnceValue(linearGrey)},
	Ink:        {"ink", sync.OnceValue(inkRamp)},
}

// colorTable holds a map's colours, −1 first, and the way back.
type colorTable struct {
	colors [2*Steps + 1]color.RGBA
	index  map[color.RGBA]int
}

// ColormapByName returns the map for weights that String calls name; the error
// of an unknown name lists the known ones.
func ColormapByName(name string) (Colormap, error) {
	names := make([]string, Ink)
	for i, m := range colormaps[:Ink] {
		if m.name == name {
			return Colormap(i), nil
		}
		names[i] = m.name
	}
	return 0, fmt.Errorf("render: no colour map %q, want one of %s", name, strings.Join(names, ", "))
}

// String returns the map's name: "blue-orange", "blue-red", "grey" or "ink".
func (m Colormap) String() string {
	if !m.known() {
		return fmt.Sprintf("Colormap(%d)", uint8(m))
	}
	return colormaps[m].name
}

// Sides returns what to call the colours of negative and of positive values in a
// sentence: "blue" and "orange"; "dark" and "light" of the grey map.
func (m Colormap) Sides() (negative, positive string) {
	negative, positive, named := strings.Cut(m.String(), "-")
	if !named {
		return "dark", "light"
	}
	return negative, positive
}

// At returns the colour of t: colour round(Steps·t) of the side t is on. A t
// beyond ±1 gets the colour of the end; NaN and ±Inf get violet, which is in no
// map.
func (m Colormap) At(t float64) color.RGBA {
	if math.IsNaN(t) || math.IsInf(t, 0) {
		return notFinite
	}
	return m.table().colors[step(t*Steps)]
}

// Value is the inverse of At: the t in [−1, 1] whose colour c is, within
// 1/(2·Steps), or NaN for the colour of values that are not finite. ok is false
// for a colour that the map does not contain.
func (m Colormap) Value(c color.RGBA) (t float64, ok bool) {
	if c == notFinite {
		return math.NaN(), true
	}
	i, ok := m.table().index[c]
	return float64(i-Steps) / Steps, ok
}

// Table returns the map's 2·Steps + 1 colours, that of −1 first and that of 0 at
// index Steps: At(t) is Table()[Steps + round(Steps·t)], rounded half away from
// zero, for a program that colours by itself. The slice is the caller's.
func (m Colormap) Table() []color.RGBA {
	return slices.Clone(m.table().colors[:])
}

// signed says whether the map has a negative side.
func (m Colormap) signed() bool { return m != Ink }

func (m Colormap) known() bool { return int(m) < len(colormaps) }

func (m Colormap) table() *colorTable {
	if !m.known() {
		m = BlueOrange
	}
	return colormaps[m].table()
}

// step returns the table index of t·Steps, rounding half away from zero so that
// t and −t land equally far from the centre, and clamping to the ends.
func step(t float64) int {
	switch {
	case t >= Steps:
		return 2 * Steps
	case t <= -Steps:
		return 0
	case t < 0:
		return Steps - int(0.5-t)
	}
	return Steps + int(0.5+t)
}

func newColorTable(at func(i int) color.RGBA) *colorTable {
	t := &colorTable{index: make(map[color.RGBA]int, 2*Steps+1)}
	for i := range t.colors {
		t.colors[i] = at(i)
		t.index[t.colors[i]] = i
	}
	return t
}

// diverging builds a map from the anchors of its two sides.
func diverging(cold, warm [4][2]float64) *colorTable {
	zero := color.RGBA{neutral, neutral, neutral, 0xff}
	return newColorTable(func(i int) color.RGBA {
		switch {
		case i < Steps:
			return anchored(cold, float64(Steps-i)/Steps, labOf(zero).L).quantise()
		case i > Steps:
			return anchored(warm, float64(i-Steps)/Steps, labOf(zero).L).quantise()
		}
		return zero
	})
}

// anchored returns the colour at t ∈ [0, 1] on one side of a diverging map:
// lightness linear in t, a* and b* on the Catmull-Rom spline through the
// anchors, which bends smoothly where straight pieces would show a band.
func anchored(side [4][2]float64, t, lightest float64) lab {
	// The side before zero continues it in a straight line; so does the side
	// beyond the end.
	p := [7][2]float64{2: side[0], 3: side[1], 4: side[2], 5: side[3]}
	for c := range 2 {
		p[0][c] = -side[0][c]
		p[6][c] = 2*side[3][c] - side[2][c]
	}
	k := min(int(4*t), 3)
	u := 4*t - float64(k)
	spline := func(c int) float64 {
		a, b, d, e := p[k][c], p[k+1][c], p[k+2][c], p[k+3][c]
		return b + u/2*(d-a+u*(2*a-5*b+4*d-e+u*(3*(b-d)+e-a)))
	}
	return lab{L: lightest + t*(darkest-lightest), A: spline(0), B: spline(1)}
}

// linearGrey builds the map whose grey value is 128 + 127·t.
func linearGrey() *colorTable {
	return newColorTable(func(i int) color.RGBA {
		v := uint8(i + 1)
		return color.RGBA{v, v, v, 0xff}
	})
}

// inkRamp builds the map that is white up to 0 and linear to black.
func inkRamp() *colorTable {
	return newColorTable(func(i int) color.RGBA {
		v := uint8(255 - (max(i-Steps, 0)*255+Steps/2)/Steps)
		return color.RGBA{v, v, v, 0xff}
	})
}
