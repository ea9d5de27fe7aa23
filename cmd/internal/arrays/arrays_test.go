package arrays

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"neuroloupe/engine/atomicfile"
)

// Every form holds every number.
func TestNumbers(t *testing.T) {
	n := &Set{}
	AddMatrix(n, "map", [][]float32{{1, -0.5, 0}, {0.25, float32(math.NaN()), 3}})
	AddVector(n, "ids", []int{7, -2})
	AddTexts(n, "classes", []string{"T-shirt", "ä"})
	AddNumber(n, "bias", 0.1)
	dir := t.TempDir()
	write := func(path string) {
		t.Helper()
		err := atomicfile.Write(path, func(w io.Writer) error { return Write(w, filepath.Ext(path), n) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"a.csv": "array,index,value\nmap,0 0,1\nmap,0 1,-0.5\nmap,0 2,0\nmap,1 0,0.25\nmap,1 1,NaN\nmap,1 2,3\n" +
			"ids,0,7\nids,1,-2\nclasses,0,T-shirt\nclasses,1,ä\nbias,,0.1\n",
		"a.JSON": "{\n  \"map\": [[1, -0.5, 0], [0.25, null, 3]],\n  \"ids\": [7, -2],\n  \"classes\": [\"T-shirt\", " +
			"\"ä\"],\n  \"bias\": 0.1\n}\n",
	} {
		path := filepath.Join(dir, name)
		write(path)
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
	}
	path := filepath.Join(dir, "a.npz")
	write(path)
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for i, want := range []struct {
		name, head string
		data       any
	}{
		{
			"map.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
			[]float64{1, -0.5, 0, 0.25, float64(float32(math.NaN())), 3},
		},
		{"ids.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", []int64{7, -2}},
		{
			"classes.npy", "{'descr': '<U7', 'fortran_order': False, 'shape': (2,), }",
			[]int32{'T', '-', 's', 'h', 'i', 'r', 't', 'ä', 0, 0, 0, 0, 0, 0},
		},
		{"bias.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", []float64{0.1}},
	} {
		f, err := z.File[i].Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		if err := binary.Write(&data, binary.LittleEndian, want.data); err != nil {
			t.Fatal(err)
		}
		start := len(b) - data.Len()
		if z.File[i].Name != want.name || start%64 != 0 || string(b[:8]) != "\x93NUMPY\x01\x00" ||
			int(binary.LittleEndian.Uint16(b[8:])) != start-10 {
			t.Fatalf("array %d: %s, %d bytes before the data, starts %q", i, z.File[i].Name, start, b[:10])
		}
		if head := string(bytes.TrimRight(b[10:start], " \n")); head != want.head || b[start-1] != '\n' {
			t.Errorf("%s: head %s, want %s", want.name, head, want.head)
		}
		if !bytes.Equal(b[start:], data.Bytes()) {
			t.Errorf("%s: %x, want %x", want.name, b[start:], data.Bytes())
		}
	}
}

// Names that clash, shapes that lie and names of files that say nothing are refused.
func TestNumbersRefused(t *testing.T) {
	twice, lies, good := &Set{}, &Set{}, &Set{}
	AddNumber(twice, "a", 1)
	AddNumber(twice, "a", 2)
	AddArray(lies, "a", []float64{1, 2, 3}, 2, 2)
	AddMatrix(good, "none", [][]float64{})
	for ending, n := range map[string]*Set{".csv": twice, ".npz": lies, ".txt": good} {
		if Write(io.Discard, ending, n) == nil {
			t.Errorf("%s: no error", ending)
		}
	}
	if err := Write(io.Discard, ".csv", good); err != nil {
		t.Errorf("an array of nothing: %v", err)
	}
}

// Arrays are found by their names and come back as they went in, rows of a matrix one by one.
func TestValuesAndRows(t *testing.T) {
	n := &Set{}
	AddTexts(n, "names", []string{"a", "b"})
	AddMatrix(n, "maps", [][]float32{{1, 2, 0.5}, {-4, 5, 6}})
	AddVector(n, "label", []uint8{7, 9})
	if got := n.Values("label"); !slices.Equal(got, []float64{7, 9}) {
		t.Errorf("values %v", got)
	}
	rows := n.Rows("maps")
	if len(rows) != 2 || !slices.Equal(rows[0], []float64{1, 2, 0.5}) || !slices.Equal(rows[1], []float64{-4, 5, 6}) {
		t.Errorf("rows %v", rows)
	}
	if n.Values("names") != nil || n.Values("other") != nil || n.Rows("label") != nil || n.Rows("other") != nil {
		t.Error("texts, a vector's rows or an array that is not there have numbers")
	}
}
