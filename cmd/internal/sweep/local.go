package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// Options say how the runs of a plan are trained on this machine.
type Options struct {
	Folder   Folder
	Plan     *Plan
	Site     *Site
	Shard    Shard
	Retry    bool // train those that failed again, and no others
	FailFast bool // end at the first failure

	Talk  talk.Talk
	Watch func(Event) // told each change; nil for nobody
	Log   io.Writer   // told each change as the log's file is; nil for nobody
}

// Place is where one network at a time is trained.
type Place struct {
	Device job.Device
	Info   engine.Device
	Shares bool // it is on the CPU, and shares the cores with the others
}

// Shard is a part of a sweep: the runs whose place in the plan leaves Index when divided by Of. Without a part it is
// the whole.
type Shard struct{ Index, Of int }

func (s Shard) has(i int) bool { return s.Of == 0 || i%s.Of == s.Index }

// Local trains the runs of a plan on this machine. Other processes may do so with the same folder at the same time.
type Local struct {
	Options
	log    *eventLog
	cancel context.CancelCauseFunc
	images atomic.Int64 // trained on, of all runs
	freeAt func(path string) (int64, error)

	mu      sync.Mutex
	changed *sync.Cond
	entries []*entry
	active  int     // runs that are being trained
	idle    bool    // a place had nothing to do
	row     int     // failures one after another
	broken  error   // why the sweep cannot go on
	pending []Event // to be told when mu is free
}

// entry is what this process knows of a run.
type entry struct {
	Run
	index    int
	name     string
	standing runs.Standing
	result   result
	promoted int
	mine     bool // this process trains it
	wanted   bool // this process is to train it
	workers  int  // on the CPU that it has now; 0 elsewhere
	restart  context.CancelCauseFunc
	step     Step // where it is
	last     *engine.Metrics
	device   string
}

// Step is where in its training a run is.
type Step struct {
	Epoch, Done, Of int // the epoch, from 1, and so many of its steps
	Loss            float64
}

var (
	errRung  = errors.New("the run has reached its rung")
	errCores = errors.New("the run gets more cores")

	// ErrFailures ends a sweep of which too many runs have failed.
	ErrFailures = errors.New("too many runs failed")
	// ErrTime ends a sweep at the end of its time.
	ErrTime = errors.New("the sweep's time is over")
)

// NewLocal looks at what is there of a plan whose folder has been written.
func NewLocal(o Options) (*Local, error) {
	l := &Local{Options: o, freeAt: atomicfile.Free}
	l.changed = sync.NewCond(&l.mu)
	events, err := o.Folder.Events()
	if err != nil {
		return nil, err
	}
	promoted := map[string]int{}
	for _, e := range events {
		if e.Kind == Promoted {
			promoted[e.Run] = max(promoted[e.Run], e.Rung)
		}
	}
	for i, r := range o.Plan.Runs {
		e := &entry{Run: *r, index: i, name: r.Name(o.Plan), promoted: promoted[r.ID]}
		e.Order.Out = o.Folder.Run(r.ID)
		if err := e.look(); err != nil {
			return nil, err
		}
		e.pass(o.Plan.File.Stop)
		e.wanted = o.Shard.has(i)
		if o.Retry {
			e.wanted = e.wanted && e.standing.State == runs.Failed
			e.result.failed = false
		}
		l.entries = append(l.entries, e)
	}
	return l, nil
}

// look reads how far a run is.
func (e *entry) look() error {
	s, err := runs.StandingOf(e.Order.Out)
	if err != nil {
		return err
	}
	e.standing = s
	e.result = result{epochs: e.Order.Recipe.Epochs, failed: s.State == runs.Failed, ended: s.State == runs.Done}
	if s.State == runs.Queued || s.State == runs.Failed {
		return nil
	}
	f, err := runs.Open(e.Order.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is just being made
	}
	if err != nil {
		return err
	}
	metrics, err := f.Metrics()
	for _, m := range metrics {
		e.result.add(m)
	}
	return err
}

// pass notes from how many rungs a run must have been promoted to have done the epochs that it has.
func (e *entry) pass(rule *StopRule) {
	for rule != nil && len(e.result.accuracy) > rule.level(e.promoted+1) {
		e.promoted++
	}
}

// add adds an epoch.
func (r *result) add(m engine.Metrics) {
	accuracy := 0.0
	if m.ValidationAccuracy != nil {
		accuracy = *m.ValidationAccuracy
	}
	r.accuracy = append(r.accuracy, accuracy)
}

// Run trains until every run is done, stopped by the rule, or failed; or until ctx ends: what was under way is then
// saved and can be gone on with. It waits for the runs that other processes train, but not in a shard for those of
// others.
func (l *Local) Run(ctx context.Context) (err error) {
	ctx, l.cancel = context.WithCancelCause(ctx)
	defer l.cancel(nil)
	if l.Plan.File.Time > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, l.Plan.File.Time, ErrTime)
		defer stop()
	}
	if l.log, err = l.Folder.openLog(time.Now(), l.Log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.log.close()) }()
	l.tell(Event{Kind: Opened})
	stop := context.AfterFunc(ctx, l.wake)
	defer stop()
	var each sync.WaitGroup
	for _, p := range l.Site.Places {
		each.Go(func() { l.work(ctx, p) })
	}
	each.Wait()
	l.tell(Event{Kind: Closed})
	if l.broken != nil {
		return l.broken
	}
	if err := l.lookAtOthers(); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && l.left() > 0 {
		if errors.Is(cause, ErrFailures) {
			return cause
		}
		return fmt.Errorf("%w: %w; all is saved, and the same command goes on", engine.ErrInterrupted, cause)
	}
	return nil
}

func (l *Local) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
}

