package render

import (
	"image/color"
	"math"
	"strings"
	"testing"
)

var allColormaps = []Colormap{BlueOrange, BlueRed, Grey}

// The published values of the sRGB primaries under D65 (for instance B.
// Lindbloom's CIE colour calculator), an anchor outside this package.
func TestLabOfPublishedColours(t *testing.T) {
	tests := []struct {
		name string
		rgb  color.RGBA
		want lab
	}{
		{"white", color.RGBA{255, 255, 255, 255}, lab{100, 0, 0}},
		{"black", color.RGBA{0, 0, 0, 255}, lab{0, 0, 0}},
		{"red", color.RGBA{255, 0, 0, 255}, lab{53.24, 80.09, 67.20}},
		{"green", color.RGBA{0, 255, 0, 255}, lab{87.73, -86.18, 83.18}},
		{"blue", color.RGBA{0, 0, 255, 255}, lab{32.30, 79.19, -107.86}},
		{"middle grey", color.RGBA{119, 119, 119, 255}, lab{50.03, 0, 0}},
		{"near black", color.RGBA{3, 3, 3, 255}, lab{0.82, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := deltaE(labOf(tt.rgb), tt.want); d > 0.1 {
				t.Errorf("labOf(%v) = %.2f, want %.2f", tt.rgb, labOf(tt.rgb), tt.want)
			}
			back := labOf(tt.rgb).sRGB()
			for i, want := range []uint8{tt.rgb.R, tt.rgb.G, tt.rgb.B} {
				if got := back[i] * 255; math.Abs(got-float64(want)) > 0.01 {
					t.Errorf("channel %d comes back as %.3f, want %d", i, got, want)
				}
			}
		})
	}
}

func TestColormapProperties(t *testing.T) {
	for _, m := range allColormaps {
		t.Run(m.String(), func(t *testing.T) {
			if c := m.At(0); c.R != c.G || c.G != c.B {
				t.Errorf("zero is %v, want R = G = B", c)
			}
			seen := make(map[color.RGBA]float64)
			for i := -Steps; i <= Steps; i++ {
				v := float64(i) / Steps
				c := m.At(v)
				if old, ok := seen[c]; ok {
					t.Errorf("%v is the colour of both %v and %v", c, old, v)
				}
				seen[c] = v
				if c.A != 255 {
					t.Errorf("colour of %v is not opaque: %v", v, c)
				}
				if m != Grey && i != 0 && c.R == c.G && c.G == c.B {
					t.Errorf("colour of %v is neutral, want only that of 0", v)
				}
				if warm := int(c.R) - int(c.B); m != Grey && i != 0 && (warm > 0) != (v > 0) {
					t.Errorf("colour of %v is %v, want warm for positive and cool for negative", v, c)
				}
			}
			// 0.25 is what separates two steps after rounding to 8 bits; the
			// ramp itself falls by 0.52 a step.
			for i := range Steps {
				a, b := float64(i)/Steps, float64(i+1)/Steps
				for _, side := range []float64{-1, 1} {
					fall := labOf(m.At(side*a)).L - labOf(m.At(side*b)).L
					if m == Grey && side > 0 {
						fall = -fall
					}
					if fall < 0.25 {
						t.Errorf("lightness changes by %.3f from %v to %v", fall, side*a, side*b)
					}
				}
				if d := labOf(m.At(b)).L - labOf(m.At(-b)).L; m != Grey && math.Abs(d) > 0.3 {
					t.Errorf("lightness at ±%v differs by %.3f", b, d)
				}
			}
			if m != Grey {
				return
			}
			for i := -Steps; i <= Steps; i++ {
				if got, want := int(m.At(float64(i)/Steps).R), 128+i; got != want {
					t.Errorf("grey of step %d is %d, want %d", i, got, want)
				}
			}
		})
	}
}

func TestColormapAt(t *testing.T) {
	for _, m := range allColormaps {
		t.Run(m.String(), func(t *testing.T) {
			if m.At(7) != m.At(1) || m.At(-7) != m.At(-1) {
				t.Error("beyond the ends: not the colour of the end")
			}
			for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				got, ok := m.Value(m.At(v))
				if !ok || !math.IsNaN(got) {
					t.Errorf("Value(At(%v)) = %v, %v, want NaN, true", v, got, ok)
				}
			}
			for i := -1000; i <= 1000; i++ {
				v := float64(i) / 1000
				got, ok := m.Value(m.At(v))
				if !ok || math.Abs(got-v) > 0.5/Steps+1e-12 {
					t.Errorf("Value(At(%v)) = %v, %v, want within %v", v, got, ok, 0.5/Steps)
				}
				if back, _ := m.Value(m.At(-v)); back != -got {
					t.Errorf("At(%v) and At(%v) are not equally far from zero: %v and %v", v, -v, got, back)
				}
			}
			for _, c := range []color.RGBA{{1, 200, 3, 255}, {}, {245, 245, 245, 0}} {
				if _, ok := m.Value(c); ok {
					t.Errorf("Value(%v) is ok, want a colour that the map does not have", c)
				}
			}
		})
	}
}

