package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/lesson"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/mnist"
)

// lessonPrefix begins the names that trainings have in addresses, in the place of a run's.
const lessonPrefix = "t"

// lessonsPath is where trainings are begun and steered: what changes something is asked for there alone, by POST.
const lessonsPath = "/api/lessons"

// lessonRoutes are what can be asked of trainings, beside what can of any run.
func (s *shelf) lessonRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+lessonsPath, s.choices)
	mux.HandleFunc("POST "+lessonsPath, s.begin)
	mux.HandleFunc("POST "+lessonsPath+"/{run}/{act}", s.steer)
	mux.HandleFunc("GET "+lessonsPath+"/{run}/events", s.events)
	mux.HandleFunc("GET "+lessonsPath+"/{run}/frame", s.frame)
}

// begun is what the page is told of a training.
type begun struct {
	Name   string        `json:"name"`
	Data   string        `json:"data"`
	Recipe runs.Recipe   `json:"recipe"`
	Status lesson.Status `json:"status"`
}

func begunOf(name string, l *lesson.Lesson, data map[string]string) begun {
	b := begun{Name: name, Recipe: l.Recipe(), Status: l.Status()}
	for short, where := range data {
		if where == l.Data() {
			b.Data = short
		}
	}
	return b
}

// data are the data sets that can be trained on, by the names that the page gives them: the official ones, and those of
// the runs on the shelf. No request names a place on the disk.
func (s *shelf) data() (names []string, where map[string]string) {
	where = map[string]string{}
	add := func(name, at string) {
		if _, there := where[name]; !there {
			names = append(names, name)
			where[name] = at
		}
	}
	for _, known := range mnist.Known() {
		add(known.Name, known.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	looked := map[string]bool{}
	for _, b := range s.all {
		name := b.run.Setting("data")
		if looked[name] || b.run.Damage != "" {
			continue
		}
		looked[name] = true
		if f, err := runs.Open(b.run.Path); err == nil {
			if at := f.Manifest.Data.Name; at != "" && !dataset.Known(at) {
				add(name, at)
			}
		}
	}
	return names, where
}

// valuesOf are the names that an enumeration has.
func valuesOf[E interface {
	~uint8
	fmt.Stringer
}]() (all []string) {
	for e := E(0); !strings.HasPrefix(e.String(), "unknown("); e++ {
		all = append(all, e.String())
	}
	return all
}

// choices say what a training can be begun with, and which are under way.
func (s *shelf) choices(w http.ResponseWriter, _ *http.Request) {
	data, where := s.data()
	type preset struct {
		runs.Recipe
		Layers []int `json:"layers"`
	}
	var presets []preset
	for _, name := range runs.Presets() {
		r, err := runs.Preset(name)
		if err != nil {
			reply(w, nil, err)
			return
		}
		presets = append(presets, preset{r, r.HiddenSizes()})
	}
	s.mu.Lock()
	lessons := []begun{}
	for n := 1; n <= s.made; n++ {
		name := lessonPrefix + strconv.Itoa(n)
		if b := s.lessons[name]; b != nil {
			lessons = append(lessons, begunOf(name, b.lesson, where))
		}
	}
	s.mu.Unlock()
	reply(w, map[string]any{
		"presets": presets, "data": data, "lessons": lessons,
		"names": map[string][]string{
			"hidden": valuesOf[engine.Activation](), "output": valuesOf[engine.Activation](),
			"loss": valuesOf[engine.Loss](),
			"init": valuesOf[engine.Init](), "optimizer": valuesOf[engine.Method](),
			"schedule": valuesOf[engine.ScheduleKind](),
		},
	}, nil)
}

// wanted is what a training is asked to be.
type wanted struct {
	Data     string         `json:"data"`
	Preset   string         `json:"preset"`
	Layers   []int          `json:"layers"`   // sizes of the hidden layers; null for the preset's
	Settings map[string]any `json:"settings"` // by the names of train's flags
	Replace  string         `json:"replace"`  // a training that makes room for it; "" for none
	Play     bool           `json:"play"`     // it begins at once
	Until    uint64         `json:"until"`    // and pauses after so many steps; 0 = never
}

// begin begins a training.
func (s *shelf) begin(w http.ResponseWriter, r *http.Request) {
	var want wanted
	if err := body(r, &want); err != nil {
		reply(w, nil, err)
		return
	}
	_, where := s.data()
	at, there := where[want.Data]
	if !there {
		reply(w, nil, talk.Usage("there is no data set %.40q here", want.Data))
		return
	}
	recipe, err := want.recipe(at)
	if err != nil {
		reply(w, nil, err)
		return
	}
	o := lesson.Order{Recipe: recipe, Data: at}
	if want.Replace != "" {
		if b, err := s.find(want.Replace); err == nil {
			o.Replace = b.lesson
		}
	}
	l, err := s.school.Begin(r.Context(), o)
	if err != nil {
		reply(w, nil, err)
		return
	}
	if want.Play && want.Until > 0 {
		l.Until(want.Until)
	} else if want.Play {
		l.Play()
	}
	s.mu.Lock()
	s.forget(o.Replace)
	s.made++
	name := lessonPrefix + strconv.Itoa(s.made)
	s.lessons[name] = &book{lesson: l}
	s.mu.Unlock()
	reply(w, begunOf(name, l, where), nil)
}

// forget takes a training that is over off the shelf. The mutex is held.
func (s *shelf) forget(l *lesson.Lesson) {
	for name, b := range s.lessons {
		if l != nil && b.lesson == l {
			delete(s.lessons, name)
			go func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				_ = b.close() // a CPU's executor holds memory alone
			}()
		}
	}
}

// recipe is the preset's with the settings laid over it.
func (want wanted) recipe(data string) (runs.Recipe, error) {
	r, err := dataset.Recipe(want.Preset, data, func(r *runs.Recipe) error {
		for name, value := range want.Settings {
			if n, ok := value.(json.Number); ok {
				whole, err := strconv.ParseInt(n.String(), 10, 64)
				if value = whole; err != nil {
					if value, err = n.Float64(); err != nil {
						return fmt.Errorf("%s %.40s: want a number", name, n)
					}
				}
			}
			if err := r.Set(name, value); err != nil {
				return err
			}
		}
		_, given := want.Settings["momentum"]
		r.Momentum = r.UsualMomentum(given)
		return nil
	})
	if err != nil {
		return r, talk.UsageError{Err: err}
	}
	if want.Layers != nil {
		if len(want.Layers) >= engine.MaxLayers {
			return r, talk.Usage("%d hidden layers: want fewer than %d", len(want.Layers), engine.MaxLayers)
		}
		for _, n := range want.Layers {
			if n < 1 || n > engine.MaxUnits {
				return r, talk.Usage("a hidden layer of %d neurons: want 1 to %d", n, engine.MaxUnits)
			}
		}
		r = r.WithHidden(want.Layers)
	}
	return r, nil
}

// body reads what was sent.
func body(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return talk.Usage("what was sent is more than %d bytes", large.Limit)
		}
		return talk.Usage("what was sent is not what is asked for: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return talk.Usage("what was sent goes on after its end")
	}
	return nil
}

