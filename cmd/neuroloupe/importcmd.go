package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"neuroloupe/cmd/neuroloupe/internal/netfile"
	"neuroloupe/cmd/neuroloupe/internal/recipe"
	"neuroloupe/cmd/neuroloupe/internal/runs"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

type importCmd struct {
	File string `arg:"" help:"The JSON of Nielsen's network2.py, npz, or safetensors."`

	Hidden    *engine.Activation `group:"Network" placeholder:"NAME" help:"Hidden activation: sigmoid (default when the file does not say), tanh, relu or identity."`
	Output    *engine.Activation `group:"Network" placeholder:"NAME" help:"Output activation: sigmoid (default when the file does not say), softmax or identity."`
	Loss      *engine.Loss       `group:"Network" placeholder:"NAME" help:"What it was trained with: quadratic or cross-entropy."`
	Layout    netfile.Layout     `group:"Network" default:"auto" placeholder:"WAY" help:"Which way round its weights are: auto (default, by the shapes), in-out (Keras, scikit-learn) or out-in (Nielsen, PyTorch)."`
	BiasRow   netfile.End        `group:"Network" default:"auto" placeholder:"END" help:"Where its biases are when they are a row or column of the weights: auto (default), first or last."`
	Layers    []string           `group:"Network" placeholder:"fc1,fc2" help:"Names of its layers in order, when their numbers do not say it."`
	Normalize []float64          `group:"Network" placeholder:"MEAN,STD" help:"Its pixels were (pixel/255 − MEAN)/STD: 0.1307,0.3081 in PyTorch's example. Default 0,1; 0,0.00392157 for pixels from 0 to 255."`

	Data    string `group:"Data" placeholder:"NAME|DIR|none" help:"Its data set: mnist (default for 784 inputs and 10 outputs), fashion, a folder with IDX files, or none."`
	Classes []int  `group:"Data" placeholder:"0,1" help:"The labels that its outputs stand for; default all."`
	Image   string `group:"Data" placeholder:"28x28" help:"Rows and columns of its input, without a data set; default square."`

	Out  string `group:"Run" placeholder:"DIR" help:"Run folder; default runs/NAME-OF-THE-FILE."`
	JSON bool   `group:"Run" name:"json" help:"Print one JSON document instead of words."`
}

func (importCmd) Help() string {
	return `Makes a run folder of a network that was trained elsewhere, so that its neurons can be looked at. Its layers are found
by the names and shapes of the file's arrays, whatever else is in it. What a file does not say of itself, its activations
above all, must be given. With a data set the network is tested, which shows whether it
was read as it was meant.

Examples:

    neuroloupe import mynet.json
    neuroloupe import digits.npz --hidden relu --output softmax --out runs/mine
    neuroloupe import model.safetensors --hidden relu --output softmax --normalize 0.1307,0.3081
`
}

// imported is what an import ends with.
type imported struct {
	Run          string   `json:"run"`
	Net          string   `json:"net"`
	Form         string   `json:"form"`
	Layout       string   `json:"layout"`
	Hidden       string   `json:"hidden"`
	Output       string   `json:"output"`
	Loss         string   `json:"loss"`
	TestAccuracy *float64 `json:"test_accuracy"` // null without test images
	Warnings     []string `json:"warnings"`
	Sheet        string   `json:"sheet"`

	tests int
}

func (c *importCmd) Run(a *app) (err error) {
	if n := c.Normalize; len(n) != 0 && (len(n) != 2 || !(n[1] > 0) || math.IsInf(n[1], 0) || math.IsNaN(n[0]) || math.IsInf(n[0], 0)) {
		return usage("--normalize %v: want a mean and a standard deviation above 0, as in 0.1307,0.3081", n)
	}
	net, err := netfile.Read(c.File, netfile.Options{
		Layout: c.Layout, BiasRow: c.BiasRow, Layers: c.Layers, Inputs: pixels(c.Image),
	})
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	m, err := c.manifest(a, net)
	if err != nil {
		return err
	}
	if len(c.Normalize) == 2 {
		net.Normalize(c.Normalize[0], c.Normalize[1])
	}
	out := c.Out
	if out == "" {
		base := filepath.Base(c.File)
		if out, err = freePath(filepath.Join("runs", strings.TrimSuffix(base, filepath.Ext(base)))); err != nil {
			return err
		}
	}
	f, err := runs.ImportNet(out, m, net.Params)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	v, err := openView(a, out, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	r := &imported{
		Run: out, Net: f.Spec.String(), Form: net.Form, Layout: net.Layout.String(),
		Hidden: m.Train.Hidden.String(), Output: m.Train.Output.String(), Loss: m.Train.Loss.String(),
		Warnings: append([]string{}, net.Warnings...), Sheet: f.Sheet(),
	}
	if net.Unsure != "" {
		r.Warnings = append(r.Warnings, net.Unsure)
	}
	if m.Data.Name != "" {
		if err := r.test(v); err != nil {
			return err
		}
	}
	if err := v.drawSheet(); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(r)
	}
	return r.print(a.stdout)
}

