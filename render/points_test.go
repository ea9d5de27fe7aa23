package render

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// cloud is n points, most of them near 0 and some far from it, the farthest with a name.
func cloud(n int) Points {
	r := rand.New(rand.NewPCG(uint64(n), 11))
	c := Points{
		Title: "selectivity and what it is worth", Caption: fmt.Sprintf("A dot for each of %d neurons.", n),
		X: "selectivity, 0 to 1", Y: "accuracy lost without it, % points",
	}
	named := 0
	for j := range n {
		x, y := r.Float64(), 0.02*r.NormFloat64()
		if j%7 == 0 {
			y = 0.6 * r.Float64()
		}
		name := ""
		if (y > 0.45 || n <= 10) && named < 12 {
			name = fmt.Sprint(j)
			named++
		}
		c.Xs, c.Ys, c.Names = append(c.Xs, x), append(c.Ys, y), append(c.Names, name)
	}
	return c
}

// However many there are, names stay in the plot and off each other, beside other panels and alone.
func TestPointsLayout(t *testing.T) {
	for _, n := range []int{1, 2, 10, 100, 1000, 4096} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			beside := Bars{Names: []string{"a"}, Values: []float64{1}}
			p, _ := layOutFigure(t, Figure{Rows: [][]Panel{{cloud(n)}, {cloud(n), beside}}})
			var names []textItem
			for _, item := range p.texts {
				if item.over {
					names = append(names, item)
				}
			}
			if len(names) == 0 {
				t.Error("no dot has a name")
			}
			for i, a := range names {
				for _, b := range names[:i] {
					if a.box().Overlaps(b.box()) {
						t.Errorf("names %q at %v and %q at %v overlap", a.s, a.box(), b.s, b.box())
					}
				}
			}
		})
	}
}

// Each dot lies where the numbers of the axes say that it does, the first and the last whole.
func TestPointsPlaces(t *testing.T) {
	c := Points{Xs: []float64{0, 5, 10}, Ys: []float64{-1, 0.5, 1}, X: "x", Y: "y"}
	f := Figure{Rows: [][]Panel{{c}}}
	p, picture, err := f.layOut()
	if err != nil {
		t.Fatal(err)
	}
	picture.Image = p.paint()
	// Where a number of an axis stands, by its text.
	tick := func(s string, right bool) float64 {
		for _, item := range p.texts {
			box := item.box()
			if item.s == s && (box.Max.X < p.frames[0].Min.X) == right {
				if right {
					return float64(item.base - item.style.ascent()/2 + 1)
				}
				return float64(box.Min.X+box.Max.X) / 2
			}
		}
		t.Fatalf("no number %q", s)
		return 0
	}
	for i, want := range []struct{ x, y string }{{"0", "−1.0"}, {"5", ""}, {"10", "1.0"}} {
		x, y := tick("0", false)+(tick("10", false)-tick("0", false))*c.Xs[i]/10, tick("0.0", true)+
			(tick("1.0", true)-tick("0.0", true))*c.Ys[i]
		if want.y != "" && math.Abs(y-tick(want.y, true)) > 1 {
			t.Fatalf("the numbers of the axis are not evenly spaced")
		}
		var dark image.Rectangle
		for dy := -8; dy <= 8; dy++ {
			for dx := -8; dx <= 8; dx++ {
				if c := picture.Image.RGBAAt(int(x)+dx, int(y)+dy); int(c.B) > int(c.R)+60 {
					dark = dark.Union(image.Rect(dx, dy, dx+1, dy+1))
				}
			}
		}
		mid := dark.Min.Add(dark.Max)
		if abs(mid.X) > 4 || abs(mid.Y) > 4 || dark.Dx() < 5 || dark.Dx() > 8 || dark.Dx() != dark.Dy() {
			t.Errorf("point %d at about %.0f, %.0f: its dot covers %v from there", i, x, y, dark)
		}
	}
}

func abs(v int) int { return max(v, -v) }

func TestPointsErrors(t *testing.T) {
	for name, c := range map[string]Points{
		"no points":     {},
		"other lengths": {Xs: []float64{1, 2}, Ys: []float64{1}},
		"few names":     {Xs: []float64{1, 2}, Ys: []float64{1, 2}, Names: []string{"a"}},
		"a long name":   {Xs: []float64{1}, Ys: []float64{1}, Names: []string{strings.Repeat("n", maxLabel+1)}},
		"not a number":  {Xs: []float64{1}, Ys: []float64{math.NaN()}},
		"infinite":      {Xs: []float64{math.Inf(-1)}, Ys: []float64{1}},
		"too wide":      {Xs: []float64{1}, Ys: []float64{1}, Width: maxSide + 1},
	} {
		if _, err := (Figure{Rows: [][]Panel{{c}}}).Draw(); err == nil ||
			!strings.HasPrefix(err.Error(), "render: row 0, panel 0") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPointsGolden(t *testing.T) {
	p, err := Figure{Title: "Points", Rows: [][]Panel{{cloud(100)}, {cloud(4096), cloud(1)}}}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, filepath.Join("testdata", "golden", "points.png"), p.Image)
}
