package main

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"neuroloupe/cmd/internal/page"
)

// reportNumbers are the numbers that a report draws, maps as they were before they were packed for the page. Images of the data set are named by their
// place in the test set, with their classes; what the page joins of two arrays when it is asked to, input×weight, is left
// to the reader of these.
func reportNumbers(d *page.Document) *numbers {
	n := &numbers{}
	addTexts(n, "classes", d.Classes)
	addVector(n, "image_rows_cols", []int{d.Rows, d.Cols})
	addNumber(n, "tests", d.Tests)
	if d.Dead != nil {
		addVector(n, "never_inked", d.Dead)
	}
	for _, l := range d.Layers {
		layerNumbers(n, d, l)
	}
	k := len(d.Classes)
	addArray(n, "output_weights", d.Output.Weights, len(d.Output.Weights)/k, k)
	addVector(n, "output_bias", d.Output.Bias)
	addMaps(n, "template", d.Class.Plain)
	addMaps(n, "template_slope_weighted", d.Class.Slope)
	addMaps(n, "mean_image", d.Class.Mean)
	metricNumbers(n, d.Metrics)
	if d.Output.Confusion != nil {
		addMatrix(n, "confusion", d.Output.Confusion)
		addVector(n, "recall", d.Output.Recall)
		whyNumbers(n, d)
		mistakeNumbers(n, d)
	}
	filmNumbers(n, d)
	return n
}

func layerNumbers(n *numbers, d *page.Document, l *page.Layer) {
	at := "layer" + strconv.Itoa(l.Number) + "_"
	for _, name := range slices.Sorted(maps.Keys(l.Maps)) {
		addMaps(n, at+"map_"+name, l.Maps[name])
	}
	if l.Raw != nil {
		addMatrix(n, at+"map_raw", l.Raw)
	}
	addNumber(n, at+"gamma", l.Gamma)
	addVector(n, at+"bias", l.Bias)
	addVector(n, at+"favourite", l.Favourite)
	addMatrix(n, at+"path", l.Path)
	if l.Similarity != nil {
		addVector(n, at+"order_by_similarity", l.Similarity)
	}
	for _, v := range []struct {
		name   string
		values []page.Num
	}{
		{"norm", l.Norm},
		{"rho", l.Rho},
		{"smoothness", l.Smooth},
		{"selectivity", l.Select},
		{"importance", l.Importance},
		{"mean_activation", l.Mean},
		{"stuck", l.Stuck},
	} {
		if v.values != nil {
			addVector(n, at+v.name, v.values)
		}
	}
	if l.Ablation == nil {
		return
	}
	addVector(n, at+"activation_range", l.Range[:])
	addMatrix(n, at+"contribution", l.Contribution)
	addVector(n, at+"orders_agree", l.Overlap)
	activityNumbers(n, at, l)
	for _, end := range []struct {
		name   string
		images [][]int
		z      [][]page.Num
	}{{"most_exciting", l.Top, l.TopZ}, {"least_exciting", l.Bottom, l.BottomZ}} {
		addMatrix(n, at+end.name+"_image", pickRows(d.Images.Index, end.images))
		addMatrix(n, at+end.name+"_label", pickRows(d.Images.Label, end.images))
		addMatrix(n, at+end.name+"_z", end.z)
	}
	addNumber(n, at+"pattern_images", l.Patterned)
	addNumber(n, at+"ablation_images", l.Ablation.Images)
	addNumber(n, at+"ablation_accuracy", l.Ablation.Accuracy)
	addVector(n, at+"lost", l.Ablation.Lost)
	addMatrix(n, at+"lost_by_class", l.Ablation.Class)
	addMatrix(n, at+"most_important_first", l.Ablation.MostFirst)
	addMatrix(n, at+"least_important_first", l.Ablation.LeastFirst)
	addMatrix(n, at+"random_order", l.Ablation.Random)
	addNumber(n, at+"selectivity_correlation", l.Ablation.Selective)
}

// activityNumbers adds what each neuron does on the images of each class, neurons×classes: the mean, and neurons×classes×7
// its least value, 5, 25, 50, 75, 95 % and its largest. Without images of a class they are NaN.
func activityNumbers(n *numbers, at string, l *page.Layer) {
	const quantiles = 7
	var mean, spread []page.Num
	for _, rows := range l.Activity {
		for _, row := range rows {
			if row == nil {
				row = slices.Repeat([]page.Num{page.Num(math.NaN())}, 1+quantiles)
			}
			mean, spread = append(mean, row[0]), append(spread, row[1:]...)
		}
	}
	classes := len(mean) / l.Units
	addArray(n, at+"activation_by_class_mean", mean, l.Units, classes)
	addArray(n, at+"activation_by_class_quantiles", spread, l.Units, classes, quantiles)
}

func pickRows[T any](v []T, rows [][]int) [][]T {
	out := make([][]T, len(rows))
	for i, places := range rows {
		out[i] = pick(v, places)
	}
	return out
}

