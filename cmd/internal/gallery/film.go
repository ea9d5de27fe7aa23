package gallery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/render"
)

// Film is the sheet of the first layer over training.
type Film struct {
	Style
	Show     string        // learned or raw; "" is learned
	Scale    string        // shared or percentile
	Order    string        // of the neurons at the end of training; see Sheet
	Top      int           // only the first so many in that order; 0 is all
	Every    int           // only every so many frames, the first and the last always
	Delay    time.Duration // how long each frame stands
	MarkDead bool          // hatch the pixels that are never inked in the training images
	Cols     int           // tiles in a row; 0 is chosen
	Tile     int           // width of a tile in pixels; 0 is chosen
	Maps     bool          // keep the maps of every frame among the numbers
}

// NotKept is why a run has no film: it kept no weights of its training.
type NotKept struct{ Reason string }

func (e *NotKept) Error() string { return e.Reason }

// EachFrame calls fn for those of the frames kept that want asks for, told the place of each and how many there are,
// and says why when there are none.
func (v *View) EachFrame(want func(i, of int) bool, fn func(f runs.Frame)) error {
	kept := 0
	err := v.Folder.EachFrame(func(i, of int) bool {
		kept = of
		return of > 1 && want(i, of)
	}, func(f runs.Frame) error {
		fn(f)
		return context.Cause(v.ctx)
	})
	var start *runs.StartError
	switch {
	case err == nil && kept < 2:
		return notKept("%s kept no frames but its start: it was trained with --frames %s; a film needs --frames epoch",
			v.Folder.Path, v.Folder.Manifest.Train.Frames)
	case errors.As(err, &start):
		return noFilm(start)
	case errors.Is(err, fs.ErrNotExist):
		running, err2 := v.Folder.Running()
		if err2 == nil && running {
			return notKept("%s has no frames yet: its training has not ended; go on with neuroloupe train --resume %s",
				v.Folder.Path, v.Folder.Path)
		}
		return errors.Join(err, err2)
	}
	return err
}

func noFilm(start *runs.StartError) error {
	return notKept("a film needs the weights as they were from epoch to epoch: %v", start)
}

func notKept(format string, args ...any) error {
	return &NotKept{fmt.Sprintf(format, args...)}
}

// MapsAt are the maps of some neurons of the first layer in a frame.
func (v *View) MapsAt(f runs.Frame, show string, gamma float64, neurons []int) [][]float32 {
	return v.Subject.MapsThen(f.Weights, way(show), gamma, neurons)
}

