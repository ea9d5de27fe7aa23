package live

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// What the page shows of a neuron.
const (
	histogramBins = 40
	topImages     = 12
	mostTests     = 64 // images in one answer
)

// routes are what can be asked of the runs. {run} is a place in the list, {layer} counts from 1, {neuron} from 0. What
// is not text is float32, little-endian. Maps, what is seen, neurons and broken are of the network handed out, or of
// another that the query names; see network.
func (s *shelf) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/runs", s.list)
	for path, answer := range map[string]answer{
		"":                          about,
		"/weights":                  weights,
		"/maps/{layer}":             maps,
		"/seen/{layer}":             seen,
		"/neurons/{layer}/{neuron}": neuron,
		"/tests/{images}":           tests,
		"/doctor":                   diagnosis,
		"/frames":                   frames,
		"/frames/{frame}":           frame,
		"/broken":                   broken,
	} {
		mux.HandleFunc("GET /api/runs/{run}"+path, s.asked(answer))
	}
}

// answer works out what a request asks of a run: bytes, or else something that becomes JSON.
type answer func(b *book, r *http.Request) (any, error)

// asked answers requests about one run.
func (s *shelf) asked(a answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v any
		err := s.with(r.PathValue("run"), func(b *book) (err error) {
			v, err = a(b, r)
			return err
		})
		reply(w, v, err)
	}
}

// reply sends an answer, or says why there is none.
func reply(w http.ResponseWriter, v any, err error) {
	status := http.StatusOK
	var none notThere
	var images *inspect.NoImages
	var wrong talk.UsageError
	switch {
	case errors.As(err, &none), errors.As(err, &images):
		status = http.StatusNotFound
	case errors.As(err, &wrong):
		status = http.StatusBadRequest
	case err != nil:
		status = http.StatusInternalServerError
	}
	if err != nil {
		v = map[string]string{"error": words.Line(err)}
	}
	kind := "application/octet-stream"
	body, ok := v.([]byte)
	if !ok {
		kind = "application/json"
		if body, err = json.Marshal(v); err != nil {
			status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
		}
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // who hung up needs no answer
}

// number reads a part of a request's path, from 0 to most.
func number(r *http.Request, name string, most int) (int, error) {
	return within(name, r.PathValue(name), most)
}

func within(name, text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, notThere{fmt.Errorf("%s %.40q: want a number from 0 to %d", name, text, most)}
	}
	return n, nil
}

// listed is a run in the list.
type listed struct {
	Name     string   `json:"name"`
	Folder   string   `json:"folder"` // as the command line takes it; "" in a page written to a file
	Net      string   `json:"net"`
	Data     string   `json:"data"`
	Preset   string   `json:"preset"`
	State    string   `json:"state"`
	Accuracy *float64 `json:"accuracy"` // on the test images; null where not measured
}

func (s *shelf) list(w http.ResponseWriter, _ *http.Request) {
	out := struct {
		Runs    []listed      `json:"runs"`
		Colors  []page.Colors `json:"colors"`
		DataDir string        `json:"data_dir"` // as --folder gives it; "" where the runs' own is taken
	}{Runs: []listed{}, Colors: page.Palettes(), DataDir: s.dataDir}
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	for _, b := range all {
		run := b.run
		if b.grows {
			if now, err := study.Read(run.Path); err == nil { // else what is known of it stays
				now.Name, run = run.Name, now
			}
		}
		out.Runs = append(out.Runs, listed{
			Name: run.Name, Folder: run.Path, Net: run.Setting("net"), Data: run.Setting("data"),
			Preset: run.Setting("preset"), State: run.State(), Accuracy: run.Accuracy,
		})
	}
	reply(w, out, nil)
}

// layer is what the page is told of a layer.
type layer struct {
	Units      int    `json:"units"`
	Activation string `json:"activation"`
}

// about says what a run's network is. Weights come apart from it: see weights.
func about(b *book, _ *http.Request) (any, error) {
	v := b.view
	shape := v.Shape()
	out := struct {
		Title    string   `json:"title"`
		Rows     int      `json:"rows"`
		Cols     int      `json:"cols"`
		Channels int      `json:"channels"`
		Classes  []string `json:"classes"`
		Layers   []layer  `json:"layers"`
		Start    bool     `json:"start"` // W₀ of the first layer follows the weights
		NoStart  string   `json:"no_start"`
		Gamma    full     `json:"gamma"`
		Dead     []int    `json:"dead"`
		Tests    int      `json:"tests"` // images; 0 where there are none to be had
		NoTests  string   `json:"no_tests"`
		Faults   []string `json:"faults"`
	}{
		Title: b.title(), Rows: shape.Rows, Cols: shape.Cols, Channels: max(1, shape.Channels), Classes: v.Labels(),
		Start: v.NoStart == nil, Gamma: full(v.Net.Gamma), Dead: v.Folder.Manifest.Data.Dead, Faults: v.Faults(),
	}
	for _, l := range v.Spec().Layers {
		out.Layers = append(out.Layers, layer{l.Units, l.Activation.String()})
	}
	if v.NoStart != nil {
		out.NoStart = words.Line(v.NoStart)
	}
	if set, err := v.Test(); err != nil {
		out.NoTests = words.Line(err)
	} else {
		out.Tests = set.Len()
	}
	return out, nil
}

// title is that of the run; of a training it says nothing of how good the network is, which changes.
func (b *book) title() string {
	if b.lesson == nil {
		return b.view.Title()
	}
	m := b.view.Folder.Manifest
	return fmt.Sprintf("%s · %s · %s", m.Data.Title, b.view.Spec(), m.Train.Preset)
}

