package render

import (
	"fmt"
	"math"
	"testing"
)

// made is sheets of so many rows and columns, of n maps each as far as they fit, but one cell without any.
func made(rows, cols, width, height, n int, c *Colors) Sheets {
	s := Sheets{RowTitle: "l2", ColTitle: "lr", Width: width, Height: height, Colors: c}
	for i := range rows {
		s.Rows = append(s.Rows, fmt.Sprint("row ", i))
	}
	for k := range cols {
		s.Cols = append(s.Cols, fmt.Sprint(k))
	}
	fit := SheetsFit(cols, width, height, n)
	for i := range rows * cols {
		if i == rows*cols-1 && i > 0 {
			s.Cells = append(s.Cells, SheetCell{Line: "2 failed, 1 interrupted"})
			continue
		}
		cell := SheetCell{Line: "97.53 %", Note: "median of 3"}
		for j, tile := range strokes(fit, width, height) {
			for p := range tile.Map {
				tile.Map[p] *= float32(i + j + 1)
			}
			cell.Maps = append(cell.Maps, tile.Map)
		}
		s.Cells = append(s.Cells, cell)
	}
	return s
}

// Nothing lies on anything else, whatever there is to show; a page of up to 20 columns is seen whole on a laptop; and
// every map reads back from its pixels.
func TestSheetsLayout(t *testing.T) {
	for _, c := range []struct{ rows, cols, width, height, n int }{
		{10, 10, 28, 28, 100},
		{1, 1, 28, 28, 100},
		{3, 2, 28, 28, 30},
		{2, 20, 28, 28, 50},
		{2, 4, 12, 10, 7},
		{2, 3, 1, 97, 5},
		{2, 2, 13, 1, 9},
		{1, 5, 640, 480, 4},
		{2, 60, 28, 28, 100},
		{4, 3, 64, 64, 1},
	} {
		for _, scale := range []Scale{Shared, Neuron} {
			t.Run(fmt.Sprint(c, scale), func(t *testing.T) {
				s := made(c.rows, c.cols, c.width, c.height, c.n, &Colors{Scale: scale})
				f := Figure{Title: "many networks", Rows: [][]Panel{{s}}}
				p, _ := layOutFigure(t, f)
				if c.cols <= 20 && p.size.X > 1424 {
					t.Errorf("the page is %d pixels wide", p.size.X)
				}
				pic, err := f.Draw()
				if err != nil {
					t.Fatal(err)
				}
				i := 0
				for _, cell := range s.Cells {
					for _, m := range cell.Maps {
						readsBack(t, pic, i, m)
						i++
					}
				}
				if i != len(pic.Tiles) {
					t.Errorf("%d tiles, want %d", len(pic.Tiles), i)
				}
			})
		}
	}
}

// readsBack checks tile i of a picture against its map.
func readsBack(t *testing.T, pic *Picture, i int, m []float32) {
	t.Helper()
	got, err := pic.Decode(i)
	if err != nil {
		t.Fatal(err)
	}
	b := pic.Tiles[i]
	if b.Box > 1 {
		return // means, which TestDecode holds
	}
	for p, v := range m {
		want := max(-b.Limit, min(b.Limit, float64(v)))
		if math.Abs(float64(got[p])-want) > b.Limit/(2*Steps)*1.001+1e-9 {
			t.Fatalf("tile %d, weight %d reads back as %v, want %v", i, p, got[p], want)
		}
	}
}

// With its own scale a cell's colours end where 995 of its 1,000 weights lie within; with one scale, at the largest of
// all.
func TestSheetsScale(t *testing.T) {
	s := Sheets{Rows: []string{"a"}, Cols: []string{"b", "c"}, Width: 20, Height: 25, Cells: make([]SheetCell, 2)}
	for i := range s.Cells {
		for k := range 2 {
			m := make([]float32, 500)
			for p := range m {
				m[p] = float32((1 + 9*i) * (500*k + p + 1)) // 1 to 1000, 10 to 10000
			}
			s.Cells[i].Maps = append(s.Cells[i].Maps, m)
		}
	}
	for scale, want := range map[Scale][]float64{Neuron: {995, 995, 9950, 9950}, Shared: {1e4, 1e4, 1e4, 1e4}} {
		s.Colors = &Colors{Scale: scale}
		pic, err := Figure{Rows: [][]Panel{{s}}}.Draw()
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range pic.Tiles {
			if b.Limit != want[i] {
				t.Errorf("%v, tile %d: colours end at %v, want %v", scale, i, b.Limit, want[i])
			}
		}
	}
}