// metricNumbers adds a vector per curve, with NaN where nothing was measured.
func metricNumbers(n *numbers, all []page.Metric) {
	if all == nil {
		return
	}
	epochs := make([]int, len(all))
	for i, m := range all {
		epochs[i] = m.Epoch
	}
	addVector(n, "epoch", epochs)
	for _, c := range []struct {
		name  string
		value func(m page.Metric) *page.Num
	}{
		{"training_loss", func(m page.Metric) *page.Num { return &m.Loss }},
		{"validation_loss", func(m page.Metric) *page.Num { return m.ValidationLoss }},
		{"test_loss", func(m page.Metric) *page.Num { return m.TestLoss }},
		{"training_accuracy", func(m page.Metric) *page.Num { return &m.TrainAccuracy }},
		{"validation_accuracy", func(m page.Metric) *page.Num { return m.ValidationAccuracy }},
		{"test_accuracy", func(m page.Metric) *page.Num { return m.TestAccuracy }},
	} {
		v := make([]float64, len(all))
		for i, m := range all {
			v[i] = math.NaN()
			if x := c.value(m); x != nil {
				v[i] = float64(*x)
			}
		}
		addVector(n, "epoch_"+c.name, v)
	}
}

// whyNumbers adds the images that are explained, with what every neuron of the last hidden layer gives to every output:
// images×neurons×classes.
func whyNumbers(n *numbers, d *page.Document) {
	var images, labels, predicted []int
	var logits, outputs [][]page.Num
	var pixels []byte
	var z [][]float32
	var neuronError, sumError []page.Num
	var evidence, centred []float64
	hidden := make([][][]float32, len(d.Layers))
	last, k := d.Layers[len(d.Layers)-1], len(d.Classes)
	for _, w := range d.Why {
		images, labels, predicted = append(images, w.Image), append(labels, w.Label), append(predicted, w.Predicted)
		logits, outputs = append(logits, w.Logits), append(outputs, w.Outputs)
		pixels, z = append(pixels, w.Pixels...), append(z, w.Z)
		neuronError, sumError = append(neuronError, w.NeuronError), append(sumError, w.SumError)
		for l, a := range w.Hidden {
			hidden[l] = append(hidden[l], a)
		}
		for j, a := range w.Hidden[len(w.Hidden)-1] {
			for c := range k {
				weight := float64(d.Output.Weights[j*k+c])
				evidence, centred = append(evidence, weight*float64(a)), append(centred, weight*(float64(a)-float64(last.Mean[j])))
			}
		}
	}
	addVector(n, "why_image", images)
	addVector(n, "why_label", labels)
	addVector(n, "why_predicted", predicted)
	addArray(n, "why_pixels", pixels, len(images), d.Rows, d.Cols)
	addMatrix(n, "why_layer1_z", z)
	for l, a := range hidden {
		addMatrix(n, "why_layer"+strconv.Itoa(l+1)+"_a", a)
	}
	addArray(n, "why_evidence", evidence, len(images), last.Units, k)
	addArray(n, "why_evidence_centred", centred, len(images), last.Units, k)
	addMatrix(n, "why_logits", logits)
	addMatrix(n, "why_outputs", outputs)
	addVector(n, "why_neuron_error", neuronError)
	addVector(n, "why_sum_error", sumError)
}

// mistakeNumbers adds the mistakes shown, the worst first, with the neurons that drove them and how much each did.
func mistakeNumbers(n *numbers, d *page.Document) {
	addNumber(n, "mistakes", d.Errors.Count)
	var images, labels, predicted []int
	var loss, margin []page.Num
	var neurons [][]int
	var drives [][]page.Num
	for _, m := range d.Errors.Worst {
		images, labels, predicted = append(images, d.Images.Index[m.Image]), append(labels, m.Label), append(predicted, m.Predicted)
		loss, margin = append(loss, m.Loss), append(margin, m.Margin)
		var who []int
		var much []page.Num
		for _, r := range m.Drivers {
			who, much = append(who, r.Neuron), append(much, r.Drive)
		}
		neurons, drives = append(neurons, who), append(drives, much)
	}
	addVector(n, "mistake_image", images)
	addVector(n, "mistake_label", labels)
	addVector(n, "mistake_predicted", predicted)
	addVector(n, "mistake_loss", loss)
	addVector(n, "mistake_margin", margin)
	addMatrix(n, "mistake_driven_by", neurons)
	addMatrix(n, "mistake_drive", drives)
}

// filmNumbers adds the film's frames, frames×neurons×pixels, and what is written beside them.
func filmNumbers(n *numbers, d *page.Document) {
	f := d.Film
	if f == nil {
		return
	}
	addVector(n, "film_epoch", f.Epochs)
	addVector(n, "film_accuracy", f.Accuracy)
	addVector(n, "film_gamma", f.Gamma)
	addVector(n, "film_neuron", f.Neurons)
	addNumber(n, "film_limit", f.Limit)
	addArray(n, "film_learned", slices.Concat(f.Exact...), len(f.Epochs), len(f.Neurons), d.Rows*d.Cols)
}

// addMaps adds maps; nil adds nothing.
func addMaps(n *numbers, name string, m *page.Maps) {
	if m != nil {
		addMatrix(n, name, m.Exact)
	}
}
