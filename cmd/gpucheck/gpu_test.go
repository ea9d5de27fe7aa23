//go:build gpu && linux && cgo && amd64

package main

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
)

var update = flag.Bool("update", false, "write reference.json again")

// TestMain is gpucheck itself where a test has started it as such.
func TestMain(m *testing.M) {
	if os.Getenv("GPUCHECK_TEST_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// What reference.json holds is what the simulator gives.
func TestReferenceGPU(t *testing.T) {
	sim.Start(t)
	var want, got []recorded
	if err := json.Unmarshal(referenceJSON, &want); err != nil {
		t.Fatal(err)
	}
	for _, c := range references() {
		for _, m := range modes() {
			b, err := cuda.Driver{Options: cuda.Options{Mode: m}}.Open("cuda")
			if err != nil {
				t.Fatal(err)
			}
			params, err := c.run(b)
			if err != nil {
				t.Fatalf("%s, %v: %v", c.name, m, err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			r := recorded{Case: c.name, Mode: m, Params: map[string][]float32{}}
			for _, p := range params {
				r.Params[p.Name] = p.Data
			}
			got = append(got, r)
			if d, in := largest(c.spec.NewParams(), params); !(d > 0.01) {
				t.Errorf("%s, %v: training changed no weight by more than %.2g (%s)", c.name, m, d, in)
			}
			if *update {
				continue
			}
			recorded, err := expected(want, c, m)
			if err != nil {
				t.Fatal(err)
			}
			if d, in := largest(recorded, params); !(d <= referenceBound/4) {
				t.Errorf("%s, %v: the simulator differs from reference.json by %.2g in %s", c.name, m, d, in)
			}
		}
	}
	if *update {
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		data = []byte(strings.ReplaceAll(string(data), `},{"case"`, "},\n{\"case\"") + "\n")
		if err := os.WriteFile("reference.json", data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// The whole check runs on the simulator, and says that it is no card.
func TestCheckGPU(t *testing.T) {
	t.Setenv("NEUROLOUPE_LIBCUDA", sim.Build(t))
	t.Setenv("GPUCHECK_TEST_PROGRAM", "1")
	folder, bin := t.TempDir(), t.TempDir()
	fake := "#!/bin/sh\nshift 4\n\"$@\" >/dev/null || exit 9\necho '========= ERROR SUMMARY: 0 errors'\n"
	if err := os.WriteFile(filepath.Join(bin, "compute-sanitizer"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	o := options{device: "cuda", data: writeStrokes(t), python: "no-python", small: true, limit: 10 * time.Minute}
	if err := check(t.Context(), o, folder); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, reportName))
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if !r.Simulator || r.Device == nil || r.Device.ID != "cuda:0" || r.PTX == "" {
		t.Errorf("simulator %v, device %+v, PTX %q", r.Simulator, r.Device, r.PTX)
	}
	if !strings.Contains(r.CUBLAS, "cublas: none that works") {
		t.Errorf("cuBLAS: %q", r.CUBLAS)
	}
	if len(r.Compilation)+len(r.Speed)+len(r.Fleets)+len(r.Accuracy)+len(r.Peaks) > 0 {
		t.Errorf("timings of the simulator: %+v %+v %+v %+v %+v", r.Compilation, r.Speed, r.Fleets, r.Accuracy, r.Peaks)
	}
	if want := len(references()) * len(modes()); len(r.Reference) != want || len(r.Parity) != 4 {
		t.Errorf("%d differences from the simulator, want %d; %d from the CPU, want 4", len(r.Reference), want,
			len(r.Parity))
	}
	for _, d := range slices.Concat(r.Reference, r.Parity) {
		if !d.OK || d.Why != "" || d.Steps == 0 {
			t.Errorf("%+v", d)
		}
	}
	if len(r.Sanitizer) != 4 || !r.Sanitizer[0].OK || r.Sanitizer[0].Summary != "ERROR SUMMARY: 0 errors" {
		t.Errorf("sanitizer %+v", r.Sanitizer)
	}
	results := map[string]string{}
	for _, s := range r.Steps {
		results[s.Name] = s.Result
	}
	for name, want := range map[string]string{
		"device": passed, "compile": passed, "reference graph": passed, "reference persistent": passed,
		"parity graph":      passed,
		"parity persistent": passed, "tests": skipped, "fleets": skipped, "speed": skipped, "accuracy": skipped,
		"sanitizer": passed,
	} {
		if results[name] != want {
			t.Errorf("step %s: %s, want %s", name, results[name], want)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, textName))
	if err != nil || !strings.Contains(string(text), "THIS IS THE DRIVER SIMULATOR") {
		t.Errorf("%v: %s", err, text)
	}
	if _, err := readReport(filepath.Join(folder, reportName)); err == nil ||
		!strings.Contains(err.Error(), "simulator") {
		t.Errorf("the page takes a report of the simulator: %v", err)
	}
}

// Parameters that are no numbers are told as such.
func TestNotFiniteGPU(t *testing.T) {
	sim.Start(t)
	c := references()[0]
	want := c.spec.NewParams()
	want[1].Data[0] = float32(math.NaN())
	d, err := c.compare(options{device: "cuda"}, cuda.Graph, want, referenceBound)
	if err != nil || d.OK || !d.NotFinite || d.In != want[1].Name {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := json.Marshal(Findings{Reference: []Difference{d}}); err != nil {
		t.Error(err)
	}
	if err := errDiffer([]Difference{d}); err == nil || !strings.Contains(err.Error(), "that are no numbers") {
		t.Error(err)
	}
}

// A card that is lost takes no finding away.
func TestCheckFaultGPU(t *testing.T) {
	t.Setenv("NEUROLOUPE_LIBCUDA", sim.Build(t))
	t.Setenv("GPUCHECK_TEST_PROGRAM", "1")
	t.Setenv(sim.SettingsEnv, "lose_after=0")
	folder := t.TempDir()
	o := options{device: "cuda", data: writeStrokes(t), python: "no-python", small: true, limit: 5 * time.Minute}
	if err := check(t.Context(), o, folder); err == nil || !strings.Contains(err.Error(), "steps failed") {
		t.Errorf("a lost card: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(folder, reportName))
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if r.Device == nil || len(r.Steps) != len(plans()) || r.Steps[0].Result != passed || r.Steps[2].Result != failed ||
		r.Steps[2].Reason == "" || r.Steps[3].Result != failed {
		t.Errorf("device %v, steps %+v", r.Device, r.Steps)
	}
}

// What measures a card runs on the simulator, whose figures go nowhere.
func TestSpeedGPU(t *testing.T) {
	sim.Start(t)
	o := options{
		device: "cuda", data: writeStrokes(t), python: "no-python", small: true,
		until: time.Now().Add(time.Hour),
	}
	d, err := load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ws := []work{
		{hidden: []int{5}, activation: engine.Sigmoid, batch: 60, lr: 0.5, onCPU: true},
		{hidden: []int{6, 5}, activation: engine.ReLU, batch: 100, lr: 0.1, precision: cuda.BF16},
	}
	var got Findings
	err = measureAll(t.Context(), o, d, ws, func(f Findings) error {
		got.Peaks, got.Speed = append(got.Peaks, f.Peaks...), append(got.Speed, f.Speed...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Peaks) != 1 || !(got.Peaks[0].GFLOPS > 0) || len(got.Speed) != 3+3+1+3 {
		t.Fatalf("%+v", got)
	}
	for i, s := range got.Speed {
		switch {
		case i < 3: // persistent, graph, cpu
			if s.LeftOut != "" || s.Rounds != rounds || s.Examples != 180 || !(s.SecondsPerEpoch > 0) ||
				s.Fastest > s.SecondsPerEpoch || s.Slowest < s.SecondsPerEpoch {
				t.Errorf("%+v", s)
			}
		case s.Program == "PyTorch":
			if s.LeftOut == "" {
				t.Errorf("without Python: %+v", s)
			}
		default: // the simulator has no cuBLAS
			if !strings.Contains(s.LeftOut, "cuBLAS") {
				t.Errorf("%+v", s)
			}
		}
	}
	b, err := openDevice(o, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	w := ws[0]
	w.batch, w.reaches = 4, 3
	a, err := w.toAccuracy(t.Context(), b, d)
	if err != nil || a.Mode != "persistent" || a.Epochs == 0 || !(a.Best > 0.3) {
		t.Errorf("%+v %v", a, err)
	}
}

// Fleets are measured on the simulator too, with more networks than run side by side, and the figures go nowhere.
func TestFleetsGPU(t *testing.T) {
	sim.Start(t)
	o := options{
		device: "cuda", data: writeStrokes(t), python: "no-python", small: true,
		until: time.Now().Add(time.Hour),
	}
	d, err := load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ws := []work{{hidden: []int{5}, activation: engine.Sigmoid, batch: 60, lr: 0.5}}
	var got []Fleet
	err = measureFleets(t.Context(), o, d, ws, []int{1, 10}, func(f Findings) error {
		got = append(got, f.Fleets...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1+2+2*2 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []struct {
		how             string
		networks, slots int
	}{
		{"one after another", 1, 0},
		{"fleet", 1, 1},
		{"fleet", 10, 8}, // eight multiprocessors, none of which has room for two blocks
	} {
		f := got[i]
		if f.How != want.how || f.Networks != want.networks || f.Slots != want.slots || f.LeftOut != "" ||
			f.Steps != 3 || f.Rounds != fleetRounds || !(f.PerHour > 0) {
			t.Errorf("%+v, want %+v", f, want)
		}
	}
	for _, f := range got[3:] {
		if f.Program != "PyTorch" || f.LeftOut == "" {
			t.Errorf("without Python: %+v", f)
		}
	}
}
