package mnist

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tinyModule = "example.org/tiny@v1.0.0"

// fakeGo answers "go mod download" with a module in dir, and keeps what it was asked.
type fakeGo struct {
	dir, fault string
	err        error
	temps      []string // folders it ran in
	env        []string
}

func (g *fakeGo) run(_ context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	if got := strings.Join(append([]string{name}, args...), " "); got != "go mod download -json "+tinyModule {
		return nil, errors.New("unexpected: " + got)
	}
	g.temps, g.env = append(g.temps, dir), env
	out, _ := json.Marshal(map[string]string{"Path": "example.org/tiny", "Dir": g.dir, "Error": g.fault})
	return out, g.err
}

func TestFetchFromGoModule(t *testing.T) {
	set, files := tiny(t)
	set.module, set.moduleFolder = tinyModule, "data"
	whole, part, wrong := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, filepath.Join(whole, "data"), files)
	write(t, filepath.Join(part, "data"), map[string][]byte{hard: files[hard]})
	write(t, filepath.Join(wrong, "data"), map[string][]byte{hard: flip(files[hard], 15)})
	exit := errors.New("go mod: exit status 1")
	tests := []struct {
		name   string
		goTool fakeGo
		reason string // why the module was passed over; empty when it was not
		asked  int    // files asked of the mirror
	}{
		{"has everything", fakeGo{dir: whole}, "", 0},
		{"has one file", fakeGo{dir: part}, "train-labels-idx1-ubyte.gz: no such file", 3},
		{"has a wrong file", fakeGo{dir: wrong}, "want sha256 " + sum(files[hard]), 4},
		{"go is missing", fakeGo{err: errors.New("go is not on the PATH")}, "go is not on the PATH", 4},
		{"the module is not there", fakeGo{fault: "410 Gone", err: exit}, "410 Gone", 4},
		{"go fails", fakeGo{err: exit}, "go mod: exit status 1", 4},
		{"no folder", fakeGo{}, "names no folder", 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, files, nil)
			set := set
			set.mirrors = []string{s.base()}
			var notices []string
			cache := t.TempDir()
			o := Options{Cache: cache, Notice: func(line string) { notices = append(notices, line) }}
			l := &library{sets: []official{set}, run: tt.goTool.run, client: s.Client()}
			data, err := l.load(t.Context(), "tiny", o)
			if err != nil {
				t.Fatal(err)
			}
			checkCache(t, cache, files)
			if len(s.asked) != tt.asked {
				t.Errorf("asked of the mirror: %v, want %d files", s.asked, tt.asked)
			}
			said := strings.Join(notices, "\n")
			if !strings.Contains(said, tt.reason) || !strings.Contains(said, "Go module "+tinyModule) {
				t.Errorf("notices %q\nwant …%s…", notices, tt.reason)
			}
			if tt.asked < 4 && !strings.Contains(data.Origin, "Go module "+tinyModule) {
				t.Errorf("origin %q does not name the module", data.Origin)
			}
			if tt.asked > 0 && !strings.Contains(data.Origin, s.base()) {
				t.Errorf("origin %q does not name the mirror", data.Origin)
			}
			if len(tt.goTool.temps) != 1 {
				t.Fatalf("go ran in %v, want one run", tt.goTool.temps)
			}
			if _, err := os.Stat(tt.goTool.temps[0]); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder go ran in is left behind: %v", err)
			}
		})
	}
}

func TestOfflineAsksNoNetwork(t *testing.T) {
	set, files := tiny(t)
	s := serve(t, files, nil)
	set.module, set.mirrors = tinyModule, []string{s.base()}
	set.aptPackage, set.aptFolder = "tiny-data", filepath.Join(t.TempDir(), "not-installed")
	goTool := fakeGo{fault: "module lookup disabled by GOPROXY=off"}
	l := &library{sets: []official{set}, run: goTool.run, client: s.Client()}
	_, err := l.load(t.Context(), "tiny", Options{Cache: t.TempDir(), Offline: true})
	var failed *FetchError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a *FetchError", err)
	}
	if len(failed.Attempts) != 2 || len(failed.Files) != 4 || !strings.Contains(failed.Advice, "go online once") {
		t.Errorf("got %+v", failed)
	}
	if !slices.Contains(goTool.env, "GOPROXY=off") {
		t.Errorf("go ran with %v", goTool.env)
	}
	if len(s.asked) != 0 {
		t.Errorf("the mirror was asked for %v", s.asked)
	}
}

