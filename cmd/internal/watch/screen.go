package watch

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"neuroloupe/mnist"
)

// Screen is where a program tells of its work: a terminal, on which it shows bars, or anything else, on which it writes
// a line now and then. It is a [talk.Talk].
type Screen struct {
	Stderr   io.Writer // where lines and bars go
	Terminal bool      // Stderr is one
}

// NewScreen tells of work on out.
func NewScreen(out io.Writer) Screen {
	f, ok := out.(*os.File)
	return Screen{Stderr: out, Terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// Say prints a line of talk. That nobody can read it is no reason to end the work.
func (s *Screen) Say(format string, args ...any) { fmt.Fprintf(s.Stderr, format+"\n", args...) }

// Display shows a sweep here; see [New].
func (s *Screen) Display(asJSON bool) *Display {
	var width func() int
	if s.Terminal {
		width = func() int {
			if w, _, err := term.GetSize(int(s.Stderr.(*os.File).Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	return New(s.Stderr, width, asJSON)
}

// bars shows progress on a terminal, and nothing elsewhere; talk goes above the bar.
type bars struct {
	screen *Screen
	p      *mpb.Progress // nil off a terminal
	bar    *mpb.Bar
}

func (s *Screen) bars() *bars {
	b := &bars{screen: s}
	if s.Terminal {
		b.p = mpb.New(mpb.WithOutput(s.Stderr), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	}
	return b
}

func (b *bars) say(text string) {
	if b.p == nil {
		b.screen.Say("%s", text)
		return
	}
	if _, err := io.WriteString(b.p, text+"\n"); err != nil { // no bar is left to write above
		b.screen.Say("%s", text)
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
func (s *Screen) Count(what string, n int, rate func(float64) string) (done func(int), end func()) {
	b := s.bars()
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

func (d *downloads) progress(file string, done, total int64) {
	if file != d.file {
		d.file = file
		d.start("fetching "+file, total, func(r float64) string { return fmt.Sprintf("%.1f MB/s", r/1e6) },
			func() string { return "" })
	}
	d.set(done)
}

// Load reads a data set, fetching it when it is not in the cache, and says what it does. dir is the folder of its
// files, "" for the cache.
func (s *Screen) Load(ctx context.Context, name, dir string) (*mnist.Dataset, error) {
	o, done := s.Downloads()
	defer done()
	o.Dir = dir
	return mnist.Load(ctx, name, o)
}

// Downloads are options that show what is fetched, until done is called, which may be done twice.
func (s *Screen) Downloads() (o mnist.Options, done func()) {
	d := &downloads{bars: s.bars()}
	return mnist.Options{Progress: d.progress, Notice: func(text string) { d.say(text) }}, d.close
}
