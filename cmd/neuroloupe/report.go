package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

type reportCmd struct {
	viewFlags
}

func (reportCmd) Help() string {
	return `Writes one HTML file with all there is to see of a run: the contact sheet, a table of the neurons that sorts, a page for
each neuron and each class, why the network answers as it does for some images, what it loses without neurons, its mistakes,
its training as curves and as a film, and what the words mean. It opens without a network and loads nothing. Of a layer of
thousands of neurons some things are cut short; the page says which.

Examples:

    neuroloupe report runs/mnist-784-100-10-clear-s1
    neuroloupe report runs/mnist-784-100-10-nielsen1-s1 -o nielsen.html --data nielsen.json
`
}

func (c *reportCmd) Run(a *app) error {
	c.endings = []string{".html", ".htm"}
	return c.with(a, c.run)
}

func (c *reportCmd) run(v *view) error {
	// What is held is few large arrays of numbers, which cost next to nothing to go over; that it may double before they
	// are gone over is most of the memory of a report on thousands of neurons.
	defer debug.SetGCPercent(debug.SetGCPercent(reportGarbage))
	if long := reportSeconds(v.spec(), v.folder.Manifest.Data.Test, runtime.GOMAXPROCS(0)); long > reportNotice {
		v.app.say("a report on %s hidden neurons over %s test images takes about %.0f s",
			words.Thousands(neurons(v.spec())), words.Thousands(v.folder.Manifest.Data.Test), long)
	}
	r, err := v.report()
	if err != nil {
		return err
	}
	if r.Colormap, err = c.colormap(); err != nil {
		return err
	}
	r.Exact = c.Numbers != ""
	var told func(int)
	end := func() {}
	r.Say = func(part string, done, of int) {
		if told == nil {
			told, end = v.app.counter("report", of, func(float64) string { return "" })
		}
		told(done)
	}
	doc, err := page.Collect(v.app.ctx, r)
	end()
	if err != nil {
		return err
	}
	if r.NoData != nil {
		v.app.say("what needs the test images is left out: %s", words.Line(r.NoData))
	}
	out := c.Output
	if out == "" {
		out = filepath.Join(v.folder.Path, "report.html")
	}
	if err := v.app.write(out, func(w io.Writer) error { return page.Write(w, doc) }); err != nil {
		return err
	}
	if c.Numbers != "" {
		if err := c.saveNumbers(v, reportNumbers(doc)); err != nil {
			return err
		}
	}
	if len(doc.Damaged) > 0 {
		return fmt.Errorf("the report is written, but it is partial: %w", errors.Join(doc.Damaged...))
	}
	return nil
}

// reportGarbage is how much garbage there may be, in percent of what is held.
const reportGarbage = 40

// reportNotice is how long a report may take, in seconds, before that is said beforehand.
const reportNotice = 3

// reportSeconds is about how long a report takes: for all test images the network is asked for the values of each layer
// some seven times, and what each neuron does is sorted, which together was 5e-10 s for a weight and an image on a core of
// 2023.
func reportSeconds(s engine.Spec, images, cores int) float64 {
	weights, inputs := 0.0, s.Inputs
	for _, l := range s.Layers {
		weights += float64(inputs) * float64(l.Units)
		inputs = l.Units
	}
	return 5e-10 * weights * float64(images) / float64(cores)
}

// neurons is how many hidden ones a network has.
func neurons(s engine.Spec) int {
	n := 0
	for _, l := range s.Layers[:len(s.Layers)-1] {
		n += l.Units
	}
	return n
}

