package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/render"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"neuroloupe": main})
}

// TestScripts runs testdata/script: what people type, what they see, and the errors they can cause.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"shapes":  scriptShapes,
			"corrupt": scriptCorrupt,
			"json":    scriptJSON,
			"image":   scriptImage,
			"frames":  scriptFrames,
			"numbers": scriptNumbers,
			"older":   scriptOlder,
		},
		Setup: func(e *testscript.Env) error {
			nets, err := filepath.Abs(filepath.Join("..", "internal", "exchange", "testdata"))
			e.Setenv("NETS", nets) // networks made elsewhere
			return err
		},
		RequireUniqueNames: true,
	})
}

// scriptShapes: shapes DIR [IMAGES [FAULT]] writes a data set of four kinds of strokes, 12×10 pixels; see
// strokes.Write. With a fault its pixels or labels are not what they should be; see spoil.
func scriptShapes(ts *testscript.TestScript, neg bool, args []string) {
	n := 300
	if len(args) >= 2 {
		var err error
		n, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	ts.Check(strokes.Write(ts.MkAbs(args[0]), n))
	if len(args) == 3 {
		ts.Check(spoil(ts.MkAbs(args[0]), args[2]))
	}
}

// scriptCorrupt: corrupt FILE changes a byte in the middle; corrupt FILE short cuts it to half.
func scriptCorrupt(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	if len(args) == 2 && args[1] == "short" {
		data = data[:len(data)/2]
	} else {
		data[len(data)/2] ^= 0x40
	}
	ts.Check(os.WriteFile(path, data, 0o666))
}

// scriptJSON: json KEY… checks that the last output is one JSON document with exactly these keys at its top.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	var doc map[string]json.RawMessage
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	ts.Check(d.Decode(&doc))
	if d.More() {
		ts.Fatalf("more than one JSON document")
	}
	for _, k := range args {
		if _, ok := doc[k]; !ok {
			ts.Fatalf("no key %q in %s", k, ts.ReadFile("stdout"))
		}
		delete(doc, k)
	}
	if len(doc) > 0 {
		ts.Fatalf("unexpected keys in %v", doc)
	}
}

// scriptImage: image FILE [KEY=VALUE…] checks that it is a PNG with something drawn on it and these text chunks.
func scriptImage(ts *testscript.TestScript, neg bool, args []string) {
	data := ts.ReadFile(args[0])
	img, err := png.Decode(strings.NewReader(data))
	ts.Check(err)
	text, err := render.ReadPNGText(strings.NewReader(data))
	ts.Check(err)
	for _, arg := range args[1:] {
		if k, v, _ := strings.Cut(arg, "="); text[k] != v {
			ts.Fatalf("%s: %s is %q, want %q", args[0], k, text[k], v)
		}
	}
	colors := map[any]bool{}
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			colors[img.At(x, y)] = true
		}
	}
	if len(colors) < 20 {
		ts.Fatalf("%s has only %d colours", args[0], len(colors))
	}
}

// neuroloupe runs the program in this process.
func neuroloupe(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return out.String(), err.String(), code
}

// must runs the program and fails the test when it fails.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, talk, code := neuroloupe(t, args...)
	if code != exitDone {
		t.Fatalf("neuroloupe %s: exit %d\n%s%s", strings.Join(args, " "), code, out, talk)
	}
	return out
}

func mustRead(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func shapes(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shapes")
	if err := strokes.Write(dir, 300); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The same seed gives the same bytes twice, and with one worker as with two or three: parts are cut between sums, never
// inside one. Another seed gives others.
func TestSameSeedSameBytes(t *testing.T) {
	data := shapes(t)
	for _, net := range [][]string{
		{"--net", "120-16-4"},
		{
			"--net", "120-9-7-4", "--hidden", "relu", "--output", "softmax", "--optimizer", "adam", "--lr", "0.01",
			"--dropout", "0.2", "--l1", "0.1",
		},
	} {
		var first []byte
		for i, more := range [][]string{
			{"--workers", "1"},
			{"--workers", "1"},
			{"--workers", "2"},
			{"--workers", "2"},
			{"--workers", "3"},
			{"--seed", "2"},
		} {
			out := filepath.Join(t.TempDir(), fmt.Sprint(i))
			must(t, append(append([]string{"train", data, "--epochs", "2", "--batch", "7", "--out", out}, net...),
				more...)...)
			got := mustRead(t, out, "weights.safetensors")
			switch {
			case first == nil:
				first = got
			case more[0] == "--seed" && bytes.Equal(first, got):
				t.Errorf("%v: another seed gives the same weights", net)
			case more[0] != "--seed" && !bytes.Equal(first, got):
				t.Errorf("%v: weights differ with %v", net, more)
			}
		}
	}
}

// brokenOutput is a standard output that takes so many writes and fails for good with the error.
type brokenOutput struct {
	takes int
	err   error
}

func (b *brokenOutput) Write(p []byte) (int, error) {
	if b.takes--; b.takes < 0 {
		return 0, b.err
	}
	return len(p), nil
}

// What cannot be printed is an error, help and version too. Nothing is said when nobody reads any more.
func TestBrokenOutput(t *testing.T) {
	for _, args := range [][]string{
		{"--version"},
		{"--help"},
		{"sheet", "--help"},
		{"data", "list"},
		{"explain", "map"},
		{"devices"},
	} {
		for err, want := range map[error]string{
			syscall.ENOSPC: "neuroloupe: no space left on device\n",
			syscall.EPIPE:  "",
		} {
			var stderr bytes.Buffer
			if code := run(args, &brokenOutput{err: err}, &stderr); code != exitFailed || stderr.String() != want {
				t.Errorf("%v: exit %d, %q, want %d, %q", args, code, stderr.String(), exitFailed, want)
			}
		}
	}
}

// A report of several writes is an error whichever of them fails.
func TestBrokenOutputOfBench(t *testing.T) {
	batch := 10
	r := &bench.Report{Rows: []bench.Row{{Device: "cpu", Batch: 10, Samples: []float64{1, 2}}}, CrossoverBatch: &batch}
	for _, format := range []bool{false, true} {
		for takes := 0; ; takes++ {
			b := &brokenOutput{takes: takes, err: syscall.ENOSPC}
			err := (&benchCmd{BenchFormat: format}).print(&app{stdout: b}, r)
			if b.takes >= 0 { // no write failed
				if err != nil || takes < 2 {
					t.Errorf("bench format %t: %v after %d writes", format, err, takes)
				}
				break
			}
			if err == nil {
				t.Errorf("bench format %t: no error of write %d", format, takes+1)
			}
		}
	}
}
