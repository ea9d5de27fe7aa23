package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// numberFields lists the fields of the page's document that hold numbers, as Layers.Norm.
func numberFields(t reflect.Type, at string, out map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		numberFields(t.Elem(), at, out)
	case reflect.Struct:
		for f := range t.Fields() {
			if f.Tag.Get("json") != "-" {
				numberFields(f.Type, strings.TrimPrefix(at+"."+f.Name, "."), out)
			}
		}
	case reflect.Int, reflect.Uint8, reflect.Float32, reflect.Float64:
		out[at] = true
	}
}

// Every field of the document that the page draws goes into the file: by which name is said here. A field that is added
// to the document and not to this table fails the test.
func TestReportDataNamesEveryField(t *testing.T) {
	v, _ := shapesReport(t)
	data := reportData(t, v)
	got := map[string]bool{}
	numberFields(reflect.TypeFor[page.Document](), "", got)
	fields := map[string]string{
		"Rows": "image_rows_cols", "Cols": "image_rows_cols", "Dead": "never_inked", "Tests": "tests",
		"Colors.Light": "", "Colors.Dark": "", // how numbers look
		"Layers.Number": "", "Layers.Units": "", // the names and shapes of the arrays
		"Layers.Range":      "layer1_activation_range",
		"Layers.Maps.Scale": "layer1_map_learned", "Layers.Maps.Data": "layer1_map_init",
		"Layers.Gamma":     "layer1_gamma",
		"Layers.Favourite": "layer1_favourite", "Layers.Norm": "layer1_norm", "Layers.Rho": "layer1_rho",
		"Layers.Smooth": "layer1_smoothness",
		"Layers.Path":   "layer1_path", "Layers.Bias": "layer1_bias", "Layers.Similarity": "layer1_order_by_similarity",
		"Layers.Select": "layer1_selectivity", "Layers.Importance": "layer1_importance",
		"Layers.Mean":  "layer1_mean_activation",
		"Layers.Stuck": "layer1_stuck", "Layers.Contribution": "layer1_contribution",
		"Layers.Overlap":  "layer1_orders_agree",
		"Layers.Activity": "layer1_activation_by_class_quantiles", "Layers.Top": "layer1_most_exciting_image",
		"Layers.Bottom": "layer1_least_exciting_image",
		"Layers.TopZ":   "layer1_most_exciting_z", "Layers.BottomZ": "layer1_least_exciting_z",
		"Layers.Patterned":       "layer1_pattern_images",
		"Layers.Ablation.Images": "layer1_ablation_images", "Layers.Ablation.Accuracy": "layer1_ablation_accuracy",
		"Layers.Ablation.Lost": "layer1_lost", "Layers.Ablation.Class": "layer1_lost_by_class",
		"Layers.Ablation.MostFirst":  "layer1_most_important_first",
		"Layers.Ablation.LeastFirst": "layer1_least_important_first", "Layers.Ablation.Random": "layer1_random_order",
		"Layers.Ablation.Selective": "layer1_selectivity_correlation",
		"Output.Weights":            "output_weights", "Output.Bias": "output_bias", "Output.Confusion": "confusion",
		"Output.Recall": "recall",
		"Images.Index":  "layer1_most_exciting_image", "Images.Label": "layer1_most_exciting_label",
		"Images.Columns": "", "Images.Each": "", "Images.Sprites": "", // where the test images lie in their sprites
		"Class.Plain.Scale": "template", "Class.Plain.Data": "template", "Class.Slope.Scale": "template_slope_weighted",
		"Class.Slope.Data": "template_slope_weighted", "Class.Mean.Scale": "mean_image",
		"Class.Mean.Data": "mean_image",
		"Why.Image":       "why_image", "Why.Label": "why_label", "Why.Predicted": "why_predicted",
		"Why.Pixels": "why_pixels",
		"Why.Hidden": "why_layer1_a", "Why.Z": "why_layer1_z", "Why.Logits": "why_logits", "Why.Outputs": "why_outputs",
		"Why.NeuronError": "why_neuron_error", "Why.SumError": "why_sum_error",
		"Errors.Count": "mistakes", "Errors.Worst.Image": "mistake_image", "Errors.Worst.Label": "mistake_label",
		"Errors.Worst.Predicted": "mistake_predicted", "Errors.Worst.Loss": "mistake_loss",
		"Errors.Worst.Margin":         "mistake_margin",
		"Errors.Worst.Drivers.Neuron": "mistake_driven_by", "Errors.Worst.Drivers.Drive": "mistake_drive",
		"Errors.Worst.Why": "why_image",
		"Metrics.Epoch":    "epoch", "Metrics.Loss": "epoch_training_loss",
		"Metrics.ValidationLoss": "epoch_validation_loss", "Metrics.TestLoss": "epoch_test_loss",
		"Metrics.TrainAccuracy": "epoch_training_accuracy", "Metrics.ValidationAccuracy": "epoch_validation_accuracy",
		"Metrics.TestAccuracy": "epoch_test_accuracy",
		"Film.Neurons":         "film_neuron", "Film.Of": "layer1_norm", "Film.Epochs": "film_epoch",
		"Film.Gamma": "film_gamma", "Film.Limit": "film_limit",
		"Film.Data": "film_learned", "Film.Accuracy": "film_accuracy",
	}
	for _, f := range slices.Sorted(maps.Keys(got)) {
		name, ok := fields[f]
		if !ok {
			t.Errorf("the page draws %s, and nothing says where the file has it", f)
		}
		if _, ok := data[name]; name != "" && !ok {
			t.Errorf("%s: the file has no %s", f, name)
		}
		delete(fields, f)
	}
	if len(fields) > 0 {
		t.Errorf("the document has no longer %v", fields)
	}
}

