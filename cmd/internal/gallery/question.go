package gallery

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Question is the question that this project started with, and what its pictures are drawn from: what do the hidden
// neurons of the network of Nielsen's chapter 1 look for? For each picture that was asked for there is the one that
// answers better.
type Question struct {
	Style
	Book, Clear *View // the network of chapter 1, and one of the same sizes whose maps read as they are
	One         *View // 784-1-2
	Class       int   // that the question is about

	Starts, Lossy int // of Book that were tried, and that lost a class
	Screened      int // epochs that each was tried for

	example Chosen // the image that is followed
	facts   [][2]string
}

// Page is a picture of the question with what it says.
type Page struct {
	File, Title, Text string
	Command           string // that makes the picture alone; "" for none
	View              *View  // of which it is
	Drawing           *Drawing
}

// Pages draws the question's pictures, one after the other, and returns what they show in numbers, each under a name.
func (q *Question) Pages(each func(*Page) error) (facts [][2]string, err error) {
	if q.example, err = q.findExample(); err != nil {
		return nil, err
	}
	q.facts = nil
	if _, err := q.Map(); err != nil {
		return nil, err
	}
	for _, draw := range []func() (*Page, error){
		q.oneImage, q.strongest, q.product, q.zeroOne, q.noise, q.better, q.why, q.rank,
	} {
		p, err := draw()
		if err == nil {
			err = each(p)
		}
		if err != nil {
			return nil, err
		}
	}
	return q.facts, nil
}

func (q *Question) fact(name, format string, args ...any) {
	q.facts = append(q.facts, [2]string{name, fmt.Sprintf(format, args...)})
}

// cmap is the colour map; Pages has checked its name.
func (q *Question) cmap() render.Colormap {
	m, err := q.Map()
	if err != nil {
		return render.BlueOrange
	}
	return m
}

// page is a picture that no command makes alone.
func (q *Question) page(v *View, file, title, text string, fig render.Figure, n *arrays.Set) *Page {
	return &Page{File: file, Title: title, Text: text, View: v, Drawing: &Drawing{Figure: fig, Numbers: n}}
}

