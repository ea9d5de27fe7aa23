package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// result is what a run ends with.
type result struct {
	Run                string             `json:"run"`
	Net                string             `json:"net"`
	Device             string             `json:"device"`
	DeviceReason       string             `json:"device_reason"`
	Epochs             int                `json:"epochs"` // done
	Seed               uint64             `json:"seed"`
	TestAccuracy       float64            `json:"test_accuracy"`
	ValidationAccuracy *float64           `json:"validation_accuracy"` // null without validation images
	Recall             map[string]float64 `json:"recall"`              // of each class with test images
	NeverPredicted     []string           `json:"never_predicted"`
	SecondsPerEpoch    float64            `json:"seconds_per_epoch"` // median, training alone
	SamplesPerSecond   float64            `json:"samples_per_second"`
	Sheet              string             `json:"sheet"` // "" when it could not be drawn

	lost    []string // see lostClasses
	classes []string // in the order of the outputs
	tests   int
	time    string // where the time of this process went; empty when it had no epoch to train
}

// result evaluates the weights that the run hands out.
func (j *job) result() (*result, error) {
	kept, _ := j.state.Kept()
	if err := j.executor.Write(kept...); err != nil {
		return nil, err
	}
	m := j.folder.Manifest
	dev := j.backend.Device()
	r := &result{
		Run: j.folder.Path, Net: j.program.Spec.String(), Device: dev.ID, DeviceReason: j.reason,
		Epochs: j.state.Epoch, Seed: m.Train.Seed, Recall: map[string]float64{},
		classes: m.Data.Classes, tests: j.data.test.Len(),
	}
	test, err := j.score(engineData(j.data.test))
	if err != nil {
		return nil, err
	}
	r.TestAccuracy = test.Accuracy()
	for k, v := range test.Recall() {
		if v >= 0 {
			r.Recall[r.classes[k]] = v
		}
	}
	r.NeverPredicted, r.lost = lostClasses(test, r.classes)
	if d := engineData(j.data.validation); len(d.Labels) > 0 {
		s, err := j.score(d)
		if err != nil {
			return nil, err
		}
		v := s.Accuracy()
		r.ValidationAccuracy = &v
	}
	metrics, err := j.folder.Metrics()
	if err != nil {
		return nil, err
	}
	var seconds []float64
	var training, evaluation float64
	for _, e := range metrics {
		seconds = append(seconds, e.Seconds)
		if e.Epoch > j.began {
			training += e.Seconds
			evaluation += e.EvaluationSeconds
		}
	}
	if done := j.state.Epoch - j.began; done > 0 {
		all := j.took.Seconds()
		r.time = fmt.Sprintf("%.3g s for %s: training %.3g s, evaluation %.3g s, files %.3g s",
			all, words.Count(done, "epoch"), training, evaluation, max(0, all-training-evaluation))
	}
	if len(seconds) > 0 {
		r.SecondsPerEpoch = inspect.Median(seconds)
		r.SamplesPerSecond = float64(j.data.train.Len()) / max(r.SecondsPerEpoch, 1e-9)
	}
	return r, nil
}

// finish ends the run's folder and draws its sheet, and puts that into r.
func (j *job) finish(a *app, r *result) error {
	path := j.folder.Path
	if err := j.folder.Finish(); err != nil {
		return fmt.Errorf("the frames of the training could not be put into one file: %w; neuroloupe train --resume %s does that, "+
			"and draws the sheet", err, path)
	}
	a.notices(j.folder)
	if err := a.drawTrainSheet(j); err != nil {
		return fmt.Errorf("its sheet could not be drawn: %w; draw it with neuroloupe sheet %s (--top N draws fewer neurons)", err, path)
	}
	r.Sheet = j.folder.Sheet()
	return nil
}

func (j *job) score(d engine.Data) (engine.Score, error) {
	ref, err := j.executor.Bind(d)
	if err != nil {
		return engine.Score{}, err
	}
	return engine.Evaluate(j.executor, j.program, ref, d)
}

// lostRecall is the recall below which a class is lost.
const lostRecall = 0.5

// lostClasses names the classes that are never predicted though there are images of them, and those that are predicted, but
// for fewer than half of their images, with their recall. The first is not nil.
func lostClasses(s engine.Score, names []string) (never, rare []string) {
	never = []string{}
	recall := s.Recall()
	for _, k := range s.NeverPredicted() {
		if recall[k] >= 0 {
			never = append(never, names[k])
		}
	}
	for k, r := range recall {
		if r >= 0 && r < lostRecall && !slices.Contains(never, names[k]) {
			rare = append(rare, fmt.Sprintf("%s (%.1f %%)", names[k], 100*r))
		}
	}
	return never, rare
}

func (r *result) print(w io.Writer) error {
	var recall []string
	for _, c := range r.classes {
		if v, ok := r.Recall[c]; ok {
			recall = append(recall, fmt.Sprintf("%s %.1f", c, 100*v))
		}
	}
	rows := [][2]string{
		{"test accuracy", fmt.Sprintf("%.2f %% of %s images", 100*r.TestAccuracy, words.Thousands(r.tests))},
		{"recall, %", strings.Join(recall, "   ")},
	}
	for _, w := range []struct {
		what    string
		classes []string
	}{{"never predicted", r.NeverPredicted}, {"hardly ever found", r.lost}} {
		if len(w.classes) > 0 {
			rows = append(rows, [2]string{"WARNING", fmt.Sprintf("%s: %s; ask neuroloupe doctor %s", w.what, strings.Join(w.classes, ", "), r.Run)})
		}
	}
	if r.ValidationAccuracy != nil {
		rows = append(rows, [2]string{"validation", fmt.Sprintf("%.2f %%", 100**r.ValidationAccuracy)})
	}
	if r.time != "" {
		rows = append(rows, [2]string{"time", r.time})
	}
	rows = append(rows,
		[2]string{"speed", fmt.Sprintf("%.3g s per epoch, %s images/s (median of %s, training alone)",
			r.SecondsPerEpoch, words.Thousands(r.SamplesPerSecond), words.Count(r.Epochs, "epoch"))},
		[2]string{"device", fmt.Sprintf("%s (%s)", r.Device, r.DeviceReason)},
		[2]string{"run", r.Run})
	if r.Sheet != "" {
		rows = append(rows, [2]string{"sheet", r.Sheet})
	}
	return printRows(w, rows)
}

func printRows(w io.Writer, rows [][2]string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%-15s %s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	return nil
}
