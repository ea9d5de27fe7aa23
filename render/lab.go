package render

import (
	"image/color"
	"math"
)

// lab is a colour in CIELAB under illuminant D65, the white of sRGB: L is the
// lightness, 0 (black) to 100 (white); A runs from green to red and B from
// blue to yellow. Source: CIE 15:2004, section 8.2.1.
type lab struct{ L, A, B float64 }

// The matrix from linear sRGB to CIE XYZ (IEC 61966-2-1) and its inverse; the
// white point is the image of (1, 1, 1).
var (
	xyzFromRGB = [3][3]float64{
		{0.4123907993, 0.3575843394, 0.1804807884},
		{0.2126390059, 0.7151686788, 0.0721923154},
		{0.0193308187, 0.1191947798, 0.9505321522},
	}
	rgbFromXYZ = [3][3]float64{
		{3.2409699419, -1.5373831776, -0.4986107603},
		{-0.9692436363, 1.8759675015, 0.0415550574},
		{0.0556300797, -0.2039769589, 1.0569715142},
	}
	whiteXYZ = [3]float64{0.9504559271, 1, 1.0890577508}
)

// labOf converts an opaque 8-bit sRGB colour to CIELAB.
func labOf(c color.RGBA) lab {
	return labFromLinear([3]float64{linear(c.R), linear(c.G), linear(c.B)})
}

// labFromLinear converts linear sRGB in [0, 1] to CIELAB.
func labFromLinear(rgb [3]float64) lab {
	var f [3]float64
	for i, row := range xyzFromRGB {
		f[i] = labCurve((row[0]*rgb[0] + row[1]*rgb[1] + row[2]*rgb[2]) / whiteXYZ[i])
	}
	return lab{L: 116*f[1] - 16, A: 500 * (f[0] - f[1]), B: 200 * (f[1] - f[2])}
}

// sRGB converts to gamma-encoded sRGB; components outside [0, 1] mean that the
// screen cannot show the colour.
func (c lab) sRGB() [3]float64 {
	fy := (c.L + 16) / 116
	xyz := [3]float64{
		whiteXYZ[0] * labCurveInverse(fy+c.A/500),
		whiteXYZ[1] * labCurveInverse(fy),
		whiteXYZ[2] * labCurveInverse(fy-c.B/200),
	}
	var rgb [3]float64
	for i, row := range rgbFromXYZ {
		rgb[i] = encode(row[0]*xyz[0] + row[1]*xyz[1] + row[2]*xyz[2])
	}
	return rgb
}

// quantise returns the 8-bit colour nearest to c among the eight that surround
// it. Lightness counts four times as much as hue: rounding each channel by
// itself moves L by up to 0.2, nearly half a step of our colour maps, and
// would break their evenness and the match between their two sides.
func (c lab) quantise() color.RGBA {
	rgb := c.sRGB()
	best, bestError := color.RGBA{A: 0xff}, math.Inf(1)
	for corner := range 8 {
		var channel [3]uint8
		for i, v := range rgb {
			v = math.Floor(v*255) + float64(corner>>i&1)
			channel[i] = uint8(min(max(v, 0), 255))
		}
		candidate := color.RGBA{channel[0], channel[1], channel[2], 0xff}
		got := labOf(candidate)
		e := math.Hypot(4*(got.L-c.L), math.Hypot(got.A-c.A, got.B-c.B))
		if e < bestError {
			best, bestError = candidate, e
		}
	}
	return best
}

// labCurve is the cube root with a linear piece near black, CIE 15:2004 (8.5).
func labCurve(t float64) float64 {
	if t > 216.0/24389 {
		return math.Cbrt(t)
	}
	return (24389.0/27*t + 16) / 116
}

func labCurveInverse(f float64) float64 {
	if t := f * f * f; t > 216.0/24389 {
		return t
	}
	return (116*f - 16) * 27 / 24389
}

// linear undoes the sRGB transfer curve of an 8-bit component.
func linear(v uint8) float64 {
	c := float64(v) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

// encode applies the sRGB transfer curve.
func encode(c float64) float64 {
	if c <= 0.0031308 {
		return 12.92 * c
	}
	return 1.055*math.Pow(c, 1/2.4) - 0.055
}
