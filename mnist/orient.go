package mnist

import (
	"math"
	"slices"
	"strconv"
)

// moments say what the mean image of a class looks like: central moments of its ink over the variance
// σ² = (⟨y²⟩ + ⟨x²⟩)/2, y down and x to the right: ⟨y²⟩ − ⟨x²⟩ (above 0 for what is tall), ⟨xy⟩ (below 0 for what leans
// to the right), ⟨y³⟩, ⟨y²x⟩, ⟨yx²⟩, ⟨x³⟩.
type moments [6]float64

// digitShapes are those of MNIST's 60,000 training images, 0 to 9. TestDigitShapes computes them again.
func digitShapes() [10]moments {
	return [10]moments{
		{0.166, -0.230, -0.012, -0.012, 0.064, 0.024},
		{1.359, -0.412, -0.056, 0.020, 0.007, -0.004},
		{0.515, -0.123, -0.466, -0.065, 0.186, -0.045},
		{0.786, -0.084, 0.054, -0.204, 0.105, -0.158},
		{0.129, -0.055, 0.116, 0.214, -0.240, -0.097},
		{0.593, -0.206, 0.118, 0.082, -0.080, 0.103},
		{0.511, -0.032, -0.783, 0.059, 0.057, 0.134},
		{0.675, -0.043, 0.836, -0.218, -0.240, -0.194},
		{0.759, -0.237, 0.160, -0.006, -0.081, 0.081},
		{0.634, -0.002, 0.646, 0.094, -0.091, -0.135},
	}
}

// momentsOf returns the moments of an image of so many columns, none of it negative and something in it.
func momentsOf(ink []float64, cols int) moments {
	var sum, cy, cx float64
	for p, v := range ink {
		sum += v
		cy += v * float64(p/cols)
		cx += v * float64(p%cols)
	}
	cy, cx = cy/sum, cx/sum
	var variance float64
	var m moments
	for p, v := range ink {
		y, x := float64(p/cols)-cy, float64(p%cols)-cx
		v /= sum
		variance += v * (y*y + x*x) / 2
		for i, term := range [...]float64{y*y - x*x, x * y, y * y * y, y * y * x, y * x * x, x * x * x} {
			m[i] += v * term
		}
	}
	for i := range m {
		m[i] /= math.Pow(variance, []float64{1, 1, 1.5, 1.5, 1.5, 1.5}[i])
	}
	return m
}

// turned returns the moments of the image mirrored top to bottom, left to right, and then transposed.
func (m moments) turned(vertical, horizontal, transposed bool) moments {
	if vertical {
		m[1], m[2], m[4] = -m[1], -m[2], -m[4]
	}
	if horizontal {
		m[1], m[3], m[5] = -m[1], -m[3], -m[5]
	}
	if transposed {
		m[0], m[2], m[3], m[4], m[5] = -m[0], m[5], m[4], m[3], m[2]
	}
	return m
}

// Bounds of how digits lie. The distance between the shapes of two samples of MNIST, of 20 images a class, is 0.2; of
// MNIST and its mirror image 0.5, of MNIST and itself transposed 1.6; of Fashion-MNIST and any digits, however turned,
// above 1.
const (
	digitsLikely = 0.3 // distance up to which images are digits that lie so
	otherwise    = 2   // times as far the images must be when they are taken as they lie
	digitImages  = 20  // images of a class that its mean is taken of
)

// orientation says how digits lie, when they do not lie as MNIST's; "" for all else: images that are not called 0 to 9,
// or that are no digits.
func (l *look) orientation() string {
	names := []string{}
	for k := range 10 {
		names = append(names, strconv.Itoa(k))
	}
	if l.set.Shape != Grey(28, 28) || !slices.Equal(l.set.Classes, names) ||
		slices.Min(l.counts) < digitImages || l.flat() {
		return ""
	}
	bright := l.bright()
	var shapes [10]moments
	for k, sum := range l.sums {
		ink := make([]float64, len(sum))
		for p, v := range sum {
			ink[p] = float64(v) - float64(l.lo*l.counts[k])
			if bright {
				ink[p] = float64(l.hi*l.counts[k]) - float64(v)
			}
		}
		if slices.Max(ink) == 0 {
			return ""
		}
		shapes[k] = momentsOf(ink, l.set.Cols)
	}
	distance := func(v, h, t bool) float64 {
		sum := 0.0
		for k, want := range digitShapes() {
			m := shapes[k].turned(v, h, t)
			for i := range m {
				sum += (m[i] - want[i]) * (m[i] - want[i])
			}
		}
		return math.Sqrt(sum / 10)
	}
	least, text := math.Inf(1), ""
	for _, w := range []struct {
		v, h, t bool
		text    string
	}{
		{true, false, false, "are upside down, mirrored; turn the rows of every image round"},
		{false, true, false, "are mirrored; turn the columns of every image round"},
		{true, true, false, "stand on their heads; turn rows and columns of every image round"},
		{false, false, true, "are transposed, as in EMNIST's files; exchange rows and columns of every image"},
		{true, false, true, "lie on their left side; turn the rows round and exchange rows and columns of every image"},
		{false, true, true, "lie on their right side; turn the columns round and exchange rows and columns of every " +
			"image"},
		{true, true, true, "lie on their side, mirrored; turn rows and columns round and exchange them in every image"},
	} {
		if d := distance(w.v, w.h, w.t); d < least {
			least, text = d, w.text
		}
	}
	if least > digitsLikely || distance(false, false, false) < otherwise*least {
		return ""
	}
	return "the digits " + text + ": so their means are like MNIST's, and as they lie they are not"
}
