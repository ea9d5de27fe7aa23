package render

import (
	"bytes"
	"fmt"
	"image"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// On no page do two texts or tiles overlap, nothing leaves the page, nothing is
// too small to read, and no text of a usual length is cut.
func TestLayout(t *testing.T) {
	counts := []int{1, 2, 3, 7, 10, 30, 64, 100, 101, 300, 1024, 4096}
	shapes := []struct{ width, height int }{
		{28, 28},
		{32, 32},
		{8, 8},
		{12, 20},
		{48, 20},
		{200, 150},
		{10, 1},
		{300, 1},
		{2, 40},
		{1, 1},
	}
	for _, n := range counts {
		for _, shape := range shapes {
			t.Run(fmt.Sprintf("%d of %dx%d", n, shape.width, shape.height), func(t *testing.T) {
				s := Sheet{
					Title: "mnist · 784-100-10 · 97.9 % test accuracy", Subtitle: "learned weights W − γW₀",
					Caption: "Each square is one hidden neuron.",
					Width:   shape.width, Height: shape.height, Tiles: blank(n, shape.width, shape.height),
				}
				checkLayout(t, Figure{Title: s.Title, Subtitle: s.Subtitle, Caption: s.Caption, Rows: sideBy(s)})
				// Names that are no numbers in order, and a limit under each.
				s.Colors = weightColors()
				s.Colors.Scale = Neuron
				s.Mark = make([]bool, shape.width*shape.height)
				for i := range s.Tiles {
					s.Tiles[i].Name = strconv.Itoa((i*7919 + 3) % 100003)
				}
				checkLayout(t, Figure{Title: s.Title, Rows: sideBy(s)})
			})
		}
	}
}

func TestLayoutOfRows(t *testing.T) {
	for _, panels := range []int{1, 2, 3, 5} {
		for _, n := range []int{1, 2, 12, 100, 1024} {
			for _, common := range []bool{false, true} {
				for _, sc := range []Scale{Shared, Neuron, Percentile} {
					t.Run(fmt.Sprintf("%d with %d/%v/%v", panels, n, common, sc), func(t *testing.T) {
						f := Figure{Title: "Why yours looked like noise", Caption: "The start hides what was learned."}
						var sheets []Sheet
						for i := range panels {
							s := Sheet{
								Title:   []string{"as stored", "what training changed", "as it began", "d", "e"}[i],
								Caption: strings.Repeat("random numbers, before any image was seen ", i+1),
								Width:   28, Height: 28, Tiles: blank(n, 28, 28), Colors: weightColors(),
							}
							s.Tiles[0].Map[5] = float32(i) + 0.3
							s.Colors.Scale = sc
							if common && i > 0 {
								s.Colors = sheets[0].Colors
							}
							sheets = append(sheets, s)
						}
						f.Rows = sideBy(sheets...)
						_, picture := checkLayout(t, f)
						for i, b := range picture.Tiles {
							first := picture.Tiles[i%n]
							if b.Rect.Size() != first.Rect.Size() || b.Rect.Min.Y != first.Rect.Min.Y {
								t.Fatalf("tile %d of panel %d is at %v, in panel 0 at %v: not side by side", b.Tile,
									b.Panel, b.Rect, first.Rect)
							}
						}
					})
				}
			}
		}
	}
}

// Under each tile of each panel stand its own facts, not those of the same
// neuron in another panel.
func TestLabelsOfARowAreTheirOwn(t *testing.T) {
	var sheets []Sheet
	for panel := range 3 {
		s := Sheet{Width: 28, Height: 28, Tiles: blank(6, 28, 28)}
		for i := range s.Tiles {
			s.Tiles[i].Lines = []string{fmt.Sprintf("%c%d", 'a'+panel, i)}
		}
		sheets = append(sheets, s)
	}
	page, picture := checkLayout(t, Figure{Rows: sideBy(sheets...)})
	for _, b := range picture.Tiles {
		want := fmt.Sprintf("%c%d", 'a'+b.Panel, b.Tile)
		i := slices.IndexFunc(page.texts, func(item textItem) bool { return item.s == want })
		if i < 0 {
			t.Fatalf("%q is not on the page", want)
		}
		at := page.texts[i].box()
		if below := at.Min.Y - b.Rect.Max.Y; at.Min.X < b.Rect.Min.X || at.Max.X > b.Rect.Max.X || below < 0 ||
			below > 20 {
			t.Errorf("%q is at %v, its tile at %v", want, at, b.Rect)
		}
	}
}

// Sheets as different as can be still stand side by side.
func TestLayoutOfUnequalRow(t *testing.T) {
	long := newSheet(300, 28, 28)
	long.Title = strings.Repeat("a heading that wraps ", 6)
	long.Colors.Scale = Percentile
	strip := newSheet(3, 10, 1)
	strip.Colors.Scale = Neuron
	tall := newSheet(1, 20, 50)
	tall.Colors.Low, tall.Colors.High = "this neuron is inhibited by what is here",
		"this neuron is excited by what is here"
	checkLayout(t, Figure{Title: "t", Rows: sideBy(long, strip, tall)})
}

func TestLayoutOfLongTexts(t *testing.T) {
	for _, n := range []int{1, 10, 100, 300, 4096} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			s := newSheet(n, 28, 28)
			s.Title = strings.Repeat("run after run of a network with a long name ", 12)
			s.Subtitle = s.Title + strings.Repeat("x", 900)
			s.Caption = s.Subtitle
			s.MarkLabel = s.Title
			s.Mark = make([]bool, 28*28)
			s.Colors.Low, s.Colors.High = "ink at this place of the image makes the neuron's sum smaller",
				"ink here makes it larger"
			page, _ := checkLayout(t, Figure{Title: s.Title, Subtitle: s.Subtitle, Caption: s.Caption, Rows: sideBy(s)})
			all := ""
			for _, item := range page.texts {
				all += strings.ReplaceAll(item.s, " ", "")
			}
			for _, whole := range []string{s.Title, s.Subtitle, s.Caption, s.MarkLabel, s.Colors.Low, s.Colors.High} {
				if !strings.Contains(all, strings.ReplaceAll(whole, " ", "")) && whole != s.Colors.Low &&
					whole != s.Colors.High {
					t.Errorf("text was cut: %.60q", whole)
				}
			}
		})
	}
}

