package watch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"neuroloupe/cmd/internal/sweep"
	"neuroloupe/engine"
)

func progress(active int) sweep.Progress {
	p := sweep.Progress{
		Runs: 240, Done: 97, Running: active, Failed: 2, Stopped: 31, Left: 110, Images: 12_345_678, Part: 0.4375,
		Best: &sweep.Best{
			ID: "ab12", Name: "net 784-100-10, l2 5, seed 3, optimizer nesterov, lr 0.1",
			Accuracy: 0.98125,
		},
	}
	for i := range active {
		p.Active = append(p.Active, sweep.Active{
			ID: fmt.Sprint(i), Name: fmt.Sprintf("net 784-300-100-10, l2 %d, seed 3, optimizer nesterov", i),
			Epochs: 30, Step: sweep.Step{Epoch: 7, Done: 2500, Of: 5000, Loss: 0.12345},
		})
	}
	return p
}

// Whatever is shown fits the terminal, and the numbers are never cut.
func TestLinesFit(t *testing.T) {
	r := Rate{Images: 1_234_567, Left: 2*time.Hour + 5*time.Minute}
	for _, width := range []int{60, 80, 120, 200} {
		for _, active := range []int{0, 1, 4, 66} {
			lines := Lines(progress(active), r, width)
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n >= width && width >= 80 {
					t.Errorf("%d columns of %d: %q", n, width, line)
				}
			}
			if len(lines) > mostLines+3 {
				t.Errorf("%d lines", len(lines))
			}
			all := strings.Join(lines, "\n")
			for _, want := range []string{"97/240 done", "2 failed", "44 %", "1,234,567 images/s", "left 2 h 5 min"} {
				if !strings.Contains(all, want) && width >= 80 {
					t.Errorf("%d columns lack %q:\n%s", width, want, all)
				}
			}
			if active > mostLines && !strings.Contains(all, fmt.Sprintf("and %d runs more", active-mostLines)) {
				t.Errorf("some are left out without a word:\n%s", all)
			}
			if active > 0 && (!strings.Contains(all, "epoch 7/30  loss 0.1235") || width >= 80 &&
				!strings.Contains(all, "best 98.12 %  net 784-100-10, l2 5")) {
				t.Errorf("%s", all)
			}
		}
	}
	if got := withBar("a", " b", 0.5, 20); got != "a ███████░░░░░░░ b" && utf8.RuneCountInString(got) >= 20 {
		t.Errorf("%q", got)
	}
}

// The rate is that of the last while, the time left that of the work done since the beginning.
func TestMeter(t *testing.T) {
	at := time.Unix(0, 0)
	m := newMeter(sweep.Progress{Part: 0.2, Images: 0}, at)
	var r Rate
	for i := 1; i <= 60; i++ {
		images := int64(i) * 1000
		if i > 30 { // twice as fast
			images += int64(i-30) * 1000
		}
		r = m.rate(sweep.Progress{Part: 0.2 + 0.005*float64(i), Images: images}, at.Add(time.Duration(i)*time.Second))
	}
	if r.Images < 1900 || r.Images > 2000 {
		t.Errorf("%v images/s, want those of the last half minute, 2000", r.Images)
	}
	if r.Left != 100*time.Second { // 0.5 are left at 0.3 in a minute
		t.Errorf("%v left", r.Left)
	}
}

// What is told is told once; as JSON it is lines of it.
func TestDisplay(t *testing.T) {
	var out bytes.Buffer
	d := New(&out, nil, false)
	d.Begin(func() sweep.Progress { return sweep.Progress{Runs: 2} })
	var each sync.WaitGroup
	for range 4 {
		each.Go(func() { d.Say("odd data: %d", 7) })
	}
	each.Wait()
	accuracy := 0.975
	d.Event(sweep.Event{Kind: sweep.Finished, Name: "l2 5", Validation: &accuracy})
	d.Event(sweep.Event{Kind: sweep.FailedRun, Name: "l2 0", Run: "ab", Reason: "loss is NaN"})
	d.End()
	want := "odd data: 7\n1/2 done: l2 5, validation 97.50 %\nFAILED: l2 0 (ab): loss is NaN\n"
	if out.String() != want {
		t.Errorf("told\n%s\nwant\n%s", out.String(), want)
	}

	out.Reset()
	d = New(&out, nil, true)
	d.Begin(func() sweep.Progress { return sweep.Progress{Runs: 2} })
	d.Say("a \"note\"")
	d.Event(sweep.Event{Kind: sweep.Finished})
	d.End()
	var e sweep.Event
	if err := json.Unmarshal(out.Bytes(), &e); err != nil || e.Kind != "note" || e.Reason != `a "note"` {
		t.Errorf("%q: %+v, %v", out.String(), e, err)
	}
}

// Prometheus reads how far the sweep is, from this machine alone.
func TestMetrics(t *testing.T) {
	p := progress(3)
	p.Best.Loss = 0.25
	m, err := Serve("127.0.0.1:0", []engine.Device{{ID: "cuda:0", Memory: 1 << 30}}, func() sweep.Progress { return p })
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	answer, err := http.Get(m.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`neuroloupe_sweep_networks{state="done"} 97`, `neuroloupe_sweep_networks{state="failed"} 2`,
		`neuroloupe_sweep_networks{state="running"} 3`, `neuroloupe_sweep_networks{state="left"} 110`,
		"# TYPE neuroloupe_sweep_images_total counter", "neuroloupe_sweep_images_total 1.2345678e+07",
		"neuroloupe_sweep_best_accuracy 0.98125", "neuroloupe_sweep_best_loss 0.25",
		`neuroloupe_sweep_device_memory_bytes{device="cuda:0"} 1.073741824e+09`,
	} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	for _, addr := range []string{"0.0.0.0:1", "192.168.0.1:1", "example.org:1", "9464"} {
		if m, err := Serve(addr, nil, nil); err == nil {
			m.Close()
			t.Errorf("served at %s", addr)
		}
	}
}
