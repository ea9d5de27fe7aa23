package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/engine/safetensors"
)

// shown runs a command that draws, and returns the numbers that it drew.
func shown(t *testing.T, args ...string) map[string]any {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "data.json")
	name := "picture.png"
	switch args[0] {
	case "film":
		name = "film.gif"
	case "report":
		name = "page.html"
	}
	must(t, append(args, "--data", data, "-o", filepath.Join(dir, name))...)
	all := map[string]any{}
	if err := json.Unmarshal(mustRead(t, data), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// at returns a number of an array that was read.
func at(v any, index ...int) float64 {
	for _, i := range index {
		v = v.([]any)[i]
	}
	return v.(float64)
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: got %v, want %v ± %v", what, got, want, within)
	}
}

// trained trains a network on shapes and returns its folder.
func trained(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	must(t, append([]string{"train", shapes(t), "--out", dir}, args...)...)
	return dir
}

// opened opens a run to compute by hand what a command must have drawn.
func opened(t *testing.T, dir string) *gallery.View {
	t.Helper()
	v, err := gallery.Open(t.Context(), dir, "", talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// passes are the float64 passes of all test images.
func passes(t *testing.T, v *gallery.View) (all []inspect.Pass, labels []uint8) {
	t.Helper()
	s, err := v.Test()
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Len() {
		p, err := v.Net.Forward(inspect.Pixels(s.Image(i)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all, s.Labels
}

// Holding a neuron at its mean is the same as cutting it off and adding its mean's share to the next layer's biases; so
// the accuracy lost must be that of a network with such weights.
func TestAblateIsANetworkWithoutTheNeuron(t *testing.T) {
	dir := trained(t, "--net", "120-6-5-4", "--epochs", "30", "--hidden", "tanh", "--lr", "0.1")
	for _, layer := range []int{1, 2} {
		got := shown(t, "ablate", dir, "--layer", strconv.Itoa(layer))
		whole := opened(t, dir)
		score, err := whole.Score()
		if err != nil {
			t.Fatal(err)
		}
		near(t, "accuracy", at(got["accuracy"]), score.Accuracy(), 1e-9)
		changed := 0
		for j := range whole.Spec().Layers[layer-1].Units {
			v := opened(t, dir)
			w, b := v.Net.Params.Weight(layer+1), v.Net.Params.Bias(layer+1)
			for k := range b.Data {
				b.Data[k] += float32(at(got["mean_activation"], j)) * w.Data[j*len(b.Data)+k]
				w.Data[j*len(b.Data)+k] = 0
			}
			without, err := v.Score()
			if err != nil {
				t.Fatal(err)
			}
			// An image whose outputs tie to the last bit may fall on either side.
			near(t, "neuron "+strconv.Itoa(j), at(got["accuracy_lost"], j), score.Accuracy()-without.Accuracy(), 0.0101)
			if score.Accuracy() != without.Accuracy() {
				changed++
			}
		}
		if changed < 3 {
			t.Errorf("layer %d: only %d neurons cost anything; the test shows nothing", layer, changed)
		}
		n := len(got["curve_removed"].([]any))
		for _, curve := range []string{"curve_most_first", "curve_least_first", "curve_random"} {
			near(t, curve+" at its start", at(got[curve], 0), 100*score.Accuracy(), 1e-9)
			near(t, curve+" at its end", at(got[curve], n-1), at(got["curve_random"], n-1), 1e-9) // all are without all
		}
	}
}

// A run whose neurons are in another order, one of them with its sign turned, is the same run.
func TestCompareFindsAPermutation(t *testing.T) {
	a := trained(t, "--net", "120-9-4", "--epochs", "3")
	b := filepath.Join(t.TempDir(), "permuted")
	if err := os.CopyFS(b, os.DirFS(a)); err != nil {
		t.Fatal(err)
	}
	order := []int{3, 0, 8, 1, 7, 2, 6, 4, 5} // neuron j of a is order[j] of b
	for _, file := range []string{"weights.safetensors", "initial.safetensors"} {
		tensors, meta, err := safetensors.ReadFile(filepath.Join(b, file))
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range tensors {
			if len(p.Shape) != 2 || p.Shape[0] != 120 {
				continue
			}
			w := slices.Clone(p.Data)
			for at, v := range p.Data {
				in, j := at/9, at%9
				if j == 4 {
					v = -v
				}
				w[in*9+order[j]] = v
			}
			tensors[i].Data = w
		}
		if err := safetensors.WriteFile(filepath.Join(b, file), tensors, meta); err != nil {
			t.Fatal(err)
		}
	}
	for _, show := range []string{"raw", "learned", "init"} {
		got := shown(t, "compare", a, b, "--show", show)
		for j, want := range order {
			r := 1.0
			if j == 4 {
				r = -1
			}
			if int(at(got["b"], j)) != want {
				t.Errorf("%s: neuron %d is paired with %v, want %d", show, j, at(got["b"], j), want)
			}
			near(t, show+": correlation", at(got["correlation"], j), r, 1e-6)
			for p := range 120 {
				near(t, show+": difference", at(got["difference"], j, p), 0, 1e-6)
			}
		}
		if c := at(got["mean_control"]); c > at(got["mean"])-0.01 {
			t.Errorf("%s: the control finds the turned maps alike, %v", show, c)
		}
	}
}

// The film begins at the start and ends at the weights that the run hands out, with the γ that training followed.
func TestFilmFramesAreTheRun(t *testing.T) {
	dir := trained(t, "--net", "120-9-4", "--epochs", "3", "--l2", "5", "--schedule", "constant")
	v := opened(t, dir)
	w, w0 := v.Net.Params.Weight(1), v.Net.Initial.Weight(1)
	raw, learned := shown(t, "film", dir, "--show", "raw"), shown(t, "film", dir)
	for e := range 4 {
		near(t, "epoch", at(raw["epoch"], e), float64(e), 0)
	}
	metrics, err := v.Folder.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for e, m := range metrics {
		near(t, "γ", at(learned["gamma"], e+1), math.Pow(1-0.5*5/250, float64(25*(e+1))), 1e-5) // 25 steps an epoch
		near(t, "accuracy", at(raw["accuracy"], e+1), *m.TestAccuracy, 0)
	}
	for j := range 9 {
		for p := range 120 {
			start, end := float64(w0.Data[p*9+j]), float64(w.Data[p*9+j])
			near(t, "first raw frame", at(raw["maps"], 0, j, p), start, 0)
			near(t, "last raw frame", at(raw["maps"], 3, j, p), end, 0)
			near(t, "first learned frame", at(learned["maps"], 0, j, p), 0, 0)
			near(t, "last learned frame", at(learned["maps"], 3, j, p), end-at(learned["gamma"], 3)*start, 1e-6)
		}
	}
}

// The map of a neuron of the second layer is the chain rule with mean slopes, worked out here by hand.
func TestSheetOfADeeperLayer(t *testing.T) {
	dir := trained(t, "--net", "120-7-5-4", "--epochs", "4")
	v := opened(t, dir)
	all, _ := passes(t, v)
	slope := make([]float64, 7)
	for _, p := range all {
		for i, a := range p.A[0] {
			slope[i] += a * (1 - a) / float64(len(all))
		}
	}
	w1, w2, w0 := v.Net.Params.Weight(1), v.Net.Params.Weight(2), v.Net.Initial.Weight(1)
	got := shown(t, "sheet", dir, "--layer", "2", "--show", "all", "--order", "norm")
	for row := range 5 {
		j := int(at(got["neuron"], row))
		for p := range 120 {
			var raw, learned float64
			for i := range 7 {
				rest := slope[i] * float64(w2.Data[i*5+j])
				raw += float64(w1.Data[p*7+i]) * rest
				learned += (float64(w1.Data[p*7+i]) - v.Net.Gamma*float64(w0.Data[p*7+i])) * rest
			}
			near(t, "raw", at(got["raw"], row, p), raw, 1e-5)
			near(t, "learned", at(got["learned"], row, p), learned, 1e-5)
		}
		if row > 0 && at(got["learned_norm"], row) > at(got["learned_norm"], row-1) {
			t.Error("not in the order of the norm")
		}
	}
}

// What a made-up image is said to reach is what the network makes of it; the data's best image is the best.
func TestDreamValues(t *testing.T) {
	dir := trained(t, "--net", "120-9-4", "--epochs", "5")
	v := opened(t, dir)
	all, _ := passes(t, v)
	got := shown(t, "dream", dir, "--top", "9")
	for _, part := range []struct {
		name  string
		layer int
	}{{"output", 1}, {"neuron", 0}} {
		for i := range got[part.name].([]any) {
			unit, x := int(at(got[part.name], i)), make([]float64, 120)
			for p := range x {
				x[p] = at(got[part.name+"_image"], i, p)
			}
			pass, err := v.Net.Forward(x)
			if err != nil {
				t.Fatal(err)
			}
			near(t, part.name+" reached", at(got[part.name+"_value"], i), pass.Z[part.layer][unit], 1e-4)
			best := math.Inf(-1)
			for _, p := range all {
				best = max(best, p.Z[part.layer][unit])
			}
			near(t, part.name+" of the best image", at(got[part.name+"_value_at_best"], i), best, 1e-4)
			if at(got[part.name+"_value"], i) <= at(got[part.name+"_value_at_mean_image"], i) {
				t.Errorf("%s %d: the made-up image excites it no more than the mean image", part.name, unit)
			}
		}
	}
}

// Mistakes are the images whose largest output is another's, worst first; the drives add up to what the outputs differ
// by beyond the mean.
func TestErrorsAreTheMistakes(t *testing.T) {
	dir := trained(t, "--net", "120-9-4", "--epochs", "1", "--lr", "0.1")
	v := opened(t, dir)
	all, labels := passes(t, v)
	mean := make([]float64, 9)
	wrong := map[int]int{}
	for i, p := range all {
		for j, a := range p.A[0] {
			mean[j] += a / float64(len(all))
		}
		if k := inspect.Descending(p.Z[1])[0]; k != int(labels[i]) {
			wrong[i] = k
		}
	}
	got := shown(t, "errors", dir, "--top", "3")
	if n := len(got["image"].([]any)); n != len(wrong) || n < 4 {
		t.Fatalf("%d mistakes, want %d and at least 4", n, len(wrong))
	}
	w := v.Net.Params.Weight(2).Data
	for i := range got["image"].([]any) {
		image, predicted := int(at(got["image"], i)), int(at(got["predicted"], i))
		if k, ok := wrong[image]; !ok || k != predicted {
			t.Errorf("test:%d is said to be taken for %d, want %d", image, predicted, k)
		}
		if i > 0 && at(got["loss"], i) > at(got["loss"], i-1) {
			t.Error("not worst first")
		}
		if i >= 3 {
			continue
		}
		for j := range 9 {
			want := float64(w[j*4+predicted]-w[j*4+int(labels[image])]) * (all[image].A[0][j] - mean[j])
			near(t, "drive", at(got["drive"], i, j), want, 1e-5)
		}
	}
}

// What is shared out adds up to the difference of the outputs for the image and for a black one.
func TestAttributeAddsUp(t *testing.T) {
	dir := trained(t, "--net", "120-9-6-4", "--epochs", "5")
	v := opened(t, dir)
	all, _ := passes(t, v)
	black, err := v.Net.Forward(make([]float64, 120))
	if err != nil {
		t.Fatal(err)
	}
	got := shown(t, "attribute", dir, "--image", "test:5", "--class", "1", "--not", "2")
	var sum float64
	for p := range 120 {
		sum += at(got["integrated_gradients"], p)
	}
	z := all[5].Z[2]
	near(t, "Σ of integrated gradients", sum, (z[1]-z[2])-(black.Z[2][1]-black.Z[2][2]), 1e-2)
}

// The doctor's ρ of each layer is that of its neurons' own weights.
func TestDoctorLooksAtEachLayer(t *testing.T) {
	dir := trained(t, "--net", "120-9-6-4", "--epochs", "2", "--init", "normal")
	v := opened(t, dir)
	var d doctor.Diagnosis
	if err := json.Unmarshal([]byte(must(t, "doctor", dir, "--json")), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Layers) != 3 || d.Layers[2].Saturated != nil {
		t.Fatalf("layers: %+v", d.Layers)
	}
	sum := 0
	for l, f := range d.Layers {
		w, w0 := v.Net.Params.Weight(l+1), v.Net.Initial.Weight(l+1)
		var rho []float64
		for j := range f.Neurons {
			a, b := column(w, j), column(w0, j)
			r := inspect.Correlation(a, b)
			rho = append(rho, r*r)
		}
		near(t, "ρ", *f.RhoMedian, inspect.Median(rho), 1e-6)
		if f.Saturated != nil {
			sum += *f.Saturated
		}
	}
	if *d.Saturated != sum {
		t.Errorf("%d saturated, the layers have %d", *d.Saturated, sum)
	}
}

func column(t engine.Tensor, j int) []float64 {
	var c []float64
	for i := j; i < len(t.Data); i += t.Shape[1] {
		c = append(c, float64(t.Data[i]))
	}
	return c
}

// A sheet is to take no more than 0.3 s after start.
func BenchmarkSheet(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "run")
	if _, code := quiet("data", "fetch"); code != exitDone {
		b.Skip("MNIST cannot be had")
	}
	if talk, code := quiet("train", "--net", "784-100-10", "--epochs", "1", "--split", "1000/1000", "--out",
		dir); code != exitDone {
		b.Fatal(talk)
	}
	for b.Loop() {
		if talk, code := quiet("sheet", dir); code != exitDone {
			b.Fatal(talk)
		}
	}
}

// quiet runs the program in this process and returns what it says.
func quiet(args ...string) (string, int) {
	var out bytes.Buffer
	code := run(args, &out, &out)
	return out.String(), code
}

func sum[T float32 | float64](v []T) (s float64) {
	for _, x := range v {
		s += float64(x)
	}
	return s
}
