package safetensors

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder returns the names of the files in dir.
func folder(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func constant(n int, v float32) []Tensor {
	data := make([]float32, n)
	for i := range data {
		data[i] = v
	}
	return []Tensor{{"w", []int{n}, data}}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "weights.safetensors")
	for _, want := range [][]Tensor{constant(3, 1), constant(100_000, 2), constant(1, 3)} { // new, longer, shorter
		if err := WriteFile(path, want, map[string]string{"k": "v"}); err != nil {
			t.Fatal(err)
		}
		got, meta, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("tensors (-want +got):\n%s", d)
		}
		if d := cmp.Diff(map[string]string{"k": "v"}, meta); d != "" {
			t.Errorf("metadata (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"weights.safetensors"}, folder(t, dir)); d != "" {
			t.Errorf("files in the folder (-want +got):\n%s", d)
		}
	}
}

func TestWriteFileErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path string
		tensors    []Tensor
		want       string
	}{
		{"parent is a file", filepath.Join(file, "w"), constant(1, 1), "not a directory"},
		{"parent is missing", filepath.Join(dir, "none", "w"), constant(1, 1), "no such file or directory"},
		{"path is a folder", sub, constant(1, 1), sub},
		{"no path", "", constant(1, 1), "no such file or directory"},
		{"bad tensor", file, []Tensor{{"w", []int{2}, nil}}, file + `: tensor "w": 0 values, want 2 = 2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(dir)
			err := WriteFile(tc.path, tc.tensors, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != "old" {
				t.Errorf("the file beside it is now %q, error %v", got, err)
			}
			if d := cmp.Diff([]string{"file", "sub"}, folder(t, dir)); d != "" {
				t.Errorf("files in the folder (-want +got):\n%s", d)
			}
		})
	}
}

// TestWriteFileConcurrent: writers of the same path do not mix, and who reads meanwhile sees a whole file.
func TestWriteFileConcurrent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w")
	if err := WriteFile(path, constant(5000, 0), nil); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for range 10 {
				if err := WriteFile(path, constant(5000+i, float32(i)), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		writers.Wait()
		close(done)
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		tensors, _, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := tensors[0].Data; d[0] != d[len(d)-1] || d[0] != 0 && len(d) != 5000+int(d[0]) {
			t.Fatalf("read a mixed file: %d values from %v to %v", len(d), d[0], d[len(d)-1])
		}
	}
	if d := cmp.Diff([]string{"w"}, folder(t, dir)); d != "" {
		t.Errorf("files in the folder (-want +got):\n%s", d)
	}
}
