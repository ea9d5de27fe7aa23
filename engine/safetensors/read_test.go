package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// raw puts a file together from its parts, as the format's text says: the header's length as a little-endian u64, the
// header, the data.
func raw(header string, data ...byte) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), data...)
}

func read(file []byte) ([]Tensor, map[string]string, error) {
	return Read(bytes.NewReader(file), int64(len(file)))
}

// bits makes NaNs and signed zeros comparable.
var bits = cmp.Transformer("bits", math.Float32bits)

func TestReadByHand(t *testing.T) {
	one, minusTwo, half := []byte{0, 0, 0x80, 0x3f}, []byte{0, 0, 0, 0xc0}, []byte{0, 0, 0, 0x3f}
	for _, tc := range []struct {
		name    string
		file    []byte
		tensors []Tensor
		meta    map[string]string
	}{
		{
			// The example of the format's own tests, with the header's length written out.
			name: "reference example",
			file: append([]byte("\x40\x00\x00\x00\x00\x00\x00\x00"+
				`{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}`),
				0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0, 0xa0, 0x40),
			tensors: []Tensor{{"attn.0", []int{1, 2, 3}, []float32{0, 1, 2, 3, 4, 5}}},
		},
		{
			name:    "no tensors",
			file:    []byte("\x08\x00\x00\x00\x00\x00\x00\x00{}      "),
			tensors: []Tensor{},
		},
		{
			name:    "metadata alone, padded",
			file:    []byte("\x28\x00\x00\x00\x00\x00\x00\x00" + `{"__metadata__":{"framework":"pt"}}     `),
			tensors: []Tensor{},
			meta:    map[string]string{"framework": "pt"},
		},
		{
			name: "order of the data, not of the header",
			file: raw(`{"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`,
				bytes.Join([][]byte{one, minusTwo, half}, nil)...),
			tensors: []Tensor{{"a", []int{2}, []float32{1, -2}}, {"b", []int{1}, []float32{0.5}}},
		},
		{
			name:    "scalar and empty tensor",
			file:    raw(`{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]}}`, half...),
			tensors: []Tensor{{"e", []int{3, 0}, []float32{}}, {"s", []int{}, []float32{0.5}}},
		},
		{
			name: "white space, escapes and fields of a later version",
			file: raw("{ \"caf\\u00e9\" :\n{\"data_offsets\":[0, 4],\"shape\":[1 "+
				"],\"dtype\":\"F32\",\"stride\":[[1],null]} }\r\n\t ", one...),
			tensors: []Tensor{{"café", []int{1}, []float32{1}}},
		},
		{
			name: "F64, F16 and BF16, without alignment",
			file: raw(`{"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},`+
				`"d":{"dtype":"F64","shape":[1],"data_offsets":[2,10]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[10,12]}}`,
				0x00, 0xc1, // 1.01₂·2¹ negative
				0, 0, 0, 0, 0, 0, 0xd0, 0x3f,
				0x20, 0x41),
			tensors: []Tensor{
				{"h", []int{1}, []float32{-2.5}},
				{"d", []int{1}, []float32{0.25}},
				{"b", []int{1}, []float32{10}},
			},
		},
		{
			// printf '\0\0\200\077\0\0\0\300' | sha256sum
			name: "checksum",
			file: raw(`{"__metadata__":{"sha256":"ee4ac73c2bd27756ab82780f27c73a7bc4d3f0bb6acb37e008bc27eccd7e588b","k":"v"},`+
				`"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, append(one, minusTwo...)...),
			tensors: []Tensor{{"a", []int{2}, []float32{1, -2}}},
			meta:    map[string]string{"k": "v"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.meta == nil {
				tc.meta = map[string]string{}
			}
			tensors, meta, err := read(tc.file)
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

func TestReadDefects(t *testing.T) {
	const ok = `{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	data := make([]byte, 8)
	for _, tc := range []struct {
		name   string
		file   []byte
		tensor string // named by the error
		want   string // in the error's text
	}{
		{"empty file", nil, "", "0 bytes, want at least 8"},
		{"shorter than the length", []byte{1, 2, 3}, "", "3 bytes, want at least 8"},
		{"header longer than the file", raw(`{}`)[:9], "", "header of 2 bytes in a file of 9"},
		{
			"header over the cap", append(binary.LittleEndian.AppendUint64(nil, 100_000_001), data...), "",
			"want at most 100000000",
		},
		{
			"header length that wraps", append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), data...), "",
			"want at most 100000000",
		},
		{"empty header", raw(``), "", `starts with "", want "{"`},
		{"another file", []byte("\x89PNG\r\n\x1a\n and so on"), "", "not a safetensors file"},
		{"header that is no object", raw(`[]`), "", `starts with "[", want "{"`},
		{"space before the header", raw(` {}`), "", `starts with " ", want "{"`},
		{"not UTF-8", raw("{\"\xff\":"+ok+"}", data...), "", "not UTF-8"},
		{"cut JSON", raw(`{"a":`), "", "header: the JSON ends before its closing brace"},
		{"JSON without end", raw(`{"a":` + ok), "", "header: the JSON ends before its closing brace"},
		{"broken JSON", raw(`{"a":}`), "", "header: invalid character '}' looking for beginning of value at byte"},
		{"key that is a number", raw(`{1:2}`), "", "header: invalid character '1'"},
		{"text after the header", raw(`{} x`), "", `"x" after the object`},
		{"two headers", raw(`{}{}`), "", `"{}" after the object`},
		{"zero bytes after the header", raw("{}\x00"), "", `"\x00" after the object`},
		{"name twice", raw(`{"a":`+ok+`,"a":`+ok+`}`, data...), "", `"a" is there twice`},
		{"name twice, once escaped", raw(`{"a":`+ok+`,"\u0061":`+ok+`}`, data...), "", `"a" is there twice`},
		{"metadata twice", raw(`{"__metadata__":{},"__metadata__":{}}`), "", `"__metadata__" is there twice`},
		{"metadata that is no object", raw(`{"__metadata__":"x"}`), "", `__metadata__: want an object, got "x"`},
		{"metadata null", raw(`{"__metadata__":null}`), "", "__metadata__: want an object, got null"},
		{"metadata number", raw(`{"__metadata__":{"k":1}}`), "", `__metadata__: "k" is 1, want a string`},
		{"metadata value null", raw(`{"__metadata__":{"k":null}}`), "", `__metadata__: "k" is null, want a string`},
		{"metadata key twice", raw(`{"__metadata__":{"k":"1","k":"2"}}`), "", `__metadata__: "k" is there twice`},
		{"tensor that is no object", raw(`{"a":[1]}`), "a", "want an object, got [1]"},
		{"field twice", raw(`{"a":{"dtype":"F32","dtype":"F32"}}`), "a", `"dtype" is there twice`},
		{"no dtype", raw(`{"a":{"shape":[2],"data_offsets":[0,8]}}`, data...), "a", "no dtype"},
		{"dtype null", raw(`{"a":{"dtype":null,"shape":[2],"data_offsets":[0,8]}}`, data...), "a", "no dtype"},
		{"dtype number", raw(`{"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}}`, data...), "a", "dtype 32:"},
		{
			"dtype of integers", raw(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, data...), "a",
			`dtype "I64", want one of F32 F64 F16 BF16`,
		},
		{
			"dtype in small letters", raw(`{"a":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}`, data...), "a",
			`dtype "f32"`,
		},
		{"no shape", raw(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, data...), "a", "no shape"},
		{"shape null", raw(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,8]}}`, data...), "a", "no shape"},
		{
			"shape of null", raw(`{"a":{"dtype":"F32","shape":[null],"data_offsets":[0,0]}}`), "a",
			"shape [null]: null is not a whole number",
		},
		{
			"shape of text", raw(`{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}`, data...), "a",
			`"2" is not a whole number`,
		},
		{
			"shape of fractions", raw(`{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}`, data...), "a",
			"2.0 is not a whole number",
		},
		{
			"shape of exponents", raw(`{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}`, data...), "a",
			"2e0 is not a whole number",
		},
		{
			"negative shape", raw(`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, data...), "a",
			"-2 is not a whole number",
		},
		{
			"shape over int", raw(`{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}`, data...),
			"a", "is not a whole number",
		},
		{
			"shape that overflows", raw(`{"a":{"dtype":"F32","shape":[2147483647,2147483647],"data_offsets":[0,0]}}`),
			"a",
			"2147483647×2147483647 with 4 bytes each overflows",
		},
		{
			"bytes that overflow", raw(`{"a":{"dtype":"F32","shape":[1073741824,1073741824,4],"data_offsets":[0,0]}}`),
			"a", "overflows",
		},
		{"no offsets", raw(`{"a":{"dtype":"F32","shape":[2]}}`, data...), "a", "0 data_offsets, want 2"},
		{
			"one offset", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}`, data...), "a",
			"1 data_offsets, want 2",
		},
		{
			"three offsets", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`, data...), "a",
			"3 data_offsets, want 2",
		},
		{
			"offsets the wrong way", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, data...), "a",
			"data_offsets [8, 0], want 2×4 = 8 bytes",
		},
		{
			"too few bytes", raw(`{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,7]}}`, data...), "a",
			"data_offsets [0, 7], want 2×1×4 = 8 bytes",
		},
		{
			"too many bytes", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, data...), "a",
			"data_offsets [0, 8], want 1×4 = 4 bytes",
		},
		{"past the end", raw(`{"a":`+ok+`}`, data[:7]...), "a", "data_offsets [0, 8] in 7 bytes of data"},
		{
			"a gigabyte", raw(`{"a":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}`, data...), "a",
			"in 8 bytes of data",
		},
		{
			"bytes after the last tensor", raw(`{"a":`+ok+`}`, make([]byte, 9)...), "",
			"9 bytes of data, want the 8 that the tensors fill",
		},
		{"data without tensors", raw(`{}`, data...), "", "8 bytes of data, want the 0"},
		{
			"hole",
			raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, make([]byte, 12)...), "b", "leave bytes 4 to 8 to no tensor",
		},
		{
			"hole at the start", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, data...), "a",
			"leave bytes 0 to 4 to no tensor",
		},
		{
			"overlap", raw(`{"a":`+ok+`,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, make([]byte, 12)...),
			"b",
			"overlap a tensor that ends at byte 8",
		},
		{"the same bytes twice", raw(`{"a":`+ok+`,"b":`+ok+`}`, data...), "b", "overlap a tensor that ends at byte 8"},
		{"empty tensor inside another", raw(`{"a":`+ok+`,"e":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`,
			data...), "e", "overlap"},
		{"double too large", raw(`{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}`,
			append(data, 0, 0, 0, 0, 0, 0, 0xf0, 0x7e)...), "a", "F64 element 1 is too large for float32"},
		{
			"wrong checksum", raw(`{"__metadata__":{"sha256":"00"},"a":`+ok+`}`, data...), "",
			`the header says "00": the file is damaged`,
		},
		{
			"wrong checksum of the header", raw(`{"__metadata__":{"header_sha256":"00"}}`), "",
			`it says "00" itself: the file is damaged`,
		},
		{
			"checksum that is a number", raw(`{"__metadata__":{"sha256":0},"a":`+ok+`}`, data...), "",
			`"sha256" is 0, want a string`,
		},
		{
			"deep nesting", raw(`{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`), "",
			"exceeded max depth",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tensors, meta, err := read(tc.file)
			var f *FormatError
			if !errors.As(err, &f) {
				t.Fatalf("got %v and error %v, want a FormatError", tensors, err)
			}
			if tensors != nil || meta != nil {
				t.Errorf("got %v and %v with an error, want nothing", tensors, meta)
			}
			if f.Tensor != tc.tensor {
				t.Errorf("error names tensor %q, want %q: %v", f.Tensor, tc.tensor, err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want %q in it", err, tc.want)
			}
			if strings.Count(err.Error(), "safetensors:") != 1 {
				t.Errorf("error %q, want the package named once", err)
			}
		})
	}
}

// TestReadAllocatesLittle: what a header claims costs nothing until it is known to be true.
func TestReadAllocatesLittle(t *testing.T) {
	for _, tc := range []struct {
		name string
		file []byte
	}{
		{"header of 99 MB in a file of 16 bytes", append(binary.LittleEndian.AppendUint64(nil, 99_000_000),
			make([]byte, 8)...)},
		{"tensor of 4 GB", raw(`{"a":{"dtype":"F32","shape":[32768,32768],"data_offsets":[0,4294967296]}}`,
			make([]byte, 64)...)},
		{"tensor of 4 GB after a good one", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},`+
			`"b":{"dtype":"F32","shape":[32768,32768],"data_offsets":[4,4294967300]}}`, make([]byte, 64)...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := allocated()
			if _, _, err := read(tc.file); err == nil {
				t.Fatal("no error")
			}
			if used := allocated() - before; used > allowance(len(tc.file)) {
				t.Errorf("%d bytes allocated for a file of %d", used, len(tc.file))
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// allowance is what reading a file of size bytes may allocate. 64 times: JSON's shortest tensor, of 40 bytes, becomes
// a Tensor, an entry and a map element while tables grow by doubling. The constant: decoders and the conversion buffer.
func allowance(size int) uint64 { return 1<<20 + 64*uint64(size) }

func TestReadTruncatedAndDamaged(t *testing.T) {
	tensors := []Tensor{{"a", []int{3}, []float32{1, 2, 3}}, {"b", []int{2, 2}, []float32{4, 5, 6, 7}}}
	var buf bytes.Buffer
	if err := Write(&buf, tensors, map[string]string{"epoch": "3"}); err != nil {
		t.Fatal(err)
	}
	file := buf.Bytes()
	for n := range file {
		if _, _, err := read(file[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes read without an error", n, len(file))
		}
	}
	// Only the name under which the header's sha256 stands is not covered: without it there is none to check.
	name := bytes.Index(file, []byte(headerSumKey))
	for i := range file {
		if i >= name && i < name+len(headerSumKey) {
			continue
		}
		for bit := range 8 {
			damaged := bytes.Clone(file)
			damaged[i] ^= 1 << bit
			if _, _, err := read(damaged); err == nil {
				t.Fatalf("bit %d of byte %d turned over and no error:\n%s", bit, i, damaged)
			}
		}
	}
}

// failingReader fails after n bytes, as a disk does.
type failingReader struct {
	r io.ReaderAt
	n int64
}

var errDisk = errors.New("the disk is broken")

func (f failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.n {
		return 0, errDisk
	}
	return f.r.ReadAt(p, off)
}

func TestReadError(t *testing.T) {
	file := raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 8)...)
	for _, n := range []int64{4, 20, int64(len(file)) - 1} {
		_, _, err := Read(failingReader{bytes.NewReader(file), n}, int64(len(file)))
		if f := (*FormatError)(nil); !errors.Is(err, errDisk) || errors.As(err, &f) {
			t.Errorf("disk broken at byte %d: error %v, want the disk's and no FormatError", n, err)
		}
	}
	// The file got shorter after its size was taken.
	_, _, err := Read(bytes.NewReader(file[:len(file)-1]), int64(len(file)))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("file that shrinks: error %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestReadFileErrors(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.safetensors")
	if err := os.WriteFile(bad, raw(`{"a":1}`), 0o666); err != nil {
		t.Fatal(err)
	}
	_, _, err := ReadFile(bad)
	var f *FormatError
	if !errors.As(err, &f) || f.File != bad || f.Tensor != "a" {
		t.Errorf("error %#v, want a FormatError with the file and the tensor", err)
	}
	if want := "safetensors: " + bad + `: tensor "a": header: want an object, got 1`; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if _, _, err := ReadFile(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v, want %v", err, os.ErrNotExist)
	}
	if _, _, err := ReadFile(dir); !errors.As(err, &f) || f.File != dir {
		t.Errorf("folder: error %v, want a FormatError with its path", err)
	}
}

// TestHalf holds every binary16 to the value that the standard's formula gives.
func TestHalf(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		sign, e, f := 1.0, int(h>>10&31), float64(h&0x3ff)
		if h>>15 == 1 {
			sign = -1
		}
		var want float64
		switch {
		case e == 31 && f != 0:
			want = math.NaN()
		case e == 31:
			want = math.Inf(int(sign))
		case e == 0:
			want = math.Copysign(math.Ldexp(f/1024, -14), sign)
		default:
			want = sign * math.Ldexp(1+f/1024, e-15)
		}
		got := float64(half(h))
		if math.IsNaN(want) && math.IsNaN(got) {
			continue
		}
		if math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("half(%#04x) = %v, want %v", h, got, want)
		}
	}
}

func TestDoubles(t *testing.T) {
	for _, v := range []float64{
		0, math.Copysign(0, -1), 1.0 / 3, math.MaxFloat32, 1e-46, math.Inf(1), math.Inf(-1),
		math.NaN(),
	} {
		file := raw(`{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}`,
			binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))...)
		tensors, _, err := read(file)
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		if d := cmp.Diff(float32(v), tensors[0].Data[0], bits); d != "" {
			t.Errorf("%v (-want +got):\n%s", v, d)
		}
	}
}

