package gallery

import (
	"fmt"
	"slices"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Why follows one image through the network.
type Why struct {
	Style
	Image  string // see View.Choose
	Center bool   // move a PNG's ink as MNIST's was
	Not    string // contrast: what speaks for the answer and not for this class; "" for none
	Layer  int    // hidden, from 1; 0 is the last
	Top    int    // neurons drawn, so many that speak for the answer and so many against
}

// Account is what one image does in a network, and the share of each neuron of a layer in the answer.
type Account struct {
	*inspect.Explained
	Evidence []float64 // for the class predicted, less that for the one not meant
	Centred  []float64 // the same beyond the neuron's average; nil without Mean
	Rest     float64   // what the evidence lacks to the logit, or to the difference of two
	Sum      float64   // the logit, or that difference
	Order    []int     // neurons, those that speak most for the answer first

	view  *View
	image Chosen
	layer int
	not   int             // −1 for none
	cmap  render.Colormap // of what may be negative
}

// Explain explains the answer for an image by a hidden layer, against class not when that is not negative.
func (v *View) Explain(c Chosen, layer, not int) (*Account, error) {
	x := &Account{view: v, image: c, layer: layer, not: not}
	p, err := v.probe(v.set(c))
	if err != nil {
		return nil, err
	}
	if x.Explained, err = v.Subject.Explain(v.ctx, p, 0, layer); err != nil {
		return nil, err
	}
	s := x.Why.Z[v.Net.Last()]
	if not == x.Predicted {
		return nil, talk.Usage("--not %s: that is the answer itself", v.Classes()[not])
	}
	x.Evidence, x.Rest, x.Sum = x.Why.Evidence[x.Predicted], x.Why.Rest[x.Predicted], s[x.Predicted]
	if x.Mean != nil {
		x.Centred = x.Why.Centred[x.Predicted]
	}
	if not >= 0 {
		if x.Evidence, err = inspect.Contrast(x.Why.Evidence, x.Predicted, not); err != nil {
			return nil, err
		}
		if x.Mean != nil {
			if x.Centred, err = inspect.Contrast(x.Why.Centred, x.Predicted, not); err != nil {
				return nil, err
			}
		}
		x.Rest -= x.Why.Rest[not]
		x.Sum -= s[not]
	}
	x.Order = inspect.Descending(x.share())
	return x, nil
}

// ask shows the network an image, and returns the class that it answers with.
func (v *View) ask(c Chosen) (answer int, err error) {
	p, err := v.probe(v.set(c))
	if err != nil {
		return 0, err
	}
	z, err := p.Weighted(v.Net, 0)
	if err != nil {
		return 0, err
	}
	return engine.Answer(z[v.Net.Last()]), nil
}

// share is what the neurons are ordered by: what they give beyond their average, or without test images all they give.
func (x *Account) share() []float64 {
	if x.Centred != nil {
		return x.Centred
	}
	return x.Evidence
}

// ends returns up to n neurons that speak for the answer, the strongest first, and up to n against it, the strongest
// first.
func (x *Account) ends(n int) (plus, minus []int) {
	share := x.share()
	for _, j := range x.Order {
		if share[j] > 0 && len(plus) < n {
			plus = append(plus, j)
		}
	}
	for _, j := range slices.Backward(x.Order) {
		if share[j] < 0 && len(minus) < n {
			minus = append(minus, j)
		}
	}
	return plus, minus
}

// answer is the class that is explained, as pictures show it: 3, or 3 rather than 5.
func (x *Account) answer() string {
	names := x.view.Labels()
	if x.not < 0 {
		return names[x.Predicted]
	}
	return names[x.Predicted] + " rather than " + names[x.not]
}

// what is the image in words, with its class by the names given: test:18 (3).
func (x *Account) what(names []string) string {
	if x.image.Label < 0 {
		return x.image.Name
	}
	return fmt.Sprintf("%s (%s)", x.image.Name, names[x.image.Label])
}

// Draw makes the picture.
func (c *Why) Draw(v *View) (*Drawing, error) {
	x, err := c.Explain(v)
	if err != nil {
		return nil, err
	}
	return c.DrawAccount(x)
}

// Explain works out what is drawn.
func (c *Why) Explain(v *View) (*Account, error) {
	layer, err := v.Hidden(c.Layer, -1)
	if err != nil {
		return nil, err
	}
	not := -1
	if c.Not != "" {
		if not, err = v.Class(c.Not); err != nil {
			return nil, err
		}
	}
	img, err := v.Choose(c.Image, c.Center)
	if err != nil {
		return nil, err
	}
	return v.Explain(img, layer, not)
}

// DrawAccount makes the picture of what has been worked out.
func (c *Why) DrawAccount(x *Account) (*Drawing, error) {
	v := x.view
	if x.Mean == nil {
		_, err := v.Test()
		v.talk.Say("neurons are ordered by all that they give, not by what they give beyond their average: %s",
			words.Line(err))
	}
	var err error
	if x.cmap, err = c.Map(); err != nil {
		return nil, err
	}
	fig, err := x.figure(c.Top)
	if err != nil {
		return nil, err
	}
	name := "why-" + x.image.file()
	if x.not >= 0 {
		name += "-not-" + classWord(v.Classes(), x.not)
	}
	return &Drawing{Name: withLayer(name, x.layer, v.Net.Hidden()), Figure: fig, Numbers: x.Numbers(c.Top)}, nil
}

// Words are the answer and the sums, which Document has too.
func (x *Account) Words() [][2]string {
	v, names := x.view, x.view.Classes()
	a := x.Why.A[v.Net.Last()]
	rows := [][2]string{{"image", x.what(names)}}
	if x.image.Note != "" {
		rows = append(rows, [2]string{"made from", x.image.Note})
	}
	rows = append(rows, [2]string{"answer", fmt.Sprintf("%s, output %.3f, logit %.4g", names[x.Predicted],
		a[x.Predicted], x.Why.Z[v.Net.Last()][x.Predicted])})
	if x.not >= 0 {
		rows = append(rows, [2]string{"not", fmt.Sprintf("%s, output %.3f, logit %.4g: %.4g less", names[x.not],
			a[x.not], x.Why.Z[v.Net.Last()][x.not], x.Sum)})
	}
	return append(rows,
		[2]string{"Σ x·w + b = z", fmt.Sprintf("off by at most %.1e, %s", slices.Max(x.NeuronErrors),
			words.Count(len(x.NeuronErrors), "neuron"))},
		[2]string{x.sumName(), fmt.Sprintf("off by at most %.1e, %d outputs", slices.Max(x.OutputErrors),
			len(x.OutputErrors))})
}

func (x *Account) sumName() string {
	if x.Why.Exact {
		return "Σ e + b = s"
	}
	return "Σ e + r = s"
}

// WhyNeuron is a neuron in a WhyDocument.
type WhyNeuron struct {
	ID       int                `json:"id"`
	Z        float64            `json:"z"`
	A        float64            `json:"a"`
	Evidence map[string]float64 `json:"evidence"`
	SumError *float64           `json:"sum_error"` // null for a deeper layer: its inputs are not pixels
}

// WhyDocument is what why --json prints.
type WhyDocument struct {
	Image     string      `json:"image"`
	Label     *string     `json:"label"` // null when it is not known
	Predicted string      `json:"predicted"`
	Logits    []float64   `json:"logits"`
	Hidden    []float64   `json:"hidden"`
	Neurons   []WhyNeuron `json:"neurons"`
	SumError  float64     `json:"sum_error"`
	Warnings  []string    `json:"warnings,omitempty"` // which of the network's weights are no numbers
}

// Document is the answer with the share of every neuron in it.
func (x *Account) Document() WhyDocument {
	names := x.view.Classes()
	d := WhyDocument{
		Image: x.image.Name, Predicted: names[x.Predicted], Logits: x.Why.Z[x.view.Net.Last()],
		Hidden: x.Why.A[x.layer], SumError: slices.Max(x.OutputErrors), Warnings: x.view.Faults(),
	}
	if x.image.Label >= 0 {
		d.Label = &names[x.image.Label]
	}
	for j, a := range x.Why.A[x.layer] {
		n := WhyNeuron{ID: j, Z: x.Why.Z[x.layer][j], A: a, Evidence: map[string]float64{}}
		for k, row := range x.Why.Evidence {
			n.Evidence[names[k]] = row[j]
		}
		if x.layer == 0 {
			n.SumError = &x.NeuronErrors[j]
		}
		d.Neurons = append(d.Neurons, n)
	}
	return d
}

// maps returns what is drawn of a neuron: what multiplies the pixels, and the products. For a neuron of the first layer
// these are its weights, and the sum of the products with the bias is z; for a deeper one they are its gradient at this
// image.
func (x *Account) maps(j int) (w, product []float32, err error) {
	v := x.view
	if x.layer == 0 {
		p, err := x.Why.Product(j)
		if err != nil {
			return nil, nil, err
		}
		all, err := v.maps("raw", 0)
		if err != nil {
			return nil, nil, err
		}
		return all[j], p.Map, nil
	}
	g, err := v.Subject.MapAt(x.Why.X, x.layer, j)
	if err != nil {
		return nil, nil, err
	}
	for i, gi := range g {
		w = append(w, float32(gi))
		product = append(product, float32(gi*x.Why.X[i]))
	}
	return w, product, nil
}

// Learned returns the products of the image with what training added to a neuron's weights, and what the start gives to
// its z: γ·Σ x·w₀. ok is false where the start is not known, or is so small a part that it is not worth a picture.
func (x *Account) Learned(j int) (product []float32, start float64, ok bool) {
	v := x.view
	if x.layer != 0 || !v.Subject.StartSeen(v.ctx) {
		return nil, 0, false
	}
	learned, err := v.maps("learned", 0)
	if err != nil {
		return nil, 0, false
	}
	initial, err := v.maps("init", 0)
	if err != nil {
		return nil, 0, false
	}
	w, w0 := learned[j], initial[j]
	product = make([]float32, len(w))
	for i, p := range x.Why.X {
		product[i] = float32(p * float64(w[i]))
		start += v.Net.Gamma * p * float64(w0[i])
	}
	return product, start, true
}

// mapSide is the longer side of the maps of a figure that shows several neurons.
const mapSide = 168

// Numbers are those that the picture draws, top neurons at each end.
func (x *Account) Numbers(top int) *arrays.Set {
	n, v := &arrays.Set{}, x.view
	shape := v.Shape()
	arrays.AddTexts(n, "classes", v.Classes())
	arrays.AddArray(n, "input", x.Why.X, shape.Rows, shape.Cols)
	for _, k := range []struct {
		name  string
		class int
	}{{"label", x.image.Label}, {"predicted", x.Predicted}, {"not", x.not}} {
		if k.class >= 0 {
			arrays.AddNumber(n, k.name, k.class)
		}
	}
	for l := range x.Why.A {
		arrays.AddVector(n, fmt.Sprintf("z%d", l+1), x.Why.Z[l])
		arrays.AddVector(n, fmt.Sprintf("a%d", l+1), x.Why.A[l])
	}
	arrays.AddMatrix(n, "evidence", x.Why.Evidence)
	arrays.AddVector(n, "rest", x.Why.Rest)
	if x.Mean != nil {
		arrays.AddMatrix(n, "centred", x.Why.Centred)
		arrays.AddVector(n, "mean_activation", x.Mean)
	}
	arrays.AddVector(n, "answer_evidence", x.Evidence)
	if x.Centred != nil {
		arrays.AddVector(n, "answer_centred", x.Centred)
		arrays.AddNumber(n, "others_centred", others(x.Centred, x.bars()))
	}
	arrays.AddVector(n, "bars_neuron", x.bars())
	arrays.AddNumber(n, "others_evidence", others(x.Evidence, x.bars()))
	arrays.AddNumber(n, "answer_rest", x.Rest)
	arrays.AddNumber(n, "answer_sum", x.Sum)
	plus, minus := x.ends(top)
	drawn := append(slices.Clone(plus), minus...)
	arrays.AddVector(n, "drawn_neurons", drawn)
	var ws, products, learned [][]float32
	var biases, starts []float64
	for _, j := range drawn {
		w, p, err := x.maps(j)
		if err != nil {
			continue // figure has said so
		}
		ws, products = append(ws, w), append(products, p)
		biases = append(biases, float64(v.Net.Params.Bias(x.layer + 1).Data[j]))
		if l, start, ok := x.Learned(j); ok {
			learned, starts = append(learned, l), append(starts, start)
		}
	}
	arrays.AddVector(n, "drawn_bias", biases)
	arrays.AddMatrix(n, "drawn_weights", ws)
	arrays.AddMatrix(n, "drawn_products", products)
	arrays.AddVector(n, "drawn_sum", sums32(products)) // Σ x·w, in the first layer z less the bias
	if learned != nil {
		arrays.AddMatrix(n, "drawn_learned_products", learned)
		arrays.AddVector(n, "drawn_learned_sum", sums32(learned))
		arrays.AddVector(n, "drawn_start_share", starts)
	}
	arrays.AddVector(n, "sum_error_neurons", x.NeuronErrors)
	arrays.AddVector(n, "sum_error_outputs", x.OutputErrors)
	return n
}
