package main

import (
	"fmt"
	"strings"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// train trains a job and shows how far it is.
func (a *app) train(j *job.Job) error {
	b := a.newBars()
	defer b.close()
	return j.Train(a.course(b))
}

// course shows training as it goes: on a terminal with a bar, elsewhere with a line now and then.
func (a *app) course(b *bars) job.Events {
	var s job.Start
	var epoch int
	var loss float64
	said := time.Now()
	return job.Events{
		Start: func(start job.Start) {
			s, said = start, time.Now()
			if s.Resumed {
				a.Say("going on with %s after %d of %d epochs", s.Folder, s.Done, s.Epochs)
			}
			a.Say("training %v on %d images, %s of batches of %d, on %s (%s): %s",
				s.Spec, s.Images, words.Count(s.Epochs, "epoch"), s.Batch, s.Device.ID, s.Device.Name, s.Reason)
			if s.ModeReason != "" {
				a.Say("%s runs the steps in mode %s: %s", s.Device.ID, s.Mode, s.ModeReason)
			} else if s.Mode != "" {
				a.Say("%s runs the steps in mode %s", s.Device.ID, s.Mode)
			}
			a.Say("run folder %s", s.Folder)
			b.start("training", int64(s.Epochs-s.Done)*int64(s.Images),
				func(r float64) string { return fmt.Sprintf("%s images/s", words.Thousands(r)) },
				func() string { return fmt.Sprintf("epoch %d/%d loss %.4f ", epoch, s.Epochs, loss) })
		},
		Steps: func(e, done, of int, l float64) {
			epoch, loss = e, l
			b.set(int64(e-1-s.Done)*int64(s.Images) + int64(min(done*s.Batch, s.Images)))
			if !a.terminal && time.Since(said) > 10*time.Second {
				said = time.Now()
				a.Say("epoch %d/%d: step %d of %d, loss %.4f", e, s.Epochs, done, of, l)
			}
		},
		Epoch: func(m engine.Metrics) {
			said = time.Now()
			b.say(epochLine(m, s.Epochs))
		},
		Early: func(best int) {
			b.say(fmt.Sprintf("stopped early: no better validation accuracy since epoch %d", best))
		},
	}
}

func epochLine(m engine.Metrics, epochs int) string {
	s := fmt.Sprintf("epoch %d/%d: loss %.4f", m.Epoch, epochs, m.Loss)
	if m.ValidationAccuracy != nil {
		s += fmt.Sprintf(", validation %.2f %%", 100**m.ValidationAccuracy)
	}
	if m.TestAccuracy != nil {
		s += fmt.Sprintf(", test %.2f %%", 100**m.TestAccuracy)
	}
	return s + fmt.Sprintf(", %.2f s, %s images/s", m.Seconds, words.Thousands(m.SamplesPerSecond))
}

// parity says how much the device and the CPU differ.
func (a *app) parity(j *job.Job) error {
	a.Say("repeating the first epoch on %s and on the CPU", j.Device().ID)
	worst, name, err := j.Parity()
	if err == nil {
		a.Say("parity: after one epoch %s and the CPU differ by at most %.3g, in %s", j.Device().ID, worst, name)
	}
	return err
}

// resultRows say what a run ends with, each row under a name.
func resultRows(r *job.Result) [][2]string {
	var recall []string
	for _, c := range r.Classes {
		if v, ok := r.Recall[c]; ok {
			recall = append(recall, fmt.Sprintf("%s %.1f", c, 100*v))
		}
	}
	rows := [][2]string{
		{"test accuracy", fmt.Sprintf("%.2f %% of %s images", 100*r.TestAccuracy, words.Thousands(r.Tests))},
		{"recall, %", strings.Join(recall, "   ")},
	}
	for _, w := range []struct {
		what    string
		classes []string
	}{{"never predicted", r.NeverPredicted}, {"hardly ever found", r.Lost}} {
		if len(w.classes) > 0 {
			rows = append(rows, [2]string{
				"WARNING",
				fmt.Sprintf("%s: %s; ask neuroloupe doctor %s", w.what, strings.Join(w.classes, ", "), r.Run),
			})
		}
	}
	if r.ValidationAccuracy != nil {
		rows = append(rows, [2]string{"validation", fmt.Sprintf("%.2f %%", 100**r.ValidationAccuracy)})
	}
	if r.Time != "" {
		rows = append(rows, [2]string{"time", r.Time})
	}
	rows = append(rows,
		[2]string{"speed", fmt.Sprintf("%.3g s per epoch, %s images/s (median of %s, training alone)",
			r.SecondsPerEpoch, words.Thousands(r.SamplesPerSecond), words.Count(r.Epochs, "epoch"))},
		[2]string{"device", fmt.Sprintf("%s (%s)", r.Device, r.DeviceReason)},
		[2]string{"run", r.Run})
	if r.Sheet != "" {
		rows = append(rows, [2]string{"sheet", r.Sheet})
	}
	return rows
}
