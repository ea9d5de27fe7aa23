package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"neuroloupe/cmd/internal/faults"
	"neuroloupe/cmd/internal/strokes"
)

// faultLimit is how long a command may take. Undisturbed it takes a tenth of a second, post a few.
const faultLimit = 3 * time.Minute

// scenario is a command in a world, and how it is taken up again.
type scenario struct {
	name  string
	args  []string
	extra func(t *testing.T, root string) // puts more into the world; nil for nothing
	again func(root string) []string      // the command after a fault; nil for the same
	// the command that it names when it refuses to be repeated; nil when it never does
	other []string
	part  string // a file that it writes even when something is missing; see partial
	kills int    // its share of the random kills, in 1,000
	sweep bool   // every file call of it is failed
	// other places that it turns to when one fails, each of which it names and says why it could not be had
	others int
}

func scenarios() []scenario {
	return []scenario{
		{
			name: "train", args: trainInto("new"), kills: 200, sweep: true,
			again: func(root string) []string {
				if _, err := os.Stat(filepath.Join(root, "new", "run.toml")); err == nil {
					return []string{"train", "--resume", "new"}
				}
				return trainInto("new")
			},
		},
		{name: "resume", args: []string{"train", "--resume", "cut"}, kills: 200, sweep: true},
		{name: "prolong", args: []string{"train", "--resume", "run", "--epochs", "3"}, kills: 50, sweep: true},
		{
			name: "sheet", kills: 100, sweep: true,
			args: []string{"sheet", "run", "-o", "out/sheet.png", "--data", "out/sheet.npz"},
		},
		{
			name: "report", kills: 100, sweep: true, part: "out/report.html",
			args: []string{"report", "run", "-o", "out/report.html"},
		},
		{name: "film", args: []string{"film", "run", "-o", "out/film.gif"}, sweep: true},
		{
			name: "import", kills: 150, sweep: true,
			args:  []string{"import", "net.npz", "--data", "data", "--out", "imported"},
			other: []string{"sheet", "imported"}, // of an import that lacks nothing else
		},
		{
			name: "export", kills: 100, sweep: true,
			args: []string{
				"export", "run", "--safetensors", "out/net.safetensors", "--npz", "out/net.npz",
				"--onnx", "out/net.onnx", "--csv", "out/tables",
			},
		},
		{name: "fetch", args: []string{"data", "fetch", "mnist"}, extra: mnistFiles, sweep: true, others: 2},
		{name: "post", args: []string{"post", "data", "--out", "post", "--class", "1", "--device", "cpu"}, kills: 100},
	}
}

// trainInto trains a small network.
func trainInto(folder string) []string {
	return []string{
		"train", "data", "--out", folder, "--net", "120-4-4", "--epochs", "2", "--batch", "10", "--split", "70/20",
		"--device", "cpu", "--workers", "1",
	}
}

// world is a folder with a data set, a run, a run that was killed, a network from elsewhere, and pictures from before.
// It lies at one path for good, for paths are among what is written.
type world struct {
	t       *testing.T
	program string
	root    string // where commands run
	home    string // beside it, what they leave there is not looked at
	base    string // a copy of the root as it was made
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if err := faults.Supported(); err != nil {
		t.Skip(err)
	}
	program, err := exec.LookPath("neuroloupe") // testscript.Main puts it there
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, program: program,
		root: filepath.Join(dir, "w"), home: filepath.Join(dir, "home"), base: filepath.Join(dir, "base"),
	}
	for _, d := range []string{"cache", "tmp", "out"} {
		w.must(os.MkdirAll(filepath.Join(w.root, d), 0o777))
	}
	w.must(os.MkdirAll(filepath.Join(w.home, "bin"), 0o777))
	w.must(strokes.Write(filepath.Join(w.root, "data"), 90))
	w.run(trainInto("run"))
	w.run([]string{"sheet", "run", "--show", "raw", "-o", "out/sheet.png"})
	w.run([]string{"export", "run", "--npz", "net.npz"})
	for _, name := range []string{"sheet.npz", "report.html", "film.gif", "net.onnx"} {
		w.must(os.WriteFile(filepath.Join(w.root, "out", name), []byte("from before\n"), 0o666))
	}
	// The run to take up was killed when half of its second line of metrics was written.
	inTheLine := func(c faults.Call) faults.Fault {
		if c.String() == "write_cut/metrics.jsonl_2" {
			return faults.Fault{Half: true, Kill: faults.After}
		}
		return faults.Fault{}
	}
	r, err := w.follow(trainInto("cut"), faults.Command{Decide: inTheLine})
	w.must(err)
	if r.Exit >= 0 {
		t.Fatalf("the run was not killed in its second line of metrics: %v\n%s", r.Result, r.stderr)
	}
	w.must(os.Remove(filepath.Join(w.root, "stdout")))
	w.must(os.CopyFS(w.base, os.DirFS(w.root)))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// reset makes the world as it was, with what a scenario adds.
