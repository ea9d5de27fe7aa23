package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

type filmCmd struct {
	viewFlags

	APNG     bool          `name:"apng" help:"Write an animated PNG, which most browsers play and which loses no colour; default when -o ends in .png or .apng. Else a GIF."`
	Show     string        `enum:",learned,raw" default:"" placeholder:"WHAT" help:"learned (W − γW₀, what training has put there by then; default) or raw (W)."`
	Scale    string        `enum:"shared,percentile" default:"shared" help:"shared (default: one scale, over all frames) or percentile (one scale that clips the largest half per cent)."`
	Order    string        `enum:"index,norm,class,importance,similarity" default:"index" help:"Order of the neurons at the end of training: index (default), norm, class, importance, similarity."`
	Top      int           `placeholder:"N" help:"Only the first N in that order; default all."`
	Every    int           `default:"1" placeholder:"N" help:"Only every Nth frame that was kept; the first and the last always. Default 1."`
	Delay    time.Duration `default:"200ms" placeholder:"TIME" help:"How long each frame stands; default 200ms."`
	MarkDead bool          `help:"Hatch the pixels that are never inked in the training images."`
	Cols     int           `placeholder:"N" help:"Tiles in a row; default chosen."`
	Tile     int           `placeholder:"PX" help:"Width of a tile in pixels; default chosen."`
}

func (filmCmd) Help() string {
	return `Draws the sheet of the first layer over training as a film, epoch 0 first, all to one scale, with a strip that says how
far training is and how accurate.

Examples:

    neuroloupe film runs/mnist-784-100-10-clear-s1
    neuroloupe film runs/mnist-784-100-10-nielsen1-s1 --show raw --top 25 --order importance -o film.apng
`
}

func (c *filmCmd) Run(a *app) error {
	switch {
	case c.Delay < 10*time.Millisecond || c.Delay > time.Minute:
		return usage("--delay %v: want 10ms to 1m", c.Delay)
	}
	apng, err := c.animated()
	if err != nil {
		return err
	}
	c.endings = []string{".gif", ".png", ".apng"}
	numbers := append(tiles(c.Tile, c.Cols, c.Top), atLeast("--every", c.Every, 1))
	return c.with(a, func(v *view) error { return c.write(v, apng) }, numbers...)
}

// write draws the film and writes it, as an animated PNG or a GIF.
func (c *filmCmd) write(v *view, apng bool) error {
	if v.noStart != nil {
		return noFilm(v.noStart)
	}
	if c.Show == "" {
		c.Show = "learned"
	}
	film, n, err := c.film(v)
	if err != nil {
		return err
	}
	out := c.Output
	if out == "" {
		out = filepath.Join(v.folder.Path, "film"+map[bool]string{false: ".gif", true: ".png"}[apng])
	}
	v.app.say("drawing %d frames", len(film.Frames))
	if err := v.app.write(out, func(w io.Writer) error { return v.encodeFilm(w, film, apng) }); err != nil {
		return tooLarge(err, c.numbers)
	}
	return c.saveNumbers(v, n)
}

// animated reports whether the film is to be an animated PNG, by flag or by the name of the file.
func (c *filmCmd) animated() (bool, error) {
	switch strings.ToLower(filepath.Ext(c.Output)) {
	case ".png", ".apng":
		return true, nil
	case ".gif":
		if c.APNG {
			return false, usage("--apng -o %s: an animated PNG wants a name that ends in .png or .apng", c.Output)
		}
	}
	return c.APNG, nil
}

// eachFrame calls fn for those of the frames kept that want asks for, told the place of each and how many there are, and
// says why when there are none.
func (v *view) eachFrame(want func(i, of int) bool, fn func(f runs.Frame)) error {
	kept := 0
	err := v.folder.EachFrame(func(i, of int) bool {
		kept = of
		return of > 1 && want(i, of)
	}, func(f runs.Frame) error {
		fn(f)
		return context.Cause(v.app.ctx)
	})
	var start *runs.StartError
	switch {
	case err == nil && kept < 2:
		return notKept("%s kept no frames but its start: it was trained with --frames %s; a film needs --frames epoch",
			v.folder.Path, v.folder.Manifest.Train.Frames)
	case errors.As(err, &start):
		return noFilm(start)
	case errors.Is(err, fs.ErrNotExist):
		running, err2 := v.folder.Running()
		if err2 == nil && running {
			return notKept("%s has no frames yet: its training has not ended; go on with neuroloupe train --resume %s",
				v.folder.Path, v.folder.Path)
		}
		return errors.Join(err, err2)
	}
	return err
}

func noFilm(start *runs.StartError) error {
	return notKept("a film needs the weights as they were from epoch to epoch: %v", start)
}

func notKept(format string, args ...any) error {
	return &page.NotKept{Reason: fmt.Sprintf(format, args...)}
}

// mapsAt are the maps of some neurons of the first layer in a frame.
func (v *view) mapsAt(f runs.Frame, show string, gamma float64, neurons []int) [][]float32 {
	w := inspect.WeightsOf(f.Weights, neurons)
	if show == "learned" {
		w = inspect.Learned(w, inspect.WeightsOf(v.net.Initial.Weight(1), neurons), gamma)
	}
	return inspect.Maps(w)
}

