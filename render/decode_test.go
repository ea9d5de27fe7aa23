package render

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Every weight comes back from the pixels within one step of its scale.
func TestDecode(t *testing.T) {
	shapes := []struct{ n, width, height int }{
		{7, 28, 28},
		{20, 1, 90},
		// With the default colour map only:
		{1, 28, 28},
		{100, 28, 28},
		{160, 14, 14},
		{601, 14, 14},
		{30, 12, 20},
		{30, 20, 12},
		{5, 1, 1},
		{40, 1, 10},
		{40, 10, 1},
		{3, 301, 1},
		{9, 2, 40},
	}
	for _, sc := range []Scale{Shared, Neuron, Percentile} {
		for _, m := range allColormaps {
			for i, shape := range shapes {
				if i > 1 && m != BlueOrange {
					continue
				}
				name := fmt.Sprintf("%v/%v/%d of %dx%d", sc, m, shape.n, shape.width, shape.height)
				t.Run(name, func(t *testing.T) {
					s := newSheet(shape.n, shape.width, shape.height)
					noisy(s.Tiles, 0.05)
					s.Colors.Scale, s.Colors.Map = sc, m
					s.Mark = rim(shape.width, shape.height)
					checkDecode(t, s)
				})
			}
		}
	}
}

// checkDecode draws s and compares what comes back with what went in.
func checkDecode(t *testing.T, s Sheet) *Picture {
	t.Helper()
	limits, err := s.Limits()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Tiles) != len(s.Tiles) {
		t.Fatalf("picture has %d tiles, want %d", len(p.Tiles), len(s.Tiles))
	}
	for i, tile := range s.Tiles {
		if p.Tiles[i].Limit != limits[i] {
			t.Errorf("tile %d: limit %v, want %v", i, p.Tiles[i].Limit, limits[i])
		}
		got, err := p.Decode(i)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(tile.Map) {
			t.Fatalf("tile %d: %d values, want %d", i, len(got), len(tile.Map))
		}
		for j, w := range tile.Map {
			want := min(max(float64(w), -limits[i]), limits[i])
			if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
				want = math.NaN()
			}
			if d := math.Abs(float64(got[j]) - want); d > limits[i]/(2*Steps)*(1+1e-6) ||
				math.IsNaN(d) != math.IsNaN(want) {
				t.Fatalf("tile %d, weight %d: drawn %v, read back %v; want within %v", i, j, w, got[j],
					limits[i]/(2*Steps))
			}
		}
	}
	return p
}

func TestDecodeSpecialWeights(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		name string
		maps [][]float32
	}{
		{"all zero", [][]float32{make([]float32, 12), make([]float32, 12)}},
		{"one zero", [][]float32{make([]float32, 12), {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}}},
		{"nan and infinity", [][]float32{{nan, inf, -inf, 1, 2, 3, 4, 5, 6, 7, 8, 9}}},
		{"nothing finite", [][]float32{{nan, nan, nan, nan, nan, nan, inf, inf, inf, inf, inf, inf}}},
		{"denormal", [][]float32{{1e-45, -1e-45, 0, 3e-45, 0, 0, 0, 0, 0, 0, 0, 0}}},
		{"largest", [][]float32{{math.MaxFloat32, -math.MaxFloat32, 1, 1e38, 0, 0, 0, 0, 0, 0, 0, 0}}},
	}
	for _, tt := range tests {
		for _, sc := range []Scale{Shared, Neuron, Percentile} {
			t.Run(tt.name+"/"+sc.String(), func(t *testing.T) {
				s := Sheet{Width: 4, Height: 3, Colors: &Colors{Scale: sc}}
				for _, m := range tt.maps {
					s.Tiles = append(s.Tiles, Tile{Map: m})
				}
				checkDecode(t, s)
			})
		}
	}
}

func TestDecodeWithLimit(t *testing.T) {
	s := newSheet(10, 28, 28)
	s.Colors.Limit = 0.25
	p := checkDecode(t, s)
	if p.Tiles[3].Limit != 0.25 {
		t.Errorf("limit %v, want the given 0.25", p.Tiles[3].Limit)
	}
}

// A weight is a block of equal pixels, and the hatching covers part of a block
// only: nothing is smoothed, and the neutral colour is not hidden.
func TestBlocksAreUniform(t *testing.T) {
	for _, n := range []int{1, 30, 100, 300} {
		s := newSheet(n, 28, 28)
		s.Mark = rim(28, 28)
		p, err := s.Draw()
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range p.Tiles {
			for pos, w := range s.Tiles[i].Map {
				want := s.Colors.Map.At(float64(w) / b.Limit)
				same, other := 0, 0
				corner := b.Rect.Min.Add(image.Pt(pos%28*b.Cell.X, pos/28*b.Cell.Y))
				for y := range b.Cell.Y {
					for x := range b.Cell.X {
						if p.Image.RGBAAt(corner.X+x, corner.Y+y) == want {
							same++
						} else {
							other++
						}
					}
				}
				if !s.Mark[pos] && other > 0 {
					t.Fatalf("%d tiles, tile %d, position %d: %d of its pixels have another colour", n, i, pos, other)
				}
				if s.Mark[pos] && (other == 0 || same < 2*other) {
					t.Fatalf("%d tiles, tile %d, marked position %d: %d pixels hatched, %d not", n, i, pos, other, same)
				}
			}
		}
	}
}

