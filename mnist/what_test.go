package mnist

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// zipped is a zip archive of files with these names.
func zipOf(t *testing.T, names ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestForeignFiles: what is no IDX file is called what it is, in place of a file of a set and in place of a folder.
func TestForeignFiles(t *testing.T) {
	keras := zipOf(t, "x_test.npy", "x_train.npy", "y_train.npy", "y_test.npy")
	tests := []struct {
		name, file string
		data       []byte
		kind       string // of the error for a file of a set
		given      string // of the error for a path in place of a folder
	}{
		{"empty", "e", nil, "the file is empty: get it again", "is an empty file; "},
		{
			"Git LFS", "p", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:44\nsize 9\n"),
			"a Git LFS pointer, which stands for the data: run git lfs pull", "is a Git LFS pointer; ",
		},
		{
			"git-annex", "a", []byte("/annex/objects/SHA256E-s9--44\n"), "a git-annex pointer",
			"is a git-annex pointer; ",
		},
		{"web page", "w", []byte("\n <!doctype html>"), "looks like a web page", "is a web page; "},
		{
			"an answer of a server", "x", []byte(`{"error": "rate limit"}`),
			"this is JSON, not an IDX file: if it is an error", "is JSON; ",
		},
		{
			"numpy archive", "mnist.npz", keras, "this is a numpy archive",
			"is a numpy archive of x_test, x_train, y_train, y_test; data sets are read as a folder of four IDX " +
				"files so far: convert it with python3 -c ",
		},
		{
			"other arrays", "k.npz", zipOf(t, "arr_0.npy"), "this is a numpy archive",
			"of arr_0 (put these names for x_train, y_train, x_test and y_test below)",
		},
		{
			"zip", "archive.zip", zipOf(t, "train-images-idx3-ubyte"),
			"this is a zip archive, not an IDX file: unpack it",
			"is a zip archive; ",
		},
		{"table", "mnist_train.csv", []byte("5,0,0,0,255,1\n"), "this is a table of text", "skiprows=0);"},
		{
			"table with names", "train.csv", []byte("label,1x1,1x2,1x3,1x4\n5,0,0,0,255\n"), "this is a table of text",
			"skiprows=1);",
		},
		{"Parquet", "m.parquet", []byte("PAR1\x15\x04"), "a Parquet table", "is a Parquet table; "},
		{"a picture", "m.png", []byte("\x89PNG\r\n\x1a\n"), "this is a picture", "is a picture; "},
		{"HDF5", "m.h5", []byte("\x89HDF\r\n\x1a\n"), "an HDF5 file", "is an HDF5 file; "},
		{"MATLAB", "m.mat", []byte("MATLAB 5.0 MAT-file"), "a MATLAB file", "is a MATLAB file; "},
		{"pickle", "m.pkl", []byte("\x80\x04\x95\x01"), "a Python pickle", "is a Python pickle; "},
		{"gzip twice", "g", nil, "compressed twice", "is gzip; "},
		{"IDX", "odd-name", idx(counting(4), 1, 2, 2), "", "is one file of a data set: give the folder that it is in"},
		{"something", "s", []byte("\x01\x02\x03\x04\x05"), "this is not an IDX file", "is a file, not a folder; "},
	}
	tests[len(tests)-3].data = gzipped(t, idx(counting(4), 1, 2, 2))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string][]byte{tt.file: tt.data})
			path := filepath.Join(dir, tt.file)
			_, err := Load(t.Context(), path, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.given) || !strings.Contains(err.Error(), path) {
				t.Errorf("got  %v\nwant …%s…", err, tt.given)
			}
			stored := tt.data
			if tt.name == "gzip twice" {
				stored = gzipped(t, stored)
			}
			if _, err = ReadImages(bytes.NewReader(stored), "f"); tt.kind != "" &&
				(err == nil || !strings.Contains(err.Error(), tt.kind)) {
				t.Errorf("got  %v\nwant …%s…", err, tt.kind)
			}
			if tt.kind == "" && err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPythonLines runs the lines that errors give.
func TestPythonLines(t *testing.T) {
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("no numpy here")
	}
	dir := t.TempDir()
	script := func(line string, args ...string) {
		t.Helper()
		cmd := exec.Command(python, append([]string{"-c", line}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	script("import numpy as n;a=n.arange(48).reshape(12,2,2).astype('u1');" +
		"n.savez('m.npz',x_train=a[:10],y_train=n.arange(10)%3,x_test=a[10:],y_test=n.array([2,1]));" +
		"n.savetxt('m.csv',n.column_stack([[*range(10)]+[2,1],a.reshape(12,4)]),'%d',','," +
		"header='label,a,b,c,d',comments='')")
	for _, line := range [][]string{{pythonNPZ, "m.npz"}, {fmt.Sprintf(pythonTable, 1), "m.csv"}} {
		if strings.ContainsAny(line[0], "\"$`!\\") {
			t.Errorf("a shell reads something into %s", line[0])
		}
		script(line[0], line[1])
		d, err := Load(t.Context(), filepath.Join(dir, "idx"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Train.Len() != 10 || d.Test.Len() != 2 || d.Train.Rows != 2 || d.Train.Cols != 2 ||
			d.Test.Labels[1] != 1 || d.Test.Image(1)[3] != 47 {
			t.Errorf("%s: %+v", line[1], d)
		}
		if err := os.RemoveAll(filepath.Join(dir, "idx")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFoldersOfPictures(t *testing.T) {
	for name, files := range map[string][]string{
		"/train /test":   {"test/b/1.PNG", "test/a/1.png", "train/a/2.jpg", "train/b/3.png"},
		"/x y' '/x y'":   {"x y/a/1.png", "x y/b/2.png"},
		"/Train /valid ": {"Train/a/1.bmp", "valid/a/1.bmp"},
	} {
		dir := t.TempDir()
		for _, f := range files {
			write(t, filepath.Join(dir, filepath.Dir(f)), map[string][]byte{filepath.Base(f): nil})
		}
		given := dir
		if strings.HasPrefix(name, "/x y") {
			given = filepath.Join(dir, "x y")
		}
		_, err := Load(t.Context(), given, Options{})
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir, ""), name) ||
			!strings.Contains(err.Error(), "python3 -c") {
			t.Errorf("got  %v\nwant …%s…", err, name)
		}
	}
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"README.md": nil, "train.csv": []byte("label,p0,p1,p2,p3\n")})
	if _, err := Load(t.Context(), dir, Options{}); err == nil ||
		!strings.Contains(err.Error(), "train.csv is a table of text") {
		t.Errorf("a folder with a table: %v", err)
	}
}
