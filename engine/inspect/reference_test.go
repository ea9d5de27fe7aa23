package inspect_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// reference is testdata/reference.json; testdata/reference.py writes it and says what each entry is.
type reference struct {
	Height, Width int
	Images        []int
	Nets          []referenceNet
}

type referenceNet struct {
	Sizes       []int
	Activations []engine.Activation
	Loss        engine.Loss
	Labels      []int
	Params      [][]float32
	Z, A        [][]float64
	Why         []struct {
		Mean, Rest        []float64
		Evidence, Centred [][]float64
	}
	Product         []float64
	Slopes          [][]float64
	Templates       [][]float64
	Sloped, Local   [][]float64
	GradientInput   []float64 `json:"gradient_input"`
	Integrated      []float64
	IntegratedWhole float64   `json:"integrated_whole"`
	LRP             []float64 `json:"lrp"`
	NeuronLRP       []float64 `json:"neuron_lrp"`
	Alike           []float64
	Pattern         [][]float64
	DeepPattern     [][]float64 `json:"deep_pattern"`
	Triggered       [][]float64
	Quantiles       []float64
	SD              float64
	Accuracy        float64
	Recall          []float64
	Selectivity     []float64
	Mistakes        []int
	Losses          []float64
	Prior           struct{ Variance, Dimension, Variation float64 }
	Dream           struct {
		Free, Image []float64
		AtFree      float64 `json:"at_free"`
		AtMean      float64 `json:"at_mean"`
	}
	Ablation []struct {
		Lost  []float64
		Class [][]float64
		Order []int
		Curve []float64
	}
}

// subject is one network of the reference with the image that most entries are about.
type subject struct {
	inspect.Net
	want          referenceNet
	data          engine.Data
	height, width int
	x             []float64
}

const (
	subjectImage = 7
	baseImage    = 3
)

func (s subject) image(i int) []float64 {
	return inspect.Pixels(s.data.Images[i*s.Spec.Inputs : (i+1)*s.Spec.Inputs])
}

// eachReference runs f as a subtest for each network of the reference.
func eachReference(t *testing.T, f func(t *testing.T, s subject)) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Nets) != 4 {
		t.Fatalf("%d networks", len(ref.Nets))
	}
	for _, r := range ref.Nets {
		s := subject{want: r, height: ref.Height, width: ref.Width}
		for _, v := range ref.Images {
			s.data.Images = append(s.data.Images, byte(v))
		}
		for _, k := range r.Labels {
			s.data.Labels = append(s.data.Labels, uint8(k))
		}
		s.Spec = engine.Spec{Inputs: r.Sizes[0], Loss: r.Loss}
		for l, n := range r.Sizes[1:] {
			s.Spec.Layers = append(s.Spec.Layers, engine.Layer{Units: n, Activation: r.Activations[l]})
		}
		s.Params = s.Spec.ParamInfo()
		for i, p := range r.Params {
			s.Params[i].Data = p
		}
		s.x = s.image(subjectImage)
		t.Run(s.Spec.String(), func(t *testing.T) { f(t, s) })
	}
}

// near fails unless got, float32 or float64 in slices of any depth, is want up to tol·max(1, |want|).
func near(t *testing.T, name string, want, got any, tol float64) {
	t.Helper()
	flat := func(v any) any { // through JSON, so that every slice and number is of the same kind
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var out any
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	about := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= tol*math.Max(1, math.Abs(a)) })
	if diff := cmp.Diff(flat(want), flat(got), about); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// Tolerances: exact is for float64 sums of a few numbers, single for what is handed out as float32, and bulk for what
// comes from float32 activations of the executor.
const (
	exact  = 1e-11
	single = 1e-6
	bulk   = 1e-5
)

func TestForwardAndWhy(t *testing.T) {
	eachReference(t, func(t *testing.T, s subject) {
		p, err := s.Forward(s.x)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "z", s.want.Z, p.Z, exact)
		near(t, "a", s.want.A, p.A, exact)
		z, err := newProbe(t, s.Spec, s.data).Weighted(s.Net, subjectImage)
		if err != nil {
			t.Fatal(err)
		}
		for layer, want := range s.want.Why {
			w, err := s.Why(s.x, layer, want.Mean)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "evidence", want.Evidence, w.Evidence, exact)
			near(t, "centred", want.Centred, w.Centred, exact)
			near(t, "rest", want.Rest, w.Rest, exact)
			if w.Exact != (layer == s.Hidden()) {
				t.Errorf("layer %d exact: %v", layer, w.Exact)
			}
			neurons, outputs, err := w.SumErrors(z)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "sum errors", [][]float64{make([]float64, len(z[0])), make([]float64, len(z[len(z)-1]))},
				[][]float64{neurons, outputs}, bulk)
			product, err := w.Product(2)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "product", s.want.Product, product.Map, single)
			near(t, "its sum", s.want.Z[0][2], product.Sum, single)
		}
		// A wrong z shows in the sums.
		w, err := s.Why(s.x, s.Hidden(), nil)
		if err != nil {
			t.Fatal(err)
		}
		z[0][1]++
		z[len(z)-1][2]--
		neurons, outputs, err := w.SumErrors(z)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "neuron of a wrong z", 1, neurons[1], bulk)
		near(t, "output of a wrong z", 1, outputs[2], bulk)
	})
}

