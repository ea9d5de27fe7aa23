package inspect_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/inspect"
)

// counted is an executor that counts what it is asked.
type counted struct {
	engine.Executor
	infers, binds, closed int
}

func (c *counted) Bind(d engine.Data) (engine.DataRef, error) {
	c.binds++
	return c.Executor.Bind(d)
}

func (c *counted) Infer(q engine.Query) error {
	c.infers++
	return c.Executor.Infer(q)
}

func (c *counted) Close() error {
	c.closed++
	return c.Executor.Close()
}

// newSubject makes a subject of a network on images, and its executor once that is compiled.
func newSubject(t testing.TB, n inspect.Net, rows, cols int, d engine.Data) (*inspect.Subject, *counted) {
	t.Helper()
	b, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	x := &counted{}
	s := &inspect.Subject{
		Net: n, Rows: rows, Cols: cols,
		Images: func(context.Context) (engine.Data, error) { return d, nil },
		Compile: func() (_ *engine.Program, _ engine.Executor, err error) {
			p := inference(n.Spec)
			x.Executor, err = b.Compile(p)
			return p, x, err
		},
	}
	if n.Initial == nil {
		s.NoStart = errors.New("the start is not known")
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, x
}

// The answers are those that numpy gives; see testdata/reference.py.
func TestSubjectAgainstNumpy(t *testing.T) {
	eachReference(t, func(t *testing.T, r subject) {
		ctx := t.Context()
		s, _ := newSubject(t, r.Net, r.height, r.width, r.data)
		score, err := s.Score(ctx)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "accuracy", r.want.Accuracy, score.Accuracy(), exact)
		near(t, "recall", r.want.Recall, score.Recall(), exact)
		templates, err := s.Templates(ctx)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "templates", r.want.Templates, templates.Plain, single)
		near(t, "slope-weighted templates", r.want.Sloped, templates.Sloped, bulk)
		selectivity, err := s.Selectivity(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "selectivity", r.want.Selectivity, selectivity, bulk)
	})
}

// started returns a deep network that training has moved a little from its start.
func started() inspect.Net {
	n := network(engine.Sigmoid, 12, 7, 5, 3)
	n.Initial, n.Gamma = n.Params.Clone(), 0.5
	other := n.Randomised(9)
	for i, t := range n.Params {
		for k := range t.Data {
			t.Data[k] = 0.5*t.Data[k] + other.Params[i].Data[k]
		}
	}
	return n
}

