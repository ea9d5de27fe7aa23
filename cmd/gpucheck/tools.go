package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"neuroloupe/cuda"
)

// cardEnv makes the tests of package cuda run on the machine's driver, not on the simulator.
const cardEnv = "NEUROLOUPE_TEST_CARD=1"

// cardTests are the tests that are for a card too, each run by itself, so that one that hangs leaves the others'
// results; those of the persistent mode are the last.
func cardTests(mode cuda.Mode) []string {
	names := []string{
		"TestActivations", "TestMasks", "TestRounding", "TestParity/graph", "TestConformance/graph",
		"TestApart",
	}
	if mode != cuda.Graph {
		names = append(names, "TestParity/persistent", "TestLaunches", "TestConformance/auto", "TestFleets/fleet")
	}
	return names
}

// testTime is what one of them may take.
const testTime = 40 * time.Second

// testsStep runs the backend's own tests.
func testsStep(ctx context.Context, o options, tell func(Findings) error) error {
	if o.tests == "" {
		return skip("no test program was given")
	}
	var bad error
	for _, name := range cardTests(o.mode) {
		t, err := cardTest(ctx, o, name)
		bad = errors.Join(bad, err)
		if err := tell(Findings{Tests: []Tests{t}}); err != nil {
			return err
		}
	}
	return bad
}

func cardTest(ctx context.Context, o options, name string) (Tests, error) {
	left := min(time.Until(o.until), testTime)
	if left < 5*time.Second {
		return Tests{Name: name}, fmt.Errorf("%s: no time was left", name)
	}
	c := exec.CommandContext(ctx, o.tests,
		"-test.run", "^"+strings.ReplaceAll(name, "/", "$/^")+"$", "-test.v",
		"-test.timeout", (left - 2*time.Second).String()) // before this process is ended: the output tells what hung
	c.Env = append(os.Environ(), cardEnv)
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	t := readTests(name, out)
	switch {
	case t.Failed > 0:
		os.Stderr.Write(out)
		return t, fmt.Errorf("%s: %d of %d failed, the first %s", name, t.Failed, t.Failed+t.Passed, t.Failures[0])
	case err != nil:
		os.Stderr.Write(out)
		return t, fmt.Errorf("%s: %w while %s ran", name, err, lastRun(out))
	case t.Passed == 0:
		return t, fmt.Errorf("%s has no test %s", filepath.Base(o.tests), name)
	}
	return t, nil
}

// lastRun returns the test that go test -v named last.
func lastRun(out []byte) string {
	last := "nothing"
	for line := range strings.Lines(string(out)) {
		if s, ok := strings.CutPrefix(line, "=== RUN"); ok {
			last = strings.TrimSpace(s)
		}
	}
	return last
}

var testLine = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+) `)

// readTests counts the tests in the output of go test -v that are the named one or within it and hold no others.
func readTests(name string, out []byte) Tests {
	t := Tests{Name: name}
	for _, l := range testLine.FindAllSubmatch(out, -1) {
		result, test := string(l[1]), string(l[2])
		if test != name && !strings.HasPrefix(test, name+"/") {
			continue
		}
		// A test that failed although none within it did is one itself.
		if bytes.Contains(out, []byte(": "+test+"/")) &&
			(result != "FAIL" || bytes.Contains(out, []byte("FAIL: "+test+"/"))) {
			continue
		}
		switch result {
		case "PASS":
			t.Passed++
		case "SKIP":
			t.Skipped++
		default:
			t.Failed++
			t.Failures = append(t.Failures, test)
		}
	}
	return t
}

// sanitizerStep runs the reference step under compute-sanitizer.
func sanitizerStep(ctx context.Context, o options, tell func(Findings) error) error {
	path, err := exec.LookPath("compute-sanitizer")
	if err != nil {
		path = "/usr/local/cuda/bin/compute-sanitizer"
		if _, err := os.Stat(path); err != nil {
			return skip("compute-sanitizer is not installed")
		}
	}
	program, err := self()
	if err != nil {
		return err
	}
	var bad error
	for _, tool := range []string{"memcheck", "racecheck", "initcheck", "synccheck"} {
		if time.Until(o.until) < time.Second {
			return errors.Join(bad, fmt.Errorf("no time was left for %s", tool))
		}
		c := exec.CommandContext(ctx, path, append([]string{
			"--tool", tool, "--error-exitcode", "9", program, "step",
			"reference",
		}, o.args()...)...)
		c.WaitDelay = time.Second
		out, err := c.CombinedOutput()
		if terr := tell(Findings{Sanitizer: []Sanitizer{{tool, err == nil, summary(out)}}}); terr != nil {
			return terr
		}
		if err != nil {
			os.Stderr.Write(out)
			bad = errors.Join(bad, fmt.Errorf("%s: %w", tool, err))
		}
	}
	return bad
}

// summary returns the last lines that the tool itself wrote.
func summary(out []byte) string {
	var lines []string
	for line := range strings.Lines(string(out)) {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "========= "); ok {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines[max(0, len(lines)-2):], "; ")
}
