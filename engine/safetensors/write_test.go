package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWriteBytes holds Write to a file put together by hand.
func TestWriteBytes(t *testing.T) {
	tensors := []Tensor{
		{"layer1.weight", []int{1, 2}, []float32{1, -2}},
		{"<é>", nil, []float32{0.5}},
		{"empty", []int{0, 7}, nil},
		{"a", []int{1}, []float32{3}},
	}
	meta := map[string]string{"tool": "neuroloupe", "net": "784-\"1\"\n", "zz": ""}
	// sha256 of 16 bytes, from sha256sum: printf '\0\0\200\077\0\0\0\300\0\0\0\077\0\0\100\100' | sha256sum
	header := `{"__metadata__":{"header_sha256":"0000000000000000000000000000000000000000000000000000000000000000","net":"784-\"1\"\n","sha256":"f8788ce138a2b6e54302c09bd3d5274cb2fc3ceca6425b02c788181d332edc6d",` +
		`"tool":"neuroloupe","zz":""},` +
		`"layer1.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},` +
		`"<é>":{"dtype":"F32","shape":[],"data_offsets":[8,12]},` +
		`"empty":{"dtype":"F32","shape":[0,7],"data_offsets":[12,12]},` +
		`"a":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	// sha256sum of the text so far
	header = strings.Replace(header, strings.Repeat("0", 64),
		"bdc7ddb8422ef6ec24d9033c26a0c871b5b73be2b0bb647b88e416c2819fc1ae", 1)
	want := raw(header, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f, 0, 0, 0x40, 0x40)

	for range 5 { // map order must not show
		var got bytes.Buffer
		if err := Write(&got, tensors, meta); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got.String()); d != "" {
			t.Fatalf("file (-want +got):\n%s", d)
		}
	}
	if len(meta) != 3 {
		t.Errorf("the caller's metadata was changed: %v", meta)
	}
}

// TestWriteAligned: the data start at a multiple of 8, and what fills the header up is spaces.
func TestWriteAligned(t *testing.T) {
	for n := range 9 {
		var file bytes.Buffer
		if err := Write(&file, []Tensor{{strings.Repeat("x", n), []int{1}, []float32{1}}}, nil); err != nil {
			t.Fatal(err)
		}
		head := file.Bytes()[:file.Len()-4]
		if len(head)%8 != 0 {
			t.Errorf("name of %d letters: the data start at byte %d", n, len(head))
		}
		if text := bytes.TrimRight(head[prefix:], " "); text[len(text)-1] != '}' || len(head)-prefix-len(text) > 7 {
			t.Errorf("name of %d letters: header %q", n, head[prefix:])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	special := []float32{
		0, float32(math.Copysign(0, -1)), 1, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(1)),
		float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xffc12345),
	}
	long := make([]float32, 2*chunk/4+3) // more than two chunks
	for i := range long {
		long[i] = float32(i)
	}
	var empty []Tensor // more than a sort that happens to be stable takes
	for i := range 40 {
		empty = append(empty, Tensor{strings.Repeat("x", 40-i), []int{0, i}, []float32{}})
	}
	for _, tc := range []struct {
		name    string
		tensors []Tensor
		meta    map[string]string
	}{
		{"many empty ones", empty, map[string]string{}},
		{"nothing", []Tensor{}, map[string]string{}},
		{"special values", []Tensor{{"x", []int{3, 3}, special}}, map[string]string{}},
		{"scalar", []Tensor{{"x", []int{}, []float32{7}}}, map[string]string{}},
		{"empty ones everywhere", []Tensor{
			{"z", []int{0}, []float32{}},
			{"a", []int{2}, []float32{1, 2}},
			{"y", []int{5, 0}, []float32{}},
			{"c", []int{0}, []float32{}},
			{"b", []int{1}, []float32{3}},
			{"x", []int{0, 0}, []float32{}},
		}, map[string]string{}},
		{"long", []Tensor{
			{"first", []int{1}, []float32{9}},
			{"long", []int{len(long)}, long},
			{"last", []int{1}, []float32{8}},
		}, map[string]string{}},
		{"odd names", []Tensor{
			{"", []int{1}, []float32{1}},
			{"\"\\\n\u2028", []int{1}, []float32{2}},
			{"重み", []int{1}, []float32{3}},
			{"\x00", []int{1}, []float32{4}},
		}, map[string]string{"": "", "é\t": "\"\\\u2028\x7f", "json": `{"a":1}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var file bytes.Buffer
			if err := Write(&file, tc.tensors, tc.meta); err != nil {
				t.Fatal(err)
			}
			tensors, meta, err := read(file.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.tensors, tensors, bits); d != "" {
				t.Errorf("tensors (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.meta, meta); d != "" {
				t.Errorf("metadata (-want +got):\n%s", d)
			}
		})
	}
}

