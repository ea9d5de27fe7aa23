package render

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// three returns an image of a 3 that fills w×h: two open arcs.
func three(w, h int) []byte {
	img := make([]byte, w*h)
	for i := range img {
		x, y := (float64(i%w)+0.5)/float64(w), (float64(i/w)+0.5)/float64(h)
		d := 1.0
		for _, cy := range []float64{0.34, 0.64} {
			dx, dy := (x-0.48)/0.17, (y-cy)/0.15
			if dx < -0.2 && math.Abs(y-0.49) < 0.13 {
				continue
			}
			d = min(d, math.Abs(math.Hypot(dx, dy)-1)*0.16)
		}
		img[i] = byte(255 * math.Max(0, math.Min(1, 1.6-d*30)))
	}
	return img
}

// times returns the product of an image, 0 to 1, and a map.
func times(img []byte, w []float32) []float32 {
	out := make([]float32, len(w))
	for i := range w {
		out[i] = float32(img[i]) / 255 * w[i]
	}
	return out
}

// sigmoids returns n activations.
func sigmoids(n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 3))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(1 / (1 + math.Exp(-3*r.NormFloat64())))
	}
	return out
}

// whyFigure is one image through a net, as the program shows it.
func whyFigure(n, classes, w, h int) Figure {
	img := three(w, h)
	maps := strokes(4, w, h)
	coarse(maps)
	weights := &Colors{Name: "weight w", Low: "ink lowers z", High: "ink raises z"}
	product := &Colors{Name: "x·w", Low: "speaks against", High: "speaks for"}
	var names []string
	var out, evidence []float64
	for k := range classes {
		names = append(names, string(rune('0'+k%10))+map[bool]string{true: "", false: fmt.Sprint(k / 10)}[k < 10])
		out = append(out, math.Abs(math.Sin(float64(k*k)))*0.3)
	}
	out[3%classes] = 0.97
	top := []string{}
	for i := range 8 {
		top = append(top, fmt.Sprintf("neuron %d", (i*37)%max(n, 1)))
		evidence = append(evidence, 2.4*math.Cos(float64(i)*0.7))
	}
	f := Figure{
		Title:    "Why this image is read as 3",
		Subtitle: "mnist · 784-100-10 · clear · 98.1 % test accuracy · test image 18",
		Caption: "Orange speaks for, blue against. The product x·w shows which ink of this image the neuron answers " +
			"to; its sum and the bias make z.",
		Rows: [][]Panel{
			{
				Image{Title: "input x", Caption: "what the net is shown: a 3", Width: w, Height: h, Pixels: img},
				Glyph("→"),
				HiddenGrid{Title: "hidden layer", Caption: "the activation of each neuron; outlined: the strongest " +
					"for 3", Values: sigmoids(n), Highlight: []int{n / 2}},
				Glyph("→"),
				Bars{
					Title: "outputs", Caption: "the largest is the answer", Names: names, Values: out,
					Highlight: []int{3 % classes}, Limit: 1, Map: Ink,
				},
			},
		},
	}
	for i := range 2 {
		f.Rows = append(f.Rows, []Panel{
			Image{Title: "input x", Width: w, Height: h, Pixels: img},
			Glyph("×"),
			Map{
				Title: fmt.Sprintf("weights of neuron %d", i*37), Width: w, Height: h, Values: maps[i].Map,
				Colors: weights, Mark: rim(w, h), MarkLabel: "never inked",
			},
			Glyph("="),
			Map{
				Title: "x·w", Caption: "sum 2.31, with the bias −0.42 z = 1.89", Width: w, Height: h,
				Values: times(img, maps[i].Map), Colors: product,
			},
			Text{Title: "In words", Text: "This neuron answers to a stroke from lower left to upper right.\nIt gives " +
				"3 the evidence +1.93."},
		})
	}
	f.Rows = append(f.Rows, []Panel{
		Bars{Title: "evidence for 3", Names: top, Values: evidence, Highlight: []int{0}},
		Map{
			Title: "alone, its own scale", Caption: "a map that shares with no other", Width: w, Height: h,
			Values: maps[2].Map,
		},
		Table{
			Title: "sums that check", Header: []string{"", "sum", "z or s"},
			Rows: [][]string{{"Σ x·w + b", "1.8903", "1.8903"}, {"Σ e + b", "−4.20", "−4.20"}},
		},
	})
	return f
}

// kinds is a figure with the panels that whyFigure lacks.
func kinds(classes, neurons int) Figure {
	r := rand.New(rand.NewPCG(uint64(classes), uint64(neurons)))
	class := make([]string, classes)
	confusion := make([]float64, classes*classes)
	for k := range class {
		class[k] = string(rune('A' + k))
		for j := range classes {
			confusion[k*classes+j] = float64(r.IntN(9))
			if j == k {
				confusion[k*classes+j] = float64(900 + r.IntN(90))
			}
		}
	}
	class[0] = "T-shirt/top"
	neuron := make([]string, neurons)
	means := make([]float64, classes*neurons)
	for j := range neurons {
		neuron[j] = fmt.Sprint((j * 7919) % neurons)
		for k := range classes {
			means[k*neurons+j] = 2 * r.NormFloat64()
		}
	}
	epochs, test, train := []float64{}, []float64{}, []float64{}
	for e := range 31 {
		epochs = append(epochs, float64(e))
		test = append(test, 98-88*math.Exp(-float64(e)/2))
		train = append(train, 99.5-89*math.Exp(-float64(e)/2))
	}
	images, names, lines := make([][]byte, 9), make([]string, 9), make([][]string, 9)
	for i := range images {
		images[i], names[i], lines[i] = three(28, 28), fmt.Sprintf("test:%d", 31*i),
			[]string{fmt.Sprintf("z = %.1f", 9-float64(i))}
	}
	sheet := newSheet(6, 28, 28)
	sheet.Title, sheet.Caption, sheet.Cols, sheet.TilePx = "templates Σ W2·W1", "one map per class", 6, 112
	coarse(sheet.Tiles)
	return Figure{
		Title: "Every kind of panel", Subtitle: "fashion · 784-100-10 · clear · 88.1 % test accuracy",
		Caption: "Not a picture that anybody needs, but one that shows how panels look beside each other.",
		Rows: [][]Panel{
			{Matrix{
				Title: "answers", Caption: "rows: what it was; columns: what was answered", RowTitle: "class",
				ColTitle: "answered", Rows: class, Cols: class, Values: confusion,
				Colors: &Colors{Map: Ink, Limit: 20, NoBar: true},
			}},
			{Matrix{
				Title: "class × neuron", Caption: "mean activation above the neuron's own mean", RowTitle: "class",
				ColTitle: "neuron", Rows: class, Cols: neuron, Values: means,
			}},
			{
				Chart{
					Title: "accuracy", Caption: "after each epoch", X: "epoch", Y: "accuracy in %", LinearX: true,
					LinearY: true, Series: []Series{
						{Name: "training", X: epochs, Y: train},
						{Name: "test", X: epochs, Y: test},
					},
				},
				Chart{
					Title: "loss", X: "epoch", Y: "loss", LinearX: true,
					Series: []Series{{Name: "test", X: epochs[1:], Y: test[1:]}},
				},
			},
			{Thumbs{
				Title: "most excited by", Caption: "the nine test images of largest z", Width: 28, Height: 28,
				Images: images, Names: names, Lines: lines,
			}},
			{sheet},
			{Text{Title: "What this means", Text: "The neuron answers to a stroke, wherever the ink of a 3 crosses " +
				"it. It is one of forty that do.\nWithout it 0.02 % of the test images are read otherwise."}},
		},
	}
}
