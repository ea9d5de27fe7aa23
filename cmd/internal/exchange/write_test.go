package exchange

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"neuroloupe/engine"
)

func smallNet(t testing.TB) engine.Params {
	t.Helper()
	n, err := Read("testdata/small-float32.npz", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return n.Params
}

func sameParams(t *testing.T, got, want engine.Params) {
	t.Helper()
	for i := range want {
		if got[i].Name != want[i].Name || !slices.Equal(got[i].Data, want[i].Data) ||
			!slices.Equal(got[i].Shape, want[i].Shape) {
			t.Errorf("%s %v differs from %s %v", got[i].Name, got[i].Shape, want[i].Name, want[i].Shape)
		}
	}
}

// Array for array the bytes are those that numpy itself writes.
func TestNPZIsNumpys(t *testing.T) {
	var b bytes.Buffer
	if err := WriteNPZ(&b, smallSpec(), smallNet(t)); err != nil {
		t.Fatal(err)
	}
	got, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	want, err := zip.OpenReader("testdata/small-float32.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if len(got.File) != len(want.File) {
		t.Fatalf("%d arrays, want %d", len(got.File), len(want.File))
	}
	content := func(f *zip.File) []byte {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i, f := range want.File {
		if g := got.File[i]; g.Name != f.Name || !bytes.Equal(content(g), content(f)) {
			t.Errorf("%s:\n%q, numpy's %s:\n%q", g.Name, content(g), f.Name, content(f))
		}
	}
}

func TestWrittenNetsReadBack(t *testing.T) {
	s, ps := smallSpec(), smallNet(t)
	s.Layers[0].Activation, s.Layers[1].Activation, s.Loss = engine.Tanh, engine.Softmax, engine.CrossEntropy
	labels := Labels{Rows: 2, Cols: 3, Classes: []string{"T-shirt/top", "a, b", "0"}}
	var npz, st bytes.Buffer
	if err := WriteNPZ(&npz, s, ps); err != nil {
		t.Fatal(err)
	}
	if err := WriteSafetensors(&st, s, ps, labels); err != nil {
		t.Fatal(err)
	}
	got, err := readBytes(npz.Bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameParams(t, got.Params, ps)
	if got, err = readBytes(st.Bytes(), Options{}); err != nil {
		t.Fatal(err)
	}
	sameParams(t, got.Params, ps)
	m := got.Meta
	if m.Hidden != "tanh" || m.Output != "softmax" || m.Loss != "cross-entropy" || m.Image != "2x3" ||
		!slices.Equal(m.Classes, labels.Classes) {
		t.Errorf("%+v", m)
	}
}

func TestCSV(t *testing.T) {
	dir, ps := filepath.Join(t.TempDir(), "a", "b"), smallNet(t)
	ps[0].Data[0], ps[0].Data[1] = float32(math.Inf(1)), math.SmallestNonzeroFloat32
	paths, err := WriteCSV(dir, ps)
	if err != nil || len(paths) != len(ps) {
		t.Fatal(paths, err)
	}
	for i, p := range ps {
		f, err := os.Open(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		for _, row := range rows[1:] {
			for _, text := range row {
				v, err := strconv.ParseFloat(text, 32)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, float32(v))
			}
		}
		if filepath.Base(paths[i]) != p.Name+".csv" || !slices.Equal(got, p.Data) || rows[0][1] != "1" ||
			len(rows[0]) != p.Shape[len(p.Shape)-1] {
			t.Errorf("%s: %v, want %v", paths[i], got, p.Data)
		}
	}
}
