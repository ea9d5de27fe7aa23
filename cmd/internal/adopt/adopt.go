// Package adopt makes a run of a network that was trained elsewhere: it reads the file, and finds out on the test
// images how the network takes them where nothing says so.
package adopt

import (
	"context"
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

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// Order is a network to make a run of: a file, and what is known of it that the file does not say. nil and "" are what
// is not known.
type Order struct {
	File string

	Hidden    *engine.Activation
	Output    *engine.Activation
	Loss      *engine.Loss
	Layout    exchange.Layout
	BiasRow   exchange.End
	Layers    []string  // names of its layers in order
	Normalize []float64 // mean and standard deviation that its pixels were scaled by; none for pixels from 0 to 1
	Transpose *bool
	Flip      *Flip
	Invert    *bool
	Try       bool // try on the test images what nothing says, and take what is clearly right

	Data    string // its data set: a name, a folder, or none
	Classes []int  // labels that its outputs stand for; none for all
	Image   string // rows and columns of its input, as in 28x28

	Out     string // the folder to make; "" for one under runs/ that is named after the file
	Version string // of the program

	Load func(name string) (*mnist.Dataset, error) // reads a data set that Data names, from wherever it is
}

func (c *Order) check() error {
	if n := c.Normalize; len(n) != 0 && (len(n) != 2 || !(n[1] > 0) || math.IsInf(n[1], 0) || math.IsNaN(n[0]) ||
		math.IsInf(n[0], 0)) {
		return talk.Usage("--normalize %v: want a mean and a standard deviation above 0, as in 0.1307,0.3081", n)
	}
	return dataset.CheckClasses(c.Classes)
}

// Import makes a run folder of a network from elsewhere, tests it and draws its sheet.
func Import(ctx context.Context, c Order, t talk.Talk) (_ *Result, err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	net, err := exchange.Read(c.File, exchange.Options{
		Layout: c.Layout, BiasRow: c.BiasRow, Layers: c.Layers, Inputs: pixels(c.Image),
	})
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	s, err := c.begin(ctx, t, net)
	if err != nil {
		return nil, err
	}
	if c.Try && s.data != nil && s.data.Test.Len() > 0 {
		if err := s.try(ctx); err != nil {
			return nil, err
		}
	}
	s.taken.record(s.manifest.Import)
	s.manifest.Train.Hidden = s.taken.hidden
	net = s.nets[s.taken.net]
	s.manifest.Import.Layout, s.manifest.Import.Layers = net.Layout.String(), net.Layers
	params := s.taken.fold(net.Params, dataset.ShapeOf(s.manifest.Data))

	out := c.Out
	if out == "" {
		base := filepath.Base(c.File)
		if out, err = runs.NewFolder(filepath.Join("runs", strings.TrimSuffix(base, filepath.Ext(base)))); err != nil {
			return nil, err
		}
	}
	f, err := runs.ImportNet(out, s.manifest, params)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	v, err := gallery.Open(ctx, out, "", t)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	r, err := s.result(v)
	if err != nil {
		return nil, err
	}
	return r, v.WriteSheet()
}

// importing is a network that is being imported: the readings of its file, its data, and what was found by trying.
type importing struct {
	c        *Order
	meta     exchange.Meta
	manifest runs.Manifest
	nets     []*exchange.Net   // the readings that fit the data, the likeliest first
	netFlags []string          // the flags that ask for each
	how      []string          // how each was read; empty where there is one way
	data     *dataset.Examples // nil without a data set
	notes    []string

	said  reading
	taken reading
	ts    []trial // all that was tried, said first; none without test images
	found
}

// begin describes the run: the network as the file and the flags say, and its data.
func (c *Order) begin(ctx context.Context, t talk.Talk, net *exchange.Net) (*importing, error) {
	s := &importing{c: c, meta: net.Meta, manifest: runs.Manifest{
		Version: c.Version,
		Created: time.Now().UTC().Truncate(time.Second),
	}}
	m := &s.manifest
	sum, err := sha256File(c.File)
	if err != nil {
		return nil, err
	}
	m.Import = &runs.Import{File: c.File, SHA256: sum, Form: net.Form}
	if m.Train, err = c.recipe(net); err != nil {
		return nil, err
	}
	if err := s.find(ctx, t, net); err != nil {
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
		return nil, talk.UsageError{Err: err}
	}
	s.said = c.asSaid(m.Train.Hidden)
	s.taken = s.said
	return s, nil
}

func sizesText(sizes []int) string {
	return strings.ReplaceAll(words.Commas(sizes), ",", "-")
}

// recipe returns what is known of how the network was trained: its functions.
func (c *Order) recipe(net *exchange.Net) (runs.Recipe, error) {
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
	runs.Over(&r.Hidden, c.Hidden)
	runs.Over(&r.Output, c.Output)
	if r.Output == engine.Softmax {
		r.Loss = engine.CrossEntropy
	}
	if net.Meta.Loss != "" && c.Output == nil {
		if err := r.Loss.UnmarshalText([]byte(net.Meta.Loss)); err != nil {
			return r, fmt.Errorf("import: %s: %w", c.File, err)
		}
	}
	runs.Over(&r.Loss, c.Loss)
	return r, nil
}

// find loads the network's data set and the readings of the file that fit it. s.data stays nil when there is none.
func (s *importing) find(ctx context.Context, t talk.Talk, net *exchange.Net) error {
	c, r := s.c, &s.manifest.Train
	shapes := [][]int{net.Sizes}
	for _, o := range net.Others {
		shapes = append(shapes, o.Sizes)
	}
	fits := func(sizes []int, inputs, outputs int) bool {
		return sizes[0] == inputs && sizes[len(sizes)-1] == outputs
	}
	outputs := net.Sizes[len(net.Sizes)-1]
	name, err := dataset.Name(c.Data)
	var d *mnist.Dataset
	switch {
	case c.Data == "none":
		return nil
	case c.Data != "":
		if err == nil {
			d, err = c.Load(name)
		}
		if err != nil {
			return err
		}
	case c.Image != "" && c.Image != "28x28" || !slices.ContainsFunc(shapes, func(sizes []int) bool {
		return fits(sizes, 784, 10) || len(c.Classes) > 0 && fits(sizes, 784, len(c.Classes))
	}):
		t.Say("no data set is known for %s: --data names one, and with it the network is tested", sizesText(net.Sizes))
		return nil
	default: // MNIST, when it is here
		if d, err = mnist.Load(ctx, name, mnist.Options{Offline: true}); err != nil && !dataset.Missing(err) {
			return err
		} else if err != nil {
			t.Say("not tested: %s is not here (%s); neuroloupe data fetch, then import again", name, words.Line(err))
			return nil
		}
	}
	r.Split = fmt.Sprintf("%d/0", d.Train.Len()) // how its training images were split is not known
	if used := dataset.UsedLabels(d); len(c.Classes) == 0 && len(used) < len(d.Train.Classes) && len(used) == outputs {
		r.Classes = used
		s.notes = append(s.notes, fmt.Sprintf("its %d outputs are taken for the labels that have images: --classes %s",
			outputs,
			words.Commas(used)))
	}
	e, err := dataset.Cut(d, r)
	if err != nil {
		return talk.UsageError{Err: err}
	}
	pixels, classes := e.Train.Pixels(), len(e.Train.Classes)
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
		return talk.Usage("the network takes %d inputs, but an image of %s has %v = %d pixels; give another --data, "+
			"or none", net.Sizes[0], d.Name, e.Train.Shape, pixels)
	default:
		return talk.Usage("the network has %d outputs, but %s has %d classes; say with --classes which labels they "+
			"stand for, as in 0,1",
			outputs, d.Name, classes)
	}
	if c.Image != "" && c.Image != fmt.Sprintf("%dx%d", e.Train.Rows, e.Train.Cols) {
		return talk.Usage("--image %s, but the images of %s are %dx%d", c.Image, d.Name, e.Train.Rows, e.Train.Cols)
	}
	s.data = e
	s.manifest.Data = e.Describe(name, "", e.DeadPixels())
	return nil
}

// noData describes the inputs and outputs by what the flags and the file say.
func (c *Order) noData(net *exchange.Net) (runs.Data, error) {
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
			return d, talk.Usage("image %q: want rows x columns of %d inputs, as in %dx%d", image, inputs, d.Rows,
				d.Cols)
		}
		d.Rows, d.Cols = r, k
	}
	switch {
	case len(c.Classes) > 0 && len(c.Classes) != outputs:
		return d, talk.Usage("--classes names %d labels, but the network has %d outputs", len(c.Classes), outputs)
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
	if n, _ := fmt.Sscanf(image, "%dx%d", &rows, &cols); n != 2 || rows < 1 || cols < 1 || rows > 1<<15 ||
		cols > 1<<15 {
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
