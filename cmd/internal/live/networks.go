package live

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// What can be asked of networks that are broken.
const (
	mostOff   = 512 // neurons that are off
	mostNoise = 10  // standard deviations of a layer's weights
)

// network is one that was asked about beside the one handed out.
type network struct {
	of      *inspect.Subject // what it was made of: that of the network handed out, or of a whole one of another time
	name    string           // which of those made of it
	subject *inspect.Subject
}

// mostNetworks is how many of a run are held, with what was worked out about them: those of 128 MB, of large ones two.
func (b *book) mostNetworks() int {
	bytes := 0
	for _, t := range b.view.Net.Params {
		bytes += 4 * len(t.Data)
	}
	return max(2, min(8, 128<<20/bytes))
}

// network is the one that a request asks about: that handed out, or the one kept in the place ?frame=; and of that what
// is left without the neurons off=LAYER.NEURON,… (each gives its mean over the test images, or with at=zero nothing),
// with start=out without its start, and with noise=σ on its weights, drawn from seed=. See [inspect.Broken].
func (b *book) network(r *http.Request) (*inspect.Subject, error) {
	whole, err := b.whole(r)
	if err != nil {
		return nil, err
	}
	what, err := b.breakage(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if len(what.Off) == 0 && !what.Start && what.Noise == 0 {
		return whole, nil
	}
	return b.held(whole, fmt.Sprint(what), func() (*inspect.Subject, error) {
		s, err := whole.Broken(b.view.Context(), what)
		if err != nil && errors.Is(err, whole.NoStart) {
			err = notThere{err}
		}
		return s, err
	})
}

// whole is the network that a request asks about before anything of it is broken.
func (b *book) whole(r *http.Request) (*inspect.Subject, error) {
	text := r.URL.Query().Get("frame")
	if text == "" && b.lesson != nil {
		return b.latest()
	}
	if text == "" {
		return b.view.Subject, nil
	}
	n, err := within("frame", text, 1<<20)
	if err != nil {
		return nil, err
	}
	if lack := b.lack(); lack != "" {
		return nil, notThere{fmt.Errorf("of earlier times there are maps alone: %s", lack)}
	}
	return b.held(b.view.Subject, text, func() (*inspect.Subject, error) {
		f, err := b.frame(n)
		if err != nil {
			return nil, err
		}
		metrics, err := b.metrics()
		if err != nil {
			return nil, err
		}
		then := b.view.Net
		then.Params, then.Gamma = f.Params, b.view.GammaAt(f, metrics)
		return b.view.Subject.Then(then), nil
	})
}

// lack says why frames have the maps of the first layer alone; "" where they have the whole network.
func (b *book) lack() string {
	if b.lesson != nil {
		return ""
	}
	return b.view.Folder.FramesLack()
}

// metrics are those of the epochs done.
func (b *book) metrics() ([]engine.Metrics, error) {
	if b.lesson != nil {
		return b.lesson.Metrics(0), nil
	}
	return b.view.Folder.Metrics()
}

// held returns the network of a name that is made of another, made if need be; the one that was asked about longest ago
// makes room for it.
func (b *book) held(of *inspect.Subject, name string, open func() (*inspect.Subject, error)) (*inspect.Subject, error) {
	at := slices.IndexFunc(b.networks, func(n network) bool { return n.of == of && n.name == name })
	var n network
	if at >= 0 {
		n = b.networks[at]
		b.networks = slices.Delete(b.networks, at, at+1)
	} else {
		s, err := open()
		if err != nil {
			return nil, err
		}
		n = network{of, name, s}
		if len(b.networks) >= b.mostNetworks() {
			b.networks = slices.Delete(b.networks, 0, 1)
		}
	}
	b.networks = append(b.networks, n)
	return n.subject, nil
}

// breakage reads what is to be broken.
func (b *book) breakage(q url.Values) (what inspect.Broken, err error) {
	for _, text := range strings.SplitN(q.Get("off"), ",", mostOff+1) {
		if text == "" {
			continue
		}
		if len(what.Off) == mostOff {
			return what, notThere{fmt.Errorf("off: want at most %d neurons", mostOff)}
		}
		layer, neuron, _ := strings.Cut(text, ".")
		l, err := within("layer", layer, engine.MaxLayers)
		if err == nil && (l < 1 || l > b.view.Net.Hidden()+1) {
			err = notThere{fmt.Errorf("layer %d is no hidden layer", l)}
		}
		if err != nil {
			return what, err
		}
		j, err := within("neuron", neuron, b.view.Spec().Layers[l-1].Units-1)
		if err != nil {
			return what, err
		}
		what.Off = append(what.Off, inspect.Unit{Layer: l - 1, Neuron: j})
	}
	what.Start, what.Zero = q.Get("start") == "out", q.Get("at") == "zero"
	if text := q.Get("noise"); text != "" {
		what.Noise, err = strconv.ParseFloat(text, 64)
		if err != nil || !(what.Noise >= 0 && what.Noise <= mostNoise) {
			return what, notThere{fmt.Errorf("noise %.40q: want a number from 0 to %d", text, mostNoise)}
		}
	}
	if text := q.Get("seed"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return what, notThere{fmt.Errorf("seed %.40q: want a number from 0 to %d", text, uint32(1<<32-1))}
		}
		what.Seed = uint32(seed)
	}
	return what, nil
}

// broken is how accurate a network is that is broken, and the whole one, over all test images.
func broken(b *book, r *http.Request) (any, error) {
	began := time.Now()
	whole, err := b.whole(r)
	if err != nil {
		return nil, err
	}
	before, err := whole.Score(b.view.Context())
	if err != nil {
		return nil, err
	}
	subject, err := b.network(r)
	if err != nil {
		return nil, err
	}
	score, err := subject.Score(b.view.Context())
	if err != nil {
		return nil, err
	}
	set, err := b.view.Test()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"whole": full(before.Accuracy()), "accuracy": full(score.Accuracy()), "images": set.Len(),
		"ms": float64(time.Since(began).Microseconds()) / 1000,
	}, nil
}
