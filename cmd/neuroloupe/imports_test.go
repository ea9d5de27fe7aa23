package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Imports point one way; see the table in BUILD.md.
func TestImports(t *testing.T) {
	deps := func(pattern string) map[string][]string {
		t.Helper()
		out, err := exec.Command("go", "list", "-tags", "gpu", "-f", `{{.ImportPath}}{{range .Deps}} {{.}}{{end}}`,
			pattern).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pattern, err)
		}
		m := map[string][]string{}
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			m[f[0]] = f[1:]
		}
		return m
	}
	for _, rule := range []struct {
		pattern string
		allowed func(dep string) bool // of what is not the standard library
	}{
		{"neuroloupe/mnist/...", func(d string) bool {
			return strings.HasPrefix(d, "neuroloupe/mnist") || d == "neuroloupe/engine/atomicfile" ||
				d == "neuroloupe/engine/memory"
		}},
		{"neuroloupe/render/...", func(d string) bool {
			return strings.HasPrefix(d, "neuroloupe/render") || !strings.HasPrefix(d, "neuroloupe/") && !gorgonia(d) &&
				d != cu
		}},
		{"neuroloupe/engine/...", func(d string) bool {
			return strings.HasPrefix(d, "neuroloupe/engine") || strings.HasPrefix(d, "golang.org/x/sys/") ||
				strings.HasPrefix(d, "github.com/google/go-cmp/") // engine/enginetest
		}},
		{"neuroloupe/graph/...", func(d string) bool {
			return strings.HasPrefix(d, "neuroloupe/engine") || strings.HasPrefix(d, "neuroloupe/graph") ||
				!strings.HasPrefix(d, "neuroloupe/")
		}},
		{"neuroloupe/cuda/...", func(d string) bool {
			return strings.HasPrefix(d, "neuroloupe/engine") || strings.HasPrefix(d, "neuroloupe/cuda") ||
				d == cu || d == "github.com/google/uuid" || d == "github.com/pkg/errors" // which cu imports
		}},
		{"neuroloupe/cmd/internal/words", alone},
		{"neuroloupe/cmd/internal/talk", alone},
		{"neuroloupe/cmd/internal/glossary", rooms("words")},
		{"neuroloupe/cmd/internal/exchange/...", rooms("exchange")},
		{"neuroloupe/cmd/internal/arrays", rooms("exchange/npz", "words")},
		{"neuroloupe/cmd/internal/runs", rooms("words")},
		{"neuroloupe/cmd/internal/dataset", rooms("runs", "talk", "words")},
		{"neuroloupe/cmd/internal/study", rooms("runs", "talk", "words")},
		{"neuroloupe/cmd/internal/gallery", rooms("arrays", "dataset", "exchange/npz", "runs", "talk", "words")},
		{"neuroloupe/cmd/internal/bench", rooms("dataset", "runs", "talk", "words")},
		{"neuroloupe/cmd/internal/job", rooms("arrays", "bench", "dataset", "exchange/npz", "gallery", "runs", "talk",
			"words")},
		{"neuroloupe/cmd/internal/watch", rooms("arrays", "bench", "dataset", "exchange/npz", "gallery", "job", "runs",
			"study", "sweep", "talk", "words")},
		{"neuroloupe/cmd/internal/adopt", rooms("arrays", "dataset", "exchange", "gallery", "runs", "talk", "words")},
		{"neuroloupe/cmd/internal/doctor", rooms("arrays", "bench", "dataset", "exchange/npz", "gallery", "job", "runs",
			"talk", "words")},
		{"neuroloupe/cmd/internal/sweep", rooms("arrays", "bench", "dataset", "exchange/npz", "gallery", "job", "runs",
			"study", "talk", "words")},
		{"neuroloupe/cmd/internal/faults", rooms()},
		{"neuroloupe/cmd/internal/strokes", alone},
		{"neuroloupe/cmd/internal/page", rooms("arrays", "bench", "dataset", "doctor", "exchange/npz", "gallery",
			"glossary", "job", "runs", "study", "talk", "words")},
		{"neuroloupe/cmd/internal/live", rooms("arrays", "bench", "dataset", "doctor", "exchange/npz", "gallery",
			"glossary", "job", "lesson", "page", "runs", "study", "talk", "words")},
		{"neuroloupe/cmd/internal/lesson", rooms("arrays", "bench", "dataset", "exchange/npz", "gallery", "job", "runs",
			"talk", "words")},
	} {
		for pkg, ds := range deps(rule.pattern) {
			for _, d := range ds {
				if strings.Contains(strings.Split(d, "/")[0], ".") || strings.HasPrefix(d, "neuroloupe/") {
					if !rule.allowed(d) {
						t.Errorf("%s imports %s", pkg, d)
					}
				}
			}
		}
	}
	out, err := exec.Command("go", "list", "-tags", "gpu", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`,
		"neuroloupe/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		for _, d := range f[1:] {
			if gorgonia(d) && !strings.HasPrefix(f[0], "neuroloupe/graph") {
				t.Errorf("%s imports %s, which only graph may", f[0], d)
			}
			if d == cu && !strings.HasPrefix(f[0], "neuroloupe/cuda") {
				t.Errorf("%s imports %s, which only cuda may", f[0], d)
			}
		}
	}
}

// alone allows the standard library.
func alone(string) bool { return false }

// rooms allows, of the rooms of the program, those named and what lies in them.
func rooms(names ...string) func(dep string) bool {
	return func(d string) bool {
		room, ok := strings.CutPrefix(d, "neuroloupe/cmd/internal/")
		if !ok {
			return !strings.HasPrefix(d, "neuroloupe/cmd/")
		}
		return slices.ContainsFunc(names, func(n string) bool { return room == n || strings.HasPrefix(room, n+"/") })
	}
}

const cu = "gorgonia.org/cu"

func gorgonia(path string) bool {
	return strings.HasPrefix(path, "gorgonia.org/") && path != cu || strings.HasPrefix(path, "github.com/chewxy/hm")
}
