package main

import (
	"fmt"
	"math"
	"slices"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// findExample chooses the first test image of the question's class that both networks read right, or if there is none, the first.
func (p *post) findExample() (chosen, error) {
	test, err := p.book.test()
	if err != nil {
		return chosen{}, err
	}
	right := make([]int, test.Len()) // networks that read it right
	for _, v := range []*view{p.book, p.clear} {
		probe, err := v.probeTest()
		if err != nil {
			return chosen{}, err
		}
		logits, err := probe.Values(p.app.ctx, v.net, v.net.Last(), true)
		if err != nil {
			return chosen{}, err
		}
		for i, row := range logits {
			if engine.Answer(row) == int(test.Labels[i]) {
				right[i]++
			}
		}
	}
	best := -1
	for i, k := range test.Labels {
		if int(k) == p.class && (best < 0 || right[i] > right[best]) {
			best = i
		}
	}
	if best < 0 {
		return chosen{}, fmt.Errorf("there is no test image of class %s", p.name())
	}
	return p.book.choose(fmt.Sprintf("test:%d", best), false)
}

// name is the question's class as pictures show it.
func (p *post) name() string { return p.book.labels()[p.class] }

// rankOf orders a network's last hidden layer for the question's class.
func (p *post) rankOf(v *view, k int) (inspect.ClassRank, error) {
	layer := v.net.Hidden()
	act, err := v.activity(layer)
	if err != nil {
		return inspect.ClassRank{}, err
	}
	return inspect.RankClass(inspect.Path(v.spec(), v.net.Params, layer), act, k)
}

// oneImage is the first picture that was asked for: the input as 28×28, the hidden layer as 10×10, the outputs.
func (p *post) oneImage() error {
	v := p.book
	img := p.example
	x, err := v.account(img, v.net.Hidden(), -1)
	if err != nil {
		return err
	}
	x.cmap = p.cmap
	plus, minus := x.ends(3)
	row := x.evidenceRow(p.cmap)
	off, of := max(slices.Max(x.errNeuron), slices.Max(x.errOutput)), p.name()
	p.fact("sums", "Σ x·w + b = z and Σ e + b = s to %.0e, %s", off, img.name)
	text := fmt.Sprintf("The network sees a %s and answers %s. The grid is only a way to draw %d numbers: the neurons have no order, so which stand "+
		"side by side means nothing, and a shape in it is chance. What answers: how much each neuron gives to the answer; the bars at the right add up to it. "+
		"No neuron decides alone: the first, %d, gives %s beyond its average, all together %s.",
		of, v.labels()[x.predicted], len(x.evidence), x.order[0], words.Signed(x.share()[x.order[0]]), words.Signed(sum64(x.share())))
	return p.draw(v, postPage{file: "1-one-image.png", title: "One image through the network", text: text}, render.Figure{
		Title: fmt.Sprintf("One image through the network: %s", x.what(v.labels())), Subtitle: v.line(), Caption: text,
		Rows: [][]render.Panel{x.way(append(plus, minus...)), row},
	}, x.numbers(3))
}

// strongest is the neuron with the largest weight to the class, weights[1][3].argsort()[-1], and its map.
func (p *post) strongest() error {
	v, name := p.book, p.name()
	r, err := p.rankOf(v, p.class)
	if err != nil {
		return err
	}
	act, err := v.activity(v.net.Hidden())
	if err != nil {
		return err
	}
	probe, err := v.probeTest()
	if err != nil {
		return err
	}
	z, err := probe.Values(p.app.ctx, v.net, v.net.Hidden(), true)
	if err != nil {
		return err
	}
	fig := render.Figure{Title: fmt.Sprintf("The neuron that speaks most for %s", name), Subtitle: v.line()}
	colors := &render.Colors{Name: "weight", Low: "ink lowers z", High: "ink raises z", Map: p.cmap}
	rows, cols := v.size()
	raw, learned := inspect.Maps(v.weights("raw")), inspect.Maps(v.weights("learned"))
	n := &numbers{}
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
			return err
		}
		strip.Title, strip.Cols, strip.Side = "excite it most", 3, 0
		text := fmt.Sprintf("Neuron %d: weight %s to %s. Its mean activation is %.2f on the test images of %s and %.2f on all, so it gives %s, weight × difference: %s by contribution, %s by weight.",
			j, words.Signed(r.Weight[j]), name, act.ClassMean[p.class][j], name, act.Mean[j], words.Signed(r.Contribution[j]),
			words.Ordinal(slices.Index(r.ByContribution, j)+1), words.Ordinal(slices.Index(r.ByWeight, j)+1))
		if r.Weight[j] < 0 && r.Contribution[j] > 0 {
			text += fmt.Sprintf("\nIt speaks for %s by keeping silent, which argsort cannot see.", name)
		}
		fig.Rows = append(fig.Rows, []render.Panel{
			render.Map{Title: fmt.Sprintf("neuron %d, weights W", j), Caption: "as they are", Width: cols, Height: rows, Values: raw[j], Colors: colors, Side: 224},
			render.Map{Title: "learned: W − W₀", Caption: "what training added", Width: cols, Height: rows, Values: learned[j], Colors: colors, Side: 224},
			strip,
			render.Text{Title: way.title, Text: text, Width: 260},
		})
		addNumber(n, "neuron_by_"+way.key, j)
		addArray(n, "raw_by_"+way.key, raw[j], rows, cols)
		addArray(n, "learned_by_"+way.key, learned[j], rows, cols)
		addVector(n, "excite_z_by_"+way.key, values)
	}
	addVector(n, "weight", r.Weight)
	addVector(n, "contribution", r.Contribution)
	j := r.ByWeight[0]
	p.fact("strongest", "neuron %d by weight to %s, %s by contribution; neuron %d by contribution, %s by weight", j, name,
		words.Ordinal(slices.Index(r.ByContribution, j)+1), r.ByContribution[0], words.Ordinal(slices.Index(r.ByWeight, r.ByContribution[0])+1))
	text := "The largest weight is not the neuron that tells most: one that is on for other classes too gives them as much. And the map as it is shows mostly the random " +
		"start; beside it is what training added."
	fig.Caption = text
	return p.draw(v, postPage{file: "2-strongest-neuron.png", title: fig.Title, text: text}, fig, n)
}

