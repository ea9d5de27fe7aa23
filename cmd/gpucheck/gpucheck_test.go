package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// writeStrokes writes a data set of 28×28 images in ten classes, each a bar of its own, and returns its folder.
func writeStrokes(t *testing.T) string {
	t.Helper()
	const n, side = 240, 28
	r := rand.New(rand.NewPCG(3, 4))
	folder := t.TempDir()
	for _, name := range []string{"train", "t10k"} {
		images, labels := make([]byte, n*side*side), make([]byte, n)
		for i := range labels {
			k := r.IntN(10)
			labels[i] = byte(k)
			for y := 4; y < 24; y++ {
				for x := range 3 {
					images[i*side*side+y*side+2+2*k+x] = byte(128 + r.IntN(128))
				}
			}
		}
		write := func(suffix string, data []byte, head ...uint32) {
			var b bytes.Buffer
			for _, v := range head {
				_ = binary.Write(&b, binary.BigEndian, v)
			}
			b.Write(data)
			if err := os.WriteFile(filepath.Join(folder, name+suffix), b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("-images-idx3-ubyte", images, 0x803, n, side, side)
		write("-labels-idx1-ubyte", labels, 0x801, n)
	}
	return folder
}

// docs/gpu.md is what the results in docs/gpu make.
func TestPageIsCurrent(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	want, err := page(filepath.Join(docs, "gpu"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(docs, "gpu.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/gpu.md is not what docs/gpu makes: run make gpu-docs")
	}
}

// example is a report with something of everything; its numbers are of no card.
func example() *Report {
	return &Report{
		Format: formatVersion, Made: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), Version: "v0", PTX: "abc",
		CPU: "a CPU", Cores: 3,
		Steps: []Step{{Name: "device", Result: passed}, {Name: "tests", Result: failed, Reason: "a | b"}},
		Findings: Findings{
			Device: &engine.Device{
				ID: "cuda:0", Name: "A card", Memory: 8 << 30, Capability: "9.0",
				Driver: "CUDA 13.0",
			},
			Compilation: []Compilation{{false, 2}, {true, 0.5}},
			Parity: []Difference{{
				Net: "784-100-10", Mode: "graph", Steps: 6000, Batch: 10, Largest: 2e-5,
				OK: true,
			}},
			Tests: []Tests{{Name: "TestX/graph", Passed: 3, Failed: 1, Failures: []string{"TestX/graph/y"}}},
			Peaks: []Peak{{"fp32", 5000, "z"}},
			Speed: []Speed{
				{
					Net: "784-100-10", Batch: 10, Precision: "fp32", Program: "neuroloupe", How: "persistent",
					SecondsPerEpoch: 0.5, MicrosPerStep: 83.33,
				},
				{
					Net: "784-100-10", Batch: 10, Precision: "fp32", Program: "neuroloupe", How: onCPU,
					SecondsPerEpoch: 0.25,
				},
				{
					Net: "784-100-10", Batch: 10, Precision: "fp32", Program: "PyTorch", How: "eager", Version: "9.9",
					SecondsPerEpoch: 2, PeakShare: 0.125,
				},
				{
					Net: "784-100-10", Batch: 64, Precision: "fp32", Program: "PyTorch", How: "compile",
					LeftOut: "no time was left",
				},
			},
			Fleets: []Fleet{
				{
					Net: "784-100-10", Batch: 10, Program: "neuroloupe", How: "fleet", Networks: 256, Slots: 66,
					Steps: 6000, Rounds: 3, Seconds: 2, MicrosPerStep: 1.3, PerHour: 15360,
				},
				{
					Net: "784-100-10", Batch: 64, Program: "PyTorch", How: "vmap", Version: "9.9", Networks: 8,
					LeftOut: "no time was left",
				},
			},
			Accuracy:  []Accuracy{{Net: "784-100-10", Batch: 10, Mode: "persistent", Target: 0.97, Best: 0.96}},
			Sanitizer: []Sanitizer{{"memcheck", true, "ERROR SUMMARY: 0 errors"}},
		},
	}
}

func TestPage(t *testing.T) {
	folder := t.TempDir()
	none, err := page(folder)
	if err != nil || !strings.Contains(none, "No card has been measured yet") ||
		!strings.Contains(none, "make gpu-check") {
		t.Errorf("without results: %v\n%s", err, none)
	}
	if err := example().write(folder, "a log\n"); err != nil {
		t.Fatal(err)
	}
	r, err := readReport(filepath.Join(folder, reportName))
	if err != nil || !reflect.DeepEqual(r, example()) {
		t.Fatalf("written and read again: %v\n%+v", err, r)
	}
	got, err := page(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"## A card",
		"| device | passed |  |",
		"| tests | failed | a / b |",
		"| 784-100-10 | 10 | fp32 | neuroloupe, persistent | 83.33 | 0 | 0 | 0.5 (0–0) | 1.00 | – | 0.00 % |",
		"| 784-100-10 | 10 | fp32 | PyTorch 9.9, eager | 0 | 0 | 0 | 2 (0–0) | 4.00 | 12 % | 0.00 % |",
		"| 784-100-10 | 64 | fp32 | PyTorch, compile | no time was left |  |  |  |  |  |  |",
		"| 784-100-10 | 10 | neuroloupe, fleet | 256 | 66 | 1.3 | 15360 |",
		"| 784-100-10 | 64 | PyTorch 9.9, vmap | 8 | no time was left |  |  |",
		"| 784-100-10 | 10 | persistent | not 97 %; best 96.00 % | 0 | 0 |",
		"| memcheck | ERROR SUMMARY: 0 errors |",
	} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
	if strings.Contains(got, "No card") {
		t.Error("with results, the page says that there are none")
	}
	columns := map[int]bool{}
	for part := range strings.SplitSeq(got, "\n\n") {
		clear(columns)
		for line := range strings.Lines(part) {
			if strings.HasPrefix(line, "|") {
				columns[strings.Count(line, "|")] = true
			}
		}
		if len(columns) > 1 {
			t.Errorf("rows of %v columns in\n%s", columns, part)
		}
	}
	for name, spoil := range map[string]func(r *Report){
		"simulator": func(r *Report) { r.Device.Name = simulatorName },
		"format":    func(r *Report) { r.Format++ },
		"no device": func(r *Report) { r.Device = nil },
	} {
		r := example()
		spoil(r)
		if err := r.write(folder, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := page(folder); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The JSON's names are promised; see Report.
func TestNames(t *testing.T) {
	data, err := json.Marshal(example())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"format", "made", "version", "ptx_sha256", "cpu", "cores", "simulator", "steps", "device", "compilation",
		"parity", "tests", "peaks",
		"speed", "accuracy", "sanitizer", "us_per_step", "seconds_per_epoch", "peak_share", "left_out",
		"largest_difference", "training_seconds", "fleets", "networks", "slots", "networks_per_hour",
	} {
		if !bytes.Contains(data, []byte(`"`+name+`":`)) {
			t.Errorf("no %q in %s", name, data)
		}
	}
}

func TestReadTests(t *testing.T) {
	out := `=== RUN   TestConformance
=== RUN   TestConformance/graph/train/a
--- FAIL: TestConformance (0.03s)
    --- FAIL: TestConformance/graph (0.03s)
        --- FAIL: TestConformance/graph/train (0.03s)
            --- PASS: TestConformance/graph/train/a (0.01s)
            --- FAIL: TestConformance/graph/train/b (0.01s)
        --- SKIP: TestConformance/graph/infer (0.01s)
    --- PASS: TestConformance/auto (0.03s)
        --- PASS: TestConformance/auto/train (0.03s)
--- PASS: TestParity (0.00s)
--- FAIL: TestClose (0.00s)
    --- PASS: TestClose/x (0.00s)
FAIL
`
	for _, want := range []Tests{
		{
			Name: "TestConformance/graph", Passed: 1, Failed: 1, Skipped: 1,
			Failures: []string{"TestConformance/graph/train/b"},
		},
		{Name: "TestConformance/auto", Passed: 1},
		{Name: "TestConformance/none"},
		{Name: "TestParity", Passed: 1},
		{Name: "TestClose", Passed: 1, Failed: 1, Failures: []string{"TestClose"}},
	} {
		if got := readTests(want.Name, []byte(out)); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if got := lastRun([]byte(out)); got != "TestConformance/graph/train/a" {
		t.Errorf("last run %q", got)
	}
}

// A step that hangs is ended in time, with all that it has started, and what it has found stays.
func TestHang(t *testing.T) {
	folder := t.TempDir()
	program, pid := filepath.Join(folder, "hang"), filepath.Join(folder, "pid")
	script := "#!/bin/sh\necho '{\"nvidia_smi\":\"found\"}'\nsleep 100 &\necho $! >" + pid + "\necho said >&2\nwait\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var found string
	began := time.Now()
	result, reason, said := process(t.Context(), program, "step", options{until: began.Add(time.Second)}, os.Environ(),
		func(f Findings) error {
			found = f.SMI
			return nil
		})
	if result != failed || reason != "its time was over" || said != "said\n" || found != "found" ||
		time.Since(began) > 10*time.Second {
		t.Errorf("%s, %q, %q, found %q after %v", result, reason, said, found, time.Since(began))
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := exec.Command("ps", "-o", "stat=", "-p", strings.TrimSpace(string(text))).Output(); err == nil &&
		!bytes.HasPrefix(state, []byte("Z")) {
		t.Errorf("what the step started goes on: %s", state)
	}
}

// The tests to run on a card are there.
func TestCardTests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "cuda", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	for _, name := range cardTests(cuda.Auto) {
		test, _, _ := strings.Cut(name, "/")
		if !bytes.Contains(all, []byte("\nfunc "+test+"(t *testing.T)")) {
			t.Errorf("package cuda has no test %s", test)
		}
	}
}

func TestSummary(t *testing.T) {
	out := "gpucheck: x\n========= COMPUTE-SANITIZER\n========= Invalid write\n========= ERROR SUMMARY: 1 error\n"
	if got := summary([]byte(out)); got != "Invalid write; ERROR SUMMARY: 1 error" {
		t.Error(got)
	}
}

// By hand: 180 of 200 examples in 3 steps of 60; the median of 0.1, 0.2 and 0.6 s is 0.2 s.
func TestFinish(t *testing.T) {
	d, err := mnist.Load(t.Context(), writeStrokes(t), mnist.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Train = d.Train.Slice(0, 200)
	w := work{hidden: []int{5}, activation: engine.Sigmoid, batch: 60}
	c := contender{row: Speed{Precision: "fp32"}, seconds: []float64{0.6, 0.1, 0.2}}
	s := c.finish(w, d, []Peak{{"fp32", 0.5, ""}, {"bf16", 9, ""}, {"fp32", 0.25, ""}})
	gflops := 900 * bench.FLOPs(w.spec(d)) / 1e9
	for name, v := range map[string][2]float64{
		"median": {s.SecondsPerEpoch, 0.2}, "fastest": {s.Fastest, 0.1}, "slowest": {s.Slowest, 0.6},
		"examples":    {float64(s.Examples), 180},
		"µs per step": {s.MicrosPerStep, 0.2e6 / 3}, "samples": {s.SamplesPerSecond, 900},
		"epochs":  {s.EpochsPerSecond, 5},
		"GFLOP/s": {s.GFLOPS, gflops}, "share": {s.PeakShare, gflops / 0.5},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9*v[1] {
			t.Errorf("%s: %v, want %v", name, v[0], v[1])
		}
	}
}

// PyTorch's cuBLAS is found where Python's packages are, and what a person names goes before.
func TestFindBLAS(t *testing.T) {
	folder := t.TempDir()
	lib := filepath.Join(folder, "site", "nvidia", "cu13", "lib")
	if err := os.MkdirAll(lib, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"libcublas.so.12", "libcublas.so.13", "libcublasLt.so.13"} {
		if err := os.WriteFile(filepath.Join(lib, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	python := filepath.Join(folder, "python")
	script := "#!/bin/sh\necho " + filepath.Join(folder, "none") + "\necho " + filepath.Join(folder, "site") + "\n"
	if err := os.WriteFile(python, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, want := findBLAS(t.Context(), python), filepath.Join(lib, "libcublas.so.13"); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	t.Setenv(blasEnv, "mine")
	if got := findBLAS(t.Context(), python); got != "mine" {
		t.Errorf("found %q, want mine", got)
	}
}