// reportData returns the numbers of a run's report.
func reportData(t *testing.T, v *gallery.View) map[string]any {
	t.Helper()
	file := filepath.Join(t.TempDir(), "numbers.json")
	must(t, "report", v.Folder.Path, "-o", filepath.Join(t.TempDir(), "again.html"), "--data", file)
	all := map[string]any{}
	if err := json.Unmarshal(mustRead(t, file), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// The report's numbers are those of the run, worked out here from the weights and the images.
func TestReportDataIsTheRun(t *testing.T) {
	v, _ := shapesReport(t, "--l2", "2")
	got := reportData(t, v)
	all, labels := passes(t, v)
	w, w0, w2 := v.Net.Params.Weight(1), v.Net.Initial.Weight(1), v.Net.Params.Weight(2)
	units, classes := 12, 4
	t.Run("maps", func(t *testing.T) {
		for j := range units {
			for p := range 120 {
				// Two maps of a signed byte per weight, each off by half a step.
				raw, start := float64(w.Data[p*units+j]), float64(w0.Data[p*units+j])
				near(t, "raw", at(got["layer1_map_raw"], j, p), raw, 0.02)
				near(t, "start", at(got["layer1_map_init"], j, p), start, 0.01)
				last := len(got["film_epoch"].([]any)) - 1
				near(t, "last frame", at(got["film_learned"], last, j, p), raw-v.Net.Gamma*start,
					at(got["film_limit"])/254*1.01)
				near(t, "first frame", at(got["film_learned"], 0, j, p), 0, 0)
			}
		}
	})
	t.Run("activations", func(t *testing.T) {
		for j := range units {
			for k := range classes {
				var of []float64
				for i, p := range all {
					if int(labels[i]) == k {
						of = append(of, p.A[0][j])
					}
				}
				slices.Sort(of)
				near(t, "mean", at(got["layer1_activation_by_class_mean"], j, k), sum(of)/float64(len(of)), 1e-5)
				q := func(i int) float64 { return at(got["layer1_activation_by_class_quantiles"], j, k, i) }
				near(t, "least", q(0), of[0], 1e-5)
				near(t, "largest", q(6), of[len(of)-1], 1e-5)
				for i, part := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
					at := part * float64(len(of)-1)
					if lo, hi := of[int(at)], of[int(math.Ceil(at))]; q(i+1) < lo-1e-5 || q(i+1) > hi+1e-5 {
						t.Errorf("neuron %d, class %d: %v of the images below %v, want it from %v to %v", j, k, part,
							q(i+1), lo, hi)
					}
				}
			}
		}
	})
	t.Run("images", func(t *testing.T) {
		for j := range units {
			z := make([]float64, len(all))
			for i, p := range all {
				z[i] = p.Z[0][j]
			}
			sorted := slices.Sorted(slices.Values(z))
			for n := range 8 {
				for _, end := range []struct {
					name string
					want float64
				}{{"most", sorted[len(z)-1-n]}, {"least", sorted[n]}} {
					image := int(at(got["layer1_"+end.name+"_exciting_image"], j, n))
					near(t, end.name+" exciting", at(got["layer1_"+end.name+"_exciting_z"], j, n), end.want, 1e-4)
					near(t, "z of the image named", z[image], end.want, 1e-4)
					near(t, "its label", at(got["layer1_"+end.name+"_exciting_label"], j, n), float64(labels[image]), 0)
				}
			}
		}
	})
	t.Run("evidence", func(t *testing.T) {
		b := v.Net.Params.Bias(2).Data
		for i := range got["why_image"].([]any) {
			p := all[int(at(got["why_image"], i))]
			for k := range classes {
				sum := float64(b[k])
				for j := range units {
					e := at(got["why_evidence"], i, j, k)
					near(t, "evidence", e, p.A[0][j]*float64(w2.Data[j*classes+k]), 1e-5)
					sum += e
				}
				near(t, "Σ e + b", sum, at(got["why_logits"], i, k), 1e-4)
				near(t, "logit", at(got["why_logits"], i, k), p.Z[1][k], 1e-4)
			}
		}
	})
	t.Run("metrics", func(t *testing.T) {
		metrics, err := v.Folder.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range metrics {
			near(t, "epoch", at(got["epoch"], i), float64(m.Epoch), 0)
			near(t, "test accuracy", at(got["epoch_test_accuracy"], i), *m.TestAccuracy, 0)
			near(t, "training loss", at(got["epoch_training_loss"], i), m.Loss, 0)
			near(t, "film's accuracy", at(got["film_accuracy"], i+1), *m.TestAccuracy, 0)
		}
	})
	t.Run("mistakes", func(t *testing.T) {
		wrong := 0
		for i, p := range all {
			if inspect.Descending(p.Z[1])[0] != int(labels[i]) {
				wrong++
			}
		}
		near(t, "mistakes", at(got["mistakes"]), float64(wrong), 0)
		for i := range got["mistake_image"].([]any) {
			z := all[int(at(got["mistake_image"], i))].Z[1]
			label, said := int(at(got["mistake_label"], i)), int(at(got["mistake_predicted"], i))
			near(t, "margin", at(got["mistake_margin"], i), z[said]-z[label], 1e-4)
		}
	})
}

// What the page prints and paints is what the file holds.
func TestReportDataIsThePage(t *testing.T) {
	v, file := shapesReport(t)
	got := reportData(t, v)
	b := openPage(t, file)
	const j = 5
	b.click(fmt.Sprintf("#sheet .tile[data-neuron='%d']", j))
	b.until(fmt.Sprintf("document.getElementById('neuron-name').textContent === 'Neuron %d of hidden layer 1'", j))
	for k, text := range eval[[]string](b, `[...document.querySelectorAll('#neuron-page .bars')].find(t => t.caption.textContent.startsWith('Activation per class'))
		.querySelectorAll('td.number').values().map(e => e.textContent).toArray()`) {
		same(t, "activation per class", text, at(got["layer1_activation_by_class_mean"], j, k), 5.1e-4)
	}
	images := eval[[][]string](b,
		`[...document.querySelectorAll('#neuron-page .thumbs')].map(l => [...l.querySelectorAll('li')].map(e => e.innerText))`)
	if len(images) != 2 || len(images[0]) != 8 || len(images[1]) != 8 {
		t.Fatalf("images %v", images)
	}
	for end, name := range []string{"most", "least"} {
		for n, text := range images[end] {
			class, rest, _ := strings.Cut(text, ": ")
			said := numbersIn(t, rest)
			near(t, "class of an image", float64(slices.Index(v.Classes(), class)),
				at(got["layer1_"+name+"_exciting_label"], j, n), 0)
			z := at(got["layer1_"+name+"_exciting_z"], j, n)
			near(t, "z", said[0], z, 5.1e-3*math.Abs(z))
			near(t, "number of an image", said[1], at(got["layer1_"+name+"_exciting_image"], j, n), 0)
		}
	}
	for chart, names := range map[string][]string{
		"Accuracy": {"test_accuracy", "training_accuracy", "validation_accuracy"},
		"Loss":     {"test_loss", "training_loss", "validation_loss"},
	} {
		rows := eval[[][]string](b, fmt.Sprintf(`(async () => { const f = [...document.querySelectorAll('#training-page figure')].find(f => f.querySelector('h3').textContent === %q);
			f.querySelector('summary').click(); while (!f.querySelector('tbody')) await new Promise(requestAnimationFrame);
			return [...f.querySelectorAll('tbody tr')].map(r => [...r.children].map(c => c.textContent)); })()`, chart))
		if len(rows) != 3 {
			t.Fatalf("%s: rows %v", chart, rows)
		}
		for i, row := range rows {
			same(t, "epoch", row[0], at(got["epoch"], i), 0)
			for c, name := range names {
				want := at(got["epoch_"+name], i)
				within := 5.1e-3 * max(1, want) // three digits
				if chart == "Accuracy" {
					want, within = 100*want, 0.051
				}
				same(t, name, row[c+1], want, within)
			}
		}
	}
	b.pixel("#film-canvas", 0, 0)
	b.until(fmt.Sprintf("document.getElementById('film-canvas').width > %d", strokes.Cols)) // it is unpacked
	limit := at(got["film_limit"])
	for frame := range got["film_epoch"].([]any) {
		eval[bool](b,
			fmt.Sprintf(`(() => { const s = document.getElementById('film-at'); s.value = %d; return s.dispatchEvent(new Event('input')); })()`, frame))
		for _, p := range []int{14, 47, 64} { // of neuron 0, whose tile is the first
			c := render.BlueOrange.At(at(got["film_learned"], frame, 0, p) / limit)
			if has := b.pixel("#film-canvas", p%strokes.Cols, p/strokes.Cols); !close3(has, [3]uint8{c.R, c.G, c.B},
				1) {
				t.Errorf("frame %d, pixel %d: colour %v, want %v", frame, p, has, c)
			}
		}
	}
	b.quiet()
}