func (c *filmCmd) film(v *view) (render.Film, *numbers, error) {
	fail := func(err error) (render.Film, *numbers, error) { return render.Film{}, nil, err }
	metrics, err := v.folder.Metrics()
	if err != nil {
		return fail(err)
	}
	s := sheetCmd{
		viewFlags: c.viewFlags, layerFlag: layerFlag{Layer: 1}, Show: c.Show, Scale: c.Scale, Order: c.Order, Top: c.Top,
		MarkDead: c.MarkDead, Cols: c.Cols, Tile: c.Tile,
	}
	maps, err := v.maps(c.Show, 0)
	if err != nil {
		return fail(err)
	}
	classes, how := v.favourites(0)
	order, err := s.order(v, maps, classes)
	if err != nil {
		return fail(err)
	}
	colors, err := s.colors()
	if err != nil {
		return fail(err)
	}
	f := render.Film{Delay: c.Delay}
	if f.Sheet, err = s.panel(v, c.Show, colors, pick(maps, order)); err != nil {
		return fail(err)
	}
	for t, j := range order {
		f.Sheet.Tiles[t] = render.Tile{Name: strconv.Itoa(j), Lines: []string{"→ " + v.labels()[classes[j]]}}
	}
	m := v.folder.Manifest
	f.Sheet.Title = fmt.Sprintf("%s · %s · %s", m.Data.Title, v.spec(), m.Train.Preset)
	f.Sheet.Subtitle = fmt.Sprintf("raw weights W; %s", s.count(v, len(order)))
	if c.Show == "learned" {
		f.Sheet.Subtitle = fmt.Sprintf("learned weights W − γW₀, what training has put there by then; %s", s.count(v, len(order)))
	}
	f.Sheet.Caption = strings.TrimSpace(fmt.Sprintf("Each tile is one neuron: its weight for every pixel, one scale for all "+
		"frames. → %s, at the end. %s", how, v.labelNote()))
	n := &numbers{}
	addVector(n, "neuron", order)
	addTexts(n, "class", pick(v.classes(), pick(classes, order)))
	if c.MarkDead {
		addVector(n, "never_inked", m.Data.Dead)
	}
	var epochs []int
	var all []float32
	var accuracies, gammas []float64
	f.Metric = accuracyName(metrics)
	err = v.eachFrame(func(i, of int) bool { return i%c.Every == 0 || i == of-1 }, func(fr runs.Frame) {
		gamma := v.gammaAt(fr, metrics)
		frame := render.Frame{Epoch: fr.Epoch, Accuracy: v.accuracyAt(fr.Epoch, metrics), Maps: v.mapsAt(fr, c.Show, gamma, order)}
		f.Frames = append(f.Frames, frame)
		epochs, gammas, accuracies = append(epochs, fr.Epoch), append(gammas, gamma), append(accuracies, frame.Accuracy)
		if c.Numbers != "" {
			for _, m := range frame.Maps {
				all = append(all, m...)
			}
		}
	})
	if err != nil {
		return fail(err)
	}
	addVector(n, "epoch", epochs)
	addVector(n, "accuracy", accuracies)
	addVector(n, "gamma", gammas)
	if c.Numbers != "" {
		addArray(n, "maps", all, len(epochs), len(order), v.spec().Inputs)
		limit, err := f.Limit()
		if err != nil {
			return fail(err)
		}
		addNumber(n, "limit", limit)
	}
	return f, n, nil
}

// gammaAt is γ after the epoch of a frame: followed through training, or estimated from the weights.
func (v *view) gammaAt(f runs.Frame, metrics []engine.Metrics) float64 {
	switch {
	case f.Epoch == 0:
		return 1
	case !v.gammaMeasured && f.Epoch <= len(metrics):
		return metrics[f.Epoch-1].Gamma
	}
	return inspect.EstimateGamma(f.Weights, v.net.Initial.Weight(1))
}

// accuracyName says what the accuracy of a film's frames is.
func accuracyName(metrics []engine.Metrics) string {
	switch {
	case len(metrics) == 0 || metrics[0].TestAccuracy != nil:
		return "test accuracy"
	case metrics[0].ValidationAccuracy != nil:
		return "validation accuracy"
	}
	return "training accuracy"
}

// accuracyAt is the accuracy after an epoch, in the sense of accuracyName; NaN when it is not known. That of the start is
// tested here.
func (v *view) accuracyAt(epoch int, metrics []engine.Metrics) float64 {
	name := accuracyName(metrics)
	if epoch > len(metrics) && !v.metricsShort {
		v.metricsShort = true
		v.app.say("%s: metrics.jsonl ends after %s; how accurate it was later is left out",
			v.folder.Path, words.Count(len(metrics), "epoch"))
	}
	if epoch == 0 || epoch > len(metrics) {
		if a, err := v.startAccuracy(); err == nil && epoch == 0 && name == "test accuracy" {
			return a
		}
		return math.NaN()
	}
	m := metrics[epoch-1]
	switch name {
	case "test accuracy":
		if m.TestAccuracy != nil {
			return *m.TestAccuracy
		}
	case "validation accuracy":
		if m.ValidationAccuracy != nil {
			return *m.ValidationAccuracy
		}
	default:
		return m.TrainAccuracy
	}
	return math.NaN()
}

// startAccuracy is how well the network does on the test images before training.
func (v *view) startAccuracy() (float64, error) {
	s, err := v.subject.StartScore(v.app.ctx)
	return s.Accuracy(), err
}

// encodeFilm writes a film as an animated PNG or a GIF.
func (v *view) encodeFilm(w io.Writer, f render.Film, apng bool) error {
	if apng {
		text := map[string]string{"run": v.name(), "net": v.spec().String(), "data": v.folder.Manifest.Data.Title}
		return f.EncodeAPNG(w, text)
	}
	return f.EncodeGIF(w)
}
