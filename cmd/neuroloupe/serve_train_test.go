package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// choose sets a knob of the training as a person does.
func (b *browser) choose(selector, value string) {
	b.t.Helper()
	eval[bool](b, `(() => { const e = document.querySelector(`+quote(selector)+`); e.value = `+quote(value)+`;
		e.dispatchEvent(new Event('change', {bubbles: true})); return true; })()`)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "\\'") + "'" }

// weightsOf is a sum of the weights that the page shows, so that two networks can be told apart.
const weightsOf = "neuroloupe.now.net.layers.map(l => l.w.reduce((s, v, i) => s + v * (1 + i % 7), 0) + " +
	"l.b.reduce((s, v) => s + v, 0)).join()"

// A person begins a training in the page where no run is, sees the network change as it learns, pauses, goes back in
// time, keeps it, and finds the same under the same address. What is kept is what train makes of the same settings.
func TestServeTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on MNIST")
	}
	t.Chdir(t.TempDir())
	s := startServe(t)
	b := openAddress(t, s.address)
	b.until("window.neuroloupe && document.querySelector('#train-do button') && " +
		"document.getElementById('train-part').open")
	server := eval[string](b, "location.origin + '/'")
	if !eval[bool](b, "document.getElementById('train-part').open && document.getElementById('bench').hidden") {
		t.Error("without a run the page does not begin with training")
	}
	b.choose("#knob-layers", "30")
	b.choose("#knob-epochs", "9")
	b.click("#train-do button:nth-of-type(1)")
	b.until("neuroloupe.now.lesson && neuroloupe.now.lesson.epoch >= 2 && neuroloupe.now.pass")
	b.picture("train")
	shown := eval[int](b, "neuroloupe.now.shown")
	before := eval[string](b, weightsOf)
	b.until("neuroloupe.now.shown > " + strconv.Itoa(shown+5))
	if eval[string](b, weightsOf) == before {
		t.Error("the network that is shown does not change")
	}
	b.click("#train-do button:nth-of-type(1)") // pause
	b.until("neuroloupe.now.lesson.state === 'paused' && neuroloupe.now.end.dated && " +
		"neuroloupe.now.end.dated.epoch === neuroloupe.now.lesson.epoch && neuroloupe.now.end.dated.step === " +
		"neuroloupe.now.lesson.step")
	steps := eval[int](b, "neuroloupe.now.lesson.steps")
	b.click("#train-do button:nth-of-type(2)") // one step
	b.until("neuroloupe.now.lesson.steps === " + strconv.Itoa(steps+1))
	b.click("#train-do button:nth-of-type(3)") // one epoch
	b.until("neuroloupe.now.lesson.state === 'paused' && neuroloupe.now.lesson.step === 0 && " +
		"neuroloupe.now.end.dated.step === 0")
	epoch := eval[int](b, "neuroloupe.now.lesson.epoch")
	b.until("document.querySelectorAll('#top button').length === 12")
	paused := eval[string](b, weightsOf)
	b.frame()
	b.picture("train-paused")

	// Time: epoch 0 is the start, the end what it is now.
	b.until("Number(document.getElementById('epoch').max) === " + strconv.Itoa(epoch+1))
	eval[bool](b, `(() => { const e = document.getElementById('epoch'); e.value = 0; e.dispatchEvent(new Event('input')); return true; })()`)
	b.until("neuroloupe.state.epoch === 0 && neuroloupe.now.net !== neuroloupe.now.end")
	start := eval[bool](b, "neuroloupe.now.net.layers[0].w.every((v, i) => v === neuroloupe.now.net.w0[i])")
	if !start {
		t.Error("epoch 0 is not the start")
	}
	eval[bool](b, `(() => { const e = document.getElementById('epoch'); e.value = e.max; e.dispatchEvent(new Event('input')); return true; })()`)
	b.until("neuroloupe.state.epoch === -1 && neuroloupe.now.net === neuroloupe.now.end")

	// The same address in another tab shows the same.
	b.until("new URLSearchParams(location.hash.slice(1)).get('steps') === String(neuroloupe.now.lesson.steps)")
	hash := eval[string](b, "location.hash")
	other := openAddress(t, s.next()+hash)
	other.until("window.neuroloupe && neuroloupe.now.pass && neuroloupe.now.lesson")
	if got := eval[string](other, weightsOf); got != paused {
		t.Error("the same address shows another network")
	}

	// Keep, let go, and compare with train.
	b.click("#train-do button:nth-of-type(5)")
	b.until("neuroloupe.now.lesson.kept")
	kept := eval[string](b, "neuroloupe.now.lesson.kept")
	if command := b.text("#train-command"); command != "neuroloupe train --net 784-30-10 --epochs 9" {
		t.Errorf("the command is %s", command)
	}
	b.click("#train-do button:nth-of-type(6)")
	b.until("!neuroloupe.now.lesson && neuroloupe.state.run")
	b.quietTo(server)
	s.end()
	want := filepath.Join(t.TempDir(), "want")
	must(t, "train", "--net", "784-30-10", "--epochs", "9", "--out", want)
	must(t, "train", "--resume", kept)
	for _, name := range []string{"weights.safetensors", "frames.safetensors"} {
		got, err := os.ReadFile(filepath.Join(kept, name))
		if err != nil {
			t.Fatal(err)
		}
		if w, err := os.ReadFile(filepath.Join(want, name)); err != nil || !bytes.Equal(got, w) {
			t.Errorf("%s is not that of train", name)
		}
	}
}

// How soon a change of a knob shows its first epoch, and how many pictures a second come while it trains.
func TestServeTrainPace(t *testing.T) {
	if os.Getenv("NEUROLOUPE_LATENCY") == "" {
		t.Skip("measures, with NEUROLOUPE_LATENCY=1")
	}
	t.Chdir(t.TempDir())
	b := openAddress(t, startServe(t).address)
	b.until("window.neuroloupe && document.querySelector('#train-do button') && " +
		"document.getElementById('train-part').open")
	b.click("#train-do button:nth-of-type(1)")
	var firsts []float64
	for i := range 15 {
		b.until("neuroloupe.now.lesson && neuroloupe.now.lesson.epoch >= 2")
		b.choose("#knob-lr", []string{"0.4", "0.6"}[i%2])
		b.until("neuroloupe.now.lesson.epoch >= 1 && neuroloupe.train.first()")
		firsts = append(firsts, eval[float64](b, "neuroloupe.train.first()"))
	}
	slices.Sort(firsts)
	t.Logf("from a knob to the first epoch: median %.0f ms, %.0f to %.0f", firsts[len(firsts)/2], firsts[0],
		firsts[len(firsts)-1])
	b.until("neuroloupe.now.lesson.epoch >= 3")
	from, began := eval[int](b, "neuroloupe.now.shown"), time.Now()
	b.until("neuroloupe.now.lesson.epoch >= 20")
	n, took := eval[int](b, "neuroloupe.now.shown")-from, time.Since(began).Seconds()
	t.Logf("%d pictures in %.1f s, %.1f a second; %.0f images/s", n, took, float64(n)/took, eval[float64](b,
		"neuroloupe.now.lesson.rate"))
}
