package lesson

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine"
)

// run is the goroutine of a lesson.
func (l *Lesson) run(ctx context.Context) {
	defer close(l.done)
	defer l.cancel()
	var err error
	if l.job, err = job.Begin(ctx, l.order, l.school.Talk); err == nil {
		err = l.train()
	}
	if err != nil && !errors.Is(err, errDropped) && !errors.Is(err, engine.ErrInterrupted) {
		l.change(func(s *Status) { s.State, s.Error = Failed, err.Error() })
	} else if err == nil {
		l.change(func(s *Status) { s.State = Ended })
		if l.Status().Kept != "" {
			l.finish()
		}
	}
	l.school.clock.rest(l)
	for { // nothing is trained any more, but it may still be kept
		if stop := l.attend(false); stop {
			break
		}
	}
	l.close()
}

// train trains it to its end.
func (l *Lesson) train() error {
	device := l.job.Device().ID
	l.change(func(s *Status) { s.Device = device })
	return l.job.Train(job.Events{
		Between: l.between, CallTime: callTime,
		Epoch: l.ended,
		Saved: func(epoch int) {
			if epoch < l.order.Recipe.Epochs && !l.job.State.Stopped {
				l.attend(true)
			}
		},
		Steps: func(_, _, _ int, loss float64) { l.stepped(loss) },
	})
}

// between is called before each call to the device.
func (l *Lesson) between(p engine.Progress, read func(...engine.Tensor) error) (int, error) {
	l.school.clock.give(l)
	if p.Steps == 0 {
		l.change(func(s *Status) { s.State = Paused })
	}
	if p.Step > 0 && (time.Now().After(l.next) || !l.wants(p.Steps)) { // after a whole epoch there is one: see ended
		if err := l.look(p, read); err != nil {
			return 0, err
		}
	}
	if stop := l.attend(true); stop {
		return 0, l.stop()
	}
	l.school.clock.take(l, float64(p.Epoch)+float64(p.Step)/float64(l.status.Of))
	l.began, l.asked = time.Now(), p.Steps
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until > p.Steps {
		return int(min(l.until-p.Steps, math.MaxInt32)), nil
	}
	return 0, nil
}

// look takes a picture.
func (l *Lesson) look(p engine.Progress, read func(...engine.Tensor) error) error {
	now := time.Now()
	params := l.spec.ParamInfo()
	for i := range params {
		params[i].Data = make([]float32, params[i].Len())
	}
	if err := read(params...); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.show(Frame{Epoch: p.Epoch, Step: p.Step, Gamma: p.Decay.Gamma, Params: params})
	l.tell()
	l.next = now.Add(max(frameTime, frameShare*time.Since(now)))
	return nil
}

// show makes a picture the last one. The mutex is held.
func (l *Lesson) show(f Frame) {
	l.status.Frame++
	f.Number = l.status.Frame
	l.frame = f
}

// stop is the error that a training that is let go ends with: none for one that is kept, which is saved.
func (l *Lesson) stop() error {
	if l.Status().Kept != "" {
		return nil
	}
	return errDropped
}

// wants reports whether it is to go on.
func (l *Lesson) wants(steps uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.goes(steps)
}

// stepped notes what a call to the device did.
func (l *Lesson) stepped(loss float64) {
	took := time.Since(l.began)
	st := l.job.State
	l.change(func(s *Status) {
		s.Epoch, s.Step, s.Steps = st.Epoch, st.Step, st.Steps
		s.Rate = float64(st.Steps-l.asked) * float64(l.order.Recipe.Batch) / max(took.Seconds(), 1e-9)
		if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
			s.Loss = loss
		}
	})
}

// ended notes what an epoch ended with.
func (l *Lesson) ended(m engine.Metrics) {
	l.school.clock.give(l)
	f := Frame{Epoch: m.Epoch, Gamma: m.Gamma, Params: l.job.State.Params.Clone()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.metrics = append(l.metrics, m)
	l.status.Epoch, l.status.Step = m.Epoch, 0
	l.show(f)
	if m.Epoch%l.every == 0 {
		l.moments = append(l.moments, l.frame)
	}
	for len(l.moments) > 2 && len(l.moments)*4*weights(l.spec) > maxMoments {
		l.every *= 2
		l.moments = slices.DeleteFunc(l.moments, func(f Frame) bool { return f.Epoch%l.every != 0 })
	}
	l.tell()
}

// attend does what is asked for, and waits until the training is to go on: with true until it goes, else until more is
// asked for. stop says that it is to be let go.
func (l *Lesson) attend(training bool) (stop bool) {
	for {
		l.mu.Lock()
		keeps := l.keeps
		l.keeps = nil
		goes := training && l.goes(l.status.Steps)
		state := Paused
		if goes {
			state = Plays
		}
		if training && l.status.State != state {
			l.status.State = state
			l.tell()
		}
		stop, changed := l.dropped, l.changed
		l.mu.Unlock()
		if len(keeps) > 0 {
			k := l.settle()
			for _, c := range keeps {
				c <- k
			}
			continue
		}
		if stop || goes {
			return stop
		}
		l.school.clock.rest(l)
		<-changed
	}
}

// settle is Keep on the goroutine of the lesson.
func (l *Lesson) settle() kept {
	s := l.Status()
	if s.Kept != "" {
		return kept{path: s.Kept}
	}
	if l.job == nil || s.State == Begins {
		return kept{err: errors.New("the training has not begun, so that there is nothing to keep")}
	}
	if err := l.job.Folder.Settle(l.school.base(l.job.Folder)); err != nil {
		return kept{err: fmt.Errorf("the training could not be kept: %w", err)}
	}
	path := l.job.Folder.Path
	l.change(func(s *Status) { s.Kept = path })
	if s.State == Ended {
		l.finish()
	}
	return kept{path: path}
}

// finish ends the folder of a run that is kept and trained to its end.
func (l *Lesson) finish() {
	if err := l.job.Finish(job.Events{}); err != nil {
		l.school.Talk.Say("%s: %v", l.job.Folder.Path, err)
	}
}

// close gives back what it holds, and removes what was not kept.
func (l *Lesson) close() {
	var err error
	path := l.order.Out
	if l.job != nil {
		err = l.job.Close()
	}
	l.mu.Lock()
	l.status.State = Over
	gone := l.status.Kept == ""
	l.tell()
	l.mu.Unlock()
	if gone && l.job != nil {
		err = errors.Join(err, runs.Remove(path))
	}
	l.err = err
}
