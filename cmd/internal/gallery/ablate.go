package gallery

import (
	"fmt"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Ablate is what the network loses without its neurons.
type Ablate struct {
	Style
	Layer int // hidden, from 1; 0 is the last
	Top   int // neurons to show one by one, those that cost most
}

// Draw makes the picture.
func (c *Ablate) Draw(v *View) (*Drawing, error) {
	b, err := v.ablate(c.Layer)
	if err != nil {
		return nil, err
	}
	fig, err := c.figure(v, b)
	if err != nil {
		return nil, err
	}
	name := withLayer("ablate", b.layer, v.Net.Hidden())
	return &Drawing{Name: name, Figure: fig, Numbers: b.numbers(c.shown(b))}, nil
}

// controlSeed draws the random order and the random networks that results are held against.
const controlSeed = 1

// ablation is what a hidden layer's neurons are worth, on the test images, and who they are.
type ablation struct {
	*inspect.Ablated
	layer       int
	importance  []float64
	selectivity []float64 // NaN where it has no meaning
	favourites  []int
}

// fewNeurons are too few for a correlation over them.
const fewNeurons = 10

// curvePoints is about how many points an ablation curve has.
const curvePoints = 100

// ablate measures what the neurons of a hidden layer are worth, counted from 1; 0 is the last.
func (v *View) ablate(n int) (*ablation, error) {
	layer, err := v.Hidden(n, -1)
	if err != nil {
		return nil, err
	}
	if _, err := v.ProbeTest(); err != nil {
		return nil, fmt.Errorf("what neurons are worth shows on the test images: %w", err)
	}
	b := &ablation{layer: layer}
	if b.importance, err = v.importance(layer); err != nil {
		return nil, err
	}
	b.favourites, _ = v.Favourites(layer)
	if b.selectivity, err = v.Subject.Selectivity(v.ctx, layer); err != nil {
		return nil, err
	}
	units := len(b.importance)
	done, end := v.talk.Count("taking neurons away", units, func(r float64) string { return fmt.Sprintf("%.0f/s", r) })
	defer end()
	b.Ablated, err = v.Subject.Ablated(v.ctx, layer,
		inspect.AblateOptions{Every: max(1, units/curvePoints), Seed: controlSeed}, done)
	return b, err
}

// numbers are those of all neurons; shown are those drawn one by one.
func (b *ablation) numbers(shown []int) *arrays.Set {
	n := &arrays.Set{}
	arrays.AddNumber(n, "images", b.Images)
	arrays.AddNumber(n, "accuracy", b.Accuracy)
	arrays.AddVector(n, "recall", b.Recall)
	arrays.AddVector(n, "mean_activation", b.Mean)
	arrays.AddVector(n, "accuracy_lost", b.Alone)
	class := make([][]float64, len(b.Lost))
	for j, l := range b.Lost {
		class[j] = l.Class
	}
	arrays.AddMatrix(n, "recall_lost", class)
	arrays.AddVector(n, "drawn_neuron", shown)
	arrays.AddVector(n, "favourite", b.favourites)
	arrays.AddVector(n, "importance", b.importance)
	arrays.AddVector(n, "selectivity", b.selectivity)
	arrays.AddNumber(n, "selectivity_correlation", b.Selective)
	removed, most, least, random := b.points()
	arrays.AddVector(n, "curve_removed", removed)
	arrays.AddVector(n, "curve_most_first", most)
	arrays.AddVector(n, "curve_least_first", least)
	arrays.AddVector(n, "curve_random", random)
	return n
}

// points are the ablation curves: neurons removed, and test accuracy in per cent.
func (b *ablation) points() (removed, most, least, random []float64) {
	for i, p := range b.Curves.MostFirst {
		removed = append(removed, float64(p.Removed))
		most = append(most, 100*p.Accuracy)
		least = append(least, 100*b.Curves.LeastFirst[i].Accuracy)
		random = append(random, 100*b.Curves.Random[i].Accuracy)
	}
	return removed, most, least, random
}

// shown are the neurons to show one by one, those that cost most.
func (c *Ablate) shown(b *ablation) []int {
	order := inspect.Descending(b.Alone)
	return order[:min(c.Top, len(order))]
}

func (c *Ablate) figure(v *View, b *ablation) (render.Figure, error) {
	colormap, err := c.Map()
	if err != nil {
		return render.Figure{}, err
	}
	units := len(b.Mean)
	removed, most, least, random := b.points()
	half := len(removed) / 2
	chart := render.Chart{
		Title: "Many at once",
		Caption: fmt.Sprintf("Without %.0f of the %d neurons: %.1f %% if the important go first, %.1f %% if any %.0f "+
			"go, %.1f %% if the unimportant go first. Important: moves the outputs much.", removed[half], units,
			most[half], random[half], removed[half], least[half]),
		X: "neurons held at their mean", Y: "test accuracy, %", LinearX: true, LinearY: true,
		Series: []render.Series{
			{Name: "unimportant first", KeyX: "curve_removed", KeyY: "curve_least_first", X: removed, Y: least},
			{Name: "random order", KeyX: "curve_removed", KeyY: "curve_random", X: removed, Y: random},
			{Name: "important first", KeyX: "curve_removed", KeyY: "curve_most_first", X: removed, Y: most},
		},
	}
	top := c.shown(b)
	names := v.tags(top, b.favourites)
	lost, lostText := make([]float64, len(top)), make([]string, len(top))
	for i, j := range top {
		lost[i], lostText[i] = 100*b.Alone[j], words.Points(100*b.Alone[j], 2)
	}
	caption := "In percentage points of test accuracy; the arrow is the class it speaks for most."
	if len(top) < units {
		caption = fmt.Sprintf("In percentage points of test accuracy, the %d of %d neurons that cost most; the arrow "+
			"is the class it speaks for most. The median neuron costs %.2f.",
			len(top), units, 100*inspect.Median(b.Alone))
	}
	first := []render.Panel{
		render.Bars{
			Key: "accuracy_lost", Title: "One alone: accuracy lost", Caption: caption, Names: names,
			Values: lost, Texts: lostText, Map: colormap,
		},
	}
	if units > 1 {
		first = append([]render.Panel{chart}, first...)
	}
	second := []render.Panel{}
	if scatter, ok := b.scatter(); ok {
		second = append(second, scatter)
	}
	var cells []float64
	for k := range v.Classes() {
		for _, j := range top {
			cells = append(cells, 100*b.Lost[j].Class[k])
		}
	}
	matrix := render.Matrix{
		Key: "recall_lost", Title: "Which class each of them costs", RowTitle: "class", ColTitle: "neuron",
		Caption: "Recall lost, in percentage points of the images of the class; below 0 the class is found better " +
			"without the neuron.",
		Rows: v.Labels(), Cols: names, Values: cells,
		Colors: &render.Colors{Name: "recall lost", Low: "found better", High: "lost", Map: colormap},
	}
	says := fmt.Sprintf("A neuron is taken away by holding it at its mean activation, on %s test images; nothing is "+
		"trained again.", words.Thousands(b.Images))
	if units > 1 && inspect.Median(b.Alone) < 0.01 {
		says += " Most neurons cost next to nothing alone, because others do the same; together they matter."
	}
	return render.Figure{
		Title:    "What the network loses without neurons" + v.ofLayer(b.layer),
		Subtitle: v.Line(),
		Caption:  says,
		Rows:     [][]render.Panel{first, append(second, matrix)},
	}, nil
}
