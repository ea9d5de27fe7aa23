package mnist

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoadChecksTheCache(t *testing.T) {
	set, files := tiny(t)
	damage := map[string]func(t *testing.T, path string){
		"a bit flipped":   func(t *testing.T, path string) { rewrite(t, path, flip(files[hard], -1)) },
		"cut short":       func(t *testing.T, path string) { rewrite(t, path, files[hard][:5]) },
		"longer":          func(t *testing.T, path string) { rewrite(t, path, append(slices.Clone(files[hard]), 0)) },
		"empty":           func(t *testing.T, path string) { rewrite(t, path, nil) },
		"another's bytes": func(t *testing.T, path string) { rewrite(t, path, files["train-labels-idx1-ubyte.gz"]) },
	}
	for name, damage := range damage {
		t.Run(name, func(t *testing.T) {
			s := serve(t, files, nil)
			set := set
			set.mirrors = []string{s.base()}
			l := &library{sets: []official{set}, client: s.Client()}
			cache := t.TempDir()
			if _, err := l.fetch(t.Context(), "tiny", Options{Cache: cache}); err != nil {
				t.Fatal(err)
			}
			s.asked = nil
			path := filepath.Join(cache, "tiny", hard)
			damage(t, path)
			var notices []string
			o := Options{Cache: cache, Notice: func(line string) { notices = append(notices, line) }}
			data, err := l.load(t.Context(), "tiny", o)
			if err != nil {
				t.Fatal(err)
			}
			if data.Train.Len() != 6 {
				t.Errorf("%d training images", data.Train.Len())
			}
			if diff := cmp.Diff([]string{hard}, s.asked); diff != "" {
				t.Errorf("fetched again (-want +got):\n%s", diff)
			}
			if len(notices) == 0 || !strings.Contains(notices[0], path) ||
				!strings.Contains(notices[0], "a good copy will replace it") {
				t.Errorf("notices %q do not name %s", notices, path)
			}
			checkCache(t, cache, files)

			s.asked = nil
			if _, err := l.load(t.Context(), "tiny", o); err != nil || len(s.asked) != 0 {
				t.Errorf("whole cache: error %v, fetched %v", err, s.asked)
			}

			damage(t, path)
			l.sets[0].mirrors = nil
			var failed *FetchError
			if _, err := l.load(t.Context(), "tiny", o); !errors.As(err, &failed) ||
				!slices.Equal(failed.Files, []string{hard}) {
				t.Errorf("nowhere to fetch it again: got %v", err)
			}
			var bad *ChecksumError
			if _, err := l.load(t.Context(), "tiny", o); !errors.As(err, &bad) || bad.File != path {
				t.Errorf("once more, the damaged file is no longer named: %v", err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("the bad file, without which it is as if it had never been fetched, is gone: %v", err)
			}
		})
	}
}

func rewrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoadOfficial(t *testing.T) {
	set, files := tiny(t)
	cache := t.TempDir()
	folder := filepath.Join(cache, "tiny")
	write(t, folder, files)
	got, err := (&library{sets: []official{set}}).load(t.Context(), "tiny", Options{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	want := &Dataset{
		Name:   "tiny",
		Train:  &Set{counting(24), []uint8{0, 1, 2, 0, 1, 2}, Grey(2, 2), set.classes},
		Test:   &Set{counting(12), []uint8{2, 1, 0}, Grey(2, 2), set.classes},
		Files:  set.files(folder),
		Origin: "cache " + folder,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadTestOnly(t *testing.T) {
	set, files := tiny(t)
	test := &Set{counting(12), []uint8{2, 1, 0}, Grey(2, 2), set.classes}
	train := &Set{Shape: Grey(2, 2), Classes: set.classes}
	cache, own := t.TempDir(), t.TempDir()
	folder := filepath.Join(cache, "tiny")
	write(t, folder, files)
	write(t, own, files)
	l := &library{sets: []official{set}}
	for _, images := range []string{"whole", "damaged"} {
		for _, o := range []Options{{Cache: cache, TestOnly: true}, {Dir: own, TestOnly: true}} {
			got, err := l.load(t.Context(), "tiny", o)
			if err != nil {
				t.Fatalf("%s training images: %v", images, err)
			}
			if diff := cmp.Diff([]*Set{train, test}, []*Set{got.Train, got.Test}); diff != "" {
				t.Errorf("%s training images (-want +got):\n%s", images, diff)
			}
			if first := got.Files[trainImages]; first.Name != set.files("")[trainImages].Name || first.SHA256 != "" {
				t.Errorf("the training images were not read: %+v", first)
			}
			if got.Files[testImages].SHA256 != set.pins[testImages].sha256 {
				t.Errorf("the test images were read: %+v", got.Files[testImages])
			}
		}
		rewrite(t, filepath.Join(folder, set.files("")[trainImages].Name), []byte("damaged"))
		rewrite(t, filepath.Join(own, set.files("")[trainImages].Name), []byte("damaged"))
	}
	if _, err := os.Stat(filepath.Join(folder, set.files("")[trainImages].Name)); err != nil {
		t.Errorf("a file that is not read is not judged: %v", err)
	}
}

func TestFetchCacheCannotBeUsed(t *testing.T) {
	set, files := tiny(t)
	s := serve(t, files, nil)
	set.mirrors = []string{s.base(), s.base()}
	l := &library{sets: []official{set}, client: s.Client()}
	file := filepath.Join(t.TempDir(), "file")
	write(t, filepath.Dir(file), map[string][]byte{"file": nil})
	_, err := l.fetch(t.Context(), "tiny", Options{Cache: file})
	if err == nil || !strings.Contains(err.Error(), "mnist: cannot use the cache: ") ||
		!strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
	if len(s.asked) != 0 {
		t.Errorf("files were fetched for nothing: %v", s.asked)
	}

	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	for _, o := range []Options{{}, {Offline: true}} {
		_, err := Load(t.Context(), "mnist", o)
		_, verifyErr := Verify(t.Context(), "mnist", o)
		for _, err := range []error{err, verifyErr} {
			if err == nil || !strings.Contains(err.Error(), "mnist: there is no cache folder: ") {
				t.Errorf("no home: got %v", err)
			}
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// openFunc is a source of one stream for every file.
type openFunc func() io.Reader

func (f openFunc) String() string { return "the source" }
func (f openFunc) open(context.Context, string, string) (io.ReadCloser, error) {
	return io.NopCloser(f()), nil
}

func TestFullDiskIsNotTheSourcesFault(t *testing.T) {
	set, files := tiny(t)
	f := set.files(t.TempDir())[trainImages]
	_, err := readChecked(t.Context(), bytes.NewReader(files[hard]), f, "source", full{}, nil)
	var cache *cacheError
	if !errors.As(err, &cache) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("readChecked: %v", err)
	}
	// fill must hand such an error up at once, and not look for another source.
	f.Path = filepath.Join(t.TempDir(), "gone", f.Name)
	var have [roleCount]*kept
	src := openFunc(func() io.Reader { return bytes.NewReader(files[hard]) })
	if n, failed, err := fill(t.Context(), src, []File{f}, &have, t.TempDir(), Options{}); n != 0 || failed != nil ||
		!errors.As(err, &cache) {
		t.Errorf("fill: %d files, %v, %v", n, failed, err)
	}
}

// TestDamagedInAReadOnlyCache: what is wrong is said, and not only that it cannot be mended.
func TestDamagedInAReadOnlyCache(t *testing.T) {
	set, files := tiny(t)
	s := serve(t, files, nil)
	set.mirrors = []string{s.base()}
	l := &library{sets: []official{set}, client: s.Client()}
	cache := t.TempDir()
	folder := filepath.Join(cache, "tiny")
	write(t, folder, files)
	path := filepath.Join(folder, hard)
	rewrite(t, path, flip(files[hard], -1))
	if err := os.Chmod(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(folder, 0o755) })
	if os.WriteFile(filepath.Join(folder, "probe"), nil, 0o600) == nil {
		t.Skip("this user may write everywhere")
	}
	for _, offline := range []bool{false, true} {
		_, err := l.load(t.Context(), "tiny", Options{Cache: cache, Offline: offline})
		var bad *ChecksumError
		if !errors.As(err, &bad) || bad.File != path || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("offline %v: got %v, want the damage and why it stays", offline, err)
		}
	}
}

// cancelling cancels its context at one of its readings.
type cancelling struct {
	r      io.Reader
	at     int
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	if c.at--; c.at < 0 {
		c.cancel()
	}
	return c.r.Read(p[:min(len(p), 64)])
}

// TestReadingIsInterrupted: reading stops between two readings, of what arrives and of what lies in the cache.
func TestReadingIsInterrupted(t *testing.T) {
	set, files := tiny(t)
	f := set.files(t.TempDir())[trainImages]
	for at := range (len(files[hard]) - 1) / 64 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := &cancelling{bytes.NewReader(files[hard]), at, cancel}
		if _, err := readChecked(ctx, r, f, "source", io.Discard, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("reading %d: got %v", at, err)
		}
	}
	cache := t.TempDir()
	write(t, filepath.Join(cache, "tiny"), files)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &library{sets: []official{set}}
	for _, o := range []Options{
		{Cache: cache},
		{Cache: cache, Offline: true, TestOnly: true},
		{Cache: t.TempDir(), Offline: true},
	} {
		_, err := l.load(ctx, "tiny", o)
		var failed *FetchError
		if !errors.Is(err, context.Canceled) || errors.As(err, &failed) {
			t.Errorf("%+v: got %v, want context.Canceled alone", o, err)
		}
	}
}