// Class names fit under a tile whole, at every size that has labels.
func TestClassNamesFit(t *testing.T) {
	for _, n := range []int{1, 10, 30, 100, 300} {
		s := newSheet(n, 28, 28)
		for i := range s.Tiles {
			s.Tiles[i].Lines[0] = "→ " + []string{"Ankle boot", "T-shirt/top"}[i%2]
		}
		page, _ := checkLayout(t, Figure{Rows: sideBy(s)})
		found := 0
		for _, item := range page.texts {
			if item.s == "→ Ankle boot" || item.s == "→ T-shirt/top" {
				found++
			}
		}
		if found != n {
			t.Errorf("%d tiles: %d class names are whole", n, found)
		}
	}
}

// A label that no room can be made for ends in an ellipsis, and only that one.
func TestEllipsisIsTheLastResort(t *testing.T) {
	s := newSheet(100, 28, 28)
	s.Tiles[42].Lines[0] = strings.Repeat("an impossible name ", 8)
	page, _, err := Figure{Rows: sideBy(s)}.layOut()
	if err != nil {
		t.Fatal(err)
	}
	var cut []string
	for _, item := range page.texts {
		if strings.Contains(item.s, "…") {
			cut = append(cut, item.s)
		}
	}
	if len(cut) != 1 || !strings.HasPrefix(cut[0], "an impossible") {
		t.Errorf("cut labels %q, want the impossible one alone", cut)
	}
}

// At sizes where names are left out they can be worked out from the headings.
func TestHeadingsNameEveryTile(t *testing.T) {
	s := newSheet(1024, 28, 28)
	for i := range s.Tiles {
		s.Tiles[i].Name = strconv.Itoa(500 + i)
	}
	page, picture := checkLayout(t, Figure{Rows: sideBy(s)})
	at := func(match func(box image.Rectangle) bool) int {
		for _, item := range page.texts {
			if v, err := strconv.Atoi(item.s); err == nil && match(item.box()) {
				return v
			}
		}
		t.Fatal("a row or a column has no heading")
		return 0
	}
	first := picture.Tiles[0].Rect
	for i, b := range picture.Tiles {
		left := at(func(box image.Rectangle) bool {
			return box.Max.X <= first.Min.X && box.Min.Y < b.Rect.Max.Y && box.Max.Y > b.Rect.Min.Y
		})
		top := at(func(box image.Rectangle) bool {
			return box.Max.Y <= first.Min.Y && box.Max.Y > first.Min.Y-10 && box.Min.X < b.Rect.Max.X &&
				box.Max.X > b.Rect.Min.X
		})
		if left+top != 500+i {
			t.Fatalf("tile %d: %d at the left and %d at the top, want a sum of %d", i, left, top, 500+i)
		}
	}
}

func TestSizesFollowTheBrief(t *testing.T) {
	tests := []struct{ n, cols, tile, narrowest, widest int }{
		{1, 1, 560, 600, 700},
		{10, 5, 196, 1000, 1250},
		{100, 10, 84, 1000, 1250},
		{300, 15, 56, 1000, 1250},
		{1024, 32, 28, 1000, 1250},
		{4096, 64, 28, 2000, 2400},
	}
	for _, tt := range tests {
		page, picture := checkLayout(t, Figure{Title: "t", Rows: sideBy(newSheet(tt.n, 28, 28))})
		cols := 0
		for _, b := range picture.Tiles {
			if b.Rect.Min.Y == picture.Tiles[0].Rect.Min.Y {
				cols++
			}
		}
		if tile := picture.Tiles[0].Rect.Dx(); cols != tt.cols || tile != tt.tile || page.size.X < tt.narrowest ||
			page.size.X > tt.widest {
			t.Errorf("%d tiles: %d columns of %d pixels on a page %d wide, want %d of %d on %d to %d",
				tt.n, cols, tile, page.size.X, tt.cols, tt.tile, tt.narrowest, tt.widest)
		}
	}
}

