package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/talk"
)

// mostOpen is how many runs are held open: each has its weights, its test images and what was worked out.
const mostOpen = 4

// shelf is the runs that can be asked about, by their places in a list that does not change.
type shelf struct {
	ctx     context.Context
	dataDir string
	all     []*book

	mu   sync.Mutex
	open []*book // the one asked last at the end
}

// book is one run. Its view is for one request at a time.
type book struct {
	run *study.Run

	mu       sync.Mutex
	view     *gallery.View     // nil while it is not open
	diagnose *doctor.Diagnosis // nil until it is asked for
	moments  []moment          // nil until they are asked for
	accurate string            // what their accuracy is of
	networks []network         // of other times, and broken; the one asked last at the end
}

// newShelf takes of the runs found those that have weights to show.
func newShelf(ctx context.Context, found []*study.Run, dataDir string) *shelf {
	s := &shelf{ctx: ctx, dataDir: dataDir}
	for _, r := range found {
		if r.Trained() || r.Import != "" || r.Damage == "" && r.Epochs > 0 && r.Standing.State != runs.Queued {
			s.all = append(s.all, &book{run: r})
		}
	}
	return s
}

// with opens the run of a place, if need be, and does something with it.
func (s *shelf) with(place int, do func(*book) error) error {
	b := s.all[place]
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.view == nil {
		v, err := gallery.Open(s.ctx, b.run.Path, s.dataDir, talk.Silent{})
		if err != nil {
			return err
		}
		b.view = v
	}
	old := s.touch(b)
	err := do(b)
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

// close closes all runs. It waits for what is being answered.
func (s *shelf) close() error {
	var err error
	for _, b := range s.all {
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
		return 0, notThere{fmt.Errorf("layer %d: %s has layers 1 to %d", n, b.run.Name, layers)}
	}
	return n - 1, nil
}

// notThere is an error of whoever asked: what was asked for is not there.
type notThere struct{ error }
