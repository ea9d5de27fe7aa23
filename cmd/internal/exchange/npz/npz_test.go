package npz

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"neuroloupe/engine"
)

// npy returns an array with a header of the test's making; version 1 has two bytes for its length, 2 and 3 have four.
func npy(version byte, dict, data string) []byte {
	n := len(dict)
	head := []byte{version, 0, byte(n), byte(n >> 8)}
	if version > 1 {
		head = append(head, 0, 0)
	}
	return slices.Concat([]byte(magic), head, []byte(dict+data))
}

// opened is an archive of one array, to read.
func opened(t testing.TB, content []byte) *zip.File {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("a.npy")
	if err == nil {
		_, err = w.Write(content)
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return files(t, b.Bytes())[0]
}

func files(t testing.TB, archive []byte) []*zip.File {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	return z.File
}

const f4 = "\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40\x00\x00\xc0\x40" // 1 … 6

// readWhole reads an array: its header, then its numbers.
func readWhole(f *zip.File, limit int64) (t engine.Tensor, note string, err error) {
	a, err := Open(f)
	if err != nil || a.Note != "" {
		return t, a.Note, err
	}
	t.Shape = a.Shape
	t.Data, err = a.Read(limit)
	return t, "", err
}

// Every header that numpy reads, and the orders of its numbers.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		name  string
		array []byte
		shape []int
		want  []float32
	}{
		{
			"by rows", npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", f4),
			[]int{2, 3},
			[]float32{1, 2, 3, 4, 5, 6},
		},
		{
			"by columns", npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", f4),
			[]int{2, 3},
			[]float32{1, 3, 5, 2, 4, 6},
		},
		{
			"a vector by columns", npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }\n", f4),
			[]int{6},
			[]float32{1, 2, 3, 4, 5, 6},
		},
		{
			"three dimensions", npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }\n", f4),
			[]int{1, 2, 3},
			[]float32{1, 2, 3, 4, 5, 6},
		},
		{
			"version 2", npy(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", f4),
			[]int{6},
			[]float32{1, 2, 3, 4, 5, 6},
		},
		{
			"version 3", npy(3, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", f4),
			[]int{6},
			[]float32{1, 2, 3, 4, 5, 6},
		},
		{
			"keys in another order", npy(1, "{'shape': (6,), 'descr': '<f4', 'fortran_order': False}", f4),
			[]int{6},
			[]float32{1, 2, 3, 4, 5, 6},
		},
		{
			"no spaces", npy(1, "{'descr':'<f4','fortran_order':False,'shape':(2,3)}", f4),
			[]int{2, 3},
			[]float32{1, 2, 3, 4, 5, 6},
		},
		{
			"big-endian halves", npy(1, "{'descr': '>f2', 'fortran_order': False, 'shape': (2,), }\n",
				"\x3c\x00\xfc\x00"),
			[]int{2},
			[]float32{1, float32(math.Inf(-1))},
		},
		{"big-endian doubles", npy(1, "{'descr': '>f8', 'fortran_order': False, 'shape': (1,), }\n",
			"\x3f\xf8\x00\x00\x00\x00\x00\x00"), []int{1}, []float32{1.5}},
		{"nothing", npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }\n", ""), []int{0, 3}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, note, err := readWhole(opened(t, c.array), 6)
			if err != nil || note != "" {
				t.Fatal(err, note)
			}
			if !slices.Equal(a.Shape, c.shape) || !slices.Equal(a.Data, c.want) {
				t.Errorf("%v %v, want %v %v", a.Shape, a.Data, c.shape, c.want)
			}
		})
	}
}

