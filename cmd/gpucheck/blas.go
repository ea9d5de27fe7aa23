package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/graph"
)

// blasEnv is the environment variable that names cuBLAS for the CUDA backend.
const blasEnv = "NEUROLOUPE_LIBCUBLAS"

// findBLAS returns where cuBLAS lies when nobody has said: PyTorch's own, so that both multiply with the same one, else
// that of a CUDA installation. Empty means that the loader is to look for it.
func findBLAS(ctx context.Context, python string) string {
	if path, set := os.LookupEnv(blasEnv); set {
		return path
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// no Python, no folders
	out, _ := exec.CommandContext(ctx, python, "-c", `import sys; print("\n".join(p for p in sys.path if p))`).Output()
	var patterns []string
	for line := range strings.Lines(string(out)) {
		patterns = append(patterns, filepath.Join(strings.TrimSpace(line), "nvidia", "*", "lib"))
	}
	patterns = append(patterns, "/usr/local/cuda/lib64", "/usr/local/cuda/targets/*/lib")
	for _, p := range patterns {
		for _, version := range []string{"13", "12", "11"} {
			if found, err := filepath.Glob(filepath.Join(p, "libcublas.so."+version)); err == nil && len(found) > 0 {
				return found[0]
			}
		}
	}
	return ""
}

// startBLAS makes a network ready that needs cuBLAS.
func startBLAS(o options) (err error) {
	b, err := openDevice(o, cuda.Options{Precision: cuda.TF32})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	c := references()[0]
	p, err := graph.Compile(c.spec, c.batch)
	if err != nil {
		return err
	}
	e, err := b.Compile(p)
	if err != nil {
		return err
	}
	return e.Close()
}

// blasState says whether products can go to cuBLAS, and to which.
func blasState(o options) string {
	if err := startBLAS(o); err != nil {
		return fmt.Sprintf("none: %v", err)
	}
	if path := os.Getenv(blasEnv); path != "" {
		return path
	}
	return "found by the loader"
}
