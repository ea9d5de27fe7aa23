package render

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// On no figure do two things overlap or leave the page, whatever the net, and
// every value comes back from the pixels.
func TestFigureLayout(t *testing.T) {
	nets := []struct{ neurons, classes, width, height int }{
		{1, 2, 28, 28},
		{2, 3, 8, 8},
		{7, 10, 28, 28},
		{30, 10, 20, 40},
		{100, 10, 28, 28},
		{101, 26, 28, 28},
		{500, 26, 40, 20},
		{1024, 10, 32, 32},
		{4096, 26, 28, 28},
		{16, 5, 100, 1},
		{16, 5, 1, 12},
		{64, 10, 640, 480},
	}
	for _, net := range nets {
		t.Run(fmt.Sprint(net), func(t *testing.T) {
			for name, f := range map[string]Figure{
				"why":   whyFigure(net.neurons, net.classes, net.width, net.height),
				"kinds": kinds(net.classes, net.neurons),
			} {
				p, picture := layOutFigure(t, f)
				if p.size.X > 1280 {
					t.Errorf("%s: page of %v, want at most 1280 across", name, p.size)
				}
				picture.Image = p.paint()
				for i := range picture.Tiles {
					if _, err := picture.Decode(i); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}

func layOutFigure(t *testing.T, f Figure) (*page, *Picture) {
	t.Helper()
	p, picture, err := f.layOut()
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, p, picture)
	return p, picture
}

// A row too wide for the page goes on in the next line, and a glyph stays with
// the panel after it.
func TestFigureBreaksWideRows(t *testing.T) {
	var row []Panel
	for i := range 14 {
		if i > 0 {
			row = append(row, Glyph("+"))
		}
		row = append(row, Map{
			Title: fmt.Sprint("neuron ", i), Caption: "one of fourteen", Width: 28, Height: 28,
			Values: strokes(1, 28, 28)[0].Map,
		})
	}
	p, picture := layOutFigure(t, Figure{Rows: [][]Panel{row}})
	if p.size.X > 1280 || len(picture.Tiles) != 14 {
		t.Errorf("page of %v with %d maps, want at most 1280 across and 14", p.size, len(picture.Tiles))
	}
	for _, item := range p.texts {
		if item.s == "+" {
			after := slices.ContainsFunc(picture.Tiles, func(b TileBox) bool {
				gap := b.Rect.Min.X - item.box().Max.X
				return gap >= 0 && gap < 40 && b.Rect.Min.Y < item.base && item.base < b.Rect.Max.Y
			})
			if !after {
				t.Errorf("the sign at %v has no map after it", item.box())
			}
		}
	}
}

// Texts of any length wrap and are never cut.
func TestFigureLongTexts(t *testing.T) {
	f := whyFigure(100, 10, 28, 28)
	long := strings.TrimSpace(strings.Repeat("a sentence that goes on and on ", 20))
	f.Title, f.Subtitle, f.Caption = long, long, long
	f.Rows[1][2] = Map{
		Title: long, Caption: long, Width: 28, Height: 28, Values: strokes(1, 28, 28)[0].Map,
		Colors: &Colors{Name: long, Low: long, High: long},
	}
	f.Rows[1][5] = Text{Title: long, Text: long + "\n" + long}
	f.Rows[3][2] = Table{
		Title: long, Caption: long, Header: []string{long, "b"},
		Rows: [][]string{{long, "1"}, {"", long}},
	}
	p, _ := layOutFigure(t, f)
	all := ""
	for _, item := range p.texts {
		all += strings.ReplaceAll(item.s, " ", "")
	}
	if got, want := strings.Count(all, strings.ReplaceAll(long, " ", "")), 14; got != want {
		t.Errorf("%d long texts are whole, want %d", got, want)
	}
}

// Panels that share Colors have one limit and one bar; others have their own.
func TestFigureColors(t *testing.T) {
	weak, strong := []float32{0.1, -0.2, 0, 0.05}, []float32{1, 0.5, -3, 0.25}
	shared := &Colors{Name: "weight"}
	p, picture := layOutFigure(t, Figure{Rows: [][]Panel{
		{
			Map{Width: 2, Height: 2, Values: weak, Colors: shared},
			Map{Width: 2, Height: 2, Values: strong, Colors: shared},
		},
		{
			Map{Width: 2, Height: 2, Values: weak},
			HiddenGrid{Values: []float32{0, 0.25, 0.5}},
			HiddenGrid{Values: []float32{-0.5, 0.25}},
		},
		{Map{Width: 2, Height: 2, Values: strong, Colors: &Colors{Limit: 1}}},
	}})
	wantLimits := []float64{3, 3, float64(float32(0.2)), 0.5, 0.5, 1}
	wantMaps := []Colormap{BlueOrange, BlueOrange, BlueOrange, Ink, BlueOrange, BlueOrange}
	for i, b := range picture.Tiles {
		if b.Limit != wantLimits[i] || b.Map != wantMaps[i] {
			t.Errorf("map %d: limit %v in %v, want %v in %v", i, b.Limit, b.Map, wantLimits[i], wantMaps[i])
		}
	}
	if len(p.strips) != 5 {
		t.Errorf("%d colour bars, want 5: one shared by two maps, four of their own", len(p.strips))
	}
	counts := make(map[string]int)
	for _, item := range p.texts {
		counts[item.s]++
	}
	if counts["weight"] != 1 || counts["−3.00"] != 1 || counts["+3.00"] != 1 || counts["+0.200"] != 1 ||
		counts["≥ +1.00"] != 1 || counts["0.500"] != 1 {
		t.Errorf("numbers of the bars: %v", counts)
	}
	picture.Image = p.paint()
	for i, want := range [][]float32{weak, strong, weak, {0, 0.25, 0.5}, {-0.5, 0.25}, {1, 0.5, -1, 0.25}} {
		got, err := picture.Decode(i)
		if err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if math.Abs(float64(got[k]-want[k])) > picture.Tiles[i].Limit/(2*Steps)+1e-6 {
				t.Errorf("map %d: read back %v, want %v", i, got, want)
				break
			}
		}
	}
}

// The bar of colours that all panels share stands in the header, beside the title
// where the page is wide; that of two panels of a row follows the row.
func TestFigureBars(t *testing.T) {
	weights, other := &Colors{}, &Colors{}
	m := func(c *Colors) Panel {
		return Map{Width: 28, Height: 28, Values: strokes(1, 28, 28)[0].Map, Colors: c, Side: 196}
	}
	for _, tt := range []struct {
		name         string
		rows         [][]Panel
		above, below bool // the maps of the first row
		right        bool // of the title
	}{
		{"one panel", [][]Panel{{m(weights)}}, true, false, false},
		{"narrow", [][]Panel{{m(weights), m(weights)}, {m(weights)}}, true, false, false},
		{"wide", [][]Panel{{m(weights), m(weights), Glyph("="), m(weights), m(weights)}}, true, false, true},
		{"two rows", [][]Panel{{m(weights), Text{Text: "words"}}, {m(weights)}}, true, false, false},
		{"a row", [][]Panel{{m(weights), m(weights)}, {m(other), m(other)}}, false, true, false},
		{"one of two", [][]Panel{{m(weights), Text{Text: "words"}}}, false, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, picture := layOutFigure(t, Figure{Title: "title", Rows: tt.rows})
			bar, first := p.strips[0].rect, picture.Tiles[0].Rect
			if above, below := bar.Max.Y < first.Min.Y, bar.Min.Y > first.Max.Y; above != tt.above ||
				below != tt.below {
				t.Errorf("bar at %v, maps from %v", bar, first)
			}
			if title := p.texts[0].box(); (bar.Min.X > title.Max.X && bar.Min.Y < title.Max.Y) != tt.right {
				t.Errorf("bar at %v, title at %v", bar, title)
			}
		})
	}
}

// The bytes of an image come back from its pixels, dark for ink.
func TestFigureImage(t *testing.T) {
	p, picture := layOutFigure(t, Figure{Rows: [][]Panel{{Image{
		Width: 3, Height: 2,
		Pixels: []byte{0, 10, 100, 128, 254, 255},
	}}}})
	picture.Image = p.paint()
	got, err := picture.Decode(0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0, 10, 100, 128, 254, 255} {
		if math.Abs(float64(got[i])-want) > 1.01 {
			t.Errorf("pixel %d is read back as %v, want %v", i, got[i], want)
		}
	}
	if b := picture.Tiles[0]; picture.Image.RGBAAt(b.Rect.Min.X, b.Rect.Min.Y).R != 255 ||
		picture.Image.RGBAAt(b.Rect.Max.X-1, b.Rect.Max.Y-1).R != 0 {
		t.Error("want blank white and full ink black")
	}
}

// A bar is as long as its value is large, on its side of the zero line.
func TestBarsAreProportional(t *testing.T) {
	values := []float64{4, -2, 1, 0, math.NaN(), -4}
	p, _ := layOutFigure(t, Figure{Rows: [][]Panel{{Bars{
		Names: make([]string, 6), Values: values,
		Highlight: []int{2},
	}}}})
	zero := p.fills[len(p.fills)-1].rect.Min.X
	unit := float64(p.fills[0].rect.Dx()) / 4
	lengths := map[int]float64{}
	for i, f := range p.fills[:len(p.fills)-1] {
		length := float64(f.rect.Dx()) / unit
		if f.rect.Min.X < zero {
			length = -length
		}
		lengths[i] = length
	}
	for i, want := range []float64{4, -2, 1, -4} {
		if math.Abs(lengths[i]-want) > 0.05 {
			t.Errorf("bar %d is %.2f long, want %v", i, lengths[i], want)
		}
	}
	var printed []string
	for _, item := range p.texts {
		printed = append(printed, item.s)
	}
	if want := []string{"+4", "−2", "+1", "0", "NaN", "−4"}; !slices.Equal(printed, want) {
		t.Errorf("printed %q, want %q", printed, want)
	}
}

// Bars of either sign stand out from the page in every colour map, and the chosen
// ones more than the others.
func TestBarsStandOut(t *testing.T) {
	for _, m := range []Colormap{BlueOrange, BlueRed, Grey} {
		p, _ := layOutFigure(t, Figure{Rows: [][]Panel{{Bars{
			Names: make([]string, 4), Values: []float64{2, -2, 1, -1},
			Highlight: []int{0, 1}, Map: m,
		}}}})
		for i, f := range p.fills[:4] {
			L := labOf(f.color).L
			if L > 85 || i < 2 && L > labOf(p.fills[i+2].color).L-10 {
				t.Errorf("%v: bar %d is %v, of lightness %.0f", m, i, f.color, L)
			}
		}
	}
}

// Each number of a matrix stands in the cell of its row and column.
func TestMatrixCells(t *testing.T) {
	rows, cols := []string{"r0", "r1", "r2"}, []string{"a", "b", "c", "d"}
	var values []float64
	for i := range 12 {
		values = append(values, float64(100+i))
	}
	p, picture := layOutFigure(t, Figure{Rows: [][]Panel{{Matrix{Rows: rows, Cols: cols, Values: values}}}})
	b := picture.Tiles[0]
	// The bar above says 111 too.
	mid := func(s string) (x, y int) {
		i := slices.IndexFunc(p.texts, func(item textItem) bool { return item.s == s && (item.over || len(s) < 3) })
		if i < 0 {
			t.Fatalf("%q is not on the page", s)
		}
		box := p.texts[i].box()
		return (box.Min.X + box.Max.X) / 2, (box.Min.Y + box.Max.Y) / 2
	}
	for i := range 12 {
		x, y := mid(strconv.Itoa(100 + i))
		if (x-b.Rect.Min.X)/b.Cell.X != i%4 || (y-b.Rect.Min.Y)/b.Cell.Y != i/4 {
			t.Errorf("%d stands at %d, %d of a matrix at %v with cells of %v", 100+i, x, y, b.Rect, b.Cell)
		}
		nameX, _ := mid(cols[i%4])
		_, nameY := mid(rows[i/4])
		if (nameX-b.Rect.Min.X)/b.Cell.X != i%4 || (nameY-b.Rect.Min.Y)/b.Cell.Y != i/4 {
			t.Errorf("names of %d are at %d, %d", 100+i, nameX, nameY)
		}
	}
}

func TestFigureRefuses(t *testing.T) {
	ok := make([]float32, 784)
	tests := []struct {
		name  string
		panel Panel
		want  string
	}{
		{"nil", nil, "row 0, panel 0: nil"},
		{
			"short map",
			Map{Title: "w", Width: 28, Height: 28, Values: ok[1:]},
			`row 0, panel 0 ("w"): tile 0 (""): map has 783 weights, want 28×28 = 784`,
		},
		{"mark", Map{Width: 28, Height: 28, Values: ok, Mark: make([]bool, 3)}, "mark has 3 positions"},
		{
			"limit",
			Map{Width: 28, Height: 28, Values: ok, Colors: &Colors{Limit: -1}},
			"limit -1, want a positive number",
		},
		{
			"neuron",
			Map{Title: "w", Width: 28, Height: 28, Values: ok, Colors: &Colors{Scale: Neuron}},
			`row 0, panel 0 ("w"): scale neuron`,
		},
		{
			"ink",
			Map{Width: 2, Height: 1, Values: []float32{1, -1}, Colors: &Colors{Map: Ink}},
			"value 1 is -1, but colour map ink shows nothing below 0",
		},
		{"short image", Image{Width: 28, Height: 28, Pixels: make([]byte, 5)}, "want 28×28 = 784"},
		{"side", Image{Width: 1, Height: 1, Pixels: []byte{1}, Side: -3}, "side of -3 pixels"},
		{
			"thumbs",
			Thumbs{Width: 1, Height: 1, Images: [][]byte{{1}}, Names: []string{"a", "b"}},
			"2 names, want 1, one per image",
		},
		{"no neurons", HiddenGrid{}, "a grid of 0 neurons"},
		{"highlight", HiddenGrid{Values: ok[:3], Highlight: []int{3}}, "highlighted neuron 3, want 0 to 2"},
		{"bars", Bars{Names: []string{"a"}, Values: []float64{1, 2}}, "1 names, want 2, one per bar"},
		{"no bars", Bars{}, "0 bars"},
		{
			"matrix",
			Matrix{Rows: []string{"a"}, Cols: []string{"b", "c"}, Values: []float64{1}},
			"matrix has 1 values, want 1×2 = 2",
		},
		{"chart", Chart{}, "a chart of 0 series"},
		{
			"chart NaN",
			Chart{LinearY: true, Series: []Series{{X: []float64{1}, Y: []float64{math.NaN()}}}},
			"NaN on an axis",
		},
		{"table", Table{Rows: [][]string{{"a", "b"}, {"c"}}}, "row 1 has 1 columns, want 2"},
		{"header", Table{Header: []string{"a"}, Rows: [][]string{{"a", "b"}}}, "a header of 1 columns, want 2"},
		{"glyph", Glyph(""), "glyph of 0 characters"},
		{"text", Text{Text: strings.Repeat("x", 5000)}, "text has 5000 bytes"},
		{"sheet", Sheet{Width: 1, Height: 1}, "a sheet without tiles"},
		{
			"sheets",
			Sheets{Rows: []string{"a"}, Cols: []string{"b", "c"}, Width: 1, Height: 1, Cells: make([]SheetCell, 1)},
			"1 cells, want 1×2 = 2",
		},
		{"no sheets", Sheets{}, "sheets of 0×0"},
		{
			"sheets of no size",
			Sheets{Rows: []string{"a"}, Cols: []string{"b"}, Cells: make([]SheetCell, 1)},
			"maps of 0×0",
		},
		{
			"sheets map",
			Sheets{
				Rows: []string{"a"}, Cols: []string{"b"}, Width: 2, Height: 1,
				Cells: []SheetCell{{Maps: [][]float32{{1}}}},
			},
			"cell 0, map 0: map has 1 weights, want 1×2 = 2",
		},
		{
			"sheets full",
			Sheets{
				Rows: []string{"a"}, Cols: make([]string, 10), Width: 28, Height: 28,
				Cells: append(make([]SheetCell, 9), SheetCell{Maps: make([][]float32, 17)}),
			},
			"cell 9: 17 maps, room is for 16; see SheetsFit",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Figure{Rows: [][]Panel{{tt.panel}}}.Draw()
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "render: ") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if err := (Figure{Rows: [][]Panel{{}}}).Validate(); err == nil {
		t.Error("no panels: no error")
	}
	huge := Figure{Rows: [][]Panel{{
		Map{Width: 28, Height: 28, Values: ok, Side: 32000},
		Map{Width: 28, Height: 28, Values: ok, Side: 32000},
	}}}
	if _, err := huge.Draw(); err == nil || !strings.Contains(err.Error(), "pixels, the limit is") {
		t.Errorf("a huge figure: error %v", err)
	}
}

// The number in a cell of a hidden grid is that of the neuron whose value has
// the cell's colour, and the numbers along the edges of a larger one add up to it.
func TestHiddenGridNumbers(t *testing.T) {
	for _, n := range []int{1, 30, 100, 1024} {
		p, picture := layOutFigure(t, Figure{Rows: [][]Panel{{HiddenGrid{Values: sigmoids(n)}}}})
		b := picture.Tiles[0]
		cols := b.Rect.Dx() / b.Cell.X
		inside, left, top := 0, 0, 0
		for _, item := range p.texts {
			v, err := strconv.Atoi(item.s)
			mid := item.box().Min.Add(item.box().Max).Div(2).Sub(b.Rect.Min)
			x, y := mid.X/b.Cell.X, mid.Y/b.Cell.Y
			switch {
			case err != nil || mid.Y > b.Rect.Dy() || mid.Y < -30:
				continue // the bar's
			case item.over:
				inside++
				if x+y*cols != v {
					t.Errorf("%d neurons: %d stands in column %d of row %d", n, v, x, y)
				}
			case mid.X < 0:
				left++
				if y*cols != v {
					t.Errorf("%d neurons: %d stands before row %d", n, v, y)
				}
			case mid.Y < 0:
				top++
				if x != v {
					t.Errorf("%d neurons: %d stands above column %d", n, v, x)
				}
			}
		}
		if inside != n && (left == 0 || top == 0) {
			t.Errorf("%d neurons: %d numbers inside, %d at the left, %d above", n, inside, left, top)
		}
	}
}

// Names of columns that would look alike when cut are not cut.
func TestMatrixKeepsColumnNamesApart(t *testing.T) {
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("hiragana %c", 'a'+i))
	}
	p, _ := layOutFigure(t, Figure{Rows: [][]Panel{{Matrix{
		Rows: names, Cols: names,
		Values: make([]float64, len(names)*len(names)),
	}}}})
	count := map[string]int{}
	for _, item := range p.texts {
		count[item.s]++
	}
	for _, s := range names {
		if count[s] < 2 {
			t.Errorf("%q stands %d times on the page, want it as a row and as a column", s, count[s])
		}
	}
}
