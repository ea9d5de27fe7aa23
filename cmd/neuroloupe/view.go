package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/inspect"
	"neuroloupe/graph"
	"neuroloupe/mnist"
	"neuroloupe/render"
)

// view is a run to look at: its folder, its data set, read when first asked for, and its subject, which works out every
// number. Of a network that was made elsewhere there is no start: see noStart. close gives back what it holds.
type view struct {
	app           *app
	folder        *runs.Folder
	net           inspect.Net      // Initial is nil and Gamma NaN when the start is not known
	gammaMeasured bool             // γ is estimated from the weights, not followed through training
	noStart       *runs.StartError // why the start is not known; nil when it is
	dataDir       string           // where the data set's files are; "" for where the run found them

	data     *examples // nil until the training images are asked for
	dataErr  error
	tests    *mnist.Set // nil until the test images are asked for
	testsErr error
	subject  *inspect.Subject
	backend  engine.Backend // that the subject's executor runs on; nil until that is made
	probes   map[*mnist.Set]inspect.Probe
	named    []string // see labels

	metricsShort bool // it has been said that there are fewer lines of metrics than epochs
}

// openView reads a run to look at. dataDir is a folder with its data set's files, "" for where the run found them.
func openView(a *app, run, dataDir string) (*view, error) {
	f, err := runs.Open(run)
	if err != nil {
		return nil, err
	}
	a.notices(f)
	return newView(a, f, dataDir)
}

// newView reads the network of a run folder.
func newView(a *app, f *runs.Folder, dataDir string) (v *view, err error) {
	v = &view{app: a, folder: f, net: inspect.Net{Spec: f.Spec}, dataDir: dataDir}
	if v.net.Params, v.net.Gamma, err = f.Weights(); err != nil {
		return nil, err
	}
	v.net.Initial, err = f.Initial()
	switch {
	case errors.As(err, &v.noStart):
	case err != nil:
		return nil, err
	case !f.Spec.HasGamma():
		v.net.Gamma = inspect.EstimateGamma(v.net.Params.Weight(1), v.net.Initial.Weight(1))
		v.gammaMeasured = true
	}
	v.subject = v.newSubject()
	return v, nil
}

// newSubject is the run's network, to be asked about the run's test images on the CPU.
func (v *view) newSubject() *inspect.Subject {
	s := &inspect.Subject{Net: v.net}
	s.Rows, s.Cols = v.size()
	if v.noStart != nil {
		s.NoStart = v.noStart
	}
	s.Images = func(context.Context) (engine.Data, error) {
		tests, err := v.test()
		switch {
		case err != nil && v.app.ctx.Err() == nil && isMissing(err):
			return engine.Data{}, &inspect.NoImages{Why: err}
		case err != nil:
			return engine.Data{}, err
		}
		return engineData(tests), nil
	}
	s.Compile = func() (*engine.Program, engine.Executor, error) {
		var err error
		if v.backend, err = (cpu.Driver{}).Open("cpu"); err != nil {
			return nil, nil, err
		}
		p, err := graph.Compile(v.net.Spec, 1)
		if err != nil {
			return nil, nil, err
		}
		x, err := v.backend.Compile(p)
		return p, x, err
	}
	return s
}

// faults says in words which of the network's weights and biases are no numbers, a sentence per tensor and kind; nil for
// none.
func (v *view) faults() []string {
	var all []string
	for _, f := range v.net.Faults() {
		all = append(all, faultText(f))
	}
	return all
}

func faultText(f inspect.Fault) string {
	what, verb, how := "weights", "are", "not a number"
	if f.Biases {
		what = "biases"
	}
	if f.Count == 1 {
		verb = "is"
	}
	if f.Infinite {
		how = "infinite"
	}
	return fmt.Sprintf("layer %d: %s of %s %s %s %s", f.Layer+1, words.Thousands(f.Count), words.Thousands(f.Of), what, verb, how)
}

// warn says which of the network's weights are no numbers.
func (v *view) warn() {
	for _, fault := range v.faults() {
		v.app.say("WARNING: %s, %s; what is computed from them cannot be trusted", v.folder.Path, fault)
	}
}

