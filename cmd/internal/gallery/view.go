// Package gallery makes every picture of a run's neurons. Each is a struct of what can be asked of it, with a method
// Draw that gives a Drawing: the figure, the numbers it was drawn from, and what is said of it in words.
package gallery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/inspect"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// View is a run to look at: its folder, its data set, read when first asked for, and its subject, which works out every
// number. Of a network that was made elsewhere there is no start: see NoStart. Close gives back what it holds. A View
// is for one goroutine.
type View struct {
	Folder        *runs.Folder
	Net           inspect.Net      // Initial is nil and Gamma NaN when the start is not known
	GammaMeasured bool             // γ is estimated from the weights, not followed through training
	NoStart       *runs.StartError // why the start is not known; nil when it is
	DataDir       string           // where the data set's files are; "" for where the run found them
	Subject       *inspect.Subject

	ctx  context.Context // of all work on the run
	talk talk.Talk

	data     *dataset.Examples // nil until the training images are asked for
	dataErr  error
	tests    *mnist.Set // nil until the test images are asked for
	testsErr error
	backend  engine.Backend // that the subject's executor runs on; nil until that is made
	probes   map[*mnist.Set]inspect.Probe
	named    []string // see Labels

	metricsShort bool // it has been said that there are fewer lines of metrics than epochs
}

// Open reads a run to look at, for as long as ctx is not done. dataDir is a folder with its data set's files, "" for
// where the run found them.
func Open(ctx context.Context, run, dataDir string, t talk.Talk) (*View, error) {
	f, err := runs.Open(run)
	if err != nil {
		return nil, err
	}
	Notices(f, t)
	return Of(ctx, f, dataDir, t)
}

// Notices says what was found in a run folder that a person should know.
func Notices(f *runs.Folder, t talk.Talk) {
	for _, text := range f.Notices() {
		t.Say("%s", words.Line(errors.New(text)))
	}
}

// Of reads the network of a run folder.
func Of(ctx context.Context, f *runs.Folder, dataDir string, t talk.Talk) (v *View, err error) {
	v = &View{ctx: ctx, talk: t, Folder: f, Net: inspect.Net{Spec: f.Spec}, DataDir: dataDir}
	if v.Net.Params, v.Net.Gamma, err = f.Weights(); err != nil {
		return nil, err
	}
	v.Net.Initial, err = f.Initial()
	if err != nil && !errors.As(err, &v.NoStart) {
		return nil, err
	}
	if err == nil && !f.Spec.HasGamma() {
		v.Net.Gamma = inspect.EstimateGamma(v.Net.Params.Weight(1), v.Net.Initial.Weight(1))
		v.GammaMeasured = true
	}
	v.Subject = v.newSubject()
	return v, nil
}

// Begun is a view of a run whose training has only begun: of its network as it was at the start, on images that are in
// memory. See [inspect.Subject.Then] for what it has become.
func Begun(ctx context.Context, f *runs.Folder, initial engine.Params, e *dataset.Examples, t talk.Talk) *View {
	v := &View{
		ctx: ctx, talk: t, Folder: f, GammaMeasured: !f.Spec.HasGamma(),
		Net: inspect.Net{Spec: f.Spec, Params: initial, Initial: initial, Gamma: 1},
	}
	v.Subject = v.newSubject()
	v.UseData(e)
	return v
}

// newSubject is the run's network, to be asked about the run's test images on the CPU.
func (v *View) newSubject() *inspect.Subject {
	shape := v.Shape()
	s := &inspect.Subject{Net: v.Net, Rows: shape.Rows, Cols: shape.Cols}
	if v.NoStart != nil {
		s.NoStart = v.NoStart
	}
	s.Images = func(context.Context) (engine.Data, error) {
		tests, err := v.Test()
		switch {
		case err != nil && v.ctx.Err() == nil && dataset.Missing(err):
			return engine.Data{}, &inspect.NoImages{Why: err}
		case err != nil:
			return engine.Data{}, err
		}
		return dataset.Data(tests), nil
	}
	s.Compile = func() (*engine.Program, engine.Executor, error) {
		var err error
		if v.backend, err = (cpu.Driver{}).Open("cpu"); err != nil {
			return nil, nil, err
		}
		p, err := graph.Compile(v.Net.Spec, 1)
		if err != nil {
			return nil, nil, err
		}
		x, err := v.backend.Compile(p)
		return p, x, err
	}
	return s
}

