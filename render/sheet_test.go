package render

import (
	"math"
	"strings"
	"testing"
)

var nan32 = float32(math.NaN())

func TestSheetRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *Sheet)
		want   string
	}{
		{"no tiles", func(s *Sheet) { s.Tiles = nil }, "a sheet without tiles"},
		{"width 0", func(s *Sheet) { s.Width = 0 }, "maps of 28×0 (height×width), want both at least 1"},
		{"negative height", func(s *Sheet) { s.Height = -3 }, "maps of -3×28"},
		{"overflowing size", func(s *Sheet) { s.Width, s.Height = 1<<28, 1<<28 }, "the limit is 268435456 weights"},
		{
			"short map", func(s *Sheet) { s.Tiles[2].Map = s.Tiles[2].Map[1:] },
			`tile 2 ("2"): map has 783 weights, want 28×28 = 784`,
		},
		{"no map", func(s *Sheet) { s.Tiles[0].Map = nil }, `tile 0 ("0"): map has 0 weights, want 28×28 = 784`},
		{
			"long name", func(s *Sheet) { s.Tiles[1].Name = strings.Repeat("n", 300) },
			"name has 300 bytes, the limit is 256",
		},
		{
			"long fact", func(s *Sheet) { s.Tiles[1].Lines[1] = strings.Repeat("n", 257) },
			"line 1 has 257 bytes, the limit is 256",
		},
		{"many facts", func(s *Sheet) { s.Tiles[1].Lines = make([]string, 17) }, "17 lines, the limit is 16"},
		{"scale", func(s *Sheet) { s.Colors.Scale = 7 }, "unknown scale"},
		{"colour map", func(s *Sheet) { s.Colors.Map = 9 }, "unknown colour map"},
		{"negative limit", func(s *Sheet) { s.Colors.Limit = -1 }, "limit -1, want a positive number"},
		{"limit NaN", func(s *Sheet) { s.Colors.Limit = math.NaN() }, "limit NaN"},
		{"limit infinite", func(s *Sheet) { s.Colors.Limit = math.Inf(1) }, "limit +Inf"},
		{"limit below float32", func(s *Sheet) { s.Colors.Limit = 1e-300 }, "limit 1e-300"},
		{
			"limit per neuron", func(s *Sheet) { s.Colors.Limit, s.Colors.Scale = 1, Neuron },
			"limit 1 with scale neuron",
		},
		{"negative columns", func(s *Sheet) { s.Cols = -1 }, "-1 columns"},
		{"negative tile", func(s *Sheet) { s.TilePx = -84 }, "tiles of -84 pixels"},
		{"gigantic tile", func(s *Sheet) { s.TilePx = math.MaxInt32 }, "tiles of 2147483647 pixels, want 1 to 32767"},
		{"mark", func(s *Sheet) { s.Mark = make([]bool, 100) }, "mark has 100 positions, want 28×28 = 784"},
		{
			"long title", func(s *Sheet) { s.Title = strings.Repeat("t", 5000) },
			"title has 5000 bytes, the limit is 4096",
		},
		{"long caption", func(s *Sheet) { s.Caption = strings.Repeat("t", 5000) }, "caption has 5000 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSheet(4, 28, 28)
			tt.change(&s)
			for name, f := range map[string]func() error{
				"Validate": s.Validate,
				"Draw":     func() error { _, err := s.Draw(); return err },
				"Limits":   func() error { _, err := s.Limits(); return err },
			} {
				err := f()
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
				} else if !strings.HasPrefix(err.Error(), "render: ") || strings.Count(err.Error(), "render:") != 1 {
					t.Errorf("%s: error %q, want the package's name once, first", name, err)
				}
			}
		})
	}
	if err := newSheet(4, 28, 28).Validate(); err != nil {
		t.Errorf("a good sheet: %v", err)
	}
}

func TestFigureOfSheetsRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *Figure)
		want   string
	}{
		{"no panels", func(f *Figure) { f.Rows = nil }, "a figure of 0 panels"},
		{
			"bad panel", func(f *Figure) { f.Rows[0][1].(Sheet).Tiles[3].Map = nil },
			`panel 1 ("learned"): tile 3 ("3"): map has 0 weights`,
		},
		{"long title", func(f *Figure) { f.Title = strings.Repeat("t", 5000) }, "title has 5000 bytes"},
		{"negative ink", func(f *Figure) { f.Rows[0][0].(Sheet).Colors.Map = Ink }, `panel 0 ("raw"): tile 0: value`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newSheet(4, 28, 28), newSheet(4, 28, 28)
			a.Title, b.Title = "raw", "learned"
			b.Colors = a.Colors
			f := Figure{Rows: sideBy(a, b)}
			tt.change(&f)
			_, err := f.Draw()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.Count(err.Error(), "render:") != 1 {
				t.Errorf("error %q, want the package's name once", err)
			}
		})
	}
}

// A picture that no viewer opens is refused before there is an image, with its
// size and what to do; each of these would take gigabytes.
func TestTooLargePicturesAreRefused(t *testing.T) {
	many := blank(1, 2, 2)
	for len(many) < 20000 {
		many = append(many, many...)
	}
	tests := []struct {
		name  string
		sheet Sheet
		want  string
	}{
		{
			"large tiles",
			Sheet{Width: 2, Height: 2, Tiles: many[:4096], TilePx: 2000},
			"(now 2000), other Cols (now 64)",
		},
		{"one row", Sheet{Width: 2, Height: 2, Tiles: many[:20000], Cols: 20000, TilePx: 20}, "other Cols (now 20000)"},
		{
			"one column",
			Sheet{Width: 2, Height: 2, Tiles: many[:20000], Cols: 1, TilePx: 20},
			"fewer tiles at a time (now 20000)",
		},
		{
			"one huge tile",
			Sheet{Width: 2, Height: 2, Tiles: many[:1], TilePx: 30000},
			"use a smaller TilePx (now 30000)",
		},
		{
			"tall",
			Sheet{Width: 2, Height: 40, Tiles: blank(1, 2, 40), TilePx: 4000},
			"4096×80220 pixels, the limit is 32767 on a side",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.sheet.Draw()
			if err == nil || !strings.Contains(err.Error(), tt.want) ||
				!strings.Contains(err.Error(), "the picture would be") {
				t.Errorf("error %v, want one with the size and %q", err, tt.want)
			}
		})
	}
}

