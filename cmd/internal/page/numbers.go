package page

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"neuroloupe/cmd/internal/arrays"
)

// Numbers are the numbers that a report draws, maps as they were before they were packed for the page. Images of the
// data set are named by their place in the test set, with their classes; what the page joins of two arrays when it is
// asked to, input×weight, is left to the reader of these.
func Numbers(d *Document) *arrays.Set {
	n := &arrays.Set{}
	arrays.AddTexts(n, "classes", d.Classes)
	arrays.AddVector(n, "image_rows_cols", []int{d.Rows, d.Cols})
	arrays.AddNumber(n, "tests", d.Tests)
	if d.Dead != nil {
		arrays.AddVector(n, "never_inked", d.Dead)
	}
	for _, l := range d.Layers {
		layerNumbers(n, d, l)
	}
	k := len(d.Classes)
	arrays.AddArray(n, "output_weights", d.Output.Weights, len(d.Output.Weights)/k, k)
	arrays.AddVector(n, "output_bias", d.Output.Bias)
	addMaps(n, "template", d.Class.Plain)
	addMaps(n, "template_slope_weighted", d.Class.Slope)
	addMaps(n, "mean_image", d.Class.Mean)
	metricNumbers(n, d.Metrics)
	if d.Output.Confusion != nil {
		arrays.AddMatrix(n, "confusion", d.Output.Confusion)
		arrays.AddVector(n, "recall", d.Output.Recall)
		whyNumbers(n, d)
		mistakeNumbers(n, d)
	}
	filmNumbers(n, d)
	return n
}

func layerNumbers(n *arrays.Set, d *Document, l *Layer) {
	at := "layer" + strconv.Itoa(l.Number) + "_"
	for _, name := range slices.Sorted(maps.Keys(l.Maps)) {
		addMaps(n, at+"map_"+name, l.Maps[name])
	}
	if l.Raw != nil {
		arrays.AddMatrix(n, at+"map_raw", l.Raw)
	}
	arrays.AddNumber(n, at+"gamma", l.Gamma)
	arrays.AddVector(n, at+"bias", l.Bias)
	arrays.AddVector(n, at+"favourite", l.Favourite)
	arrays.AddMatrix(n, at+"path", l.Path)
	if l.Similarity != nil {
		arrays.AddVector(n, at+"order_by_similarity", l.Similarity)
	}
	for _, v := range []struct {
		name   string
		values []Num
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
			arrays.AddVector(n, at+v.name, v.values)
		}
	}
	if l.Ablation == nil {
		return
	}
	arrays.AddVector(n, at+"activation_range", l.Range[:])
	arrays.AddMatrix(n, at+"contribution", l.Contribution)
	arrays.AddVector(n, at+"orders_agree", l.Overlap)
	activityNumbers(n, at, l)
	for _, end := range []struct {
		name   string
		images [][]int
		z      [][]Num
	}{{"most_exciting", l.Top, l.TopZ}, {"least_exciting", l.Bottom, l.BottomZ}} {
		arrays.AddMatrix(n, at+end.name+"_image", arrays.PickRows(d.Images.Index, end.images))
		arrays.AddMatrix(n, at+end.name+"_label", arrays.PickRows(d.Images.Label, end.images))
		arrays.AddMatrix(n, at+end.name+"_z", end.z)
	}
	arrays.AddNumber(n, at+"pattern_images", l.Patterned)
	arrays.AddNumber(n, at+"ablation_images", l.Ablation.Images)
	arrays.AddNumber(n, at+"ablation_accuracy", l.Ablation.Accuracy)
	arrays.AddVector(n, at+"lost", l.Ablation.Lost)
	arrays.AddMatrix(n, at+"lost_by_class", l.Ablation.Class)
	arrays.AddMatrix(n, at+"most_important_first", l.Ablation.MostFirst)
	arrays.AddMatrix(n, at+"least_important_first", l.Ablation.LeastFirst)
	arrays.AddMatrix(n, at+"random_order", l.Ablation.Random)
	arrays.AddNumber(n, at+"selectivity_correlation", l.Ablation.Selective)
}

// activityNumbers adds what each neuron does on the images of each class, neurons×classes: the mean, and
// neurons×classes×7 its least value, 5, 25, 50, 75, 95 % and its largest. Without images of a class they are NaN.
func activityNumbers(n *arrays.Set, at string, l *Layer) {
	const quantiles = 7
	var mean, spread []Num
	for _, rows := range l.Activity {
		for _, row := range rows {
			if row == nil {
				row = slices.Repeat([]Num{Num(math.NaN())}, 1+quantiles)
			}
			mean, spread = append(mean, row[0]), append(spread, row[1:]...)
		}
	}
	classes := len(mean) / l.Units
	arrays.AddArray(n, at+"activation_by_class_mean", mean, l.Units, classes)
	arrays.AddArray(n, at+"activation_by_class_quantiles", spread, l.Units, classes, quantiles)
}