// What is written has numpy's header, and reads back.
func TestWrite(t *testing.T) {
	for _, compress := range []bool{false, true} {
		var b bytes.Buffer
		w := NewWriter(&b, compress)
		for _, err := range []error{
			Add(w, "matrix", []float32{1, 2, 3, 4, 5, 6}, 2, 3), Add(w, "vector", []float64{0.5, -1}, 2),
			Add(w, "number", []float64{7}),
			Add(w, "cube", []float64{}, 2, 0, 3), Add(w, "whole", []int64{-2}, 1),
			w.AddTexts("texts", []string{"a", "äöü", ""}, 3), w.Close(),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range []struct {
			name, head, data string
			tensor           *engine.Tensor
		}{
			{
				"matrix.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", f4,
				&engine.Tensor{Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
			},
			{
				"vector.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
				"\x00\x00\x00\x00\x00\x00\xe0\x3f\x00\x00\x00\x00\x00\x00\xf0\xbf",
				&engine.Tensor{Shape: []int{2}, Data: []float32{0.5, -1}},
			},
			{
				"number.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
				"\x00\x00\x00\x00\x00\x00\x1c\x40", nil,
			},
			{
				"cube.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 0, 3), }", "",
				&engine.Tensor{Shape: []int{2, 0, 3}},
			},
			{
				"whole.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }",
				"\xfe\xff\xff\xff\xff\xff\xff\xff", nil,
			},
			{"texts.npy", "{'descr': '<U3', 'fortran_order': False, 'shape': (3,), }", "a\x00\x00\x00" +
				strings.Repeat("\x00", 8) + "\xe4\x00\x00\x00\xf6\x00\x00\x00\xfc\x00\x00\x00" +
				strings.Repeat("\x00", 12), nil},
		} {
			f := files(t, b.Bytes())[i]
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			start := len(content) - len(want.data)
			if f.Name != want.name || start%64 != 0 || string(content[start:]) != want.data ||
				string(content[:10]) != fmt.Sprintf("%s\x01\x00%c\x00", magic, start-10) ||
				string(content[10:start]) != want.head+strings.Repeat(" ", start-11-len(want.head))+"\n" {
				t.Errorf("%s: %q, want %s %q", f.Name, content, want.head, want.data)
			}
			a, note, err := readWhole(f, 100)
			if err != nil || (note == "") != (want.tensor != nil) {
				t.Errorf("%s read back: %q %v", f.Name, note, err)
			}
			if want.tensor != nil && (!slices.Equal(a.Shape, want.tensor.Shape) ||
				!slices.Equal(a.Data, want.tensor.Data)) {
				t.Errorf("%s read back: %v", f.Name, a)
			}
		}
	}
	if err := Add(NewWriter(io.Discard, false), "a", []float32{1, 2, 3}, 2, 2); err == nil ||
		!strings.Contains(err.Error(), "3 values, want 4") {
		t.Errorf("a shape that lies: %v", err)
	}
	if err := Add(NewWriter(io.Discard, false), "a", []float32{1}, slices.Repeat([]int{1}, 30_000)...); err == nil {
		t.Error("a header too long is written")
	}
}

// Any bytes for an array give an error or the numbers that are there, never more than are allowed or than there is room
// for. The archive's own damage is package zip's business; netfile's FuzzRead feeds it.
func FuzzRead(f *testing.F) {
	f.Add(npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", f4))
	f.Fuzz(func(t *testing.T, content []byte) {
		const limit = 1 << 10
		a, note, err := readWhole(opened(t, content), limit)
		if err != nil || note != "" {
			if a.Data != nil {
				t.Fatalf("%d numbers with %q %v", len(a.Data), note, err)
			}
			return
		}
		count := 1
		for _, d := range a.Shape {
			count *= d
		}
		if len(a.Data) != count || count > limit || 2*count > len(content) {
			t.Fatalf("%d numbers of shape %v out of %d bytes", len(a.Data), a.Shape, len(content))
		}
		var b bytes.Buffer
		w := NewWriter(&b, true)
		if err := Add(w, "a", a.Data, a.Shape...); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		back, _, err := readWhole(files(t, b.Bytes())[0], limit)
		same := func(x, y float32) bool { return x == y || x != x && y != y }
		if err != nil || !slices.Equal(back.Shape, a.Shape) || !slices.EqualFunc(back.Data, a.Data, same) {
			t.Fatalf("%v came back as %v: %v", a, back, err)
		}
	})
}

// A disk that cannot be read is no array of another kind.
func TestHeaderUnreadable(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, whole := range []string{"", magic, magic + "\x01\x00\x76"} {
		_, err := readHeader(io.MultiReader(strings.NewReader(whole), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", len(whole), err)
		}
		if _, err = readHeader(strings.NewReader(whole)); err == nil || err.Error() != "not a numpy array" {
			t.Errorf("%d bytes alone: %v", len(whole), err)
		}
	}
}