func TestColormapByName(t *testing.T) {
	for _, m := range allColormaps {
		if got, err := ColormapByName(m.String()); got != m || err != nil {
			t.Errorf("ColormapByName(%q) = %v, %v", m.String(), got, err)
		}
	}
	_, err := ColormapByName("jet")
	if err == nil || !strings.Contains(err.Error(), `no colour map "jet", want one of blue-orange, blue-red, grey`) {
		t.Errorf("error %v does not list the names", err)
	}
	if unknown := Colormap(9); unknown.At(0.5) != BlueOrange.At(0.5) || unknown.String() != "Colormap(9)" {
		t.Errorf("unknown map: At %v, String %q", unknown.At(0.5), unknown)
	}
}

// The anchors have to be colours that a screen can show; else they are clipped,
// and the ramp between them has a kink.
func TestAnchorsAreInGamut(t *testing.T) {
	zero := labOf(color.RGBA{neutral, neutral, neutral, 255}).L
	for name, side := range map[string][4][2]float64{"blue": blue, "orange": orange, "red": red} {
		for i := 0; i <= 1000; i++ {
			at := float64(i) / 1000
			for c, v := range anchored(side, at, zero).sRGB() {
				if !(v >= 0 && v <= 1) {
					t.Errorf("%s at %v: channel %d is %.4f, want 0 to 1", name, at, c, v)
				}
			}
		}
	}
}

// dichromats are the matrices for linear RGB of G. Machado, M. Oliveira and L.
// Fernandes, A Physiologically-based Model for Simulation of Color Vision
// Deficiency (IEEE TVCG 15(6), 2009), table 1, severity 1.0.
var dichromats = map[string][3][3]float64{
	"protan": {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deutan": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritan": {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
	"normal": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
}

func TestColourBlind(t *testing.T) {
	for eye, matrix := range dichromats {
		for _, m := range allColormaps {
			t.Run(eye+"/"+m.String(), func(t *testing.T) {
				// 2.3 is a just noticeable difference. The default has to be
				// plain to everyone at once, the others at least clear.
				ends, quarter := 50.0, 20.0
				if m == BlueOrange {
					ends, quarter = 60, 40
				}
				if d := deltaE(seen(matrix, m.At(-1)), seen(matrix, m.At(1))); d < ends {
					t.Errorf("the ends are ΔE %.1f apart, want %.0f", d, ends)
				}
				if d := deltaE(seen(matrix, m.At(-0.25)), seen(matrix, m.At(0.25))); d < quarter {
					t.Errorf("±¼ are ΔE %.1f apart, want %.0f", d, quarter)
				}
				for i := -Steps; i <= Steps; i++ {
					c := m.At(float64(i) / Steps)
					if d := deltaE(seen(matrix, c), seen(matrix, notFinite)); d < 30 {
						t.Errorf("the colour of NaN is ΔE %.1f from that of step %d, want 30", d, i)
					}
				}
			})
		}
	}
}

// seen returns what an eye with the given matrix sees.
func seen(m [3][3]float64, c color.RGBA) lab {
	rgb := [3]float64{linear(c.R), linear(c.G), linear(c.B)}
	var out [3]float64
	for i, row := range m {
		out[i] = min(max(row[0]*rgb[0]+row[1]*rgb[1]+row[2]*rgb[2], 0), 1)
	}
	return labFromLinear(out)
}

// deltaE is the CIE 1976 colour difference.
func deltaE(a, b lab) float64 {
	return math.Sqrt((a.L-b.L)*(a.L-b.L) + (a.A-b.A)*(a.A-b.A) + (a.B-b.B)*(a.B-b.B))
}

func TestSides(t *testing.T) {
	for m, want := range map[Colormap][2]string{
		BlueOrange: {"blue", "orange"}, BlueRed: {"blue", "red"},
		Grey: {"dark", "light"},
	} {
		if negative, positive := m.Sides(); negative != want[0] || positive != want[1] {
			t.Errorf("%v: %q and %q, want %q", m, negative, positive, want)
		}
	}
}
