package inspect

import (
	"context"
	"errors"
	"fmt"

	"neuroloupe/engine"
)

// Subject is a network with the images that it is looked at on, and the one place where the numbers of pictures are
// worked out: each answer once, when it is first asked for, and then kept. The answers do not depend on the order in
// which they are asked for, because each says which network is to lie in the executor. A Subject is for use by one
// goroutine at a time; nothing that it returns may be changed.
//
// An answer that needs the images fails with a [*NoImages] where there are none, one that needs the start with NoStart.
// A failure is not kept.
type Subject struct {
	Net     Net
	NoStart error // why Net.Initial is not known; nil when it is
	Rows    int   // of an image; Rows·Cols are the network's inputs
	Cols    int

	// Images gives the test images; it is asked until it does. Where there are none to be had, which is no failure and
	// which some answers can do without, its error is a [*NoImages].
	Images func(context.Context) (engine.Data, error)
	// Compile makes an executor for networks of Net.Spec, which the subject closes, and the program that it runs.
	Compile func() (*engine.Program, engine.Executor, error)

	program  *engine.Program
	executor engine.Executor
	lent     *engine.Trainer // whose executor that is; nil for the subject's own
	probe    *Probe          // over the images; nil until they are asked for
	of       *Subject        // whose executor and images are used; nil for the subject's own
	kept     map[answer]any
}

// Lend gives the subject the executor of a training of Net.Spec to use in place of one that it would compile, with the
// images that lie in it already. Its owner closes it, after the subject.
func (s *Subject) Lend(t *engine.Trainer) {
	s.program, s.executor, s.lent = t.Program, t.Executor, t
}

// Close frees the executor, unless it is lent; more calls do nothing.
func (s *Subject) Close() error {
	x := s.executor
	s.program, s.executor, s.probe = nil, nil, nil
	if x == nil || s.lent != nil {
		return nil
	}
	return x.Close()
}

// Then returns a subject of another network of the same Spec on the same images: what s's network was at another time
// of its training, or is when something of it is broken. It has no executor of its own but uses that of s, which is
// closed after it; like s, and together with it, it is for one goroutine at a time.
func (s *Subject) Then(n Net) *Subject {
	return &Subject{Net: n, NoStart: s.NoStart, Rows: s.Rows, Cols: s.Cols, of: s.root()}
}

// root is the subject whose executor is used.
func (s *Subject) root() *Subject {
	if s.of != nil {
		return s.of
	}
	return s
}

// On asks networks of this Spec about other images than the subject's own. The probe is good until Close.
func (s *Subject) On(d engine.Data) (Probe, error) {
	if s.of != nil {
		return s.of.On(d)
	}
	if s.executor == nil {
		var err error
		if s.program, s.executor, err = s.Compile(); err != nil {
			return Probe{}, err
		}
	}
	bind := s.executor.Bind
	if s.lent != nil {
		bind = s.lent.Ref
	}
	ref, err := bind(d)
	if err != nil {
		return Probe{}, fmt.Errorf("inspect: %w", err)
	}
	return Probe{Executor: s.executor, Ref: ref, Data: d}, nil
}

// Probe asks networks of this Spec about the subject's images.
func (s *Subject) Probe(ctx context.Context) (Probe, error) {
	if s.of != nil {
		return s.of.Probe(ctx)
	}
	if s.probe != nil {
		return *s.probe, nil
	}
	d, err := s.Images(ctx)
	if err != nil {
		return Probe{}, err
	}
	if d.Len() == 0 {
		return Probe{}, &NoImages{errors.New("the data set has no test images")}
	}
	p, err := s.On(d)
	if err != nil {
		return Probe{}, err
	}
	s.probe = &p
	return p, nil
}

// NoImages says why there are no images to look at a network on.
type NoImages struct{ Why error }

// Error is that of Why.
func (e *NoImages) Error() string { return e.Why.Error() }

// Unwrap returns Why.
func (e *NoImages) Unwrap() error { return e.Why }

// sees reports whether there are images. The error is for any other reason than that there are none.
func (s *Subject) sees(ctx context.Context) (bool, error) {
	_, err := s.Probe(ctx)
	var none *NoImages
	if errors.As(err, &none) {
		return false, nil
	}
	return err == nil, err
}

// answer names what has been worked out.
type answer struct {
	what  string
	layer int
	show  Show
	of    any // what else was asked for; comparable
}

// keep returns the answer that is kept, or works it out, and keeps it unless that fails.
func keep[T any](s *Subject, a answer, work func() (T, error)) (T, error) {
	if v, ok := s.kept[a]; ok {
		return v.(T), nil
	}
	v, err := work()
	if err != nil {
		return *new(T), err
	}
	if s.kept == nil {
		s.kept = map[answer]any{}
	}
	s.kept[a] = v
	return v, nil
}

// Show is a way to show the weights of a network.
type Show uint8

// The ways. All but the first need the start.
const (
	ShowRaw     Show = iota // W, as they are
	ShowLearned             // W − γW₀, what training put there
	ShowStart               // W₀, before the first step
)

// String returns the name by which files call it.
func (s Show) String() string { return [...]string{"raw", "learned", "init"}[s] }

// Usual is how the weights are shown unless another way is asked for: what training put there, where that is known.
func (s *Subject) Usual() Show {
	if s.NoStart != nil {
		return ShowRaw
	}
	return ShowLearned
}

// shown returns the network whose weights a way shows. Of ShowLearned only the first layer is without its start: it is
// the one that is drawn, and behind it stands what the network does now.
func (s *Subject) shown(show Show) (Net, error) {
	switch {
	case show == ShowRaw:
		return s.Net, nil
	case s.NoStart != nil:
		return Net{}, s.NoStart
	case show == ShowStart:
		start, _ := s.Net.Start()
		return start, nil
	}
	return keep(s, answer{what: "shown", show: show}, func() (Net, error) {
		n := s.Net
		n.Params = append(engine.Params(nil), n.Params...)
		for i, t := range n.Params {
			if t.Name == engine.WeightName(1) {
				n.Params[i] = Learned(t, n.Initial.Weight(1), n.Gamma)
			}
		}
		return n, nil
	})
}

// GammaThen estimates what was left of the start's weights when the first layer's were w; see EstimateGamma.
func (s *Subject) GammaThen(w engine.Tensor) float64 {
	return EstimateGamma(w, s.Net.Initial.Weight(1))
}

// MapsThen returns the maps of some neurons of the first layer as they were when its weights were w and γ of the start
// was left of them: ShowRaw or ShowLearned, len(neurons)×Inputs. They are worked out at each call: of the many moments
// of a training each is looked at once.
func (s *Subject) MapsThen(w engine.Tensor, show Show, gamma float64, neurons []int) [][]float32 {
	w = weightsOf(w, neurons)
	if show == ShowLearned {
		w = Learned(w, weightsOf(s.Net.Initial.Weight(1), neurons), gamma)
	}
	return Maps(w)
}