func TestTemplates(t *testing.T) {
	eachReference(t, func(t *testing.T, s subject) {
		slopes, err := newProbe(t, s.Spec, s.data).Slopes(t.Context(), s.Net)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "slopes", s.want.Slopes, slopes, bulk)
		for l := range slopes {
			act, err := newProbe(t, s.Spec, s.data).Observe(t.Context(), s.Net, l)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "slopes seen with the activity", s.want.Slopes[l], act.Slope, bulk)
			if !slices.Equal(act.Slope, slopes[l]) {
				t.Errorf("layer %d: the slopes that are seen with the activity differ", l+1)
			}
		}
		for _, c := range []struct {
			name string
			want [][]float64
			got  func() ([][]float32, error)
		}{
			{"plain", s.want.Templates, func() ([][]float32, error) { return s.Templates(t.Context(), nil) }},
			{"slope-weighted", s.want.Sloped, func() ([][]float32,
				error,
			) {
				return s.Net.Templates(t.Context(), s.want.Slopes)
			}},
			{"local", s.want.Local, func() ([][]float32, error) { return s.LocalTemplates(t.Context(), s.x) }},
		} {
			got, err := c.got()
			if err != nil {
				t.Fatal(err)
			}
			near(t, c.name, c.want, got, single)
		}
		// Of the first layer, a path is the map itself.
		maps, err := s.Paths(t.Context(), 0, []int{3, 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := inspect.Maps(s.Params.Weight(1))
		near(t, "maps", [][]float32{all[3], all[1]}, maps, 0)
	})
}

func TestAttribute(t *testing.T) {
	eachReference(t, func(t *testing.T, s subject) {
		contrast, err := s.Target(s.Last(), 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		neuron, err := s.Target(0, 1, -1)
		if err != nil {
			t.Fatal(err)
		}
		o := inspect.AttributeOptions{Baseline: s.image(baseImage), Epsilon: 0.02}
		var maps [][]float32
		for _, c := range []struct {
			method inspect.AttributeMethod
			target inspect.Target
			want   []float64
			whole  float64
		}{
			{inspect.GradientInput, contrast, s.want.GradientInput, s.want.Z[s.Last()][1] - s.want.Z[s.Last()][2]},
			{inspect.IntegratedGradients, contrast, s.want.Integrated, s.want.IntegratedWhole},
			{inspect.LRP, contrast, s.want.LRP, s.want.Z[s.Last()][1] - s.want.Z[s.Last()][2]},
			{inspect.LRP, neuron, s.want.NeuronLRP, s.want.Z[0][1]},
		} {
			a, err := s.Attribute(t.Context(), c.method, s.x, c.target, o)
			if err != nil {
				t.Fatal(err)
			}
			maps = append(maps, a.Map)
			var sum float64
			for _, v := range c.want {
				sum += v
			}
			near(t, c.method.String(), c.want, a.Map, single)
			near(t, c.method.String()+" sums", []float64{c.whole, sum, c.whole - sum},
				[]float64{a.Whole, a.Sum, a.Residual}, 1e-9)
			if c.method == inspect.LRP {
				near(t, "what LRP kept back", a.Residual, a.Bias+a.Stabiliser, 1e-9)
			}
			if c.method == inspect.IntegratedGradients { // complete in the limit
				fine := o
				fine.Steps = 1 << 14
				if a, err = s.Attribute(t.Context(), c.method, s.x, c.target, fine); err != nil ||
					math.Abs(a.Residual) > 1e-3 {
					t.Errorf("completeness: %v, %v", a.Residual, err)
				}
			}
		}
		l := inspect.Alike(maps[0], maps[2], s.x)
		near(t, "alike", s.want.Alike, []float64{l.Pearson, l.Spearman, l.SpearmanAbs}, single)
		// The control is the same attribution for other weights, and a network is like itself.
		all, err := s.AttributeAll(t.Context(), s.x, contrast, o, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range all {
			near(t, c.Method.String()+" again", maps[i], c.Net.Map, 0)
			random, err := s.Randomised(3).Attribute(t.Context(), c.Method, s.x, contrast, o)
			if err != nil {
				t.Fatal(err)
			}
			near(t, c.Method.String()+" control", random, c.Random, 0)
			if self := inspect.Alike(c.Net.Map, c.Net.Map, s.x); math.Abs(self.Pearson-1) > 1e-12 ||
				c.Between.Pearson > 0.999 {
				t.Errorf("%v: like itself %v, like its control %v", c.Method, self, c.Between)
			}
		}
	})
}