// manifest describes the run: the network as the file and the flags say, and its data.
func (c *importCmd) manifest(a *app, net *netfile.Net) (runs.Manifest, error) {
	m := runs.Manifest{Version: version(), Created: time.Now().UTC().Truncate(time.Second)}
	sum, err := sha256File(c.File)
	if err != nil {
		return m, err
	}
	m.Import = &runs.Import{File: c.File, SHA256: sum, Form: net.Form, Layout: net.Layout.String(), Layers: net.Layers, Std: 1}
	if len(c.Normalize) == 2 {
		m.Import.Mean, m.Import.Std = c.Normalize[0], c.Normalize[1]
	}
	if m.Train, err = c.recipe(net); err != nil {
		return m, err
	}
	if m.Data, err = c.data(a, net, &m.Train); err != nil {
		return m, err
	}
	if _, err := m.Spec(); err != nil {
		return m, usageError{err}
	}
	return m, nil
}

// recipe returns what is known of how the network was trained: its functions.
func (c *importCmd) recipe(net *netfile.Net) (recipe.Recipe, error) {
	r := recipe.Recipe{Preset: "imported", Hidden: engine.Sigmoid, Output: engine.Sigmoid, Classes: c.Classes}
	var sizes []string
	for _, n := range net.Sizes {
		sizes = append(sizes, strconv.Itoa(n))
	}
	r.Net = strings.Join(sizes, "-")
	for _, said := range []struct {
		text string
		dst  interface{ UnmarshalText([]byte) error }
	}{{net.Meta.Hidden, &r.Hidden}, {net.Meta.Output, &r.Output}} {
		if said.text == "" {
			continue
		}
		if err := said.dst.UnmarshalText([]byte(said.text)); err != nil {
			return r, fmt.Errorf("import: %s: %w", c.File, err)
		}
	}
	over(&r.Hidden, c.Hidden)
	over(&r.Output, c.Output)
	if r.Output == engine.Softmax {
		r.Loss = engine.CrossEntropy
	}
	if net.Meta.Loss != "" && c.Output == nil {
		if err := r.Loss.UnmarshalText([]byte(net.Meta.Loss)); err != nil {
			return r, fmt.Errorf("import: %s: %w", c.File, err)
		}
	}
	over(&r.Loss, c.Loss)
	return r, nil
}

// data finds the network's data set, and fills in r what depends on it.
func (c *importCmd) data(a *app, net *netfile.Net, r *recipe.Recipe) (runs.Data, error) {
	inputs, outputs := net.Sizes[0], net.Sizes[len(net.Sizes)-1]
	var d *mnist.Dataset
	name, err := dataName(c.Data)
	switch {
	case c.Data == "none":
		return c.noData(net)
	case c.Data != "":
		if err == nil {
			d, err = a.load(name, "")
		}
		if err != nil {
			return runs.Data{}, err
		}
	case inputs != 784 || outputs != 10 && len(c.Classes) != outputs || c.Image != "" && c.Image != "28x28":
		a.say("no data set is known for %s: --data names one, and with it the network is tested", r.Net)
		return c.noData(net)
	default: // MNIST, when it is here
		if d, err = mnist.Load(a.ctx, name, mnist.Options{Offline: true}); err != nil {
			a.say("not tested: %s is not here (%s); neuroloupe data fetch, then import again", name, oneLine(err))
			return c.noData(net)
		}
	}
	r.Split = fmt.Sprintf("%d/0", d.Train.Len()) // how its training images were split is not known
	e, err := cut(d, r)
	if err != nil {
		return runs.Data{}, usageError{err}
	}
	if n := e.train.Pixels(); n != inputs {
		return runs.Data{}, usage("the network takes %d inputs, but an image of %s has %d×%d = %d pixels; give another --data, or none",
			inputs, d.Name, e.train.Rows, e.train.Cols, n)
	}
	if n := len(e.train.Classes); n != outputs {
		return runs.Data{}, usage("the network has %d outputs, but %s has %d classes; say with --classes which labels they stand for, as in 0,1",
			outputs, d.Name, n)
	}
	if c.Image != "" && c.Image != fmt.Sprintf("%dx%d", e.train.Rows, e.train.Cols) {
		return runs.Data{}, usage("--image %s, but the images of %s are %dx%d", c.Image, d.Name, e.train.Rows, e.train.Cols)
	}
	return describe(name, "", e, e.deadPixels()), nil
}

