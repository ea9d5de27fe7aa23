package mnist

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// Oddity is something about a data set that looks like a mistake, or that spoils what is learned from it.
type Oddity struct {
	Text string // one line without a full stop: what it is, and what to do about it
	Keep []int  // labels that can be learned, for Subset, where others have no images; else nil
	// Mend returns a copy of a set without it; nil for what does not lie in the values of the pixels.
	Mend func(*Set) *Set
}

// Bounds of what is odd.
const (
	darkest    = 128  // images that reach no brighter use half of their range or less
	palest     = 64   // images that reach no darker are pale
	paperLevel = 0.75 // of the range; paper is bright when it is above
	fewImages  = 10   // training images per class, below which little can be learned
	uneven     = 20   // times as many training images of one class as of another
	sharedPart = 0.01 // of the test images, when they are training images too
)

// Odd looks for what is odd about a training and a test set of the same classes, the worst first. It looks at pixels
// and labels; nothing is trained. A test set without images is not odd.
func Odd(train, test *Set) []Oddity {
	a, b := survey(train), survey(test)
	odd := append(oddPixels(a, b), oddClasses(a, b)...)
	if way := a.orientation(); way != "" {
		odd = append(odd, Oddity{Text: way})
	}
	return append(odd, repeated(train, test)...)
}

// look is what one pass over a set finds.
type look struct {
	set    *Set
	counts []int      // images of each class
	sums   [][]uint64 // of each class: the sum of each of its pixels; nil without images
	values [256]int   // pixels of each value
	lo, hi int        // the least and the largest value; 255 and 0 without images
}

func survey(s *Set) *look {
	l := &look{set: s, counts: s.ClassCounts(), sums: make([][]uint64, len(s.Classes)), lo: 255}
	for i, label := range s.Labels {
		if l.sums[label] == nil {
			l.sums[label] = make([]uint64, s.Pixels())
		}
		sum := l.sums[label]
		for p, v := range s.Image(i) {
			sum[p] += uint64(v)
			l.values[v]++
		}
	}
	for v, n := range l.values {
		if n > 0 {
			l.lo, l.hi = min(l.lo, v), v
		}
	}
	return l
}

// flat reports whether all pixels are alike, as in blank images.
func (l *look) flat() bool { return l.lo >= l.hi }

// bright reports whether the paper is: the border's mean and more than half of all pixels are in the upper quarter of
// the range. Photographs have neither.
func (l *look) bright() bool {
	level := float64(l.lo) + paperLevel*float64(l.hi-l.lo)
	high := 0
	for v, n := range l.values {
		if float64(v) >= level {
			high += n
		}
	}
	rows, cols := l.set.Rows, l.set.Cols
	var border, pixels float64
	for p := range l.set.Pixels() {
		if r, c := p/cols, p%cols; r > 0 && c > 0 && r < rows-1 && c < cols-1 {
			continue
		}
		pixels++
		for _, sum := range l.sums {
			if sum != nil {
				border += float64(sum[p])
			}
		}
	}
	return !l.flat() && 2*high > len(l.set.Images) && border >= level*pixels*float64(l.set.Len())
}

// faults are what may be wrong with the values of the pixels.
type faults struct{ flat, dark, pale, bright bool }

func (l *look) faults() faults {
	if l.flat() {
		return faults{flat: true}
	}
	return faults{dark: l.hi < darkest, pale: l.hi >= darkest && l.lo >= palest, bright: l.bright()}
}

// oddPixels looks at the range and the paper of both sets. What is wrong with both is said once.
func oddPixels(train, test *look) []Oddity {
	a, b := train.faults(), test.faults()
	if test.set.Len() == 0 || a == b {
		return a.odd("", min(train.lo, test.lo), max(train.hi, test.hi))
	}
	return append(a.odd("training ", train.lo, train.hi), b.odd("test ", test.lo, test.hi)...)
}

// odd says what is wrong with images whose pixels are lo to hi.
func (f faults) odd(which string, lo, hi int) []Oddity {
	var odd []Oddity
	add := func(mend func(*Set) *Set, format string, args ...any) {
		odd = append(odd, Oddity{Text: fmt.Sprintf(format, args...), Mend: mend})
	}
	switch {
	case f.flat:
		add(nil, "every pixel of the %simages is %d: they are blank, nothing can be learned from them", which, hi)
	case f.dark && hi == 1:
		add(stretch(0, hi), "the brightest pixel of the %simages is 1, where full ink is 255: they are black and "+
			"white, or were divided by 255 already; multiply them by 255", which)
	case f.dark:
		add(stretch(0, hi), "the brightest pixel of the %simages is %d, where full ink is 255; multiply them by %.4g",
			which, hi,
			255/float64(hi))
	case f.pale:
		add(stretch(lo, hi),
			"the darkest pixel of the %simages is %d, where paper is 0; stretch %d to %d over 0 to 255",
			which, lo, lo, hi)
	}
	if f.bright {
		add(invert, "the %simages are dark on bright paper, where ink is 255 and paper 0; invert them, 255 − pixel",
			which)
	}
	return odd
}

