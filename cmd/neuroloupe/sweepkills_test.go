package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"neuroloupe/cmd/internal/strokes"
	sweeps "neuroloupe/cmd/internal/sweep"
)

// Sweeps of 24 networks are killed at random moments, one process alone and two and eight that share a folder, and
// started again. In the end there is to the byte what a sweep leaves that nobody killed, the leaderboard is the same,
// and no epoch that was finished has been trained twice. make soak kills 200 times.
func TestSweepKills(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("NEUROLOUPE_SOAK_SEED"), 10, 64)
	if err != nil {
		seed = 1
	}
	program, err := exec.LookPath("neuroloupe") // testscript.Main puts it there
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "strokes")
	if err := strokes.Write(data, 600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.toml")
	err = os.WriteFile(file, fmt.Appendf(nil, `data = %q
[set]
epochs = 5
batch = 10
[grid]
net = ["120-8-4", "120-16-4"]
l2 = [0, 1, 5, 20]
seed = [1, 2, 3]
`, data), 0o666)
	if err != nil {
		t.Fatal(err)
	}
	sweep := func(out string) *exec.Cmd { return exec.Command(program, "sweep", file, "--out", out, "--log", "json") }
	whole := filepath.Join(t.TempDir(), "whole")
	board, err := sweep(whole).Output()
	if err != nil {
		t.Fatal(err)
	}
	board = bytes.ReplaceAll(board, []byte(whole), nil)

	kills := map[int]int{1: 1, 2: 1, 8: 1} // of processes side by side
	if soak() {
		kills = map[int]int{1: 80, 2: 60, 8: 60}
	}
	for processes, want := range kills {
		t.Run(fmt.Sprintf("%d at once", processes), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, uint64(processes)))
			for done, n := 0, 0; done < want; n++ {
				out := filepath.Join(t.TempDir(), fmt.Sprintf("out%d", n))
				for range min(5, want-done) {
					kill(t, processes, random, sweep, out)
					done++
				}
				got, err := sweep(out).Output()
				if err != nil {
					t.Fatalf("taken up after kills: %v", err)
				}
				if got = bytes.ReplaceAll(got, []byte(out), nil); !bytes.Equal(got, board) {
					t.Errorf("the leaderboard is another one:\n%s\nwant:\n%s", got, board)
				}
				sameRuns(t, whole, out)
			}
			t.Logf("%d times killed, %d processes at once", want, processes)
		})
	}
}

// ctrl-C ends a sweep with 130 when all is saved; so does the signal that asks a program to end, which clusters may
// send twice. The same command goes on.
func TestSweepInterrupted(t *testing.T) {
	program, err := exec.LookPath("neuroloupe")
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be interrupted here")
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "strokes")
	if err := strokes.Write(data, 600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "test.toml")
	text := fmt.Sprintf("data = %q\n[set]\nepochs = 40\nnet = \"120-16-4\"\n[grid]\nseed = [1, 2, 3]\n", data)
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	sweep := func() *exec.Cmd { return exec.Command(program, "sweep", file, "--out", dir+"/out", "--log", "json") }
	for _, signals := range [][]os.Signal{{os.Interrupt}, {syscall.SIGTERM, syscall.SIGTERM}} {
		c := sweep()
		var rest bytes.Buffer
		pipe, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		told := bufio.NewScanner(pipe)
		for told.Scan() && !strings.Contains(told.Text(), `"event":"epoch"`) {
		}
		for _, s := range signals {
			if err := c.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
		for told.Scan() {
			fmt.Fprintln(&rest, told.Text())
		}
		if err := c.Wait(); c.ProcessState.ExitCode() != exitInterrupted ||
			!strings.Contains(rest.String(), "all is saved, and the same command goes on") {
			t.Errorf("%v ended it with %v:\n%s", signals, err, rest.String())
		}
	}
	out, err := sweep().Output()
	if err != nil || !strings.Contains(string(out), "3 done") {
		t.Errorf("taken up: %v\n%s", err, out)
	}
	sameRuns(t, dir+"/out", dir+"/out")
}

// kill starts processes side by side, and kills all of them a moment after the first has told of so many events.
func kill(t *testing.T, processes int, random *rand.Rand, command func(out string) *exec.Cmd, out string) {
	t.Helper()
	var all []*exec.Cmd
	var told *bufio.Scanner
	for range processes {
		c := command(out)
		if told == nil {
			pipe, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			told = bufio.NewScanner(pipe)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for range random.IntN(200 / processes) { // of the 24·7 and more that a sweep tells
		if !told.Scan() {
			break
		}
	}
	if soak() { // events are the beginnings and the ends of things: kill within them too
		<-time.After(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
	}
	for _, c := range all {
		c.Process.Kill() // it may have ended
	}
	for _, c := range all {
		c.Wait()
	}
}

// sameRuns makes sure that two sweeps have the same files, but for what tells of times and processes, and that in the
// second no epoch was trained twice.
func sameRuns(t *testing.T, a, b string) {
	t.Helper()
	files := func(dir string) map[string]string {
		all := map[string]string{}
		err := filepath.WalkDir(filepath.Join(dir, "runs"), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			switch d.Name() {
			case "run.toml", "lock", "metrics.jsonl":
				text = nil
			}
			rel, _ := filepath.Rel(dir, path)
			all[rel] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	want, got := files(a), files(b)
	for name := range want {
		if text, ok := got[name]; !ok || text != want[name] {
			t.Errorf("%s is another one, or not there", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
	events, err := sweeps.Folder{Path: b}.Events()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range events {
		if key := fmt.Sprint(e.Run, " ", e.Epoch); e.Kind == sweeps.Epoch {
			if seen[key] {
				t.Errorf("epoch %d of run %s was trained twice", e.Epoch, e.Run)
			}
			seen[key] = true
		}
	}
}