// use gives v the data set and the executor of a training that has ended, whose owner closes them.
func (v *view) use(e *examples, p *engine.Program, x engine.Executor) {
	v.data, v.tests = e, e.test
	v.subject.Lend(p, x)
}

// close frees the executor; more calls do nothing.
func (v *view) close() error {
	err := v.subject.Close()
	if v.backend != nil {
		err = errors.Join(err, v.backend.Close())
	}
	v.backend = nil
	return err
}

// spec is the network's.
func (v *view) spec() engine.Spec { return v.net.Spec }

// size is that of an input image.
func (v *view) size() (rows, cols int) {
	return v.folder.Manifest.Data.Rows, v.folder.Manifest.Data.Cols
}

// hidden returns the index of hidden layer n, counted from 1; 0 stands for the one given as usual, which may be −1 for
// the last.
func (v *view) hidden(n, usual int) (int, error) {
	last := v.net.Hidden()
	switch {
	case last < 0:
		return 0, fmt.Errorf("%s has no hidden layer (%v): its outputs weigh the pixels themselves, see neuroloupe templates %s", v.folder.Path, v.spec(), v.folder.Path)
	case n == 0 && usual < 0:
		return last, nil
	case n == 0:
		return usual, nil
	case n < 1 || n > last+1:
		return 0, usage("--layer %d: %v has %s, 1 being the first", n, v.spec(), words.Count(last+1, "hidden layer"))
	}
	return n - 1, nil
}

// neuron checks the number of a neuron of a layer.
func (v *view) neuron(j, layer int) error {
	if units := v.spec().Layers[layer].Units; j < 0 || j >= units {
		return usage("neuron %d: layer %d has %s, numbered from 0 to %d", j, layer+1, words.Count(units, "neuron"), units-1)
	}
	return nil
}

// dead marks the pixels that are never inked in the training images; nil when that is not known.
func (v *view) dead() []bool {
	if v.folder.Manifest.Data.Name == "" {
		return nil
	}
	return v.folder.Manifest.DeadMask()
}

// weights returns the first layer's weights as one of raw, learned and init, In×Out; the last two need the start.
func (v *view) weights(show string) engine.Tensor {
	switch show {
	case "init":
		return v.net.Initial.Weight(1)
	case "learned":
		return inspect.Learned(v.net.Params.Weight(1), v.net.Initial.Weight(1), v.net.Gamma)
	}
	return v.net.Params.Weight(1)
}

// rho returns ρ of each neuron of the first layer; none when the start is not known.
func (v *view) rho() []float64 {
	rho, err := v.subject.Rho(v.app.ctx, 0)
	if err != nil { // there is no other reason
		return nil
	}
	return rho
}

// examples reads the data set of the run, cut as the run cut it. It fetches nothing: a picture must not wait for the
// network.
func (v *view) examples() (*examples, error) {
	if v.data == nil && v.dataErr == nil {
		v.data, v.dataErr = v.loadAll()
	}
	return v.data, v.dataErr
}

func (v *view) loadAll() (*examples, error) {
	e, err := v.app.examplesOf(v.folder, v.dataDir, mnist.Options{Offline: true})
	if err == nil && v.tests != nil {
		e.test = v.tests // an executor may be bound to it
	}
	return e, err
}

// test returns the test images. The training images, which take most of the time to read, are left where they are.
func (v *view) test() (*mnist.Set, error) {
	if v.tests == nil && v.testsErr == nil {
		v.tests, v.testsErr = v.loadTests()
	}
	switch {
	case v.testsErr != nil:
		return nil, v.testsErr
	case v.tests.Len() == 0:
		v.testsErr = otherData("the data set has no test images")
		return nil, v.testsErr
	}
	return v.tests, nil
}

func (v *view) loadTests() (*mnist.Set, error) {
	if v.data != nil || v.dataErr != nil {
		e, err := v.examples()
		if err != nil {
			return nil, err
		}
		return e.test, nil
	}
	d, err := v.app.runData(v.folder, v.dataDir, mnist.Options{TestOnly: true, Offline: true})
	if err != nil {
		return nil, err
	}
	s, err := ofClasses(d.Test, v.folder.Manifest.Train.Classes)
	if err != nil {
		return nil, err
	}
	return renamed(s, v.folder), nil
}