// Draw makes the film, and the numbers it is drawn from.
func (c *Film) Draw(v *View) (render.Film, *arrays.Set, error) {
	fail := func(err error) (render.Film, *arrays.Set, error) { return render.Film{}, nil, err }
	if v.NoStart != nil {
		return fail(noFilm(v.NoStart))
	}
	if c.Show == "" {
		c.Show = "learned"
	}
	metrics, err := v.Folder.Metrics()
	if err != nil {
		return fail(err)
	}
	s := Sheet{
		Style: c.Style, Layer: 1, Show: c.Show, Scale: c.Scale, Order: c.Order, Top: c.Top,
		MarkDead: c.MarkDead, Cols: c.Cols, Tile: c.Tile,
	}
	maps, err := v.maps(c.Show, 0)
	if err != nil {
		return fail(err)
	}
	classes, how := v.Favourites(0)
	order, err := s.order(v, way(c.Show), classes)
	if err != nil {
		return fail(err)
	}
	colors, err := s.colors()
	if err != nil {
		return fail(err)
	}
	f := render.Film{Delay: c.Delay}
	norms, err := v.Subject.Norms(v.ctx, way(c.Show), 0)
	if err != nil {
		return fail(err)
	}
	if f.Sheet, err = s.panel(v, c.Show, colors, arrays.Pick(maps, order), arrays.Pick(norms, order)); err != nil {
		return fail(err)
	}
	for t, j := range order {
		f.Sheet.Tiles[t] = render.Tile{Name: strconv.Itoa(j), Lines: []string{"→ " + v.Labels()[classes[j]]}}
	}
	m := v.Folder.Manifest
	f.Sheet.Title = fmt.Sprintf("%s · %s · %s", m.Data.Title, v.Spec(), m.Train.Preset)
	f.Sheet.Subtitle = fmt.Sprintf("raw weights W; %s", s.count(v, len(order)))
	if c.Show == "learned" {
		f.Sheet.Subtitle = fmt.Sprintf("learned weights W − γW₀, what training has put there by then; %s",
			s.count(v, len(order)))
	}
	f.Sheet.Caption = strings.TrimSpace(fmt.Sprintf("Each tile is one neuron: its weight for every pixel, one scale "+
		"for all frames. → %s, at the end. %s", how, v.labelNote()))
	n := &arrays.Set{}
	arrays.AddVector(n, "neuron", order)
	arrays.AddTexts(n, "class", arrays.Pick(v.Classes(), arrays.Pick(classes, order)))
	if c.MarkDead {
		arrays.AddVector(n, "never_inked", m.Data.Dead)
	}
	var epochs []int
	var all []float32
	var accuracies, gammas []float64
	f.Metric = AccuracyName(metrics)
	err = v.EachFrame(func(i, of int) bool { return i%c.Every == 0 || i == of-1 }, func(fr runs.Frame) {
		gamma := v.GammaAt(fr, metrics)
		frame := render.Frame{
			Epoch: fr.Epoch, Accuracy: v.AccuracyAt(fr.Epoch, metrics),
			Maps: v.MapsAt(fr, c.Show, gamma, order),
		}
		f.Frames = append(f.Frames, frame)
		epochs, gammas, accuracies = append(epochs, fr.Epoch), append(gammas, gamma), append(accuracies, frame.Accuracy)
		if c.Maps {
			for _, m := range frame.Maps {
				all = append(all, m...)
			}
		}
	})
	if err != nil {
		return fail(err)
	}
	arrays.AddVector(n, "epoch", epochs)
	arrays.AddVector(n, "accuracy", accuracies)
	arrays.AddVector(n, "gamma", gammas)
	if c.Maps {
		arrays.AddArray(n, "maps", all, len(epochs), len(order), v.Spec().Inputs)
		limit, err := f.Limit()
		if err != nil {
			return fail(err)
		}
		arrays.AddNumber(n, "limit", limit)
	}
	return f, n, nil
}

// GammaAt is γ after the epoch of a frame: followed through training, or estimated from the weights.
func (v *View) GammaAt(f runs.Frame, metrics []engine.Metrics) float64 {
	switch {
	case f.Epoch == 0:
		return 1
	case !v.GammaMeasured && f.Epoch <= len(metrics):
		return metrics[f.Epoch-1].Gamma
	}
	return v.Subject.GammaThen(f.Weights)
}

// AccuracyName says what the accuracy of a film's frames is.
func AccuracyName(metrics []engine.Metrics) string {
	switch {
	case len(metrics) == 0 || metrics[0].TestAccuracy != nil:
		return "test accuracy"
	case metrics[0].ValidationAccuracy != nil:
		return "validation accuracy"
	}
	return "training accuracy"
}

// AccuracyAt is the accuracy after an epoch, in the sense of AccuracyName; NaN when it is not known. That of the start
// is tested here.
func (v *View) AccuracyAt(epoch int, metrics []engine.Metrics) float64 {
	name := AccuracyName(metrics)
	if epoch > len(metrics) && !v.metricsShort {
		v.metricsShort = true
		v.talk.Say("%s: metrics.jsonl ends after %s; how accurate it was later is left out",
			v.Folder.Path, words.Count(len(metrics), "epoch"))
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
func (v *View) startAccuracy() (float64, error) {
	s, err := v.Subject.StartScore(v.ctx)
	return s.Accuracy(), err
}

// EncodeFilm writes a film as an animated PNG or a GIF.
func (v *View) EncodeFilm(w io.Writer, f render.Film, apng bool) error {
	if apng {
		text := map[string]string{"run": v.Name(), "net": v.Spec().String(), "data": v.Folder.Manifest.Data.Title}
		return f.EncodeAPNG(w, text)
	}
	return f.EncodeGIF(w)
}
