package report

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"slices"

	"neuroloupe/engine/inspect"
)

// Bounds of the film.
const (
	filmFrames = 61
	filmBytes  = 4 << 20 // before it is deflated
)

// Frame is the first layer's maps after an epoch.
type Frame struct {
	Epoch    int
	Learned  [][]float32 // Units×Inputs: W − γW₀
	Gamma    float64
	Accuracy float64 // NaN when it is not known
}

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

// packFilm packs the frames of the neurons that rank puts first, as many as fit, in the order of their numbers.
func packFilm(frames []Frame, rank []int, pixels int) (*Film, error) {
	units := len(frames[0].Learned)
	n := max(1, min(units, filmBytes/(pixels*len(frames))))
	neurons := slices.Sorted(slices.Values(rank[:n]))
	f := &Film{Neurons: neurons, Of: units}
	limit := 0.0
	for _, fr := range frames {
		for _, j := range neurons {
			limit = max(limit, largest(fr.Learned[j]))
		}
	}
	f.Limit = Num(limit)
	var buf bytes.Buffer
	z, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	before, diff := make([]int8, n*pixels), make([]byte, n*pixels)
	for _, fr := range frames {
		f.Epochs, f.Gamma = append(f.Epochs, fr.Epoch), append(f.Gamma, Num(fr.Gamma))
		f.Accuracy = append(f.Accuracy, Num(fr.Accuracy))
		for t, j := range neurons {
			for p, v := range fr.Learned[j] {
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

// Maps unpacks the frames: of each, its neurons' learned maps as they are drawn, one after the other.
func (f *Film) Maps() ([][]float32, error) {
	diffs, err := io.ReadAll(flate.NewReader(bytes.NewReader(f.Data)))
	if err != nil {
		return nil, fmt.Errorf("report: film: %w", err)
	}
	size := len(diffs) / len(f.Epochs)
	before, out := make([]int8, size), make([][]float32, len(f.Epochs))
	for i := range out {
		out[i] = make([]float32, size)
		for p, d := range diffs[i*size : (i+1)*size] {
			before[p] += int8(d)
			out[i][p] = float32(float64(before[p]) / 127 * float64(f.Limit))
		}
	}
	return out, nil
}

// film packs the run's frames.
func (c *collector) film() error {
	frames, err := c.run.Frames()
	if err == nil && len(frames) == 0 {
		err = errors.New("no frames were kept while the network was trained (--frames none)")
	}
	if err != nil {
		c.doc.Missing[NeedsFilm] = err.Error()
		return nil
	}
	picked := make([]Frame, 0, filmFrames)
	for _, i := range pickFrames(len(frames), filmFrames) {
		picked = append(picked, frames[i])
	}
	first := c.doc.Layers[0]
	rank := first.Importance
	if rank == nil {
		rank = first.Norm
	}
	if c.doc.Film, err = packFilm(picked, inspect.Descending(rank), c.doc.Rows*c.doc.Cols); err != nil {
		return err
	}
	c.doc.Film.Accurate = c.run.Accurate
	return nil
}