// noData describes the inputs and outputs by what the flags and the file say.
func (c *importCmd) noData(net *netfile.Net) (runs.Data, error) {
	inputs, outputs := net.Sizes[0], net.Sizes[len(net.Sizes)-1]
	d := runs.Data{Title: "unknown data", Rows: 1, Cols: inputs, Classes: net.Meta.Classes}
	if side := int(math.Round(math.Sqrt(float64(inputs)))); side*side == inputs {
		d.Rows, d.Cols = side, side
	}
	image := net.Meta.Image
	if c.Image != "" {
		image = c.Image
	}
	if image != "" {
		rows, cols, ok := strings.Cut(image, "x")
		r, err1 := strconv.Atoi(rows)
		k, err2 := strconv.Atoi(cols)
		if !ok || err1 != nil || err2 != nil || r < 1 || k < 1 || r > inputs || r*k != inputs {
			return d, usage("image %q: want rows x columns of %d inputs, as in %dx%d", image, inputs, d.Rows, d.Cols)
		}
		d.Rows, d.Cols = r, k
	}
	switch {
	case len(c.Classes) > 0 && len(c.Classes) != outputs:
		return d, usage("--classes names %d labels, but the network has %d outputs", len(c.Classes), outputs)
	case len(c.Classes) > 0:
		d.Classes = nil
		for _, k := range c.Classes {
			d.Classes = append(d.Classes, strconv.Itoa(k))
		}
	case len(d.Classes) != outputs:
		d.Classes = nil
		for k := range outputs {
			d.Classes = append(d.Classes, strconv.Itoa(k))
		}
	}
	return d, nil
}

// pixels returns rows·columns of an image as in 28x28, and 0 for anything else.
func pixels(image string) int {
	var rows, cols int
	if n, _ := fmt.Sscanf(image, "%dx%d", &rows, &cols); n != 2 || rows < 1 || cols < 1 || rows > 1<<15 || cols > 1<<15 {
		return 0
	}
	return rows * cols
}

func sha256File(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Bounds of the advice on an imported network.
const (
	wellRead = 0.9  // accuracy from which it is taken as read rightly
	better   = 0.05 // by how much another activation must be more accurate to be named
)

// test runs the network over the test images. A network that is read otherwise than it was meant does badly; test then
// says so, and which other hidden activation does better.
func (r *imported) test(v *view) error {
	test, err := v.test()
	if err != nil {
		return err
	}
	s, err := v.score()
	if err != nil {
		return err
	}
	accuracy := s.Accuracy()
	r.TestAccuracy, r.tests = &accuracy, test.Len()
	if accuracy >= wellRead {
		return nil
	}
	spec := v.spec()
	classes := spec.Classes()
	text := fmt.Sprintf("%.1f %% is little for these images", 100*accuracy)
	if accuracy < 2/float64(classes) {
		text = fmt.Sprintf("%.1f %% is hardly better than guessing, %.0f %% for %d classes: the network is not used as it was trained", 100*accuracy, 100/float64(classes), classes)
	}
	best, at, err := v.bestHidden(test)
	if err != nil {
		return err
	}
	if at > accuracy+better {
		text += fmt.Sprintf(". With --hidden %v it would be %.1f %%: import it again with that", best, 100*at)
	} else {
		text += ". Its pixels may have been scaled otherwise (--normalize), its data set be another (--data), or its training have gone wrong"
		if len(spec.Layers) > 1 {
			text += "; no other --hidden does clearly better"
		}
	}
	r.Warnings = append(r.Warnings, text)
	return nil
}

// bestHidden returns the hidden activation with which the weights do best on some of the test images, and its accuracy
// on all of them.
func (v *view) bestHidden(images *mnist.Set) (best engine.Activation, accuracy float64, err error) {
	with := func(act engine.Activation, images *mnist.Set) (float64, error) {
		spec := v.spec()
		spec.Layers = slices.Clone(spec.Layers)
		for i := range spec.Layers[:len(spec.Layers)-1] {
			spec.Layers[i].Activation = act
		}
		s, err := v.scoreAs(spec, images)
		if err != nil {
			return 0, err
		}
		return s.Accuracy(), nil
	}
	for _, act := range []engine.Activation{engine.Sigmoid, engine.Tanh, engine.ReLU} {
		tried, err := with(act, images.Slice(0, min(images.Len(), 1000)))
		if err != nil {
			return 0, 0, err
		}
		if tried > accuracy {
			best, accuracy = act, tried
		}
	}
	accuracy, err = with(best, images)
	return best, accuracy, err
}

func (r *imported) print(w io.Writer) error {
	rows := [][2]string{
		{"network", fmt.Sprintf("%s, hidden %s, output %s, from %s", r.Net, r.Hidden, r.Output, r.Form)},
		{"weights", map[string]string{"in-out": "were In×Out, one column per neuron", "out-in": "were Out×In, one row per neuron"}[r.Layout]},
	}
	if r.TestAccuracy != nil {
		rows = append(rows, [2]string{"test accuracy", fmt.Sprintf("%.2f %% of %s images", 100**r.TestAccuracy, thousands(float64(r.tests)))})
	} else {
		rows = append(rows, [2]string{"test accuracy", "not tested: no data set"})
	}
	for _, text := range r.Warnings {
		rows = append(rows, [2]string{"WARNING", text})
	}
	rows = append(rows,
		[2]string{"start", "not known, so neither is what training added: sheet draws the weights as they are"},
		[2]string{"run", r.Run},
		[2]string{"sheet", r.Sheet})
	return printRows(w, rows)
}
