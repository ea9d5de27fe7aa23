//go:build unix

package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"neuroloupe/engine/atomicfile"
)

// damage is a way in which a file is found bad.
type damage struct {
	name string
	do   func(path string, text []byte, random *rand.Rand) error
	part bool // another part of the file at each try
}

func damages() []damage {
	text := func(name string, part bool, change func(text []byte, random *rand.Rand) []byte) damage {
		return damage{name, func(path string, text []byte, random *rand.Rand) error {
			return os.WriteFile(path, change(bytes.Clone(text), random), 0o666)
		}, part}
	}
	instead := func(name string, make func(path string) error) damage {
		return damage{name, func(path string, _ []byte, _ *rand.Rand) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return make(path)
		}, false}
	}
	return []damage{
		text("byte", true, func(b []byte, random *rand.Rand) []byte {
			b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
			return b
		}),
		text("cut", true, func(b []byte, random *rand.Rand) []byte { return b[:random.IntN(len(b))] }),
		text("zeros", true, func(b []byte, random *rand.Rand) []byte { // as after a power cut
			clear(b[random.IntN(len(b)):])
			return b
		}),
		text("empty", false, func([]byte, *rand.Rand) []byte { return nil }),
		text("shorter", false, func(b []byte, _ *rand.Rand) []byte { return b[:len(b)-1] }),
		text("longer", false, func(b []byte, _ *rand.Rand) []byte { return append(b, "more"...) }),
		text("twice", false, func(b []byte, _ *rand.Rand) []byte { return append(b, b...) }),
		instead("folder", func(path string) error { return os.Mkdir(path, 0o777) }),
		instead("pipe", func(path string) error { return syscall.Mkfifo(path, 0o666) }),
		instead("missing", func(string) error { return nil }),
	}
}

// badFiles are the files of a command that are made bad. Those of data and networks from elsewhere, which have no
// checksums, are not: a changed pixel is a pixel.
func badFiles() map[string][]string {
	return map[string][]string{
		"resume": {
			"cut/run.toml", "cut/initial.safetensors", "cut/weights.safetensors", "cut/checkpoint.safetensors",
			"cut/metrics.jsonl", "cut/frames.log",
		},
		"prolong": {
			"run/run.toml", "run/initial.safetensors", "run/weights.safetensors", "run/checkpoint.safetensors",
			"run/metrics.jsonl", "run/frames.safetensors",
		},
		"sheet": {"run/run.toml", "run/initial.safetensors", "run/weights.safetensors", "data/t10k-images-idx3-ubyte"},
		"report": {
			"run/weights.safetensors", "run/metrics.jsonl", "run/frames.safetensors",
			"data/t10k-labels-idx1-ubyte",
		},
		"film":   {"run/metrics.jsonl", "run/frames.safetensors"},
		"export": {"run/run.toml", "run/weights.safetensors"},
	}
}

// A bad file is an error that names it, and changes nothing, or it is said and left out, or it does not matter: then
// there are the bytes that a good one gives. When the good file is back all is as if nothing had been.
func TestBadFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program hundreds of times: left out by -short")
	}
	parts := 1
	if soak() {
		parts = 12
	}
	ws := worlds(t)
	var count tally
	var names []string
	for _, d := range damages() {
		names = append(names, d.name)
	}
	if soak() {
		t.Cleanup(func() { count.print(names) })
	}
	n := 0
	for _, s := range scenarios() {
		files := badFiles()[s.name]
		if files == nil {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			references := referencesOf(s)
			for _, file := range files {
				for _, d := range damages() {
					if n++; !soak() && n%17 != 0 {
						continue
					}
					for part := range parts {
						if part > 0 && !d.part {
							break
						}
						t.Run(fmt.Sprintf("%s/%s/%d", file, d.name, part), func(t *testing.T) {
							t.Parallel()
							w := <-ws
							defer func() { ws <- w }()
							found := references(t, w).bad(t, w, file, d, rand.New(rand.NewPCG(7, uint64(part))))
							count.add(s.name, d.name, repeatCommand(t), found)
							for _, p := range found {
								t.Errorf("%s: %s", p.kind, p.text)
							}
						})
					}
				}
			}
		})
	}
}

// bad runs a scenario with a bad file, and again with the good one.
func (r *reference) bad(t *testing.T, w *world, file string, d damage, random *rand.Rand) (found []problem) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	say := func(kind, format string, args ...any) {
		found = append(found, problem{kind, fmt.Sprintf(format, args...)})
	}
	check(w.reset(t, r.scenario))
	at := filepath.Join(w.root, file)
	good, err := atomicfile.ReadBytes(at, 1<<20)
	check(err)
	check(d.do(at, good, random))
	before, err := w.snapshot()
	check(err)
	o, err := w.undisturbed(r.args)
	check(err)
	now, err := w.snapshot()
	check(err)
	base := path.Base(file)
	named := strings.Contains(o.stderr, base)
	said := named || strings.Contains(o.stderr, strings.TrimSuffix(base, path.Ext(base))) // the frames, the metrics
	switch differences := differ(withoutFile(r.end, file), withoutFile(now, file)); {
	case strings.Contains(o.stderr, "goroutine "):
		say(panics, "%s", o.stderr)
	case o.Hung:
		say(hangs, "not over after %v", faultLimit)
	case o.Exit == exitDone:
		if len(differences) > 0 && !said {
			say(wrongResult, "%v; said: %s", differences, o.stderr)
		}
		return found
	case o.Exit != exitFailed:
		say(badExit, "%v: %s", o.Result, o.stderr)
	case !named:
		say(noName, "%s", o.stderr)
	}
	if strings.Contains(o.stderr, "it is partial") { // a report without what is damaged, written whole and said
		return found
	}
	for _, p := range differ(before, now) {
		begun := d.name == "pipe" && r.may(p.path, now[p.path]) // what cannot be written is found when it is written
		if !begun && !r.partial(o, p.path, now[p.path]) {
			say("an error, and a file changed", "%s; said: %s", p, o.stderr)
		}
	}
	check(os.RemoveAll(at))
	check(os.WriteFile(at, good, 0o666))
	return append(found, r.takeUp(t, w)...)
}

// withoutFile is a snapshot without a file.
func withoutFile(s snapshot, file string) snapshot {
	s = maps.Clone(s)
	delete(s, file)
	delete(s, file+"/")
	return s
}