func TestFetchFromDebian(t *testing.T) {
	set, files := tiny(t)
	set.aptPackage = "tiny-data"
	s := serve(t, nil, func(http.ResponseWriter, *http.Request, int) {})
	set.mirrors = []string{s.base()}
	var commands []string
	apt := func(_ context.Context, dir string, _ []string, name string, args ...string) ([]byte, error) {
		deb := filepath.Join(dir, "tiny-data_1_all.deb")
		commands = append(commands, strings.ReplaceAll(strings.Join(append([]string{name}, args...), " "), dir, "TEMP"))
		switch name {
		case "apt-get":
			return nil, os.WriteFile(deb, []byte("packed"), 0o600)
		case "dpkg-deb":
			write(t, filepath.Join(args[2], set.aptFolder), files)
			return nil, nil
		}
		return nil, errors.New("unexpected " + name)
	}
	none := func(_ context.Context, _ string, _ []string, name string, _ ...string) ([]byte, error) {
		return nil, errors.New(name + " is not on the PATH")
	}
	silent := func(context.Context, string, []string, string, ...string) ([]byte, error) { return nil, nil }

	set.aptFolder = filepath.Join(t.TempDir(), "tiny")
	t.Run("downloaded", func(t *testing.T) {
		cache := t.TempDir()
		data, err := (&library{sets: []official{set}, run: apt}).load(t.Context(), "tiny", Options{Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		checkCache(t, cache, files)
		if data.Origin != "apt-get download tiny-data" {
			t.Errorf("origin %q", data.Origin)
		}
		want := []string{"apt-get download tiny-data", "dpkg-deb -x TEMP/tiny-data_1_all.deb TEMP"}
		if diff := cmp.Diff(want, commands); diff != "" {
			t.Errorf("commands (-want +got):\n%s", diff)
		}
	})
	t.Run("not to be had", func(t *testing.T) {
		for want, run := range map[string]runner{
			"apt-get is not on the PATH": none,
			"left 0 packages, want 1":    silent,
		} {
			l := &library{sets: []official{set}, run: run, client: s.Client()}
			_, err := l.load(t.Context(), "tiny", Options{Cache: t.TempDir()})
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range []string{
				"folder " + set.aptFolder + " of the package tiny-data: not installed",
				"apt-get download tiny-data: ", want, s.base() + ": " + hard + ": 404 Not Found", set.advice,
			} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got  %v\nwant …%s…", err, part)
				}
			}
		}
	})
	t.Run("installed", func(t *testing.T) {
		write(t, set.aptFolder, files)
		cache := t.TempDir()
		if _, err := (&library{sets: []official{set}, run: none}).load(t.Context(), "tiny",
			Options{Cache: cache, Offline: true}); err != nil {
			t.Fatal(err)
		}
		checkCache(t, cache, files)
	})
}

func TestRunCommand(t *testing.T) {
	if _, err := runCommand(t.Context(), t.TempDir(), nil, "no-such-program-here", "x"); err == nil ||
		err.Error() != "no-such-program-here is not on the PATH" {
		t.Errorf("missing program: got %v", err)
	}
	// The test binary itself is the one program that is surely there.
	_, err := runCommand(t.Context(), t.TempDir(), nil, os.Args[0], "-no-such-flag")
	if err == nil || !strings.Contains(err.Error(), ": exit status 2: flag provided but not defined: -no-such-flag") {
		t.Errorf("failing program: got %v", err)
	}
	dir := t.TempDir()
	out, err := runCommand(t.Context(), dir, []string{"MNIST_TEST_HELPER=1"}, os.Args[0],
		"-test.run=^TestHelperProcess$")
	if resolved, _ := filepath.EvalSymlinks(dir); err != nil || !strings.Contains(string(out), "in "+resolved+" ok") {
		t.Errorf("got %q, %v", out, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runCommand(ctx, dir, nil, os.Args[0], "-test.run=^$"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// TestHelperProcess is the program that TestRunCommand runs.
func TestHelperProcess(t *testing.T) {
	if os.Getenv("MNIST_TEST_HELPER") == "" {
		return
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("in " + dir + " ok\n")
}

// TestGoCommandTakesNoSettingsOfBuilds runs the go command with what a person may have set for builds, each of which
// would end it or make it fetch something else.
func TestGoCommandTakesNoSettingsOfBuilds(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command here")
	}
	for _, setting := range []string{
		"GOFLAGS=-modfile=/nowhere/go.mod", "GOFLAGS=-mod=vendor", "GOFLAGS=-no-such-flag",
		"GOFLAGS=-overlay=/nowhere.json",
		"GOFLAGS=-C=/nowhere", "GOWORK=/nowhere/go.work", "GO111MODULE=off", "GOTOOLCHAIN=go1.99.0",
		"GOEXPERIMENT=none-such",
		"GOFIPS140=none-such", "GOROOT=/nowhere",
	} {
		t.Run(setting, func(t *testing.T) {
			name, value, _ := strings.Cut(setting, "=")
			t.Setenv(name, value)
			t.Setenv("GOPROXY", "off") // no network
			set := official{module: "example.org/none-such@v1.0.0"}
			l := &library{run: runCommand}
			_, err := l.goModule(set, Options{})(t.Context(), t.TempDir())
			if err == nil || !strings.Contains(err.Error(), "module lookup disabled by GOPROXY=off") {
				t.Errorf("got %v, want that the module is looked up, which is switched off here", err)
			}
		})
	}
	if got := goSettings("-x -modcacherw -mod=vendor")[0]; got != "GOFLAGS=-mod=mod -modcacherw" {
		t.Errorf("%s: how the module cache is kept is the person's to say", got)
	}
}