// command is a picture that a command makes.
func (q *Question) command(v *View, file, title, text string, p Picture, words ...string) (*Page, error) {
	d, err := p.Draw(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Page{File: file, Title: title, Text: text, View: v, Drawing: d, Command: "neuroloupe " +
		strings.Join(words, " ")}, nil
}

// findExample chooses the first test image of the question's class that both networks read right, or if there is none,
// the first.
func (q *Question) findExample() (Chosen, error) {
	test, err := q.Book.Test()
	if err != nil {
		return Chosen{}, err
	}
	right := make([]int, test.Len()) // networks that read it right
	for _, v := range []*View{q.Book, q.Clear} {
		predicted, err := v.Subject.Predicted(v.ctx)
		if err != nil {
			return Chosen{}, err
		}
		for i, k := range predicted {
			if k == int(test.Labels[i]) {
				right[i]++
			}
		}
	}
	best := -1
	for i, k := range test.Labels {
		if int(k) == q.Class && (best < 0 || right[i] > right[best]) {
			best = i
		}
	}
	if best < 0 {
		return Chosen{}, fmt.Errorf("there is no test image of class %s", q.name())
	}
	return q.Book.Choose(fmt.Sprintf("test:%d", best), false)
}

// name is the question's class as pictures show it.
func (q *Question) name() string { return q.Book.Labels()[q.Class] }

// firstMaps returns the maps of the first layer in each way to show them; the start must be known.
func (v *View) firstMaps() (map[string][][]float32, error) {
	all := map[string][][]float32{}
	for _, show := range []string{"raw", "init", "learned"} {
		var err error
		if all[show], err = v.maps(show, 0); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// rankOf orders a network's last hidden layer for the question's class.
func (q *Question) rankOf(v *View, k int) (inspect.ClassRank, error) {
	return v.Subject.ClassRank(v.ctx, v.Net.Hidden(), k)
}

// oneImage is the first picture that was asked for: the input as 28×28, the hidden layer as 10×10, the outputs.
func (q *Question) oneImage() (*Page, error) {
	v := q.Book
	img := q.example
	x, err := v.Explain(img, v.Net.Hidden(), -1)
	if err != nil {
		return nil, err
	}
	x.cmap = q.cmap()
	plus, minus := x.ends(3)
	row := x.evidenceRow(q.cmap())
	off, of := max(slices.Max(x.NeuronErrors), slices.Max(x.OutputErrors)), q.name()
	q.fact("sums", "Σ x·w + b = z and Σ e + b = s to %.0e, %s", off, img.Name)
	text := fmt.Sprintf("The network sees a %s and answers %s. The grid is only a way to draw %d numbers: the "+
		"neurons have no order, so which stand side by side means nothing, and a shape in it is chance. What "+
		"answers: how much each neuron gives to the answer; the bars at the right add up to it. No neuron decides "+
		"alone: the first, %d, gives %s beyond its average, all together %s.",
		of, v.Labels()[x.Predicted], len(x.Evidence), x.Order[0], words.Signed(x.share()[x.Order[0]]),
		words.Signed(sum64(x.share())))
	return q.page(v, "1-one-image.png", "One image through the network", text, render.Figure{
		Title: fmt.Sprintf("One image through the network: %s", x.what(v.Labels())), Subtitle: v.Line(), Caption: text,
		Rows: [][]render.Panel{x.way(append(plus, minus...)), row},
	}, x.Numbers(3)), nil
}

// strongest is the neuron with the largest weight to the class, weights[1][3].argsort()[-1], and its map.
func (q *Question) strongest() (*Page, error) {
	v, name := q.Book, q.name()
	r, err := q.rankOf(v, q.Class)
	if err != nil {
		return nil, err
	}
	act, err := v.Activity(v.Net.Hidden())
	if err != nil {
		return nil, err
	}
	best, err := v.Subject.Excited(v.ctx, v.Net.Hidden(), []int{r.ByWeight[0], r.ByContribution[0]}, 6)
	if err != nil {
		return nil, err
	}
	maps, err := v.firstMaps()
	if err != nil {
		return nil, err
	}
	fig := render.Figure{Title: fmt.Sprintf("The neuron that speaks most for %s", name), Subtitle: v.Line()}
	colors := &render.Colors{Name: "weight", Low: "ink lowers z", High: "ink raises z", Map: q.cmap()}
	n := &arrays.Set{}
	for i, way := range []struct {
		key, title string
		neuron     int
		order      []int
	}{
		{"weight", "asked: the largest weight to " + name, r.ByWeight[0], r.ByContribution},
		{"contribution", "better: the largest contribution", r.ByContribution[0], r.ByWeight},
	} {
		j := way.neuron
		strip, err := v.strip(best[i].Top, best[i].TopZ)
		if err != nil {
			return nil, err
		}
		strip.Title, strip.Cols, strip.Side = "excite it most", 3, 0
		text := fmt.Sprintf("Neuron %d: weight %s to %s. Its mean activation is %.2f on the test images of %s and "+
			"%.2f on all, so it gives %s, weight × difference: %s by contribution, %s by weight.",
			j, words.Signed(r.Weight[j]), name, act.ClassMean[q.Class][j], name, act.Mean[j],
			words.Signed(r.Contribution[j]),
			words.Ordinal(slices.Index(r.ByContribution, j)+1), words.Ordinal(slices.Index(r.ByWeight, j)+1))
		if r.Weight[j] < 0 && r.Contribution[j] > 0 {
			text += fmt.Sprintf("\nIt speaks for %s by keeping silent, which argsort cannot see.", name)
		}
		arrays.AddNumber(n, "neuron_by_"+way.key, j)
		w := v.mapPanel(n, "raw_by_"+way.key, maps["raw"][j])
		l := v.mapPanel(n, "learned_by_"+way.key, maps["learned"][j])
		w.Title, w.Caption, w.Colors, w.Side = fmt.Sprintf("neuron %d, weights W", j), "as they are", colors, 224
		l.Title, l.Caption, l.Colors, l.Side = "learned: W − W₀", "what training added", colors, 224
		fig.Rows = append(fig.Rows, []render.Panel{w, l, strip, render.Text{Title: way.title, Text: text, Width: 260}})
		arrays.AddVector(n, "excite_z_by_"+way.key, best[i].TopZ)
	}
	arrays.AddVector(n, "weight", r.Weight)
	arrays.AddVector(n, "contribution", r.Contribution)
	j := r.ByWeight[0]
	q.fact("strongest", "neuron %d by weight to %s, %s by contribution; neuron %d by contribution, %s by weight", j,
		name,
		words.Ordinal(slices.Index(r.ByContribution, j)+1), r.ByContribution[0],
		words.Ordinal(slices.Index(r.ByWeight, r.ByContribution[0])+1))
	text := "The largest weight is not the neuron that tells most: one that is on for other classes too gives them " +
		"as much. And the map as it is shows mostly the random start; beside it is what training added."
	fig.Caption = text
	return q.page(v, "2-strongest-neuron.png", fig.Title, text, fig, n), nil
}

// product is the element-by-element product of that neuron's map with the input, as asked, and of its learned part.
func (q *Question) product() (*Page, error) {
	v, name := q.Book, q.name()
	negative, positive := q.cmap().Sides()
	img := q.example
	x, err := v.Explain(img, 0, -1)
	if err != nil {
		return nil, err
	}
	r, err := q.rankOf(v, q.Class)
	if err != nil {
		return nil, err
	}
	shape := v.Shape()
	n := &arrays.Set{}
	weight := &render.Colors{Name: "weight w", Low: "ink lowers z", High: "ink raises z", Map: q.cmap()}
	product := &render.Colors{Name: "input×weight", Low: "lowers z", High: "raises z", Map: q.cmap()}
	input := render.Image{
		Key: "input", Title: "input x", Width: shape.Cols, Height: shape.Rows, Pixels: img.Pixels,
		Side: 196,
	}
	fig := render.Figure{
		Title:    fmt.Sprintf("Input × weight: %s and a neuron's map", x.what(v.Labels())),
		Subtitle: v.Line(),
	}
	j := r.ByWeight[0]
	full, err := x.Why.Product(j)
	if err != nil {
		return nil, err
	}
	maps, err := v.firstMaps()
	if err != nil {
		return nil, err
	}
	initial, learned := maps["init"][j], maps["learned"][j]
	start := make([]float32, len(initial))
	added := make([]float32, len(initial))
	for i, xi := range x.Why.X {
		start[i] = float32(v.Net.Gamma * xi * float64(initial[i]))
		added[i] = float32(xi * float64(learned[i]))
	}
	for _, part := range []struct {
		key, title, heading, text string
		w, product                []float32
	}{
		{
			"raw", fmt.Sprintf("neuron %d, weights W", j), "as asked",
			fmt.Sprintf("Yes: %s is ink where the weight is positive, it raises z; %s is ink where it is negative. "+
				"Their sum is %s, with the bias %s that is z = %s, and a = %.3g.", positive, negative,
				words.Signed(full.Sum-full.Bias), words.Signed(full.Bias), words.Signed(x.Why.Z[0][j]),
				x.Why.A[0][j]),
			maps["raw"][j], full.Map,
		},
		{
			"learned", "learned: W − W₀", "what answers better",
			fmt.Sprintf("The same with what training added alone. Of the sum, %s is the random start and %s was "+
				"learned; only that is an answer to this image.",
				words.Signed(sum32(start)), words.Signed(sum32(added))),
			learned, added,
		},
	} {
		w, p := v.mapPanel(n, "weights_"+part.key, part.w), v.mapPanel(n, "product_"+part.key, part.product)
		w.Title, w.Colors, w.Side = part.title, weight, 196
		p.Title, p.Colors, p.Side = "input×weight", product, 196
		fig.Rows = append(fig.Rows, []render.Panel{
			input, render.Glyph("×"), w, render.Glyph("="), p,
			render.Text{Title: part.heading, Text: part.text, Width: 300},
		})
	}
	arrays.AddArray(n, "input", x.Why.X, shape.Rows, shape.Cols)
	arrays.AddNumber(n, "bias", full.Bias)
	arrays.AddNumber(n, "z", x.Why.Z[0][j])
	q.fact("input×weight", "%s, neuron %d: sum %s, of which the start is %s and what was learned %s", img.Name, j,
		words.Signed(full.Sum-full.Bias), words.Signed(sum32(start)), words.Signed(sum32(added)))
	text := fmt.Sprintf("The product shows only the ink that is there, so it looks like the %s whatever the weights "+
		"are: its shape comes from the image, only its colours from the neuron. Under a diverging map with a neutral "+
		"zero, %s raises the neuron and %s lowers it.", name, positive, negative)
	fig.Caption = text
	return q.page(v, "3-input-times-weight.png", "Input × weight", text, fig, n), nil
}
