package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// train trains a run in a place until an epoch, and tells what became of it.
func (l *Local) train(ctx context.Context, p Place, e *entry, target int) {
	again, err := l.trainWith(ctx, p, e, target, l.Talk)
	for again && !e.reached(target) {
		again, err = l.trainWith(ctx, p, e, target, talk.Silent{})
	}
	l.mu.Lock()
	var told []Event
	var busy *runs.BusyError
	switch {
	case err == nil && e.result.failed: // in another process, meanwhile
	case errors.As(err, &busy):
		e.standing = runs.Standing{State: runs.Running, Holder: busy.Holder}
	case err == nil && len(e.result.accuracy) < e.Order.Recipe.Epochs && !e.result.ended:
		e.standing = runs.Standing{State: runs.Interrupted}
		told = append(told, l.event(e, Event{Kind: Paused}))
	case err == nil:
		e.standing, e.result.ended, l.row = runs.Standing{State: runs.Done}, true, 0
	case ctx.Err() != nil:
		e.standing = runs.Standing{State: runs.Interrupted}
		told = append(told, l.event(e, Event{Kind: Interrupted, Reason: reason(err)}))
	case atomicfile.DiskFull(err):
		e.standing = runs.Standing{State: runs.Interrupted}
		l.breakOff(fmt.Errorf("the disk is full: %w; free some room, or keep less with frames = \"none\" under [set]; "+
			"what is trained is safe, and the same command goes on", err))
	default:
		told = append(told, l.failed(e, err))
	}
	l.mu.Unlock()
	for _, ev := range told {
		l.tell(ev)
	}
	l.mu.Lock()
	e.mine, e.restart, e.workers = false, nil, 0
	l.active--
	l.changed.Broadcast()
	l.mu.Unlock()
}

// reached reports whether a run is where a rung is decided.
func (e *entry) reached(target int) bool {
	return target < e.Order.Recipe.Epochs && len(e.result.accuracy) >= target
}

// failed notes that a run has failed, and ends the sweep when too many have; l.mu is held.
func (l *Local) failed(e *entry, err error) Event {
	l.row++
	e.result.failed = true
	e.standing = runs.Standing{State: runs.Failed, Failure: &runs.Failure{Reason: reason(err), Final: final(err)}}
	switch limit := l.Plan.File.Failures; {
	case l.FailFast:
		l.cancel(fmt.Errorf("%w: --fail-fast ends the sweep at the first", ErrFailures))
	case limit > 0 && l.row >= limit:
		l.cancel(fmt.Errorf("%w: %d one after another, the limit of the sweep's file", ErrFailures, l.row))
	}
	return l.event(e, Event{Kind: FailedRun, Epoch: e.step.Epoch, Reason: reason(err), Final: final(err)})
}

// reason is what an error says; of one that diverged not where the run is kept, which is where this is read.
func reason(err error) string {
	var diverged *engine.DivergedError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &diverged):
		return diverged.Error()
	}
	return err.Error()
}

// final reports whether the same settings would fail again.
func final(err error) bool {
	var diverged *engine.DivergedError
	var usage talk.UsageError
	return errors.As(err, &diverged) || errors.As(err, &usage)
}

