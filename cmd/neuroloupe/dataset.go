package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"neuroloupe/cmd/internal/runs"
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
	o, done := a.downloads()
	defer done()
	o.Dir = dir
	return mnist.Load(a.ctx, name, o)
}

// downloads are options that show what is fetched, until done is called.
func (a *app) downloads() (o mnist.Options, done func()) {
	p := a.newDownloads()
	return mnist.Options{Progress: p.progress, Notice: func(s string) { p.say(s) }}, p.close
}

// otherDataError says that a data set is not the one that a run was made with.
type otherDataError struct{ text string }

func (e *otherDataError) Error() string { return e.text }

func otherData(format string, args ...any) error {
	return &otherDataError{fmt.Sprintf(format, args...)}
}

// runData reads the data set that a run was made with, and checks that it is the same. dir is the folder it is in now,
// "" for where the run found it.
func (a *app) runData(f *runs.Folder, dir string, o mnist.Options) (*mnist.Dataset, error) {
	m := f.Manifest.Data
	if n := f.Spec.Classes(); m.Name == "" && n > 256 { // labels are bytes
		return nil, &otherDataError{fmt.Sprintf("%s was imported without a data set, and none has classes for its %d outputs", f.Path, n)}
	}
	if m.Name == "" {
		return nil, otherData("%s was imported without a data set; import it again with --data mnist, --data fashion or "+
			"--data and a folder of IDX files", f.Path)
	}
	name, at := m.Name, m.Folder
	switch {
	case dir != "" && known(name):
		at = dir
	case dir != "":
		name = dir
	}
	o.Dir = at
	d, err := mnist.Load(a.ctx, name, o)
	if err != nil {
		if was := cmp.Or(at, name); dir == "" && !known(was) && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the data set of %s was in %s; say with --folder DIR where it is now: %w", f.Path, was, err)
		}
		return nil, err
	}
	if n := d.Test.Pixels(); n != f.Spec.Inputs {
		return nil, otherData("%s takes %d inputs, but the images of %s have %d×%d pixels",
			f.Path, f.Spec.Inputs, d.Name, d.Test.Rows, d.Test.Cols)
	}
	for i, want := range m.Files {
		if i < len(d.Files) && (d.Files[i].SHA256 == "" || sameFile(want, d.Files[i])) {
			continue
		}
		also := ""
		if rawSHA256(want) == "" {
			also = ", or with the same one compressed otherwise: the run keeps the sum of the file alone, not of what is in it"
		}
		return nil, otherData("%s was trained with another %s, of sha256 %s%s; point --folder at the folder that has it",
			f.Path, want.Name, want.SHA256, also)
	}
	return d, nil
}

// sameFile reports whether a file holds what the one that a run recorded did, compressed or not.
func sameFile(want runs.File, got mnist.File) bool {
	return want.SHA256 == got.SHA256 || got.RawSHA256 != "" && (want.SHA256 == got.RawSHA256 || rawSHA256(want) == got.RawSHA256)
}

// rawSHA256 is that of what a recorded file decompresses to. Of runs of earlier versions it is known for official files
// alone, and "" for others.
func rawSHA256(f runs.File) string {
	for _, k := range mnist.Known() {
		for _, official := range k.Files {
			if f.SHA256 == official.SHA256 || f.SHA256 == official.RawSHA256 {
				return official.RawSHA256
			}
		}
	}
	return f.RawSHA256
}

// examplesOf reads the examples of a run, cut as it cut them, with the names that it gave to their classes.
func (a *app) examplesOf(f *runs.Folder, dir string, o mnist.Options) (*examples, error) {
	d, err := a.runData(f, dir, o)
	if err != nil {
		return nil, err
	}
	r := f.Manifest.Train
	e, err := cut(d, &r)
	if err != nil {
		return nil, err
	}
	for _, s := range []**mnist.Set{&e.train, &e.validation, &e.test} {
		*s = renamed(*s, f)
	}
	return e, nil
}

// renamed is a set with the class names of a run.
func renamed(s *mnist.Set, f *runs.Folder) *mnist.Set {
	named := *s
	if len(f.Manifest.Data.Classes) == len(s.Classes) {
		named.Classes = f.Manifest.Data.Classes
	}
	return &named
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
func cut(d *mnist.Dataset, r *runs.Recipe) (*examples, error) {
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
