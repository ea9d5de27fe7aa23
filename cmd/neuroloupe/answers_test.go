package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"neuroloupe/cmd/internal/adopt"
	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/job"
)

// TestEverybodyGivesTheSameAnswers: where outputs tie in single precision, all that says what a network answers goes by
// the largest z, and so do train's numbers.
func TestEverybodyGivesTheSameAnswers(t *testing.T) {
	relu := []string{"--hidden", "relu", "--output", "sigmoid", "--loss", "quadratic"}
	sigmoid := trained(t, "--net", "120-12-4", "--epochs", "3")
	bent := trained(t, append([]string{"--net", "120-12-4", "--epochs", "3", "--lr", "0.1"}, relu...)...)
	for _, tc := range []struct {
		name  string
		run   string
		scale float32 // of the output layer
		shift float32 // of its biases
		flags []string
	}{
		{"+120", sigmoid, 1, 120, nil},
		{"-120", sigmoid, 1, -120, nil},
		{"+120, cross-entropy", sigmoid, 1, 120, []string{"--loss", "cross-entropy"}},
		{"huge", bent, 1e6, 10, relu},
		{"+120, softmax", sigmoid, 1e-9, 120, []string{"--output", "softmax", "--loss", "quadratic"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := opened(t, tc.run)
			want := answersOf(t, v)
			last := len(v.Spec().Layers)
			params := v.Net.Params.Clone()
			for i := range params.Weight(last).Data {
				params.Weight(last).Data[i] *= tc.scale
			}
			for i := range params.Bias(last).Data {
				params.Bias(last).Data[i] = params.Bias(last).Data[i]*tc.scale + tc.shift*tc.scale
			}
			file := filepath.Join(t.TempDir(), "net.npz")
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := exchange.WriteNPZ(f, v.Spec(), params); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "run")
			args := append([]string{
				"import", file, "--data", v.Folder.Manifest.Data.Name, "--out", dir, "--json",
				"--no-try",
			}, tc.flags...)
			var doc adopt.Result
			if err := json.Unmarshal([]byte(must(t, args...)), &doc); err != nil {
				t.Fatal(err)
			}
			if *doc.TestAccuracy != want.accuracy {
				t.Errorf("import says %v, want %v", *doc.TestAccuracy, want.accuracy)
			}
			want.tied(t, opened(t, dir))
			want.said(t, dir)
		})
	}
	t.Run("train", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "run")
		args := append([]string{
			"train", shapes(t), "--net", "120-300-4", "--epochs", "1", "--init", "normal",
			"--batch", "100", "--lr", "0.001", "--out", dir, "--json",
		}, relu...)
		var doc job.Result
		if err := json.Unmarshal([]byte(must(t, args...)), &doc); err != nil {
			t.Fatal(err)
		}
		v := opened(t, dir)
		want := answersOf(t, v)
		want.tied(t, v)
		if doc.TestAccuracy != want.accuracy {
			t.Errorf("train says %v, want %v", doc.TestAccuracy, want.accuracy)
		}
		want.said(t, dir)
	})
}

// answers are what a network answers for the test images by the z of its float64 passes, and what follows from that.
type answers struct {
	of        []int
	labels    []uint8
	accuracy  float64
	confusion [][]int
}

func answersOf(t *testing.T, v *gallery.View) answers {
	t.Helper()
	all, labels := passes(t, v)
	w := answers{labels: labels, confusion: make([][]int, v.Spec().Classes())}
	for k := range w.confusion {
		w.confusion[k] = make([]int, len(w.confusion))
	}
	right := 0
	for i, p := range all {
		z := p.Z[v.Net.Last()]
		k := slices.Index(z, slices.Max(z))
		w.of = append(w.of, k)
		w.confusion[labels[i]][k]++
		if k == int(labels[i]) {
			right++
		}
	}
	w.accuracy = float64(right) / float64(len(all))
	return w
}

// tied fails the test unless the outputs of some images tie, and their first is not the answer: else nothing is shown.
func (w answers) tied(t *testing.T, v *gallery.View) {
	t.Helper()
	p, err := v.ProbeTest()
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Values(t.Context(), v.Net, v.Net.Last(), false)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range a {
		if slices.Index(row, slices.Max(row)) != w.of[i] {
			return
		}
	}
	t.Fatal("no outputs tie")
}

// said checks what the commands say of a run.
func (w answers) said(t *testing.T, dir string) {
	t.Helper()
	never, recall := []int{}, make([]float64, len(w.confusion))
	for k, row := range w.confusion {
		sum, predicted := 0, 0
		for j, n := range row {
			sum, predicted = sum+n, predicted+w.confusion[j][k]
		}
		recall[k] = float64(row[k]) / float64(sum)
		if predicted == 0 {
			never = append(never, k)
		}
	}
	var d doctor.Diagnosis
	if err := json.Unmarshal([]byte(must(t, "doctor", dir, "--json")), &d); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(d.NeverPredicted) != fmt.Sprint(never) {
		t.Errorf("doctor: never predicted %v, want %v", d.NeverPredicted, never)
	}
	e := shown(t, "errors", dir)
	if got := fmt.Sprint(e["confusion"]); got != fmt.Sprint(w.confusion) {
		t.Errorf("errors: %v, want %v", got, w.confusion)
	}
	a := shown(t, "ablate", dir)
	near(t, "ablate's accuracy", at(a["accuracy"]), w.accuracy, 1e-12)
	r := shown(t, "report", dir)
	if got := fmt.Sprint(r["confusion"]); got != fmt.Sprint(w.confusion) {
		t.Errorf("report: %v, want %v", got, w.confusion)
	}
	for k := range recall {
		near(t, fmt.Sprintf("ablate's recall of %d", k), at(a["recall"], k), recall[k], 1e-12)
		near(t, fmt.Sprintf("report's recall of %d", k), at(r["recall"], k), recall[k], 1e-6)
	}
	for i := range r["why_image"].([]any) {
		if image := int(at(r["why_image"], i)); int(at(r["why_predicted"], i)) != w.of[image] {
			t.Errorf("report: test:%d is read as %v, want %d", image, at(r["why_predicted"], i), w.of[image])
		}
	}
	v := opened(t, dir)
	test, err := v.Test()
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.of {
		if x, err := v.Explain(gallery.Chosen{Label: int(w.labels[i]), Pixels: test.Image(i)}, 0, -1); err != nil ||
			x.Predicted != w.of[i] {
			t.Errorf("test:%d is read as %d, want %d (%v)", i, x.Predicted, w.of[i], err)
		}
	}
	for _, i := range []int{0, 1, 2, 3} {
		image := fmt.Sprintf("test:%d", i)
		var doc gallery.WhyDocument
		if err := json.Unmarshal([]byte(must(t, "why", dir, "--image", image, "--json")), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Predicted != fmt.Sprint(w.of[i]) {
			t.Errorf("why: %s is read as %s, want %d", image, doc.Predicted, w.of[i])
		}
		if got := shown(t, "attribute", dir, "--image", image); int(at(got["predicted"])) != w.of[i] {
			t.Errorf("attribute: %s is read as %v, want %d", image, at(got["predicted"]), w.of[i])
		}
	}
}