// asked is every answer of a subject by its name.
func asked(s *inspect.Subject) map[string]func(context.Context) (any, error) {
	wrap := func(v any, err error) (any, error) { return v, err }
	all := map[string]func(context.Context) (any, error){
		"score":     func(ctx context.Context) (any, error) { return wrap(s.Score(ctx)) },
		"start":     func(ctx context.Context) (any, error) { return wrap(s.StartScore(ctx)) },
		"slopes":    func(ctx context.Context) (any, error) { return wrap(s.Slopes(ctx)) },
		"templates": func(ctx context.Context) (any, error) { return wrap(s.Templates(ctx)) },
		"values":    func(ctx context.Context) (any, error) { return wrap(s.Values(ctx, 1, true)) },
		"outputs":   func(ctx context.Context) (any, error) { return wrap(s.Outputs(ctx)) },
		"predicted": func(ctx context.Context) (any, error) { return wrap(s.Predicted(ctx)) },
		"broken": func(ctx context.Context) (any, error) {
			b, err := s.Broken(ctx, inspect.Broken{
				Off: []inspect.Unit{{Layer: 1, Neuron: 3}, {Neuron: 2}}, Start: true, Noise: 0.3, Seed: 4,
			})
			if err != nil {
				return nil, err
			}
			activity, err := b.Activity(ctx, 1)
			if err != nil {
				return nil, err
			}
			score, err := b.Score(ctx)
			return [2]any{activity, score}, err
		},
		"then": func(ctx context.Context) (any, error) {
			start, _ := s.Net.Start()
			return wrap(s.Then(start).Responses(ctx, 1, 7, 3))
		},
		"mistakes": func(ctx context.Context) (any, error) { return wrap(s.Mistakes(ctx)) },
		"prior":    func(ctx context.Context) (any, error) { return wrap(s.Prior(ctx)) },
	}
	for layer, at := range []string{" 1", " 2"} {
		for _, show := range []inspect.Show{inspect.ShowRaw, inspect.ShowLearned, inspect.ShowStart} {
			of := " " + show.String() + at
			all["maps"+of] = func(ctx context.Context) (any, error) { return wrap(s.Maps(ctx, show, layer)) }
			all["smoothness"+of] = func(ctx context.Context) (any, error) {
				return wrap(s.Smoothness(ctx, show, layer))
			}
			all["norms"+of] = func(ctx context.Context) (any, error) { return wrap(s.Norms(ctx, show, layer)) }
			all["similar"+of] = func(ctx context.Context) (any, error) { return wrap(s.Similar(ctx, show, layer)) }
		}
		all["responses"+at] = func(ctx context.Context) (any, error) { return wrap(s.Responses(ctx, layer, 7, 3)) }
		all["activity"+at] = func(ctx context.Context) (any, error) { return wrap(s.Activity(ctx, layer)) }
		all["rho"+at] = func(ctx context.Context) (any, error) { return wrap(s.Rho(ctx, layer)) }
		all["contributions"+at] = func(ctx context.Context) (any, error) { return wrap(s.Contributions(ctx, layer)) }
		all["importance"+at] = func(ctx context.Context) (any, error) { return wrap(s.Importance(ctx, layer)) }
		all["favourites"+at] = func(ctx context.Context) (any, error) { return wrap(s.Favourites(ctx, layer)) }
		all["selectivity"+at] = func(ctx context.Context) (any, error) { return wrap(s.Selectivity(ctx, layer)) }
		all["neuron"+at] = func(ctx context.Context) (any, error) { return wrap(s.Neuron(ctx, layer, 2)) }
		all["excited"+at] = func(ctx context.Context) (any, error) {
			return wrap(s.Excited(ctx, layer, []int{2, 0}, 4))
		}
		all["ablated"+at] = func(ctx context.Context) (any, error) {
			return wrap(s.Ablated(ctx, layer, inspect.AblateOptions{Every: 1, Nth: layer + 1}, nil))
		}
		all["patterns"+at] = func(ctx context.Context) (any, error) { return wrap(s.Patterns(ctx, layer, 2)) }
		all["survey"+at] = func(ctx context.Context) (any, error) { return wrap(s.Survey(ctx, layer, 3, 20, nil)) }
		all["dreams"+at] = func(ctx context.Context) (any, error) {
			return wrap(s.Dreams(ctx, layer, []int{1, 3}, inspect.DreamOptions{Steps: 5}, nil))
		}
		all["explain"+at] = func(ctx context.Context) (any, error) {
			p, err := s.Probe(ctx)
			if err != nil {
				return nil, err
			}
			return wrap(s.Explain(ctx, p, 7, layer))
		}
		all["match"+at] = func(ctx context.Context) (any, error) { return wrap(s.MatchMaps(ctx, s, 0, layer)) }
		all["rank"+at] = func(ctx context.Context) (any, error) { return wrap(s.ClassRank(ctx, layer, 1)) }
	}
	return all
}

