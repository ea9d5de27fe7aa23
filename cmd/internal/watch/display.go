package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"neuroloupe/cmd/internal/sweep"
	"neuroloupe/cmd/internal/words"
)

// Display shows a sweep. It is the sweep's Talk, and is told its events.
type Display struct {
	out   io.Writer
	width func() int // of the terminal; nil where there is none
	json  bool       // the events are written as they are, by the sweep's log

	mu   sync.Mutex
	said map[string]bool
	done int
	of   int
	bars *mpb.Progress

	drawing sync.Mutex // of lines alone: they are asked for while mu is held to print above them
	lines   []string

	end   context.CancelFunc
	ended sync.WaitGroup
}

// New shows on out: as lines drawn anew where width tells how many columns a terminal has, nil elsewhere; or, as JSON,
// beside the events that the sweep's log writes there.
func New(out io.Writer, width func() int, asJSON bool) *Display {
	if asJSON {
		width = nil
	}
	return &Display{out: out, width: width, json: asJSON, said: map[string]bool{}}
}

// Say tells a line once, however many runs say it.
func (d *Display) Say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.said[text] {
		d.said[text] = true
		d.print(text)
	}
}

// Count does not show work within a run.
func (d *Display) Count(string, int, func(float64) string) (done func(int), end func()) {
	return func(int) {}, func() {}
}

// print writes a line, above those that are drawn anew; d.mu is held. That nobody reads is no reason to end a sweep.
func (d *Display) print(text string) {
	if d.json {
		line, err := json.Marshal(sweep.Event{Time: time.Now().UTC(), Kind: "note", Reason: text})
		if err != nil {
			return
		}
		text = string(line)
	}
	if d.bars != nil {
		if _, err := io.WriteString(d.bars, text+"\n"); err == nil {
			return
		}
	}
	fmt.Fprintln(d.out, text)
}

// Event shows that something has happened.
func (d *Display) Event(e sweep.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Kind == sweep.Finished {
		d.done++
	}
	if text := line(e, d.done, d.of); text != "" && !d.json {
		d.print(text)
	}
}

const (
	redraw  = 200 * time.Millisecond
	plainly = 10 * time.Second // between lines where nothing can be drawn anew
	recent  = 30 * time.Second // that the rate is measured over
)

// Begin shows how far a sweep is until End.
func (d *Display) Begin(progress func() sweep.Progress) {
	first := progress()
	d.done, d.of = first.Done, first.Runs
	ctx, end := context.WithCancel(context.Background())
	d.end = end
	every := plainly
	if d.width != nil {
		every = redraw
		d.bars = mpb.New(mpb.WithOutput(d.out), mpb.WithRefreshRate(redraw))
		for i := range mostLines + 3 {
			d.bars.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(
				decor.Any(func(decor.Statistics) string { return d.line(i) })))
		}
	}
	if d.json {
		return
	}
	d.ended.Go(func() {
		m := newMeter(first, time.Now())
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				d.show(progress, m, now)
			}
		}
	})
}

// show shows how far the sweep is.
func (d *Display) show(progress func() sweep.Progress, m *meter, now time.Time) {
	p := progress()
	r := m.rate(p, now)
	if d.width != nil {
		d.drawing.Lock()
		defer d.drawing.Unlock()
		d.lines = Lines(p, r, d.width())
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	text := fmt.Sprintf("%d of %d done, %d running", p.Done, p.Runs, p.Running)
	if r.Images > 0 {
		text += fmt.Sprintf(", %s images/s", words.Thousands(r.Images))
	}
	if r.Left > 0 {
		text += fmt.Sprintf(", about %s left", words.Duration(r.Left))
	}
	d.print(text)
}

func (d *Display) line(i int) string {
	d.drawing.Lock()
	defer d.drawing.Unlock()
	if i < len(d.lines) {
		return d.lines[i]
	}
	return ""
}

// End takes the lines away.
func (d *Display) End() {
	if d.end == nil {
		return
	}
	d.end()
	d.ended.Wait()
	d.mu.Lock()
	bars := d.bars
	d.bars = nil
	d.mu.Unlock()
	if bars != nil {
		bars.Shutdown()
	}
}

// meter measures the rate of a sweep over the last while, and the time left by the work done since it began.
type meter struct {
	first sweep.Progress
	began time.Time
	last  []sample
}

type sample struct {
	at     time.Time
	images int64
}

func newMeter(p sweep.Progress, now time.Time) *meter {
	return &meter{first: p, began: now, last: []sample{{now, p.Images}}}
}

func (m *meter) rate(p sweep.Progress, now time.Time) Rate {
	m.last = append(m.last, sample{now, p.Images})
	for len(m.last) > 2 && now.Sub(m.last[0].at) > recent {
		m.last = m.last[1:]
	}
	var r Rate
	if took := now.Sub(m.last[0].at).Seconds(); took > 0 {
		r.Images = float64(p.Images-m.last[0].images) / took
	}
	r.Left = sweep.Eta(m.first.Part, p.Part, now.Sub(m.began))
	return r
}
