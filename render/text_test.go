package render

import (
	"image"
	"strings"
	"testing"

	"github.com/fogleman/gg"
	"golang.org/x/image/font/sfnt"
)

func testTypesetter(t *testing.T) *typesetter {
	t.Helper()
	ts, err := newTypesetter()
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// Nothing that the program is known to write is missing from the fonts: no
// character is drawn as .notdef, glyph 0.
func TestFontsHaveWhatWeWrite(t *testing.T) {
	ts := testTypesetter(t)
	const known = "→←↑↓‖ργλησΣΔδμθπφε∂−·×±≤≥≈≠∞√²³₀₁₂…–—“”‘’°□‹›½£€%#@&|ÄÖÜäöüßéèñçøåłŁşŽжЯ" +
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,;:!?'\"()[]{}<>+-=*/_~^$\\`"
	if got := ts.clean(known); got != known {
		t.Errorf("characters of ours are missing from the font:\n%s\nis set as\n%s", known, got)
	}
	for _, st := range []style{titleStyle, headingStyle, bodyStyle, noteStyle, {size: smallest}} {
		for _, r := range known {
			source := ts.regular
			if st.bold {
				source = ts.bold
			}
			check := r
			if r == doubleBar {
				check = '|' // set as two bars
			}
			var buffer sfnt.Buffer
			if g, err := source.GlyphIndex(&buffer, check); g == 0 || err != nil {
				t.Errorf("%q in %v: glyph %d, error %v", r, st, g, err)
			}
			if !ts.face(st).has(r) {
				t.Errorf("%q in %v: face does not have it", r, st)
			}
		}
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "‖w‖ 2.1", "‖w‖ 2.1"},
		{"parallel", "∥w∥", "‖w‖"},
		{"angle brackets", "⟨W, W₀⟩", "‹W, W₀›"},
		{"controls", "a\tb\x00c\x7fd\u0085e", "a b c d e"},
		{"newline stays", "a\nb", "a\nb"},
		{"wide spaces", "a\u2009b\u3000c\u00a0d", "a b c\u00a0d"},
		{"combining accent", "cafe\u0301", "cafe"},
		{"zero width", "a\u200db\ufeff", "ab"},
		{"hyphens", "t\u2011shirt", "t-shirt"},
		{"missing", "日本 ok", "□□ ok"},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
	}
	ts := testTypesetter(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ts.clean(tt.in); got != tt.want {
				t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
	if got := ts.cleanLine("a\nb"); got != "a b" {
		t.Errorf("cleanLine keeps a line break: %q", got)
	}
}

func TestWrap(t *testing.T) {
	ts := testTypesetter(t)
	long := strings.Repeat("Supercalifragilistic", 8)
	tests := []struct {
		name, s string
		width   int
	}{
		{"empty", "", 100},
		{"spaces", "   ", 100},
		{"one word", "neuron", 100},
		{"sentence", "Each square is one hidden neuron and this sentence is long enough for some lines", 150},
		{"newlines", "first line\n\nthird line", 400},
		{"word too long", "a " + long + " b", 120},
		{"nothing fits", "abc", 1},
		{"greek", strings.Repeat("W − γW₀ · ", 20), 90},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, lines := range map[string][]string{
				"wrap":    ts.wrap(tt.s, bodyStyle, tt.width),
				"balance": ts.balance(tt.s, bodyStyle, tt.width),
			} {
				squeeze := func(s string) string { return strings.NewReplacer(" ", "", "\n", "", "·", "").Replace(s) }
				if got := squeeze(strings.Join(lines, "")); got != squeeze(tt.s) {
					t.Errorf("%s lost text: %q", name, lines)
				}
				for _, l := range lines {
					if w := ts.width(l, bodyStyle); w > tt.width && len([]rune(l)) > 1 {
						t.Errorf("%s: line %q is %d wide, want at most %d", name, l, w, tt.width)
					}
					if l == "" {
						t.Errorf("%s: empty line in %q", name, lines)
					}
				}
			}
			if a, b := len(ts.wrap(tt.s, bodyStyle, tt.width)), len(ts.balance(tt.s, bodyStyle, tt.width)); a != b {
				t.Errorf("wrap needs %d lines and balance %d", a, b)
			}
		})
	}
}

func TestWrapDropsTheDotAtABreak(t *testing.T) {
	ts := testTypesetter(t)
	s := "mnist · 784-100-10 · 97.9 % test accuracy"
	width := ts.width("mnist · 784-100-10 · 97.9", bodyStyle) - 1
	if got := strings.Join(ts.wrap(s, bodyStyle, width), "|"); got != "mnist · 784-100-10|97.9 % test accuracy" {
		t.Errorf("wrap = %q", got)
	}
}

