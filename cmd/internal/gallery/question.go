package gallery

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Question is the question that this project started with, and what its pictures are drawn from: what do the hidden neurons
// of the network of Nielsen's chapter 1 look for? For each picture that was asked for there is the one that answers better.
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
	return &Page{File: file, Title: title, Text: text, View: v, Drawing: d, Command: "neuroloupe " + strings.Join(words, " ")}, nil
}

// findExample chooses the first test image of the question's class that both networks read right, or if there is none, the first.
func (q *Question) findExample() (Chosen, error) {
	test, err := q.Book.Test()
	if err != nil {
		return Chosen{}, err
	}
	right := make([]int, test.Len()) // networks that read it right
	for _, v := range []*View{q.Book, q.Clear} {
		probe, err := v.ProbeTest()
		if err != nil {
			return Chosen{}, err
		}
		logits, err := probe.Values(q.Book.ctx, v.Net, v.Net.Last(), true)
		if err != nil {
			return Chosen{}, err
		}
		for i, row := range logits {
			if engine.Answer(row) == int(test.Labels[i]) {
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

// Name is the question's class as pictures show it.
func (q *Question) name() string { return q.Book.Labels()[q.Class] }

// rankOf orders a network's last hidden layer for the question's class.
func (q *Question) rankOf(v *View, k int) (inspect.ClassRank, error) {
	layer := v.Net.Hidden()
	act, err := v.Activity(layer)
	if err != nil {
		return inspect.ClassRank{}, err
	}
	return inspect.RankClass(inspect.Path(v.Spec(), v.Net.Params, layer), act, k)
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
	text := fmt.Sprintf("The network sees a %s and answers %s. The grid is only a way to draw %d numbers: the neurons have no order, so which stand "+
		"side by side means nothing, and a shape in it is chance. What answers: how much each neuron gives to the answer; the bars at the right add up to it. "+
		"No neuron decides alone: the first, %d, gives %s beyond its average, all together %s.",
		of, v.Labels()[x.Predicted], len(x.Evidence), x.Order[0], words.Signed(x.share()[x.Order[0]]), words.Signed(sum64(x.share())))
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
	probe, err := v.ProbeTest()
	if err != nil {
		return nil, err
	}
	z, err := probe.Values(q.Book.ctx, v.Net, v.Net.Hidden(), true)
	if err != nil {
		return nil, err
	}
	fig := render.Figure{Title: fmt.Sprintf("The neuron that speaks most for %s", name), Subtitle: v.Line()}
	colors := &render.Colors{Name: "weight", Low: "ink lowers z", High: "ink raises z", Map: q.cmap()}
	shape := v.Shape()
	raw, learned := inspect.Maps(v.Weights("raw")), inspect.Maps(v.Weights("learned"))
	n := &arrays.Set{}
	for _, way := range []struct {
		key, title string
		neuron     int
		order      []int
	}{
		{"weight", "asked: the largest weight to " + name, r.ByWeight[0], r.ByContribution},
		{"contribution", "better: the largest contribution", r.ByContribution[0], r.ByWeight},
	} {
		j := way.neuron
		strip, values, err := v.strip(inspect.FindExtremes(inspect.Column(z, j), 6).Top, inspect.Column(z, j))
		if err != nil {
			return nil, err
		}
		strip.Title, strip.Cols, strip.Side = "excite it most", 3, 0
		text := fmt.Sprintf("Neuron %d: weight %s to %s. Its mean activation is %.2f on the test images of %s and %.2f on all, so it gives %s, weight × difference: %s by contribution, %s by weight.",
			j, words.Signed(r.Weight[j]), name, act.ClassMean[q.Class][j], name, act.Mean[j], words.Signed(r.Contribution[j]),
			words.Ordinal(slices.Index(r.ByContribution, j)+1), words.Ordinal(slices.Index(r.ByWeight, j)+1))
		if r.Weight[j] < 0 && r.Contribution[j] > 0 {
			text += fmt.Sprintf("\nIt speaks for %s by keeping silent, which argsort cannot see.", name)
		}
		fig.Rows = append(fig.Rows, []render.Panel{
			render.Map{
				Key: "raw_by_" + way.key, Title: fmt.Sprintf("neuron %d, weights W", j), Caption: "as they are",
				Width: shape.Cols, Height: shape.Rows, Values: raw[j], Colors: colors, Side: 224,
			},
			render.Map{
				Key: "learned_by_" + way.key, Title: "learned: W − W₀", Caption: "what training added",
				Width: shape.Cols, Height: shape.Rows, Values: learned[j], Colors: colors, Side: 224,
			},
			strip,
			render.Text{Title: way.title, Text: text, Width: 260},
		})
		arrays.AddNumber(n, "neuron_by_"+way.key, j)
		arrays.AddArray(n, "raw_by_"+way.key, raw[j], shape.Rows, shape.Cols)
		arrays.AddArray(n, "learned_by_"+way.key, learned[j], shape.Rows, shape.Cols)
		arrays.AddVector(n, "excite_z_by_"+way.key, values)
	}
	arrays.AddVector(n, "weight", r.Weight)
	arrays.AddVector(n, "contribution", r.Contribution)
	j := r.ByWeight[0]
	q.fact("strongest", "neuron %d by weight to %s, %s by contribution; neuron %d by contribution, %s by weight", j, name,
		words.Ordinal(slices.Index(r.ByContribution, j)+1), r.ByContribution[0], words.Ordinal(slices.Index(r.ByWeight, r.ByContribution[0])+1))
	text := "The largest weight is not the neuron that tells most: one that is on for other classes too gives them as much. And the map as it is shows mostly the random " +
		"start; beside it is what training added."
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
	input := render.Image{Key: "input", Title: "input x", Width: shape.Cols, Height: shape.Rows, Pixels: img.Pixels, Side: 196}
	fig := render.Figure{Title: fmt.Sprintf("Input × weight: %s and a neuron's map", x.what(v.Labels())), Subtitle: v.Line()}
	j := r.ByWeight[0]
	full, err := x.Why.Product(j)
	if err != nil {
		return nil, err
	}
	initial, learned := inspect.Maps(v.Weights("init"))[j], inspect.Maps(v.Weights("learned"))[j]
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
			fmt.Sprintf("Yes: %s is ink where the weight is positive, it raises z; %s is ink where it is negative. Their sum is %s, with the bias %s that is z = %s, "+
				"and a = %.3g.", positive, negative, words.Signed(full.Sum-full.Bias), words.Signed(full.Bias), words.Signed(x.Why.Z[0][j]), x.Why.A[0][j]),
			inspect.Maps(v.Weights("raw"))[j], full.Map,
		},
		{
			"learned", "learned: W − W₀", "what answers better",
			fmt.Sprintf("The same with what training added alone. Of the sum, %s is the random start and %s was learned; only that is an answer to this image.",
				words.Signed(sum32(start)), words.Signed(sum32(added))),
			learned, added,
		},
	} {
		fig.Rows = append(fig.Rows, []render.Panel{
			input, render.Glyph("×"),
			render.Map{
				Key: "weights_" + part.key, Title: part.title, Width: shape.Cols, Height: shape.Rows, Values: part.w, Colors: weight, Side: 196,
			},
			render.Glyph("="),
			render.Map{
				Key: "product_" + part.key, Title: "input×weight",
				Width: shape.Cols, Height: shape.Rows, Values: part.product, Colors: product, Side: 196,
			},
			render.Text{Title: part.heading, Text: part.text, Width: 300},
		})
		arrays.AddArray(n, "weights_"+part.key, part.w, shape.Rows, shape.Cols)
		arrays.AddArray(n, "product_"+part.key, part.product, shape.Rows, shape.Cols)
	}
	arrays.AddArray(n, "input", x.Why.X, shape.Rows, shape.Cols)
	arrays.AddNumber(n, "bias", full.Bias)
	arrays.AddNumber(n, "z", x.Why.Z[0][j])
	q.fact("input×weight", "%s, neuron %d: sum %s, of which the start is %s and what was learned %s", img.Name, j, words.Signed(full.Sum-full.Bias), words.Signed(sum32(start)), words.Signed(sum32(added)))
	text := fmt.Sprintf("The product shows only the ink that is there, so it looks like the %s whatever the weights are: its shape comes from the image, only its colours from the "+
		"neuron. Under a diverging map with a neutral zero, %s raises the neuron and %s lowers it.", name, positive, negative)
	fig.Caption = text
	return q.page(v, "3-input-times-weight.png", "Input × weight", text, fig, n), nil
}

// zeroOne is the single hidden neuron that tells the first two classes apart, whose map does not look like anything.
func (q *Question) zeroOne() (*Page, error) {
	v := q.One
	negative, positive := q.cmap().Sides()
	score, err := v.Score()
	if err != nil {
		return nil, err
	}
	names := v.Labels()
	shape := v.Shape()
	n := &arrays.Set{}
	weight := &render.Colors{Name: "weight", Low: "ink lowers z", High: "ink raises z", Map: q.cmap()}
	maps := map[string][]float32{}
	for _, show := range []string{"raw", "init", "learned"} {
		maps[show] = inspect.Maps(v.Weights(show))[0]
		arrays.AddArray(n, show, maps[show], shape.Rows, shape.Cols)
	}
	rho := v.Rho()[0]
	dead := len(v.Folder.Manifest.Data.Dead)
	out := v.Net.Params.Weight(2)
	yes := 0
	if out.Data[1] > out.Data[0] {
		yes = 1
	}
	test, err := v.Test()
	if err != nil {
		return nil, err
	}
	mean := func(k int) render.Panel {
		pixels, images := classMean(test, k)
		arrays.AddArray(n, "mean_"+v.Classes()[k], pixels, shape.Rows, shape.Cols)
		return render.Image{
			Key: "mean_" + v.Classes()[k], Title: "the mean " + names[k], Caption: fmt.Sprintf("of %s test images", words.Thousands(images)),
			Width: shape.Cols, Height: shape.Rows, Pixels: pixels, Side: 224,
		}
	}
	panel := func(title, caption, show string, c *render.Colors) render.Map {
		return render.Map{
			Key: show, Title: title, Caption: caption,
			Width: shape.Cols, Height: shape.Rows, Values: maps[show], Colors: c, Side: 224,
			Mark: v.Dead(), MarkLabel: "never inked in the training images",
		}
	}
	own := &render.Colors{Name: "learned weight, its own scale", Low: "looks like " + names[1-yes], High: "looks like " + names[yes], Map: q.cmap()}
	text := fmt.Sprintf("One hidden neuron tells %s from %s for %.2f %% of %s test images, and its map looks like nothing, because corr(W, W₀) = %.2f: %.0f %% of it is the random start. "+
		"Take the start away: %s where the %s has its ink, %s where the %s has it.",
		names[0], names[1], 100*score.Accuracy(), words.Thousands(imagesIn(score.Confusion)), math.Sqrt(rho), 100*rho, negative, names[1-yes], positive, names[yes])
	if dead > 0 {
		text += fmt.Sprintf(" %d of the %d pixels are never inked, so nothing ever changes their weights.",
			dead, shape.Pixels())
	}
	q.fact("zero-one", "%v: %.2f %% of %s test images; corr(W, W₀) %.3f, ρ %.3f; smoothness raw %s, learned %s; %d of %d pixels never inked", v.Spec(),
		100*score.Accuracy(), words.Thousands(imagesIn(score.Confusion)), math.Sqrt(rho), rho,
		words.Hundredths(inspect.Smoothness(maps["raw"], shape.Rows, shape.Cols)),
		words.Hundredths(inspect.Smoothness(maps["learned"], shape.Rows, shape.Cols)), dead, shape.Pixels())
	fig := render.Figure{
		Title: fmt.Sprintf("One neuron that tells %s from %s", names[0], names[1]), Subtitle: v.Line(), Caption: text,
		Rows: [][]render.Panel{{
			panel("as asked: W", "“doesn't look like anything”", "raw", weight), render.Glyph("−"),
			panel("start W₀", "drawn at random before the first image", "init", weight), render.Glyph("="),
			panel("learned, the same scale", "small beside the start", "learned", weight),
		}, {
			panel("what answers: learned, its own scale", "", "learned", own), mean(1 - yes), mean(yes),
		}},
	}
	return q.page(v, "4-zero-one.png", fig.Title, text, fig, n), nil
}

// imagesIn counts the examples of a confusion matrix.
func imagesIn(confusion [][]int) (n int) {
	for _, row := range confusion {
		for _, c := range row {
			n += c
		}
	}
	return n
}

// state puts how a run's maps are into numbers.
func (q *Question) state(v *View, name string) (rho, raw, learned float64, err error) {
	score, err := v.Score()
	if err != nil {
		return 0, 0, 0, err
	}
	rho = inspect.Median(v.Rho())
	raw, learned = v.Smoothness(inspect.ShowRaw), v.Smoothness(inspect.ShowLearned)
	q.fact(name, "%v: %.2f %% test accuracy; medians: corr(W, W₀) %.3f, ρ %.3f, smoothness raw %s, learned %s; γ %.3g", v.Spec(), 100*score.Accuracy(), math.Sqrt(rho), rho,
		words.Hundredths(raw), words.Hundredths(learned), v.Net.Gamma)
	return rho, raw, learned, nil
}

// noise is all neurons of the chapter 1 network: the start, the weights as they are, and what was learned.
func (q *Question) noise() (*Page, error) {
	rho, raw, learned, err := q.state(q.Book, "chapter 1")
	if err != nil {
		return nil, err
	}
	q.fact("its start", "seed %d; of %s tried, %d lost a class within %d epochs", q.Book.Folder.Manifest.Train.Seed, words.Count(q.Starts, "start"), q.Lossy, q.Screened)
	text := fmt.Sprintf("The hidden neurons look like noise because they are: %.0f %% of a raw map is the random start. Neighbouring pixels hardly agree in it (smoothness %s; noise has 0, a picture near 1). "+
		"Take the start away, and %s is left.", 100*rho, words.Hundredths(raw), words.Hundredths(learned))
	return q.command(q.Book, "5-noise.png", "Why the maps look like noise", text, &Sheet{Style: q.Style, Show: "all", Scale: "shared", Order: "norm", Top: 12, Cols: 4},
		"sheet", q.Book.Folder.Path, "--show", "all", "--order", "norm", "--top", "12", "--cols", "4")
}

// better is the network of the same sizes that started small and let its start decay.
func (q *Question) better() (*Page, error) {
	rho, raw, _, err := q.state(q.Clear, "clear")
	if err != nil {
		return nil, err
	}
	score, err := q.Clear.Score()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("The same %v started small (N(0, 1/n)) with weight decay (λ = 5) and cross-entropy: %.1f %%, and its maps read as they are, smoothness %s, the start is %s %% of them.",
		q.Clear.Spec(), 100*score.Accuracy(), words.Hundredths(raw), words.Hundredths(100*rho))
	return q.command(q.Clear, "6-clear.png", "The same network, trained so that its maps can be read", text, &Sheet{Style: q.Style, Show: "raw", Scale: "shared", Order: "importance", Top: 40, Cols: 10},
		"sheet", q.Clear.Folder.Path, "--show", "raw", "--order", "importance", "--top", "40", "--cols", "10")
}

// why is the same image in the network whose maps can be read: the neurons that speak most for the answer and against it.
func (q *Question) why() (*Page, error) {
	v := q.Clear
	img := q.example
	x, err := v.Explain(img, v.Net.Hidden(), -1)
	if err != nil {
		return nil, err
	}
	x.cmap = q.cmap()
	const top = 2
	rows, err := x.neurons(q.cmap(), top)
	if err != nil {
		return nil, err
	}
	off := max(slices.Max(x.NeuronErrors), slices.Max(x.OutputErrors))
	text := fmt.Sprintf("The same image in that network: the neurons that speak most for %s, and against it, each with its map, input × weight and what it gives. "+
		"All sums hold to %.0e. The whole account: %s", x.answer(), off, fmt.Sprintf("neuroloupe why %s --image %s", v.Folder.Path, img.Name))
	return q.page(v, "7-why.png", "Why this image is read as it is", text, render.Figure{
		Title: fmt.Sprintf("Why %s is read as %s", x.what(v.Labels()), x.answer()), Subtitle: v.Line(), Caption: text, Rows: rows,
	}, x.Numbers(top)), nil
}

// rank holds the two orders of neurons against each other, for all classes.
func (q *Question) rank() (*Page, error) {
	v := q.Book
	classes := v.Classes()
	top := min(5, v.Spec().Layers[v.Net.Hidden()].Units)
	var agree int
	for k := range classes {
		r, err := q.rankOf(v, k)
		if err != nil {
			return nil, err
		}
		agree += inspect.Overlap(r.ByContribution, r.ByWeight, top)
	}
	mean := float64(agree) / float64(len(classes))
	q.fact("argsort", "of the %d neurons with the largest weight to a class, %.1f are among the %d that contribute most, mean of %d classes", top, mean, top, len(classes))
	text := fmt.Sprintf("Which neurons are for %s? Not those that argsort of the weights names: of its first %d, %.1f are among the %d that give most (mean of all classes). "+
		"What a neuron gives is its weight times how much more it fires on these images than on others.", q.name(), top, mean, top)
	return q.command(v, "8-class.png", "Which neurons are for "+q.name(), text, &Class{Style: q.Style, Class: q.Book.Classes()[q.Class], Top: 10},
		"class", v.Folder.Path, q.Book.Classes()[q.Class])
}
