package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"neuroloupe/cmd/internal/watch"
)

// A page that is written to a file is the page that is served, but for what needs a server: opened as a file, and from
// any web server, it draws and reads the same, and asks for nothing else. It names no folder of this machine.
func TestServeExport(t *testing.T) {
	data, dir := shapes(t), t.TempDir()
	run, page := filepath.Join(dir, "run"), filepath.Join(dir, "page")
	must(t, "train", data, "--net", "120-9-7-4", "--hidden", "tanh", "--output", "softmax", "--epochs", "3",
		"--out", run)
	file := strings.TrimSpace(must(t, "serve", "--export", page, run))
	text := mustRead(t, file)
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, data, filepath.Dir(data), home + "/", os.TempDir() + "/"} {
		if bytes.Contains(text, []byte(path)) {
			t.Errorf("the page has %s in it", path)
		}
	}
	if size := len(text); size > 1<<20 || !bytes.Contains(text, []byte(`content="default-src 'none'; `)) {
		t.Errorf("the page is %d bytes, or has no policy", size)
	}
	// Interrupted, it writes nothing.
	for n := 0; ; n += 1 + n/2 {
		cut := filepath.Join(dir, "cut")
		a := &app{ctx: newCountdown(t, n), stdout: io.Discard, Screen: watch.NewScreen(io.Discard)}
		code := a.run([]string{"serve", "--export", cut, run})
		if code == exitDone && n > 0 {
			if got := mustRead(t, cut, "index.html"); !bytes.Equal(got, text) {
				t.Errorf("the page written again is another: %d bytes, want %d", len(got), len(text))
			}
			break
		}
		if _, err := os.Stat(cut); code != exitInterrupted || !os.IsNotExist(err) {
			t.Fatalf("interrupted after %d looks: exit %d, and the folder is there: %v", n, code, err)
		}
	}
	plain := httptest.NewServer(http.FileServer(http.Dir(page)))
	defer plain.Close()
	s := startServe(t, run)

	const shown = `JSON.stringify([[...neuroloupe.now.image], neuroloupe.now.pass.z.map(z => [...z]), neuroloupe.sums(),
		document.getElementById('grid').toDataURL(), document.getElementById('neuron-says').textContent,
		document.getElementById('histogram-says').textContent, document.getElementById('top').textContent])`
	b := openPage(t, file)
	views := map[string]string{}
	for _, at := range []string{"file", "web server", "serve"} {
		asks := map[string]string{"file": "file://" + file, "web server": plain.URL + "/", "serve": s.address}[at]
		if at != "file" {
			b.mu.Lock()
			b.requests = nil
			b.mu.Unlock()
			b.check(chromedp.Do(b.ctx, chromedp.Navigate(asks)))
		}
		b.until("window.neuroloupe && neuroloupe.now.pass && document.querySelectorAll('#top button').length === 12")
		b.click("#pen button:nth-of-type(2)")
		b.stroke([2]float64{0.2, 0.2}, [2]float64{0.8, 0.8})
		for _, layer := range []string{"0", "1"} {
			b.openRun("run", "layer: "+layer+", strokes: '2e.5k.5k.go.go', neuron: 3, view: 'learned'")
			b.until("neuroloupe.now.seen.has(" + layer + ") && neuroloupe.now.net.map(" + layer + ", 0, 'init') && " +
				"document.querySelectorAll('#top button').length === 12 && neuroloupe.state.strokes.length === 1")
			b.frame()
			views[at+layer] = eval[string](b, shown)
		}
		b.picture("export-" + strings.ReplaceAll(at, " ", "-"))
		if at == "serve" {
			break
		}
		b.openRun("run", "layer: 0, source: 'test', test: 5, epoch: 0")
		b.until("neuroloupe.now.net !== neuroloupe.now.end && " +
			"document.getElementById('epoch-says').textContent.startsWith('after epoch 0')")
		b.click("#images button:nth-of-type(2)")
		b.until("document.getElementById('source').textContent.startsWith('Test image 6: a ')")
		if !eval[bool](b, "document.getElementById('doctor').hidden") {
			t.Errorf("%s: the doctor is there to be asked", at)
		}
		if got := b.text("#holds"); !strings.Contains(got, "4 of the 4 moments kept") {
			t.Errorf("%s: the page says %q", at, got)
		}
		if got := eval[string](b, "neuroloupe.save.commands()[0].command"); got != "neuroloupe why RUN "+
			"--image test:6 --layer 1" {
			t.Errorf("%s: the first command is %s", at, got)
		}
		b.mu.Lock()
		if len(b.requests) != 1 || b.requests[0] != asks {
			t.Errorf("%s: the page asks for %v, want itself alone", at, b.requests)
		}
		if len(b.said) > 0 {
			t.Errorf("%s: the page says on its console: %s", at, strings.Join(b.said, "; "))
		}
		b.mu.Unlock()
	}
	for _, at := range []string{"file", "web server"} {
		for _, layer := range []string{"0", "1"} {
			if got, want := views[at+layer], views["serve"+layer]; got != want {
				t.Errorf("%s, layer %s: it shows\n%.800s\nwant\n%.800s", at, layer, got, want)
			}
		}
	}
}