func (w *world) reset(t *testing.T, s scenario) error {
	if err := errors.Join(os.RemoveAll(w.root), os.RemoveAll(w.home)); err != nil {
		return err
	}
	err := errors.Join(os.CopyFS(w.root, os.DirFS(w.base)), os.MkdirAll(filepath.Join(w.home, "bin"), 0o777))
	if err != nil {
		return err
	}
	if s.extra != nil {
		s.extra(t, w.root)
	}
	return nil
}

// env has no network, and no go but the one that mnistFiles makes.
func (w *world) env() []string {
	const nowhere = "http://127.0.0.1:9"
	return []string{
		"PATH=" + filepath.Join(w.home, "bin"), "HOME=" + w.home,
		"XDG_CACHE_HOME=" + filepath.Join(w.root, "cache"), "TMPDIR=" + filepath.Join(w.root, "tmp"),
		"HTTP_PROXY=" + nowhere, "HTTPS_PROXY=" + nowhere, "GOMAXPROCS=2", "NEUROLOUPE_LIBCUDA=",
	}
}

// outcome is how a command ended and what it said.
type outcome struct {
	faults.Result
	stdout, stderr string
}

// run runs a command that must succeed.
func (w *world) run(args []string) {
	w.t.Helper()
	if o, err := w.undisturbed(args); err != nil || o.Exit != 0 {
		w.t.Fatalf("neuroloupe %s: %v %v\n%s", strings.Join(args, " "), err, o.Result, o.stderr)
	}
}

// undisturbed runs a command without following it.
func (w *world) undisturbed(args []string) (o outcome, err error) {
	var out, talk bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
	defer cancel()
	c := exec.CommandContext(ctx, w.program, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = w.root, w.env(), &out, &talk
	err = c.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = nil
	}
	return outcome{faults.Result{Exit: c.ProcessState.ExitCode(), Hung: ctx.Err() != nil}, out.String(), talk.String()},
		err
}

// follow runs a command with c's faults. Its stdout is a file of the world, and so can fail.
func (w *world) follow(args []string, c faults.Command) (o outcome, err error) {
	out, err := os.Create(filepath.Join(w.root, "stdout"))
	if err != nil {
		return o, err
	}
	defer out.Close()
	talk, err := os.Create(filepath.Join(filepath.Dir(w.root), "stderr"))
	if err != nil {
		return o, err
	}
	defer talk.Close()
	c.Path, c.Args, c.Dir, c.Root, c.Env, c.Stdout, c.Stderr = w.program, args, w.root, w.root, w.env(), out, talk
	if o.Result, err = c.Run(faultLimit); err != nil {
		return o, err
	}
	stdout, err1 := os.ReadFile(out.Name())
	stderr, err2 := os.ReadFile(talk.Name())
	o.stdout, o.stderr = string(stdout), string(stderr)
	return o, errors.Join(err1, err2)
}