// trainWith trains a run with the workers that it has now; again is true when it is to be gone on with more.
func (l *Local) trainWith(ctx context.Context, p Place, e *entry, target int, say talk.Talk) (again bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	device := p.Device
	if p.Shares {
		l.mu.Lock()
		device.Workers = l.share()
		l.mu.Unlock()
	}
	if err := l.roomFor(e); err != nil {
		l.mu.Lock()
		l.breakOff(err)
		l.mu.Unlock()
		return false, err
	}
	j, err := l.open(ctx, e, device, say)
	if err != nil {
		if busy := (*runs.BusyError)(nil); errors.As(err, &busy) || ctx.Err() != nil {
			return false, err
		}
		return false, errors.Join(err, l.fail(e, err))
	}
	if j == nil {
		return false, nil
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	// Now that nobody else can: another process may have trained it on since this one looked.
	metrics, err := j.Folder.Metrics()
	if err != nil {
		return false, errors.Join(err, l.fail(e, err))
	}
	l.mu.Lock()
	e.result.accuracy = nil
	for _, m := range metrics {
		e.result.add(m)
	}
	if e.reached(target) {
		l.mu.Unlock()
		return false, nil
	}
	if p.Shares {
		e.restart, e.workers = cancel, device.Workers
	}
	l.mu.Unlock()
	err = j.Train(l.events(e, target, cancel))
	cause := context.Cause(ctx)
	l.mu.Lock()
	e.restart = nil // drawing is not begun twice
	l.mu.Unlock()
	switch {
	case errors.Is(cause, errCores) && (err == nil || errors.Is(err, cause)):
		return true, nil // also when it came to its end at that moment: it is yet to be drawn
	case errors.Is(err, errRung):
		return false, nil
	case err == nil:
		if err = j.Finish(job.Events{}); err == nil {
			l.tell(l.finished(e, j))
			return false, nil
		}
	}
	if ctx.Err() == nil && !atomicfile.DiskFull(err) {
		err = errors.Join(err, l.fail(e, err))
	}
	return false, err
}

// open begins a run, or goes on with what is there of it; the job is nil when it has come to its end, or failed, in
// another process.
func (l *Local) open(ctx context.Context, e *entry, d job.Device, say talk.Talk) (*job.Job, error) {
	o := e.Order
	o.Device = d
	for {
		s, err := runs.StandingOf(o.Out)
		switch {
		case err != nil:
			return nil, err
		case s.State == runs.Done, s.State == runs.Failed && !l.Retry:
			l.mu.Lock()
			defer l.mu.Unlock()
			return nil, e.look()
		case s.State == runs.Running:
			return nil, &runs.BusyError{Run: o.Out, Holder: s.Holder}
		}
		if made(o.Out) {
			return job.Resume(ctx, o.Out, job.Change{
				Device: &d.Want, Workers: &d.Workers, Mode: &d.GPU.Mode, Precision: &d.GPU.Precision, Data: o.Data,
				Lend: d.Lend,
			}, say)
		}
		j, err := job.Begin(ctx, o, say)
		if err != nil && made(o.Out) {
			continue // another process was faster
		}
		return j, err
	}
}

// made reports whether a folder holds a run.
func made(path string) bool {
	_, err := runs.Open(path)
	return err == nil
}

// fail writes down why a run has failed.
func (l *Local) fail(e *entry, err error) error {
	l.mu.Lock()
	f := runs.Failure{
		Reason: reason(err), Final: final(err), Epoch: e.step.Epoch, Step: e.step.Done,
		When: time.Now().UTC().Truncate(time.Second), Last: e.last,
	}
	l.mu.Unlock()
	var diverged *engine.DivergedError
	if errors.As(err, &diverged) {
		f.Epoch, f.Step = diverged.Epoch, diverged.Step
	}
	return runs.Fail(e.Order.Out, f)
}

// events note how far a run is.
func (l *Local) events(e *entry, target int, cancel context.CancelCauseFunc) job.Events {
	var start job.Start
	seen := 0 // images of the epoch
	return job.Events{
		Start: func(s job.Start) {
			l.mu.Lock()
			start, e.device = s, s.Device.ID
			seen = min(s.Step*s.Batch, s.Images)
			ev := l.event(e, Event{Kind: Began, Epoch: s.Done, Device: e.device})
			l.mu.Unlock()
			l.tell(ev)
		},
		Steps: func(epoch, done, of int, loss float64) {
			images := min(done*start.Batch, start.Images)
			l.images.Add(int64(max(0, images-seen)))
			if seen = images; done == of {
				seen = 0
			}
			l.mu.Lock()
			e.step = Step{epoch, done, of, loss}
			l.mu.Unlock()
		},
		Epoch: func(m engine.Metrics) {
			l.mu.Lock()
			e.last = &m
			l.mu.Unlock()
		},
		Saved: func(epoch int) {
			l.mu.Lock()
			m := e.last
			e.result.add(*m)
			ev := l.event(e, Event{
				Kind: Epoch, Epoch: epoch, Loss: &m.Loss, Validation: m.ValidationAccuracy, Test: m.TestAccuracy,
				Seconds: m.Seconds,
			})
			l.mu.Unlock()
			l.tell(ev)
			if e.reached(target) {
				cancel(errRung)
			}
		},
	}
}

// finished tells of a run that is trained and drawn.
func (l *Local) finished(e *entry, j *job.Job) Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.result.ended = true
	ev := Event{Kind: Finished, Epoch: j.State.Epoch, Device: j.Device().ID}
	if m := e.last; m != nil {
		ev.Loss, ev.Validation, ev.Test = &m.Loss, m.ValidationAccuracy, m.TestAccuracy
	}
	return l.event(e, ev)
}

// share is how many cores a run on the CPU gets now; l.mu is held.
func (l *Local) share() int {
	places := 0
	for _, p := range l.Site.Places {
		if p.Shares {
			places++
		}
	}
	if l.idle {
		places = min(places, l.active)
	}
	return max(1, l.Site.Cores/max(1, places))
}

// spread gives the cores of a place that has nothing to do to the runs that are left; l.mu is held. The weights do not
// depend on the number of workers.
func (l *Local) spread() {
	l.idle = true
	for _, e := range l.entries {
		if e.restart != nil && e.workers < l.share() {
			e.restart(errCores)
			e.restart = nil
		}
	}
}