func TestColsAndTilePx(t *testing.T) {
	tests := []struct{ n, width, cols, tilePx, wantCols, wantTile int }{
		{100, 28, 20, 0, 20, 28},
		{100, 28, 4, 0, 4, 84},
		{100, 28, 500, 28, 100, 28},
		{100, 28, 0, 150, 10, 140},
		{100, 28, 0, 56, 15, 56},
		{100, 28, 10, 10, 10, 10},
		{4, 28, 0, 1500, 2, 1484},
	}
	for _, tt := range tests {
		s := newSheet(tt.n, tt.width, tt.width)
		s.Cols, s.TilePx = tt.cols, tt.tilePx
		_, picture := checkLayout(t, Figure{Rows: sideBy(s)})
		cols := 0
		for _, b := range picture.Tiles {
			if b.Rect.Min.Y == picture.Tiles[0].Rect.Min.Y {
				cols++
			}
		}
		if tile := picture.Tiles[0].Rect.Dx(); cols != tt.wantCols || tile != tt.wantTile {
			t.Errorf("Cols %d, TilePx %d: %d columns of %d, want %d of %d", tt.cols, tt.tilePx, cols, tile, tt.wantCols,
				tt.wantTile)
		}
	}
}

// blank returns n labelled tiles of one map, whose weights are all 0 but one.
func blank(n, width, height int) []Tile {
	m := make([]float32, width*height)
	m[0] = -0.0123456
	tiles := make([]Tile, n)
	for i := range tiles {
		tiles[i] = Tile{Map: m, Name: strconv.Itoa(i), Lines: []string{"→ 3", "‖w‖ 2.1", "ρ 0.02"}}
	}
	return tiles
}

// sideBy is a row of sheets.
func sideBy(sheets ...Sheet) [][]Panel {
	rows := make([][]Panel, 1)
	for _, s := range sheets {
		rows[0] = append(rows[0], s)
	}
	return rows
}

// checkLayout lays a figure of sheets out and checks what holds for every page,
// and that none of its texts is cut.
func checkLayout(t *testing.T, f Figure) (*page, *Picture) {
	t.Helper()
	p, picture := layOutFigure(t, f)
	for _, item := range p.texts {
		if strings.Contains(item.s, "…") {
			t.Fatalf("text %q is cut", item.s)
		}
	}
	return p, picture
}

// checkPage checks that nothing on p overlaps, leaves the page or is too small
// to read.
func checkPage(t *testing.T, p *page, picture *Picture) {
	t.Helper()
	// Each box fills the pixels it covers, a line at a time.
	taken := make([]byte, p.size.X*p.size.Y)
	free, full := make([]byte, p.size.X), bytes.Repeat([]byte{1}, p.size.X)
	var boxes []image.Rectangle
	claim := func(box image.Rectangle, name string) {
		if !box.In(image.Rectangle{Max: p.size}.Inset(margin / 2)) {
			t.Fatalf("%s at %v leaves the page of %v", name, box, p.size)
		}
		for y := box.Min.Y; y < box.Max.Y; y++ {
			line := taken[y*p.size.X+box.Min.X : y*p.size.X+box.Max.X]
			if !bytes.Equal(line, free[:len(line)]) {
				i := slices.IndexFunc(boxes, box.Overlaps)
				t.Fatalf("%s at %v overlaps what is at %v", name, box, boxes[i])
			}
			copy(line, full)
		}
		boxes = append(boxes, box)
	}
	for _, f := range p.frames {
		claim(f.Inset(-1), "frame")
	}
	covers := func(list []image.Rectangle, box image.Rectangle) bool {
		return slices.ContainsFunc(list, func(r image.Rectangle) bool { return box.In(r) })
	}
	for _, q := range p.plots {
		if !covers(p.frames, q.rect) {
			t.Fatalf("plot at %v has no frame", q.rect)
		}
	}
	for _, item := range p.texts {
		if item.over {
			if !covers(p.frames, item.box()) {
				t.Fatalf("text %q at %v leaves its map", item.s, item.box())
			}
		} else {
			claim(item.box(), fmt.Sprintf("text %q", item.s))
		}
		if item.style.size < lastResort {
			t.Fatalf("text %q is set in size %v", item.s, item.style.size)
		}
	}
	for _, f := range p.fills {
		if covers(p.frames, f.rect) {
			continue // an outline of a cell
		}
		if i := slices.IndexFunc(boxes, f.rect.Overlaps); i >= 0 {
			t.Fatalf("bar or rule at %v overlaps what is at %v", f.rect, boxes[i])
		}
		if !f.rect.In(image.Rectangle{Max: p.size}.Inset(margin / 2)) {
			t.Fatalf("bar or rule at %v leaves the page of %v", f.rect, p.size)
		}
	}
	if want := len(p.maps); len(picture.Tiles) > want {
		t.Fatalf("%d tiles reported, %d maps drawn", len(picture.Tiles), want)
	}
}
