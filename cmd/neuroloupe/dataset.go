package main

import (
	"fmt"

	"neuroloupe/cmd/neuroloupe/internal/recipe"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// examples is a data set cut as a recipe says.
type examples struct {
	source                  *mnist.Dataset
	train, validation, test *mnist.Set
}

// load reads a data set, fetching it when it is not in the cache, and says what it does.
func (a *app) load(name, dir string) (*mnist.Dataset, error) {
	p := a.newDownloads()
	defer p.close()
	return mnist.Load(a.ctx, name, mnist.Options{Dir: dir, Progress: p.progress, Notice: func(s string) { p.say(s) }})
}

// odd says in words what is odd about a training and a test set; it is not nil.
func odd(train, test *mnist.Set) []string {
	texts := []string{}
	for _, o := range mnist.Odd(train, test) {
		texts = append(texts, o.Text)
	}
	return texts
}

// cut splits the training images as r says, keeps r's classes, and fills in what r leaves open. The split comes before
// the choice of classes: the first 50,000 images are the same ones whichever classes are kept.
func cut(d *mnist.Dataset, r *recipe.Recipe) (*examples, error) {
	n, v, err := r.SplitSizes(d.Train.Len())
	if err != nil {
		return nil, err
	}
	e := &examples{source: d, train: d.Train.Slice(0, n), validation: d.Train.Slice(n, n+v), test: d.Test}
	for _, s := range []**mnist.Set{&e.train, &e.validation, &e.test} {
		if *s, err = ofClasses(*s, r.Classes); err != nil {
			return nil, err
		}
	}
	if e.train.Len() == 0 && len(r.Classes) > 0 {
		return nil, fmt.Errorf("none of the first %d training images is of classes %v", n, r.Classes)
	}
	return e, nil
}

// ofClasses keeps the images of some labels, all for none named; an empty set stays as it is.
func ofClasses(s *mnist.Set, labels []int) (*mnist.Set, error) {
	if len(labels) == 0 || s.Len() == 0 {
		return s, nil
	}
	return s.Subset(labels)
}

// engineData returns a set as the engine takes it; an empty one as the zero Data.
func engineData(s *mnist.Set) engine.Data {
	if s.Len() == 0 {
		return engine.Data{}
	}
	return engine.Data{Images: s.Images, Labels: s.Labels}
}

// deadPixels lists the inputs that are 0 in every training image.
func (e *examples) deadPixels() []int {
	var dead []int
	for i, d := range e.train.NeverInked() {
		if d {
			dead = append(dead, i)
		}
	}
	return dead
}

// tellable returns an error for images that are all of one class, of which no network can learn anything.
func (e *examples) tellable() error {
	present := ""
	for k, n := range e.train.ClassCounts() {
		if n == 0 {
			continue
		}
		if present != "" {
			return nil
		}
		present = e.train.Classes[k]
	}
	return fmt.Errorf("every training image of %s is of class %s: there is nothing to tell apart; see neuroloupe data show", e.source.Name, present)
}

// checkClasses returns an error for a choice of labels that leaves nothing to tell apart; none chosen is all.
func checkClasses(labels []int) error {
	if len(labels) == 1 {
		return usage("--classes %d: want at least two classes, or there is nothing to tell apart", labels[0])
	}
	return nil
}
