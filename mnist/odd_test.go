package mnist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// strokes is a set of n 6×6 images with a pixel's margin, label i%classes + first, as many names as labels. seed draws
// the images.
func strokes(n, classes, first int, seed uint64) *Set {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &Set{Shape: Grey(6, 6), Images: make([]byte, 36*n), Labels: make([]uint8, n)}
	for k := range classes + first {
		s.Classes = append(s.Classes, fmt.Sprint(k))
	}
	for i := range n {
		s.Labels[i] = uint8(i%classes + first)
		for p := range 16 {
			if r.IntN(2) == 0 {
				s.Image(i)[6*(1+p/4)+1+p%4] = byte(1 + r.IntN(255))
			}
		}
	}
	return s
}

// both changes the pixels of a training and a test set.
func both(change func(byte) byte) func(train, test *Set) {
	return func(train, test *Set) { *train, *test = *train.eachPixel(change), *test.eachPixel(change) }
}

func TestOdd(t *testing.T) {
	relabel := func(change func(i int, label uint8) uint8, classes int) func(a, b *Set) {
		return func(a, b *Set) {
			for _, s := range []*Set{a, b} {
				s.Classes = nil
				for k := range classes {
					s.Classes = append(s.Classes, fmt.Sprint(k))
				}
				for i, l := range s.Labels {
					s.Labels[i] = change(i, l)
				}
			}
		}
	}
	tests := []struct {
		name   string
		change func(train, test *Set)
		want   []string // how each sentence goes, in order
	}{
		{"nothing", func(a, b *Set) {}, nil},
		{"no test images", func(a, b *Set) { *b = *b.Slice(0, 0) }, nil},
		{
			"pixels 0 and 1", both(func(v byte) byte { return v >> 7 }),
			[]string{"brightest pixel of the images is 1, .*multiply them by 255", "are training images too"},
		},
		{"dark", both(func(v byte) byte { return v >> 4 }), []string{"brightest pixel of the images is 15, " +
			".*multiply them by 17"}},
		{
			"pale", both(func(v byte) byte { return 100 + v/2 }),
			[]string{"darkest pixel of the images is 100, .*stretch 100 to 227"},
		},
		{
			"bright paper", both(func(v byte) byte { return 255 - v }),
			[]string{"the images are dark on bright paper, .*invert"},
		},
		{"bright paper, dark", both(func(v byte) byte { return 15 - v>>4 }), []string{"is 15, ", "bright paper"}},
		{
			"test images of another range",
			func(a, b *Set) { *b = *b.eachPixel(func(v byte) byte { return v >> 7 }) },
			[]string{"brightest pixel of the test images is 1"},
		},
		{
			"test images of the other paper",
			func(a, b *Set) { *b = *invert(b) },
			[]string{"the test images are dark on bright paper"},
		},
		{"blank", both(func(byte) byte { return 0 }), []string{"every pixel of the images is 0: they are blank"}},
		{"all of one grey", both(func(byte) byte { return 77 }), []string{"every pixel of the images is 77"}},
		{"labels from 1", relabel(func(i int, l uint8) uint8 { return l + 1 }, 5), []string{
			"no image is of class 0, 1 of 5 labels: they run from 1 to 4; keep [1 2 3 4]",
		}},
		{"a label 255", relabel(func(i int, l uint8) uint8 {
			if i == 0 {
				return 255
			}
			return l
		}, 256), []string{
			"no image is of classes 4, 5, .* and 243 more, 251 of 256 labels: label 255 makes so many, and one " +
				"training image has it; keep [0 1 2 3]",
			"uneven",
		}},
		{
			"a class only in the test set",
			func(a, b *Set) { *a, _ = without(a, 2) },
			[]string{"no training image is of class 2, but test images are"},
		},
		{
			"a class only in the training set",
			func(a, b *Set) { *b, _ = without(b, 2) },
			[]string{"no test image is of class 2"},
		},
		{
			"one class", relabel(func(int, uint8) uint8 { return 0 }, 1),
			[]string{"every training image is of class 0: there is nothing to tell it from"},
		},
		{"few", func(a, b *Set) { *a = *a.Slice(0, 20) }, []string{"20 training images are few for 4 classes"}},
		{"uneven", relabel(func(i int, l uint8) uint8 {
			if i%100 < 4 {
				return l
			}
			return 0
		}, 4), []string{"uneven: 388 training images are of class 0, 4 of class 1"}},
		{
			"test images out of the training set", func(a, b *Set) { *b = *a.Slice(0, 100) },
			[]string{"100 of the 100 test images are training images too"},
		},
		{"copies", func(a, b *Set) {
			for i := range a.Len() {
				copy(a.Image(i), a.Image(i%40))
			}
		}, []string{"40 of the 400 training images are different"}},
		{"blanks", func(a, b *Set) { clear(a.Images[:36*80]) }, []string{"80 of the 400 training images are blank"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			train, test := strokes(400, 4, 0, 1), strokes(100, 4, 0, 2)
			tt.change(train, test)
			var got []string
			for _, o := range Odd(train, test) {
				if o.Keep != nil {
					o.Text += fmt.Sprint("; keep ", o.Keep)
				}
				got = append(got, o.Text)
			}
			ok := len(got) == len(tt.want)
			for i := range min(len(got), len(tt.want)) {
				at := 0
				for part := range strings.SplitSeq(tt.want[i], ".*") {
					k := strings.Index(got[i][at:], part)
					ok = ok && k >= 0
					at += max(0, k)
				}
			}
			if !ok {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// without returns s without a label, whose name stays.
func without(s *Set, label uint8) (Set, int) {
	out := *s
	out.Images, out.Labels = nil, nil
	for i, l := range s.Labels {
		if l != label {
			out.Images, out.Labels = append(out.Images, s.Image(i)...), append(out.Labels, l)
		}
	}
	return out, len(out.Labels)
}

// Mended images are what they were, but for what the fault lost.
func TestOddMends(t *testing.T) {
	for _, tt := range []struct {
		name         string
		change, want func(byte) byte
	}{
		{"inverted", func(v byte) byte { return 255 - v }, func(v byte) byte { return v }},
		{"0 and 1", func(v byte) byte { return v >> 7 }, func(v byte) byte { return 255 * (v >> 7) }},
		{"dark", func(v byte) byte { return v >> 4 }, func(v byte) byte { return 17 * (v >> 4) }},
		{"dark and inverted", func(v byte) byte { return 15 - v>>4 }, func(v byte) byte { return 17 * (v >> 4) }},
	} {
		train, test := strokes(400, 4, 0, 1), strokes(100, 4, 0, 2)
		want := train.eachPixel(tt.want)
		got := train.eachPixel(tt.change)
		for _, o := range Odd(got, test.eachPixel(tt.change)) {
			if o.Mend != nil {
				got = o.Mend(got)
			}
		}
		if !slices.Equal(got.Images, want.Images) {
			t.Errorf("%s: %v, want %v", tt.name, got.Image(0), want.Image(0))
		}
	}
}

// TestDigitShapes: the shapes in orient.go are those of MNIST's training images.
func TestDigitShapes(t *testing.T) {
	l := survey(loadLocal(t, "mnist", Options{}).Train)
	for k, want := range digitShapes() {
		ink := make([]float64, len(l.sums[k]))
		for p, v := range l.sums[k] {
			ink[p] = float64(v)
		}
		for i, got := range momentsOf(ink, 28) {
			if math.Abs(got-want[i]) > 0.00051 {
				t.Errorf("digit %d, moment %d: %.3f, want %v", k, i, got, want[i])
			}
		}
	}
}

// Digits that do not lie as they should are told, and which way they lie; other images are not taken for digits.
func TestOddOrientation(t *testing.T) {
	data := loadLocal(t, "mnist", Options{})
	turn := func(s *Set, from func(r, c int) (int, int)) *Set {
		out := *s
		out.Images = make([]byte, len(s.Images))
		for i := range s.Len() {
			for p := range 784 {
				r, c := from(p/28, p%28)
				out.Image(i)[p] = s.Image(i)[28*r+c]
			}
		}
		return &out
	}
	for _, tt := range []struct {
		name string
		from func(r, c int) (int, int)
		want string
	}{
		{"upright", func(r, c int) (int, int) { return r, c }, ""},
		{"top to bottom", func(r, c int) (int, int) { return 27 - r, c }, "upside down, mirrored"},
		{"left to right", func(r, c int) (int, int) { return r, 27 - c }, "the digits are mirrored"},
		{"half a turn", func(r, c int) (int, int) { return 27 - r, 27 - c }, "stand on their heads"},
		{"transposed", func(r, c int) (int, int) { return c, r }, "are transposed"},
		{"a quarter turn to the right", func(r, c int) (int, int) { return 27 - c, r }, "lie on their right side"},
		{"a quarter turn to the left", func(r, c int) (int, int) { return c, 27 - r }, "lie on their left side"},
		{"the other diagonal", func(r, c int) (int, int) { return 27 - c, 27 - r }, "on their side, mirrored"},
	} {
		for _, s := range []*Set{data.Test, data.Test.Slice(0, 600), data.Train.Slice(0, 3000)} {
			turned := turn(s, tt.from)
			for _, set := range []*Set{turned, invert(turned), turned.eachPixel(func(v byte) byte { return v >> 7 })} {
				got := survey(set).orientation()
				if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
					t.Errorf("%s, %d images: %q, want %q", tt.name, s.Len(), got, tt.want)
				}
			}
		}
	}
	digits := data.Test.Classes
	for name, s := range map[string]*Set{
		"shifted": data.Test,
		"fashion": loadLocal(t, "fashion", Options{Offline: true}).Test,
	} {
		other := *s
		other.Classes, other.Labels = digits, slices.Clone(s.Labels)
		if name == "shifted" {
			for i, l := range other.Labels {
				other.Labels[i] = (l + 1) % 10
			}
		}
		for _, from := range []func(r, c int) (int, int){
			func(r, c int) (int, int) { return r, c }, func(r, c int) (int, int) { return c, r },
		} {
			if got := survey(turn(&other, from)).orientation(); got != "" {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

// The official sets are not odd.
func TestOddOfficial(t *testing.T) {
	for _, name := range []string{"mnist", "fashion"} {
		d := loadLocal(t, name, Options{Offline: name == "fashion"})
		if odd := Odd(d.Train, d.Test); len(odd) > 0 {
			t.Errorf("%s: %+v", name, odd)
		}
	}
}
