package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/watch"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// imports imports a network of these sizes and returns its folder; change may change its weights.
func imports(t *testing.T, change func(engine.Params), sizes ...int) string {
	t.Helper()
	spec := engine.Spec{Inputs: sizes[0], Seed: 1}
	for _, n := range sizes[1:] {
		spec.Layers = append(spec.Layers, engine.Layer{Units: n, Activation: engine.Sigmoid})
	}
	params := spec.NewParams()
	if change != nil {
		change(params)
	}
	var b bytes.Buffer
	if err := exchange.WriteNPZ(&b, spec, params); err != nil {
		t.Fatal(err)
	}
	file, dir := filepath.Join(t.TempDir(), "net.npz"), filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	must(t, "import", file, "--data", "none", "--out", dir)
	return dir
}

// drawnBy runs a command and returns the figure that it draws.
func drawnBy(t *testing.T, args ...string) (fig render.Figure) {
	t.Helper()
	var out bytes.Buffer
	a := &app{ctx: t.Context(), stdout: &out, Screen: watch.NewScreen(&out)}
	a.drawn = func(d *gallery.Drawing) { fig = d.Figure }
	if code := a.run(args); code != exitDone {
		t.Fatalf("%v: exit %d: %s", args, code, out.String())
	}
	return fig
}

func panel[P render.Panel](t *testing.T, fig render.Figure, title string) P {
	t.Helper()
	for _, p := range slices.Concat(fig.Rows...) {
		if p, ok := p.(P); ok && strings.Contains(fmt.Sprintf("%+v", p), "Title:"+title) {
			return p
		}
	}
	t.Fatalf("no panel %q", title)
	panic("unreachable")
}

// barPNG writes an image of 20×20 pixels with a bar of ink on black.
func barPNG(t *testing.T) (path string, ink *image.Gray) {
	t.Helper()
	ink = image.NewGray(image.Rect(0, 0, 20, 20))
	for y := 4; y < 16; y++ {
		ink.Pix[y*20+9], ink.Pix[y*20+10] = 255, byte(10*y)
	}
	path = filepath.Join(t.TempDir(), "bar.png")
	var b bytes.Buffer
	if err := png.Encode(&b, ink); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path, ink
}

// Of more outputs than a picture has room for the strongest have bars, and that is said; as many as inputs are drawn
// as an image too.
func TestManyOutputs(t *testing.T) {
	file, drawn := barPNG(t)
	for _, outputs := range []int{300, 400} {
		run := imports(t, nil, 400, 7, outputs)
		v := opened(t, run)
		fig := drawnBy(t, "why", run, "--image", file, "--not", "5")
		bars := panel[render.Bars](t, fig, "outputs")
		p, err := v.Net.Forward(inspect.Pixels(drawn.Pix))
		if err != nil {
			t.Fatal(err)
		}
		sorted := slices.Sorted(slices.Values(p.A[1]))
		slices.Reverse(sorted)
		shown := slices.DeleteFunc(slices.Clone(bars.Names), func(s string) bool { return s == "5" })
		if len(shown) > 30 || len(shown) < 29 || !slices.Contains(bars.Names, "5") ||
			!strings.Contains(bars.Caption, fmt.Sprint(outputs)) {
			t.Errorf("%d outputs: bars of %v, %s", outputs, bars.Names, bars.Caption)
		}
		if bars.Values[0] != sorted[0] || bars.Values[29] < sorted[29] || !slices.Equal(bars.Highlight, []int{0}) {
			t.Errorf("%d outputs: bars %v, highlighted %v, want the largest first: %v", outputs, bars.Values,
				bars.Highlight, sorted[:30])
		}
		if outputs == 400 {
			if m := panel[render.Map](t, fig, "outputs as an image"); m.Width != 20 || m.Height != 20 ||
				m.Values[7] != float32(p.A[1][7]) {
				t.Errorf("the reconstruction is %d×%d, its value 7 %v, want %v", m.Width, m.Height, m.Values[7],
					p.A[1][7])
			}
		}
		column := panel[render.Bars](t, drawnBy(t, "neuron", run, "3"), "weight to each class")
		w := v.Net.Params.Weight(2).Data[3*outputs:][:outputs]
		largest := slices.MaxFunc(w, func(a, b float32) int {
			return int(math.Copysign(1,
				math.Abs(float64(a))-math.Abs(float64(b))))
		})
		if len(column.Values) != 30 || column.Values[0] != float64(largest) ||
			!strings.Contains(column.Caption, fmt.Sprint(outputs)) {
			t.Errorf("%d outputs: neuron's bars %v, want %v first; %s", outputs, column.Values, largest, column.Caption)
		}
		for _, args := range [][]string{
			{"templates", run},
			{"sheet", run},
			{"attribute", run, "--image", file},
			{"compare", run, run},
			{"report", run},
			{"doctor", run},
		} {
			must(t, args...)
		}
	}
	few := panel[render.Bars](t, drawnBy(t, "why", imports(t, nil, 400, 7, 62), "--image", file), "outputs")
	if len(few.Values) != 62 {
		t.Errorf("%d bars of 62 outputs", len(few.Values))
	}
}

