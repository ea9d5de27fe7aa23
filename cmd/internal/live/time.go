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
	Epoch    int      `json:"epoch"`
	Gamma    page.Num `json:"gamma"`
	Accuracy page.Num `json:"accuracy"` // null where not known
}

// frames are the moments of which the first layer's weights are kept, epoch 0 first; none where none are kept.
func frames(b *book, _ *http.Request) (any, error) {
	if b.moments == nil {
		metrics, err := b.view.Folder.Metrics()
		if err != nil {
			return nil, err
		}
		moments := []moment{}
		err = b.view.EachFrame(func(int, int) bool { return true }, func(f runs.Frame) {
			moments = append(moments, moment{
				Epoch: f.Epoch, Gamma: page.Num(b.view.GammaAt(f, metrics)),
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
	return map[string]any{"frames": b.moments, "accuracy": b.accurate}, nil
}

// frame is the first layer's weights at a moment, In×Out.
func frame(b *book, r *http.Request) (any, error) {
	n, err := number(r, "frame", 1<<20)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = b.view.EachFrame(func(i, _ int) bool { return i == n }, func(f runs.Frame) {
		out = appendFloats(nil, f.Weights.Data)
	})
	var none *gallery.NotKept
	if errors.As(err, &none) || err == nil && out == nil {
		return nil, notThere{errors.New("there is no such frame")}
	}
	return out, err
}
