// Package dataset finds the images that a run was or will be made with, checks that they are the ones, cuts them as its
// recipe says, and puts into words what a data set is.
package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// Examples is a data set cut as a recipe says.
type Examples struct {
	Source                  *mnist.Dataset
	Train, Validation, Test *mnist.Set

	dead, odd sync.Once // what takes long and is the same for all runs with these images
	deadList  []int
	oddTexts  []string
}

// Name returns the data set to load: mnist by default, a folder by its whole path.
func Name(name string) (string, error) {
	if name == "" {
		return "mnist", nil
	}
	if Known(name) {
		return name, nil
	}
	switch _, err := os.Stat(name); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case err != nil && !strings.ContainsAny(name, `/`+string(filepath.Separator)):
		return name, nil // no folder, nor the start of names in one: the loader says what is wrong with it
	}
	return filepath.Abs(name)
}

// Known reports whether name is a data set that mnist can fetch.
func Known(name string) bool {
	return slices.ContainsFunc(mnist.Known(), func(k mnist.Info) bool { return k.Name == name })
}

// Recipe returns a preset's recipe for a data set, with what set lays over it, checked as far as that can be without
// the data.
func Recipe(preset, data string, set func(*runs.Recipe) error) (runs.Recipe, error) {
	r, err := runs.Preset(preset)
	if err != nil {
		return r, err
	}
	if !Known(data) {
		r.Split = "" // the presets' are for 60,000 images
	}
	if err := set(&r); err != nil {
		return r, err
	}
	return r, r.Check()
}

// Missing reports whether a data set that could not be read is not there: no file, nowhere to fetch it from, or
// another one in its place. One that is damaged, that the system does not let read, or whose reading was interrupted is
// there.
func Missing(err error) bool {
	var nowhere *mnist.FetchError
	var other *otherError
	var damaged *mnist.ChecksumError
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &damaged):
		return false
	case errors.As(err, &nowhere), errors.As(err, &other):
		return true
	}
	return errors.Is(err, fs.ErrNotExist)
}

// otherError says that a data set is not the one that a run was made with.
type otherError struct{ text string }

func (e *otherError) Error() string { return e.text }

func other(format string, args ...any) error {
	return &otherError{fmt.Sprintf(format, args...)}
}

// ErrNoTests is of a data set without test images.
var ErrNoTests error = &otherError{"the data set has no test images"}

// Source reads the data set that a run was made with, and checks that it is the same. dir is the folder it is in now,
// "" for where the run found it.
func Source(ctx context.Context, f *runs.Folder, dir string, o mnist.Options) (*mnist.Dataset, error) {
	m := f.Manifest.Data
	if n := f.Spec.Classes(); m.Name == "" && n > 256 { // labels are bytes
		return nil, &otherError{fmt.Sprintf("%s was imported without a data set, and none has classes for its %d "+
			"outputs", f.Path, n)}
	}
	if m.Name == "" {
		return nil, other("%s was imported without a data set; import it again with --data mnist, --data fashion or "+
			"--data and a folder of IDX files", f.Path)
	}
	name, at := m.Name, m.Folder
	switch {
	case dir != "" && Known(name):
		at = dir
	case dir != "":
		name = dir
	}
	o.Dir = at
	d, err := mnist.Load(ctx, name, o)
	if err != nil {
		if was := cmp.Or(at, name); dir == "" && !Known(was) && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the data set of %s was in %s; say with --folder DIR where it is now: %w", f.Path,
				was, err)
		}
		return nil, err
	}
	return d, same(f, d)
}

// same returns an error for a data set that is not the one that a run was made with.
func same(f *runs.Folder, d *mnist.Dataset) error {
	if n := d.Test.Pixels(); n != f.Spec.Inputs {
		return other("%s takes %d inputs, but the images of %s have %v pixels",
			f.Path, f.Spec.Inputs, d.Name, d.Test.Shape)
	}
	for i, want := range f.Manifest.Data.Files {
		if i < len(d.Files) && (d.Files[i].SHA256 == "" || sameFile(want, d.Files[i])) {
			continue
		}
		also := ""
		if rawSHA256(want) == "" {
			also = ", or with the same one compressed otherwise: the run keeps the sum of the file alone, not of " +
				"what is in it"
		}
		return other("%s was trained with another %s, of sha256 %s%s; point --folder at the folder that has it",
			f.Path, want.Name, want.SHA256, also)
	}
	return nil
}

