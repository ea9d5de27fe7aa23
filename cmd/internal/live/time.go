package live

import (
	"errors"
	"net/http"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/runs"
)

// moment is a frame of the training: which epoch it comes after, and how accurate the network was.
type moment struct {
	At       int      `json:"at"` // its place among the frames; of a training its epoch, as some are let go
	Epoch    int      `json:"epoch"`
	Gamma    full     `json:"gamma"`
	Accuracy page.Num `json:"accuracy"` // null where not known
}

// frames are the moments of which the network, or its first layer's weights alone, is kept, epoch 0 first; none where
// none are kept.
func frames(b *book, _ *http.Request) (any, error) {
	if b.lesson != nil {
		return b.lessonFrames(), nil
	}
	if b.moments == nil {
		metrics, err := b.view.Folder.Metrics()
		if err != nil {
			return nil, err
		}
		moments := []moment{}
		err = b.view.EachFrame(func(int, int) bool { return true }, func(f runs.Frame) {
			moments = append(moments, moment{
				At: len(moments), Epoch: f.Epoch, Gamma: full(b.view.GammaAt(f, metrics)),
				Accuracy: page.Num(b.view.AccuracyAt(f.Epoch, metrics)),
			})
		})
		var none *gallery.NotKept
		if err != nil && !errors.As(err, &none) {
			return nil, err
		}
		b.moments = moments
		b.accurate = gallery.AccuracyName(metrics)
	}
	lack := b.view.Folder.FramesLack() // "" where they have the whole network
	return map[string]any{"frames": b.moments, "accuracy": b.accurate, "lack": lack}, nil
}

// frame is the network at a moment, W, In×Out, and b of each layer; or of the first layer W alone, where no more is
// kept.
func frame(b *book, r *http.Request) (any, error) {
	n, err := number(r, "frame", 1<<20)
	if err != nil {
		return nil, err
	}
	f, err := b.frame(n)
	if err != nil {
		return nil, err
	}
	if f.Params == nil {
		return appendFloats(nil, f.Weights.Data), nil
	}
	return appendParams(nil, f.Params), nil
}

// frame reads the frame of a place.
func (b *book) frame(n int) (f runs.Frame, err error) {
	if b.lesson != nil {
		return b.lessonFrame(n)
	}
	found := false
	err = b.view.EachFrame(func(i, _ int) bool { return i == n }, func(got runs.Frame) { f, found = got, true })
	var none *gallery.NotKept
	if errors.As(err, &none) || err == nil && !found {
		return f, notThere{errors.New("there is no such frame")}
	}
	return f, err
}
