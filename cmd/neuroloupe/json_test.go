package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"neuroloupe/cmd/internal/adopt"
	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cmd/internal/doctor"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/engine"
)

// What is finite is printed as encoding/json prints it.
func TestJSONIsThatOfTheStandardLibrary(t *testing.T) {
	label, sum := "<お & \"x\">", 0.25
	for _, v := range []any{
		nil, 3, "a<b", []string(nil),
		[]string{},
		map[string]float64(nil),
		map[string]float64{"b": 1e-9, "a": 1e300},
		gallery.WhyDocument{
			Label: &label, Logits: []float64{1, -0.5},
			Neurons: []gallery.WhyNeuron{{ID: 1, Evidence: map[string]float64{"3": 2}, SumError: &sum}},
		},
		gallery.WhyDocument{},
		doctor.Diagnosis{},
		doctor.Diagnosis{Layers: []doctor.Finding{{Layer: 1}}, RhoMedian: &sum},
		&job.Result{Recall: map[string]float64{}},
		adopt.Result{},
		job.Devices{{Device: engine.Device{ID: "cpu", Memory: 1 << 40}}, {Mode: "graph"}},
		bench.Report{Rows: []bench.Row{{Device: "cpu", Mode: "graph"}}},
		engine.Metrics{Epoch: 1, TestLoss: &sum},
		[]engine.Activation{engine.ReLU},
		time.Unix(0, 0).UTC(), []byte("bytes"),
		[2]float32{0.1, 0.2},
	} {
		var want, got bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		if err := (&app{stdout: &got}).printJSON(v); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%#v:\n%s\nwant\n%s", v, got.String(), want.String())
		}
	}
}

// What is not finite is null, wherever it stands.
func TestJSONHasNullForWhatIsNotFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tc := range []struct {
		v    any
		want string
	}{
		{nan, `null`},
		{&inf, `null`},
		{[]float32{1, float32(nan), float32(-inf)}, `[1,null,null]`},
		{map[string]float64{"3": nan, "4": 1}, `{"3":null,"4":1}`},
		{map[string]any{"x": []*float64{&nan, nil}}, `{"x":[null,null]}`},
		{doctor.Smoothness{Raw: nan, Learned: &inf}, `{"raw":null,"learned":null,"init":null}`},
		{
			[]gallery.WhyNeuron{{Z: inf, Evidence: map[string]float64{"0": nan}}},
			`[{"id":0,"z":null,"a":0,"evidence":{"0":null},"sum_error":null}]`,
		},
	} {
		var got bytes.Buffer
		if err := (&app{stdout: &got}).printJSON(tc.v); err != nil {
			t.Fatal(err)
		}
		if s := strings.Join(strings.Fields(got.String()), ""); s != tc.want {
			t.Errorf("%v: %s, want %s", tc.v, s, tc.want)
		}
	}
}