// report says what a report of the run is made of.
func (v *view) report() (*page.Run, error) {
	m := v.folder.Manifest
	r := &page.Run{
		Title: v.name() + ": " + v.title(), Classes: m.Data.Classes, Subject: v.subject,
		Dead: v.dead(), Facts: v.facts(), Words: reportWords(),
	}
	r.Tests, r.NoData = v.probeTest()
	d, err := v.diagnose()
	if err != nil {
		return nil, err
	}
	for _, row := range d.rows(v)[1:] { // the first names the run
		r.Doctor = append(r.Doctor, page.Fact{Name: row[0], Text: row[1]})
	}
	r.Advice = d.Advice
	if v.data != nil {
		v.data = &examples{test: v.data.test} // the doctor alone asks for the training images
	}
	r.Metrics, r.NoMetrics = v.folder.Metrics()
	v.metricsShort = r.NoMetrics != nil
	r.Accurate, r.Frames = accuracyName(r.Metrics), v.filmFrames(r.Metrics)
	return r, nil
}

// facts are what there is to say of the run itself.
func (v *view) facts() []page.Fact {
	m, s := v.folder.Manifest, v.spec()
	out := s.Layers[len(s.Layers)-1]
	net := fmt.Sprintf("%v, %v hidden, %v outputs", s, s.Layers[0].Activation, out.Activation)
	images := fmt.Sprintf("%d×%d pixels, %d classes: %s", m.Data.Rows, m.Data.Cols, len(m.Data.Classes), strings.Join(m.Data.Classes, ", "))
	accuracy := "not known: the test images cannot be read"
	if score, err := v.score(); err == nil {
		accuracy = fmt.Sprintf("%.2f %% of the test images", 100*score.Accuracy())
	}
	facts := []page.Fact{{Name: "run", Text: v.folder.Path}, {Name: "network", Text: net}}
	if m.Data.Name != "" {
		facts = append(facts, page.Fact{Name: "data", Text: fmt.Sprintf("%s: %s images to train, %s to validate, %s to test",
			m.Data.Title, words.Thousands(m.Data.Train), words.Thousands(m.Data.Validation), words.Thousands(m.Data.Test))})
	}
	facts = append(facts, page.Fact{Name: "images", Text: images}, page.Fact{Name: "accuracy", Text: accuracy})
	if im := m.Import; im != nil {
		facts = append(facts, page.Fact{Name: "made", Text: fmt.Sprintf("elsewhere; imported from %s (%s)", im.File, im.Form)})
	} else {
		t := m.Train
		text := fmt.Sprintf("preset %s, seed %d: %s of batches of %d, %v loss, %v start, %v, η %v", t.Preset, t.Seed, words.Count(t.Epochs, "epoch"),
			t.Batch, t.Loss, t.Init, t.Optimizer, t.LR)
		for _, p := range []struct {
			name  string
			value float64
		}{{"λ", t.L2}, {"L1 λ", t.L1}, {"momentum", t.Momentum}, {"dropout", t.Dropout}} {
			if p.value != 0 {
				text += fmt.Sprintf(", %s %v", p.name, p.value)
			}
		}
		facts = append(facts, page.Fact{Name: "trained", Text: text}, page.Fact{Name: "device", Text: m.Device.ID + " (" + m.Device.Name + ")"})
	}
	return append(facts, page.Fact{Name: "made on", Text: m.Created.Format("2 January 2006, 15:04 MST") + ", version " + m.Version})
}

// filmFrames goes through the first layer's learned maps over training; metrics are those of the run, as far as they are
// known.
func (v *view) filmFrames(metrics []engine.Metrics) page.Frames {
	return func(want func(i, of int) []int, each func(page.Frame)) error {
		var neurons []int
		return v.eachFrame(func(i, of int) bool {
			neurons = want(i, of)
			return neurons != nil
		}, func(f runs.Frame) {
			gamma := v.gammaAt(f, metrics)
			each(page.Frame{
				Epoch: f.Epoch, Gamma: gamma, Accuracy: v.accuracyAt(f.Epoch, metrics),
				Learned: v.mapsAt(f, "learned", gamma, neurons),
			})
		})
	}
}

// reportWords are the words that explain knows.
func reportWords() []page.Word {
	var words []page.Word
	for _, e := range glossary() {
		words = append(words, page.Word{Names: e.words, Text: e.text, Formula: e.formula, Source: e.source, Try: e.try})
	}
	return words
}
