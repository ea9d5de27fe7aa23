package doctor

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/inspect"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// Bounds of a short training.
const (
	shortImages = 5000 // images it learns from, at most
	shortTests  = 2000 // images it is tested on
	shortEpochs = 3
	shortWork   = 1.5e9 // images times weights, in all epochs
	shortLeast  = 1000  // images; a network that is too large for so many is not tried
)

// remedy is a change to how a run was trained, or to its data.
type remedy struct {
	flags  string                      // what is to be typed
	change func(*runs.Recipe)          // nil for none
	mend   func(*mnist.Set) *mnist.Set // nil for none
}

// probed is what a short training ends with.
type probed struct {
	accuracy  float64 // of tests images
	tests     int
	lost      int     // classes that are found in fewer than half of their images
	saturated int     // hidden neurons; see stuck
	raw       float64 // smoothness of the maps, median
	learned   float64 // of what training added
	deadRMS   float64 // of the raw weights of the never-inked pixels
}

// noWorse reports whether o is as accurate as another, but for chance.
func (o probed) noWorse(than probed) bool { return !inspect.Beyond(than.accuracy, o.accuracy, o.tests) }

// surgery tries remedies: it trains the run's network anew for a short time, with its settings and with others, from
// the same seed on the same images.
type surgery struct {
	v      *gallery.View
	data   *dataset.Examples
	spec   engine.Spec
	images *mnist.Set // to learn from
	tests  *mnist.Set
	epochs int
	done   map[string]*probed
}

// newSurgery returns nil when nothing can be tried: the run was not trained here, its images cannot be read, or it is
// too large for a short training.
func newSurgery(v *gallery.View) *surgery {
	if v.Folder.Manifest.Import != nil || v.NoStart != nil {
		return nil
	}
	e, err := v.Examples()
	if err != nil {
		return nil
	}
	weights := 0
	for l := range v.Spec().Layers {
		weights += v.Net.Params.Weight(l + 1).Len()
	}
	budget := int(shortWork / float64(weights))
	tests := e.Validation
	if tests.Len() < min(shortTests, e.Test.Len()) {
		tests = e.Test
	}
	images := dataset.Some(e.Train, min(shortImages, budget))
	if images.Len() < min(shortLeast, e.Train.Len()) || tests.Len() == 0 {
		return nil
	}
	whole := v.Folder.Manifest.Train.Epochs * e.Train.Len() / images.Len() // no longer than the run
	return &surgery{
		v: v, data: e, spec: v.Spec(), images: images, tests: dataset.Some(tests, shortTests),
		epochs: max(1, min(shortEpochs, budget/images.Len(), whole)), done: map[string]*probed{},
	}
}

// base is what comes of the run's own settings.
func (s *surgery) base() *probed { return s.try(remedy{}) }

// try returns what comes of a remedy; nil for one that changes nothing, cannot be had, or makes training diverge.
func (s *surgery) try(r remedy) *probed {
	if o, ok := s.done[r.flags]; ok {
		return o
	}
	o, err := s.train(r)
	if err != nil {
		o = nil
	}
	s.done[r.flags] = o
	return o
}

func (s *surgery) train(r remedy) (*probed, error) {
	own := s.v.Folder.Manifest.Train
	changed := own
	changed.Classes = slices.Clone(own.Classes)
	if r.change != nil {
		r.change(&changed)
		if reflect.DeepEqual(own, changed) {
			return nil, errors.New("it changes nothing")
		}
	}
	images, tests := s.images, s.tests
	if r.mend != nil {
		images, tests = r.mend(images), r.mend(tests)
	}
	spec, err := changed.Spec(s.spec.Inputs, s.spec.Classes(), s.data.Train.Len()) // λ/n as in the run
	if err != nil {
		return nil, err
	}
	c, err := changed.Config()
	if err != nil {
		return nil, err
	}
	c.Epochs = max(1, s.epochs*changed.Epochs/own.Epochs)
	c.Batch, c.KeepBest, c.EarlyStop = min(c.Batch, images.Len()), false, 0
	backend, err := (cpu.Driver{}).Open("cpu")
	if err != nil {
		return nil, err
	}
	defer backend.Close()
	t, err := graph.NewTrainer(spec, c, backend)
	if err != nil {
		return nil, err
	}
	defer t.Executor.Close()
	start := spec.NewParams()
	if changed.ZeroDead {
		job.ZeroDead(start, s.v.Folder.Manifest.Data.Dead)
	}
	st := spec.NewState(start.Clone())
	t.Train = dataset.Data(images)
	if err := t.Run(s.v.Context(), st); err != nil {
		return nil, err
	}
	return s.look(t, start, st, tests)
}

// look finds in a short training what diagnose finds in a run.
func (s *surgery) look(t *engine.Trainer, start engine.Params, st *engine.State, tests *mnist.Set) (*probed, error) {
	ctx, spec := s.v.Context(), t.Program.Spec
	net := inspect.Net{Spec: spec, Params: st.Params, Initial: start, Gamma: st.Decay.Gamma}
	if !spec.HasGamma() {
		net.Gamma = inspect.EstimateGamma(st.Params.Weight(1), start.Weight(1))
	}
	of := &inspect.Subject{
		Net: net, Rows: tests.Rows, Cols: tests.Cols,
		Images: func(context.Context) (engine.Data, error) { return dataset.Data(tests), nil },
	}
	of.Lend(t)
	score, err := of.Score(ctx)
	if err != nil {
		return nil, err
	}
	o := &probed{accuracy: score.Accuracy(), tests: tests.Len()}
	trained := s.data.Train.ClassCounts()
	for k, r := range score.Recall() {
		if r >= 0 && r < job.LostRecall && trained[k] > 0 {
			o.lost++
		}
	}
	for l := range net.Hidden() + 1 {
		which, err := saturated(ctx, of, l)
		if err != nil {
			return nil, err
		}
		o.saturated += len(which)
	}
	for show, median := range map[inspect.Show]*float64{inspect.ShowRaw: &o.raw, inspect.ShowLearned: &o.learned} {
		smooth, err := of.Smoothness(ctx, show, 0)
		if err != nil {
			return nil, err
		}
		*median = inspect.Median(smooth)
	}
	if o.deadRMS, err = of.RMS(ctx, s.v.Folder.Manifest.DeadMask()); err != nil {
		return nil, err
	}
	if math.IsNaN(o.raw) || math.IsNaN(o.learned) {
		return nil, errors.New("no numbers")
	}
	return o, nil
}
