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

// Errors is the worst mistakes on the test images, and the neurons that drove them.
type Errors struct {
	Style
	Layer int    // hidden, from 1; 0 is the last
	Top   int    // mistakes to explain one by one
	Class string // only images of this class; "" is all
}

// Draw makes the picture.
func (c *Errors) Draw(v *View) (*Drawing, error) {
	m, err := v.mistakes(c)
	if err != nil {
		return nil, err
	}
	if len(m.all) == 0 {
		return nil, &Nothing{fmt.Sprintf("%s makes no mistake on %s%s", v.Folder.Path,
			words.Count(m.test.Len(), "test image"), m.ofClass)}
	}
	maps, err := v.maps(v.defaultShow(), m.layer)
	if err != nil {
		return nil, err
	}
	fig, err := c.figure(v, m, maps)
	if err != nil {
		return nil, err
	}
	name := withLayer("errors", m.layer, v.Net.Hidden())
	if c.Class != "" {
		name += fmt.Sprintf("-class%d", m.class)
	}
	return &Drawing{Name: name, Figure: fig, Numbers: m.numbers(v, maps)}, nil
}

// mistakes are the images that a run's network gets wrong.
type mistakes struct {
	layer, class int // class is −1 for all
	ofClass      string
	test         *mnist.Set
	all          []inspect.Mistake // worst first, of the class asked for
	confusion    [][]int
	why          []*inspect.Explained // of the first ones
	drivers      [][]inspect.Driver
	favourites   []int
}

func (v *View) mistakes(c *Errors) (*mistakes, error) {
	m := &mistakes{class: -1}
	var err error
	if c.Class != "" {
		if m.class, err = v.Class(c.Class); err != nil {
			return nil, err
		}
		m.ofClass = " of class " + v.Labels()[m.class]
	}
	if m.layer, err = v.Hidden(c.Layer, -1); err != nil {
		return nil, err
	}
	p, err := v.ProbeTest()
	if err != nil {
		return nil, fmt.Errorf("mistakes are made on the test images: %w", err)
	}
	if m.test, err = v.Test(); err != nil {
		return nil, err
	}
	score, err := v.Score()
	if err != nil {
		return nil, err
	}
	m.confusion = score.Confusion
	all, err := v.Subject.Mistakes(v.ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if m.class < 0 || x.Label == m.class {
			m.all = append(m.all, x)
		}
	}
	m.favourites, _ = v.Favourites(m.layer)
	for _, x := range m.all[:min(c.Top, len(m.all))] {
		w, err := v.Subject.Explain(v.ctx, p, x.Image, m.layer)
		if err != nil {
			return nil, err
		}
		d, err := w.Drivers(x.Predicted, x.Label)
		if err != nil {
			return nil, err
		}
		m.why, m.drivers = append(m.why, w), append(m.drivers, d)
	}
	return m, nil
}

// shownMistakes bounds the strip of mistakes.
const shownMistakes = 40

// numbers are those that figure draws; maps are the layer's.
func (m *mistakes) numbers(v *View, maps [][]float32) *arrays.Set {
	n := &arrays.Set{}
	images, labels, predicted := make([]int, len(m.all)), make([]int, len(m.all)), make([]int, len(m.all))
	margins, losses := make([]float64, len(m.all)), make([]float64, len(m.all))
	for i, x := range m.all {
		images[i], labels[i], predicted[i], margins[i], losses[i] = x.Image, x.Label, x.Predicted, x.Margin, x.Loss
	}
	arrays.AddTexts(n, "classes", v.Classes())
	arrays.AddVector(n, "image", images)
	arrays.AddVector(n, "label", labels)
	arrays.AddVector(n, "predicted", predicted)
	arrays.AddVector(n, "margin", margins)
	arrays.AddVector(n, "loss", losses)
	arrays.AddMatrix(n, "confusion", m.confusion)
	drives := make([][]float64, len(m.drivers))
	for i, ds := range m.drivers {
		drives[i] = make([]float64, len(ds))
		for _, d := range ds {
			drives[i][d.Neuron] = d.Drive
		}
	}
	arrays.AddMatrix(n, "drive", drives)
	arrays.AddNumber(n, "asked", m.asked())
	arrays.AddVector(n, "favourite", m.favourites)
	var logits, active [][]float64
	var drawn [][]int
	var w [][]float32
	for i, x := range m.why {
		logits, active = append(logits, x.Z[v.Net.Last()]), append(active, x.A[m.layer])
		var who []int
		for _, d := range m.drivers[i][:min(drawnDrivers, len(m.drivers[i]))] {
			who, w = append(who, d.Neuron), append(w, maps[d.Neuron])
		}
		drawn = append(drawn, who)
	}
	arrays.AddMatrix(n, "logits", logits)
	arrays.AddMatrix(n, "activation", active)
	arrays.AddMatrix(n, "drawn_neuron", drawn)
	arrays.AddArray(n, "drawn_map", slices.Concat(w...), len(drawn), len(w)/len(drawn), v.Spec().Inputs)
	return n
}

