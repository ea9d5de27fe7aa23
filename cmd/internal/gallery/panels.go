package gallery

import (
	"fmt"
	"math"
	"slices"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/mnist"
	"neuroloupe/render"
)

// mapsOf returns the maps of neurons of a hidden layer as they are best read, and what they are in words: what training
// added where the start is known, and for a deeper layer through the linearised path to the input; see View.maps.
func (v *View) mapsOf(layer int, units []int) (maps [][]float32, what string, err error) {
	all, err := v.maps(v.defaultShow(), layer)
	if err != nil {
		return nil, "", err
	}
	for _, j := range units {
		maps = append(maps, all[j])
	}
	first, what := "W₁", "raw weights W"
	if v.NoStart == nil {
		first, what = "(W₁ − γW₀)", "learned weights W − γW₀"
	}
	if layer > 0 {
		what = "path to the input " + v.path(first, layer)
	}
	return maps, what, nil
}

// speaks says which class a neuron speaks for most, and how: a neuron with a negative weight to it does by keeping
// silent.
func (v *View) speaks(layer, j, class int) string {
	text := "speaks most for " + v.Labels()[class]
	if v.Subject.OutPath(layer)[j][class] < 0 {
		text += ", by keeping silent"
	}
	return text
}

// strip is some test images in a row, each with its class and a neuron's z on it.
func (v *View) strip(images []int, z []float64) (render.Thumbs, error) {
	test, err := v.Test()
	if err != nil {
		return render.Thumbs{}, err
	}
	shape := v.Shape()
	t := render.Thumbs{Width: shape.Cols, Height: shape.Rows, Cols: len(images), Side: 84}
	for at, i := range images {
		t.Images = append(t.Images, test.Image(i))
		t.Names = append(t.Names, v.Labels()[test.Labels[i]])
		t.Lines = append(t.Lines, []string{"z " + words.Signed(z[at]), fmt.Sprintf("test:%d", i)})
	}
	return t, nil
}

// mapPanel adds a map to the numbers under a key, and returns the panel that draws it.
func (v *View) mapPanel(n *arrays.Set, key string, values []float32) render.Map {
	shape := v.Shape()
	arrays.AddArray(n, key, values, shape.Rows, shape.Cols)
	return render.Map{Key: key, Width: shape.Cols, Height: shape.Rows, Values: values}
}

// imagePanel adds an image to the numbers under a key, and returns the panel that draws it.
func (v *View) imagePanel(n *arrays.Set, key string, pixels []byte) render.Image {
	shape := v.Shape()
	arrays.AddArray(n, key, pixels, shape.Rows, shape.Cols)
	return render.Image{Key: key, Width: shape.Cols, Height: shape.Rows, Pixels: pixels}
}

// sheetPanel adds maps to the numbers under a key, and returns the panel that draws them, a tile each without words.
func (v *View) sheetPanel(n *arrays.Set, key string, maps [][]float32) render.Sheet {
	shape := v.Shape()
	arrays.AddMatrix(n, key, maps)
	s := render.Sheet{Key: key, Width: shape.Cols, Height: shape.Rows}
	for _, m := range maps {
		s.Tiles = append(s.Tiles, render.Tile{Map: m})
	}
	return s
}

// Outputs are drawn each with its bar up to mostBars of them; of more, the strongest.
const mostBars, strongestBars = 64, 30

// strongest leaves of bars, one per output, only those of largest rank when there are too many, the first first, and
// those to keep, such as the class that was asked for; the caption says so. rank: one per bar.
func strongest(b render.Bars, rank []float64, keep ...int) render.Bars {
	n := len(b.Values)
	if n <= mostBars {
		return b
	}
	order := inspect.Descending(rank)[:strongestBars]
	for _, k := range keep {
		if k >= 0 && !slices.Contains(order, k) {
			order = append(order, k)
		}
	}
	b.Names, b.Values = arrays.Pick(b.Names, order), arrays.Pick(b.Values, order)
	if b.Texts != nil {
		b.Texts = arrays.Pick(b.Texts, order)
	}
	for i, k := range b.Highlight {
		b.Highlight[i] = slices.Index(order, k)
	}
	b.Caption += fmt.Sprintf("; of %s, the %d strongest", words.Count(n, "output"), strongestBars)
	return b
}

// sizes64 are the sizes of numbers.
func sizes64(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Abs(x)
	}
	return out
}

// classMean returns the mean of a class's images, and how many there are.
func classMean(s *mnist.Set, k int) (mean []byte, count int) {
	sums := make([]int, s.Pixels())
	for i, label := range s.Labels {
		if int(label) != k {
			continue
		}
		count++
		for p, b := range s.Image(i) {
			sums[p] += int(b)
		}
	}
	mean = make([]byte, len(sums))
	for p, sum := range sums {
		mean[p] = byte((sum + count/2) / max(count, 1))
	}
	return mean, count
}

func float32s(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

func sum64(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

func sum32(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x)
	}
	if math.Abs(s) < 1e-12 {
		return 0
	}
	return s
}

// sums32 are the sums of rows.
func sums32(rows [][]float32) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = sum32(r)
	}
	return out
}