// work trains one run after another in a place.
func (l *Local) work(ctx context.Context, p Place) {
	for {
		e, target := l.next(ctx)
		l.flush()
		if e == nil {
			return
		}
		l.train(ctx, p, e, target)
	}
}

// flush tells what has been decided.
func (l *Local) flush() {
	l.mu.Lock()
	events := l.pending
	l.pending = nil
	l.mu.Unlock()
	for _, e := range events {
		l.tell(e)
	}
}

// tell logs an event. That the log cannot be written ends the sweep: what is not known to have happened cannot be told
// from what did not.
func (l *Local) tell(e Event) {
	e.Time = time.Now().UTC()
	if err := l.log.add(e); err != nil {
		l.mu.Lock()
		l.breakOff(fmt.Errorf("the sweep's log cannot be written: %w", err))
		l.mu.Unlock()
	}
	if l.Watch != nil {
		l.Watch(e)
	}
}

// breakOff ends the sweep for a reason that is no run's; l.mu is held.
func (l *Local) breakOff(err error) {
	if l.broken == nil {
		l.broken = err
	}
	l.cancel(err)
}

// pollEvery is how often the runs of other processes are looked at while there is nothing to do but wait for them.
const pollEvery = 500 * time.Millisecond

// next is a run to train, and to which epoch; nil when there is nothing more to do.
func (l *Local) next(ctx context.Context) (*entry, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ctx.Err() == nil {
		e, target, err := l.choose()
		if err != nil {
			l.breakOff(err)
			return nil, 0
		}
		if e != nil {
			e.mine, l.idle = true, false
			l.active++
			return e, target
		}
		others := l.others()
		if l.active == 0 && !others {
			return nil, 0
		}
		l.spread()
		if others {
			timer := time.AfterFunc(pollEvery, func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				if err := l.lookAgain(); err != nil {
					l.breakOff(err)
				}
				l.changed.Broadcast()
			})
			l.changed.Wait()
			timer.Stop()
		} else {
			l.changed.Wait()
		}
	}
	return nil, 0
}

// open reports whether a run may have to be trained on.
func (e *entry) open() bool {
	return e.standing.State != runs.Done && !e.result.failed
}

// others reports whether there are runs to wait for that other processes train.
func (l *Local) others() bool {
	return slices.ContainsFunc(l.entries, func(e *entry) bool {
		return !e.mine && e.standing.State == runs.Running && (e.wanted || l.Shard.Of == 0)
	})
}

// lookAgain reads how far the runs are that this process does not train.
func (l *Local) lookAgain() error {
	for _, e := range l.entries {
		if e.mine || !e.open() {
			continue
		}
		if e.standing.State == runs.Running || l.Plan.File.Stop != nil {
			if err := e.look(); err != nil {
				return err
			}
			e.pass(l.Plan.File.Stop)
		}
	}
	return nil
}

// lookAtOthers reads what has become of the runs that other processes had.
func (l *Local) lookAtOthers() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.open() && e.standing.State != runs.Interrupted && e.standing.State != runs.Failed {
			if err := e.look(); err != nil {
				return err
			}
		}
	}
	return nil
}

// choose picks the run to go on with: of those that no rule holds back the one that takes longest, so that the last
// ones are short. It writes down what a rule has decided.
func (l *Local) choose() (*entry, int, error) {
	all := make([]result, len(l.entries))
	promoted := make([]int, len(l.entries))
	for i, e := range l.entries {
		all[i], promoted[i] = e.result, e.promoted
	}
	rule := l.Plan.File.Stop
	if rule != nil && rule.Rule == "asha" {
		for i := rule.promotable(all, promoted); i >= 0; i = rule.promotable(all, promoted) {
			e := l.entries[i]
			e.promoted++
			promoted[i]++
			accuracy, _ := e.result.at(rule.level(e.promoted))
			l.pending = append(l.pending, l.event(e, Event{Kind: Promoted, Rung: e.promoted, Validation: &accuracy}))
		}
	}
	var best *entry
	target := 0
	for i, v := range rule.decide(all, promoted) {
		e := l.entries[i]
		switch {
		case e.mine || !e.open() || e.standing.State == runs.Running:
			continue
		case v.stop != nil:
			if err := l.stop(e, v.stop); err != nil {
				return nil, 0, err
			}
			continue
		case v.wait || !e.wanted && (rule == nil || l.Retry || len(e.result.accuracy) == 0):
			continue
		}
		if best == nil || e.wanted && !best.wanted || e.wanted == best.wanted && e.cost() > best.cost() {
			best, target = e, v.target
		}
	}
	return best, target, nil
}

// event fills in what tells of which run an event is.
func (l *Local) event(e *entry, ev Event) Event {
	ev.Run, ev.Name, ev.Epochs = e.ID, e.name, e.Order.Recipe.Epochs
	if ev.Epoch == 0 {
		ev.Epoch = len(e.result.accuracy)
	}
	return ev
}

// stop writes down that a rule has stopped a run.
func (l *Local) stop(e *entry, s *runs.Stop) error {
	if e.standing.State == runs.Stopped && e.standing.Stop != nil && e.standing.Stop.Rung == s.Rung {
		return nil
	}
	s.When = time.Now().UTC().Truncate(time.Second)
	if err := runs.StopAt(e.Order.Out, *s); err != nil {
		return err
	}
	e.standing = runs.Standing{State: runs.Stopped, Stop: s}
	why := fmt.Sprintf("place %d of %d after epoch %d with %.2f %%; of those that go on (%d) the last has %.2f %%",
		s.Rank, s.Of, s.Epoch, 100*s.Accuracy, s.Kept, 100*s.Cut)
	l.pending = append(l.pending,
		l.event(e, Event{Kind: StoppedRun, Rung: s.Rung, Validation: &s.Accuracy, Reason: why}))
	return nil
}