// A network with weights that are no numbers is looked at as any other, JSON stays JSON, and it is said what is wrong.
func TestWeightsThatAreNoNumbers(t *testing.T) {
	data, dir := shapes(t), t.TempDir()
	good := filepath.Join(dir, "good")
	must(t, "train", data, "--net", "120-7-4", "--epochs", "1", "--out", good)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, tc := range map[string]struct {
		change func(engine.Params)
		fault  string
	}{
		"one weight": {
			func(p engine.Params) { p.Weight(1).Data[60*7+3] = nan },
			"layer 1: 1 of 840 weights is not a number",
		},
		"one output weight": {
			func(p engine.Params) { p.Weight(2).Data[5] = nan },
			"layer 2: 1 of 28 weights is not a number",
		},
		"infinite bias": {func(p engine.Params) { p.Bias(2).Data[2] = -inf }, "layer 2: 1 of 4 biases is infinite"},
		"infinite weights": {func(p engine.Params) {
			p.Weight(1).Data[60*7+3], p.Weight(1).Data[61*7+3] = inf, -inf
		}, "layer 1: 2 of 840 weights are infinite"},
		"all": {func(p engine.Params) {
			for _, x := range p {
				for i := range x.Data {
					x.Data[i] = nan
				}
			}
		}, "layer 2: 4 of 4 biases are not a number"},
		"so large that z overflows": {func(p engine.Params) {
			for _, x := range p {
				for i := range x.Data {
					x.Data[i] *= 1e38
				}
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := opened(t, good)
			params := v.Net.Params.Clone()
			tc.change(params)
			var b bytes.Buffer
			if err := exchange.WriteNPZ(&b, v.Spec(), params); err != nil {
				t.Fatal(err)
			}
			file, run := filepath.Join(t.TempDir(), "net.npz"), filepath.Join(t.TempDir(), "run")
			if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			var doc map[string]any
			for _, args := range [][]string{
				{"import", file, "--data", data, "--out", run, "--json"},
				{"doctor", run, "--json"},
				{"why", run, "--image", "test:0", "--json"},
			} {
				out := must(t, args...)
				if err := json.Unmarshal([]byte(out), &doc); err != nil {
					t.Errorf("%s --json: %v", args[0], err)
				}
				if args[0] != "import" && !strings.Contains(strings.ToLower(out), tc.fault) {
					t.Errorf("%s --json does not say %q", args[0], tc.fault)
				}
			}
			for _, args := range [][]string{
				{"sheet", run},
				{"sheet", run, "--order", "similarity", "--scale", "percentile"},
				{"sheet", run, "--order", "importance", "--scale", "neuron"},
				{"why", run, "--image", "test:0"},
				{"class", run, "2"},
				{"classes", run},
				{"neuron", run, "3"},
				{"templates", run, "--image", "test:0"},
				{"top", run},
				{"ablate", run},
				{"attribute", run, "--image", "test:0"},
				{"dream", run},
				{"errors", run},
				{"compare", run, good},
				{"compare", good, run, "--by", "activations"},
				{"doctor", run},
				{"report", run},
			} {
				out, talk, code := neuroloupe(t, args...)
				if code != exitDone || !strings.Contains(strings.ToLower(out+talk), tc.fault) {
					t.Errorf("%v: exit %d, want %q said:\n%s%s", args, code, tc.fault, out, talk)
				}
			}
		})
	}
}
