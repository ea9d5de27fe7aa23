package exchange

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/exchange/npz"
	"neuroloupe/engine"
	"neuroloupe/engine/safetensors"
)

// numbersOf is small-numbers.json, which numpy wrote: the network of the small files.
type numbersOf struct {
	Weights     [][]float64 `json:"weights"` // In×Out
	Biases      [][]float64 `json:"biases"`
	Outputs     []float64   `json:"outputs"` // for the input 0, 1/5, …, 1; sigmoid in both layers
	SquareFirst []float64   `json:"square_first"`
}

func smallNumbers(t testing.TB) numbersOf {
	t.Helper()
	var n numbersOf
	text, err := os.ReadFile("testdata/small-numbers.json")
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func smallSpec() engine.Spec {
	return engine.Spec{Inputs: 6, Layers: []engine.Layer{
		{Units: 4, Activation: engine.Sigmoid},
		{Units: 3, Activation: engine.Sigmoid},
	}}
}

// want compares values that were rounded to float32 once.
func want(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if got[i] != float32(want[i]) {
			t.Errorf("%s[%d] is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

// Every way in which the same network is saved gives the same numbers.
func TestReadForms(t *testing.T) {
	n := smallNumbers(t)
	for _, c := range []struct {
		file   string
		layout Layout
		form   string
	}{
		{file: "small.json", layout: OutIn, form: "the JSON of Nielsen's network2.py"},
		{file: "small-columns.npz", layout: OutIn, form: "npz"},
		{file: "small-rows.npz", layout: InOut, form: "npz"},
		{file: "small-unnamed.npz", layout: OutIn, form: "npz"},
		{file: "small-state.npz", layout: OutIn, form: "npz"},
		{file: "small-big-endian.npz", layout: OutIn, form: "npz"},
		{file: "small-float32.npz", layout: InOut, form: "npz"},
	} {
		t.Run(c.file, func(t *testing.T) {
			got, err := Read(filepath.Join("testdata", c.file), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Layout != c.layout || got.Form != c.form || !slices.Equal(got.Sizes, []int{6, 4, 3}) {
				t.Errorf("layout %v, form %q, sizes %v", got.Layout, got.Form, got.Sizes)
			}
			if _, err := smallSpec().MatchParams(got.Params); err != nil {
				t.Fatal(err)
			}
			for l := range 2 {
				want(t, fmt.Sprintf("weights %d", l+1), got.Params.Weight(l+1).Data, n.Weights[l])
				want(t, fmt.Sprintf("biases %d", l+1), got.Params.Bias(l+1).Data, n.Biases[l])
			}
		})
	}
}

func TestReadSaysWhatTheFileSays(t *testing.T) {
	got, err := Read("testdata/small.json", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m := got.Meta; m.Hidden != "sigmoid" || m.Output != "sigmoid" || m.Loss != "cross-entropy" ||
		len(got.Warnings) > 0 {
		t.Errorf("%+v %v", m, got.Warnings)
	}
	if got, err = Read("testdata/small-state.npz", Options{}); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Layers) != "[fc1 out]" || len(got.Warnings) != 1 ||
		!strings.Contains(got.Warnings[0], `left out, as no layer's weights or biases: epoch (its numbers are "<i8"`) {
		t.Errorf("layers %v, warnings %q", got.Layers, got.Warnings)
	}
}

// Where the shapes allow both layouts the names decide, then the person; both are handed on.
func TestSquareLayers(t *testing.T) {
	n := smallNumbers(t)
	either, err := Read("testdata/square.npz", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if either.Layout != OutIn || !strings.Contains(either.Unsure, "--layout in-out") || len(either.Others) != 1 {
		t.Fatalf("layout %v, unsure %q, %d others", either.Layout, either.Unsure, len(either.Others))
	}
	if other := either.Others[0].Net(); other.Layout != InOut || other.Flags != "--layout in-out" {
		t.Errorf("the other reading: %v %q", other.Layout, other.Flags)
	} else {
		want(t, "the other reading", other.Params.Weight(1).Data, n.SquareFirst)
	}
	state, err := Read("testdata/square-state.npz", Options{})
	if err != nil {
		t.Fatal(err)
	}
	transposed := make([]float64, 9)
	for i := range transposed {
		transposed[i] = n.SquareFirst[i%3*3+i/3]
	}
	want(t, "PyTorch's names", state.Params.Weight(1).Data, transposed)
	want(t, "either", either.Params.Weight(1).Data, transposed)
	if state.Unsure != "" {
		t.Errorf("PyTorch's names: %q", state.Unsure)
	}
	for layout, values := range map[Layout][]float64{InOut: n.SquareFirst, OutIn: transposed} {
		got, err := Read("testdata/square.npz", Options{Layout: layout})
		if err != nil {
			t.Fatal(err)
		}
		want(t, layout.String(), got.Params.Weight(1).Data, values)
	}
	if _, err := Read("testdata/small-rows.npz", Options{Layout: OutIn}); err == nil ||
		!strings.Contains(err.Error(), "as Out×In ") {
		t.Errorf("a layout that does not fit: %v", err)
	}
}

// Float16 of every exponent is what numpy says that it is.
func TestHalf(t *testing.T) {
	z, err := zip.OpenReader("testdata/half.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var arrays [][]float32
	for _, f := range z.File {
		a, err := npz.Open(f)
		if err != nil || a.Note != "" {
			t.Fatal(f.Name, err, a.Note)
		}
		numbers, err := a.Read(1000)
		if err != nil {
			t.Fatal(f.Name, err)
		}
		arrays = append(arrays, numbers)
	}
	for i, v := range arrays[0] {
		if w := arrays[1][i]; math.Float32bits(v) != math.Float32bits(w) &&
			!(math.IsNaN(float64(v)) && math.IsNaN(float64(w))) {
			t.Errorf("half %#04x: %v, want %v", i*257, v, w)
		}
	}
}

func safetensorsFile(t testing.TB, tensors []engine.Tensor, meta map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, meta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tensor(name string, shape ...int) engine.Tensor {
	t := engine.Tensor{Name: name, Shape: shape}
	t.Data = make([]float32, t.Len())
	for i := range t.Data {
		t.Data[i] = float32(i)
	}
	return t
}

func readBytes(b []byte, o Options) (*Net, error) { return read(bytes.NewReader(b), int64(len(b)), o) }

func TestReadSafetensors(t *testing.T) {
	// As PyTorch's library sorts them: by name, so layer 10 before layer 2, and out before hidden.
	state := []engine.Tensor{
		tensor("net.0.bias", 4), tensor("net.0.weight", 4, 5), tensor("net.10.bias", 2), tensor("net.10.weight", 2, 3),
		tensor("net.2.bias", 3), tensor("net.2.weight", 3, 4),
	}
	got, err := readBytes(safetensorsFile(t, state, nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Sizes, got.Layers, got.Layout) != "[5 4 3 2] [net.0 net.2 net.10] out-in" {
		t.Error(got.Sizes, got.Layers, got.Layout)
	}
	if w := got.Params.Weight(1); w.Data[1] != 5 { // input 0, neuron 1: row 1, column 0 of 4×5
		t.Errorf("weights %v are not transposed", w.Data)
	}
	words := []engine.Tensor{
		tensor("body.weight", 3, 4), tensor("body.bias", 3), tensor("a_head.weight", 2, 3),
		tensor("a_head.bias", 2),
	}
	file := safetensorsFile(t, []engine.Tensor{words[2], words[3], words[0], words[1]}, nil)
	if got, err = readBytes(file, Options{}); err != nil || fmt.Sprint(got.Layers) != "[body a_head]" {
		t.Errorf("layers in the wrong order: %v", err)
	}
	if got, err = readBytes(file, Options{Layers: []string{"body", "a_head"}}); err != nil ||
		fmt.Sprint(got.Sizes) != "[4 3 2]" {
		t.Errorf("layers in the order given: %v", err)
	}
	if _, err := readBytes(file, Options{Layers: []string{"body", "head"}}); err == nil ||
		!strings.Contains(err.Error(), `no layer "head"; it has a_head, body`) {
		t.Errorf("a layer that is not there: %v", err)
	}
	// Ours say that they are In×Out, which decides where the shapes do not.
	if got, err = readBytes(safetensorsFile(t, []engine.Tensor{tensor("layer1.weight", 3, 3), tensor("layer1.bias", 3)},
		metadata(smallSpec(), Labels{})), Options{}); err != nil || got.Layout != InOut {
		t.Errorf("our own: %v", err)
	}
}

func TestWithoutBiases(t *testing.T) {
	got, err := readBytes(safetensorsFile(t, []engine.Tensor{tensor("a1.weight", 4, 5), tensor("a2.weight", 2, 4)},
		nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Sizes) != "[5 4 2]" || len(got.Warnings) != 1 ||
		!strings.Contains(got.Warnings[0], "no biases in layer 1 (a1.weight), 2 (a2.weight)") ||
		fmt.Sprint(got.Params.Bias(1).Data) != "[0 0 0 0]" {
		t.Error(got.Sizes, got.Warnings)
	}
}

// x·W/s − m/s·ΣW + b, worked by hand.
func TestNormalize(t *testing.T) {
	n := &Net{Params: engine.Params{{Shape: []int{2, 1}, Data: []float32{1, 3}}, {Shape: []int{1}, Data: []float32{7}}}}
	n.Normalize(0.5, 0.25)
	if w, b := n.Params[0].Data, n.Params[1].Data; w[0] != 4 || w[1] != 12 || b[0] != 7-0.5*16 {
		t.Errorf("W %v b %v, want [4 12] and -1", w, b)
	}
}

func TestNotANumberIsSaid(t *testing.T) {
	text := `{"sizes": [2, 1], "weights": [[[NaN, -Infinity]]], "biases": [[[1]]], "cost": "LogLikelihoodCost"}`
	got, err := readBytes([]byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(got.Warnings, "\n"); !strings.Contains(all, "layer1.weight: 2 of 2 values") ||
		!strings.Contains(all, "give --loss") {
		t.Error(all)
	}
}
