package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/adopt"
	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/engine"
)

// stranger writes a network that was trained here as one that was made for other images, or has its outputs in another
// order.
func stranger(t *testing.T, npz, name string, change func(ps engine.Params)) string {
	t.Helper()
	n, err := exchange.Read(npz, exchange.Options{})
	if err != nil {
		t.Fatal(err)
	}
	change(n.Params)
	f, err := os.Create(filepath.Join(t.TempDir(), name+".npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := exchange.WriteNPZ(f, engine.Spec{Layers: make([]engine.Layer, len(n.Params)/2)}, n.Params); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func importJSON(t *testing.T, args ...string) adopt.Result {
	t.Helper()
	var r adopt.Result
	out := filepath.Join(t.TempDir(), "run")
	if err := json.Unmarshal([]byte(must(t, append(append([]string{"import"}, args...), "--out", out, "--json")...)),
		&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Networks for other images are read rightly by themselves where no flag says otherwise, and what is told beside really
// gives what is said of it.
func TestImportTries(t *testing.T) {
	dir := t.TempDir()
	data, npz := filepath.Join(dir, "data"), filepath.Join(dir, "net.npz")
	if err := strokes.Write(data, 3000); err != nil {
		t.Fatal(err)
	}
	must(t, "train", data, "--preset", "fast", "--net", "120-6-4", "--lr", "0.004", "--batch", "20", "--split", "200/0",
		"--epochs", "8",
		"--out", filepath.Join(dir, "here"))
	must(t, "export", filepath.Join(dir, "here"), "--npz", npz)
	right := importJSON(t, npz, "--hidden", "relu", "--data", data)
	t.Logf("accuracy %v", *right.TestAccuracy) // neither so high that all readings are right, nor so low that none is
	if *right.TestAccuracy < 0.85 || *right.TestAccuracy > 0.99 || len(right.Notes) > 0 || len(right.Warnings) > 0 {
		t.Fatalf("%+v", right)
	}
	eachIn := func(ps engine.Params, f func(i, j int, w float32) float32) {
		w := ps.Weight(1)
		for k, v := range w.Data {
			w.Data[k] = f(k/w.Shape[1], k%w.Shape[1], v)
		}
	}
	move := func(ps engine.Params, to func(p int) int) {
		w := ps.Weight(1)
		old := append([]float32(nil), w.Data...)
		for p := range w.Shape[0] {
			copy(w.Data[to(p)*w.Shape[1]:][:w.Shape[1]], old[p*w.Shape[1]:])
		}
	}
	addSum := func(ps engine.Params, factor float32) {
		eachIn(ps, func(_, j int, w float32) float32 { ps.Bias(1).Data[j] += factor * w; return w })
	}
	for _, tt := range []struct {
		name   string
		change func(ps engine.Params)
		given  []string
		flags  string // that the network is read with
		advice string // what is advised beside
	}{
		{"the activation", func(engine.Params) {}, nil, "--hidden relu", ""},
		{
			"the activation, said wrongly", func(engine.Params) {},
			[]string{"--hidden", "sigmoid"},
			"--hidden sigmoid",
			"--hidden relu",
		},
		{"half", func(ps engine.Params) {
			addSum(ps, 0.5)
			eachIn(ps, func(_, _ int, w float32) float32 { return w / 2 })
		}, nil, "--hidden relu --normalize 0.5,0.5", ""},
		{"half, said otherwise", func(ps engine.Params) {
			addSum(ps, 0.5)
			eachIn(ps, func(_, _ int, w float32) float32 { return w / 2 })
		}, []string{"--normalize", "0,1"}, "--normalize 0,1", "--hidden relu --normalize 0.5,0.5"},
		{"raw", func(ps engine.Params) {
			eachIn(ps, func(_, _ int, w float32) float32 { return w / 255 })
		}, []string{"--hidden", "relu"}, "--hidden relu --normalize 0,0.00392157", ""},
		{
			"transposed", func(ps engine.Params) {
				move(ps, func(p int) int { return p%strokes.Cols*strokes.Rows + p/strokes.Cols })
			},
			[]string{"--hidden", "relu"},
			"--hidden relu --transpose", "",
		},
		{
			"mirrored", func(ps engine.Params) {
				move(ps, func(p int) int { return p/strokes.Cols*strokes.Cols + strokes.Cols - 1 - p%strokes.Cols })
			},
			[]string{"--hidden", "relu"},
			"--hidden relu --flip cols", "",
		},
		{"inverted", func(ps engine.Params) {
			addSum(ps, 1)
			eachIn(ps, func(_, _ int, w float32) float32 { return -w })
		}, []string{"--hidden", "relu"}, "--hidden relu --invert", ""},
		{"the order of the classes", func(ps engine.Params) {
			w, b := ps.Weight(2), ps.Bias(2)
			for row := range w.Shape[0] {
				r := w.Data[4*row:][:4]
				r[0], r[1], r[2], r[3] = r[1], r[2], r[3], r[0]
			}
			b.Data[0], b.Data[1], b.Data[2], b.Data[3] = b.Data[1], b.Data[2], b.Data[3], b.Data[0]
		}, []string{"--hidden", "relu"}, "--hidden relu", "--hidden relu --classes 1,2,3,0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := stranger(t, npz, "net", tt.change)
			r := importJSON(t, append([]string{file, "--data", data}, tt.given...)...)
			without := func(flags string) string {
				return strings.Join(strings.Fields(strings.ReplaceAll(flags, "--data "+data, "")), " ")
			}
			if without(r.Flags) != tt.flags {
				t.Errorf("read with %q, want %q; %+v", r.Flags, tt.flags, r)
			}
			if tt.advice == "" && math.Abs(*r.TestAccuracy-*right.TestAccuracy) > 0.006 {
				t.Errorf("accuracy %v, want %v", *r.TestAccuracy, *right.TestAccuracy)
			}
			if (tt.advice != "") != (len(r.Warnings) > 0) || len(r.Warnings) > 1 {
				t.Fatalf("warnings %q, want advice %q", r.Warnings, tt.advice)
			}
			if tt.advice != "" {
				text, command, _ := strings.Cut(r.Warnings[0], ": neuroloupe import "+file+" ")
				if without(command) != tt.advice {
					t.Errorf("%q does not advise %q", r.Warnings[0], tt.advice)
				}
				advised := importJSON(t, append([]string{file}, strings.Fields(command)...)...)
				if want := fmt.Sprintf("it would be %.2f %%", 100**advised.TestAccuracy); !strings.HasSuffix(text,
					want) {
					t.Errorf("%q, but the command gives %v", text, *advised.TestAccuracy)
				}
			}
			if len(r.Tried) < 4 {
				t.Errorf("tried %+v", r.Tried)
			}
			for _, tried := range r.Tried {
				if !strings.HasPrefix(tt.name, "half") && tried.Flags != "--no-try "+r.Flags {
					continue // each is an import more
				}
				if again := importJSON(t, append([]string{file},
					strings.Fields(tried.Flags)...)...); *again.TestAccuracy != tried.Accuracy {
					t.Errorf("%q: %v, and by its flags %v", tried.Flags, tried.Accuracy, *again.TestAccuracy)
				}
			}
		})
	}
}

// A network that no reading makes good gets no advice, but is told what was tried.
func TestImportAdvisesNothing(t *testing.T) {
	data := shapes(t)
	npz := filepath.Join(t.TempDir(), "net.npz")
	out := filepath.Join(t.TempDir(), "untrained")
	must(t, "train", data, "--net", "120-16-4", "--lr", "0", "--epochs", "1", "--out", out)
	must(t, "export", out, "--npz", npz)
	r := importJSON(t, npz, "--data", data)
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "Nothing that was tried is right (") ||
		strings.Contains(r.Warnings[0], "neuroloupe import") {
		t.Errorf("%q", r.Warnings)
	}
	if len(r.Notes) > 0 || r.Flags != "--data "+data || r.Hidden != "sigmoid" {
		t.Errorf("%+v", r)
	}
}
