package main

import (
	"errors"

	"neuroloupe/cmd/neuroloupe/internal/runs"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/inspect"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// look is a run with what its first layer's maps are made of.
type look struct {
	folder        *runs.Folder
	params        engine.Params
	initial       engine.Params
	gamma         float64
	gammaMeasured bool // γ is estimated from the weights, not followed through training
}

// openLook reads a run to look at.
func openLook(path string) (*look, error) {
	f, err := runs.Open(path)
	if err != nil {
		return nil, err
	}
	l := &look{folder: f}
	if l.params, l.gamma, err = f.Weights(); err != nil {
		return nil, err
	}
	if l.initial, err = f.Initial(); err != nil {
		return nil, err
	}
	l.settleGamma()
	return l, nil
}

// settleGamma estimates γ where training could not follow it.
func (l *look) settleGamma() {
	if !l.folder.Spec.HasGamma() {
		l.gamma = inspect.EstimateGamma(l.params.Weight(1), l.initial.Weight(1))
		l.gammaMeasured = true
	}
}

// show returns the first layer's weights as one of raw, learned and init, In×Out.
func (l *look) show(what string) engine.Tensor {
	switch what {
	case "init":
		return l.initial.Weight(1)
	case "learned":
		return inspect.Learned(l.params.Weight(1), l.initial.Weight(1), l.gamma)
	}
	return l.params.Weight(1)
}

// seen is what a network does on its test images.
type seen struct {
	score    engine.Score
	activity inspect.Activity // of the first layer
}

// watch runs the network over its test images on the CPU. It fetches nothing: a picture must not wait for the network.
func (l *look) watch(a *app) (*seen, error) {
	m := l.folder.Manifest.Data
	d, err := mnist.Load(a.ctx, m.Name, mnist.Options{Dir: m.Folder, Offline: true})
	if err != nil {
		return nil, err
	}
	r := l.folder.Manifest.Train
	e, err := cut(d, &r)
	if err != nil {
		return nil, err
	}
	b, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		return nil, err
	}
	defer b.Close()
	p, err := graph.Compile(l.folder.Spec, 1)
	if err != nil {
		return nil, err
	}
	x, err := b.Compile(p)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	if err := x.Write(l.params...); err != nil {
		return nil, err
	}
	return observe(x, p, engineData(e.test))
}

// observe evaluates the parameters that an executor holds on test images.
func observe(x engine.Executor, p *engine.Program, test engine.Data) (*seen, error) {
	if test.Len() == 0 {
		return nil, errors.New("the data set has no test images")
	}
	ref, err := x.Bind(test)
	if err != nil {
		return nil, err
	}
	s := &seen{}
	if s.score, err = engine.Evaluate(x, p, ref, test); err != nil {
		return nil, err
	}
	s.activity, err = inspect.Observe(x, p.Spec, ref, test, 0)
	return s, err
}

// favourites returns the class that each neuron of the first layer speaks for most, and how that was found: by what it
// contributes on the test images, or without them by its weights alone.
func (l *look) favourites(s *seen) (classes []int, how string) {
	path := inspect.Path(l.folder.Spec, l.params, 0)
	if s != nil {
		return inspect.Favourites(path, s.activity), "the class it speaks for most on the test images"
	}
	classes = make([]int, len(path))
	for j, row := range path {
		for k, v := range row {
			if v > row[classes[j]] {
				classes[j] = k
			}
		}
	}
	return classes, "the class of its largest outgoing weight (the test images could not be read)"
}