// metricNumbers adds a vector per curve, with NaN where nothing was measured.
func metricNumbers(n *arrays.Set, all []Metric) {
	if all == nil {
		return
	}
	epochs := make([]int, len(all))
	for i, m := range all {
		epochs[i] = m.Epoch
	}
	arrays.AddVector(n, "epoch", epochs)
	for _, c := range []struct {
		name  string
		value func(m Metric) *Num
	}{
		{"training_loss", func(m Metric) *Num { return &m.Loss }},
		{"validation_loss", func(m Metric) *Num { return m.ValidationLoss }},
		{"test_loss", func(m Metric) *Num { return m.TestLoss }},
		{"training_accuracy", func(m Metric) *Num { return &m.TrainAccuracy }},
		{"validation_accuracy", func(m Metric) *Num { return m.ValidationAccuracy }},
		{"test_accuracy", func(m Metric) *Num { return m.TestAccuracy }},
	} {
		v := make([]float64, len(all))
		for i, m := range all {
			v[i] = math.NaN()
			if x := c.value(m); x != nil {
				v[i] = float64(*x)
			}
		}
		arrays.AddVector(n, "epoch_"+c.name, v)
	}
}

// whyNumbers adds the images that are explained, with what every neuron of the last hidden layer gives to every output:
// images×neurons×classes.
func whyNumbers(n *arrays.Set, d *Document) {
	var images, labels, predicted []int
	var logits, outputs [][]Num
	var pixels []byte
	var z [][]float32
	var neuronError, sumError []Num
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
				evidence, centred = append(evidence, weight*float64(a)),
					append(centred, weight*(float64(a)-float64(last.Mean[j])))
			}
		}
	}
	arrays.AddVector(n, "why_image", images)
	arrays.AddVector(n, "why_label", labels)
	arrays.AddVector(n, "why_predicted", predicted)
	arrays.AddArray(n, "why_pixels", pixels, len(images), d.Rows, d.Cols)
	arrays.AddMatrix(n, "why_layer1_z", z)
	for l, a := range hidden {
		arrays.AddMatrix(n, "why_layer"+strconv.Itoa(l+1)+"_a", a)
	}
	arrays.AddArray(n, "why_evidence", evidence, len(images), last.Units, k)
	arrays.AddArray(n, "why_evidence_centred", centred, len(images), last.Units, k)
	arrays.AddMatrix(n, "why_logits", logits)
	arrays.AddMatrix(n, "why_outputs", outputs)
	arrays.AddVector(n, "why_neuron_error", neuronError)
	arrays.AddVector(n, "why_sum_error", sumError)
}

// mistakeNumbers adds the mistakes shown, the worst first, with the neurons that drove them and how much each did.
func mistakeNumbers(n *arrays.Set, d *Document) {
	arrays.AddNumber(n, "mistakes", d.Errors.Count)
	var images, labels, predicted []int
	var loss, margin []Num
	var neurons [][]int
	var drives [][]Num
	for _, m := range d.Errors.Worst {
		images, labels, predicted = append(images, d.Images.Index[m.Image]), append(labels, m.Label),
			append(predicted, m.Predicted)
		loss, margin = append(loss, m.Loss), append(margin, m.Margin)
		var who []int
		var much []Num
		for _, r := range m.Drivers {
			who, much = append(who, r.Neuron), append(much, r.Drive)
		}
		neurons, drives = append(neurons, who), append(drives, much)
	}
	arrays.AddVector(n, "mistake_image", images)
	arrays.AddVector(n, "mistake_label", labels)
	arrays.AddVector(n, "mistake_predicted", predicted)
	arrays.AddVector(n, "mistake_loss", loss)
	arrays.AddVector(n, "mistake_margin", margin)
	arrays.AddMatrix(n, "mistake_driven_by", neurons)
	arrays.AddMatrix(n, "mistake_drive", drives)
}

// filmNumbers adds the film's frames, frames×neurons×pixels, and what is written beside them.
func filmNumbers(n *arrays.Set, d *Document) {
	f := d.Film
	if f == nil {
		return
	}
	arrays.AddVector(n, "film_epoch", f.Epochs)
	arrays.AddVector(n, "film_accuracy", f.Accuracy)
	arrays.AddVector(n, "film_gamma", f.Gamma)
	arrays.AddVector(n, "film_neuron", f.Neurons)
	arrays.AddNumber(n, "film_limit", f.Limit)
	arrays.AddArray(n, "film_learned", slices.Concat(f.Exact...), len(f.Epochs), len(f.Neurons), d.Rows*d.Cols)
}

// addMaps adds maps; nil adds nothing.
func addMaps(n *arrays.Set, name string, m *Maps) {
	if m != nil {
		arrays.AddMatrix(n, name, m.Exact)
	}
}
