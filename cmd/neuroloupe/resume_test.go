package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"neuroloupe/engine"
)

// A real process, killed with SIGKILL at random moments and taken up again each time, ends with the files of an
// undisturbed run, byte for byte. The moments come from a seed of their own; whenever they fall, the end is the same.
func TestKilledAndResumed(t *testing.T) {
	for _, tier := range []string{"avx512", "avx2", "go"} { // or the best that the machine has below
		t.Run(tier, func(t *testing.T) {
			t.Setenv("NEUROLOUPE_CPU", tier)
			killAndResume(t)
		})
	}
}

func killAndResume(t *testing.T) {
	data := shapes(t)
	args := []string{
		"train", data, "--net", "120-40-4", "--optimizer", "adam", "--hidden", "tanh", "--output", "softmax", "--lr",
		"0.01",
		"--dropout", "0.1", "--l2", "1", "--schedule", "cosine", "--batch", "3", "--epochs", "12", "--keep", "best",
	}
	whole := filepath.Join(t.TempDir(), "whole")
	began := time.Now()
	must(t, append(args, "--out", whole)...)
	length := time.Since(began)

	program, err := exec.LookPath("neuroloupe") // testscript.Main puts it there
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, uint64(os.Getpid())))
	for round := range 2 {
		dir := filepath.Join(t.TempDir(), "killed")
		kills := 0
		for try := 0; ; try++ {
			command := append(args, "--out", dir)
			if _, err := os.Stat(filepath.Join(dir, "run.toml")); err == nil {
				command = []string{"train", "--resume", dir}
			}
			ctx, cancel := context.WithCancel(t.Context())
			if try < 5 { // then it may end
				ctx, cancel = context.WithTimeout(t.Context(), time.Duration(r.Int64N(int64(length))))
			}
			out, err := exec.CommandContext(ctx, program, command...).CombinedOutput() // kills when ctx ends
			killed := ctx.Err() != nil
			cancel()
			if err == nil {
				break
			}
			if !killed {
				t.Fatalf("round %d, after %d kills: %v\n%s", round, kills, err, out)
			}
			kills++
		}
		t.Logf("round %d: %d kills", round, kills)
		for _, name := range []string{"weights.safetensors", "initial.safetensors", "frames.safetensors"} {
			if !bytes.Equal(mustRead(t, whole, name), mustRead(t, dir, name)) {
				t.Errorf("round %d: %s differs", round, name)
			}
		}
		clocks := cmpopts.IgnoreFields(engine.Metrics{}, "Seconds", "EvaluationSeconds", "SamplesPerSecond")
		if diff := cmp.Diff(metrics(t, whole), metrics(t, dir), clocks); diff != "" {
			t.Errorf("round %d: metrics differ (-whole +killed):\n%s", round, diff)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		want := []string{
			"checkpoint.safetensors", "frames.safetensors", "initial.safetensors", "lock", "metrics.jsonl",
			"run.toml", "sheet.png", "weights.safetensors",
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("round %d: files (-want +got):\n%s", round, diff)
		}
	}
}

func metrics(t *testing.T, dir string) []engine.Metrics {
	t.Helper()
	var ms []engine.Metrics
	d := json.NewDecoder(bytes.NewReader(mustRead(t, dir, "metrics.jsonl")))
	for d.More() {
		var m engine.Metrics
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		ms = append(ms, m)
	}
	return ms
}

// ctrl-C finishes the step, saves and exits 130; the run goes on to the same end.
func TestInterrupted(t *testing.T) {
	data := shapes(t)
	args := []string{"train", data, "--net", "120-40-4", "--batch", "1", "--epochs", "40", "--frames", "10"}
	whole, cut := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "cut")
	must(t, append(args, "--out", whole)...)
	program, err := exec.LookPath("neuroloupe")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, append(args, "--out", cut)...)
	talk, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	buf := make([]byte, 4096)
	for sent := false; ; {
		n, err := talk.Read(buf)
		said.Write(buf[:n])
		if !sent && bytes.Contains(said.Bytes(), []byte("epoch 3/40")) {
			sent = true
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			break
		}
	}
	_ = c.Wait() // the exit code is looked at below
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit %d, want %d\n%s", code, exitInterrupted, said.String())
	}
	if !bytes.Contains(said.Bytes(), []byte("go on with: neuroloupe train --resume "+cut)) {
		t.Errorf("does not say how to go on:\n%s", said.String())
	}
	must(t, "train", "--resume", cut)
	for _, name := range []string{"weights.safetensors", "frames.safetensors"} {
		if !bytes.Equal(mustRead(t, whole, name), mustRead(t, cut, name)) {
			t.Errorf("%s differs from an undisturbed run's", name)
		}
	}
}
