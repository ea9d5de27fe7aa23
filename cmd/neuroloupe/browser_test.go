package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserTime is how long a page may take in all, so that a hanging browser fails a test and does not block it.
const browserTime = 3 * time.Minute

// browser is a page open in headless Chromium. It notes what the page says on its console and what it asks for.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	said     []string
	requests []string
}

// openPage opens a file in Chromium, 1366×900, and skips the test where there is none.
func openPage(t *testing.T, file string) *browser {
	t.Helper()
	abs, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	return openAddress(t, (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String())
}

// openAddress opens an address in the same way, with more options of the browser.
func openAddress(t *testing.T, address string, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	var exe string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			exe = path
			break
		}
	}
	if exe == "" {
		t.Skip("no chromium here; Debian: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(exe),
		chromedp.NoSandbox, // tests may run as root
		chromedp.UserDataDir(t.TempDir()))
	options = append(options, more...)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...) // that of t ends before the browser does
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, browserTime)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &browser{t: t, ctx: ctx}
	b.check(chromedp.Listen(ctx, b.note))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	b.check(err)
	b.check(chromedp.Do(ctx, chromedp.EmulateViewport(1366, 900), chromedp.Navigate(address)))
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits, so that the folder of the browser can be removed
			t.Log(err)
		}
	})
	return b
}

func (b *browser) note(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprint("console: ", e.Type))
	case *runtime.EventExceptionThrown:
		said := "exception: " + e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			said += " " + x.Description
		}
		b.said = append(b.said, said)
	case *log.EventEntryAdded:
		b.said = append(b.said, "log: "+e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") { // data: is in the file
			b.requests = append(b.requests, e.Request.URL)
		}
	}
}

// quiet fails the test when the page has said anything on its console, or asked for anything but itself.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.said) > 0 {
		b.t.Errorf("the page says on its console: %s", strings.Join(b.said, "; "))
	}
	if len(b.requests) != 1 || !strings.HasPrefix(b.requests[0], "file:") {
		b.t.Errorf("the page asks for %v, want itself alone", b.requests)
	}
}

func (b *browser) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression, of a promise what it comes to.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// text returns what an element says.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q).textContent", selector))
}

// click clicks an element as a person does, wherever it is on the page.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.check(chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector))))
}

// middle brings an element into the window and returns where its middle is.
func (b *browser) middle(selector string) (x, y float64) {
	b.t.Helper()
	at := eval[[]float64](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: 'center'});
		const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector))
	return at[0], at[1]
}

// until waits for a condition.
func (b *browser) until(condition string) {
	b.t.Helper()
	b.t.Logf("waiting until %s", condition) // shown by a test that fails, of time too
	eval[bool](b, fmt.Sprintf(`new Promise((done, failed) => {
		const end = performance.now() + 60000, look = () => {
			if (%s) return done(true);
			if (performance.now() < end) return requestAnimationFrame(look);
			const says = document.getElementById('problem');
			failed(new Error('it does not come to that; the page says: ' + (says ? says.textContent : 'nothing')));
		};
		look();
	})`, condition))
}

// pixel returns the colour of a pixel of a canvas, once it is painted.
func (b *browser) pixel(selector string, x, y int) [3]uint8 {
	b.t.Helper()
	b.middle(selector)
	b.until(fmt.Sprintf("document.querySelector(%q).painted", selector))
	// Read from a copy: Chromium warns on the console about a canvas that is read often.
	c := eval[[]int](b, fmt.Sprintf(`(() => { const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
		c.drawImage(document.querySelector(%q), -%d, -%d); return [...c.getImageData(0, 0, 1, 1).data]; })()`, selector, x, y))
	return [3]uint8{uint8(c[0]), uint8(c[1]), uint8(c[2])}
}

// unnamed lists what can be operated, by role, that has no name for a screen reader to say.
func (b *browser) unnamed() []string {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	b.check(err)
	value := func(v *accessibility.Value) (s string) {
		if v != nil {
			b.check(json.Unmarshal(v.Value, &s))
		}
		return s
	}
	var none []string
	operated := 0
	for _, n := range tree.Nodes {
		switch role := value(n.Role); role {
		case "button", "link", "radio", "checkbox", "slider", "combobox", "spinbutton", "img", "table", "region":
			if operated++; !n.Ignored && value(n.Name) == "" && role != "table" {
				none = append(none, role)
			}
		}
	}
	if operated < 10 {
		b.t.Errorf("only %d things to operate", operated)
	}
	return none
}
