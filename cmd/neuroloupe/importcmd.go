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

	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

type importCmd struct {
	File string `arg:"" help:"The JSON of Nielsen's network2.py, npz, or safetensors."`

	Hidden    *engine.Activation `group:"Network" placeholder:"NAME" help:"Hidden activation: sigmoid (default when the file does not say), tanh, relu or identity."`
	Output    *engine.Activation `group:"Network" placeholder:"NAME" help:"Output activation: sigmoid (default when the file does not say), softmax or identity."`
	Loss      *engine.Loss       `group:"Network" placeholder:"NAME" help:"What it was trained with: quadratic or cross-entropy."`
	Layout    exchange.Layout    `group:"Network" default:"auto" placeholder:"WAY" help:"Which way round its weights are: auto (default, by the shapes), in-out (Keras, scikit-learn) or out-in (Nielsen, PyTorch)."`
	BiasRow   exchange.End       `group:"Network" default:"auto" placeholder:"END" help:"Where its biases are when they are a row or column of the weights: auto (default), first or last."`
	Layers    []string           `group:"Network" placeholder:"fc1,fc2" help:"Names of its layers in order, when their numbers do not say it."`
	Normalize []float64          `group:"Network" placeholder:"MEAN,STD" help:"Its pixels were (pixel/255 − MEAN)/STD: 0.1307,0.3081 in PyTorch's example, 0,0.00392157 for pixels from 0 to 255. Default 0,1."`
	Transpose *bool              `group:"Network" negatable:"" help:"Its images were transposed, columns first, as MATLAB and EMNIST's files have them."`
	Flip      *flip              `group:"Network" placeholder:"WAY" help:"Its images were mirrored: rows (the last row first), cols, both, or none."`
	Invert    *bool              `group:"Network" negatable:"" help:"Its ink was 0 and its paper 1."`
	Try       bool               `group:"Network" default:"true" negatable:"" help:"Try on the test images what nothing says, and take what is clearly right (default)."`

	Data    string `group:"Data" placeholder:"NAME|DIR|none" help:"Its data set: mnist (default for 784 inputs and 10 outputs), fashion, a folder with IDX files, or none."`
	Classes []int  `group:"Data" placeholder:"0,1" help:"The labels that its outputs stand for; default all."`
	Image   string `group:"Data" placeholder:"28x28" help:"Rows and columns of its input, without a data set; default square."`

	Out  string `group:"Run" placeholder:"DIR" help:"Run folder; default runs/NAME-OF-THE-FILE."`
	JSON bool   `group:"Run" name:"json" help:"Print one JSON document instead of words."`
}

func (importCmd) Help() string {
	return `Makes a run folder of a network that was trained elsewhere, so that its neurons can be looked at. Its layers are found
by the names and shapes of the file's arrays, whatever else is in it. What a file does not say of itself, its activations
above all, can be given. With a data set the network is tested, and what neither the file nor a flag says is tried: other
activations, scalings of the pixels, transposed, mirrored and inverted images, other orders of the classes. What is clearly
right is taken and said; --no-try takes the file as it is.

Examples:

    neuroloupe import mynet.json
    neuroloupe import digits.npz --hidden relu --output softmax --out runs/mine
    neuroloupe import model.safetensors --hidden relu --output softmax --normalize 0.1307,0.3081
    neuroloupe import letters.npz --data ~/emnist-letters --transpose
`
}

func (c *importCmd) check() error {
	if n := c.Normalize; len(n) != 0 && (len(n) != 2 || !(n[1] > 0) || math.IsInf(n[1], 0) || math.IsNaN(n[0]) || math.IsInf(n[0], 0)) {
		return usage("--normalize %v: want a mean and a standard deviation above 0, as in 0.1307,0.3081", n)
	}
	return checkClasses(c.Classes)
}

func (c *importCmd) Run(a *app) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	net, err := exchange.Read(c.File, exchange.Options{
		Layout: c.Layout, BiasRow: c.BiasRow, Layers: c.Layers, Inputs: pixels(c.Image),
	})
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	s, err := c.subject(a, net)
	if err != nil {
		return err
	}
	if c.Try && s.data != nil && s.data.test.Len() > 0 {
		if err := s.try(a.ctx); err != nil {
			return err
		}
	}
	s.taken.record(s.manifest.Import)
	s.manifest.Train.Hidden = s.taken.hidden
	net = s.nets[s.taken.net]
	s.manifest.Import.Layout, s.manifest.Import.Layers = net.Layout.String(), net.Layers
	params := s.taken.fold(net.Params, s.manifest.Data.Rows, s.manifest.Data.Cols)

	out := c.Out
	if out == "" {
		base := filepath.Base(c.File)
		if out, err = runs.NewFolder(filepath.Join("runs", strings.TrimSuffix(base, filepath.Ext(base)))); err != nil {
			return err
		}
	}
	f, err := runs.ImportNet(out, s.manifest, params)
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
	r, err := s.result(v)
	if err != nil {
		return err
	}
	if err := v.drawSheet(); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(r)
	}
	return r.print(a.stdout)
}

// subject is a network that is being imported: the readings of its file, its data, and what was found by trying.
type subject struct {
	c        *importCmd
	meta     exchange.Meta
	manifest runs.Manifest
	nets     []*exchange.Net // the readings that fit the data, the likeliest first
	netFlags []string        // the flags that ask for each
	how      []string        // how each was read; empty where there is one way
	data     *examples       // nil without a data set
	notes    []string

	said  reading
	taken reading
	ts    []trial // all that was tried, said first; none without test images
	found
}

