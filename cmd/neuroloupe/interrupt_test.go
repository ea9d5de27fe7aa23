package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/watch"
	"neuroloupe/mnist"
)

// countdown is a context that is cancelled when it has been asked so often whether it is.
type countdown struct {
	context.Context
	cancel context.CancelFunc
	left   atomic.Int64
}

func newCountdown(t *testing.T, n int) *countdown {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c := &countdown{Context: ctx, cancel: cancel}
	c.left.Store(int64(n))
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		c.cancel()
	}
	return c.Context.Err()
}

// TestInterruptedPictures interrupts commands at many places of their work: each ends with 130 and has written nothing
// over what was there, or has done all of its work.
func TestInterruptedPictures(t *testing.T) {
	data, dir := shapes(t), t.TempDir()
	run, npz := filepath.Join(dir, "run"), filepath.Join(dir, "net.npz")
	must(t, "train", data, "--net", "120-6-4", "--epochs", "1", "--out", run)
	must(t, "export", run, "--npz", npz)
	if err := os.Remove(filepath.Join(run, "sheet.png")); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"sheet":     {"sheet", run, "-o"},
		"neuron":    {"neuron", run, "1", "-o"},
		"why":       {"why", run, "--image", "test:0", "-o"},
		"top":       {"top", run, "-o"},
		"report":    {"report", run, "-o"},
		"templates": {"templates", run, "-o"},
		"film":      {"film", run, "-o"},
		"compare":   {"compare", run, run, "-o"},
		"doctor":    {"doctor", run},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "good.png")
			if name == "report" {
				out = filepath.Join(t.TempDir(), "good.html")
			}
			if args[len(args)-1] == "-o" {
				args = append(args, out)
			}
			for n := 0; ; n += 1 + n/2 {
				if err := os.WriteFile(out, []byte("the good picture"), 0o666); err != nil {
					t.Fatal(err)
				}
				var stdout, stderr bytes.Buffer
				code := (&app{ctx: newCountdown(t, n), stdout: &stdout, Screen: watch.NewScreen(&stderr)}).run(args)
				kept := string(mustRead(t, out)) == "the good picture"
				switch {
				case code == exitDone && n == 0:
					t.Fatal("it reads nothing that can be interrupted, so the test shows nothing")
				case code == exitDone && strings.Contains(stderr.String(), "test images"):
					t.Fatalf("after %d looks: as if there were no test images: %s", n, &stderr)
				case code == exitDone:
					return
				case code != exitInterrupted, !kept, name == "doctor" && stdout.Len() > 0:
					t.Fatalf("after %d looks: exit %d, the picture is kept: %v\n%s%s", n, code, kept, &stdout, &stderr)
				}
			}
		})
	}
	t.Run("import", func(t *testing.T) {
		for n := 0; ; n += 1 + n/2 {
			out := filepath.Join(t.TempDir(), "imported")
			a := &app{ctx: newCountdown(t, n), stdout: io.Discard, Screen: watch.NewScreen(io.Discard)}
			code := a.run([]string{"import", npz, "--data", data, "--out", out})
			text, err := os.ReadFile(filepath.Join(out, "run.toml"))
			if err == nil && !strings.Contains(string(text), data) {
				t.Fatalf("after %d looks: exit %d, and a run without its data set:\n%s", n, code, text)
			}
			if code == exitDone && n > 0 {
				return
			}
			if code != exitInterrupted {
				t.Fatalf("after %d looks: exit %d", n, code)
			}
		}
	})
}

// TestMissingIsNotUnread: only a data set that is not there is done without.
func TestMissingIsNotUnread(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	ruined, unread := shapes(t), shapes(t)
	if err := os.Truncate(filepath.Join(ruined, "t10k-images-idx3-ubyte"), 500); err != nil {
		t.Fatal(err)
	}
	labels := filepath.Join(unread, "t10k-labels-idx1-ubyte")
	if err := errors.Join(os.Remove(labels), os.Mkdir(filepath.Join(unread, "x"), 0o777),
		os.Symlink(unread, labels)); err != nil {
		t.Skip("no links here: ", err)
	}
	cache := t.TempDir()
	write := func(set string, data string) string {
		dir := filepath.Join(t.TempDir(), set)
		path := filepath.Join(dir, "t10k-images-idx3-ubyte.gz")
		if err := errors.Join(os.MkdirAll(dir, 0o777), os.WriteFile(path, []byte(data), 0o666)); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(dir)
	}
	t.Setenv("PATH", "") // no go, no apt-get
	for _, tc := range []struct {
		name, set string
		ctx       context.Context
		cache     string
		want      bool
	}{
		{"no such folder", filepath.Join(t.TempDir(), "none"), t.Context(), cache, true},
		{"a folder without data", t.TempDir(), t.Context(), cache, true},
		{"a folder without its labels", unread, t.Context(), cache, true},
		{"nothing in the cache", "mnist", t.Context(), cache, true},
		{"damaged in the cache", "mnist", t.Context(), write("mnist", "damaged"), false},
		{"a damaged folder", ruined, t.Context(), cache, false},
		{"interrupted, of the cache", "mnist", cancelled, cache, false},
		{"interrupted, of a folder", ruined, cancelled, cache, false},
	} {
		_, err := mnist.Load(tc.ctx, tc.set, mnist.Options{Cache: tc.cache, Offline: true})
		if err == nil || dataset.Missing(err) != tc.want {
			t.Errorf("%s: missing is %v, want %v: %v", tc.name, !tc.want, tc.want, err)
		}
	}
	for _, err := range []error{syscall.EIO, syscall.EACCES, &fs.PathError{Op: "read", Path: "x", Err: syscall.EIO}} {
		if dataset.Missing(fmt.Errorf("mnist: %w", err)) {
			t.Errorf("%v is taken for missing", err)
		}
	}
}