// stretch returns what takes pixels from lo to hi to 0 to 255.
func stretch(lo, hi int) func(*Set) *Set {
	return func(s *Set) *Set {
		return s.eachPixel(func(v byte) byte { return byte(max(0, min(255, ((int(v)-lo)*255+(hi-lo)/2)/(hi-lo)))) })
	}
}

func invert(s *Set) *Set { return s.eachPixel(func(v byte) byte { return 255 - v }) }

// eachPixel returns a copy of s with its pixels changed.
func (s *Set) eachPixel(change func(byte) byte) *Set {
	var table [256]byte
	for v := range table {
		table[v] = change(byte(v))
	}
	out := *s
	out.Images = make([]byte, len(s.Images))
	for i, v := range s.Images {
		out.Images[i] = table[v]
	}
	return &out
}

// oddClasses looks at how many images each class has.
func oddClasses(train, test *look) []Oddity {
	var odd []Oddity
	add := func(format string, args ...any) { odd = append(odd, Oddity{Text: fmt.Sprintf(format, args...)}) }
	var used, unused, untrained, untested []int
	least, most := -1, -1
	for k, n := range train.counts {
		switch t := test.counts[k]; {
		case n == 0 && t == 0:
			unused = append(unused, k)
			continue
		case n == 0:
			untrained = append(untrained, k)
			continue
		case t == 0 && test.set.Len() > 0:
			untested = append(untested, k)
		}
		used = append(used, k)
		if least < 0 || n < train.counts[least] {
			least = k
		}
		if most < 0 || n > train.counts[most] {
			most = k
		}
	}
	names := train.set.Classes
	if len(unused) > 0 {
		odd = append(odd, unusedLabels(train, test, unused))
	}
	if len(untrained) > 0 {
		add("no training image is of %s, but test images are: what has no training image cannot be learned",
			nameSome(names, untrained))
	}
	if len(untested) > 0 {
		add("no test image is of %s: how well it is learned cannot be tested", nameSome(names, untested))
	}
	switch n := train.set.Len(); {
	case len(used) == 0:
	case len(used) == 1:
		add("every training image is of %s: there is nothing to tell it from", nameSome(names, used))
	case n < fewImages*len(used):
		add("%d training images are few for %d classes", n, len(used))
	case train.counts[most] >= uneven*train.counts[least]:
		add("the classes are uneven: %d training images are of %s, %d of %s", train.counts[most],
			nameSome(names, []int{most}),
			train.counts[least], nameSome(names, []int{least}))
	}
	return odd
}

// unusedLabels says which labels no image has, and which choice of labels leaves them out.
func unusedLabels(train, test *look, unused []int) Oddity {
	names := train.set.Classes
	text := fmt.Sprintf("no image is of %s, %d of %d labels", nameSome(names, unused), len(unused), len(names))
	last := len(names) - 1
	switch n := train.counts[last]; {
	case slices.Equal(unused, []int{0}):
		text += fmt.Sprintf(": they run from 1 to %d", last)
	case 2*len(unused) > len(names) && n == 1:
		text += fmt.Sprintf(": label %d makes so many, and one training image has it", last)
	case 2*len(unused) > len(names) && n > 0:
		text += fmt.Sprintf(": label %d makes so many, and %d training images have it", last, n)
	}
	var keep []int
	for k, n := range train.counts {
		if n >= fewImages && (test.counts[k] > 0 || test.set.Len() == 0) {
			keep = append(keep, k)
		}
	}
	if len(keep) < 2 || len(keep) > 64 {
		keep = nil
	}
	return Oddity{Text: text, Keep: keep}
}

// nameSome names classes, the first eight.
func nameSome(names []string, classes []int) string {
	var some []string
	for _, k := range classes[:min(8, len(classes))] {
		some = append(some, names[k])
	}
	text := strings.Join(some, ", ")
	if more := len(classes) - len(some); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(classes) == 1 {
		return "class " + text
	}
	return "classes " + text
}

// repeated looks for images that occur more than once. Blank ones are not counted.
func repeated(train, test *Set) []Oddity {
	seed := maphash.MakeSeed()
	seen := make(map[uint64]bool, train.Len())
	inked := func(image []byte) bool { return bytes.Count(image, image[:1]) < len(image) }
	n := 0
	for i := range train.Len() {
		if image := train.Image(i); inked(image) {
			n++
			seen[maphash.Bytes(seed, image)] = true
		}
	}
	again, m := 0, 0
	for i := range test.Len() {
		if image := test.Image(i); inked(image) {
			m++
			if seen[maphash.Bytes(seed, image)] {
				again++
			}
		}
	}
	var odd []Oddity
	if 2*len(seen) < n {
		odd = append(odd, Oddity{Text: fmt.Sprintf("%d of the %d training images are different, the rest are copies",
			len(seen), n)})
	}
	if float64(again) > sharedPart*float64(m) {
		odd = append(odd, Oddity{Text: fmt.Sprintf("%d of the %d test images are training images too: the accuracy "+
			"on them says too much", again, m)})
	}
	blank := train.Len() - n
	if n > 0 && 10*blank > train.Len() {
		odd = append(odd, Oddity{Text: fmt.Sprintf("%d of the %d training images are blank", blank, train.Len())})
	}
	return odd
}
