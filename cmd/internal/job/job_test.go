package job_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// order is a run of four epochs on strokes, with a folder of its own.
func order(t *testing.T, data *mnist.Dataset, dir string) job.Order {
	t.Helper()
	r, err := runs.Preset("clear")
	if err != nil {
		t.Fatal(err)
	}
	r.Net, r.Split, r.Epochs, r.Batch = "120-8-4", "200/100", 4, 10
	return job.Order{
		Recipe: r, Data: data, Name: dir, Device: job.Device{Want: "cpu", Workers: 1},
		Out: filepath.Join(t.TempDir(), "run"), Version: "test",
	}
}

func loaded(t *testing.T) (data *mnist.Dataset, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "strokes")
	if err := strokes.Write(dir, 300); err != nil {
		t.Fatal(err)
	}
	data, err := mnist.Load(t.Context(), dir, mnist.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return data, dir
}

// whole trains an order to the end.
func whole(ctx context.Context, o job.Order, on job.Events) (r *job.Result, err error) {
	j, err := job.Begin(ctx, o, talk.Silent{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if err := j.Train(on); err != nil {
		return nil, err
	}
	if r, err = j.Result(); err != nil {
		return nil, err
	}
	told := on.Sheet
	on.Sheet = func(path string) {
		r.Sheet = path
		if told != nil {
			told(path)
		}
	}
	return r, j.Finish(on)
}

// Jobs of one process share a data set and nothing else: side by side they end with the bytes that each ends with
// alone.
func TestJobsSideBySide(t *testing.T) {
	data, dir := loaded(t)
	var orders []job.Order
	for seed := range uint64(4) {
		o := order(t, data, dir)
		o.Recipe.Seed = seed
		orders = append(orders, o)
	}
	var each sync.WaitGroup
	errs := make([]error, len(orders))
	for i, o := range orders {
		each.Go(func() { _, errs[i] = whole(t.Context(), o, job.Events{}) })
	}
	each.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		alone := o
		alone.Out = filepath.Join(t.TempDir(), "run")
		if _, err := whole(t.Context(), alone, job.Events{}); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"weights.safetensors", "frames.safetensors", "sheet.png"} {
			a, err := os.ReadFile(filepath.Join(o.Out, file))
			b, err2 := os.ReadFile(filepath.Join(alone.Out, file))
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a, b) {
				t.Errorf("seed %d: %s is another one side by side", o.Recipe.Seed, file)
			}
		}
	}
}

