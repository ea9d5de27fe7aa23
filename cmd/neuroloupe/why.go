package main

import (
	"fmt"
	"slices"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type whyCmd struct {
	viewFlags
	layerFlag

	Image  string `required:"" placeholder:"test:18" help:"test:18 or train:3, counted from 0, or a PNG file."`
	Not    string `placeholder:"CLASS" help:"Contrast: what speaks for the answer and not for this class."`
	Top    int    `default:"3" placeholder:"N" help:"Neurons to draw, N that speak for the answer and N against; default 3."`
	Center bool   `help:"Fit the ink of a PNG into 20/28 of the image, its centre of mass in the middle, as MNIST's was."`
	JSON   bool   `name:"json" help:"Print one JSON document; the picture is drawn only with --output."`
}

func (whyCmd) Help() string {
	return `Follows one image through the network: input, hidden layer, outputs; then the neurons that speak most for the answer and
against it, each with its map, input×weight and evidence, and the sums, which must come to what the network computed. Without
--layer the neurons are those of the last hidden layer, for which evidence is exact.

Examples:

    neuroloupe why runs/mnist-784-100-10-clear-s1 --image test:18
    neuroloupe why runs/mnist-784-100-10-clear-s1 --image my-three.png --center --not 5 --data why.csv
`
}

// account is what one image does in a network, and the share of each neuron of a layer in the answer.
type account struct {
	view      *view
	image     chosen
	cmap      render.Colormap // of what may be negative
	layer     int
	why       *inspect.Why
	predicted int
	not       int       // −1 without --not
	mean      []float64 // E a_j over the test images; nil when they cannot be read
	evidence  []float64 // for predicted, less that for not
	centred   []float64 // the same beyond the neuron's average; nil without mean
	rest      float64   // what the evidence lacks to the logit, or to the difference of two
	sum       float64   // the logit, or that difference
	order     []int     // neurons, those that speak most for the answer first
	errNeuron []float64 // |Σ x·w + b − z| of the first layer
	errOutput []float64 // |Σ e + b − s| of each output
}

// account explains the answer for an image by a hidden layer, against class not when that is not negative.
func (v *view) account(c chosen, layer, not int) (*account, error) {
	x := &account{view: v, image: c, layer: layer, not: not}
	act, err := v.activity(layer)
	if err == nil {
		x.mean = act.Mean
	}
	if x.why, err = v.net.Why(inspect.Pixels(c.pixels), layer, x.mean); err != nil {
		return nil, err
	}
	z, answer, err := v.ask(c)
	if err != nil {
		return nil, err
	}
	x.predicted = answer
	if x.errNeuron, x.errOutput, err = x.why.SumErrors(z); err != nil {
		return nil, err
	}
	s := x.why.Z[v.net.Last()]
	if not == x.predicted {
		return nil, usage("--not %s: that is the answer itself", v.classes()[not])
	}
	x.evidence, x.rest, x.sum = x.why.Evidence[x.predicted], x.why.Rest[x.predicted], s[x.predicted]
	if x.mean != nil {
		x.centred = x.why.Centred[x.predicted]
	}
	if not >= 0 {
		if x.evidence, err = inspect.Contrast(x.why.Evidence, x.predicted, not); err != nil {
			return nil, err
		}
		if x.mean != nil {
			if x.centred, err = inspect.Contrast(x.why.Centred, x.predicted, not); err != nil {
				return nil, err
			}
		}
		x.rest -= x.why.Rest[not]
		x.sum -= s[not]
	}
	x.order = inspect.Descending(x.share())
	return x, nil
}

// ask shows the network an image, and returns z of every layer as it computes them, in 32 bits, and the class that it
// answers with.
func (v *view) ask(c chosen) (z [][]float32, answer int, err error) {
	p, err := v.probe(v.set(c))
	if err != nil {
		return nil, 0, err
	}
	if z, err = p.Weighted(v.net, 0); err != nil {
		return nil, 0, err
	}
	return z, engine.Answer(z[v.net.Last()]), nil
}

// share is what the neurons are ordered by: what they give beyond their average, or without test images all they give.
func (x *account) share() []float64 {
	if x.centred != nil {
		return x.centred
	}
	return x.evidence
}

// ends returns up to n neurons that speak for the answer, the strongest first, and up to n against it, the strongest first.
func (x *account) ends(n int) (plus, minus []int) {
	share := x.share()
	for _, j := range x.order {
		if share[j] > 0 && len(plus) < n {
			plus = append(plus, j)
		}
	}
	for _, j := range slices.Backward(x.order) {
		if share[j] < 0 && len(minus) < n {
			minus = append(minus, j)
		}
	}
	return plus, minus
}

// answer is the class that is explained, as pictures show it: 3, or 3 rather than 5.
func (x *account) answer() string {
	names := x.view.labels()
	if x.not < 0 {
		return names[x.predicted]
	}
	return names[x.predicted] + " rather than " + names[x.not]
}

// what is the image in words, with its class by the names given: test:18 (3).
func (x *account) what(names []string) string {
	if x.image.label < 0 {
		return x.image.name
	}
	return fmt.Sprintf("%s (%s)", x.image.name, names[x.image.label])
}

func (c *whyCmd) Run(a *app) error {
	if c.JSON && c.Output == standard {
		return usage("--json and -o %s both want standard output; name a file", standard)
	}
	return c.with(a, c.run, sizing("--top", c.Top))
}

func (c *whyCmd) run(v *view) error {
	layer, err := v.hidden(c.Layer, -1)
	if err != nil {
		return err
	}
	not := -1
	if c.Not != "" {
		if not, err = v.class(c.Not); err != nil {
			return err
		}
	}
	img, err := v.choose(c.Image, c.Center)
	if err != nil {
		return err
	}
	x, err := v.account(img, layer, not)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := v.app.printJSON(x.json()); err != nil || c.Output == "" && c.Numbers == "" {
			return err
		}
		quiet := *v.app
		quiet.stdout = v.app.stderr
		v.app = &quiet // the paths are talk beside the document
		if c.Output == "" {
			return c.saveNumbers(v, x.numbers(c.Top))
		}
	} else if err := printRows(v.app.stdout, x.words()); err != nil {
		return err
	}
	if x.mean == nil {
		_, err := v.test()
		v.app.say("neurons are ordered by all that they give, not by what they give beyond their average: %s", words.Line(err))
	}
	if x.cmap, err = c.colormap(); err != nil {
		return err
	}
	fig, err := x.figure(c.Top)
	if err != nil {
		return err
	}
	name := "why-" + img.file()
	if c.Not != "" {
		name += "-not-" + classWord(v.classes(), not)
	}
	return c.draw(v, fig, withLayer(name, layer, v.net.Hidden()), x.numbers(c.Top))
}

