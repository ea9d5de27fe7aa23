package sweep

import (
	"time"

	"neuroloupe/cmd/internal/runs"
)

// Progress is how far a sweep is, as this process knows.
type Progress struct {
	// Left are neither done, failed nor stopped, those running among them.
	Runs, Done, Running, Failed, Stopped, Left int
	Images                                     int64 // trained on by this process

	Active []Active
	Best   *Best   // nil while no run is done
	Part   float64 // of the work, done, from 0 to 1
}

// Active is a run that this process trains.
type Active struct {
	ID, Name string
	Device   string
	Epochs   int
	Step
}

// Best is the run of the best accuracy on the validation images; on the test images where there are none.
type Best struct {
	ID, Name string
	Accuracy float64
	Loss     float64
}

// Progress tells how far the sweep is. It may be asked for at any time, but not by [Options.Watch].
func (l *Local) Progress() Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := Progress{Images: l.images.Load()}
	work, done := 0.0, 0.0
	for _, e := range l.entries {
		if !e.wanted {
			continue
		}
		p.Runs++
		part := float64(len(e.result.accuracy))
		switch {
		case e.result.failed:
			p.Failed++
		case e.standing.State == runs.Done:
			p.Done++
		case e.standing.State == runs.Stopped && !e.mine:
			p.Stopped++
		default:
			p.Left++
		}
		if e.mine {
			p.Running++
			p.Active = append(p.Active, Active{e.ID, e.name, e.device, e.Order.Recipe.Epochs, e.step})
			if e.step.Of > 0 && e.step.Epoch == len(e.result.accuracy)+1 {
				part += float64(e.step.Done) / float64(e.step.Of)
			}
		} else if e.standing.State == runs.Running {
			p.Running++
		}
		cost := e.cost()
		work += cost
		if e.result.failed || e.standing.State == runs.Done || e.standing.State == runs.Stopped && !e.mine {
			done += cost
		} else {
			done += cost * part / float64(max(1, e.Order.Recipe.Epochs))
		}
		if n := len(e.result.accuracy); n > 0 && e.standing.State == runs.Done {
			if a := e.result.accuracy[n-1]; p.Best == nil || a > p.Best.Accuracy {
				p.Best = &Best{ID: e.ID, Name: e.name, Accuracy: a}
				if e.last != nil {
					p.Best.Loss = e.last.Loss
				}
			}
		}
	}
	if work > 0 {
		p.Part = done / work
	}
	return p
}

// left is the number of runs that may have to be trained on.
func (l *Local) left() int { return l.Progress().Left }

// Eta is how long the rest takes at the rate of the time since a share of the work was done; 0 when it cannot be told.
func Eta(from, now float64, took time.Duration) time.Duration {
	if now <= from || now >= 1 {
		return 0
	}
	return time.Duration(float64(took) * (1 - now) / (now - from))
}

// Failures are the runs that have failed, and why.
func (l *Local) Failures() []Failed {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Failed
	for _, e := range l.entries {
		if e.result.failed && e.standing.Failure != nil && e.wanted {
			all = append(all, Failed{e.ID, e.name, e.Order.Out, *e.standing.Failure})
		}
	}
	return all
}

// Failed is a run that has failed.
type Failed struct {
	ID, Name, Path string
	runs.Failure
}
