package page

import (
	"fmt"
	"strings"

	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/glossary"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// Seconds is about how long a report takes: for all test images the network is asked for the values of each layer
// some seven times, and what each neuron does is sorted, which together was 5e-10 s for a weight and an image on a core
// of 2023.
func Seconds(s engine.Spec, images, cores int) float64 {
	weights, inputs := 0.0, s.Inputs
	for _, l := range s.Layers {
		weights += float64(inputs) * float64(l.Units)
		inputs = l.Units
	}
	return 5e-10 * weights * float64(images) / float64(cores)
}

// Neurons is how many hidden ones a network has.
func Neurons(s engine.Spec) int {
	n := 0
	for _, l := range s.Layers[:len(s.Layers)-1] {
		n += l.Units
	}
	return n
}

// Of says what a report of a run is made of.
func Of(v *gallery.View) (*Run, error) {
	m := v.Folder.Manifest
	r := &Run{
		Title: v.Name() + ": " + v.Title(), Classes: m.Data.Classes, Subject: v.Subject,
		Dead: v.Dead(), Facts: facts(v), Words: reportWords(),
	}
	silent := v.Silent()
	r.Draw = func(p gallery.Picture) (*gallery.Drawing, error) { return p.Draw(silent) }
	r.Tests, r.NoData = v.ProbeTest()
	d, err := doctor.Diagnose(v)
	if err != nil {
		return nil, err
	}
	for _, row := range d.Rows(v)[1:] { // the first names the run
		r.Doctor = append(r.Doctor, Fact{Name: row[0], Text: row[1]})
	}
	r.Advice = d.Advice
	v.ForgetTraining() // the doctor alone asks for the training images
	r.Metrics, r.NoMetrics = v.Folder.Metrics()
	if r.NoMetrics != nil {
		v.MetricsKnown()
	}
	r.Accurate, r.Frames = gallery.AccuracyName(r.Metrics), framesOf(v, r.Metrics)
	return r, nil
}

// facts are what there is to say of the run itself.
func facts(v *gallery.View) []Fact {
	m, s := v.Folder.Manifest, v.Spec()
	out := s.Layers[len(s.Layers)-1]
	net := fmt.Sprintf("%v, %v hidden, %v outputs", s, s.Layers[0].Activation, out.Activation)
	images := fmt.Sprintf("%v pixels, %d classes: %s", v.Shape(), len(m.Data.Classes),
		strings.Join(m.Data.Classes, ", "))
	accuracy := "not known: the test images cannot be read"
	if score, err := v.Score(); err == nil {
		accuracy = fmt.Sprintf("%.2f %% of the test images", 100*score.Accuracy())
	}
	facts := []Fact{{Name: "run", Text: v.Folder.Path}, {Name: "network", Text: net}}
	if m.Data.Name != "" {
		facts = append(facts, Fact{Name: "data", Text: fmt.Sprintf("%s: %s images to train, %s to validate, %s to test",
			m.Data.Title, words.Thousands(m.Data.Train), words.Thousands(m.Data.Validation),
			words.Thousands(m.Data.Test))})
	}
	facts = append(facts, Fact{Name: "images", Text: images}, Fact{Name: "accuracy", Text: accuracy})
	if im := m.Import; im != nil {
		facts = append(facts, Fact{Name: "made", Text: fmt.Sprintf("elsewhere; imported from %s (%s)", im.File,
			im.Form)})
	} else {
		t := m.Train
		text := fmt.Sprintf("preset %s, seed %d: %s of batches of %d, %v loss, %v start, %v, η %v", t.Preset, t.Seed,
			words.Count(t.Epochs, "epoch"),
			t.Batch, t.Loss, t.Init, t.Optimizer, t.LR)
		for _, p := range []struct {
			name  string
			value float64
		}{{"λ", t.L2}, {"L1 λ", t.L1}, {"momentum", t.Momentum}, {"dropout", t.Dropout}} {
			if p.value != 0 {
				text += fmt.Sprintf(", %s %v", p.name, p.value)
			}
		}
		facts = append(facts, Fact{Name: "trained", Text: text},
			Fact{Name: "device", Text: m.Device.ID + " (" + m.Device.Name + ")"})
	}
	return append(facts, Fact{Name: "made on", Text: m.Created.Format("2 January 2006, 15:04 MST") + ", version " +
		m.Version})
}

// framesOf goes through the first layer's learned maps over training; metrics are those of the run, as far as they are
// known.
func framesOf(v *gallery.View, metrics []engine.Metrics) Frames {
	return func(want func(i, of int) []int, each func(Frame)) error {
		var neurons []int
		return v.EachFrame(func(i, of int) bool {
			neurons = want(i, of)
			return neurons != nil
		}, func(f runs.Frame) {
			gamma := v.GammaAt(f, metrics)
			each(Frame{
				Epoch: f.Epoch, Gamma: gamma, Accuracy: v.AccuracyAt(f.Epoch, metrics),
				Learned: v.MapsAt(f, "learned", gamma, neurons),
			})
		})
	}
}

// reportWords are the words that explain knows.
func reportWords() []Word {
	var words []Word
	for _, e := range glossary.All() {
		words = append(words, Word{Names: e.Words, Text: e.Text, Formula: e.Formula, Source: e.Source, Try: e.Try})
	}
	return words
}
