package lesson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// Limits of what may be asked for.
const (
	MaxLessons = 2       // at once
	MaxWeights = 1 << 22 // of a network: a picture of it is 16 MB
	MaxEpochs  = 10_000
)

// School has lessons, and what they share. The fields are set before its first use, and then left alone.
type School struct {
	Root    string // the folder that runs are kept in
	Device  job.Device
	Version string // of the program
	Talk    talk.Talk

	// Load reads a data set; nil reads those that can be had by name.
	Load func(ctx context.Context, name string) (*mnist.Dataset, error)

	once    sync.Once
	clock   *clock
	rescued error

	mu      sync.Mutex
	lessons []*Lesson
	made    int
	data    []cut
}

// cut is a data set as a recipe cut it, for the next lesson on the same.
type cut struct {
	name, split, classes string
	examples             *dataset.Examples
}

// folder is where lessons are until they are kept.
func (s *School) folder() string { return filepath.Join(s.Root, ".lessons") }

// open makes the school ready, once.
func (s *School) open() error {
	s.once.Do(func() {
		s.clock = newClock()
		if s.Talk == nil {
			s.Talk = talk.Silent{}
		}
		s.rescued = s.rescue()
	})
	return s.rescued
}

// rescue keeps what a program that was killed has left: a lesson that has done an epoch, and removes others.
func (s *School) rescue() error {
	entries, err := os.ReadDir(s.folder())
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(s.folder(), e.Name())
		f, st, err := runs.Resume(path)
		var busy *runs.BusyError
		switch {
		case errors.As(err, &busy): // another program's
			continue
		case err != nil || st.Epoch == 0: // it never began, or has nothing to keep
			if err == nil {
				err = f.Close()
			}
			if err == nil {
				err = runs.Remove(path)
			}
			if err != nil {
				s.Talk.Say("%s is left of a training that was cut off, and cannot be kept: %v", path, err)
			}
			continue
		}
		err = errors.Join(f.Settle(s.base(f)), f.Close())
		if err != nil {
			return err
		}
		s.Talk.Say("a training that was cut off after epoch %d is kept; go on with: neuroloupe train --resume "+
			"%s", st.Epoch,
			f.Path)
	}
	return nil
}

// base is the name that train gives a run.
func (s *School) base(f *runs.Folder) string {
	m := f.Manifest
	return filepath.Join(s.Root, job.FolderName(filepath.Base(m.Data.Name), f.Spec, m.Train))
}

// Order is what a lesson is to be on: a recipe and the data set that it is cut from, by name.
type Order struct {
	Recipe  runs.Recipe
	Data    string
	Replace *Lesson // that is let go to make room for it, unless the order is refused; nil for none
}

// Begin begins a lesson, which waits to be played. ctx is that of the reading of the data set alone. The error says
// which setting no network can have.
func (s *School) Begin(ctx context.Context, o Order) (*Lesson, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if o.Recipe.Epochs > MaxEpochs {
		return nil, talk.Usage("epochs %d: want 1 to %d", o.Recipe.Epochs, MaxEpochs)
	}
	e, err := s.examples(ctx, &o)
	if err != nil {
		return nil, err
	}
	order := job.Order{
		Recipe: o.Recipe, Data: e.Source, Examples: e, Name: o.Data, Device: s.Device, Version: s.Version,
	}
	_, spec, err := order.Plan() // which fills in the recipe
	if err != nil {
		return nil, err
	}
	if n := weights(spec); n > MaxWeights {
		return nil, talk.Usage("network %s has %d weights, more than the %d that can be watched; train it with "+
			"neuroloupe train", spec, n, MaxWeights)
	}
	if o.Replace != nil {
		if err := o.Replace.End(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() >= MaxLessons {
		return nil, talk.Usage("%d trainings are open, as many as there may be; let one go first", MaxLessons)
	}
	s.made++
	order.Out = filepath.Join(s.folder(), strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(s.made))
	l := newLesson(s, order, spec)
	s.lessons = append(s.lessons, l)
	return l, nil
}

func weights(spec engine.Spec) int {
	n := 0
	for _, p := range spec.ParamInfo() {
		n += p.Len()
	}
	return n
}

// running counts the lessons that are not over. The mutex is held.
func (s *School) running() int {
	s.lessons = slices.DeleteFunc(s.lessons, func(l *Lesson) bool { return l.over() })
	return len(s.lessons)
}

// examples returns a data set, cut as a recipe says, and fills in the recipe's split. The last few are kept.
func (s *School) examples(ctx context.Context, o *Order) (*dataset.Examples, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := cut{name: o.Data, split: o.Recipe.Split, classes: fmt.Sprint(o.Recipe.Classes)}
	var source *mnist.Dataset
	for i, c := range s.data {
		if c.name == key.name {
			source = c.examples.Source
		}
		if c.name == key.name && c.split == key.split && c.classes == key.classes {
			s.data = append(slices.Delete(s.data, i, i+1), c)
			_, _, err := o.Recipe.SplitSizes(source.Train.Len())
			return c.examples, err
		}
	}
	if source == nil {
		load := s.Load
		if load == nil {
			load = func(ctx context.Context, name string) (*mnist.Dataset, error) {
				return mnist.Load(ctx, name, mnist.Options{})
			}
		}
		var err error
		if source, err = load(ctx, o.Data); err != nil {
			return nil, err
		}
	}
	e, err := dataset.Cut(source, &o.Recipe)
	if err != nil {
		return nil, talk.UsageError{Err: err}
	}
	e.Odd() // both take long, and are known from then on
	e.DeadPixels()
	key.examples = e
	const most = 3
	s.data = append(s.data, key)
	s.data = s.data[max(0, len(s.data)-most):]
	return e, nil
}

// Close ends all lessons. What has been trained is kept, and said. More calls do nothing.
func (s *School) Close() error {
	s.mu.Lock()
	lessons := s.lessons
	s.lessons = nil
	s.mu.Unlock()
	var errs []error
	for _, l := range lessons {
		at := l.Status()
		if at.Steps > 0 && at.Kept == "" {
			if _, err := l.Keep(context.Background()); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		errs = append(errs, l.End())
		switch kept := l.Status().Kept; {
		case kept == "":
		case at.State == Plays || at.State == Paused:
			s.Talk.Say("saved; go on with: neuroloupe train --resume %s", kept)
		default:
			s.Talk.Say("kept: %s", kept)
		}
	}
	if err := os.Remove(s.folder()); err != nil && !os.IsNotExist(err) && !notEmpty(s.folder()) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// notEmpty reports whether a folder holds what another program is at work on.
func notEmpty(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && slices.ContainsFunc(entries,
		func(e os.DirEntry) bool { return !strings.HasSuffix(e.Name(), ".tmp") })
}