// subject describes the run: the network as the file and the flags say, and its data.
func (c *importCmd) subject(a *app, net *exchange.Net) (*subject, error) {
	s := &subject{c: c, meta: net.Meta, manifest: runs.Manifest{Version: version(), Created: time.Now().UTC().Truncate(time.Second)}}
	m := &s.manifest
	sum, err := sha256File(c.File)
	if err != nil {
		return nil, err
	}
	m.Import = &runs.Import{File: c.File, SHA256: sum, Form: net.Form}
	if m.Train, err = c.recipe(net); err != nil {
		return nil, err
	}
	if err := s.find(a, net); err != nil {
		return nil, err
	}
	if s.data == nil {
		s.nets, s.netFlags, s.how = []*exchange.Net{net}, []string{""}, []string{net.How}
		if m.Data, err = c.noData(net); err != nil {
			return nil, err
		}
	}
	m.Train.Net = sizesText(s.nets[0].Sizes)
	if _, err := m.Spec(); err != nil {
		return nil, usageError{err}
	}
	s.said = c.asSaid(m.Train.Hidden)
	s.taken = s.said
	return s, nil
}

func sizesText(sizes []int) string {
	return strings.ReplaceAll(commas(sizes), ",", "-")
}

// recipe returns what is known of how the network was trained: its functions.
func (c *importCmd) recipe(net *exchange.Net) (runs.Recipe, error) {
	r := runs.Recipe{Preset: "imported", Hidden: engine.Sigmoid, Output: engine.Sigmoid, Classes: c.Classes}
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

// find loads the network's data set and the readings of the file that fit it. s.data stays nil when there is none.
func (s *subject) find(a *app, net *exchange.Net) error {
	c, r := s.c, &s.manifest.Train
	shapes := [][]int{net.Sizes}
	for _, o := range net.Others {
		shapes = append(shapes, o.Sizes)
	}
	fits := func(sizes []int, inputs, outputs int) bool {
		return sizes[0] == inputs && sizes[len(sizes)-1] == outputs
	}
	outputs := net.Sizes[len(net.Sizes)-1]
	name, err := dataName(c.Data)
	var d *mnist.Dataset
	switch {
	case c.Data == "none":
		return nil
	case c.Data != "":
		if err == nil {
			d, err = a.load(name, "")
		}
		if err != nil {
			return err
		}
	case c.Image != "" && c.Image != "28x28" || !slices.ContainsFunc(shapes, func(sizes []int) bool {
		return fits(sizes, 784, 10) || len(c.Classes) > 0 && fits(sizes, 784, len(c.Classes))
	}):
		a.say("no data set is known for %s: --data names one, and with it the network is tested", sizesText(net.Sizes))
		return nil
	default: // MNIST, when it is here
		if d, err = mnist.Load(a.ctx, name, mnist.Options{Offline: true}); err != nil && !isMissing(err) {
			return err
		} else if err != nil {
			a.say("not tested: %s is not here (%s); neuroloupe data fetch, then import again", name, words.Line(err))
			return nil
		}
	}
	r.Split = fmt.Sprintf("%d/0", d.Train.Len()) // how its training images were split is not known
	if used := usedLabels(d); len(c.Classes) == 0 && len(used) < len(d.Train.Classes) && len(used) == outputs {
		r.Classes = used
		s.notes = append(s.notes, fmt.Sprintf("its %d outputs are taken for the labels that have images: --classes %s", outputs,
			commas(used)))
	}
	e, err := cut(d, r)
	if err != nil {
		return usageError{err}
	}
	pixels, classes := e.train.Pixels(), len(e.train.Classes)
	for i, sizes := range shapes {
		switch {
		case !fits(sizes, pixels, classes):
		case i == 0:
			s.nets, s.netFlags, s.how = append(s.nets, net), append(s.netFlags, ""), append(s.how, net.How)
		default:
			o := net.Others[i-1]
			s.nets, s.netFlags, s.how = append(s.nets, o.Net()), append(s.netFlags, o.Flags), append(s.how, o.How)
		}
	}
	switch {
	case len(s.nets) > 0:
	case net.Sizes[0] != pixels:
		return usage("the network takes %d inputs, but an image of %s has %d×%d = %d pixels; give another --data, or none",
			net.Sizes[0], d.Name, e.train.Rows, e.train.Cols, pixels)
	default:
		return usage("the network has %d outputs, but %s has %d classes; say with --classes which labels they stand for, as in 0,1",
			outputs, d.Name, classes)
	}
	if c.Image != "" && c.Image != fmt.Sprintf("%dx%d", e.train.Rows, e.train.Cols) {
		return usage("--image %s, but the images of %s are %dx%d", c.Image, d.Name, e.train.Rows, e.train.Cols)
	}
	s.data = e
	s.manifest.Data = describe(name, "", e, e.deadPixels())
	return nil
}

// usedLabels are the labels that training and test images have.
func usedLabels(d *mnist.Dataset) []int {
	var used []int
	tests := d.Test.ClassCounts()
	for k, n := range d.Train.ClassCounts() {
		if n > 0 && tests[k] > 0 {
			used = append(used, k)
		}
	}
	return used
}

// noData describes the inputs and outputs by what the flags and the file say.
func (c *importCmd) noData(net *exchange.Net) (runs.Data, error) {
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