// Events come in the order of the work, and say what the run folder holds.
func TestEvents(t *testing.T) {
	data, dir := loaded(t)
	o := order(t, data, dir)
	var told []string
	steps := 0
	r, err := whole(t.Context(), o, job.Events{
		Start: func(s job.Start) {
			told = append(told, fmt.Sprintf("start %v %d %d %d %d %s", s.Spec, s.Images, s.Epochs, s.Done, s.Batch,
				s.Device.ID))
		},
		Steps: func(epoch, done, of int, _ float64) {
			if steps++; epoch < 1 || epoch > 4 || done > of || of != 20 {
				t.Errorf("step %d of %d in epoch %d", done, of, epoch)
			}
		},
		Epoch: func(m engine.Metrics) { told = append(told, fmt.Sprintf("epoch %d", m.Epoch)) },
		Saved: func(epoch int) { told = append(told, fmt.Sprintf("saved %d", epoch)) },
		Early: func(int) { t.Error("training stopped early") },
		Sheet: func(path string) {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("told of a sheet that is not there: %v", err)
			}
			told = append(told, "sheet "+filepath.Base(path))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "start 120-8-4 200 4 0 10 cpu, epoch 1, saved 1, epoch 2, saved 2, epoch 3, saved 3, epoch 4, saved 4, " +
		"sheet sheet.png"
	if got := strings.Join(told, ", "); got != want || steps == 0 {
		t.Errorf("told %s, want %s; %d steps", got, want, steps)
	}
	if r.Epochs != 4 || r.Tests != 100 || r.TestAccuracy < 0.5 || r.Sheet != filepath.Join(o.Out, "sheet.png") {
		t.Errorf("%+v", r)
	}
}

// A job that is stopped in its third epoch is gone on with by Ready, which ends it as if it had not been stopped and
// then finds nothing to do; it takes no run of another order for it.
func TestReady(t *testing.T) {
	data, dir := loaded(t)
	o := order(t, data, dir)
	undisturbed := o
	undisturbed.Out = filepath.Join(t.TempDir(), "run")
	if err := job.Ready(t.Context(), undisturbed, job.Events{}, talk.Silent{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	_, err := whole(ctx, o, job.Events{Saved: func(epoch int) {
		if epoch == 2 {
			stop()
		}
	}})
	if !errors.Is(err, engine.ErrInterrupted) {
		t.Fatalf("stopped: %v", err)
	}
	began := -1
	on := job.Events{Start: func(s job.Start) { began = s.Done }}
	if err := job.Ready(t.Context(), o, on, talk.Silent{}); err != nil || began != 2 {
		t.Fatalf("gone on with after %d epochs: %v", began, err)
	}
	for _, file := range []string{"weights.safetensors", "frames.safetensors", "sheet.png"} {
		a, err := os.ReadFile(filepath.Join(o.Out, file))
		b, err2 := os.ReadFile(filepath.Join(undisturbed.Out, file))
		if err := errors.Join(err, err2); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not that of an undisturbed run (%v)", file, err)
		}
	}
	began = -1
	if err := job.Ready(t.Context(), o, on, talk.Silent{}); err != nil || began != -1 {
		t.Errorf("what is ready is trained again (%d, %v)", began, err)
	}
	for name, change := range map[string]func(*job.Order){
		"seed": func(o *job.Order) { o.Recipe.Seed++ }, "data": func(o *job.Order) { o.Name = "mnist" },
	} {
		other := o
		change(&other)
		if err := job.Ready(t.Context(), other, on, talk.Silent{}); err == nil ||
			!strings.Contains(err.Error(), "holds another run") {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// A job that is ended when its last epoch is done draws no sheet, rather than one that had no time to look at the
// images.
func TestEndedBeforeTheSheet(t *testing.T) {
	data, dir := loaded(t)
	o := order(t, data, dir)
	ctx, end := context.WithCancel(t.Context())
	j, err := job.Begin(ctx, o, talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	err = j.Train(job.Events{Saved: func(epoch int) {
		if epoch == 4 {
			end()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	err = j.Finish(job.Events{})
	if _, statErr := os.Stat(j.Folder.Sheet()); !errors.Is(err, context.Canceled) || statErr == nil {
		t.Errorf("%v, and the sheet: %v", err, statErr)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// What cannot be trained is refused before anything is written.
func TestBeginRefuses(t *testing.T) {
	data, dir := loaded(t)
	for want, change := range map[string]func(*job.Order){
		"the last size is 5":          func(o *job.Order) { o.Recipe.Net = "120-8-5" },
		"leaves no validation images": func(o *job.Order) { o.Recipe.Split, o.Recipe.Keep = "300/0", "best" },
		"--workers -1":                func(o *job.Order) { o.Device.Workers = -1 },
		"nothing to tell apart":       func(o *job.Order) { o.Data = oneClass(data) },
		"asks for 900 images":         func(o *job.Order) { o.Recipe.Split = "800/100" },
		`no device "other"`:           func(o *job.Order) { o.Device.Want = "other" },
	} {
		o := order(t, data, dir)
		change(&o)
		_, err := job.Begin(t.Context(), o, talk.Silent{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Errorf("%s: a folder was made", want)
		}
	}
}

// oneClass is a data set whose training images are all called alike.
func oneClass(d *mnist.Dataset) *mnist.Dataset {
	train := *d.Train
	train.Labels = make([]uint8, train.Len())
	return &mnist.Dataset{Name: d.Name, Train: &train, Test: d.Test, Files: d.Files}
}

// A sheet that could not be drawn is not told of.
func TestNoSheetNoEvent(t *testing.T) {
	data, dir := loaded(t)
	o := order(t, data, dir)
	told := ""
	_, err := whole(t.Context(), o, job.Events{
		Saved: func(int) { // a folder stands where the sheet would
			if err := os.MkdirAll(filepath.Join(o.Out, "sheet.png", "in the way"), 0o755); err != nil {
				t.Error(err)
			}
		},
		Sheet: func(path string) { told = path },
	})
	if err == nil || !strings.Contains(err.Error(), "its sheet could not be drawn") || told != "" {
		t.Errorf("told of %q, %v", told, err)
	}
}

// The epochs asked for may be more than the run had, and no fewer than it has done.
func TestResumeEpochs(t *testing.T) {
	data, dir := loaded(t)
	o := order(t, data, dir)
	if _, err := whole(t.Context(), o, job.Events{}); err != nil {
		t.Fatal(err)
	}
	_, err := job.Resume(t.Context(), o.Out, job.Change{Epochs: new(3)}, talk.Silent{})
	if usage := (talk.UsageError{}); !errors.As(err, &usage) || !strings.Contains(err.Error(), "has done 4 epochs") {
		t.Errorf("fewer epochs: %v", err)
	}
	j, err := job.Resume(t.Context(), o.Out, job.Change{Epochs: new(5)}, talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Train(job.Events{}), j.Close()); err != nil || j.State.Epoch != 5 {
		t.Errorf("%d epochs done, %v", j.State.Epoch, err)
	}
}
