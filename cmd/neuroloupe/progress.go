package main

import (
	"fmt"
	"io"
	"time"

	"neuroloupe/mnist"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars shows progress on a terminal, and nothing elsewhere; talk goes above the bar.
type bars struct {
	app *app
	p   *mpb.Progress // nil off a terminal
	bar *mpb.Bar
}

func (a *app) newBars() *bars {
	b := &bars{app: a}
	if a.terminal {
		b.p = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	}
	return b
}

func (b *bars) say(s string) {
	if b.p == nil {
		b.app.Say("%s", s)
		return
	}
	if _, err := io.WriteString(b.p, s+"\n"); err != nil { // no bar is left to write above
		b.app.Say("%s", s)
	}
}

// start begins a bar of total units, after the one before has ended. rate formats units per second.
func (b *bars) start(name string, total int64, rate func(float64) string, text func() string) {
	if b.p == nil {
		return
	}
	b.end()
	began := time.Now()
	speed := decor.Any(func(s decor.Statistics) string {
		return rate(float64(s.Current) / max(time.Since(began).Seconds(), 1e-3))
	}, decor.WCSyncSpace)
	// A bar made with a total ends itself when that is reached, and what is written after is lost.
	b.bar = b.p.New(0, mpb.BarStyle().Rbound("|").Lbound("|"), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name+" "), decor.Any(func(decor.Statistics) string { return text() })),
		mpb.AppendDecorators(decor.Percentage(), speed, decor.Name(" left "),
			decor.AverageETA(decor.ET_STYLE_GO, decor.WC{})))
	b.bar.SetTotal(total, false)
}

func (b *bars) set(done int64) {
	if b.bar != nil {
		b.bar.SetCurrent(done)
	}
}

// end takes the bar away.
func (b *bars) end() {
	if b.bar != nil {
		b.bar.Abort(true)
		b.bar.Wait()
		b.bar = nil
	}
}

func (b *bars) close() {
	b.end()
	if b.p != nil {
		b.p.Wait()
		b.p = nil
	}
}

// partLine is how often work in parts is told off a terminal, and from when on.
const partLine = 2 * time.Second

// Count shows how much of n things is done: with a bar on a terminal, else with a line now and then.
func (a *app) Count(what string, n int, rate func(float64) string) (done func(int), end func()) {
	b := a.newBars()
	b.start(what, int64(n), rate, func() string { return "" })
	told := time.Now()
	return func(i int) {
		b.set(int64(i))
		if b.p == nil && time.Since(told) > partLine {
			told = time.Now()
			b.say(fmt.Sprintf("%s: %d of %d", what, i, n))
		}
	}, b.close
}

// downloads shows files arriving.
type downloads struct {
	*bars
	file string
}

func (a *app) newDownloads() *downloads { return &downloads{bars: a.newBars()} }

func (d *downloads) progress(file string, done, total int64) {
	if file != d.file {
		d.file = file
		d.start("fetching "+file, total, func(r float64) string { return fmt.Sprintf("%.1f MB/s", r/1e6) },
			func() string { return "" })
	}
	d.set(done)
}

// load reads a data set, fetching it when it is not in the cache, and says what it does.
func (a *app) load(name, dir string) (*mnist.Dataset, error) {
	o, done := a.downloads()
	defer done()
	o.Dir = dir
	return mnist.Load(a.ctx, name, o)
}

// downloads are options that show what is fetched, until done is called.
func (a *app) downloads() (o mnist.Options, done func()) {
	p := a.newDownloads()
	return mnist.Options{Progress: p.progress, Notice: func(s string) { p.say(s) }}, p.close
}
