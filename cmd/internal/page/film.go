package page

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"slices"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
)

// Bounds of the film.
const (
	filmFrames = 61
	filmBytes  = 4 << 20 // before it is deflated
)

// Frame is some of the first layer's maps after an epoch.
type Frame struct {
	Epoch    int
	Learned  [][]float32 // neurons×Inputs: W − γW₀
	Gamma    float64
	Accuracy float64 // NaN when it is not known
}

// Frames goes through the frames that were kept of a training, in the order of the epochs: want says which neurons are
// wanted of the i-th of so many, nil for none, and each is called with those. The error is a [*gallery.NotKept] when
// there are none and nothing is wrong with that.
type Frames func(want func(i, of int) []int, each func(Frame)) error

// pickFrames returns at most count of n frames, evenly spaced, the first and the last among them.
func pickFrames(n, count int) []int {
	if n <= count {
		count = n
	}
	out := make([]int, count)
	for i := range out {
		if count > 1 {
			out[i] = (i*(n-1) + (count-1)/2) / (count - 1)
		}
	}
	return out
}

// filmNeurons are the neurons that rank puts first, as many as fit into a film of so many frames, in the order of their
// numbers.
func filmNeurons(frames int, rank []int, pixels int) []int {
	n := max(1, min(len(rank), filmBytes/(pixels*frames)))
	return slices.Sorted(slices.Values(rank[:n]))
}

// packFilm packs the frames of some of a layer's neurons; exact keeps them as they were, too.
func packFilm(frames []Frame, neurons []int, of, pixels int, exact bool) (*Film, error) {
	n, f := len(neurons), &Film{Neurons: neurons, Of: of}
	limit := 0.0
	for _, fr := range frames {
		for _, m := range fr.Learned {
			limit = max(limit, largest(m))
		}
	}
	f.Limit = Num(limit)
	var buf bytes.Buffer
	z, err := flate.NewWriter(&buf, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	before, diff := make([]int8, n*pixels), make([]byte, n*pixels)
	for _, fr := range frames {
		f.Epochs, f.Gamma = append(f.Epochs, fr.Epoch), append(f.Gamma, Num(fr.Gamma))
		f.Accuracy = append(f.Accuracy, Num(fr.Accuracy))
		if exact {
			f.Exact = append(f.Exact, slices.Concat(fr.Learned...))
		}
		for t, m := range fr.Learned {
			for p, v := range m {
				q := quantise(v, limit)
				diff[t*pixels+p], before[t*pixels+p] = byte(q-before[t*pixels+p]), q
			}
		}
		if _, err := z.Write(diff); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	f.Data = buf.Bytes()
	return f, nil
}

// film packs the run's frames.
func (c *collector) film() error {
	first := c.doc.Layers[0]
	rank := first.Importance
	if rank == nil {
		rank = first.Norm
	}
	var frames []Frame
	var neurons, at []int
	err := c.run.Frames(func(i, of int) []int {
		if i == 0 {
			at = pickFrames(of, filmFrames)
			neurons = filmNeurons(len(at), inspect.Descending(rank), c.doc.Rows*c.doc.Cols)
		}
		if !slices.Contains(at, i) || c.ctx.Err() != nil {
			return nil
		}
		return neurons
	}, func(f Frame) { frames = append(frames, f) })
	if err == nil && len(frames) == 0 {
		err = &gallery.NotKept{Reason: "no frames were kept while the network was trained (--frames none)"}
	}
	if cause := context.Cause(c.ctx); cause != nil {
		return cause
	}
	if err != nil {
		c.doc.Missing[NeedsFilm] = err.Error()
		if none := (*gallery.NotKept)(nil); !errors.As(err, &none) {
			c.doc.Damaged = append(c.doc.Damaged, fmt.Errorf("no film: %w", err))
		}
		return nil
	}
	if len(neurons) < first.Units {
		c.bound("the film shows the %d most important of %s neurons", len(neurons), words.Thousands(first.Units))
	}
	if c.doc.Film, err = packFilm(frames, neurons, first.Units, c.doc.Rows*c.doc.Cols, c.run.Exact); err != nil {
		return err
	}
	c.doc.Film.Accurate = c.run.Accurate
	return nil
}