// words are the answer and the sums, which --json has too.
func (x *account) words() [][2]string {
	v, names := x.view, x.view.classes()
	a := x.why.A[v.net.Last()]
	rows := [][2]string{{"image", x.what(names)}}
	if x.image.note != "" {
		rows = append(rows, [2]string{"made from", x.image.note})
	}
	rows = append(rows, [2]string{"answer", fmt.Sprintf("%s, output %.3f, logit %.4g", names[x.predicted], a[x.predicted], x.why.Z[v.net.Last()][x.predicted])})
	if x.not >= 0 {
		rows = append(rows, [2]string{"not", fmt.Sprintf("%s, output %.3f, logit %.4g: %.4g less", names[x.not], a[x.not], x.why.Z[v.net.Last()][x.not], x.sum)})
	}
	return append(rows,
		[2]string{"Σ x·w + b = z", fmt.Sprintf("off by at most %.1e, %s", slices.Max(x.errNeuron), words.Count(len(x.errNeuron), "neuron"))},
		[2]string{x.sumName(), fmt.Sprintf("off by at most %.1e, %d outputs", slices.Max(x.errOutput), len(x.errOutput))})
}

func (x *account) sumName() string {
	if x.why.Exact {
		return "Σ e + b = s"
	}
	return "Σ e + r = s"
}

// whyNeuron and whyDoc are what --json prints.
type whyNeuron struct {
	ID       int                `json:"id"`
	Z        float64            `json:"z"`
	A        float64            `json:"a"`
	Evidence map[string]float64 `json:"evidence"`
	SumError *float64           `json:"sum_error"` // null for a deeper layer: its inputs are not pixels
}

type whyDoc struct {
	Image     string      `json:"image"`
	Label     *string     `json:"label"` // null when it is not known
	Predicted string      `json:"predicted"`
	Logits    []float64   `json:"logits"`
	Hidden    []float64   `json:"hidden"`
	Neurons   []whyNeuron `json:"neurons"`
	SumError  float64     `json:"sum_error"`
	Warnings  []string    `json:"warnings,omitempty"` // which of the network's weights are no numbers
}

