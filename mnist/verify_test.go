package mnist

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestVerifyCache(t *testing.T) {
	set, files := tiny(t)
	l := &library{sets: []official{set}}
	cache := t.TempDir()
	folder := filepath.Join(cache, "tiny")
	write(t, folder, files)
	bad, gone := filepath.Join(folder, hard), filepath.Join(folder, "t10k-labels-idx1-ubyte.gz")
	damaged := flip(files[hard], 20)
	rewrite(t, bad, damaged)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	got, err := l.verify(t.Context(), "tiny", Options{Cache: cache})
	if err != nil || len(got) != 4 {
		t.Fatalf("got %v, %v", got, err)
	}
	var sumErr *ChecksumError
	if s := got[trainImages]; !errors.As(s.Err, &sumErr) || sumErr.Got != sum(damaged) || s.Official != "" ||
		s.SHA256 != sum(damaged) {
		t.Errorf("bad file: %+v", s)
	}
	if s := got[testLabels]; !errors.Is(s.Err, fs.ErrNotExist) || s.Path != gone || s.SHA256 != "" || s.Official != "" {
		t.Errorf("missing file: %+v", s)
	}
	for _, role := range []int{trainLabels, testImages} {
		s := got[role]
		if s.Err != nil || s.Official != "tiny" || s.SHA256 != s.Want || s.Want != set.pins[role].sha256 {
			t.Errorf("good file: %+v", s)
		}
	}
	if left := names(t, folder); len(left) != 3 {
		t.Errorf("the cache has changed: %v", left)
	}
}

func TestVerifyFolder(t *testing.T) {
	set, files := tiny(t)
	l := &library{sets: []official{set}}
	dir := t.TempDir()
	raw := idx(counting(24), 6, 2, 2)
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err == nil {
		_, err = z.Write(idx(counting(12), 3, 2, 2))
	}
	if err := errors.Join(err, z.Close()); err != nil || bytes.Equal(b.Bytes(), files["t10k-images-idx3-ubyte.gz"]) {
		t.Fatalf("it is compressed as the official one is (%v)", err)
	}
	regzipped := b.Bytes()
	write(t, dir, map[string][]byte{
		"train-images-idx3-ubyte":   raw,                                  // official, decompressed
		"train-labels-idx1-ubyte":   idx([]byte{1, 1, 1, 1, 1, 1}, 6),     // own
		"t10k-images-idx3-ubyte.gz": regzipped,                            // official, compressed otherwise
		"t10k-labels-idx1-ubyte":    append(idx([]byte{1}, 1), "more"...), // malformed
	})
	for _, byName := range []bool{true, false} {
		name, o := dir, Options{}
		if byName {
			name, o = "tiny", Options{Dir: dir}
		}
		got, err := l.verify(t.Context(), name, o)
		if err != nil || len(got) != 4 {
			t.Fatalf("got %v, %v", got, err)
		}
		for role, official := range []string{"tiny", "", "tiny", ""} {
			if got[role].Official != official {
				t.Errorf("%s: official %q, want %q", got[role].Name, got[role].Official, official)
			}
			want := ""
			if byName {
				want = set.pins[role].sha256
			}
			if got[role].Want != want {
				t.Errorf("%s: want sha256 %q, want %q", got[role].Name, got[role].Want, want)
			}
		}
		var format *FormatError
		if s := got[testLabels]; !errors.As(s.Err, &format) || s.Bytes != 13 ||
			s.SHA256 != sum(append(idx([]byte{1}, 1), "more"...)) {
			t.Errorf("malformed file: %+v", s)
		}
		for _, role := range []int{trainImages, trainLabels, testImages} {
			if got[role].Err != nil {
				t.Errorf("good file: %v", got[role].Err)
			}
		}
	}
}