// A tile narrower than its map holds the mean of each block of weights.
func TestDecodeMeans(t *testing.T) {
	tests := []struct{ width, height, tilePx, box int }{
		{28, 28, 14, 2},
		{28, 28, 27, 2},
		{28, 28, 10, 3},
		{50, 20, 8, 7},
		{20, 50, 7, 3},
		{28, 28, 1, 28},
		{300, 1, 6, 4}, // folded in rows of 20
		{1, 97, 5, 2},  // folded in rows of 10, the last of 7
		{83, 1, 5, 2},  // folded in rows of 10, the last of 3 and a band by itself
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%dx%d in %d", tt.width, tt.height, tt.tilePx), func(t *testing.T) {
			s := newSheet(5, tt.width, tt.height)
			noisy(s.Tiles, 0.2)
			s.TilePx = tt.tilePx
			s.Tiles[4].Map[3] = float32(math.NaN())
			p, err := s.Draw()
			if err != nil {
				t.Fatal(err)
			}
			rows := rowsOf(tt.width, tt.height)
			for i, b := range p.Tiles {
				if b.Box != tt.box || b.Cell != image.Pt(1, 1) || b.Rect.Dx() > tt.tilePx {
					t.Fatalf("box %d, cell %v, %d pixels wide, want box %d, single pixels, at most %d", b.Box, b.Cell,
						b.Rect.Dx(), tt.box, tt.tilePx)
				}
				got, err := p.Decode(i)
				if err != nil {
					t.Fatal(err)
				}
				want := blockMeans(s.Tiles[i].Map, rows, tt.box)
				if len(got) != len(want) {
					t.Fatalf("%d cells, want %d", len(got), len(want))
				}
				for j := range want {
					if d := math.Abs(float64(got[j]) - want[j]); d > b.Limit/(2*Steps)*(1+1e-6) ||
						math.IsNaN(d) != math.IsNaN(want[j]) {
						t.Errorf("tile %d, cell %d: %v, want %v", i, j, got[j], want[j])
					}
				}
			}
		})
	}
}

// rowsOf returns the lengths of the rows a map is drawn in: Height times Width,
// or those of a folded vector of the lengths used above.
func rowsOf(width, height int) []int {
	rows := make([]int, height)
	for i := range rows {
		rows[i] = width
	}
	switch width * height {
	case 300:
		rows = slices.Repeat([]int{20}, 15)
	case 97:
		rows = append(slices.Repeat([]int{10}, 9), 7)
	case 83:
		rows = append(slices.Repeat([]int{10}, 8), 3)
	}
	return rows
}

func blockMeans(m []float32, rows []int, box int) []float64 {
	var means []float64
	start := 0
	for y := 0; y < len(rows); y += box {
		band := rows[y:min(y+box, len(rows))]
		for x := 0; x < band[0]; x += box {
			sum, n, row := 0.0, 0, start
			for _, length := range band {
				for i := x; i < min(x+box, length); i++ {
					sum += float64(m[row+i])
					n++
				}
				row += length
			}
			means = append(means, sum/float64(n))
		}
		for _, length := range band {
			start += length
		}
	}
	return means
}

func TestDecodeRefusesPaint(t *testing.T) {
	p, err := newSheet(4, 28, 28).Draw()
	if err != nil {
		t.Fatal(err)
	}
	b := p.Tiles[2]
	p.Image.Pix[p.Image.PixOffset(b.Rect.Min.X+b.Cell.X*5, b.Rect.Min.Y+b.Cell.Y*7)+1] ^= 0x80
	if _, err := p.Decode(2); err == nil || !strings.Contains(err.Error(), `tile 2 ("2"), cell 5 across and 7 down`) {
		t.Errorf("error %v does not name tile and cell", err)
	}
	for _, i := range []int{-1, 4} {
		if _, err := p.Decode(i); err == nil {
			t.Errorf("tile %d of 4: no error", i)
		}
	}
}

// Pictures may be drawn at the same time, and come out the same.
func TestDrawConcurrently(t *testing.T) {
	s := newSheet(30, 28, 28)
	want, err := s.Draw()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := s.Draw()
			if err != nil {
				t.Error(err)
				return
			}
			if string(got.Image.Pix) != string(want.Image.Pix) {
				t.Error("the same sheet, drawn at the same time, differs")
			}
		})
	}
	wg.Wait()
}

// Drawing only reads the caller's memory.
func TestDrawLeavesTheSheetAlone(t *testing.T) {
	s := newSheet(3, 28, 28)
	s.Tiles[1].Name = "a\tb ⟨c⟩ \u65e5"
	s.Tiles[1].Lines[0] = "‖w‖\n2"
	before := fmt.Sprint(s)
	p, err := Figure{Rows: sideBy(s, s)}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(s) != before {
		t.Error("the sheet was changed")
	}
	if got := p.Tiles[4]; got.Name != s.Tiles[1].Name || got.Panel != 1 || got.Tile != 1 {
		t.Errorf("fifth tile is %q of panel %d, tile %d, want the name as given, panel 1, tile 1", got.Name, got.Panel,
			got.Tile)
	}
}
