package netfile

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"neuroloupe/engine"
)

// npy returns an array file with a header of its own making.
func npy(dict string, data string) string {
	return fmt.Sprintf("\x93NUMPY\x01\x00%c%c%s%s", len(dict)&255, len(dict)>>8, dict, data)
}

// archive returns an npz file of name, content pairs.
func archive(t testing.TB, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = w.Write([]byte(members[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFaults(t *testing.T) {
	file := func(name string) string {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	st := func(tensors ...engine.Tensor) string { return string(safetensorsFile(t, tensors, nil)) }
	const f4 = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n"
	for name, c := range map[string]struct{ file, want string }{
		"empty":                   {"", "the file is empty, 0 bytes"},
		"text":                    {"hello, network", "numpy.savez"},
		"one array":               {npy(f4, "0123456789abcdef"), "a single numpy array"},
		"a pickle":                {"\x80\x04\x95", "Python pickle"},
		"gzip":                    {"\x1f\x8b\x08", "unpack it"},
		"HDF5":                    {"\x89HDF\r\n", "HDF5"},
		"a PyTorch archive":       {archive(t, "model/data.pkl", "\x80\x02"), "safetensors.torch.save_file"},
		"a zip of other things":   {archive(t, "a.txt", "x"), "without arrays (it holds a.txt)"},
		"a cut zip":               {file("small-rows.npz")[:900], "cut short or damaged"},
		"a changed byte":          {strings.Replace(file("small-rows.npz"), "NUMPY\x01", "NUMPY\x07", 1), "version 7"},
		"not an array":            {archive(t, "W1.npy", "hello"), `array "W1": not a numpy array`},
		"a header cut":            {archive(t, "W1.npy", npy(f4, "")[:30]), "header: unexpected EOF"},
		"a header without shape":  {archive(t, "W1.npy", npy("{'descr': '<f4', 'fortran_order': False}\n", "")), "want descr, fortran_order and shape"},
		"a header of no end":      {archive(t, "W1.npy", "\x93NUMPY\x02\x00\xff\xff\xff\x7f"), "header of 2147483647 bytes"},
		"a shape that overflows":  {archive(t, "W1.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }\n", "")), "value out of range"},
		"a shape of terabytes":    {archive(t, "W1.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576), }\n", "")), "too many for a network"},
		"fewer numbers":           {archive(t, "W1.npy", npy(f4, "0123456789ab")), "the file is damaged"},
		"more numbers":            {archive(t, "W1.npy", npy(f4, "0123456789abcdefgh")), "the file is damaged"},
		"too large for float32":   {archive(t, "W1.npy", npy("{'descr': '>f8', 'fortran_order': False, 'shape': (1, 1), }\n", "\x7f\xe0\x00\x00\x00\x00\x00\x00")), "too large for float32"},
		"integers alone":          {archive(t, "W1.npy", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }\n", "0123456789abcdef")), "no arrays"},
		"objects":                 {archive(t, "W1.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", "xx")), `numpy.savez("net.npz", **{"W%d"`},
		"broken JSON":             {`{"sizes": [2, 1]`, "at byte 16: unexpected end"},
		"other JSON":              {`{"layers": 3}`, "want the keys of network2.py"},
		"JSON: ragged":            {`{"sizes": [2, 2], "weights": [[[1, 2], [3]]], "biases": [[[1], [2]]]}`, "row 1 has 1 numbers, row 0 has 2"},
		"JSON: a bias of pairs":   {`{"sizes": [2, 1], "weights": [[[1, 2]]], "biases": [[[1, 2]]]}`, "weights[0] gives 1 values but biases[0] has 1×2"},
		"JSON: a bias of words":   {`{"sizes": [2, 1], "weights": [[[1, 2]]], "biases": ["x"]}`, "biases: want numbers alone"},
		"JSON: other sizes":       {`{"sizes": [3, 1], "weights": [[[1, 2]]], "biases": [[[1]]]}`, "its sizes are [3 1], but its weights are of [2 1]"},
		"JSON: too many biases":   {`{"sizes": [2, 1], "weights": [[[1, 2]]], "biases": [[[1], [2]]]}`, "as Out×In weights[0] gives 1 values but biases[0] has 2"},
		"JSON: no weights":        {`{"sizes": [2, 1], "weights": [[]], "biases": [[]]}`, "no matrix of weights"},
		"a convolution":           {st(tensor("conv1.weight", 2, 1, 3, 3), tensor("conv1.bias", 2)), "only fully connected layers"},
		"batch normalisation":     {st(tensor("fc1.weight", 2, 3), tensor("fc1.bias", 2), tensor("bn1.weight", 2), tensor("bn1.bias", 2)), "bn1.weight has shape 2"},
		"a matrix for a bias":     {st(tensor("fc1.weight", 2, 2), tensor("fc1.bias", 2, 2)), "fc1.weight gives 2 values but fc1.bias has 2×2"},
		"layers that do not join": {st(tensor("fc1.weight", 5, 4), tensor("fc2.weight", 3, 7)), "do not follow one another"},
		"a name twice":            {st(tensor("w1", 5, 4), tensor("W1", 5, 4)), `both of layer "1"`},
		"damaged safetensors":     {st(tensor("fc1.weight", 2, 3))[:100], "safetensors: "},
	} {
		t.Run(name, func(t *testing.T) {
			net, err := readBytes([]byte(c.file), Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v %v, want an error with %q", net, err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

// A changed number is found by the archive's checksum.
func TestChecksum(t *testing.T) {
	b, err := os.ReadFile("testdata/small-float32.npz")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("NUMPY")) + 122 + 20 // after the first array's header
	b[at] ^= 1
	if _, err := readBytes(b, Options{}); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Error(err)
	}
}

func TestMaxValues(t *testing.T) {
	for file, values := range map[string]int64{"small-rows.npz": 43, "small.json": 46} {
		if _, err := Read(filepath.Join("testdata", file), Options{MaxValues: values}); err != nil {
			t.Errorf("%s of %d values: %v", file, values, err)
		}
		if _, err := Read(filepath.Join("testdata", file), Options{MaxValues: values / 2}); err == nil {
			t.Errorf("%s: %d values are read where %d are allowed", file, values, values/2)
		}
	}
}

// An archive that claims half a gigabyte and holds nothing costs no half gigabyte.
func TestClaimsCostNothing(t *testing.T) {
	member := npy("{'descr': '<f4', 'fortran_order': False, 'shape': (16384, 8192), }\n", "")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: "W1.npy", Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(member)),
		CompressedSize64: uint64(len(member)), UncompressedSize64: uint64(len(member)) + 4*16384*8192,
	})
	if err == nil {
		_, err = w.Write([]byte(member))
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = readBytes(b.Bytes(), Options{})
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatal("read")
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes allocated for %v", grown, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"small.json", "small-rows.npz", "small-columns.npz", "small-unnamed.npz", "small-big-endian.npz", "square-state.npz", "half.npz"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(safetensorsFile(f, []engine.Tensor{tensor("fc1.weight", 2, 3), tensor("fc1.bias", 2)}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := readBytes(b, Options{MaxValues: 1 << 16})
		if err != nil {
			return
		}
		s := engine.Spec{Inputs: n.Sizes[0]}
		for _, units := range n.Sizes[1:] {
			s.Layers = append(s.Layers, engine.Layer{Units: units})
		}
		if _, err := s.MatchParams(n.Params); err != nil || len(n.Layers) != len(s.Layers) || !slices.Equal(s.Sizes(), n.Sizes) {
			t.Fatalf("%v: %v", n.Sizes, err)
		}
	})
}
