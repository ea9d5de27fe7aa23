package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/runs"
)

// grid trains eight networks, two λ × two sizes × two seeds, beside one that failed, and returns their folder.
func grid(t *testing.T) string {
	t.Helper()
	data, dir := shapes(t), filepath.Join(t.TempDir(), "grid")
	for _, l2 := range []string{"0", "20"} {
		for _, net := range []string{"120-6-4", "120-12-4"} {
			for _, seed := range []string{"1", "2"} {
				must(t, "train", data, "--net", net, "--l2", l2, "--seed", seed, "--epochs", "3", "--lr", "0.1",
					"--out", filepath.Join(dir, "runs", net+"-"+l2+"-"+seed))
			}
		}
	}
	if err := runs.Fail(filepath.Join(dir, "runs", "zz"), runs.Failure{
		Reason: "the loss is <not> a number", Final: true, Epoch: 2, When: time.Unix(0, 0).UTC(),
	}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shownRuns is what runs --json prints of the runs of a folder.
func shownRuns(t *testing.T, dir string) []map[string]any {
	t.Helper()
	var doc struct{ Runs []map[string]any }
	if err := json.Unmarshal([]byte(must(t, "runs", dir, "--json")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Runs
}

// The page of many runs works, in either theme, narrow and wide, by mouse and for a screen reader, and asks for
// nothing; its numbers are those of the runs.
func TestRunsReport(t *testing.T) {
	dir := grid(t)
	file := filepath.Join(t.TempDir(), "runs.html")
	said := must(t, "runs", "report", dir, "-o", file)
	if !strings.Contains(said, "what mattered") {
		t.Errorf("it says %q", said)
	}
	b := openPage(t, file)
	for _, theme := range []string{"light", "dark"} {
		b.emulate("screen", theme)
		for _, width := range []int64{1366, 390, 320} {
			b.check(chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)))
			if got := eval[int64](b, "document.documentElement.scrollWidth"); got > width {
				t.Errorf("%s, %d pixels wide: the page is %d", theme, width, got)
			}
		}
		if got := eval[[]string](b, faint); len(got) > 0 {
			t.Errorf("%s: too little contrast: %s", theme, strings.Join(got, "; "))
		}
	}
	b.check(chromedp.Do(b.ctx, chromedp.EmulateViewport(1366, 900)))
	if none := b.unnamed(); len(none) > 0 {
		t.Errorf("without a name: %v", none)
	}

	// The table has every run, sorts by what is clicked, and what is not known stays last.
	all := shownRuns(t, dir)
	cells := func(key string) []string {
		return eval[[]string](b, fmt.Sprintf("[...document.querySelectorAll('#runs-table tbody tr')].map(tr => "+
			"tr.querySelector('[data-key=%q]').textContent)", key))
	}
	var want []float64
	for _, r := range all {
		if v, ok := r["validation"].(float64); ok {
			want = append(want, v)
		}
	}
	for i, down := range []bool{true, false} {
		if i > 0 {
			b.click("#runs-table th[data-key=validation] button")
		}
		got := cells("validation")
		if len(got) != 9 || got[8] != "–" {
			t.Fatalf("validation accuracies %v, want nine with the one that is not known last", got)
		}
		sum, last := 0.0, math.Inf(1)
		if !down {
			last = math.Inf(-1)
		}
		for _, s := range got[:8] {
			v, err := strconv.ParseFloat(strings.TrimSuffix(s, " %"), 64)
			if err != nil {
				t.Fatal(err)
			}
			if down && v > last || !down && v < last {
				t.Errorf("not in order: %v", got)
			}
			last, sum = v, sum+v
		}
		exact := 0.0
		for _, v := range want {
			exact += 100 * v
		}
		same(t, "sum of the accuracies shown", fmt.Sprint(sum), exact, 8*0.005+1e-9)
	}

	// Of the lines those of a chosen value stay.
	if got := eval[int](b, "document.querySelectorAll('#paths-page path').length"); got != 8 {
		t.Errorf("%d lines, want 8", got)
	}
	eval[bool](b, "(s => { s.value = '1'; s.dispatchEvent(new Event('change')); return true; })"+
		"(document.querySelector('#paths-tools select'))")
	if got := eval[int](b, "document.querySelectorAll('#paths-page path:not(.off)').length"); got != 4 {
		t.Errorf("%d lines of one value, want 4", got)
	}
	if got := eval[int](b, "document.querySelectorAll('#training-page polyline').length"); got != 8 {
		t.Errorf("%d curves, want 8", got)
	}

	// The failure stands with its reason, as text; the runs that never began leave no grid without a hole.
	if got := b.text("#failures dd"); got != "failed: the loss is <not> a number (in epoch 2)" {
		t.Errorf("the failure says %q", got)
	}
	const image = "(i => [i.naturalWidth, i.alt.length])(document.querySelector('img.sheets'))"
	if got := eval[[]int](b, image); got[0] < 400 || got[1] < 40 {
		t.Errorf("the sheet of sheets is %d pixels wide and says %d letters", got[0], got[1])
	}
	b.click("#theme")
	if got := eval[string](b, "document.documentElement.dataset.theme"); got != "light" {
		t.Errorf("theme %q after a click", got)
	}
	b.quiet()
}

// The shares on the page are those of the textbook's formulas, worked out here from the table's numbers for two
// settings of two values and two seeds: with contrasts of +1 and −1, SS = (Σ ±y)²/8.
func TestRunsReportShares(t *testing.T) {
	dir := grid(t)
	if err := os.RemoveAll(filepath.Join(dir, "runs", "zz")); err != nil {
		t.Fatal(err)
	}
	y := map[string]float64{}
	mean := 0.0
	for _, r := range shownRuns(t, dir) {
		y[fmt.Sprintf("%v%v%v", r["net"], r["l2"], r["seed"])] = r["validation"].(float64)
		mean += r["validation"].(float64) / 8
	}
	ss := map[string]float64{}
	total := 0.0
	for _, n := range []string{"120-6-4", "120-12-4"} {
		for _, l := range []string{"0", "20"} {
			for _, s := range []string{"1", "2"} {
				a, b, v := 1.0, 1.0, y[n+l+s]
				if n == "120-6-4" {
					a = -1
				}
				if l == "0" {
					b = -1
				}
				ss["net"] += a * v
				ss["l2"] += b * v
				ss["net×l2"] += a * b * v
				total += (v - mean) * (v - mean)
			}
		}
	}
	if total == 0 {
		t.Skip("all accuracies are the same")
	}
	rest := 1.0
	for name, c := range ss {
		ss[name] = c * c / 8 / total
		rest -= ss[name]
	}
	ss["seeds"] = rest
	file := filepath.Join(t.TempDir(), "runs.html")
	must(t, "runs", "report", dir, "-o", file)
	b := openPage(t, file)
	got := map[string]float64{}
	for _, row := range eval[[][]string](b, "[...document.querySelectorAll('#mattered-numbers tbody tr')].map(tr => "+
		"[...tr.children].map(c => c.textContent))") {
		v, err := strconv.ParseFloat(strings.TrimSuffix(row[1], " %"), 64)
		if err != nil {
			t.Fatal(err)
		}
		got[row[0]] = v
	}
	for name, want := range ss {
		same(t, name, fmt.Sprint(got[name]), 100*want, 0.0051)
	}
	if len(got) != 4 {
		t.Errorf("shares %v", got)
	}
	b.quiet()
}

// Each cell shows the median of its runs by validation accuracy.
func TestRunsSheetShowsMedian(t *testing.T) {
	dir := grid(t)
	numbers := filepath.Join(t.TempDir(), "n.json")
	must(t, "runs", "sheet", dir, "--rows", "l2", "--cols", "net", "-o", filepath.Join(t.TempDir(), "s.png"), "--data",
		numbers)
	var drawn struct {
		Run      []string
		Accuracy []float64
	}
	if err := json.Unmarshal(mustRead(t, numbers), &drawn); err != nil {
		t.Fatal(err)
	}
	// Of two runs the lower is shown.
	var want []string
	for _, l2 := range []string{"0", "20"} {
		for _, net := range []string{"120-6-4", "120-12-4"} {
			low, at := math.Inf(1), ""
			for _, r := range shownRuns(t, dir) {
				if v, ok := r["validation"].(float64); ok && fmt.Sprint(r["l2"]) == l2 && r["net"] == net && v < low {
					low, at = v, r["path"].(string)
				}
			}
			want = append(want, at)
		}
	}
	if diff := cmp.Diff(want, drawn.Run); diff != "" {
		t.Error(diff)
	}
}