// product is the element-by-element product of that neuron's map with the input, as asked, and of its learned part.
func (p *post) product() error {
	v, name := p.book, p.name()
	negative, positive := p.cmap.Sides()
	img := p.example
	x, err := v.account(img, 0, -1)
	if err != nil {
		return err
	}
	r, err := p.rankOf(v, p.class)
	if err != nil {
		return err
	}
	rows, cols := v.size()
	n := &numbers{}
	weight := &render.Colors{Name: "weight w", Low: "ink lowers z", High: "ink raises z", Map: p.cmap}
	product := &render.Colors{Name: "input×weight", Low: "lowers z", High: "raises z", Map: p.cmap}
	input := render.Image{Title: "input x", Width: cols, Height: rows, Pixels: img.pixels, Side: 196}
	fig := render.Figure{Title: fmt.Sprintf("Input × weight: %s and a neuron's map", x.what(v.labels())), Subtitle: v.line()}
	j := r.ByWeight[0]
	full, err := x.why.Product(j)
	if err != nil {
		return err
	}
	initial, learned := inspect.Maps(v.weights("init"))[j], inspect.Maps(v.weights("learned"))[j]
	start := make([]float32, len(initial))
	added := make([]float32, len(initial))
	for i, xi := range x.why.X {
		start[i] = float32(v.net.Gamma * xi * float64(initial[i]))
		added[i] = float32(xi * float64(learned[i]))
	}
	for _, part := range []struct {
		key, title, heading, text string
		w, product                []float32
	}{
		{
			"raw", fmt.Sprintf("neuron %d, weights W", j), "as asked",
			fmt.Sprintf("Yes: %s is ink where the weight is positive, it raises z; %s is ink where it is negative. Their sum is %s, with the bias %s that is z = %s, "+
				"and a = %.3g.", positive, negative, words.Signed(full.Sum-full.Bias), words.Signed(full.Bias), words.Signed(x.why.Z[0][j]), x.why.A[0][j]),
			inspect.Maps(v.weights("raw"))[j], full.Map,
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
			render.Map{Title: part.title, Width: cols, Height: rows, Values: part.w, Colors: weight, Side: 196},
			render.Glyph("="),
			render.Map{Title: "input×weight", Width: cols, Height: rows, Values: part.product, Colors: product, Side: 196},
			render.Text{Title: part.heading, Text: part.text, Width: 300},
		})
		addArray(n, "weights_"+part.key, part.w, rows, cols)
		addArray(n, "product_"+part.key, part.product, rows, cols)
	}
	addArray(n, "input", x.why.X, rows, cols)
	addNumber(n, "bias", full.Bias)
	addNumber(n, "z", x.why.Z[0][j])
	p.fact("input×weight", "%s, neuron %d: sum %s, of which the start is %s and what was learned %s", img.name, j, words.Signed(full.Sum-full.Bias), words.Signed(sum32(start)), words.Signed(sum32(added)))
	text := fmt.Sprintf("The product shows only the ink that is there, so it looks like the %s whatever the weights are: its shape comes from the image, only its colours from the "+
		"neuron. Under a diverging map with a neutral zero, %s raises the neuron and %s lowers it.", name, positive, negative)
	fig.Caption = text
	return p.draw(v, postPage{file: "3-input-times-weight.png", title: "Input × weight", text: text}, fig, n)
}

