package render

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Whatever stands beside whatever, nothing overlaps and nothing leaves the page.
func TestFigureLayoutOfAnything(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 9))
		words := func(most int) string {
			return strings.TrimSpace(strings.Repeat([]string{
				"neuron ", "a word ", "Ankle boot ",
				"Donaudampfschifffahrtsgesellschaft ",
			}[r.IntN(4)], r.IntN(most)))
		}
		names := func(n int) []string {
			out := make([]string, n)
			for i := range out {
				if out[i] = words(3); r.IntN(2) == 0 {
					out[i] = fmt.Sprint(i)
				}
			}
			return out
		}
		values := func(n int) []float64 {
			out := make([]float64, n)
			for i := range out {
				out[i] = r.NormFloat64() * []float64{1e-6, 1, 1234}[seed%3]
			}
			return out
		}
		shared := []*Colors{{Name: words(9), Low: words(5), High: words(9)}, {Scale: Percentile}, nil}
		panel := func() Panel {
			n, c := 1+r.IntN(40), shared[r.IntN(3)]
			w, h := 1+r.IntN(40), 1+r.IntN(40)
			head, caption := words(8), words(20)
			switch r.IntN(10) {
			case 0:
				return Map{
					Title: head, Caption: caption, Width: w, Height: h, Values: strokes(1, w, h)[0].Map,
					Colors: c, Mark: rim(w, h), MarkLabel: words(9),
				}
			case 1:
				return Image{Title: head, Caption: caption, Width: w, Height: h, Pixels: three(w, h)}
			case 2:
				return HiddenGrid{
					Title: head, Caption: caption, Values: sigmoids(1 + r.IntN(1500)), Colors: c,
					Cols: r.IntN(30), Highlight: []int{0},
				}
			case 3:
				return Bars{Title: head, Caption: caption, Names: names(n), Values: values(n), Highlight: []int{n / 2}}
			case 4:
				rows, cols := names(1+r.IntN(26)), names(n)
				return Matrix{
					Title: head, Caption: caption, RowTitle: words(3), ColTitle: words(6), Rows: rows,
					Cols: cols, Values: values(len(rows) * n), Colors: c, NoNumbers: n%2 == 0,
				}
			case 5:
				x := make([]float64, n)
				for i := range x {
					x[i] = float64(1 + i)
				}
				var series []Series
				for range 1 + r.IntN(12) {
					series = append(series, Series{Name: words(4), X: x, Y: values(n)})
				}
				return Chart{
					Title: head, Caption: caption, X: words(4), Y: words(9), Series: series, LinearX: n%2 == 0,
					LinearY: true,
				}
			case 6:
				thumbs := Thumbs{Title: head, Caption: caption, Width: w, Height: h, Names: names(n)}
				for range n {
					thumbs.Images = append(thumbs.Images, three(w, h))
				}
				return thumbs
			case 7:
				return Text{Title: head, Text: words(60) + "\n\n" + words(60)}
			case 8:
				rows := make([][]string, n)
				cols := 1 + r.IntN(6)
				for i := range rows {
					rows[i] = names(cols)
				}
				return Table{Title: head, Caption: caption, Header: names(cols), Rows: rows}
			default:
				return Sheet{
					Title: head, Caption: caption, Width: w, Height: h, Tiles: strokes(n, w, h),
					Colors: &Colors{Scale: Scale(r.IntN(3))},
				}
			}
		}
		f := Figure{Title: words(9), Subtitle: words(30), Caption: words(40)}
		for range 1 + r.IntN(3) {
			var row []Panel
			for i := range 1 + r.IntN(5) {
				if i > 0 && r.IntN(2) == 0 {
					row = append(row, Glyph([]string{"×", "=", "+", "→"}[r.IntN(4)]))
				}
				row = append(row, panel())
			}
			f.Rows = append(f.Rows, row)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p, _ := layOutFigure(t, f)
			if p.size.X > 1280 {
				t.Errorf("page of %v, want at most 1280 across", p.size)
			}
		})
	}
}