// weights are W, In×Out, and b of each layer, and then W₀ of the first layer where the start is known.
func weights(b *book, _ *http.Request) (any, error) {
	n := b.view.Net
	if b.lesson != nil {
		n.Params = b.lesson.Frame().Params
	}
	out := appendParams(nil, n.Params)
	if b.view.NoStart == nil {
		out = appendFloats(out, n.Initial.Weight(1).Data)
	}
	return out, nil
}

// maps are the maps of a layer's neurons, Units×Inputs: ?show=raw, learned or init.
func maps(b *book, r *http.Request) (any, error) {
	l, err := asLayer(b, r)
	if err != nil {
		return nil, err
	}
	subject, err := b.network(r)
	if err != nil {
		return nil, err
	}
	for _, show := range []inspect.Show{inspect.ShowRaw, inspect.ShowLearned, inspect.ShowStart} {
		if show.String() != r.URL.Query().Get("show") {
			continue
		}
		if show != inspect.ShowRaw && b.view.NoStart != nil {
			return nil, notThere{b.view.NoStart}
		}
		all, err := subject.Maps(b.view.Context(), show, l)
		var out []byte
		for _, m := range all {
			out = appendFloats(out, m)
		}
		return out, err
	}
	return nil, notThere{errors.New("show: want raw, learned or init")}
}

// asLayer reads {layer}.
func asLayer(b *book, r *http.Request) (int, error) {
	n, err := number(r, "layer", engine.MaxLayers)
	if err != nil {
		return 0, err
	}
	return b.layer(n)
}

// seen is what a hidden layer does on the test images: what the centred evidence goes by, the share of the images for
// which a neuron is at its more usual end, which class it speaks for most, how much it moves the logits.
func seen(b *book, r *http.Request) (any, error) {
	l, err := asLayer(b, r)
	if err != nil {
		return nil, err
	}
	if l > b.view.Net.Hidden() {
		return nil, notThere{fmt.Errorf("layer %d is that of the outputs", l+1)}
	}
	subject, err := b.network(r)
	if err != nil {
		return nil, err
	}
	a, err := subject.Activity(b.view.Context(), l)
	if err != nil {
		return nil, err
	}
	f, err := subject.Favourites(b.view.Context(), l)
	if err != nil {
		return nil, err
	}
	importance, err := subject.Importance(b.view.Context(), l)
	return map[string]any{
		"mean": fulls(a.Mean), "stuck": nums(a.Stuck), "favourite": f.Class, "importance": nums(importance),
	}, err
}

// neuron is what one neuron of a layer does on the test images.
func neuron(b *book, r *http.Request) (any, error) {
	l, err := asLayer(b, r)
	if err != nil {
		return nil, err
	}
	j, err := number(r, "neuron", b.view.Spec().Layers[l].Units-1)
	if err != nil {
		return nil, err
	}
	subject, err := b.network(r)
	if err != nil {
		return nil, err
	}
	all, err := subject.Responses(b.view.Context(), l, histogramBins, topImages)
	if err != nil {
		return nil, err
	}
	set, err := b.view.Test()
	if err != nil {
		return nil, err
	}
	top := all.Top[j]
	labels := make([]int, len(top.At))
	for i, at := range top.At {
		labels[i] = int(set.Labels[at])
	}
	rho := math.NaN()
	if rhos, err := subject.Rho(b.view.Context(), l); err == nil {
		rho = rhos[j]
	}
	z := make([]float64, len(top.Z))
	for i, v := range top.Z {
		z[i] = float64(v)
	}
	return map[string]any{
		"low": all.Low[j], "high": all.High[j], "counts": all.Counts[j], "rho": page.Num(rho),
		"top": top.At, "z": nums(z), "labels": labels,
	}, nil
}

// tests are test images by their numbers, with commas between: of each its label, a byte, and its pixels.
func tests(b *book, r *http.Request) (any, error) {
	set, err := b.view.Test()
	if err != nil {
		return nil, notThere{err}
	}
	numbers := strings.SplitN(r.PathValue("images"), ",", mostTests+1)
	if len(numbers) > mostTests {
		return nil, notThere{fmt.Errorf("want at most %d images at once", mostTests)}
	}
	var out []byte
	for _, text := range numbers {
		i, err := within("test image", text, set.Len()-1)
		if err != nil {
			return nil, err
		}
		out = append(append(out, set.Labels[i]), set.Image(i)...)
	}
	return out, nil
}

// diagnosis is what the doctor measures, and says.
func diagnosis(b *book, _ *http.Request) (any, error) {
	if b.lesson != nil {
		return b.lessonDoctor()
	}
	if b.diagnose == nil {
		d, err := doctor.Diagnose(b.view)
		if err != nil {
			return nil, err
		}
		b.diagnose = d
	}
	return told(b.diagnose, b.view), nil
}

// told is what the page is told of a diagnosis.
func told(d *doctor.Diagnosis, v *gallery.View) map[string]any {
	return map[string]any{"rows": d.Rows(v)[1:], "advice": d.Advice}
}

// appendParams appends W, In×Out, and b of each layer.
func appendParams(out []byte, ps engine.Params) []byte {
	for _, t := range ps {
		out = appendFloats(out, t.Data)
	}
	return out
}

func appendFloats(out []byte, v []float32) []byte {
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// full is a number that the page works on with, in all its digits; null when it is not finite.
type full float64

func (f full) MarshalJSON() ([]byte, error) {
	if v := float64(f); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	}
	return []byte("null"), nil
}

func fulls(v []float64) []full {
	out := make([]full, len(v))
	for i, x := range v {
		out[i] = full(x)
	}
	return out
}

// nums are numbers of which what is not finite becomes null.
func nums(v []float64) []page.Num {
	out := make([]page.Num, len(v))
	for i, x := range v {
		out[i] = page.Num(x)
	}
	return out
}
