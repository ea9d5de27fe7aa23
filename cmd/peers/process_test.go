package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"neuroloupe/engine/cpu"
)

// peerEnv makes the test binary a peer itself, of the kind it names.
const peerEnv = "NEUROLOUPE_TEST_PEER"

func TestMain(m *testing.M) {
	switch os.Getenv(peerEnv) {
	case "":
		os.Exit(m.Run())
	case "missing":
		fmt.Fprintln(os.Stderr, "Traceback\nModuleNotFoundError: no torch")
		os.Exit(1)
	case "garbled":
		fmt.Println("hello")
		os.Exit(0)
	}
	fmt.Println(`{"version": "1.5"}`)
	n := 0
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n++
		fmt.Printf("{\"seconds\": %d, \"accuracy\": 0.%d}\n", n, n)
		if n == 2 {
			break // it ends early
		}
	}
}

func peer(kind string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), peerEnv+"="+kind)
	return c
}

func TestStart(t *testing.T) {
	r, err := start("Peer", 1, peer("good"))
	if err != nil {
		t.Fatal(err)
	}
	if r.name != "Peer 1.5, 1 thread" {
		t.Errorf("name %q", r.name)
	}
	for n := range 2 {
		if s, a, err := r.epoch(); err != nil || s != float64(n+1) || a != float64(n+1)/10 {
			t.Errorf("epoch %d: %v s, accuracy %v, %v", n+1, s, a, err)
		}
	}
	if _, _, err := r.epoch(); err == nil {
		t.Error("an epoch of a peer that has ended")
	}
	r.close()
	if _, err := start("Peer", 2, peer("missing")); err == nil ||
		!strings.HasSuffix(err.Error(), "ModuleNotFoundError: no torch") {
		t.Errorf("a peer that does not start: %v", err)
	}
	if _, err := start("Peer", 2, peer("garbled")); err == nil {
		t.Error("a peer that says something else was taken")
	}
	if _, err := start("Peer", 2, exec.Command(os.Args[0]+" is not there")); err == nil {
		t.Error("a program that is not there was started")
	}
}

func TestCommand(t *testing.T) {
	o := others{folder: "f", python: "python", gomlx: "g"}
	q := tasks()[0]
	if got := strings.Join(o.command(torch, q, 64, 2).Args, " "); got != "python f/peers.py f torch quadratic 64 2 3" {
		t.Errorf("torch: %s", got)
	}
	c := o.command(gomlx, q, 256, 1)
	if got := strings.Join(c.Args, " "); got != "g f quadratic 256 2" || !slices.Contains(c.Env, "GOMAXPROCS=1") {
		t.Errorf("gomlx: %s with %v", got, c.Env)
	}
}

// Without its module GoMLX is left out, and the reason says which is missing.
func TestBuildWithoutModule(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module x\n\ngo 1.26.0\n\nrequire example.com/none v1.0.0\n",
		"main.go": "package main\n\nimport _ \"example.com/none\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := buildGoMLX(folder, filepath.Join(folder, "x"))
	if err == nil || !strings.Contains(err.Error(), "example.com/none") {
		t.Errorf("a module that does not resolve: %v", err)
	}
}

// Each set of instructions comes once, the best first, and the environment is as before.
func TestOpen(t *testing.T) {
	t.Setenv(tierEnv, "avx2")
	bs, err := open()
	if err != nil {
		t.Fatal(err)
	}
	best, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	bs = append(bs, best)
	var names []string
	for _, b := range bs {
		names = append(names, tier(b))
		b.Close()
	}
	n := len(names) - 1
	if names[0] != names[n] || names[n-1] != "plain Go" ||
		len(slices.Compact(slices.Sorted(slices.Values(names[:n])))) != n {
		t.Errorf("backends with %q, where the best allowed is %s", names[:n], names[n])
	}
}

func TestTasks(t *testing.T) {
	for _, w := range tasks() {
		if err := w.spec.Validate(); err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
		for _, b := range w.batches {
			if w.lr[b] == 0 {
				t.Errorf("%s: no learning rate for batches of %d", w.name, b)
			}
		}
		for _, h := range w.holds {
			if strings.ContainsAny(h.text, "0123456789") {
				t.Errorf("%s: figures belong to the run, not to %q", w.name, h.text)
			}
		}
	}
}