func TestWriteDefects(t *testing.T) {
	good := Tensor{"good", []int{2}, []float32{1, 2}}
	for _, tc := range []struct {
		name    string
		tensors []Tensor
		meta    map[string]string
		tensor  string // named by the error
		want    string // in the error's text
	}{
		{
			"too few values",
			[]Tensor{good, {"w", []int{128, 3}, make([]float32, 383)}},
			nil, "w",
			"383 values, want 128×3 = 384",
		},
		{"too many values", []Tensor{{"w", []int{}, make([]float32, 2)}}, nil, "w", "2 values, want 1 = 1"},
		{
			"negative shape",
			[]Tensor{{"w", []int{-1, -1}, make([]float32, 1)}},
			nil, "w",
			"shape -1×-1 is negative or overflows",
		},
		{"shape that overflows", []Tensor{{"w", []int{math.MaxInt, 2}, nil}}, nil, "w", "negative or overflows"},
		{"name twice", []Tensor{good, good}, nil, "good", "the name is there twice"},
		{
			"name of the metadata",
			[]Tensor{{"__metadata__", []int{0}, nil}},
			nil, "__metadata__",
			"kept for the metadata",
		},
		{"name that is not UTF-8", []Tensor{{"\xff", []int{0}, nil}}, nil, "\xff", "not UTF-8"},
		{"metadata key that is not UTF-8", []Tensor{good}, map[string]string{"\xff": ""}, "", "not UTF-8"},
		{
			"metadata that is not UTF-8",
			[]Tensor{good},
			map[string]string{"k": "\xff"},
			"",
			`metadata "k": "\xff" is not UTF-8`,
		},
		{"metadata sha256", []Tensor{good}, map[string]string{"sha256": "x"}, "", `metadata "sha256" is set by Write`},
		{
			"metadata header_sha256",
			[]Tensor{good},
			map[string]string{"header_sha256": "x"},
			"",
			`metadata "header_sha256" is set by Write`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			err := Write(&out, tc.tensors, tc.meta)
			var f *FormatError
			if !errors.As(err, &f) || f.Tensor != tc.tensor || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want a FormatError of tensor %q with %q", err, tc.tensor, tc.want)
			}
			if out.Len() > 0 {
				t.Errorf("%d bytes written before the error", out.Len())
			}
		})
	}
}

func TestHeaderLimit(t *testing.T) {
	h := header{meta: map[string]string{"k": "v"}}
	whole, err := encodeHeader(h, maxHeader)
	if err != nil {
		t.Fatal(err)
	}
	n := len(whole) - prefix
	if _, err := encodeHeader(h, n); err != nil {
		t.Errorf("header of %d bytes with that limit: %v", n, err)
	}
	var f *FormatError
	if _, err := encodeHeader(h, n-1); !errors.As(err, &f) {
		t.Errorf("header of %d bytes with a limit of %d: error %v, want a FormatError", n, n-1, err)
	}
}

// fullWriter has room for n bytes, as a disk has.
type fullWriter struct{ n int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		n := w.n
		w.n = 0
		return n, syscall.ENOSPC
	}
	w.n -= len(p)
	return len(p), nil
}

func TestWriteNoRoom(t *testing.T) {
	tensors := []Tensor{{"a", []int{2}, []float32{1, 2}}, {"b", []int{2}, []float32{1, 2}}}
	var whole bytes.Buffer
	if err := Write(&whole, tensors, nil); err != nil {
		t.Fatal(err)
	}
	for n := range whole.Len() {
		err := Write(&fullWriter{n}, tensors, nil)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("room for %d of %d bytes: error %v, want %v", n, whole.Len(), err, syscall.ENOSPC)
		}
	}
	if err := Write(&fullWriter{whole.Len()}, tensors, nil); err != nil {
		t.Errorf("just enough room: %v", err)
	}
}

func TestWriteFullDevice(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("/dev/full is missing: %v", err)
	}
	defer f.Close()
	err = Write(f, []Tensor{{"a", []int{2}, []float32{1, 2}}}, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want %v", err, syscall.ENOSPC)
	}
}

func ExampleWrite() {
	var file bytes.Buffer
	weights := []Tensor{{Name: "layer1.bias", Shape: []int{2}, Data: []float32{0.5, -1}}}
	if err := Write(&file, weights, map[string]string{"net": "784-2"}); err != nil {
		fmt.Println(err)
		return
	}
	tensors, meta, err := Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	fmt.Println(tensors, meta, err)
	// Output: [{layer1.bias [2] [0.5 -1]}] map[net:784-2] <nil>
}