// look finds out whether the test images are there, before anything is drawn. Every picture says how good its network
// is on them, and most show more of them; without them there is a lesser one. That must not be drawn, and perhaps
// written over a better one, when they are there and only could not be read: then the error says why. Afterwards
// whoever needs the images can take every error for their not being there.
func (v *view) look() error {
	_, err := v.score()
	if err == nil || v.app.ctx.Err() == nil && v.testsErr != nil && isMissing(v.testsErr) {
		return nil
	}
	return err
}

// isMissing reports whether a data set that could not be read is not there: no file, nowhere to fetch it from, or
// another one in its place. One that is damaged, that the system does not let read, or whose reading was interrupted is
// there.
func isMissing(err error) bool {
	var nowhere *mnist.FetchError
	var other *otherDataError
	var damaged *mnist.ChecksumError
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &damaged):
		return false
	case errors.As(err, &nowhere), errors.As(err, &other):
		return true
	}
	return errors.Is(err, fs.ErrNotExist)
}

// train returns the images that the run learned from.
func (v *view) train() (*mnist.Set, error) {
	e, err := v.examples()
	if err != nil {
		return nil, err
	}
	return e.train, nil
}

// probe asks the network about a set of images, on the CPU.
func (v *view) probe(s *mnist.Set) (inspect.Probe, error) {
	if p, ok := v.probes[s]; ok {
		return p, nil
	}
	p, err := v.subject.On(engineData(s))
	if err != nil {
		return inspect.Probe{}, err
	}
	if v.probes == nil {
		v.probes = map[*mnist.Set]inspect.Probe{}
	}
	v.probes[s] = p
	return p, nil
}

// probeTest asks the network about its test images.
func (v *view) probeTest() (inspect.Probe, error) { return v.subject.Probe(v.app.ctx) }

// score is how well the network does on its test images.
func (v *view) score() (engine.Score, error) { return v.subject.Score(v.app.ctx) }

// activity is what a layer's neurons do over the test images, 0 being the first layer.
func (v *view) activity(layer int) (inspect.Activity, error) {
	return v.subject.Activity(v.app.ctx, layer)
}

// favourites returns the class that each neuron of a hidden layer speaks for most, and how that was found: by what it
// contributes on the test images, or without them by its weights alone.
func (v *view) favourites(layer int) (classes []int, how string) {
	if f, err := v.subject.Favourites(v.app.ctx, layer); err == nil && f.Images {
		return f.Class, "the class it speaks for most on the test images"
	}
	return inspect.FavouritesByWeight(v.subject.OutPath(layer)),
		"the class of its largest outgoing weight (the test images could not be read)"
}

// title says which data, network and recipe, and how good it is when that can be tested.
func (v *view) title() string {
	m := v.folder.Manifest
	t := fmt.Sprintf("%s · %s · %s", m.Data.Title, v.spec(), m.Train.Preset)
	if s, err := v.score(); err == nil {
		t += fmt.Sprintf(" · %.1f %% test accuracy", 100*s.Accuracy())
	}
	return t
}

// line is the title with the run's name, as it stands under a figure's title.
func (v *view) line() string { return fmt.Sprintf("run %s: %s", v.name(), v.title()) }

// name is the last element of the run's path.
func (v *view) name() string {
	path, err := filepath.Abs(v.folder.Path)
	if err != nil {
		path = v.folder.Path
	}
	return filepath.Base(path)
}

// encodePicture writes a picture as a PNG whose text says what it shows of which run; info is added to that.
func (v *view) encodePicture(w io.Writer, pic *render.Picture, info map[string]string) error {
	all := pic.Info()
	all["run"], all["net"], all["data"] = v.name(), v.spec().String(), v.folder.Manifest.Data.Title
	for k, s := range info {
		all[k] = s
	}
	return render.EncodePNG(w, pic.Image, all)
}
