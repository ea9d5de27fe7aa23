package lesson

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// State is what a lesson does.
type State string

// The states of a lesson.
const (
	Begins State = "begins" // its folder and its device are made ready
	Paused State = "paused"
	Plays  State = "plays"
	Ended  State = "ended" // after its last epoch, or by early stopping
	Failed State = "failed"
	Over   State = "over" // let go
)

// Status is how a lesson stands.
type Status struct {
	Version uint64  `json:"version"` // rises whenever anything below changes
	State   State   `json:"state"`
	Epoch   int     `json:"epoch"` // whole epochs done
	Epochs  int     `json:"epochs"`
	Step    int     `json:"step"` // of the epoch that has begun
	Of      int     `json:"of"`   // steps of an epoch
	Steps   uint64  `json:"steps"`
	Loss    float64 `json:"loss"`  // mean of the epoch that has begun, of the last one before its first step
	Rate    float64 `json:"rate"`  // images/s of the last call to the device, with the turns of others left out; 0 before
	Frame   int     `json:"frame"` // number of the last picture
	Device  string  `json:"device"`
	Kept    string  `json:"kept"` // the run folder it is kept in
	Error   string  `json:"error"`
}

// Frame is a picture of a network in the midst of its training. It is not changed any more.
type Frame struct {
	Number int
	Epoch  int // whole epochs done
	Step   int // of the next one
	Gamma  float64
	Params engine.Params
}

// frameTime is how often a picture is taken at most, in each of the calls of callTime; and frameShare is how many times
// longer than the taking of one the training goes on before the next.
const (
	callTime   = 25 * time.Millisecond
	frameTime  = 25 * time.Millisecond
	frameShare = 50
)

// maxMoments is how many bytes the pictures after whole epochs may take; beyond it every second is let go.
const maxMoments = 64 << 20

// Lesson is a training that is watched. Its methods may be called by several goroutines.
type Lesson struct {
	school *School
	order  job.Order
	spec   engine.Spec
	cancel context.CancelFunc
	done   chan struct{} // closed when its goroutine has ended

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, when the status changes
	status  Status
	frame   Frame
	moments []Frame
	every   int // of how many epochs one is kept in moments
	metrics []engine.Metrics
	play    bool
	until   uint64 // pause when so many steps are done; 0 = never
	dropped bool   // to be let go
	keeps   []chan<- kept
	err     error // of the goroutine

	// Of its goroutine alone.
	job   *job.Job
	next  time.Time // when another picture may be taken
	asked uint64    // steps done before the call that is under way
	began time.Time // of that call
}

type kept struct {
	path string
	err  error
}

func newLesson(s *School, o job.Order, spec engine.Spec) *Lesson {
	ctx, cancel := context.WithCancel(context.Background())
	n := (o.Examples.Train.Len() + o.Recipe.Batch - 1) / o.Recipe.Batch
	l := &Lesson{
		school: s, order: o, spec: spec, cancel: cancel, done: make(chan struct{}),
		changed: make(chan struct{}), every: 1,
		status: Status{Version: 1, State: Begins, Epochs: o.Recipe.Epochs, Of: n, Loss: 0},
	}
	l.frame = Frame{Gamma: 1, Params: job.Initial(spec, o.Recipe, o.Examples.DeadPixels())}
	l.moments = []Frame{l.frame}
	go l.run(ctx)
	return l
}

// Spec is that of the network.
func (l *Lesson) Spec() engine.Spec { return l.spec }

// Recipe is what it is trained by.
func (l *Lesson) Recipe() runs.Recipe { return l.order.Recipe }

// Data is the name of the data set, and Examples are its images.
func (l *Lesson) Data() string { return l.order.Name }

// Examples are the images.
func (l *Lesson) Examples() *dataset.Examples { return l.order.Examples }

// Start are the weights W₀ that it began with.
func (l *Lesson) Start() engine.Params {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.moments[0].Params
}

// Folder opens the folder that it is in now, to be read, as soon as that is made.
func (l *Lesson) Folder(ctx context.Context) (*runs.Folder, error) {
	s := l.Status()
	for s.State == Begins && ctx.Err() == nil {
		s = l.Wait(ctx, s.Version)
	}
	if s.Kept != "" {
		return runs.Open(s.Kept)
	}
	return runs.Open(l.order.Out)
}

// Status is how it stands.
func (l *Lesson) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// Wait waits until the status has another version than seen, or ctx is done, and returns it.
func (l *Lesson) Wait(ctx context.Context, seen uint64) Status {
	for {
		l.mu.Lock()
		s, changed := l.status, l.changed
		l.mu.Unlock()
		if s.Version != seen || s.State == Over {
			return s
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s
		}
	}
}

// Frame is the last picture.
func (l *Lesson) Frame() Frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.frame
}

// Moments are pictures after whole epochs, epoch 0 first; of a long training not of every one.
func (l *Lesson) Moments() []Frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.moments)
}

// GammaOf is what is left of the start in a picture: what is known of γ, or where no factor is, what the weights say.
func (l *Lesson) GammaOf(f Frame) float64 {
	if l.spec.HasGamma() {
		return f.Gamma
	}
	return inspect.EstimateGamma(f.Params.Weight(1), l.Start().Weight(1))
}

// Metrics are those of the epochs from the nth on, from 0.
func (l *Lesson) Metrics(n int) []engine.Metrics {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.metrics[min(n, len(l.metrics)):])
}

// Play goes on to the end.
func (l *Lesson) Play() { l.steer(true, 0) }

// Pause stops between two steps.
func (l *Lesson) Pause() { l.steer(false, 0) }

// Until goes on until so many steps are done since the start, and pauses.
func (l *Lesson) Until(steps uint64) { l.steer(true, steps) }

// Step does one step and pauses.
func (l *Lesson) Step() { l.Until(l.Status().Steps + 1) }

// Epoch goes on to the end of an epoch and pauses.
func (l *Lesson) Epoch() {
	s := l.Status()
	l.Until(uint64(s.Epoch+1) * uint64(s.Of))
}

func (l *Lesson) steer(play bool, until uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.play, l.until = play, until
	l.tell() // to its goroutine too, which says when it plays or waits
}

// goes reports whether the next step is to be done. The mutex is held.
func (l *Lesson) goes(steps uint64) bool { return l.play && (l.until == 0 || steps < l.until) }

// tell tells all who wait that something has changed. The mutex is held.
func (l *Lesson) tell() {
	l.status.Version++
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *Lesson) change(f func(*Status)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.status)
	l.tell()
}

// over reports whether it has been let go.
func (l *Lesson) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

var errDropped = errors.New("the training has been let go")

// End lets it go: what was kept is saved as it is, what was not is removed.
func (l *Lesson) End() error {
	l.mu.Lock()
	if l.status.Kept != "" || l.status.State == Begins { // the latter may wait for a device
		l.cancel()
	}
	l.dropped = true
	l.tell()
	l.mu.Unlock()
	<-l.done
	return l.err
}

// Keep makes the training a run among the others, as train would have written it, and returns its folder. It goes on
// there. One that is kept already stays where it is.
func (l *Lesson) Keep(ctx context.Context) (string, error) {
	answer := make(chan kept, 1)
	l.mu.Lock()
	l.keeps = append(l.keeps, answer)
	l.tell()
	l.mu.Unlock()
	select {
	case k := <-answer:
		return k.path, k.err
	case <-l.done:
		return "", errDropped
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