func TestBalanceLeavesNoLoneWord(t *testing.T) {
	ts := testTypesetter(t)
	s := "Most of what the weights show is the random start of the network"
	width := ts.width(s, bodyStyle) - 10 // only the last word does not fit
	lines := ts.balance(s, bodyStyle, width)
	if len(lines) != 2 || ts.width(lines[1], bodyStyle) < width/3 {
		t.Errorf("balance = %q, want two lines of similar length", lines)
	}
}

func TestFit(t *testing.T) {
	ts := testTypesetter(t)
	st := style{size: 12}
	full := ts.width("Ankle boot", st)
	tests := []struct {
		name  string
		width int
		check func(s string, got style) bool
	}{
		{"fits", full, func(s string, got style) bool { return s == "Ankle boot" && got == st }},
		{"shrinks", full * 9 / 10, func(s string, got style) bool {
			return s == "Ankle boot" && got.size < 12 &&
				got.size >= 8
		}},
		{"is cut", full / 2, func(s string, got style) bool {
			return strings.HasPrefix(s, "Ank") && strings.HasSuffix(s, "…") && got.size == 8
		}},
		{"only the ellipsis", ts.width("…", style{size: 8}), func(s string, _ style) bool { return s == "…" }},
		{"nothing", 1, func(s string, _ style) bool { return s == "" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, got := ts.fit("Ankle boot", st, 8, tt.width)
			if !tt.check(s, got) || ts.width(s, got) > tt.width {
				t.Errorf("fit to %d: %q in %v, %d wide", tt.width, s, got, ts.width(s, got))
			}
		})
	}
}

func TestShrinkWrap(t *testing.T) {
	ts := testTypesetter(t)
	for _, words := range []int{1, 8, 14, 25, 400} {
		s := strings.TrimSpace(strings.Repeat("accuracy ", words))
		lines, st := ts.shrinkWrap(s, titleStyle, 16, 500)
		if strings.Join(lines, " ") != s {
			t.Errorf("%d words: text was lost", words)
		}
		if one := ts.width(s, style{size: 18, bold: true}) <= 500; one != (len(lines) == 1) {
			t.Errorf("%d words: %d lines; fits one line of size 18: %v", words, len(lines), one)
		}
		if len(lines) > 2 && st.size != 16 || st.size < 16 || st.size > titleStyle.size {
			t.Errorf("%d words: %d lines in size %v", words, len(lines), st.size)
		}
	}
}

// The ink of a text stays inside the box that the layout reserves for it.
func TestInkStaysInItsBox(t *testing.T) {
	ts := testTypesetter(t)
	texts := []string{
		"mnist · 784-100-10 · 97.9 % test accuracy", "‖w‖ 2.1", "→ Ankle boot", "ρ 0.02", "±1.2e−5", "W − γW₀",
		"(Ågjpqy|/)", "fjW", "T-shirt/top", "≤ −0.42", "ÄÖÜ", "…",
	}
	for _, size := range []float64{8, 9, 10.5, 11, 12, 14, 22, 40} {
		for _, bold := range []bool{false, true} {
			for _, s := range texts {
				item := textItem{s: s, style: style{size, bold}, color: ink, x: 30, base: 60}
				item.w = ts.width(s, item.style)
				img := image.NewRGBA(image.Rect(0, 0, item.w+60, 90))
				dc := gg.NewContextForRGBA(img)
				dc.SetFontFace(ts.face(item.style))
				dc.SetColor(ink)
				dc.DrawString(s, float64(item.x), float64(item.base))
				box := inkBox(img)
				if box.Empty() {
					t.Errorf("%q in size %v: no ink", s, size)
				}
				// Letters such as j and f reach half a stroke beyond their advance.
				if room := item.box(); !box.In(image.Rect(room.Min.X-1, room.Min.Y, room.Max.X+1, room.Max.Y)) {
					t.Errorf("%q in size %v bold %v: ink in %v, box %v", s, size, bold, box, item.box())
				}
			}
		}
	}
}

func inkBox(img *image.RGBA) image.Rectangle {
	var box image.Rectangle
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if img.Pix[img.PixOffset(x, y)+3] > 40 {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// The norm sign is two bars of equal ink, wider than one.
func TestNormSign(t *testing.T) {
	ts := testTypesetter(t)
	f := ts.face(style{size: 12})
	bar, _ := f.GlyphAdvance('|')
	norm, ok := f.GlyphAdvance(doubleBar)
	if !ok || norm <= bar {
		t.Fatalf("advance of the norm sign %v, of the bar %v", norm, bar)
	}
	one, two := f.rasterise(glyphKey{r: '|'}), f.rasterise(glyphKey{r: doubleBar})
	sum := func(g glyph) (n int) {
		for _, a := range g.mask.Pix {
			n += int(a)
		}
		return n
	}
	if got, want := sum(two), 2*sum(one); got != want {
		t.Errorf("ink of the norm sign %d, want twice that of the bar, %d", got, want)
	}
}