func (x *account) json() whyDoc {
	names := x.view.classes()
	d := whyDoc{
		Image: x.image.name, Predicted: names[x.predicted], Logits: x.why.Z[x.view.net.Last()],
		Hidden: x.why.A[x.layer], SumError: slices.Max(x.errOutput), Warnings: x.view.faults(),
	}
	if x.image.label >= 0 {
		d.Label = &names[x.image.label]
	}
	for j, a := range x.why.A[x.layer] {
		n := whyNeuron{ID: j, Z: x.why.Z[x.layer][j], A: a, Evidence: map[string]float64{}}
		for k, row := range x.why.Evidence {
			n.Evidence[names[k]] = row[j]
		}
		if x.layer == 0 {
			n.SumError = &x.errNeuron[j]
		}
		d.Neurons = append(d.Neurons, n)
	}
	return d
}

// maps returns what is drawn of a neuron: what multiplies the pixels, and the products. For a neuron of the first layer
// these are its weights, and the sum of the products with the bias is z; for a deeper one they are its gradient at this
// image.
func (x *account) maps(j int) (w, product []float32, err error) {
	v := x.view
	if x.layer == 0 {
		p, err := x.why.Product(j)
		return inspect.Maps(v.weights("raw"))[j], p.Map, err
	}
	t, err := v.net.Target(x.layer, j, -1)
	if err != nil {
		return nil, nil, err
	}
	g, err := v.net.Gradient(x.why.X, t)
	if err != nil {
		return nil, nil, err
	}
	for i, gi := range g {
		w = append(w, float32(gi))
		product = append(product, float32(gi*x.why.X[i]))
	}
	return w, product, nil
}

// learned returns the products of the image with what training added to a neuron's weights, and what the start gives to
// its z: γ·Σ x·w₀. ok is false where the start is not known, or is so small a part that it is not worth a picture.
func (x *account) learned(j int) (product []float32, start float64, ok bool) {
	v := x.view
	if x.layer != 0 || !v.subject.StartSeen(v.app.ctx) {
		return nil, 0, false
	}
	w, w0 := inspect.Maps(v.weights("learned"))[j], inspect.Maps(v.weights("init"))[j]
	product = make([]float32, len(w))
	for i, p := range x.why.X {
		product[i] = float32(p * float64(w[i]))
		start += v.net.Gamma * p * float64(w0[i])
	}
	return product, start, true
}

// mapSide is the longer side of the maps of a figure that shows several neurons.
const mapSide = 168

// numbers are those that figure draws.
func (x *account) numbers(top int) *numbers {
	n, v := &numbers{}, x.view
	rows, cols := v.size()
	addTexts(n, "classes", v.classes())
	addArray(n, "input", x.why.X, rows, cols)
	for _, k := range []struct {
		name  string
		class int
	}{{"label", x.image.label}, {"predicted", x.predicted}, {"not", x.not}} {
		if k.class >= 0 {
			addNumber(n, k.name, k.class)
		}
	}
	for l := range x.why.A {
		addVector(n, fmt.Sprintf("z%d", l+1), x.why.Z[l])
		addVector(n, fmt.Sprintf("a%d", l+1), x.why.A[l])
	}
	addMatrix(n, "evidence", x.why.Evidence)
	addVector(n, "rest", x.why.Rest)
	if x.mean != nil {
		addMatrix(n, "centred", x.why.Centred)
		addVector(n, "mean_activation", x.mean)
	}
	addVector(n, "answer_evidence", x.evidence)
	if x.centred != nil {
		addVector(n, "answer_centred", x.centred)
		addNumber(n, "others_centred", others(x.centred, x.bars()))
	}
	addVector(n, "bars_neuron", x.bars())
	addNumber(n, "others_evidence", others(x.evidence, x.bars()))
	addNumber(n, "answer_rest", x.rest)
	addNumber(n, "answer_sum", x.sum)
	plus, minus := x.ends(top)
	drawn := append(slices.Clone(plus), minus...)
	addVector(n, "drawn_neurons", drawn)
	var ws, products, learned [][]float32
	var biases, starts []float64
	for _, j := range drawn {
		w, p, err := x.maps(j)
		if err != nil {
			continue // figure has said so
		}
		ws, products = append(ws, w), append(products, p)
		biases = append(biases, float64(v.net.Params.Bias(x.layer + 1).Data[j]))
		if l, start, ok := x.learned(j); ok {
			learned, starts = append(learned, l), append(starts, start)
		}
	}
	addVector(n, "drawn_bias", biases)
	addMatrix(n, "drawn_weights", ws)
	addMatrix(n, "drawn_products", products)
	addVector(n, "drawn_sum", sums32(products)) // Σ x·w, in the first layer z less the bias
	if learned != nil {
		addMatrix(n, "drawn_learned_products", learned)
		addVector(n, "drawn_learned_sum", sums32(learned))
		addVector(n, "drawn_start_share", starts)
	}
	addVector(n, "sum_error_neurons", x.errNeuron)
	addVector(n, "sum_error_outputs", x.errOutput)
	return n
}
