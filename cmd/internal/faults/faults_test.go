package faults_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"neuroloupe/cmd/internal/faults"
)

const limit = 2 * time.Minute // of a program that does next to nothing

// programs are what is followed: this test's own binary with one of these names in HELPER. Each works in its folder.
var programs = map[string]func() error{
	"replace": func() error {
		if err := os.WriteFile("a.0123abcd.tmp", []byte("new text"), 0o666); err != nil {
			return err
		}
		return os.Rename("a.0123abcd.tmp", "a")
	},
	"tidy": func() error {
		if err := os.MkdirAll("sub/deep", 0o777); err != nil {
			return err
		}
		if err := os.WriteFile("sub/deep/x", nil, 0o666); err != nil {
			return err
		}
		return os.RemoveAll("sub")
	},
	"close": func() error {
		f, err := os.Open("a")
		if err != nil {
			return err
		}
		return f.Close()
	},
	"threads": func() error {
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				for range 25 {
					_, err := os.Stat(fmt.Sprintf("t%d", i))
					errs[i] = errors.Join(errs[i], err)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	},
	"wait": func() error { select {} },
}

func TestMain(m *testing.M) {
	if f := programs[os.Getenv("HELPER")]; f != nil {
		if len(os.Args) == 2 && os.Args[1] == "wait" {
			time.Sleep(time.Hour)
		}
		if err := f(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// follow runs one of the programs in a folder with a file a and t0 to t7, and returns what it said.
func follow(t *testing.T, program string, c faults.Command) (r faults.Result, dir, said string) {
	t.Helper()
	if err := faults.Supported(); err != nil {
		t.Skip(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	talk, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer talk.Close()
	if c.Path, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	c.Dir, c.Root, c.Stderr, c.Env = dir, dir, talk, append(os.Environ(), "HELPER="+program)
	if r, err = c.Run(limit); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(talk.Name())
	if err != nil {
		t.Fatal(err)
	}
	return r, dir, string(text)
}

// at is a fault at one call.
func at(call string, f faults.Fault) faults.Command {
	return faults.Command{Decide: func(c faults.Call) faults.Fault {
		if c.String() == call {
			return f
		}
		return faults.Fault{}
	}}
}

func calls(r faults.Result) string {
	var names []string
	for _, c := range r.Calls {
		names = append(names, c.String())
	}
	return strings.Join(names, " ")
}

func TestCalls(t *testing.T) {
	for program, want := range map[string]string{
		"replace": "openat_a~_1 write_a~_1 close_a~_1 newfstatat_a_1 renameat_a~_1",
		"tidy": "newfstatat_sub/deep_1 newfstatat_sub_1 mkdirat_sub_1 mkdirat_sub/deep_1 " +
			"openat_sub/deep/x_1 write_sub/deep/x_1 close_sub/deep/x_1 unlinkat_sub_1 unlinkat_sub_2",
		"close": "openat_a_1 close_a_1",
	} {
		r, _, said := follow(t, program, faults.Command{})
		if r.Exit != 0 {
			t.Errorf("%s: %v %s", program, r, said)
		}
		// What os.RemoveAll asks for first is its own affair.
		if got := calls(r); !strings.HasPrefix(got, want) {
			t.Errorf("%s: calls %s\nwant %s", program, got, want)
		}
		for i, c := range r.Calls {
			if c.N != i+1 {
				t.Errorf("%s: call %d has number %d", program, i+1, c.N)
			}
		}
	}
}

// What a fault does to the call, and to the files.
func TestFaults(t *testing.T) {
	const none = "-"
	eio, full := faults.Fault{Errno: syscall.EIO}, faults.Fault{Errno: syscall.ENOSPC}
	before, after := faults.Fault{Kill: faults.Before}, faults.Fault{Kill: faults.After}
	half, torn := faults.Fault{Half: true}, faults.Fault{Half: true, Kill: faults.After}
	for _, tc := range []struct {
		program, call string
		fault         faults.Fault
		said          string // part of it; it then exits with 1
		a, left       string // what a and the file beside it hold
	}{
		{"replace", "", faults.Fault{}, "", "new text", none},
		{"replace", "openat_a~_1", full, "no space left on device", "old", none},
		{"replace", "write_a~_1", eio, "input/output error", "old", ""},
		{"replace", "write_a~_1", half, "", "new text", none},
		{"replace", "write_a~_1", torn, "", "old", "new "},
		{"replace", "write_a~_1", before, "", "old", ""},
		{"replace", "write_a~_1", after, "", "old", "new text"},
		{"replace", "renameat_a~_1", eio, "rename a.0123abcd.tmp a: input/output error", "old", "new text"},
		{"replace", "renameat_a~_1", before, "", "old", "new text"},
		{"replace", "renameat_a~_1", after, "", "new text", none},
		{"tidy", "mkdirat_sub/deep_1", full, "sub/deep: no space left on device", "old", none},
		{"close", "close_a_1", eio, "close a: input/output error", "old", none},
		{"threads", "newfstatat_t3_17", eio, "stat t3: input/output error", "old", none},
	} {
		name := fmt.Sprintf("%s %s %v", tc.program, tc.call, tc.fault)
		r, dir, said := follow(t, tc.program, at(tc.call, tc.fault))
		want := 0
		switch {
		case tc.fault.Kill != faults.Never:
			want = -1
		case tc.said != "":
			want = 1
		}
		if r.Exit != want || !strings.Contains(said, tc.said) || strings.Count(said, "\n") > 1 || r.Hung {
			t.Errorf("%s: %v, %q; want %d, %q", name, r, said, want, tc.said)
		}
		if killed := r.Signal == syscall.SIGKILL; killed != (want < 0) {
			t.Errorf("%s: killed %v", name, killed)
		}
		for file, want := range map[string]string{"a": tc.a, "a.0123abcd.tmp": tc.left} {
			got := none
			if text, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
				got = string(text)
			}
			if got != want {
				t.Errorf("%s: %s holds %q, want %q", name, file, got, want)
			}
		}
	}
}

// Each thread's calls are counted by the file they are about, and all by one counter.
func TestThreads(t *testing.T) {
	r, _, said := follow(t, "threads", faults.Command{})
	if r.Exit != 0 || len(r.Calls) != 200 {
		t.Fatalf("%v, %d calls, want 200\n%s", r, len(r.Calls), said)
	}
	seen := map[string]int{}
	for i, c := range r.Calls {
		seen[c.File]++
		if c.N != i+1 || c.K != seen[c.File] {
			t.Errorf("call %d: N %d, %v; want its place %d", i+1, c.N, c, seen[c.File])
		}
	}
}

// Every call fails from one on, as on a disk that stays full; what is told of calls that are done.
func TestDecideAndDone(t *testing.T) {
	var done []string
	n := 0
	r, _, _ := follow(t, "threads", faults.Command{
		Decide: func(c faults.Call) faults.Fault {
			if n++; n > 150 {
				return faults.Fault{Errno: syscall.EIO}
			}
			return faults.Fault{}
		},
		Done: func(c faults.Call) { done = append(done, c.String()) },
	})
	if r.Exit != 1 || len(r.Calls) != 200 || len(done) != 150 {
		t.Errorf("%v, %d calls of which %d are done, want 200 and 150", r, len(r.Calls), len(done))
	}
}

func TestKilledAtACall(t *testing.T) {
	whole, _, _ := follow(t, "replace", faults.Command{})
	for _, n := range []int{1, whole.Total / 2} {
		if r, _, _ := follow(t, "replace", faults.Command{KillAt: n}); r.Signal != syscall.SIGKILL || r.Total < n {
			t.Errorf("killed before call %d: %v after %d calls", n, r, r.Total)
		}
	}
}

// A program that does not end is ended.
func TestHung(t *testing.T) {
	if err := faults.Supported(); err != nil {
		t.Skip(err)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := faults.Command{Path: path, Args: []string{"wait"}, Env: append(os.Environ(), "HELPER=wait"), Root: "/nowhere"}
	r, err := c.Run(200 * time.Millisecond)
	if err != nil || !r.Hung || r.Signal != syscall.SIGKILL {
		t.Errorf("%v, %v", r, err)
	}
}

// Several programs are followed at the same time.
func TestAtTheSameTime(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for _, f := range []faults.Fault{{}, {Errno: syscall.EIO}, {Kill: faults.Before}} {
				r, _, said := follow(t, "replace", at("renameat_a~_1", f))
				if (r.Exit == 0) != (f == faults.Fault{}) || r.Hung {
					t.Errorf("%v: %v %s", f, r, said)
				}
			}
		})
	}
}