// mnistFiles puts MNIST's files, from the cache of whoever runs the test, where the go command finds them: a module
// in the world, and a go that names it.
func mnistFiles(t *testing.T, root string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	files, err := fs.Glob(os.DirFS(filepath.Join(cache, "neuroloupe", "data", "mnist")), "*.gz")
	if err != nil || len(files) != 4 {
		t.Skipf("MNIST is not in the cache: neuroloupe data fetch; %v", err)
	}
	module := filepath.Join(root, "module", "data")
	if err := os.MkdirAll(module, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join(cache, "neuroloupe", "data", "mnist", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(module, name), b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	script := fmt.Sprintf("#!/bin/sh\necho '{\"Dir\": \"%s\"}'\n", filepath.Dir(module))
	if err := os.WriteFile(filepath.Join(filepath.Dir(root), "home", "bin", "go"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
}

// snapshot is the text of every file of a world, times left out, by its path; folders have a / at the end and no text.
type snapshot map[string]string

func (w *world) snapshot() (snapshot, error) {
	s := snapshot{}
	root := os.DirFS(w.root)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || path == "stdout" || path == ".":
			return err
		case d.IsDir():
			s[path+"/"] = ""
			return nil
		case !d.Type().IsRegular():
			s[path] = d.Type().String()
			return nil
		}
		text, err := fs.ReadFile(root, path)
		s[path] = timeless(path, text)
		return err
	})
	return s, err
}

var (
	seconds = regexp.MustCompile(`"(seconds|evaluation_seconds|samples_per_second|crc32c)":[^,}]*`)
	created = regexp.MustCompile(`(?m)^(created|sha256) = .*$`)
	spoken  = regexp.MustCompile(`(?m)^(time|speed) .*\n`)
)

// timeless is a file's text without what a clock or a process's number has put into it, and without the checksums of
// that.
func timeless(path string, text []byte) string {
	switch filepath.Base(path) {
	case "metrics.jsonl":
		text = seconds.ReplaceAll(text, []byte(`"$1":0`))
	case "run.toml":
		text = created.ReplaceAll(text, nil)
	case "lock": // who held it last, which nothing depends on
		text = nil
	}
	return string(text)
}

// reference is what an undisturbed run of a scenario does.
type reference struct {
	scenario
	start, end snapshot
	calls      []faults.Call
	total      int // system calls
	stdout     string
	lines      int // said on stderr

	versions map[string]map[string]bool // every text that a file has had
	grown    map[string]string          // the longest text of each file that was written to where it is
	gone     map[string]bool            // paths that were not there at some moment
}

// reference runs a scenario undisturbed, and notes every state that its files pass through.
func (w *world) reference(t *testing.T, s scenario) (*reference, error) {
	if err := w.reset(t, s); err != nil {
		return nil, err
	}
	r := &reference{
		scenario: s,
		versions: map[string]map[string]bool{}, grown: map[string]string{}, gone: map[string]bool{},
	}
	var failed error
	note := func(path string) {
		text, err := os.ReadFile(filepath.Join(w.root, path))
		if err != nil {
			failed = errors.Join(failed, err)
			return
		}
		r.add(path, timeless(path, text))
	}
	var err error
	if r.start, err = w.snapshot(); err != nil {
		return nil, err
	}
	o, err := w.follow(s.args, faults.Command{Done: func(c faults.Call) {
		switch {
		case c.To != "":
			note(c.To)
			r.gone[c.Path] = true
		case c.Name == "unlinkat":
			r.gone[c.Path], r.gone[c.Path+"/"] = true, true
		case c.Changes() && c.Name != "mkdirat" && c.Path != "stdout" && !faults.Temporary(c.Path):
			note(c.Path)
			if text, _ := os.ReadFile(filepath.Join(w.root, c.Path)); c.Writes() && len(text) > len(r.grown[c.Path]) {
				r.grown[c.Path] = timeless(c.Path, text)
			}
		}
	}})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	if o.Exit != 0 {
		return nil, fmt.Errorf("undisturbed, it ends with %v: %s", o.Result, o.stderr)
	}
	if r.end, err = w.snapshot(); err != nil {
		return nil, err
	}
	for path := range r.end {
		if faults.Temporary(path) {
			return nil, fmt.Errorf("undisturbed, it leaves %s", path)
		}
		if _, ok := r.start[path]; !ok {
			r.gone[path] = true
		}
	}
	for _, state := range []snapshot{r.start, r.end} {
		for path, text := range state {
			r.add(path, text)
		}
	}
	r.calls, r.total = o.Calls, o.Total
	r.stdout, r.lines = spoken.ReplaceAllString(o.stdout, ""), strings.Count(o.stderr, "\n")
	return r, nil
}

func (r *reference) add(path, text string) {
	if r.versions[path] == nil {
		r.versions[path] = map[string]bool{}
	}
	r.versions[path][text] = true
}

// paths lists all paths of some snapshots, in order.
func paths(states ...snapshot) []string {
	all := map[string]bool{}
	for _, s := range states {
		for path := range s {
			all[path] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
