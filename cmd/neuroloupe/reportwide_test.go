package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Of a layer of thousands every neuron has its map, its numbers and its page; what is cut short is said, and no tile is
// painted before it comes near the window.
func TestReportOfWideNet(t *testing.T) {
	const units = 1500
	v, file := shapesReport(t, "--net", "120-1500-4", "--epochs", "1")
	b := openPage(t, file)
	if got := eval[[]string](b, "[...document.querySelectorAll('#bounds li')].map(e => e.textContent)"); !cmp.Equal(got,
		[]string{
			"The hidden layer has 1,500 neurons, so the maps are not put in order of similarity: that is done for up " +
				"to 1,024.",
			"The hidden layer has 1,500 neurons, so of each the 3 test images of largest and of smallest z are " +
				"shown, not 8.",
		}) {
		t.Errorf("cut short: %q", got)
	}
	if got := eval[int](b, "document.querySelectorAll('#sheet .tile canvas').length"); got != units {
		t.Errorf("%d tiles, want %d", got, units)
	}
	if got := eval[int](b,
		"[...document.querySelectorAll('#sheet .tile canvas')].filter(c => c.painted).length"); got > units/2 {
		t.Errorf("%d of %d tiles are painted at first, want those near the window", got, units)
	}
	learned := inspect.Maps(weights(v, "learned"))
	const last = "#sheet .tile[data-neuron='1499'] canvas"
	want := render.BlueOrange.At(float64(learned[units-1][64]) / float64(maxAbs(learned...)))
	eval[bool](b, "document.documentElement.dataset.theme = 'light', true")
	if got := b.pixel(last, 64%strokes.Cols, 64/strokes.Cols); !close3(got, [3]uint8{want.R, want.G, want.B}, 12) {
		t.Errorf("the last tile's colour is %v, want about %v", got, want)
	}
	b.click("#neuron-table p button")
	if got := eval[int](b, "document.querySelectorAll('#neuron-table tbody tr').length"); got != units {
		t.Errorf("%d rows of numbers, want %d", got, units)
	}
	same(t, "norm", b.text("#neuron-table tr[data-neuron='1499'] td[data-key=norm]"), inspect.Norm(learned[units-1]),
		5e-4*inspect.Norm(learned[units-1]))
	eval[bool](b, "location.hash = '#neuron-1-1499', true")
	b.until("document.getElementById('neuron-name').textContent === 'Neuron 1499 of hidden layer 1'")
	if got := eval[[]int](b,
		"[...document.querySelectorAll('#neuron-page .thumbs')].map(l => l.children.length)"); !cmp.Equal(got,
		[]int{3, 3}) {
		t.Errorf("test images of largest and smallest z: %v, want 3 and 3", got)
	}
	b.quiet()
}

// A last line of metrics that a kill left unfinished is no damage: the page and the film are what they were.
func TestReportOfTornMetrics(t *testing.T) {
	run, dir := trained(t, "--net", "120-5-4", "--epochs", "2"), t.TempDir()
	write := func(name string) []byte {
		must(t, "film", run, "-o", filepath.Join(dir, name+".gif"))
		must(t, "report", run, "-o", filepath.Join(dir, name+".html"))
		return slices.Concat(mustRead(t, dir, name+".gif"), mustRead(t, dir, name+".html"))
	}
	whole := write("whole")
	f, err := os.OpenFile(filepath.Join(run, "metrics.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"epoch":3,"loss":0.1,"train_acc`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(write("torn"), whole) {
		t.Error("the torn line changed the page or the film")
	}
}

// What takes long is said beforehand, and what does not is not.
func TestReportSaysHowLong(t *testing.T) {
	for _, c := range []struct {
		net   string
		cores int
		said  bool
	}{{"784-100-10", 1, false}, {"784-300-100-10", 2, false}, {"784-4096-10", 2, true}, {"784-4096-10", 4, true}} {
		sizes, err := engine.ParseSizes(c.net)
		if err != nil {
			t.Fatal(err)
		}
		s := engine.Spec{Inputs: sizes[0]}
		for _, units := range sizes[1:] {
			s.Layers = append(s.Layers, engine.Layer{Units: units})
		}
		if got := page.Seconds(s, 10000, c.cores); got > reportNotice != c.said {
			t.Errorf("%s on %d cores: %.1f s, said beforehand: want %v", c.net, c.cores, got, c.said)
		}
	}
}
