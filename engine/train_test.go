package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
	"neuroloupe/engine/safetensors"
)

// toy is an Executor whose parameters depend on every example it was shown, in order, on the learning rates, on the
// step numbers and on its moments, so that a step left out, repeated or moved changes the result.
type toy struct {
	spec    engine.Spec
	tensors map[string][]float32
	data    []engine.Data
	order   []int32                       // all that was trained on
	batches []int                         // rows of each step
	lossAt  func(step uint64) float32     // overrides the loss when not nil
	predict func(ref engine.DataRef) bool // whether inference is right; nil = always
	onTrain func()
}

func newToy(s engine.Spec) *toy {
	t := &toy{spec: s, tensors: map[string][]float32{}}
	for _, p := range append(s.ParamInfo(), s.StateInfo()...) {
		t.tensors[p.Name] = make([]float32, p.Len())
	}
	return t
}

func (t *toy) Bind(d engine.Data) (engine.DataRef, error) {
	t.data = append(t.data, d)
	return engine.DataRef(len(t.data) - 1), d.Validate(t.spec)
}

func (t *toy) Write(ts ...engine.Tensor) error {
	for _, x := range ts {
		copy(t.tensors[x.Name], x.Data)
	}
	return nil
}

func (t *toy) Read(ts ...engine.Tensor) error {
	for _, x := range ts {
		copy(x.Data, t.tensors[x.Name])
	}
	return nil
}

func (t *toy) Train(s engine.Steps) error {
	if err := s.Validate(&engine.Program{Spec: t.spec, Capacity: 100}, t.data[s.Data].Len()); err != nil {
		return err
	}
	w, v := t.tensors["layer1.weight"], t.tensors["layer1.weight.velocity"]
	for i := range s.Count() {
		step := s.First + uint64(i)
		for _, e := range s.Order[i*s.Batch:][:s.Rows(i)] {
			t.order = append(t.order, e)
			v[0] = 0.9*v[0] + s.LR[i]*float32(e+1)
			w[0] = 0.99*w[0] + v[0]*float32(step%7+1)
		}
		t.batches = append(t.batches, s.Rows(i))
		s.Loss[i] = w[0]
		if t.lossAt != nil {
			s.Loss[i] = t.lossAt(step)
		}
	}
	if t.onTrain != nil {
		t.onTrain()
	}
	return nil
}

func (t *toy) Infer(q engine.Query) error {
	right := t.predict == nil || t.predict(q.Data)
	for i := range q.Hi - q.Lo {
		k := int(t.data[q.Data].Labels[q.Lo+i])
		if !right {
			k = 1 - k
		}
		q.Dst[2*i+k], q.Dst[2*i+1-k] = 1, 0
	}
	return nil
}

func (t *toy) Close() error { return nil }

const toyExamples = 23

func toyTrainer(x *toy) *engine.Trainer {
	d := engine.Data{Images: make([]byte, toyExamples), Labels: make([]uint8, toyExamples)}
	return &engine.Trainer{
		Program:  &engine.Program{Spec: x.spec, Capacity: 100, Layers: make([]engine.LayerRefs, 1)},
		Executor: x,
		Config:   engine.Config{Epochs: 3, Batch: 5, LR: 0.5, Schedule: engine.Cosine},
		Train:    d, Validation: d,
	}
}

func toySpec() engine.Spec {
	return engine.Spec{
		Inputs: 1, Layers: []engine.Layer{{Units: 2, Activation: engine.Sigmoid}}, Seed: 7,
		L2: 1, N: toyExamples, Update: engine.Update{Method: engine.Momentum, Momentum: 0.9},
	}
}

func TestRunShowsEachExampleOncePerEpoch(t *testing.T) {
	x := newToy(toySpec())
	if err := toyTrainer(x).Run(t.Context(), x.spec.NewState(x.spec.NewParams())); err != nil {
		t.Fatal(err)
	}
	if want := slices.Repeat([]int{5, 5, 5, 5, 3}, 3); !cmp.Equal(x.batches, want) {
		t.Errorf("batches %v, want %v", x.batches, want)
	}
	var epochs [][]int32
	for e := range 3 {
		epoch := x.order[e*toyExamples:][:toyExamples]
		sorted := slices.Sorted(slices.Values(epoch))
		for i, v := range sorted {
			if int(v) != i {
				t.Fatalf("epoch %d trained on %v", e+1, epoch)
			}
		}
		for _, before := range append(epochs, sorted) {
			if slices.Equal(before, epoch) {
				t.Errorf("epoch %d has the order of another epoch, or none: %v", e+1, epoch)
			}
		}
		epochs = append(epochs, epoch)
	}
}