func (c *Errors) figure(v *View, m *mistakes, maps [][]float32) (render.Figure, error) {
	colormap, err := c.Map()
	if err != nil {
		return render.Figure{}, err
	}
	shape := v.Shape()
	strip := render.Thumbs{
		Title: "The worst mistakes", Width: shape.Cols, Height: shape.Rows,
		Caption: "What it is → what the network says; below, the image's number, as --image takes it.",
	}
	for _, x := range m.all[:min(shownMistakes, len(m.all))] {
		strip.Images = append(strip.Images, m.test.Image(x.Image))
		strip.Names = append(strip.Names, v.Labels()[x.Label])
		strip.Lines = append(strip.Lines, []string{"→ " + v.Labels()[x.Predicted], fmt.Sprintf("test:%d", x.Image)})
	}
	if len(m.all) > shownMistakes {
		strip.Title = fmt.Sprintf("The worst %d of %d mistakes", shownMistakes, len(m.all))
	}
	fig := render.Figure{
		Title:    fmt.Sprintf("Mistakes%s: %d of %s test images", m.ofClass, len(m.all), words.Thousands(m.asked())),
		Subtitle: v.Line(),
		Caption: "A neuron drives a mistake by (its weight to the wrong output − to the right one) × (how active it " +
			"is on this image − on average). Bars to the right push the wrong way.",
		Rows: [][]render.Panel{{m.matrix(v), strip}},
	}
	if wide := slices.MaxFunc(v.Labels(), func(a, b string) int { return len(a) - len(b) }); len(wide) > 3 ||
		len(v.Classes()) > 12 {
		strip.Side = 84 // for the names
		fig.Rows = [][]render.Panel{{m.matrix(v)}, {strip}}
	}
	if m.layer < v.Net.Hidden() {
		fig.Caption += " The layers after it are followed along the linear path at this image."
	}
	colors := &render.Colors{
		Name: v.weightName(v.defaultShow(), m.layer), Low: "ink lowers z", High: "ink raises z",
		Map: colormap,
	}
	for i := range m.why {
		fig.Rows = append(fig.Rows, m.explain(v, i, maps, colors))
	}
	return fig, nil
}

// wrong says what a mistake is and what it was taken for.
func (v *View) wrong(x inspect.Mistake) string {
	return fmt.Sprintf("%s → %s", v.Labels()[x.Label], v.Labels()[x.Predicted])
}

// asked is the number of test images among which mistakes were looked for.
func (m *mistakes) asked() int {
	n := 0
	for k, row := range m.confusion {
		if m.class >= 0 && k != m.class {
			continue
		}
		for _, c := range row {
			n += c
		}
	}
	return n
}

// matrix is which class is taken for which; what is right is left out of the colours, which it would wash out.
func (m *mistakes) matrix(v *View) render.Matrix {
	var cells []float64
	var texts []string
	for k, row := range m.confusion {
		for p, c := range row {
			texts = append(texts, fmt.Sprint(c))
			if k == p {
				c = 0
			}
			cells = append(cells, float64(c))
		}
	}
	return render.Matrix{
		Key:   "confusion",
		Title: "What is taken for what", RowTitle: "is", ColTitle: "the network says", Rows: v.Labels(),
		Cols:   v.Labels(),
		Values: cells, Texts: texts, Colors: &render.Colors{
			Name: "test images taken for another class",
			Map:  render.Ink, NoBar: true,
		},
		Caption: "Test images by what they are and what the network says; the darker, the more are taken for " +
			"something else.",
	}
}

// largest is the largest drive of all that are shown; what cannot be drawn does not count.
func (m *mistakes) largest() float64 {
	most := 0.0
	for _, d := range m.drivers {
		if d[0].Drive <= math.MaxFloat32 { // and no NaN
			most = max(most, d[0].Drive)
		}
	}
	return most
}

// drivenBy is how many neurons are shown beside a mistake, and drawn those whose maps are.
const drivenBy, drawnDrivers = 8, 3

// explain is a mistake, the neurons that drove it, and the maps of the first of them.
func (m *mistakes) explain(v *View, i int, maps [][]float32, colors *render.Colors) []render.Panel {
	x, w, drivers := m.all[i], m.why[i], m.drivers[i]
	shape := v.Shape()
	s := w.Z[v.Net.Last()]
	drivers = drivers[:min(drivenBy, len(drivers))]
	bars := render.Bars{
		Key:     "drive",
		Title:   fmt.Sprintf("What drove %s above %s", v.Labels()[x.Predicted], v.Labels()[x.Label]),
		Caption: fmt.Sprintf("%s%s, those that did most.", words.Count(len(drivers), "neuron"), v.ofLayer(m.layer)),
		Map:     colors.Map, Limit: m.largest(),
	}
	for _, d := range drivers {
		bars.Names = append(bars.Names, v.tag(d.Neuron, m.favourites[d.Neuron]))
		bars.Values = append(bars.Values, d.Drive)
	}
	panels := []render.Panel{
		render.Image{
			Title: fmt.Sprintf("test:%d, %s", x.Image, v.wrong(x)), Width: shape.Cols, Height: shape.Rows,
			Pixels: m.test.Image(x.Image), Side: 140,
			Caption: fmt.Sprintf("s(%s) = %.2f, s(%s) = %.2f", v.Labels()[x.Predicted], s[x.Predicted],
				v.Labels()[x.Label], s[x.Label]),
		},
		bars,
	}
	for _, d := range drivers[:min(drawnDrivers, len(drivers))] {
		panels = append(panels, render.Map{
			Key:   "drawn_map",
			Title: v.tag(d.Neuron, m.favourites[d.Neuron]), Width: shape.Cols, Height: shape.Rows,
			Values: maps[d.Neuron], Colors: colors, Side: 140,
			Caption: fmt.Sprintf("a = %.2f, drive %+.2f", w.A[m.layer][d.Neuron], d.Drive),
		})
	}
	return panels
}