// What the picture says about itself in words.
func TestLegend(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *Sheet)
		want   []string
		not    string
	}{
		{
			"plain", func(s *Sheet) { s.Colors = nil },
			[]string{"negative: ink lowers z", "positive: ink raises z", "0"},
			"weights",
		},
		{
			"words", func(s *Sheet) { s.Colors.Low, s.Colors.High = "against a 3", "for a 3" },
			[]string{"against a 3", "for a 3"},
			"ink lowers z",
		},
		{"limit", func(s *Sheet) { s.Colors.Limit = 2.5 }, []string{"−2.50", "+2.50", "−1", "+1", "+2"}, "≥"},
		{
			"clipped", func(s *Sheet) { s.Colors.Limit = 0.1 },
			[]string{"≤ −0.100", "≥ +0.100", "beyond the scale have the colour of its end"},
			"percentile",
		},
		{
			"percentile", func(s *Sheet) { s.Colors.Scale = Percentile },
			[]string{"99.5th percentile of |weight|", "≥ +"},
			"not finite",
		},
		{
			"neuron", func(s *Sheet) { s.Colors.Scale = Neuron },
			[]string{"−max", "+max", "±", "each map has its own scale"},
			"≥",
		},
		{"zero", func(s *Sheet) { clear(s.Tiles[0].Map); s.Tiles = s.Tiles[:1] }, []string{"all weights are 0"}, "NaN"},
		{
			"not finite", func(s *Sheet) { s.Tiles[0].Map[1], s.Tiles[3].Map[9] = nan32, float32(math.Inf(-1)) },
			[]string{"2 of 3\u00a0136 weights are not finite"},
			"percentile",
		},
		{
			"marks", func(s *Sheet) { s.Mark, s.MarkLabel = rim(28, 28), "never inked" },
			[]string{"never inked"},
			"every tile",
		},
		{"marks unnamed", func(s *Sheet) { s.Mark = rim(28, 28) }, []string{"marked positions"}, "every tile"},
		{
			"marks too small", func(s *Sheet) { s.Mark, s.MarkLabel, s.TilePx = rim(28, 28), "never inked", 28 },
			[]string{"never inked: where this map is hatched, in every tile"},
			"percentile",
		},
		{"means", func(s *Sheet) { s.TilePx = 14 }, []string{"each pixel is the mean of 2×2 weights"}, "list"},
		{
			"list", func(s *Sheet) { *s = newSheet(3, 1, 30) },
			[]string{"each map is a list of 30 weights, the first at the left"},
			"rows",
		},
		{
			"folded", func(s *Sheet) { *s = newSheet(3, 300, 1) },
			[]string{"each map is a list of 300 weights in rows of 20, to be read like text"},
			"left",
		},
		{"headings", func(s *Sheet) { s.TilePx = 28 }, []string{"number of a neuron = number at the left + number at " +
			"the top"}, "list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSheet(4, 28, 28)
			s.Caption = ""
			tt.change(&s)
			page, _ := checkLayout(t, Figure{Rows: sideBy(s)})
			var all strings.Builder
			for _, item := range page.texts {
				all.WriteString("\n" + item.s)
			}
			for _, want := range tt.want {
				if !strings.Contains(all.String(), "\n"+want) && !strings.Contains(all.String(), want) {
					t.Errorf("page does not say %q:%s", want, all.String())
				}
			}
			if strings.Contains(all.String(), tt.not) {
				t.Errorf("page says %q:%s", tt.not, all.String())
			}
		})
	}
}

// One bar tells the colours of all panels apart if it holds for all of them.
func TestBarsOfARow(t *testing.T) {
	tests := []struct {
		name   string
		common bool
		scale  Scale
		want   int
	}{
		{"own scales", false, Shared, 2},
		{"common", true, Shared, 1},
		{"common percentile", true, Percentile, 1},
		{"common per neuron", true, Neuron, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newSheet(4, 28, 28), newSheet(4, 28, 28)
			a.Colors.Scale, b.Colors.Scale = tt.scale, tt.scale
			if tt.common {
				b.Colors = a.Colors
			}
			for i := range b.Tiles[0].Map {
				b.Tiles[0].Map[i] *= 3
			}
			page, picture := checkLayout(t, Figure{Rows: sideBy(a, b)})
			if len(page.strips) != tt.want {
				t.Errorf("%d colour bars, want %d", len(page.strips), tt.want)
			}
			if same := picture.Tiles[1].Limit == picture.Tiles[5].Limit; tt.scale == Shared && same != tt.common {
				t.Errorf("limits %v and %v with a common scale: %v", picture.Tiles[1].Limit, picture.Tiles[5].Limit,
					tt.common)
			}
		})
	}
}

// A remark that holds for one panel says which.
func TestLegendOfARow(t *testing.T) {
	a, b := newSheet(4, 28, 28), newSheet(4, 28, 28)
	a.Title, b.Title = "raw", "learned"
	a.Mark, b.Mark = rim(28, 28), rim(28, 28)
	b.Tiles[2].Map[2] = nan32
	page, _ := checkLayout(t, Figure{Rows: sideBy(a, b)})
	count := make(map[string]int)
	for _, item := range page.texts {
		count[item.s]++
	}
	if count["marked positions"] != 1 ||
		count["learned: 1 of 3\u00a0136 weights is not finite (NaN or infinite)"] != 1 {
		t.Errorf("legend is wrong: %v", count)
	}
}
