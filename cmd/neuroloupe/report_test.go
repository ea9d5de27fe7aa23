package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine/inspect"
	"neuroloupe/mnist"
	"neuroloupe/render"
)

// shapesReport trains a small network on shapes and writes its report.
func shapesReport(t *testing.T, args ...string) (*gallery.View, string) {
	t.Helper()
	data, run := shapes(t), filepath.Join(t.TempDir(), "run")
	must(t, append([]string{"train", data, "--net", "120-12-4", "--epochs", "3", "--out", run}, args...)...)
	file := strings.TrimSpace(must(t, "report", run, "-o", filepath.Join(t.TempDir(), "page.html")))
	v, err := gallery.Open(t.Context(), run, "", talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v, file
}

var printed = regexp.MustCompile(`[−+]?\d+(\.\d+)?`)

// numbersIn returns the numbers in a text of the page.
func numbersIn(t *testing.T, text string) []float64 {
	t.Helper()
	var out []float64
	for _, s := range printed.FindAllString(text, -1) {
		v, err := strconv.ParseFloat(strings.Replace(s, "−", "-", 1), 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// same fails the test when a number printed is not want, rounded.
func same(t *testing.T, what, text string, want, within float64) {
	t.Helper()
	got := numbersIn(t, text)
	if len(got) == 0 || math.Abs(got[0]-want) > within {
		t.Errorf("%s: the page says %q, want %.6g", what, text, want)
	}
}

// without is the accuracy of a network of one hidden layer when a neuron's activation is replaced by its mean, worked
// out from the weights.
func without(t *testing.T, n inspect.Net, tests *mnist.Set, neuron int) (whole, less float64) {
	t.Helper()
	var passes []inspect.Pass
	mean := 0.0
	for i := range tests.Len() {
		p, err := n.Forward(inspect.Pixels(tests.Image(i)))
		if err != nil {
			t.Fatal(err)
		}
		passes = append(passes, p)
		mean += p.A[0][neuron] / float64(tests.Len())
	}
	w := n.Params.Weight(2)
	for i, p := range passes {
		best, changed := 0, make([]float64, n.Spec.Classes())
		for k := range changed {
			changed[k] = p.Z[1][k] + (mean-p.A[0][neuron])*float64(w.Data[neuron*n.Spec.Classes()+k])
			if changed[k] > changed[best] {
				best = k
			}
		}
		answer := 0
		for k, z := range p.Z[1] {
			if z > p.Z[1][answer] {
				answer = k
			}
		}
		if answer == int(tests.Labels[i]) {
			whole++
		}
		if best == int(tests.Labels[i]) {
			less++
		}
	}
	return whole / float64(tests.Len()), less / float64(tests.Len())
}

// The page in a browser: it is walked through by mouse and keyboard, and what it says is held against numbers worked
// out here.
func TestReportInBrowser(t *testing.T) {
	v, file := shapesReport(t)
	b := openPage(t, file)
	tests, err := v.Test()
	if err != nil {
		t.Fatal(err)
	}
	learned, raw := inspect.Maps(weights(v, "learned")), inspect.Maps(weights(v, "raw"))
	cell := func(j int, key string) string {
		return b.text(fmt.Sprintf("#neuron-table tr[data-neuron='%d'] td[data-key=%s]", j, key))
	}

	t.Run("table", func(t *testing.T) {
		rho := v.Rho()
		for _, j := range []int{0, 5, 11} {
			same(t, "norm", cell(j, "norm"), inspect.Norm(learned[j]), 5e-4*inspect.Norm(learned[j]))
			same(t, "rho", cell(j, "rho"), rho[j], 6e-4)
			same(t, "smoothness", cell(j, "smoothness"), inspect.Smoothness(learned[j], strokes.Rows, strokes.Cols),
				6e-4)
			whole, less := without(t, v.Net, tests, j)
			same(t, "lost", cell(j, "lost"), 100*(whole-less), 0.006)
		}
		norms := make([]float64, len(learned))
		for j := range learned {
			norms[j] = inspect.Norm(learned[j])
		}
		order := inspect.Descending(norms)
		rows := func() []int {
			return eval[[]int](b, "[...document.querySelectorAll('#neuron-table tbody tr')].map(r => "+
				"Number(r.dataset.neuron))")
		}
		b.click("#neuron-table th[data-key=norm] button")
		if d := cmp.Diff(order, rows()); d != "" {
			t.Errorf("sorted by ‖w‖ (-want +got):\n%s", d)
		}
		sorted := "document.querySelector('#neuron-table th[data-key=norm]').getAttribute('aria-sort')"
		if got := eval[string](b, sorted); got != "descending" {
			t.Errorf("aria-sort %q, want descending", got)
		}
		b.click("#neuron-table th[data-key=norm] button")
		if got := rows(); got[0] != order[len(order)-1] || eval[string](b, sorted) != "ascending" {
			t.Errorf("sorted up: %v", got)
		}
	})

	t.Run("sheet", func(t *testing.T) {
		const tile = "#sheet .tile[data-neuron='5']"
		x, y := b.middle(tile + " canvas")
		_, err := chromedp.Call(b.ctx, input.DispatchMouseEvent,
			input.DispatchMouseEventParams{Type: chromedp.MouseMoved, X: x, Y: y})
		b.check(err)
		b.until("document.getElementById('readout').textContent.startsWith('neuron 5 speaks for')")
		said := b.text("#readout")
		classes, _ := v.Favourites(0)
		if want := fmt.Sprintf("speaks for %s, ", v.Classes()[classes[5]]); !strings.Contains(said, want) {
			t.Errorf("readout %q, want %q", said, want)
		}
		_, pixel, found := strings.Cut(said, "column ")
		_, pixel, _ = strings.Cut(pixel, ": ")
		if !found {
			t.Fatalf("readout %q has no pixel", said)
		}
		same(t, "pixel under the mouse", pixel, float64(learned[5][strokes.Rows/2*strokes.Cols+strokes.Cols/2]),
			0.02*float64(maxAbs(learned...)))

		limit := float64(maxAbs(learned...))
		color := func(show string, w []float32, limit float64) {
			for _, p := range []int{0, 47, 64} {
				want := render.BlueOrange.At(float64(w[p]) / limit)
				got := b.pixel(tile+" canvas", p%strokes.Cols, p/strokes.Cols)
				if !close3(got, [3]uint8{want.R, want.G, want.B}, 12) { // two roundings to a hundredth of the map
					t.Errorf("%s, pixel %d: colour %v, want about %v", show, p, got, want)
				}
			}
		}
		eval[bool](b, "document.documentElement.dataset.theme = 'light', true")
		color("learned", learned[5], limit)
		b.click("input[name=show][value=raw]")
		color("raw", raw[5], float64(maxAbs(raw...)))
		b.click("input[name=scale][value=own]")
		color("raw, own scale", raw[5], float64(maxAbs(raw[5])))

		eval[bool](b, "document.querySelector('#sheet .tile').focus(), true")
		b.check(chromedp.Do(b.ctx, chromedp.KeyEvent("\u0303"))) // right arrow
		if got := eval[string](b, "document.activeElement.dataset.neuron"); got != "1" {
			t.Errorf("after the right arrow tile %q has the focus, want 1", got)
		}
		if got := eval[int](b, "document.querySelectorAll('#sheet .tile[tabindex=\"0\"]').length"); got != 1 {
			t.Errorf("%d tiles are stops of the tab key, want 1", got)
		}
	})

	t.Run("neuron", func(t *testing.T) {
		b.click("#sheet .tile[data-neuron='5']")
		b.until("document.getElementById('neuron-name').textContent === 'Neuron 5 of hidden layer 1'")
		if got := eval[string](b, "document.activeElement.id"); got != "neuron-name" {
			t.Errorf("the focus is on %q, want the neuron's heading", got)
		}
		path := inspect.Path(v.Spec(), v.Net.Params, 0)[5]
		texts := eval[[]string](b, `[...document.querySelectorAll('#neuron-page .bars')].find(t => t.caption.textContent.includes('W2'))
			.querySelectorAll('td.number').values().map(e => e.textContent).toArray()`)
		for k, text := range texts {
			same(t, "W2", text, path[k], 6e-4*math.Max(1, math.Abs(path[k])))
		}
		if len(texts) != strokes.Classes {
			t.Errorf("%d weights to the outputs, want %d", len(texts), strokes.Classes)
		}
		b.click("#next")
		b.until("document.getElementById('neuron-name').textContent.startsWith('Neuron 6 ')")
		b.check(chromedp.Do(b.ctx, chromedp.NavigateBack()))
		b.until("document.getElementById('neuron-name').textContent.startsWith('Neuron 5 ')")
	})

	t.Run("why", func(t *testing.T) {
		image := numbersIn(t, b.text("#why-name"))[0]
		p, err := v.Net.Forward(inspect.Pixels(tests.Image(int(image))))
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range p.Z[1] {
			eval[bool](b,
				fmt.Sprintf(`(() => { const s = document.querySelector('#why-page select'); s.value = %d; return s.dispatchEvent(new Event('change')); })()`, k))
			text := b.text("#sum")
			_, sum, _ := strings.Cut(text, "that is")
			n := numbersIn(t, strings.Replace(sum, "s of "+v.Classes()[k]+" ", "", 1))
			if len(n) != 2 || math.Abs(n[0]-s) > 1e-4 || math.Abs(n[1]-s) > 1e-4 {
				t.Errorf("class %d: %q, want both sums %.5f", k, text, s)
			}
		}
	})

	t.Run("film", func(t *testing.T) {
		frame := func(at int) {
			eval[bool](b,
				fmt.Sprintf(`(() => { const s = document.getElementById('film-at'); s.value = %d; return s.dispatchEvent(new Event('input')); })()`, at))
		}
		if got := b.text("#film-says"); !strings.HasPrefix(got, "epoch 0") {
			t.Errorf("the film begins with %q", got)
		}
		zero := render.BlueOrange.At(0)
		b.pixel("#film-canvas", 0, 0)
		b.until(fmt.Sprintf("document.getElementById('film-canvas').width > %d", strokes.Cols)) // it is unpacked
		if got := b.pixel("#film-canvas", 5, 5); got != [3]uint8{zero.R, zero.G, zero.B} {
			t.Errorf("at epoch 0 something is learned already: colour %v", got)
		}
		frame(3)
		if got := b.text("#film-says"); !strings.HasPrefix(got, "epoch 3, test accuracy ") {
			t.Errorf("the last frame is %q", got)
		}
		// Tiles stand with a pixel between them; the first is neuron 0.
		limit := float64(maxAbs(learned...))
		r, err := page.Of(v)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Frames(func(int, int) []int { return []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11} }, func(f page.Frame) {
			limit = max(limit, float64(maxAbs(f.Learned...)))
		})
		if err != nil {
			t.Fatal(err)
		}
		want := render.BlueOrange.At(float64(learned[0][64]) / limit)
		if got := b.pixel("#film-canvas", 64%strokes.Cols, 64/strokes.Cols); !close3(got,
			[3]uint8{want.R, want.G, want.B}, 6) {
			t.Errorf("last frame: colour %v, want about %v", got, want)
		}
	})

	t.Run("confusion", func(t *testing.T) {
		score, err := v.Score()
		if err != nil {
			t.Fatal(err)
		}
		got := eval[[][]int](b,
			`[...document.querySelectorAll('#confusion tbody tr')].map(r => [...r.querySelectorAll('td')].slice(0, 4).map(c => Number(c.textContent)))`)
		if d := cmp.Diff(score.Confusion, got); d != "" {
			t.Errorf("confusion matrix (-want +got):\n%s", d)
		}
	})

	t.Run("class", func(t *testing.T) {
		b.click("#class-page button[data-class='2']")
		b.until("document.getElementById('class-name').textContent === 'Class 2'")
		act, err := v.Activity(0)
		if err != nil {
			t.Fatal(err)
		}
		r, err := inspect.RankClass(inspect.Path(v.Spec(), v.Net.Params, 0), act, 2)
		if err != nil {
			t.Fatal(err)
		}
		first := eval[[]string](b, "[...document.querySelectorAll('#class-page .thumbs')].slice(0, 2).map(l => "+
			"l.querySelector('b').textContent)")
		if d := cmp.Diff([]string{strconv.Itoa(r.ByContribution[0]), strconv.Itoa(r.ByWeight[0])}, first); d != "" {
			t.Errorf("first by contribution and by weight (-want +got):\n%s", d)
		}
	})

	if none := b.unnamed(); none != nil {
		t.Errorf("without a name for screen readers: %v", none)
	}
	eval[bool](b, "dispatchEvent(new Event('beforeprint'))")
	b.click("#theme")
	b.quiet()
	if eval[string](b, "fetch('http://127.0.0.1:9/').then(() => 'had', () => 'refused')"); len(b.said) == 0 {
		t.Error("a request was not noticed, or not refused by the page's policy")
	}
}

// What a network made elsewhere lacks is said where it would stand, and the rest works.
func TestReportOfImport(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	must(t, "import", filepath.Join("..", "internal", "exchange", "testdata", "digits.npz"), "--data", "none", "--out",
		run)
	b := openPage(t, strings.TrimSpace(must(t, "report", run)))
	for section, want := range map[string]string{
		"neurons": "its start weights are not known", "class": "imported without a data set",
		"why":      "imported without a data set",
		"ablation": "imported without a data set", "errors": "imported without a data set",
		"training": "trained elsewhere", "film": "start weights are not known",
	} {
		if got := b.text("#" + section); !strings.Contains(got, want) {
			t.Errorf("section %s does not say %q", section, want)
		}
	}
	b.click("#sheet .tile[data-neuron='3']")
	b.until("document.getElementById('neuron-name').textContent.startsWith('Neuron 3 ')")
	if got := eval[[]string](b,
		"[...document.querySelectorAll('#neuron-table th[data-key]')].map(h => h.dataset.key)"); !cmp.Equal(got,
		[]string{"id", "class", "norm", "smoothness"}) {
		t.Errorf("columns %v", got)
	}
	b.quiet()
}

// Every hidden layer of a deeper network has its sheet, table and pages.
func TestReportOfDeeperNet(t *testing.T) {
	v, file := shapesReport(t, "--net", "120-9-6-4", "--hidden", "relu", "--init", "he", "--lr", "0.1")
	b := openPage(t, file)
	for l, units := range []int{9, 6} {
		eval[bool](b,
			fmt.Sprintf(`(() => { const s = document.querySelector('#sheet-tools select'); s.value = %d; return s.dispatchEvent(new Event('change')); })()`, l))
		if got := eval[int](b, "document.querySelectorAll('#sheet .tile').length"); got != units {
			t.Errorf("layer %d has %d tiles, want %d", l+1, got, units)
		}
	}
	p, err := v.ProbeTest()
	if err != nil {
		t.Fatal(err)
	}
	slopes, err := p.Slopes(t.Context(), v.Net)
	if err != nil {
		t.Fatal(err)
	}
	// the usual way to show weights: what training put into the first layer, through the network as it is
	learned := v.Net
	learned.Params = learned.Params.Clone()
	copy(learned.Params.Weight(1).Data, inspect.Learned(v.Net.Params.Weight(1), v.Net.Initial.Weight(1),
		v.Net.Gamma).Data)
	maps, err := learned.Paths(t.Context(), 1, nil, slopes)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "norm of layer 2", b.text("#neuron-table tr[data-neuron='4'] td[data-key=norm]"), inspect.Norm(maps[4]),
		5e-4*inspect.Norm(maps[4]))
	b.quiet()
}

func maxAbs(maps ...[]float32) float32 {
	var m float32
	for _, row := range maps {
		for _, v := range row {
			m = max(m, v, -v)
		}
	}
	return m
}

func close3(a, b [3]uint8, within int) bool {
	for i := range a {
		if d := int(a[i]) - int(b[i]); d > within || d < -within {
			return false
		}
	}
	return true
}

// The report of a 784-100-10 run on MNIST.
func BenchmarkReport(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "run")
	var out, talk strings.Builder
	if run([]string{"train", "--epochs", "3", "--split", "20000/1000", "--out", dir}, &out, &talk) != exitDone {
		b.Skipf("MNIST cannot be had: %s", talk.String())
	}
	for b.Loop() {
		if run([]string{"report", dir}, &out, &talk) != exitDone {
			b.Fatal(talk.String())
		}
	}
	info, err := os.Stat(filepath.Join(dir, "report.html"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}
