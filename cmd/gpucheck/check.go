package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/cuda/kernels"
	"neuroloupe/engine/cpu"
)

// plan is a step to run.
type plan struct {
	name  string
	limit time.Duration
	mode  cuda.Mode // that it is about; Auto for all
	run   func(ctx context.Context, o options, tell func(Findings) error) error
}

// plans are the steps in order. What a step leaves of its limit goes to those after it; speed takes what is left, but
// for keep. The modes are tried one by one, the plainer first: a card on which one of them hangs tells of the other.
func plans() []plan {
	return []plan{
		{"device", 20 * time.Second, cuda.Auto, deviceStep},
		{"compile", 90 * time.Second, cuda.Auto, compileStep},
		{"reference graph", 30 * time.Second, cuda.Graph, referenceStep},
		{"reference persistent", 30 * time.Second, cuda.Persistent, referenceStep},
		{"parity graph", 45 * time.Second, cuda.Graph, parityStep},
		{"parity persistent", 45 * time.Second, cuda.Persistent, parityStep},
		{"tests", 100 * time.Second, cuda.Auto, testsStep},
		{"fleets", 45 * time.Second, cuda.Auto, fleetStep},
		{"speed", 0, cuda.Auto, speedStep},
		{"accuracy", 20 * time.Second, cuda.Auto, accuracyStep},
		{"sanitizer", 60 * time.Second, cuda.Auto, sanitizerStep},
	}
}

// keep is left for the steps after speed.
const keep = 60 * time.Second

// errSkip is the error of a step that has nothing to do here.
var errSkip = errors.New("skipped")

func skip(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errSkip}, args...)...)
}

// skipCode is the exit status of a step that has nothing to do here.
const skipCode = 3

// runStep is what the process of a step does: what it finds goes to out, a line of JSON each.
func runStep(ctx context.Context, name string, o options, out io.Writer) error {
	for _, p := range plans() {
		if p.name != name && p.name != name+" graph" { // reference is one for the mode of the options
			continue
		}
		e := json.NewEncoder(out)
		err := p.run(ctx, o, func(f Findings) error { return e.Encode(f) })
		if errors.Is(err, errSkip) {
			fmt.Fprintln(os.Stderr, strings.TrimPrefix(err.Error(), errSkip.Error()+": "))
			os.Exit(skipCode)
		}
		return err
	}
	return fmt.Errorf("no step %q", name)
}

// check runs the steps and writes what they find into folder.
func check(ctx context.Context, o options, folder string) error {
	program, err := self()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	cache, err := os.MkdirTemp("", "gpucheck")
	if err != nil { // where nothing but the results can be written
		cache, err = os.MkdirTemp(folder, "gpucheck")
	}
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	end := time.Now().Add(o.limit)
	// An empty cache, so that the first compilation is one; and room for what steps write.
	env := append(os.Environ(), "CUDA_CACHE_PATH="+cache, "CUDA_CACHE_DISABLE=0", "TMPDIR="+cache)
	if path := findBLAS(ctx, o.python); path != "" {
		env = append(env, blasEnv+"="+path)
	}
	r := &Report{
		Format: formatVersion, Made: time.Now().UTC().Truncate(time.Second), Version: version(), PTX: kernels.Hash(),
		Cores: runtime.NumCPU(),
	}
	for _, d := range (cpu.Driver{}).Devices() {
		r.CPU = d.Name
	}
	var log strings.Builder
	bad, hangs := 0, false // hangs: or fails otherwise, in the persistent mode, which is left out from there on
	for _, p := range plans() {
		left := time.Until(end)
		limit := min(p.limit, left)
		if p.limit == 0 {
			limit = left - keep
		}
		s := Step{Name: p.name, Limit: limit.Seconds()}
		if o.mode = p.mode; o.mode == cuda.Auto && hangs {
			o.mode = cuda.Graph
		}
		switch {
		case p.name != "device" && r.Device == nil:
			s.Result, s.Reason, s.Limit = skipped, "there is no device", 0
		case limit < time.Second:
			s.Result, s.Reason, s.Limit = skipped, "no time was left", 0
		default:
			o.until = time.Now().Add(limit)
			fmt.Fprintf(os.Stderr, "%s (at most %.0f s)\n", p.name, limit.Seconds())
			began := time.Now()
			var said string
			s.Result, s.Reason, said = process(ctx, program, p.name, o, env, func(f Findings) error {
				r.add(f)
				return r.write(folder, log.String())
			})
			s.Seconds = time.Since(began).Seconds()
			fmt.Fprintf(&log, "== %s\n%s", p.name, said)
		}
		fmt.Fprintf(os.Stderr, "%s %s after %.1f s %s\n", p.name, s.Result, s.Seconds, s.Reason)
		if s.Result == failed {
			bad++
			hangs = hangs || p.mode == cuda.Persistent
		}
		r.Steps = append(r.Steps, s)
		if err := r.write(folder, log.String()); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	fmt.Print(r.text(""))
	if bad > 0 {
		return fmt.Errorf("%d of %d steps failed; see %s in %s", bad, len(r.Steps), textName, folder)
	}
	return nil
}

// process runs a step as a process, and ends it when its time is over.
func process(ctx context.Context, program, name string, o options, env []string, found func(Findings) error) (result,
	reason, said string,
) {
	ctx, cancel := context.WithDeadline(ctx, o.until)
	defer cancel()
	c := exec.CommandContext(ctx, program, append([]string{"step", name}, o.args()...)...)
	c.Env = env
	c.WaitDelay = 2 * time.Second
	endTogether(c) // what it has started too: it would keep the card busy
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return failed, err.Error(), ""
	}
	// A process that the driver holds does not even end when it is killed.
	stuck := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		time.Sleep(c.WaitDelay)
		_ = out.Close()
		time.Sleep(c.WaitDelay)
		close(stuck)
	})
	defer stop()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var bad error
	for lines.Scan() {
		var f Findings
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			fmt.Fprintf(&log, "%s\n", lines.Bytes())
			continue
		}
		bad = errors.Join(bad, found(f))
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err = <-ended:
		err = errors.Join(err, bad)
	case <-stuck:
		return failed, "its time was over, and it does not end", ""
	}
	last := strings.TrimSpace(log.String())
	if i := strings.LastIndexByte(last, '\n'); i >= 0 {
		last = last[i+1:]
	}
	last = strings.TrimPrefix(last, "gpucheck: ")
	switch {
	case err == nil:
		return passed, "", tail(log.String())
	case ctx.Err() != nil:
		return failed, "its time was over", tail(log.String())
	case c.ProcessState.ExitCode() == skipCode:
		return skipped, last, ""
	case last == "":
		last = err.Error()
	}
	return failed, last, tail(log.String())
}

// tail returns the last of a long text.
func tail(s string) string {
	const most = 20000
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return s
}

// version returns the revision that the program was built from, when that is known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, changed := info.Main.Version, false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed && !strings.HasSuffix(v, "+dirty") {
		v += "+dirty"
	}
	return v
}
