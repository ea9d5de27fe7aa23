package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/lesson"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/talk"
)

// mostOpen is how many runs are held open: each has its weights, its test images and what was worked out.
const mostOpen = 4

// shelf is the runs that can be asked about, by their places in a list that only grows, and the trainings under way.
type shelf struct {
	ctx     context.Context
	dataDir string
	school  *lesson.School

	patience time.Duration // with the reader of a stream; 0 is sendTime

	mu      sync.Mutex
	all     []*book
	lessons map[string]*book
	made    int     // lessons so far
	open    []*book // the one asked last at the end
	streams int     // that are open
}

// book is one run, or one training that is under way. Its view is for one request at a time.
type book struct {
	run    *study.Run     // nil for a training
	lesson *lesson.Lesson // nil for a run
	grows  bool           // a run that was kept of a training, which may go on

	mu       sync.Mutex
	view     *gallery.View     // nil while it is not open
	diagnose *doctor.Diagnosis // nil until it is asked for
	moments  []moment          // nil until they are asked for
	accurate string            // what their accuracy is of
	networks []network         // of other times, and broken; the one asked last at the end
}

// newShelf takes of the runs found those that have weights to show.
func newShelf(ctx context.Context, found []*study.Run, dataDir string) *shelf {
	s := &shelf{ctx: ctx, dataDir: dataDir, lessons: map[string]*book{}}
	for _, r := range found {
		if r.Trained() || r.Import != "" || r.Damage == "" && r.Epochs > 0 && r.Standing.State != runs.Queued {
			s.all = append(s.all, &book{run: r})
		}
	}
	return s
}

// find finds a run by its place in the list, or a training by its name.
func (s *shelf) find(name string) (*book, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.lessons[name]; b != nil {
		return b, nil
	}
	if strings.HasPrefix(name, lessonPrefix) {
		return nil, notThere{errors.New("that training has been let go")}
	}
	place, err := within("run", name, len(s.all)-1)
	if err != nil {
		return nil, err
	}
	return s.all[place], nil
}

// with opens a run or a training, if need be, and does something with it.
func (s *shelf) with(name string, do func(*book) error) error {
	b, err := s.find(name)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.view == nil {
		if b.view, err = s.look(b); err != nil {
			return err
		}
	}
	old := s.touch(b)
	err = do(b)
	if old != nil {
		// Closed by another goroutine, which may have to wait for a long answer of that run.
		go func() {
			old.mu.Lock()
			defer old.mu.Unlock()
			_ = old.close() // a CPU's executor holds memory alone
		}()
	}
	return err
}

// look makes the view of a book.
func (s *shelf) look(b *book) (*gallery.View, error) {
	if b.lesson == nil {
		return gallery.Open(s.ctx, b.run.Path, s.dataDir, talk.Silent{})
	}
	f, err := b.lesson.Folder(s.ctx)
	if err != nil {
		return nil, err
	}
	return gallery.Begun(s.ctx, f, b.lesson.Start(), b.lesson.Examples(), talk.Silent{}), nil
}

// touch notes that a run is used, and returns the one that has been unused longest when too many are open.
func (s *shelf) touch(b *book) (old *book) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(slices.DeleteFunc(s.open, func(o *book) bool { return o == b }), b)
	if len(s.open) > mostOpen {
		old, s.open = s.open[0], s.open[1:]
	}
	return old
}

// close saves the trainings and closes all runs. It waits for what is being answered.
func (s *shelf) close() error {
	err := s.school.Close()
	s.mu.Lock()
	all := slices.Clone(s.all)
	for _, b := range s.lessons {
		all = append(all, b)
	}
	s.mu.Unlock()
	for _, b := range all {
		b.mu.Lock()
		err = errors.Join(err, b.close())
		b.mu.Unlock()
	}
	return err
}

// close closes a run, whose mutex is held.
func (b *book) close() error {
	if b.view == nil {
		return nil
	}
	err := b.view.Close()
	b.view, b.diagnose, b.moments, b.networks = nil, nil, nil, nil
	return err
}

// layer returns the index of layer n, 1 being the first.
func (b *book) layer(n int) (int, error) {
	if layers := len(b.view.Spec().Layers); n < 1 || n > layers {
		return 0, notThere{fmt.Errorf("layer %d: the network has layers 1 to %d", n, layers)}
	}
	return n - 1, nil
}

// notThere is an error of whoever asked: what was asked for is not there.
type notThere struct{ error }