// A tensor that cannot be read as float32 does not keep the others from being read, one by one.
func TestOpenLoadsWhatItCan(t *testing.T) {
	file := raw(`{"step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"new":{"dtype":"F4","shape":[3],"data_offsets":[8,10]},`+
		`"w":{"dtype":"F32","shape":[2],"data_offsets":[10,18]}}`,
		1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0)
	f, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Info{{"step", "I64", []int{}, false}, {"new", "F4", []int{3}, false}, {"w", "F32", []int{2}, true}}
	if d := cmp.Diff(want, f.Infos()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if v, err := f.Load(2); err != nil || cmp.Diff([]float32{1, -2}, v) != "" {
		t.Errorf("got %v, %v", v, err)
	}
	if v, err := f.Load(0); err == nil || !strings.Contains(err.Error(), `"step": dtype "I64"`) {
		t.Errorf("integers: got %v, %v", v, err)
	}
	backwards := raw(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[8,0]}}`, make([]byte, 8)...)
	if _, err := Open(bytes.NewReader(backwards), int64(len(backwards))); err == nil {
		t.Error("offsets the wrong way are taken")
	}
}

// Verify finds a changed byte of data.
func TestVerify(t *testing.T) {
	var buf bytes.Buffer
	if err := Write(&buf, []Tensor{{"a", []int{3}, []float32{1, 2, 3}}}, nil); err != nil {
		t.Fatal(err)
	}
	for changed, want := range map[bool]string{false: "", true: "the file is damaged"} {
		file := bytes.Clone(buf.Bytes())
		if changed {
			file[len(file)-1] ^= 1
		}
		f, err := Open(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Verify(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("changed %v: %v", changed, err)
		}
	}
}
