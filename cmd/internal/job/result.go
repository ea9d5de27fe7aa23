package job

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// Result is what a run ends with.
type Result struct {
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

	Lost    []string `json:"-"` // see LostClasses
	Classes []string `json:"-"` // in the order of the outputs
	Tests   int      `json:"-"` // test images
	Time    string   `json:"-"` // where the time of this process went; "" when it had no epoch to train
}

// Result evaluates the weights that the run hands out.
func (j *Job) Result() (*Result, error) {
	kept, _ := j.State.Kept()
	if err := j.trainer.Executor.Write(kept...); err != nil {
		return nil, err
	}
	m := j.Folder.Manifest
	dev := j.Device()
	r := &Result{
		Run: j.Folder.Path, Net: j.trainer.Program.Spec.String(), Device: dev.ID, DeviceReason: j.Reason,
		Epochs: j.State.Epoch, Seed: m.Train.Seed, Recall: map[string]float64{},
		Classes: m.Data.Classes, Tests: j.Data.Test.Len(),
	}
	test, err := j.trainer.Score(dataset.Data(j.Data.Test))
	if err != nil {
		return nil, err
	}
	r.TestAccuracy = test.Accuracy()
	for k, v := range test.Recall() {
		if v >= 0 {
			r.Recall[r.Classes[k]] = v
		}
	}
	r.NeverPredicted, r.Lost = LostClasses(test, r.Classes)
	if d := dataset.Data(j.Data.Validation); len(d.Labels) > 0 {
		s, err := j.trainer.Score(d)
		if err != nil {
			return nil, err
		}
		v := s.Accuracy()
		r.ValidationAccuracy = &v
	}
	metrics, err := j.Folder.Metrics()
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
	if done := j.State.Epoch - j.began; done > 0 {
		all := j.took.Seconds()
		r.Time = fmt.Sprintf("%.3g s for %s: training %.3g s, evaluation %.3g s, files %.3g s",
			all, words.Count(done, "epoch"), training, evaluation, max(0, all-training-evaluation))
	}
	if len(seconds) > 0 {
		r.SecondsPerEpoch = inspect.Median(seconds)
		r.SamplesPerSecond = float64(j.Data.Train.Len()) / max(r.SecondsPerEpoch, 1e-9)
	}
	return r, nil
}

// Rows say what a run ends with, each row under a name.
func (r *Result) Rows() [][2]string {
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

// Finish ends the run's folder and draws its sheet, of which it tells.
func (j *Job) Finish(on Events) error {
	path := j.Folder.Path
	if err := j.Folder.Finish(); err != nil {
		return fmt.Errorf("the frames of the training could not be put into one file: %w; neuroloupe train "+
			"--resume %s does that, and draws the sheet", err, path)
	}
	gallery.Notices(j.Folder, j.talk)
	if err := j.sheet(); err != nil {
		return fmt.Errorf("its sheet could not be drawn: %w; draw it with neuroloupe sheet %s (--top N draws "+
			"fewer neurons)", err, path)
	}
	if on.Sheet != nil {
		on.Sheet(j.Folder.Sheet())
	}
	return nil
}

// sheet draws the sheet from the data set and the executor that the training has.
func (j *Job) sheet() error {
	v, err := gallery.Of(j.ctx, j.Folder, "", j.talk)
	if err != nil {
		return err
	}
	v.Use(j.Data, j.trainer)
	return v.WriteSheet()
}

// LostRecall is the recall below which a class is lost.
const LostRecall = 0.5

// LostClasses names the classes that are never predicted though there are images of them, and those that are predicted,
// but for fewer than half of their images, with their recall. The first is not nil.
func LostClasses(s engine.Score, names []string) (never, rare []string) {
	never = []string{}
	recall := s.Recall()
	for _, k := range s.NeverPredicted() {
		if recall[k] >= 0 {
			never = append(never, names[k])
		}
	}
	for k, r := range recall {
		if r >= 0 && r < LostRecall && !slices.Contains(never, names[k]) {
			rare = append(rare, fmt.Sprintf("%s (%.1f %%)", names[k], 100*r))
		}
	}
	return never, rare
}
