package mnist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// tiny is an official set small enough to serve, with its files by name. It has no source.
func tiny(t testing.TB) (official, map[string][]byte) {
	raw := [roleCount][]byte{
		idx(counting(24), 6, 2, 2), idx([]byte{0, 1, 2, 0, 1, 2}, 6),
		idx(counting(12), 3, 2, 2), idx([]byte{2, 1, 0}, 3),
	}
	set := official{name: "tiny", title: "Tiny", classes: []string{"hat", "sock", "belt"}, advice: "sew it yourself"}
	files := make(map[string][]byte)
	for role, data := range raw {
		z := gzipped(t, data)
		set.pins[role] = pin{sum(z), int64(len(z)), sum(data)}
		files[roleNames[role]+".gz"] = z
	}
	return set, files
}

// write puts files into a folder.
func write(t testing.TB, folder string, files map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// names lists a folder, hidden files too; a missing folder is empty.
func names(t testing.TB, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func sorted(files map[string][]byte) []string {
	var list []string
	for name := range files {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// checkCache wants exactly the official files in the folder of the cache.
func checkCache(t *testing.T, cache string, files map[string][]byte) {
	t.Helper()
	folder := filepath.Join(cache, "tiny")
	if diff := cmp.Diff(sorted(files), names(t, folder)); diff != "" {
		t.Errorf("files in the cache (-want +got):\n%s", diff)
	}
	for name, data := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || sum(got) != sum(data) {
			t.Errorf("%s in the cache is not the official file (%v)", name, err)
		}
	}
}

const hard = "train-images-idx3-ubyte.gz" // the file that the servers below make trouble with

// server serves files but hands requests for the hard one to trouble, with the number of requests for it before.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func serve(t *testing.T, files map[string][]byte, trouble func(w http.ResponseWriter, r *http.Request,
	before int),
) *server {
	s := &server{}
	before := 0
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/data/")
		s.mu.Lock()
		s.asked = append(s.asked, name)
		n := before
		if name == hard {
			before++
		}
		s.mu.Unlock()
		data, ok := files[name]
		switch {
		case !ok:
			http.NotFound(w, r)
		case name == hard && trouble != nil:
			trouble(w, r, n)
		default:
			w.Write(data)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) base() string { return s.URL + "/data/" }

func TestFetchFromMirrors(t *testing.T) {
	set, files := tiny(t)
	good := files[hard]
	type trouble = func(w http.ResponseWriter, r *http.Request, before int)
	bad := func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write(flip(good, 20)) }
	tests := []struct {
		name          string
		first         trouble
		onlyFirst     bool
		wantErr       string // part of the message; empty for success
		wantNotice    string // part of a notice
		second        []string
		wantSum       bool // the error has a *ChecksumError
		firstRequests int
	}{
		{name: "all is well", firstRequests: 4},
		{
			name: "bad checksum once",
			first: func(w http.ResponseWriter, r *http.Request, before int) {
				if before == 0 {
					bad(w, r, before)
					return
				}
				w.Write(good)
			},
			wantNotice: hard + ": want sha256 " + sum(good) + ", got " + sum(flip(good, 20)), firstRequests: 5,
		},
		{
			name: "bad checksum twice", first: bad, onlyFirst: true, wantSum: true, firstRequests: 2,
			wantErr: "want sha256 " + sum(good) + ", got " + sum(flip(good, 20)),
		},
		{name: "bad checksum twice, another mirror", first: bad, second: sorted(files), firstRequests: 2},
		{
			name: "truncated", onlyFirst: true, firstRequests: 2, wantErr: "unexpected EOF",
			first: func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Content-Length", fmt.Sprint(len(good)))
				w.Write(good[:10])
			},
		},
		{
			name: "short without a length", onlyFirst: true, wantSum: true, firstRequests: 2,
			wantErr: fmt.Sprintf("want %d bytes, got 10", len(good)),
			first: func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Write(good[:10])
				w.(http.Flusher).Flush()
			},
		},
		{
			name: "endless", onlyFirst: true, wantSum: true, firstRequests: 2,
			wantErr: fmt.Sprintf("want %d bytes, got at least %d", len(good), len(good)+1),
			first: func(w http.ResponseWriter, r *http.Request, _ int) {
				for r.Context().Err() == nil {
					if _, err := w.Write(good); err != nil {
						return
					}
				}
			},
		},
		{
			name: "not there, another mirror", second: sorted(files), wantNotice: hard + ": 404 Not Found",
			firstRequests: 1,
			first:         func(w http.ResponseWriter, r *http.Request, _ int) { http.NotFound(w, r) },
		},
		{
			name: "broken server alone", onlyFirst: true, wantErr: hard + ": 503 Service Unavailable", firstRequests: 1,
			first: func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusServiceUnavailable) },
		},
		{
			name: "web page instead", onlyFirst: true, wantSum: true, wantErr: "want " + fmt.Sprint(len(good)) +
				" bytes, got 13", firstRequests: 2,
			first: func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write([]byte("<html></html>")) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, second := serve(t, files, tt.first), serve(t, files, nil)
			set := set
			set.mirrors = []string{first.base()}
			if !tt.onlyFirst {
				set.mirrors = append(set.mirrors, second.base())
			}
			var notices []string
			cache := t.TempDir()
			o := Options{Cache: cache, Notice: func(line string) { notices = append(notices, line) }}
			l := &library{sets: []official{set}, client: first.Client()}
			got, err := l.fetch(t.Context(), "tiny", o)
			if tt.wantErr == "" {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(set.files(filepath.Join(cache, "tiny")), got); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
				checkCache(t, cache, files)
			} else {
				var failed *FetchError
				if !errors.As(err, &failed) {
					t.Fatalf("got %v, want a *FetchError", err)
				}
				for _, part := range []string{
					"mnist: cannot get " + hard, "Tiny; ", first.base() + ": ", tt.wantErr,
					set.advice,
				} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("got  %v\nwant …%s…", err, part)
					}
				}
				var sumErr *ChecksumError
				if errors.As(err, &sumErr) != tt.wantSum {
					t.Errorf("a *ChecksumError within: %v, want %v", !tt.wantSum, tt.wantSum)
				}
				if left := names(t, filepath.Join(cache, "tiny")); len(left) != 0 {
					t.Errorf("left in the cache: %v", left)
				}
			}
			if !strings.Contains(strings.Join(notices, "\n"), tt.wantNotice) {
				t.Errorf("notices %q\nwant …%s…", notices, tt.wantNotice)
			}
			if len(first.asked) != tt.firstRequests {
				t.Errorf("the first mirror was asked for %v, want %d requests", first.asked, tt.firstRequests)
			}
			slices.Sort(second.asked)
			if diff := cmp.Diff(tt.second, second.asked); diff != "" {
				t.Errorf("asked of the second mirror (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFetchCancelled(t *testing.T) {
	set, files := tiny(t)
	s := serve(t, files, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Write(files[hard][:10])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	other := serve(t, files, nil)
	set.mirrors = []string{s.base(), other.base()}
	cache := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Cache: cache, Progress: func(_ string, done, _ int64) {
		if done > 0 {
			if len(names(t, filepath.Join(cache, "tiny"))) == 0 {
				t.Error("nothing in the cache's folder during the download, so the check below shows nothing")
			}
			cancel()
		}
	}}
	_, err := (&library{sets: []official{set}, client: s.Client()}).load(ctx, "tiny", o)
	var failed *FetchError
	if !errors.Is(err, context.Canceled) || errors.As(err, &failed) {
		t.Errorf("got %v, want context.Canceled and no talk of sources", err)
	}
	if left := names(t, filepath.Join(cache, "tiny")); len(left) != 0 {
		t.Errorf("left in the cache: %v", left)
	}
	if len(other.asked) != 0 {
		t.Errorf("after the cancellation another mirror was asked for %v", other.asked)
	}
}

func TestFetchProgress(t *testing.T) {
	set, files := tiny(t)
	s := serve(t, files, nil)
	set.mirrors = []string{s.base()}
	last := make(map[string]int64)
	o := Options{Cache: t.TempDir(), Progress: func(file string, done, total int64) {
		if total != int64(len(files[file])) || done < last[file] || done > total {
			t.Errorf("%s: %d of %d after %d, size %d", file, done, total, last[file], len(files[file]))
		}
		last[file] = done
	}}
	l := &library{sets: []official{set}, client: s.Client()}
	if _, err := l.fetch(t.Context(), "tiny", o); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if last[name] != int64(len(data)) {
			t.Errorf("%s: progress ends at %d of %d", name, last[name], len(data))
		}
	}
}

func TestFetchTwiceAtOnce(t *testing.T) {
	set, files := tiny(t)
	s := serve(t, files, nil)
	set.mirrors = []string{s.base()}
	cache := t.TempDir()
	write(t, filepath.Join(cache, "tiny"), map[string][]byte{hard: []byte("left by a crash")})
	const n = 8
	errs := make([]error, n)
	parallel(n, func(i int) {
		l := &library{sets: []official{set}, client: s.Client()}
		var data *Dataset
		if data, errs[i] = l.load(t.Context(), "tiny", Options{Cache: cache}); errs[i] == nil && data.Train.Len() != 6 {
			errs[i] = fmt.Errorf("%d training images", data.Train.Len())
		}
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if _, err := (&library{sets: []official{set}, client: s.Client()}).fetch(t.Context(), "tiny",
		Options{Cache: cache}); err != nil {
		t.Fatal(err)
	}
	checkCache(t, cache, files)
}
