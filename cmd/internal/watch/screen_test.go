package watch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
)

var _ talk.Talk = (*Screen)(nil)

// A file, or what is no file at all, is no terminal.
func TestNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s := NewScreen(f); s.Terminal {
		t.Error("a file is taken for a terminal")
	}
	if s := NewScreen(&bytes.Buffer{}); s.Terminal {
		t.Error("a buffer is taken for a terminal")
	}
}

// Off a terminal work in parts has a line every two seconds at most, and none when it is short.
func TestCountInLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := NewScreen(&out)
		done, end := s.Count("report", 10, func(float64) string { return "" })
		for i := 1; i <= 10; i++ {
			time.Sleep(900 * time.Millisecond) // of the bubble's clock
			done(i)
		}
		end()
		// They end at 0.9, 1.8, 2.7 s, …: the first after two seconds is the third, and so on from each that is told.
		if want := "report: 3 of 10\nreport: 6 of 10\nreport: 9 of 10\n"; out.String() != want {
			t.Errorf("told\n%s\nwant\n%s", out.String(), want)
		}
	})
}

// trained tells a training's events as they come on a GPU, an epoch in half a minute.
func trained(on job.Events) {
	on.Start(job.Start{
		Spec: engine.Spec{
			Inputs: 784,
			Layers: []engine.Layer{{Units: 30, Activation: engine.Sigmoid}, {Units: 10, Activation: engine.Sigmoid}},
		},
		Images: 50000, Epochs: 5, Done: 2, Resumed: true, Batch: 10,
		Device: engine.Device{ID: "cuda:0", Name: "a card"}, Reason: "as asked",
		Mode: "graph", ModeReason: "the network does not fit", Folder: "runs/a",
	})
	for i := 1; i <= 5; i++ {
		time.Sleep(6 * time.Second)
		on.Steps(3, i*1000, 5000, 0.5/float64(i))
	}
	validation, test := 0.97, 0.965
	on.Epoch(engine.Metrics{
		Epoch: 3, Loss: 0.25, ValidationAccuracy: &validation, TestAccuracy: &test, Seconds: 30.125,
		SamplesPerSecond: 1659.75,
	})
	on.Epoch(engine.Metrics{Epoch: 4, Loss: 0.125, Seconds: 25, SamplesPerSecond: 2000})
	on.Early(1)
}

const (
	toldBefore = `going on with runs/a after 2 of 5 epochs
training 784-30-10 on 50000 images, 5 epochs of batches of 10, on cuda:0 (a card): as asked
cuda:0 runs the steps in mode graph: the network does not fit
run folder runs/a
`
	toldWithin = `epoch 3/5: step 2000 of 5000, loss 0.2500
epoch 3/5: step 4000 of 5000, loss 0.1250
`
	toldAfter = `epoch 3/5: loss 0.2500, validation 97.00 %, test 96.50 %, 30.12 s, 1,660 images/s
epoch 4/5: loss 0.1250, 25.00 s, 2,000 images/s
stopped early: no better validation accuracy since epoch 1
`
)

// Off a terminal an epoch that takes long has a line every ten seconds at most.
func TestCourseInLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := NewScreen(&out)
		on, end := s.Course()
		trained(on)
		end()
		if want := toldBefore + toldWithin + toldAfter; out.String() != want {
			t.Errorf("told\n%s\nwant\n%s", out.String(), want)
		}
	})
}

// On a terminal the bar stands for the lines within an epoch; what is said before it and after it is gone is not lost.
func TestCourseOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := Screen{Stderr: &out, Terminal: true}
		on, end := s.Course()
		trained(on)
		end()
		end()
		on.Early(2)
		const last = "\nstopped early: no better validation accuracy since epoch 2\n"
		if text := out.String(); !strings.HasPrefix(text, toldBefore) || !strings.HasSuffix(text, last) ||
			strings.Contains(text, "step 2000") {
			t.Errorf("%q", text)
		}
	})
}