// zeroOne is the single hidden neuron that tells the first two classes apart, whose map does not look like anything.
func (p *post) zeroOne() error {
	v := p.one
	negative, positive := p.cmap.Sides()
	score, err := v.score()
	if err != nil {
		return err
	}
	names := v.labels()
	rows, cols := v.size()
	n := &numbers{}
	weight := &render.Colors{Name: "weight", Low: "ink lowers z", High: "ink raises z", Map: p.cmap}
	maps := map[string][]float32{}
	for _, show := range []string{"raw", "init", "learned"} {
		maps[show] = inspect.Maps(v.weights(show))[0]
		addArray(n, show, maps[show], rows, cols)
	}
	rho := v.rho()[0]
	dead := len(v.folder.Manifest.Data.Dead)
	out := v.net.Params.Weight(2)
	yes := 0
	if out.Data[1] > out.Data[0] {
		yes = 1
	}
	test, err := v.test()
	if err != nil {
		return err
	}
	mean := func(k int) render.Panel {
		pixels, images := classMean(test, k)
		addArray(n, "mean_"+v.classes()[k], pixels, rows, cols)
		return render.Image{Title: "the mean " + names[k], Caption: fmt.Sprintf("of %s test images", words.Thousands(images)), Width: cols, Height: rows, Pixels: pixels, Side: 224}
	}
	panel := func(title, caption, show string, c *render.Colors) render.Map {
		return render.Map{Title: title, Caption: caption, Width: cols, Height: rows, Values: maps[show], Colors: c, Mark: v.dead(), MarkLabel: "never inked in the training images", Side: 224}
	}
	own := &render.Colors{Name: "learned weight, its own scale", Low: "looks like " + names[1-yes], High: "looks like " + names[yes], Map: p.cmap}
	text := fmt.Sprintf("One hidden neuron tells %s from %s for %.2f %% of %s test images, and its map looks like nothing, because corr(W, W₀) = %.2f: %.0f %% of it is the random start. "+
		"Take the start away: %s where the %s has its ink, %s where the %s has it.",
		names[0], names[1], 100*score.Accuracy(), words.Thousands(imagesIn(score.Confusion)), math.Sqrt(rho), 100*rho, negative, names[1-yes], positive, names[yes])
	if dead > 0 {
		text += fmt.Sprintf(" %d of the %d pixels are never inked, so nothing ever changes their weights.", dead, rows*cols)
	}
	p.fact("zero-one", "%v: %.2f %% of %s test images; corr(W, W₀) %.3f, ρ %.3f; smoothness raw %s, learned %s; %d of %d pixels never inked", v.spec(),
		100*score.Accuracy(), words.Thousands(imagesIn(score.Confusion)), math.Sqrt(rho), rho,
		words.Hundredths(inspect.Smoothness(maps["raw"], rows, cols)), words.Hundredths(inspect.Smoothness(maps["learned"], rows, cols)), dead, rows*cols)
	fig := render.Figure{
		Title: fmt.Sprintf("One neuron that tells %s from %s", names[0], names[1]), Subtitle: v.line(), Caption: text,
		Rows: [][]render.Panel{{
			panel("as asked: W", "“doesn't look like anything”", "raw", weight), render.Glyph("−"),
			panel("start W₀", "drawn at random before the first image", "init", weight), render.Glyph("="),
			panel("learned, the same scale", "small beside the start", "learned", weight),
		}, {
			panel("what answers: learned, its own scale", "", "learned", own), mean(1 - yes), mean(yes),
		}},
	}
	return p.draw(v, postPage{file: "4-zero-one.png", title: fig.Title, text: text}, fig, n)
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
func (p *post) state(v *view, name string) (rho, raw, learned float64, err error) {
	score, err := v.score()
	if err != nil {
		return 0, 0, 0, err
	}
	rho = inspect.Median(v.rho())
	raw, learned = v.smoothness(inspect.ShowRaw), v.smoothness(inspect.ShowLearned)
	p.fact(name, "%v: %.2f %% test accuracy; medians: corr(W, W₀) %.3f, ρ %.3f, smoothness raw %s, learned %s; γ %.3g", v.spec(), 100*score.Accuracy(), math.Sqrt(rho), rho,
		words.Hundredths(raw), words.Hundredths(learned), v.net.Gamma)
	return rho, raw, learned, nil
}

// noise is all neurons of the chapter 1 network: the start, the weights as they are, and what was learned.
func (p *post) noise() error {
	rho, raw, learned, err := p.state(p.book, "chapter 1")
	if err != nil {
		return err
	}
	lossy := 0
	for _, s := range p.starts {
		if len(s.lost) > 0 {
			lossy++
		}
	}
	p.fact("its start", "seed %d; of %s tried, %d lost a class within %d epochs", p.book.folder.Manifest.Train.Seed, words.Count(len(p.starts), "start"), lossy, screenEpochs)
	text := fmt.Sprintf("The hidden neurons look like noise because they are: %.0f %% of a raw map is the random start. Neighbouring pixels hardly agree in it (smoothness %s; noise has 0, a picture near 1). "+
		"Take the start away, and %s is left.", 100*rho, words.Hundredths(raw), words.Hundredths(learned))
	page := postPage{
		file: "5-noise.png", title: "Why the maps look like noise", text: text,
		command: command("sheet", p.book.folder.Path, "--show", "all", "--order", "norm", "--top", "12", "--cols", "4"),
	}
	return p.add(page, func(f viewFlags, a *app) error {
		c := sheetCmd{viewFlags: f, Show: "all", Scale: "shared", Order: "norm", Top: 12, Cols: 4}
		return c.Run(a)
	}, p.book)
}

// better is the network of the same sizes that started small and let its start decay.
func (p *post) better() error {
	rho, raw, _, err := p.state(p.clear, "clear")
	if err != nil {
		return err
	}
	score, err := p.clear.score()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("The same %v started small (N(0, 1/n)) with weight decay (λ = 5) and cross-entropy: %.1f %%, and its maps read as they are, smoothness %s, the start is %s %% of them.",
		p.clear.spec(), 100*score.Accuracy(), words.Hundredths(raw), words.Hundredths(100*rho))
	page := postPage{
		file: "6-clear.png", title: "The same network, trained so that its maps can be read", text: text,
		command: command("sheet", p.clear.folder.Path, "--show", "raw", "--order", "importance", "--top", "40", "--cols", "10"),
	}
	return p.add(page, func(f viewFlags, a *app) error {
		c := sheetCmd{viewFlags: f, Show: "raw", Scale: "shared", Order: "importance", Top: 40, Cols: 10}
		return c.Run(a)
	}, p.clear)
}

// why is the same image in the network whose maps can be read: the neurons that speak most for the answer and against it.
func (p *post) why() error {
	v := p.clear
	img := p.example
	x, err := v.account(img, v.net.Hidden(), -1)
	if err != nil {
		return err
	}
	x.cmap = p.cmap
	const top = 2
	rows, err := x.neurons(p.cmap, top)
	if err != nil {
		return err
	}
	off := max(slices.Max(x.errNeuron), slices.Max(x.errOutput))
	text := fmt.Sprintf("The same image in that network: the neurons that speak most for %s, and against it, each with its map, input × weight and what it gives. "+
		"All sums hold to %.0e. The whole account: %s", x.answer(), off, command("why", v.folder.Path, "--image", img.name))
	return p.draw(v, postPage{file: "7-why.png", title: "Why this image is read as it is", text: text}, render.Figure{
		Title: fmt.Sprintf("Why %s is read as %s", x.what(v.labels()), x.answer()), Subtitle: v.line(), Caption: text, Rows: rows,
	}, x.numbers(top))
}

// rank holds the two orders of neurons against each other, for all classes.
func (p *post) rank() error {
	v := p.book
	classes := v.classes()
	top := min(5, v.spec().Layers[v.net.Hidden()].Units)
	var agree int
	for k := range classes {
		r, err := p.rankOf(v, k)
		if err != nil {
			return err
		}
		agree += inspect.Overlap(r.ByContribution, r.ByWeight, top)
	}
	mean := float64(agree) / float64(len(classes))
	p.fact("argsort", "of the %d neurons with the largest weight to a class, %.1f are among the %d that contribute most, mean of %d classes", top, mean, top, len(classes))
	text := fmt.Sprintf("Which neurons are for %s? Not those that argsort of the weights names: of its first %d, %.1f are among the %d that give most (mean of all classes). "+
		"What a neuron gives is its weight times how much more it fires on these images than on others.", p.name(), top, mean, top)
	page := postPage{
		file: "8-class.png", title: "Which neurons are for " + p.name(), text: text,
		command: command("class", v.folder.Path, p.book.classes()[p.class]),
	}
	return p.add(page, func(f viewFlags, a *app) error {
		return (&classCmd{viewFlags: f, Class: p.book.classes()[p.class], Top: 10}).Run(a)
	}, v)
}