// A run stopped between any two steps, saved, read back and taken up by a new executor ends with the same bytes.
func TestResumeAfterAnyStep(t *testing.T) {
	spec := toySpec()
	whole := newToy(spec)
	end := spec.NewState(spec.NewParams())
	var want []engine.Metrics
	tr := toyTrainer(whole)
	tr.Hooks.Epoch = func(m engine.Metrics, _ *engine.State) error { want = append(want, m); return nil }
	if err := tr.Run(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	var file checkpoint
	for _, stop := range []int{1, 2, 4, 5, 6, 11} {
		var got []engine.Metrics
		st := spec.NewState(spec.NewParams())
		for calls, done := 0, false; !done; calls++ {
			x := newToy(spec)
			tr := toyTrainer(x)
			ctx, cancel := context.WithCancel(t.Context())
			x.onTrain = func() {
				if len(x.batches) >= stop {
					cancel()
				}
			}
			saved := false
			tr.Hooks.Epoch = func(m engine.Metrics, st *engine.State) error {
				got = append(got, m)
				return file.save(st)
			}
			tr.Hooks.Save = func(st *engine.State) error { saved = true; return file.save(st) }
			err := tr.Run(ctx, st)
			cancel()
			switch {
			case err == nil:
				done = true
			case !errors.Is(err, engine.ErrInterrupted):
				t.Fatal(err)
			case !saved:
				t.Fatal("interrupted and not saved")
			default:
				if st, err = file.load(spec); err != nil {
					t.Fatal(err)
				}
			}
			if calls > 20 {
				t.Fatal("a run that is stopped after each step never ends")
			}
		}
		if diff := cmp.Diff(end.Params, st.Params); diff != "" {
			t.Errorf("stopped every %d steps: parameters differ (-whole +resumed):\n%s", stop, diff)
		}
		ignore := cmpopts.IgnoreFields(engine.Metrics{}, "Seconds", "EvaluationSeconds", "SamplesPerSecond")
		if diff := cmp.Diff(want, got, ignore); diff != "" {
			t.Errorf("stopped every %d steps: metrics differ (-whole +resumed):\n%s", stop, diff)
		}
	}
}

// Who steers a run between its calls decides how long they are, sees the parameters as they then are, and changes
// nothing of what comes out; an error of theirs ends the run where it is.
func TestBetweenSteers(t *testing.T) {
	spec := toySpec()
	whole := spec.NewState(spec.NewParams())
	if err := toyTrainer(newToy(spec)).Run(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	const perEpoch = 5
	x := newToy(spec)
	tr := toyTrainer(x)
	var asked []uint64
	most := []int{1, 2, 0, 1}
	tr.Hooks.Between = func(p engine.Progress, read func(...engine.Tensor) error) (int, error) {
		if int(p.Steps) != len(x.batches) || int(p.Steps) != perEpoch*p.Epoch+p.Step {
			t.Errorf("%d steps are done, of epoch %d step %d is said", len(x.batches), p.Epoch, p.Step)
		}
		if n := len(asked); n > 0 && n <= len(most) && most[n-1] > 0 && int(p.Steps-asked[n-1]) > most[n-1] {
			t.Errorf("a call of at most %d steps did %d", most[n-1], p.Steps-asked[n-1])
		}
		asked = append(asked, p.Steps)
		w := engine.Tensor{Name: "layer1.weight", Shape: []int{1, 2}, Data: make([]float32, 2)}
		if err := read(w); err != nil || w.Data[0] != x.tensors["layer1.weight"][0] {
			t.Errorf("the weights are read as %v, %v", w.Data, err)
		}
		if n := len(asked); n <= len(most) {
			return most[n-1], nil
		}
		return 0, nil
	}
	st := spec.NewState(spec.NewParams())
	if err := tr.Run(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if len(asked) < 5 || asked[0] != 0 || asked[1] != 1 || asked[2] > 3 {
		t.Errorf("it is asked after steps %v", asked)
	}
	if diff := cmp.Diff(whole.Params, st.Params); diff != "" {
		t.Errorf("parameters differ (-alone +steered):\n%s", diff)
	}
	enough := errors.New("enough")
	tr = toyTrainer(newToy(spec))
	tr.Hooks.Save = func(*engine.State) error { t.Error("it is saved"); return nil }
	tr.Hooks.Between = func(p engine.Progress, _ func(...engine.Tensor) error) (int, error) {
		if p.Steps >= 7 {
			return 0, enough
		}
		return 1, nil
	}
	st = spec.NewState(spec.NewParams())
	if err := tr.Run(t.Context(), st); !errors.Is(err, enough) || st.Steps != 7 {
		t.Errorf("the run ends after %d steps with %v", st.Steps, err)
	}
}

func TestDivergedNamesEpochAndStep(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		x := newToy(toySpec())
		x.lossAt = func(step uint64) float32 {
			if step == 8 { // epoch 2, its fourth step
				return bad
			}
			return 1
		}
		tr := toyTrainer(x)
		saves := 0
		tr.Hooks.Epoch = func(engine.Metrics, *engine.State) error { saves++; return nil }
		err := tr.Run(t.Context(), x.spec.NewState(x.spec.NewParams()))
		var d *engine.DivergedError
		if !errors.As(err, &d) || d.Epoch != 2 || d.Step != 4 {
			t.Errorf("loss %v: error %v, want one that names epoch 2, step 4", bad, err)
		}
		if saves != 1 {
			t.Errorf("loss %v: %d epochs were handed out, want the first alone", bad, saves)
		}
	}
}

func TestKeepBestAndEarlyStop(t *testing.T) {
	x := newToy(toySpec())
	tr := toyTrainer(x)
	epoch := 0
	x.predict = func(engine.DataRef) bool { return epoch == 1 } // right in epoch 2 alone
	tr.Config.Epochs, tr.Config.KeepBest, tr.Config.EarlyStop = 20, true, 3
	var after []engine.Params
	tr.Hooks.Epoch = func(_ engine.Metrics, st *engine.State) error {
		epoch++
		after = append(after, st.Params.Clone())
		return nil
	}
	st := x.spec.NewState(x.spec.NewParams())
	if err := tr.Run(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if st.BestEpoch != 2 || st.Epoch != 5 || !st.Stopped {
		t.Errorf("best epoch %d of %d, stopped %v; want 2 of 5, true", st.BestEpoch, st.Epoch, st.Stopped)
	}
	kept, gamma := st.Kept()
	if diff := cmp.Diff(after[1], kept); diff != "" {
		t.Errorf("kept parameters are not those of epoch 2:\n%s", diff)
	}
	if gamma != st.BestDecay.Gamma || gamma <= st.Decay.Gamma {
		t.Errorf("γ of the kept parameters is %v, of the last %v", gamma, st.Decay.Gamma)
	}
	var file checkpoint
	if err := file.save(st); err != nil {
		t.Fatal(err)
	}
	back, err := file.load(x.spec)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(st, back); diff != "" {
		t.Errorf("state changed on its way through the file:\n%s", diff)
	}
}

func TestRunErrors(t *testing.T) {
	for name, change := range map[string]func(*engine.Trainer){
		"no batch":          func(tr *engine.Trainer) { tr.Config.Batch = 0 },
		"learning rate NaN": func(tr *engine.Trainer) { tr.Config.LR = math.NaN() },
		"best without validation": func(tr *engine.Trainer) {
			tr.Config.KeepBest, tr.Validation = true, engine.Data{}
		},
		"early stop without validation": func(tr *engine.Trainer) {
			tr.Config.EarlyStop, tr.Validation = 1, engine.Data{}
		},
		"no training images": func(tr *engine.Trainer) { tr.Train = engine.Data{} },
		"label too large":    func(tr *engine.Trainer) { tr.Train.Labels = slices.Repeat([]uint8{2}, toyExamples) },
		"hook": func(tr *engine.Trainer) {
			tr.Hooks.Epoch = func(engine.Metrics, *engine.State) error { return errors.New("disk full") }
		},
	} {
		x := newToy(toySpec())
		tr := toyTrainer(x)
		change(tr)
		if err := tr.Run(t.Context(), x.spec.NewState(x.spec.NewParams())); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// γ is followed through the run's real update rules: it is what they do to a weight without a gradient.
func TestGammaIsWhatUpdatesDoToAnUntouchedWeight(t *testing.T) {
	for _, method := range []engine.Method{engine.SGD, engine.Momentum, engine.Nesterov} {
		for _, schedule := range []engine.ScheduleKind{engine.Constant, engine.Step, engine.Cosine} {
			t.Run(fmt.Sprint(method, schedule), func(t *testing.T) {
				s := toySpec()
				s.Update.Method = method
				x := newToy(s)
				x.tensors["layer1.weight.velocity"] = make([]float32, 2)
				tr := toyTrainer(x)
				tr.Config.Schedule, tr.Config.Epochs = schedule, 40
				w, v, g := []float32{1}, []float32{0}, []float32{0}
				in := engine.Instr{Method: method, Momentum: 0.9, L2: float32(s.L2 / float64(s.N))}
				var rates []float64
				tr.Hooks.Epoch = func(m engine.Metrics, st *engine.State) error {
					rates = append(rates, m.LearningRate)
					return nil
				}
				st := s.NewState(s.NewParams())
				if err := tr.Run(t.Context(), st); err != nil {
					t.Fatal(err)
				}
				for i := range 40 * 5 {
					at := float64(i) / 200
					lr := 0.5
					switch schedule {
					case engine.Step:
						if i >= 160 {
							lr = 0.05
						}
					case engine.Cosine:
						lr *= math.Pow(math.Cos(math.Pi*at/2), 2)
					}
					kernel.Update(w, g, v, nil, &in, float32(lr), uint64(i))
				}
				if d := math.Abs(st.Decay.Gamma - float64(w[0])); d > 1e-5 { // 200 float32 roundings of w ≤ 1
					t.Errorf("γ = %v, the weight is %v", st.Decay.Gamma, w[0])
				}
				if st.Decay.Gamma > 0.9 {
					t.Errorf("γ = %v: nothing has decayed, the test shows nothing", st.Decay.Gamma)
				}
				if schedule == engine.Constant && rates[39] != 0.5 {
					t.Errorf("last learning rate %v", rates[39])
				}
			})
		}
	}
}

// checkpoint is a file of a state, in memory.
type checkpoint struct{ data bytes.Buffer }

func (c *checkpoint) save(st *engine.State) error {
	tensors, meta, err := st.Encode()
	if err != nil {
		return err
	}
	c.data.Reset()
	return safetensors.Write(&c.data, tensors, meta)
}

func (c *checkpoint) load(s engine.Spec) (*engine.State, error) {
	tensors, meta, err := safetensors.Read(bytes.NewReader(c.data.Bytes()), int64(c.data.Len()))
	if err != nil {
		return nil, err
	}
	return s.DecodeState(tensors, meta)
}

func TestDecodeStateRefusesWhatDoesNotFit(t *testing.T) {
	spec := toySpec()
	var file checkpoint
	if err := file.save(spec.NewState(spec.NewParams())); err != nil {
		t.Fatal(err)
	}
	wider := spec
	wider.Layers = []engine.Layer{{Units: 3, Activation: engine.Sigmoid}}
	adam := spec
	adam.Update.Method = engine.Adam
	for name, s := range map[string]engine.Spec{"another size": wider, "another optimizer": adam} {
		if _, err := file.load(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := spec.DecodeState(nil, nil); err == nil {
		t.Error("nothing at all: no error")
	}
	bad := spec.NewState(spec.NewParams())
	bad.RNG = []byte("not a generator")
	if err := file.save(bad); err != nil {
		t.Fatal(err)
	}
	if _, err := file.load(spec); err == nil {
		t.Error("broken generator: no error")
	}
}

func TestEvaluate(t *testing.T) {
	x := newToy(toySpec())
	d := engine.Data{Images: make([]byte, 5000), Labels: make([]uint8, 5000)} // more than one call takes
	for i := range d.Labels {
		d.Labels[i] = uint8(i % 5 / 4) // four zeros, then a one
	}
	ref, err := x.Bind(d)
	if err != nil {
		t.Fatal(err)
	}
	p := &engine.Program{Spec: x.spec, Layers: make([]engine.LayerRefs, 1)}
	s, err := engine.Evaluate(x, p, ref, d)
	if err != nil {
		t.Fatal(err)
	}
	// z is 1 for the right class and 0 for the other, so the loss is ½((σ(1) − 1)² + σ(0)²).
	if diff := cmp.Diff([][]int{{4000, 0}, {0, 1000}}, s.Confusion); diff != "" || s.Accuracy() != 1 ||
		math.Abs(s.Loss-0.16116474) > 1e-7 {
		t.Errorf("confusion %s accuracy %v loss %v", diff, s.Accuracy(), s.Loss)
	}
	s = engine.Score{Confusion: [][]int{{3, 1, 0}, {2, 0, 0}, {0, 0, 0}}}
	if diff := cmp.Diff([]float64{0.75, 0, -1}, s.Recall()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{2}, s.NeverPredicted()); diff != "" {
		t.Error(diff)
	}
	if s.Accuracy() != 0.5 {
		t.Errorf("accuracy %v", s.Accuracy())
	}
}

func TestAnswer(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, tc := range map[string]struct {
		z    []float32
		want int
	}{
		"the largest":                 {[]float32{1, 3, 2}, 1},
		"beyond where outputs differ": {[]float32{120, 120.5, 120.25}, 1},
		"below where outputs differ":  {[]float32{-120, -119.5, -121}, 1},
		"of equals the first":         {[]float32{1, 3, 3}, 1},
		"no NaN before":               {[]float32{nan, -3, -2}, 2},
		"no NaN after":                {[]float32{-3, -4, nan}, 0},
		"not even over −∞":            {[]float32{nan, -inf, nan}, 1},
		"∞":                           {[]float32{0, inf, nan, inf}, 1},
		"nothing but NaN":             {[]float32{nan, nan}, 0},
	} {
		if got := engine.Answer(tc.z); got != tc.want {
			t.Errorf("%s: %v answers %d, want %d", name, tc.z, got, tc.want)
		}
	}
}