// Whatever was asked before, an answer is the one that a subject gives which is asked nothing else: no answer leaves a
// network behind that another one meets.
func TestSubjectAnswersDoNotDependOnOrder(t *testing.T) {
	n, d := started(), images(40, 12, 3)
	names := asked(&inspect.Subject{})
	alone := map[string]any{}
	for name := range names {
		s, _ := newSubject(t, n, 3, 4, d)
		v, err := asked(s)[name](t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		alone[name] = v
	}
	if reflect.DeepEqual(alone["score"], alone["start"]) {
		t.Fatal("the network is not told from its start by the images, so this test says nothing")
	}
	for range 3 { // a map's order is another each time
		s, _ := newSubject(t, n, 3, 4, d)
		before := ""
		for name, ask := range asked(s) {
			v, err := ask(t.Context())
			if err != nil {
				t.Fatalf("%s after %s: %v", name, before, err)
			}
			if !reflect.DeepEqual(v, alone[name]) {
				t.Errorf("%s is another when asked after %s", name, before)
			}
			before = name
		}
	}
}

func TestSubjectWorksOutOnce(t *testing.T) {
	s, x := newSubject(t, started(), 3, 4, images(40, 12, 3))
	for name, ask := range asked(s) {
		if _, err := ask(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	infers := x.infers
	for name, ask := range asked(s) {
		switch what, _, _ := strings.Cut(name, " "); what {
		// too large to keep; dreams ask for what they keep; of another network each time
		case "values", "survey", "explain", "dreams", "broken", "then":
			continue
		}
		if _, err := ask(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if x.infers != infers {
			t.Fatalf("%s is worked out again", name)
		}
	}
}

// What the paths of a deeper layer show without its start is the raw path less that through what is left of W₀, slopes
// and later weights being those of the trained network; worked out here by a product written down on its own.
func TestSubjectLearnedPath(t *testing.T) {
	n, d := started(), images(40, 12, 3)
	s, _ := newSubject(t, n, 3, 4, d)
	slopes, err := s.Slopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	maps, err := s.Maps(t.Context(), inspect.ShowLearned, 1)
	if err != nil {
		t.Fatal(err)
	}
	w1, w0, w2 := n.Params.Weight(1), n.Initial.Weight(1), n.Params.Weight(2)
	want := make([][]float64, 5)
	for j := range want {
		want[j] = make([]float64, 12)
		for p := range want[j] {
			for i := range 7 {
				learned := float64(w1.Data[p*7+i]) - 0.5*float64(w0.Data[p*7+i])
				want[j][p] += learned * slopes[0][i] * float64(w2.Data[i*5+j])
			}
		}
	}
	near(t, "learned path", want, maps, single)
}

func TestSubjectWithoutImagesOrStart(t *testing.T) {
	n, ctx := network(engine.ReLU, 12, 7, 5, 3), t.Context()
	s, x := newSubject(t, n, 3, 4, engine.Data{})
	var none *inspect.NoImages
	if _, err := s.Score(ctx); !errors.As(err, &none) {
		t.Errorf("score without images: %v", err)
	}
	if _, err := s.Maps(ctx, inspect.ShowStart, 0); err != s.NoStart {
		t.Errorf("start of a network without one: %v", err)
	}
	if _, err := s.Maps(ctx, inspect.ShowLearned, 1); err != s.NoStart {
		t.Errorf("learned part of a network without start: %v", err)
	}
	f, err := s.Favourites(ctx, 0)
	if err != nil || f.Images {
		t.Errorf("favourites without images: %v %v", f, err)
	}
	maps, err := s.Maps(ctx, inspect.ShowRaw, 1)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := n.Paths(ctx, 1, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "plain path", plain, maps, 0)
	if x.Executor != nil {
		t.Error("an executor is compiled for nothing")
	}
}

// A failure is neither kept nor taken for there being no images.
func TestSubjectFailures(t *testing.T) {
	n, d := started(), images(40, 12, 3)
	s, _ := newSubject(t, n, 3, 4, d)
	broken, read := errors.New("the disk is broken"), s.Images
	s.Images = func(context.Context) (engine.Data, error) { return engine.Data{}, broken }
	for name, ask := range asked(s) {
		switch what, at, _ := strings.Cut(name, " "); what {
		case "maps", "rho", "smoothness", "norms", "similar", "match":
			if strings.HasSuffix(at, "1") {
				continue // needs no images
			}
		}
		if _, err := ask(t.Context()); !errors.Is(err, broken) {
			t.Errorf("%s where the images cannot be read: %v", name, err)
		}
	}
	s.Images = read
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Maps(stopped, inspect.ShowRaw, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := s.Maps(t.Context(), inspect.ShowRaw, 1); err != nil {
		t.Errorf("after it was stopped: %v", err)
	}
}

func TestSubjectClosesItsOwnExecutor(t *testing.T) {
	s, x := newSubject(t, started(), 3, 4, images(40, 12, 3))
	if _, err := s.Score(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil || x.closed != 1 {
		t.Errorf("closed %d times, %v", x.closed, err)
	}
	lent := &counted{Executor: newProbe(t, started().Spec, images(4, 12, 3)).Executor}
	d := images(40, 12, 3)
	l, _ := newSubject(t, started(), 3, 4, d)
	owner := &engine.Trainer{Program: inference(l.Net.Spec), Executor: lent}
	if _, err := owner.Ref(d); err != nil { // as a training that has tested itself
		t.Fatal(err)
	}
	l.Lend(owner)
	if _, err := l.Score(t.Context()); err != nil {
		t.Fatal(err)
	}
	if lent.binds != 1 {
		t.Errorf("the images were sent to the lent executor %d times", lent.binds)
	}
	if err := l.Close(); err != nil || lent.closed != 0 || lent.infers == 0 {
		t.Errorf("lent: closed %d times, asked %d times, %v", lent.closed, lent.infers, err)
	}
}