// sameFile reports whether a file holds what the one that a run recorded did, compressed or not.
func sameFile(want runs.File, got mnist.File) bool {
	return want.SHA256 == got.SHA256 || got.RawSHA256 != "" &&
		(want.SHA256 == got.RawSHA256 || rawSHA256(want) == got.RawSHA256)
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

// Of reads the examples of a run, cut as it cut them, with the names that it gave to their classes.
func Of(ctx context.Context, f *runs.Folder, dir string, o mnist.Options) (*Examples, error) {
	d, err := Source(ctx, f, dir, o)
	if err != nil {
		return nil, err
	}
	return cutFor(f, d)
}

// OfLoaded is Of for a data set that is in memory.
func OfLoaded(f *runs.Folder, d *mnist.Dataset) (*Examples, error) {
	if err := same(f, d); err != nil {
		return nil, err
	}
	return cutFor(f, d)
}

func cutFor(f *runs.Folder, d *mnist.Dataset) (*Examples, error) {
	r := f.Manifest.Train
	e, err := Cut(d, &r)
	if err != nil {
		return nil, err
	}
	for _, s := range []**mnist.Set{&e.Train, &e.Validation, &e.Test} {
		*s = renamed(*s, f)
	}
	return e, nil
}

// TestsOf reads the test images of a run, cut as it cut them, and leaves the training images, which take most of the
// time to read, where they are.
func TestsOf(ctx context.Context, f *runs.Folder, dir string, o mnist.Options) (*mnist.Set, error) {
	o.TestOnly = true
	d, err := Source(ctx, f, dir, o)
	if err != nil {
		return nil, err
	}
	s, err := ofClasses(d.Test, f.Manifest.Train.Classes)
	if err != nil {
		return nil, err
	}
	return renamed(s, f), nil
}

// renamed is a set with the class names of a run.
func renamed(s *mnist.Set, f *runs.Folder) *mnist.Set {
	named := *s
	if len(f.Manifest.Data.Classes) == len(s.Classes) {
		named.Classes = f.Manifest.Data.Classes
	}
	return &named
}

// Odd says in words what is odd about a training and a test set; it is not nil.
func Odd(train, test *mnist.Set) []string {
	texts := []string{}
	for _, o := range mnist.Odd(train, test) {
		texts = append(texts, OddText(o))
	}
	return texts
}

// OddText says what is odd, with the flag that leaves it out where there is one.
func OddText(o mnist.Oddity) string {
	if o.Keep == nil {
		return o.Text
	}
	return o.Text + "; --classes " + words.Commas(o.Keep) + " keeps those that can be learned"
}

// Cut splits the training images as r says, keeps r's classes, and fills in what r leaves open. The split comes before
// the choice of classes: the first 50,000 images are the same ones whichever classes are kept.
func Cut(d *mnist.Dataset, r *runs.Recipe) (*Examples, error) {
	n, v, err := r.SplitSizes(d.Train.Len())
	if err != nil {
		return nil, err
	}
	if err := d.Train.Shape.Validate(); err != nil {
		return nil, err
	}
	e := &Examples{Source: d, Train: d.Train.Slice(0, n), Validation: d.Train.Slice(n, n+v), Test: d.Test}
	for _, s := range []**mnist.Set{&e.Train, &e.Validation, &e.Test} {
		if *s, err = ofClasses(*s, r.Classes); err != nil {
			return nil, err
		}
	}
	if e.Train.Len() == 0 && len(r.Classes) > 0 {
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

// Data returns a set as the engine takes it; an empty one as the zero Data.
func Data(s *mnist.Set) engine.Data {
	if s.Len() == 0 {
		return engine.Data{}
	}
	return engine.Data{Images: s.Images, Labels: s.Labels}
}

// DeadPixels lists the inputs that are 0 in every training image; the caller must not change the list.
func (e *Examples) DeadPixels() []int {
	e.dead.Do(func() {
		for i, d := range e.Train.NeverInked() {
			if d {
				e.deadList = append(e.deadList, i)
			}
		}
	})
	return e.deadList
}

// Odd says in words what is odd about the images, as [Odd] does.
func (e *Examples) Odd() []string {
	e.odd.Do(func() { e.oddTexts = Odd(e.Train, e.Test) })
	return e.oddTexts
}

// Tellable returns an error for images that are all of one class, of which no network can learn anything.
func (e *Examples) Tellable() error {
	present := ""
	for k, n := range e.Train.ClassCounts() {
		if n == 0 {
			continue
		}
		if present != "" {
			return nil
		}
		present = e.Train.Classes[k]
	}
	return fmt.Errorf("every training image of %s is of class %s: there is nothing to tell apart; see neuroloupe "+
		"data show", e.Source.Name, present)
}

// CheckClasses returns an error for a choice of labels that leaves nothing to tell apart; none chosen is all.
func CheckClasses(labels []int) error {
	if len(labels) == 1 {
		return talk.Usage("--classes %d: want at least two classes, or there is nothing to tell apart", labels[0])
	}
	return nil
}

// Describe says in a run folder what e is, loaded by a name from a folder ("" for the cache), and which pixels are
// dead.
func (e *Examples) Describe(name, dir string, dead []int) runs.Data {
	d := runs.Data{
		Name: name, Title: e.Source.Name, Folder: dir,
		Rows: e.Train.Rows, Cols: e.Train.Cols, Classes: e.Train.Classes, Dead: dead,
		Train: e.Train.Len(), Validation: e.Validation.Len(), Test: e.Test.Len(),
	}
	for _, f := range e.Source.Files {
		d.Files = append(d.Files, runs.File{Name: f.Name, SHA256: f.SHA256, RawSHA256: f.RawSHA256})
	}
	return d
}

// ShapeOf is the shape of the images that a run folder describes: it says nothing of channels, so they are grey.
func ShapeOf(d runs.Data) mnist.Shape { return mnist.Grey(d.Rows, d.Cols) }

// UsedLabels are the labels that training and test images have.
func UsedLabels(d *mnist.Dataset) []int {
	var used []int
	tests := d.Test.ClassCounts()
	for k, n := range d.Train.ClassCounts() {
		if n > 0 && tests[k] > 0 {
			used = append(used, k)
		}
	}
	return used
}

// Some returns n images from all over the set: it may be sorted by class.
func Some(s *mnist.Set, n int) *mnist.Set {
	if n >= s.Len() {
		return s
	}
	out := &mnist.Set{Shape: s.Shape, Classes: s.Classes}
	for i := range n {
		k := i * s.Len() / n
		out.Images = append(out.Images, s.Image(k)...)
		out.Labels = append(out.Labels, s.Labels[k])
	}
	return out
}
