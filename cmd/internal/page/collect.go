package page

import (
	"context"
	"fmt"
	"math"
	"strings"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Run is what a report is made of. The caller keeps it unchanged during Collect.
type Run struct {
	Title   string
	Facts   []Fact
	Doctor  []Fact
	Advice  []string
	Words   []Word
	Classes []string // names of the outputs

	Subject *inspect.Subject // what it is about; not closed
	Dead    []bool           // pixels never inked in training; nil when not known
	Tests   inspect.Probe    // over the test images; counts when NoData is nil
	NoData  error            // why there are no test images; nil when there are

	// Draw makes a picture of the run, whose numbers the page shows too; nobody hears what it says beside.
	Draw func(gallery.Picture) (*gallery.Drawing, error)

	Metrics   []engine.Metrics
	NoMetrics error  // why they cannot be read; nil when they can, or when there are none
	Frames    Frames // of the first layer
	Accurate  string // what the accuracy of the frames is of: "test accuracy"
	Exact     bool   // keep what is packed for the page as it was, too, for whoever asks for the numbers
	Colormap  render.Colormap
	Say       func(part string, done, of int) // told what is being worked out; nil for nobody
}

// collector fills a document.
type collector struct {
	ctx  context.Context
	run  *Run
	doc  *Document
	bank *bank

	done, of int // parts of the work
}

// Collect computes what a page shows. The network must have a hidden layer. What cannot be had is missing from the
// document, with the reason in Missing, and in Damaged when it should have been there; any other failure is an error.
func Collect(ctx context.Context, r *Run) (*Document, error) {
	s := r.Subject
	if err := s.Net.Validate(); err != nil {
		return nil, err
	}
	switch {
	case s.Net.Hidden() < 0:
		return nil, fmt.Errorf("report: %v has no hidden layer, so no hidden neurons to report on", s.Net.Spec)
	case s.Rows*s.Cols != s.Net.Spec.Inputs || len(r.Classes) != s.Net.Spec.Classes():
		return nil, fmt.Errorf("report: images of %d×%d and %d class names for %v", s.Rows, s.Cols, len(r.Classes),
			s.Net.Spec)
	}
	c := &collector{ctx: ctx, run: r, doc: &Document{
		Title: r.Title, Rows: s.Rows, Cols: s.Cols, Classes: r.Classes,
		Facts: r.Facts, Doctor: r.Doctor, Advice: r.Advice, Words: r.Words,
		Colors: palettes(r.Colormap), Missing: map[string]string{},
	}}
	if s.NoStart != nil {
		c.doc.Missing[NeedsStart] = s.NoStart.Error()
	}
	if r.NoData != nil {
		c.doc.Missing[NeedsData] = r.NoData.Error()
	}
	c.doc.Links = map[string]string{}
	for _, w := range r.Words {
		for _, name := range w.Names {
			c.doc.Links[name] = w.ID()
		}
	}
	if r.Dead != nil {
		c.doc.Dead = []int{}
	}
	for p, dead := range r.Dead {
		if dead {
			c.doc.Dead = append(c.doc.Dead, p)
		}
	}
	parts := []struct {
		name string
		fill func() error
	}{
		{"activations", c.observe},
		{"neurons", c.layers},
		{"classes", c.classes},
		{"images", c.why},
		{"training", c.training},
		{"film", c.film},
	}
	if c.of = len(parts); r.NoData == nil {
		c.of += (s.Net.Hidden() + 1) * (len(r.Classes) + 1)
	}
	for _, part := range parts {
		c.tell(part.name)
		if err := part.fill(); err != nil {
			return nil, fmt.Errorf("report: %s: %w", part.name, err)
		}
	}
	if r.NoData == nil {
		var err error
		if c.doc.Images, err = c.bank.pack(); err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
	}
	return c.doc, nil
}

// tell says which part begins.
func (c *collector) tell(part string) {
	if c.run.Say != nil {
		c.run.Say(part, c.done, c.of)
	}
	c.done++
}

// bound notes what a bound cuts short.
func (c *collector) bound(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.doc.Bounds = append(c.doc.Bounds, strings.ToUpper(text[:1])+text[1:]+".")
}

// boundImages notes what is done on fewer images than there are.
func (c *collector) boundImages(l int, what string, images int) {
	if all := c.run.Tests.Data.Len(); images < all {
		c.bound("%s has %s neurons, so %s on %s of the %s test images",
			c.named(l), words.Thousands(c.run.Subject.Net.Spec.Layers[l].Units), what, words.Thousands(images),
			words.Thousands(all))
	}
}

// named is what a sentence calls a hidden layer.
func (c *collector) named(l int) string {
	if c.run.Subject.Net.Hidden() == 0 {
		return "the hidden layer"
	}
	return fmt.Sprintf("hidden layer %d", l+1)
}

// observe runs the network over the test images.
func (c *collector) observe() error {
	spec := c.run.Subject.Net.Spec
	c.doc.Output = Output{
		Activation: spec.Layers[c.run.Subject.Net.Last()].Activation.String(),
		Weights:    Floats(c.run.Subject.Net.Params.Weight(len(spec.Layers)).Data),
		Bias:       numsOf(c.run.Subject.Net.Params.Bias(len(spec.Layers)).Data),
	}
	if c.run.NoData != nil {
		return nil
	}
	c.doc.Tests = c.run.Tests.Data.Len()
	c.bank = &bank{data: c.run.Tests.Data, rows: c.run.Subject.Rows, cols: c.run.Subject.Cols, numbers: map[int]int{}}
	score, err := c.run.Subject.Score(c.ctx)
	if err != nil {
		return err
	}
	c.doc.Output.Confusion, c.doc.Output.Recall = score.Confusion, nums(score.Recall())
	return nil
}

// classes makes the maps of the classes.
func (c *collector) classes() error {
	d, err := c.run.Draw(&gallery.Templates{})
	if err != nil {
		return err
	}
	c.doc.Class = &ClassMaps{Plain: c.pack(mapsIn(d.Numbers, "plain"))}
	if c.run.NoData != nil {
		return nil
	}
	t, err := c.run.Subject.Templates(c.ctx)
	if err != nil {
		return err
	}
	c.doc.Class.Slope, c.doc.Class.SlopeOf = c.pack(mapsIn(d.Numbers, "slope_weighted")), t.SlopedOf.String()
	c.doc.Class.Mean = c.pack(meanImages(c.run.Tests.Data, c.run.Subject.Net.Spec.Inputs,
		c.run.Subject.Net.Spec.Classes()))
	return nil
}

// mapsIn returns maps that a picture holds under a key.
func mapsIn(n *arrays.Set, key string) [][]float32 {
	rows := n.Rows(key)
	maps := make([][]float32, len(rows))
	for k, row := range rows {
		maps[k] = make([]float32, len(row))
		for p, v := range row {
			maps[k][p] = float32(v)
		}
	}
	return maps
}

// meanImages returns the mean image of each class, Classes×Inputs; black for a class without images.
func meanImages(d engine.Data, inputs, classes int) [][]float32 {
	sum, n := make([][]float64, classes), make([]float64, classes)
	for k := range sum {
		sum[k] = make([]float64, inputs)
	}
	for i, k := range d.Labels {
		n[k]++
		for p, b := range d.Images[i*inputs:][:inputs] {
			sum[k][p] += float64(b) / 255
		}
	}
	out := make([][]float32, classes)
	for k := range out {
		out[k] = make([]float32, inputs)
		for p, v := range sum[k] {
			out[k][p] = float32(v / max(1, n[k]))
		}
	}
	return out
}

func (c *collector) training() error {
	for _, m := range c.run.Metrics {
		c.doc.Metrics = append(c.doc.Metrics, Metric{
			Epoch: m.Epoch, Loss: Num(m.Loss), TrainAccuracy: Num(m.TrainAccuracy),
			ValidationLoss: maybe(m.ValidationLoss), TestLoss: maybe(m.TestLoss),
			ValidationAccuracy: maybe(m.ValidationAccuracy), TestAccuracy: maybe(m.TestAccuracy),
		})
	}
	switch {
	case c.run.NoMetrics != nil:
		c.doc.Missing[NeedsCurve] = c.run.NoMetrics.Error()
		c.doc.Damaged = append(c.doc.Damaged, fmt.Errorf("no training curves: %w", c.run.NoMetrics))
	case len(c.doc.Metrics) == 0:
		reason := "the run folder has no metrics.jsonl"
		if c.run.Subject.NoStart != nil {
			reason = "the network was trained elsewhere"
		}
		c.doc.Missing[NeedsCurve] = reason
	}
	return nil
}

func maybe(v *float64) *Num {
	if v == nil {
		return nil
	}
	return new(Num(*v))
}

func numsOf(v []float32) []Num {
	out := make([]Num, len(v))
	for i, x := range v {
		out[i] = Num(x)
	}
	return out
}

// palettes are the colour maps that the reader can choose from, first to begin with.
func palettes(first render.Colormap) []Colors {
	out := []Colors{colors(first)}
	for _, m := range []render.Colormap{render.BlueOrange, render.BlueRed, render.Grey} {
		if m != first {
			out = append(out, colors(m))
		}
	}
	return out
}

// colors returns a colour map's colours for a light and for a dark page. On a dark page the neutral middle of a
// diverging map must be dark too, or a sheet of small weights is a wall of light: there, each side runs from dark grey
// over a strong tone of its hue to a bright one.
func colors(m render.Colormap) Colors {
	ramps := [2][3]rgb{
		{{0x24, 0x24, 0x24}, {0x2b, 0x7a, 0xcf}, {0xae, 0xdc, 0xff}},
		{{0x24, 0x24, 0x24}, {0xd8, 0x6f, 0x18}, {0xff, 0xd4, 0x9a}},
	}
	if m == render.BlueRed {
		ramps[1] = [3]rgb{{0x24, 0x24, 0x24}, {0xd6, 0x4a, 0x45}, {0xff, 0xc4, 0xba}}
	}
	c := Colors{Name: m.String()}
	for i, light := range m.Table() {
		c.Light = append(c.Light, light.R, light.G, light.B)
		if m == render.Grey {
			continue
		}
		side, t := 0, float64(render.Steps-i)/render.Steps
		if t < 0 {
			side, t = 1, -t
		}
		c.Dark = append(c.Dark, between(ramps[side], t)...)
	}
	if m == render.Grey {
		c.Dark = c.Light
	}
	return c
}

type rgb [3]float64

// between returns the colour at t of a ramp with its stops at 0, 1/2 and 1.
func between(ramp [3]rgb, t float64) []byte {
	part := min(1, int(2*t))
	t = 2*t - float64(part)
	out := make([]byte, 3)
	for k := range out {
		out[k] = byte(math.Round(ramp[part][k] + t*(ramp[part+1][k]-ramp[part][k])))
	}
	return out
}
