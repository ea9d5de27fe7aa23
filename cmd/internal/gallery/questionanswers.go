package gallery

import (
	"fmt"
	"math"
	"slices"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

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
	of, err := v.Subject.Neuron(v.ctx, 0, 0)
	if err != nil {
		return nil, err
	}
	for _, show := range []string{"raw", "init", "learned"} {
		arrays.AddArray(n, show, of.Maps[way(show)], shape.Rows, shape.Cols)
	}
	rho := of.Rho
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
		m := v.imagePanel(n, "mean_"+v.Classes()[k], pixels)
		m.Title, m.Side = "the mean "+names[k], 224
		m.Caption = fmt.Sprintf("of %s test images", words.Thousands(images))
		return m
	}
	panel := func(title, caption, show string, c *render.Colors) render.Map {
		return render.Map{
			Key: show, Title: title, Caption: caption,
			Width: shape.Cols, Height: shape.Rows, Values: of.Maps[way(show)], Colors: c, Side: 224,
			Mark: v.Dead(), MarkLabel: "never inked in the training images",
		}
	}
	own := &render.Colors{
		Name: "learned weight, its own scale", Low: "looks like " + names[1-yes],
		High: "looks like " + names[yes], Map: q.cmap(),
	}
	text := fmt.Sprintf("One hidden neuron tells %s from %s for %.2f %% of %s test images, and its map looks like "+
		"nothing, because corr(W, W₀) = %.2f: %.0f %% of it is the random start. Take the start away: %s where the "+
		"%s has its ink, %s where the %s has it.",
		names[0], names[1], 100*score.Accuracy(), words.Thousands(imagesIn(score.Confusion)), math.Sqrt(rho), 100*rho,
		negative, names[1-yes], positive, names[yes])
	if dead > 0 {
		text += fmt.Sprintf(" %d of the %d pixels are never inked, so nothing ever changes their weights.",
			dead, shape.Pixels())
	}
	q.fact("zero-one", "%v: %.2f %% of %s test images; corr(W, W₀) %.3f, ρ %.3f; smoothness raw %s, learned %s; %d "+
		"of %d pixels never inked", v.Spec(),
		100*score.Accuracy(), words.Thousands(imagesIn(score.Confusion)), math.Sqrt(rho), rho,
		words.Hundredths(of.Smooth[inspect.ShowRaw]),
		words.Hundredths(of.Smooth[inspect.ShowLearned]), dead, shape.Pixels())
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
	q.fact(name, "%v: %.2f %% test accuracy; medians: corr(W, W₀) %.3f, ρ %.3f, smoothness raw %s, learned %s; γ %.3g",
		v.Spec(), 100*score.Accuracy(), math.Sqrt(rho), rho,
		words.Hundredths(raw), words.Hundredths(learned), v.Net.Gamma)
	return rho, raw, learned, nil
}

// noise is all neurons of the chapter 1 network: the start, the weights as they are, and what was learned.
func (q *Question) noise() (*Page, error) {
	rho, raw, learned, err := q.state(q.Book, "chapter 1")
	if err != nil {
		return nil, err
	}
	q.fact("its start", "seed %d; of %s tried, %d lost a class within %d epochs", q.Book.Folder.Manifest.Train.Seed,
		words.Count(q.Starts, "start"), q.Lossy, q.Screened)
	text := fmt.Sprintf("The hidden neurons look like noise because they are: %.0f %% of a raw map is the random "+
		"start. Neighbouring pixels hardly agree in it (smoothness %s; noise has 0, a picture near 1). Take the "+
		"start away, and %s is left.", 100*rho, words.Hundredths(raw), words.Hundredths(learned))
	return q.command(q.Book, "5-noise.png", "Why the maps look like noise", text,
		&Sheet{Style: q.Style, Show: "all", Scale: "shared", Order: "norm", Top: 12, Cols: 4},
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
	text := fmt.Sprintf("The same %v started small (N(0, 1/n)) with weight decay (λ = 5) and cross-entropy: %.1f %%, "+
		"and its maps read as they are, smoothness %s, the start is %s %% of them.",
		q.Clear.Spec(), 100*score.Accuracy(), words.Hundredths(raw), words.Hundredths(100*rho))
	return q.command(q.Clear, "6-clear.png", "The same network, trained so that its maps can be read", text,
		&Sheet{Style: q.Style, Show: "raw", Scale: "shared", Order: "importance", Top: 40, Cols: 10},
		"sheet", q.Clear.Folder.Path, "--show", "raw", "--order", "importance", "--top", "40", "--cols", "10")
}

// why is the same image in the network whose maps can be read: the neurons that speak most for the answer and against
// it.
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
	text := fmt.Sprintf("The same image in that network: the neurons that speak most for %s, and against it, each "+
		"with its map, input × weight and what it gives. All sums hold to %.0e. The whole account: %s", x.answer(), off,
		fmt.Sprintf("neuroloupe why %s --image %s", v.Folder.Path, img.Name))
	return q.page(v, "7-why.png", "Why this image is read as it is", text, render.Figure{
		Title: fmt.Sprintf("Why %s is read as %s", x.what(v.Labels()), x.answer()), Subtitle: v.Line(), Caption: text,
		Rows: rows,
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
		agree += r.InBoth(top)
	}
	mean := float64(agree) / float64(len(classes))
	q.fact("argsort", "of the %d neurons with the largest weight to a class, %.1f are among the %d that contribute "+
		"most, mean of %d classes", top, mean, top, len(classes))
	text := fmt.Sprintf("Which neurons are for %s? Not those that argsort of the weights names: of its first %d, "+
		"%.1f are among the %d that give most (mean of all classes). What a neuron gives is its weight times how "+
		"much more it fires on these images than on others.", q.name(), top, mean, top)
	return q.command(v, "8-class.png", "Which neurons are for "+q.name(), text,
		&Class{Style: q.Style, Class: q.Book.Classes()[q.Class], Top: 10},
		"class", v.Folder.Path, q.Book.Classes()[q.Class])
}
