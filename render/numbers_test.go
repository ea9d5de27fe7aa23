package render

import (
	"reflect"
	"testing"
)

// What panels draw in numbers comes under their keys, row by row; what only counts and what has no key is left out.
func TestFigureNumbers(t *testing.T) {
	f := Figure{Rows: [][]Panel{
		{
			Map{Key: "map", Values: []float32{1, -2}},
			Glyph("="),
			Text{Text: "7"},
			Image{Pixels: []byte{9}},
			Image{Key: "image", Pixels: []byte{3, 255}},
		},
		{
			Sheet{Key: "sheet", Tiles: []Tile{{Map: []float32{1, 2}}, {Map: []float32{3, 4}}}},
			HiddenGrid{Key: "grid", Values: []float32{0.5}},
			Bars{Key: "bars one", Values: []float64{8}},
			Matrix{Key: "matrix", Values: []float64{5, 6}},
			Sheets{Key: "sheets", Cells: []SheetCell{{Maps: [][]float32{{1}, {2}}}, {Maps: [][]float32{{3}}}}},
			Points{KeyX: "x", KeyY: "y", Xs: []float64{1}, Ys: []float64{2}},
		},
		{Chart{Series: []Series{
			{KeyX: "removed", X: []float64{0, 9}, KeyY: "left", Y: []float64{1, 0}},
			{X: []float64{1, 2}, KeyY: "curve", Y: []float64{3, 4}},
		}}},
	}}
	want := []Numbers{
		{"map", []float64{1, -2}},
		{"image", []float64{3, 255}},
		{"sheet", []float64{1, 2, 3, 4}},
		{"grid", []float64{0.5}},
		{"bars one", []float64{8}},
		{"matrix", []float64{5, 6}},
		{"sheets", []float64{1, 2, 3}},
		{"x", []float64{1}},
		{"y", []float64{2}},
		{"removed", []float64{0, 9}},
		{"left", []float64{1, 0}},
		{"curve", []float64{3, 4}},
	}
	if got := f.Numbers(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