// training is the one that a request names.
func (s *shelf) training(r *http.Request) (*lesson.Lesson, error) {
	b, err := s.find(r.PathValue("run"))
	if err == nil && b.lesson == nil {
		err = notThere{errors.New("that is a run, and its training has ended")}
	}
	if err != nil {
		return nil, err
	}
	return b.lesson, nil
}

// steer does something with a training, and says how it stands then.
func (s *shelf) steer(w http.ResponseWriter, r *http.Request) {
	l, err := s.training(r)
	var how struct {
		Steps uint64 `json:"steps"` // for until, since the start
	}
	if err == nil {
		err = body(r, &how)
	}
	if err != nil {
		reply(w, nil, err)
		return
	}
	switch act := r.PathValue("act"); act {
	case "play":
		l.Play()
	case "pause":
		l.Pause()
	case "step":
		l.Step()
	case "epoch":
		l.Epoch()
	case "until":
		l.Until(how.Steps)
	case "keep":
		err = s.keep(r, l)
	case "end":
		if err = l.End(); err == nil {
			s.mu.Lock()
			s.forget(l)
			s.mu.Unlock()
		}
	default:
		err = notThere{fmt.Errorf("a training cannot %.40q; it can play, pause, step, epoch, until, keep and end", act)}
	}
	reply(w, l.Status(), err)
}

// keep makes a training a run of the list.
func (s *shelf) keep(r *http.Request, l *lesson.Lesson) error {
	before := l.Status().Kept
	path, err := l.Keep(r.Context())
	if err != nil || before != "" {
		return err
	}
	run, err := study.Read(path)
	if err != nil {
		return err
	}
	run.Name = path
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, &book{run: run, grows: true})
	return nil
}

// latest is the network of a training as it last was.
func (b *book) latest() (*inspect.Subject, error) {
	f := b.lesson.Frame()
	return b.held(b.view.Subject, fmt.Sprintf("now %d", f.Number), func() (*inspect.Subject, error) {
		n := b.view.Net
		n.Params, n.Gamma = f.Params, b.lesson.GammaOf(f)
		return b.view.Subject.Then(n), nil
	})
}

// lessonFrames are the moments of a training that are kept.
func (b *book) lessonFrames() any {
	metrics := b.lesson.Metrics(0)
	moments := []moment{}
	for _, f := range b.lesson.Moments() {
		moments = append(moments, moment{
			At: f.Epoch, Epoch: f.Epoch, Gamma: full(b.lesson.GammaOf(f)),
			Accuracy: page.Num(b.view.AccuracyAt(f.Epoch, metrics)),
		})
	}
	return map[string]any{"frames": moments, "accuracy": gallery.AccuracyName(metrics), "lack": ""}
}

// lessonFrame is that after an epoch.
func (b *book) lessonFrame(epoch int) (runs.Frame, error) {
	for _, f := range b.lesson.Moments() {
		if f.Epoch == epoch {
			return runs.Frame{Epoch: epoch, Weights: f.Params.Weight(1), Params: f.Params}, nil
		}
	}
	return runs.Frame{}, notThere{fmt.Errorf("of the training after epoch %d nothing is kept", epoch)}
}

// lessonDoctor is what the doctor says of a training after its last whole epoch.
func (b *book) lessonDoctor() (any, error) {
	if st := b.lesson.Status(); st.State == lesson.Plays || st.Epoch == 0 {
		return nil, notThere{errors.New("the doctor looks at a training that has done an epoch and is paused")}
	}
	f, err := b.lesson.Folder(b.view.Context())
	if err != nil {
		return nil, err
	}
	v, err := gallery.Of(b.view.Context(), f, "", talk.Silent{})
	if err != nil {
		return nil, err
	}
	v.UseData(b.lesson.Examples())
	d, err := doctor.Diagnose(v)
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return told(d, v), v.Close()
}
