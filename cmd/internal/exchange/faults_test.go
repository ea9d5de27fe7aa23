package exchange

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
		"empty":     {"", "the file is empty, 0 bytes"},
		"text":      {"hello, network", "numpy.savez"},
		"one array": {npy(f4, "0123456789abcdef"), "a single numpy array"},
		"a pickle":  {"\x80\x04\x95", "Python pickle"},
		"gzip":      {"\x1f\x8b\x08", "unpack it"},
		"a Keras archive": {
			archive(t, "metadata.json", "{}", "config.json", "{}", "model.weights.h5", "x"),
			"a Keras model, a .keras file; in Python",
		},
		"a zip of a network":  {archive(t, "net.npz", "x"), "unpack it and import the one"},
		"an empty zip":        {archive(t), "holds nothing"},
		"a skops archive":     {archive(t, "schema.json", "{}", "1.npy.txt", "x"), "model.coefs_"},
		"an old PyTorch file": {"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "safetensors.torch.save_file"},
		"an old pickle":       {"(dp0\nS'W1'\n", "Python pickle"},
		"a pickled array": {
			npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }\n", "\x80\x04"),
			"**a.item()",
		},
		"a Git LFS pointer": {
			"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
			"git lfs pull",
		},
		"a web page":       {"\n<!DOCTYPE html>\n<html>", "a web page"},
		"an answer in XML": {"<?xml version='1.0'?><Error/>", "XML"},
		"a tar": {
			"net.npz" + strings.Repeat("\x00", 250) + "ustar\x00" + strings.Repeat("\x00", 250),
			"unpack it",
		},
		"an ONNX model": {"\x08\x07\x12\x07pytorch\x1a\x03", "onnx.load"},
		"a picture":     {"\x89PNG\r\n\x1a\n", "a picture"},
		"a data set":    {"\x00\x00\x08\x03\x00\x00", "neuroloupe train FOLDER"},
		"UTF-16":        {"\xff\xfe{\x00", "UTF-16"},
		"a pickled dictionary": {
			archive(t, "params.npy",
				npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }\n", "xx")),
			`numpy.savez("net.npz", **z["params"].item())`,
		},
		"pickled lists": {
			archive(t, "weights.npy",
				npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", "x"), "biases.npy",
				npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", "x"), "sizes.npy",
				npy("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }\n", "x"), "losses.npy",
				npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", "0123")),
			`enumerate(z["weights"], 1)}, **{"b%d" % i: a for i, a in enumerate(z["biases"], 1)})`,
		},
		"a vector of all": {
			archive(t, "params.npy",
				npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", "0123456789abcdef")),
			"no matrix of weights: params 4",
		},
		"an array twice": {archive(t, "W1.npy", npy(f4, "0123456789abcdef"), "W1.npy",
			npy(f4, "0123456789abcdef")), `array "W1" is there twice`},
		"more than it can hold": {archive(t, "W1.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': "+
			"(4096, 1500), }\n", strings.Repeat("\x00", 4*4096*1500))), "made to fill the memory"},
		"JSON: a key twice": {
			`{"weights": [[[1]]], "weights": [[[2]]], "biases": [[1]]}`,
			`key "weights" is there twice`,
		},
		"JSON: nested":           {strings.Repeat("[", 1000), "nested more than 64 deep"},
		"JSON: objects nested":   {strings.Repeat(`{"a":`, 1000), "nested more than 64 deep"},
		"JSON: no number":        {`{"W1": [[1, 0x10]]}`, `"0x10" is no number`},
		"JSON: a minus":          {`{"W1": [[1, -]]}`, `"-" is no number`},
		"JSON: too large":        {`{"W1": [[1, 1e39]]}`, "1e39 is too large for float32"},
		"JSON: a comma":          {`{"W1": [[1,, 2]]}`, "want a value"},
		"JSON: more after it":    {`{"W1": [[1]]} {`, "after the end"},
		"JSON: numbers in texts": {`{"W1": "` + strings.Repeat("1 ", 1<<20) + `"}`, "not written into a text"},
		"HDF5":                   {"\x89HDF\r\n", "HDF5"},
		"a PyTorch archive":      {archive(t, "model/data.pkl", "\x80\x02"), "safetensors.torch.save_file"},
		"a zip of other things":  {archive(t, "a.txt", "x"), "without arrays (it holds a.txt)"},
		"a cut zip":              {file("small-rows.npz")[:900], "cut short or damaged"},
		"a changed byte":         {strings.Replace(file("small-rows.npz"), "NUMPY\x01", "NUMPY\x07", 1), "version 7"},
		"not an array":           {archive(t, "W1.npy", "hello"), `array "W1": not a numpy array`},
		"a header cut":           {archive(t, "W1.npy", npy(f4, "")[:30]), "header: unexpected EOF"},
		"a header without shape": {
			archive(t, "W1.npy", npy("{'descr': '<f4', 'fortran_order': False}\n", "")),
			"want descr, fortran_order and shape",
		},
		"a header of no end": {
			archive(t, "W1.npy", "\x93NUMPY\x02\x00\xff\xff\xff\x7f"),
			"header of 2147483647 bytes",
		},
		"a shape that overflows": {archive(t, "W1.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': "+
			"(99999999999999999999, 2), }\n", "")), "value out of range"},
		"a shape of terabytes": {archive(t, "W1.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': "+
			"(1048576, 1048576), }\n", "")), "too many for a network"},
		"fewer numbers": {archive(t, "W1.npy", npy(f4, "0123456789ab")), "the file is damaged"},
		"more numbers":  {archive(t, "W1.npy", npy(f4, "0123456789abcdefgh")), "the file is damaged"},
		"too large for float32": {archive(t, "W1.npy", npy("{'descr': '>f8', 'fortran_order': False, 'shape': (1, "+
			"1), }\n", "\x7f\xe0\x00\x00\x00\x00\x00\x00")), "too large for float32"},
		"integers alone": {archive(t, "W1.npy", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2, "+
			"2), }\n", "0123456789abcdef")), "no arrays"},
		"objects": {archive(t, "W1.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), "+
			"}\n", "xx")), `numpy.savez("net.npz", **{"W%d"`},
		"broken JSON": {`{"sizes": [2, 1]`, "at byte 16: unexpected end"},
		"other JSON":  {`{"layers": 3}`, "want the keys of network2.py"},
		"JSON: ragged": {
			`{"sizes": [2, 2], "weights": [[[1, 2], [3]]], "biases": [[[1], [2]]]}`,
			"row 1 has 1 numbers, row 0 has 2",
		},
		"JSON: a bias of pairs": {
			`{"sizes": [2, 1], "weights": [[[1, 2]]], "biases": [[[1, 2]]]}`,
			"weights[0] gives 1 values but biases[0] has 1×2",
		},
		"JSON: a bias of words": {
			`{"sizes": [2, 1], "weights": [[[1, 2]]], "biases": ["x"]}`,
			"biases: want numbers alone",
		},
		"JSON: other sizes": {
			`{"sizes": [3, 1], "weights": [[[1, 2]]], "biases": [[[1]]]}`,
			"its sizes are [3 1], but its weights are of [2 1]",
		},
		"JSON: too many biases": {
			`{"sizes": [2, 1], "weights": [[[1, 2]]], "biases": [[[1], [2]]]}`,
			"as Out×In weights[0] gives 1 values but biases[0] has 2",
		},
		"JSON: no weights": {`{"sizes": [2, 1], "weights": [[]], "biases": [[]]}`, "no matrix of weights"},
		"a convolution": {
			st(tensor("conv1.weight", 2, 1, 3, 3), tensor("conv1.bias", 2)),
			"only fully connected layers",
		},
		"batch normalisation": {st(tensor("fc1.weight", 2, 3), tensor("fc1.bias", 2), tensor("bn1.weight", 2),
			tensor("bn1.bias", 2)), "bn1.weight has shape 2"},
		"a matrix for a bias": {
			st(tensor("fc1.weight", 2, 2), tensor("fc1.bias", 2, 2)),
			"fc1.weight gives 2 values but fc1.bias has 2×2",
		},
		"layers that do not join": {
			st(tensor("fc1.weight", 5, 4), tensor("fc2.weight", 3, 7)),
			"do not follow one another",
		},
		"a name twice":        {st(tensor("w1", 5, 4), tensor("W1", 5, 4)), `both of layer "1"`},
		"damaged safetensors": {st(tensor("fc1.weight", 2, 3))[:100], "safetensors: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readBytes([]byte(c.file), Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
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

// What a file claims is held against the memory that is there before it is read.
func TestMemory(t *testing.T) {
	w1, b1, w2, b2 := pairNet()
	as := []engine.Tensor{called("W1", w1), called("b1", b1), called("W2", w2), called("b2", b2)}
	values := 0
	for _, a := range as {
		values += len(a.Data)
	}
	text := []byte(`{"W1": [[` + strings.Repeat("1, ", values) + `1]]}`)
	for name, file := range map[string][]byte{
		"npz": npzFile(t, as...), "safetensors": safetensorsFile(t, as, nil),
		"JSON": text,
	} {
		if _, err := readBytes(file, Options{memory: int64(4 * copies * (values - 1))}); err == nil ||
			!strings.Contains(err.Error(), "there is memory for") {
			t.Errorf("%s with too little memory: %v", name, err)
		}
		if _, err := readBytes(file, Options{memory: int64(4 * copies * (values + 1))}); err != nil {
			t.Errorf("%s with just enough memory: %v", name, err)
		}
	}
}

// The numbers of JSON are all that stays in memory: four bytes for each, and ten times that with what growing them
// costs. Decoding into values takes 68.
func TestJSONIsStreamed(t *testing.T) {
	row := "[" + strings.Repeat("0.12345678901234, ", 783) + "0.5]"
	text := []byte(`{"W1": [` + strings.Repeat(row+", ", 1999) + row + `]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := readBytes(text, Options{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	most := uint64(10 * 4 * 784 * 2000)
	if raced {
		most = 60 * 784 * 2000
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > most {
		t.Errorf("%d bytes allocated for %d numbers, want at most %d", grown, 784*2000, most)
	}
}

func TestFolders(t *testing.T) {
	for file, want := range map[string]string{
		"run.toml":       "neuroloupe sheet",
		"saved_model.pb": "a TensorFlow SavedModel", "model.safetensors": "name the file in it",
		"x": "is a folder, want a file",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a folder with %s: %v, want %q", file, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{
		"small.json", "small-rows.npz", "small-columns.npz", "small-unnamed.npz",
		"small-big-endian.npz", "square-state.npz", "half.npz",
	} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(safetensorsFile(f, []engine.Tensor{tensor("fc1.weight", 2, 3), tensor("fc1.bias", 2)}, nil))
	w1, b1, w2, b2 := pairNet()
	f.Add(npzFile(f, called("W1", onTop(w1, b1, First)), called("W2", onTop(w2, b2, First)), zeros("mW1", 26, 4)))
	f.Add(npzFile(f, called("wih", w1), called("who", w2), zeros("losses", 3)))
	f.Add([]byte(`{"sizes":[2,3],"weights":[[[1,2],[3,NaN],[5,6]]],"biases":[[1,-Infinity,null]],"cost":"x"}`))
	f.Add([]byte(`[{"w":[[1,2]],"b":[1]},[[1],[2]],"a",[true,{"b":[]}]]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := readBytes(b, Options{MaxValues: 1 << 16})
		if err != nil {
			return
		}
		for _, r := range n.Others {
			if m := r.Net(); !slices.Equal(m.Sizes, r.Sizes) || len(m.Params) != len(n.Params) {
				t.Fatalf("%v is said to be %v", m.Sizes, r.Sizes)
			}
		}
		s := engine.Spec{Inputs: n.Sizes[0]}
		for _, units := range n.Sizes[1:] {
			s.Layers = append(s.Layers, engine.Layer{Units: units})
		}
		if _, err := s.MatchParams(n.Params); err != nil || len(n.Layers) != len(s.Layers) ||
			!slices.Equal(s.Sizes(), n.Sizes) {
			t.Fatalf("%v: %v", n.Sizes, err)
		}
	})
}
