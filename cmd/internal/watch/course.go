package watch

import (
	"fmt"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// Train trains a job and shows how far it is.
func (s *Screen) Train(j *job.Job) error {
	on, end := s.Course()
	defer end()
	return j.Train(on)
}

// Course shows a training as it goes, until end is called: on a terminal with a bar, elsewhere with a line now and
// then.
func (s *Screen) Course() (on job.Events, end func()) {
	b := s.bars()
	return s.course(b), b.close
}

func (s *Screen) course(b *bars) job.Events {
	var st job.Start
	var epoch int
	var loss float64
	said := time.Now()
	return job.Events{
		Start: func(start job.Start) {
			st, said = start, time.Now()
			if st.Resumed {
				s.Say("going on with %s after %d of %d epochs", st.Folder, st.Done, st.Epochs)
			}
			s.Say("training %v on %d images, %s of batches of %d, on %s (%s): %s",
				st.Spec, st.Images, words.Count(st.Epochs, "epoch"), st.Batch, st.Device.ID, st.Device.Name, st.Reason)
			if st.ModeReason != "" {
				s.Say("%s runs the steps in mode %s: %s", st.Device.ID, st.Mode, st.ModeReason)
			} else if st.Mode != "" {
				s.Say("%s runs the steps in mode %s", st.Device.ID, st.Mode)
			}
			s.Say("run folder %s", st.Folder)
			b.start("training", int64(st.Epochs-st.Done)*int64(st.Images),
				func(r float64) string { return fmt.Sprintf("%s images/s", words.Thousands(r)) },
				func() string { return fmt.Sprintf("epoch %d/%d loss %.4f ", epoch, st.Epochs, loss) })
		},
		Steps: func(e, done, of int, l float64) {
			epoch, loss = e, l
			b.set(int64(e-1-st.Done)*int64(st.Images) + int64(min(done*st.Batch, st.Images)))
			if !s.Terminal && time.Since(said) > 10*time.Second {
				said = time.Now()
				s.Say("epoch %d/%d: step %d of %d, loss %.4f", e, st.Epochs, done, of, l)
			}
		},
		Epoch: func(m engine.Metrics) {
			said = time.Now()
			b.say(epochLine(m, st.Epochs))
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

// Parity repeats the first epoch of a job on the CPU, and says how much that and its device differ.
func (s *Screen) Parity(j *job.Job) error {
	s.Say("repeating the first epoch on %s and on the CPU", j.Device().ID)
	worst, name, err := j.Parity()
	if err == nil {
		s.Say("parity: after one epoch %s and the CPU differ by at most %.3g, in %s", j.Device().ID, worst, name)
	}
	return err
}
