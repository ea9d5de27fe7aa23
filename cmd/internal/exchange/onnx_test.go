package exchange

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// fields splits a message by field number; varints come as their bytes.
func fields(t *testing.T, b []byte) map[protowire.Number][][]byte {
	t.Helper()
	m := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, kind, b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		v := b[:n]
		if kind == protowire.BytesType {
			v, _ = protowire.ConsumeBytes(v)
		}
		m[num] = append(m[num], v)
		b = b[n:]
	}
	return m
}

func varint(b []byte) int {
	v, _ := protowire.ConsumeVarint(b)
	return int(v)
}

// runONNX computes the model's output for one row in float64, knowing nothing but the file. Field numbers are those of
// onnx.proto, operators those of https://onnx.ai/onnx/operators.
func runONNX(t *testing.T, model []byte, x []float64) []float64 {
	t.Helper()
	type array struct {
		dims []int
		data []float64
	}
	values := map[string]array{}
	graph := fields(t, fields(t, model)[7][0])
	for _, b := range graph[5] {
		f := fields(t, b)
		var a array
		for _, d := range f[1] {
			a.dims = append(a.dims, varint(d))
		}
		if varint(f[2][0]) != 1 {
			t.Fatalf("initializer %s is not float", f[8][0])
		}
		for raw := f[9][0]; len(raw) > 0; raw = raw[4:] {
			a.data = append(a.data, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
		}
		values[string(f[8][0])] = a
	}
	values[string(fields(t, graph[11][0])[1][0])] = array{[]int{1, len(x)}, x}
	for _, b := range graph[1] {
		f := fields(t, b)
		in := values[string(f[1][0])].data
		var out []float64
		switch op := string(f[4][0]); op {
		case "Gemm":
			w, bias := values[string(f[1][1])], values[string(f[1][2])].data
			for j := range w.dims[1] {
				z := bias[j]
				for i := range w.dims[0] {
					z += in[i] * w.data[i*w.dims[1]+j]
				}
				out = append(out, z)
			}
		case "Softmax":
			var sum float64
			for _, z := range in {
				sum += math.Exp(z)
			}
			for _, z := range in {
				out = append(out, math.Exp(z)/sum)
			}
		default:
			f := map[string]func(float64) float64{
				"Identity": func(z float64) float64 { return z }, "Tanh": math.Tanh,
				"Sigmoid": func(z float64) float64 { return 1 / (1 + math.Exp(-z)) },
				"Relu":    func(z float64) float64 { return math.Max(0, z) },
			}[op]
			if f == nil {
				t.Fatalf("operator %q", op)
			}
			for _, z := range in {
				out = append(out, f(z))
			}
		}
		values[string(f[2][0])] = array{[]int{1, len(out)}, out}
	}
	return values[string(fields(t, graph[12][0])[1][0])].data
}

// The model says what numpy computed for the same network.
func TestONNXComputes(t *testing.T) {
	var b bytes.Buffer
	if err := WriteONNX(&b, smallSpec(), smallNet(t), Labels{Rows: 2, Cols: 3, Classes: []string{"a", "b", "c"}},
		"v1"); err != nil {
		t.Fatal(err)
	}
	got, want := runONNX(t, b.Bytes(), []float64{0, .2, .4, .6, .8, 1}), smallNumbers(t).Outputs
	for k := range want {
		if math.Abs(got[k]-want[k]) > 1e-6 {
			t.Errorf("output %d is %v, want %v", k, got[k], want[k])
		}
	}
	model := fields(t, b.Bytes())
	meta := map[string]string{}
	for _, e := range model[14] {
		f := fields(t, e)
		meta[string(f[1][0])] = string(f[2][0])
	}
	if meta["classes"] != "a\nb\nc" || meta["image"] != "2x3" || meta["net"] != "6-4-3" {
		t.Errorf("metadata %q", meta)
	}
	if opset := fields(t, model[8][0]); varint(opset[2][0]) != 13 || string(model[2][0]) != "neuroloupe" {
		t.Errorf("opset %v", opset)
	}
}

// onnxCase is what testdata/onnxruntime.mjs reads.
type onnxCase struct {
	Model   string      `json:"model"`
	Inputs  [][]float32 `json:"inputs"`
	Outputs [][]float32 `json:"outputs"`
}

// TestONNXRuntime runs models in onnxruntime and compares with the CPU backend. NEUROLOUPE_ONNXRUNTIME is a folder with
// onnxruntime-node in its node_modules; see testdata/onnxruntime.mjs and make check-onnx.
func TestONNXRuntime(t *testing.T) {
	runtime := os.Getenv("NEUROLOUPE_ONNXRUNTIME")
	if runtime == "" {
		t.Skip("onnxruntime is not named: make check-onnx")
	}
	dir, args := t.TempDir(), []string{"testdata/onnxruntime.mjs", runtime}
	r := rand.New(rand.NewPCG(1, 2))
	add := func(name string, s engine.Spec, ps engine.Params, images []byte) {
		var b bytes.Buffer
		if err := WriteONNX(&b, s, ps, Labels{Rows: 1, Cols: s.Inputs, Classes: make([]string, s.Classes())},
			"test"); err != nil {
			t.Fatal(err)
		}
		c := onnxCase{Model: name + ".onnx", Inputs: nested(images, s.Inputs), Outputs: infer(t, s, ps, images)}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name+".json")
		for p, content := range map[string][]byte{path: text, filepath.Join(dir, c.Model): b.Bytes()} {
			if err := os.WriteFile(p, content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		args = append(args, path)
	}
	for _, sizes := range [][]int{{784, 100, 10}, {1, 1, 2}, {30, 26}, {12, 9, 8, 7, 6, 5}} {
		for _, hidden := range []engine.Activation{engine.Sigmoid, engine.Tanh, engine.ReLU, engine.Identity} {
			for _, output := range []engine.Activation{engine.Sigmoid, engine.Softmax, engine.Identity} {
				s := engine.Spec{Inputs: sizes[0], Init: engine.InitXavier, Seed: r.Uint64()}
				for i, units := range sizes[1:] {
					act := hidden
					if i == len(sizes)-2 {
						act = output
					}
					s.Layers = append(s.Layers, engine.Layer{Units: units, Activation: act})
				}
				images := make([]byte, 7*s.Inputs)
				for i := range images {
					images[i] = byte(r.Uint32())
				}
				add(fmt.Sprintf("%v-%v-%v", s, hidden, output), s, s.NewParams(), images)
			}
		}
	}
	digits, err := Read("testdata/digits.npz", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := mnist.Load(t.Context(), "mnist", mnist.Options{Offline: true}); err != nil {
		t.Logf("not on real digits: %v", err)
	} else {
		add("digits", engine.Spec{Inputs: 784, Layers: []engine.Layer{
			{Units: 30, Activation: engine.Sigmoid},
			{Units: 10, Activation: engine.Sigmoid},
		}},
			digits.Params, d.Test.Images[:200*784])
	}
	out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// nested returns pixel/255, a row per image.
func nested(images []byte, pixels int) [][]float32 {
	var rows [][]float32
	for i := 0; i < len(images); i += pixels {
		row := make([]float32, pixels)
		for p := range row {
			row[p] = float32(images[i+p]) / 255
		}
		rows = append(rows, row)
	}
	return rows
}

// infer returns the output activations of the CPU backend, a row per image.
func infer(t *testing.T, s engine.Spec, ps engine.Params, images []byte) [][]float32 {
	t.Helper()
	b, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := graph.Compile(s, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	n := len(images) / s.Inputs
	ref, err := x.Bind(engine.Data{Images: images, Labels: make([]uint8, n)})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, n*s.Classes())
	if err := x.Write(ps...); err != nil {
		t.Fatal(err)
	}
	if err := x.Infer(engine.Query{Data: ref, Hi: n, Layer: len(s.Layers) - 1, Dst: out}); err != nil {
		t.Fatal(err)
	}
	var rows [][]float32
	for i := range n {
		rows = append(rows, out[i*s.Classes():][:s.Classes()])
	}
	return rows
}