// Faults says in words which of the network's weights and biases are no numbers, a sentence per tensor and kind; nil
// for none.
func (v *View) Faults() []string {
	var all []string
	for _, f := range v.Net.Faults() {
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
	return fmt.Sprintf("layer %d: %s of %s %s %s %s", f.Layer+1, words.Thousands(f.Count), words.Thousands(f.Of), what,
		verb, how)
}

// Warn says which of the network's weights are no numbers.
func (v *View) Warn() {
	for _, fault := range v.Faults() {
		v.talk.Say("WARNING: %s, %s; what is computed from them cannot be trusted", v.Folder.Path, fault)
	}
}

// Use gives v the data set and the executor of a training that has ended, whose owner closes it.
func (v *View) Use(e *dataset.Examples, t *engine.Trainer) {
	v.UseData(e)
	v.Subject.Lend(t)
}

// UseData gives v the data set of the run, which is in memory.
func (v *View) UseData(e *dataset.Examples) { v.data, v.tests = e, e.Test }

// Close frees the executor; more calls do nothing.
func (v *View) Close() error {
	err := v.Subject.Close()
	if v.backend != nil {
		err = errors.Join(err, v.backend.Close())
	}
	v.backend = nil
	return err
}

// Silent returns a view of the same run, with the same subject, that says nothing; v alone is to be closed.
func (v *View) Silent() *View {
	silent := *v
	silent.talk = talk.Silent{}
	return &silent
}

// Context is that of all work on the run.
func (v *View) Context() context.Context { return v.ctx }

// Say tells whoever looks at the run.
func (v *View) Say(format string, args ...any) { v.talk.Say(format, args...) }

// ForgetTraining lets go of the training images, which take most of the memory.
func (v *View) ForgetTraining() {
	if v.data != nil {
		v.data = &dataset.Examples{Test: v.data.Test}
	}
}

// MetricsKnown says that whoever looks at the run knows what is wrong with its metrics.
func (v *View) MetricsKnown() { v.metricsShort = true }

// Spec is the network's.
func (v *View) Spec() engine.Spec { return v.Net.Spec }

// Shape is that of an input image.
func (v *View) Shape() mnist.Shape { return dataset.ShapeOf(v.Folder.Manifest.Data) }

// Hidden returns the index of hidden layer n, counted from 1; 0 stands for the one given as usual, which may be −1 for
// the last.
func (v *View) Hidden(n, usual int) (int, error) {
	last := v.Net.Hidden()
	switch {
	case last < 0:
		return 0, fmt.Errorf("%s has no hidden layer (%v): its outputs weigh the pixels themselves, see neuroloupe "+
			"templates %s", v.Folder.Path, v.Spec(), v.Folder.Path)
	case n == 0 && usual < 0:
		return last, nil
	case n == 0:
		return usual, nil
	case n < 1 || n > last+1:
		return 0, talk.Usage("--layer %d: %v has %s, 1 being the first", n, v.Spec(),
			words.Count(last+1, "hidden layer"))
	}
	return n - 1, nil
}

// neuron checks the number of a neuron of a layer.
func (v *View) neuron(j, layer int) error {
	if units := v.Spec().Layers[layer].Units; j < 0 || j >= units {
		return talk.Usage("neuron %d: layer %d has %s, numbered from 0 to %d", j, layer+1, words.Count(units, "neuron"),
			units-1)
	}
	return nil
}

// Dead marks the pixels that are never inked in the training images; nil when that is not known.
func (v *View) Dead() []bool {
	if v.Folder.Manifest.Data.Name == "" {
		return nil
	}
	return v.Folder.Manifest.DeadMask()
}

// Rho returns ρ of each neuron of the first layer; none when the start is not known.
func (v *View) Rho() []float64 {
	rho, err := v.Subject.Rho(v.ctx, 0)
	if err != nil { // there is no other reason
		return nil
	}
	return rho
}

// Examples reads the data set of the run, cut as the run cut it. It fetches nothing: a picture must not wait for the
// network.
func (v *View) Examples() (*dataset.Examples, error) {
	if v.data == nil && v.dataErr == nil {
		v.data, v.dataErr = v.loadAll()
	}
	return v.data, v.dataErr
}

func (v *View) loadAll() (*dataset.Examples, error) {
	e, err := dataset.Of(v.ctx, v.Folder, v.DataDir, mnist.Options{Offline: true})
	if err == nil && v.tests != nil {
		e.Test = v.tests // an executor may be bound to it
	}
	return e, err
}

// Test returns the test images. The training images, which take most of the time to read, are left where they are.
func (v *View) Test() (*mnist.Set, error) {
	if v.tests == nil && v.testsErr == nil {
		v.tests, v.testsErr = v.loadTests()
	}
	switch {
	case v.testsErr != nil:
		return nil, v.testsErr
	case v.tests.Len() == 0:
		v.testsErr = dataset.ErrNoTests
		return nil, v.testsErr
	}
	return v.tests, nil
}

func (v *View) loadTests() (*mnist.Set, error) {
	if v.data == nil && v.dataErr == nil {
		return dataset.TestsOf(v.ctx, v.Folder, v.DataDir, mnist.Options{Offline: true})
	}
	e, err := v.Examples()
	if err != nil {
		return nil, err
	}
	return e.Test, nil
}

// Look finds out whether the test images are there, before anything is drawn. Every picture says how good its network
// is on them, and most show more of them; without them there is a lesser one. That must not be drawn, and perhaps
// written over a better one, when they are there and only could not be read: then the error says why. Afterwards
// whoever needs the images can take every error for their not being there.
func (v *View) Look() error {
	_, err := v.Score()
	if err == nil || v.ctx.Err() == nil && v.testsErr != nil && dataset.Missing(v.testsErr) {
		return nil
	}
	return err
}

// Train returns the images that the run learned from.
func (v *View) Train() (*mnist.Set, error) {
	e, err := v.Examples()
	if err != nil {
		return nil, err
	}
	return e.Train, nil
}

// probe asks the network about a set of images, on the CPU.
func (v *View) probe(s *mnist.Set) (inspect.Probe, error) {
	if p, ok := v.probes[s]; ok {
		return p, nil
	}
	p, err := v.Subject.On(dataset.Data(s))
	if err != nil {
		return inspect.Probe{}, err
	}
	if v.probes == nil {
		v.probes = map[*mnist.Set]inspect.Probe{}
	}
	v.probes[s] = p
	return p, nil
}

// ProbeTest asks the network about its test images.
func (v *View) ProbeTest() (inspect.Probe, error) { return v.Subject.Probe(v.ctx) }

// Score is how well the network does on its test images.
func (v *View) Score() (engine.Score, error) { return v.Subject.Score(v.ctx) }

// Activity is what a layer's neurons do over the test images, 0 being the first layer.
func (v *View) Activity(layer int) (inspect.Activity, error) {
	return v.Subject.Activity(v.ctx, layer)
}

// Favourites returns the class that each neuron of a hidden layer speaks for most, and how that was found: by what it
// contributes on the test images, or without them by its weights alone.
func (v *View) Favourites(layer int) (classes []int, how string) {
	if f, err := v.Subject.Favourites(v.ctx, layer); err == nil && f.Images {
		return f.Class, "the class it speaks for most on the test images"
	}
	return inspect.FavouritesByWeight(v.Subject.OutPath(layer)),
		"the class of its largest outgoing weight (the test images could not be read)"
}

// Smoothness is the median over the first layer's maps; NaN for a way to show them that needs a start which is not
// known.
func (v *View) Smoothness(show inspect.Show) float64 {
	all, err := v.Subject.Smoothness(v.ctx, show, 0)
	if err != nil { // there is no other reason
		return math.NaN()
	}
	return inspect.Median(all)
}

// Title says which data, network and recipe, and how good it is when that can be tested.
func (v *View) Title() string {
	m := v.Folder.Manifest
	t := fmt.Sprintf("%s · %s · %s", m.Data.Title, v.Spec(), m.Train.Preset)
	if s, err := v.Score(); err == nil {
		t += fmt.Sprintf(" · %.1f %% test accuracy", 100*s.Accuracy())
	}
	return t
}

// Line is the title with the run's name, as it stands under a figure's title.
func (v *View) Line() string { return fmt.Sprintf("run %s: %s", v.Name(), v.Title()) }

// Name is the last element of the run's path.
func (v *View) Name() string {
	path, err := filepath.Abs(v.Folder.Path)
	if err != nil {
		path = v.Folder.Path
	}
	return filepath.Base(path)
}
