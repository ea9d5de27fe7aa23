package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/exchange/npz"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
)

// downloads has the browser save files in a folder, and returns what waits until the next one is there.
func (b *browser) downloads(dir string) (wait func()) {
	b.t.Helper()
	saved := make(chan struct{}, 10)
	b.check(chromedp.ListenBrowser(b.ctx, func(ev any) {
		if e, ok := ev.(*cdbrowser.EventDownloadProgress); ok && e.State == cdbrowser.DownloadProgressStateCompleted {
			saved <- struct{}{}
		}
	}))
	_, err := chromedp.CallBrowser(b.ctx, cdbrowser.SetDownloadBehavior, cdbrowser.SetDownloadBehaviorParams{
		Behavior: cdbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, EventsEnabled: new(true),
	})
	b.check(err)
	return func() {
		b.t.Helper()
		select {
		case <-saved:
		case <-b.ctx.Done():
			b.t.Fatal("nothing is saved")
		}
	}
}

// shellWords are the arguments of a command line as a shell takes them.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `for a in `+line+`; do printf '%s\0' "$a"; done`).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// What the page shows can be saved: the numbers are those of why and sheet, a picture holds its panel, and each command
// line that the page prints does what it says. A PNG of one's own is read as the network is to see it.
func TestServeSave(t *testing.T) {
	data, dir := shapes(t), t.TempDir()
	run := filepath.Join(dir, "a run's folder")
	must(t, "train", data, "--net", "120-9-7-4", "--hidden", "tanh", "--output", "softmax", "--epochs", "3",
		"--out", run)
	b := livePage(t, run)
	server := eval[string](b, "location.origin + '/'")
	wait := b.downloads(dir)
	t.Chdir(dir)
	b.until("document.querySelectorAll('#top button').length === 12 && neuroloupe.now.seen.has(0)")

	v, err := gallery.Open(t.Context(), run, "", talk.Silent{})
	b.check(err)
	defer v.Close()
	chosen, err := v.Choose("test:0", false)
	b.check(err)
	// A command is run when it has a flag that it has not been run with.
	ran := map[string]bool{}
	commands := func() {
		t.Helper()
		for _, line := range eval[[]string](b, "neuroloupe.save.commands().map(c => c.command)") {
			words := shellWords(t, line)
			if words[0] != "neuroloupe" || words[2] != run {
				t.Errorf("%s is %q", line, words)
			}
			fresh := false
			for _, w := range append(words[1:], words[1]) {
				key := words[1] + " " + w
				if w == "--colormap" {
					key = w
				}
				if (w == words[1] || strings.HasPrefix(w, "--") || w == "drawing.png") && !ran[key] {
					ran[key], fresh = true, true
				}
			}
			if fresh {
				must(t, words[1:]...)
			}
		}
	}
	for layer := range 2 {
		b.openRun(filepath.Base(run), fmt.Sprintf("source: 'test', test: 0, layer: %d, view: 'init'", layer))
		b.until(fmt.Sprintf("neuroloupe.now.seen.has(%d) && neuroloupe.now.net.map(%[1]d, 0, 'learned')", layer))
		x, err := v.Explain(chosen, layer, -1)
		b.check(err)
		want := x.Numbers(3)
		for _, show := range []string{"raw", "learned", "init"} {
			sheet := &gallery.Sheet{Layer: layer + 1, Show: show, Scale: "shared", Order: "index"}
			d, err := sheet.Draw(v)
			b.check(err)
			arrays.AddMatrix(want, show, d.Numbers.Rows(show))
		}
		b.click("#save-npz")
		wait()
		name := filepath.Join(dir, "a-run-s-folder.npz")
		got := readNPZ(t, name)
		b.check(os.Remove(name))
		for _, name := range []string{
			"input", "z1", "z2", "z3", "a1", "a2", "a3", "evidence", "rest", "centred", "mean_activation",
			"answer_evidence", "answer_rest", "answer_sum", "answer_centred", "raw", "learned", "init",
		} {
			want := want.Values(name)
			if len(got[name]) != len(want) || len(want) == 0 {
				t.Errorf("layer %d: %s has %d numbers, want %d", layer+1, name, len(got[name]), len(want))
				continue
			}
			for i, w := range want {
				if d := math.Abs(float64(got[name][i]) - w); !(d <= 1e-4*max(1, math.Abs(w))) {
					t.Errorf("layer %d: %s[%d] is %v, want %v", layer+1, name, i, got[name][i], w)
					break
				}
			}
		}
		commands()
	}

	// Another class is asked about, in other colours; then a contrast.
	best := eval[int](b, "neuroloupe.now.pass.z[2].indexOf(Math.max(...neuroloupe.now.pass.z[2]))")
	b.openRun(filepath.Base(run), fmt.Sprintf("source: 'test', test: 3, layer: 0, epoch: 1, chosen: %d", (best+1)%4))
	b.until("neuroloupe.now.net !== neuroloupe.now.end")
	eval[bool](b, `(s => (s.selectedIndex = 1, s.dispatchEvent(new Event('change')), true))(
		[...document.querySelectorAll('#tools select')].pop())`)
	b.frame()
	commands()
	b.openRun(filepath.Base(run), fmt.Sprintf("source: 'test', test: 0, layer: 1, chosen: -1, not: %d", (best+1)%4))
	got := strings.Join(eval[[]string](b, "neuroloupe.save.commands().map(c => c.command)"), "\n")
	if !strings.Contains(got, " --not ") || !strings.Contains(got, " --colormap blue-red") {
		t.Errorf("the commands are %s", got)
	}
	commands()

	b.until("document.querySelectorAll('#commands code').length === 4 && " +
		"document.getElementById('commands').textContent.includes('--not')")
	b.click("#commands li:nth-of-type(3) button")
	b.until("document.getElementById('save-says').textContent.startsWith('Copied.') || " +
		"document.getElementById('save-says').textContent.startsWith('The command is selected')")
	if got := eval[string](b, "getSelection().toString()"); got != b.text("#commands li:nth-of-type(3) code") {
		t.Errorf("to be copied is %q", got)
	}

	// A picture of each panel, and in that of what the network sees every pixel of it.
	panels := eval[[]string](b, "[...document.querySelectorAll('#save-tools option')].map(o => o.value)")
	if len(panels) != 7 {
		t.Errorf("the panels are %v", panels)
	}
	for _, p := range panels {
		text := eval[string](b, fmt.Sprintf("neuroloupe.save.picture(%q).toDataURL().split(',')[1]", p))
		raw, err := base64.StdEncoding.DecodeString(text)
		b.check(err)
		img, err := png.Decode(bytes.NewReader(raw))
		b.check(err)
		if s := img.Bounds().Size(); s.X != 1400 || s.Y < 200 || s.Y > 2500 {
			t.Errorf("%s is a picture of %v", p, s)
		}
		if dir := os.Getenv("NEUROLOUPE_PICTURES"); dir != "" {
			b.check(os.WriteFile(filepath.Join(dir, "save-"+p+".png"), raw, 0o666))
		}
		if p == "sees" && !pictured(img, chosen.Pixels, 10) {
			t.Error("the picture of what the network sees lacks it")
		}
	}
	eval[bool](b, `(s => (s.value = 'evidence', s.dispatchEvent(new Event('change')), true))(
		document.querySelector('#save-tools select'))`)
	b.click("#save-png")
	wait()
	if _, err := png.DecodeConfig(bytes.NewReader(mustRead(t, dir, "a-run-s-folder-evidence.png"))); err != nil {
		t.Error(err)
	}

	// A drawing, as a PNG that why reads as the same image.
	b.click("#pen button:nth-of-type(2)")
	b.stroke([2]float64{0.3, 0.2}, [2]float64{0.6, 0.8})
	b.frame()
	b.click("#save-image")
	wait()
	again, err := v.Choose("drawing.png", false)
	b.check(err)
	if got := eval[[]int](b, "[...neuroloupe.now.image]"); fmt.Sprint(got) != fmt.Sprint(asInts(again.Pixels)) {
		t.Errorf("the drawing is saved as\n%v, want\n%v", again.Pixels, got)
	}
	commands()
	for _, w := range []string{
		"why --image", "why --layer", "why --not", "why drawing.png", "sheet --show", "sheet --layer", "neuron --layer",
		"class class", "film film", "--colormap",
	} {
		if !ran[w] {
			t.Errorf("%s was not run", w)
		}
	}

	// Dark ink on light paper, three times as large as the network's images: turned round, each pixel a mean of nine.
	want := make([]int, 120)
	paper := image.NewGray(image.Rect(0, 0, 30, 36))
	for y := range 36 {
		for x := range 30 {
			ink := 0
			if x >= 7 && x < 20 && y >= 5 && y < 31 {
				ink = 10 * (x + y) / 3
			}
			paper.SetGray(x, y, color.Gray{Y: uint8(255 - ink)})
			want[y/3*10+x/3] += ink
		}
	}
	for i, sum := range want {
		want[i] = int(math.Round(float64(sum) / 9))
	}
	var file bytes.Buffer
	b.check(png.Encode(&file, paper))
	b.check(os.WriteFile("own.png", file.Bytes(), 0o666))
	choose := func(name string) {
		b.check(chromedp.Do(b.ctx, chromedp.SetUploadFiles(chromedp.CSS("#images input[type=file]"),
			[]string{filepath.Join(dir, name)})))
	}
	choose("own.png")
	b.until("neuroloupe.state.source === 'pixels' && neuroloupe.now.image === neuroloupe.state.pixels")
	b.frame()
	for i, got := range eval[[]int](b, "[...neuroloupe.now.image]") {
		if d := got - want[i]; d < -1 || d > 1 {
			t.Errorf("pixel %d of a picture is read as %d, want %d", i, got, want[i])
		}
	}
	if got := b.text("#source"); got != "A picture of yours." {
		t.Errorf("it is called %q", got)
	}
	b.check(os.WriteFile("no.png", []byte("no picture"), 0o666))
	choose("no.png")
	b.until("!document.getElementById('problem').hidden")
	if got := b.text("#problem"); got != "no.png is no picture that this browser can read." {
		t.Errorf("of a file that is no picture it says %q", got)
	}
	b.quietTo(server)
}

func asInts(b []byte) []int {
	out := make([]int, len(b))
	for i, v := range b {
		out[i] = int(v)
	}
	return out
}

// pictured reports whether an image of so many columns is in a picture as wide as whole pixels make 700, light ink on
// dark or dark on light.
func pictured(img image.Image, pixels []byte, cols int) bool {
	at := func(x, y int) int { return int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y) }
	rows := len(pixels) / cols
	scale := 700 / cols
	for y0 := range img.Bounds().Dy() - rows*scale {
		ok := true
		for i := 0; i < len(pixels) && ok; i++ {
			x, y, p := 48+i%cols*scale, y0+i/cols*scale, int(pixels[i])
			for _, d := range []int{0, scale - 1} {
				if got := at(x+d, y+d); got != p && got != 255-p {
					ok = false
				}
			}
		}
		if ok {
			return true
		}
	}
	return false
}

// readNPZ reads the arrays of numbers of an archive.
func readNPZ(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := map[string][]float32{}
	for _, f := range r.File {
		a, err := npz.Open(f)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if a.Note != "" { // whole numbers and texts
			continue
		}
		if out[strings.TrimSuffix(f.Name, ".npy")], err = a.Read(1 << 20); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	return out
}
