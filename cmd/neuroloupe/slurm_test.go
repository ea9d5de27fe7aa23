//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/cmd/internal/sweep"
)

// slurmEnv asks for a test that starts a whole Slurm cluster on this machine.
const slurmEnv = "NEUROLOUPE_SLURM"

// slurm is a cluster of two virtual nodes.
type slurm struct {
	*testing.T
	dir, program string
}

func newSlurm(t *testing.T) *slurm {
	t.Helper()
	dir, err := os.MkdirTemp("", "neuroloupe-slurm-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // munged wants that everybody can reach its socket
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &slurm{t, filepath.Join(dir, "cluster"), built(t)}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Cleanup(func() { s.cluster("down") })
	s.cluster("up", "2")
	t.Setenv("SLURM_CONF", filepath.Join(s.dir, "slurm.conf"))
	return s
}

// built is the program, built once for a test.
func built(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "neuroloupe")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// sh runs a command.
func (s *slurm) sh(name string, args ...string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		s.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errs.String())
	}
	return strings.TrimSpace(string(out))
}

func (s *slurm) cluster(what string, args ...string) {
	s.Helper()
	s.sh("testdata/slurm/cluster.sh", append([]string{what, s.dir}, args...)...)
}

// until waits for something that the cluster does.
func (s *slurm) until(what string, done func() bool) {
	s.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("waited two minutes for this: %s\n%s", what, s.sh("squeue"))
		}
	}
}

// Elements of an array are disturbed in each way that a cluster knows: one is near its time limit, one loses its node,
// one is preempted, and one's node is lost to Slurm alone, so that it runs on while Slurm starts it again. Nobody looks
// after them. In the end there is what a sweep on one machine leaves, and no epoch was trained twice.
func TestSlurmCluster(t *testing.T) {
	if os.Getenv(slurmEnv) == "" {
		t.Skipf("starts a Slurm cluster; set %s=1, or make slurm-check", slurmEnv)
	}
	s := newSlurm(t)
	data := filepath.Join(t.TempDir(), "strokes")
	if err := strokes.Write(data, 3000); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.toml")
	err := os.WriteFile(file, fmt.Appendf(nil, `data = %q
[set]
epochs = 220
batch = 10
frames = "none"
[grid]
net = ["120-80-4", "120-81-4"]
seed = [1, 2, 3, 4]
`, data), 0o666)
	if err != nil {
		t.Fatal(err)
	}
	alone, out := filepath.Join(t.TempDir(), "alone"), filepath.Join(t.TempDir(), "sweep")
	began := time.Now()
	s.sh(s.program, "sweep", file, "--out", alone)
	t.Logf("%6.1f s: trained on this machine", time.Since(began).Seconds())

	submitted := s.sh(s.program, "sweep", file, "--out", out, "--executor", "slurm", "--slurm", "time=10 array=4",
		"--devices", "cpu")
	job := regexp.MustCompile(`job (\d+)`).FindStringSubmatch(submitted)
	if job == nil {
		t.Fatal(submitted)
	}
	id := job[1]
	say := func(format string, args ...any) {
		t.Logf("%6.1f s: %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	say("submitted job %s", id)
	folder := sweep.Folder{Path: out}
	var plan []sweep.Listed
	if plan, err = folder.List(); err != nil {
		t.Fatal(err)
	}
	running := func(element int) string {
		t.Helper()
		s.until(fmt.Sprintf("element %d trains", element), func() bool {
			for i := element; i < len(plan); i += 4 {
				line, err := os.ReadFile(filepath.Join(folder.Run(plan[i].ID), "metrics.jsonl"))
				if n := bytes.Count(line, []byte("\n")); err == nil && n >= 3 && n < 170 &&
					s.sh("squeue", "-h", "-j", id+"_"+fmt.Sprint(element), "-o", "%T") == "RUNNING" {
					return true
				}
			}
			return false
		})
		return s.sh("squeue", "-h", "-j", id+"_"+fmt.Sprint(element), "-o", "%N")
	}
	if again := exec.Command(s.program, "sweep", file, "--out", out, "--executor", "slurm"); again.Run() == nil {
		t.Error("the sweep is with the cluster twice")
	}

	running(0)
	say("element 0 is told that its time limit is near")
	// While other elements wait, scancel sends a signal again and again for a minute: once is enough.
	signal := exec.Command("timeout", "3", "scancel", "--batch", "--signal=USR1", id+"_0")
	if err := signal.Run(); err != nil && signal.ProcessState.ExitCode() != 124 {
		t.Fatal(err)
	}
	node := running(1)
	say("%s loses power, with element 1", node)
	s.cluster("crash", node)
	s.cluster("back", node)
	node = running(2)
	say("element 2 is preempted on %s", node)
	s.sh("sbatch", "--parsable", "-p", "urgent", "-w", node, "-o", "/dev/null", "--wrap", "true")
	node = running(3)
	say("%s is lost to Slurm, with element 3, which runs on", node)
	s.cluster("orphan", node)
	s.cluster("back", node)
	s.until("the queue is empty", func() bool { return s.sh("squeue", "-h") == "" })
	say("the queue is empty")

	for element := range 4 {
		log, err := os.ReadFile(filepath.Join(out, "slurm", fmt.Sprintf("%d.log", element)))
		if err != nil {
			t.Fatal(err)
		}
		starts := bytes.Count(log, []byte(", start "))
		say("element %d was started %d times", element, starts)
		if starts < 2 {
			t.Errorf("element %d was not disturbed:\n%s", element, log)
		}
	}
	sameRuns(t, alone, out)
	if t.Failed() {
		for element := range 4 {
			log, _ := os.ReadFile(filepath.Join(out, "slurm", fmt.Sprintf("%d.log", element)))
			t.Logf("element %d:\n%s", element, log)
		}
	}
	say("all is as on one machine")
}
