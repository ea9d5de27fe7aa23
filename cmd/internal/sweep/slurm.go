package sweep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/atomicfile"
)

// Slurm has a sweep trained by a Slurm cluster: an array of jobs, each a shard of the sweep, on nodes that all see its
// folder.
type Slurm struct {
	options  []string // of sbatch, as --name=value
	elements int      // 0 for as many as are useful
	most     int      // elements at once; 0 for any number
}

// ours are the options of sbatch that the sweep sets itself.
var ours = []string{
	"requeue", "no-requeue", "open-mode", "signal", "export", "output", "error", "job-name", "chdir", "wrap",
	"parsable", "ntasks", "nodes",
}

// limits of Slurm's signal before the time limit: it is sent up to a minute early.
const (
	nearEnd = 120 // seconds before the limit at which an element saves
	least   = 5 * time.Minute
)

// ParseSlurm reads what a person asks the cluster for: options of sbatch without the dashes, as in
// "partition=gpu gres=gpu:1 time=1:00:00 array=8%4".
func ParseSlurm(s string) (*Slurm, error) {
	c := &Slurm{}
	for word := range strings.FieldsSeq(s) {
		name, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case !ok || value == "" || !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(name):
			return nil, talk.Usage("--slurm %q: want options of sbatch as name=value, as in \"partition=gpu "+
				"gres=gpu:1 time=1:00:00\"; %q is none", s, word)
		case slices.Contains(ours, name):
			return nil, talk.Usage("--slurm %s: the sweep sets that itself", word)
		case name == "array":
			if n, err := fmt.Sscanf(value+" ", "%d%%%d ", &c.elements, &c.most); n < 1 || c.elements < 1 ||
				strings.Contains(value, "%") && (err != nil || c.most < 1) ||
				!strings.Contains(value, "%") && value != strconv.Itoa(c.elements) {
				return nil, talk.Usage("--slurm %s: want how many elements the array has, and how many run at once, "+
					"as array=8 or array=8%%4", word)
			}
			continue
		case name == "time":
			d, err := slurmTime(value)
			if err != nil {
				return nil, talk.Usage("--slurm %s: %v", word, err)
			}
			if d < least {
				return nil, talk.Usage("--slurm %s: want 5 minutes or more: Slurm tells an element two or three "+
					"minutes before its end to save and queue itself again, and a shorter one would do "+
					"nothing else", word)
			}
		}
		c.options = append(c.options, "--"+name+"="+value)
	}
	return c, nil
}

// slurmTime reads a time limit of sbatch: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
// days-hours:minutes, days-hours:minutes:seconds.
func slurmTime(s string) (time.Duration, error) {
	wrong := fmt.Errorf("want a time as Slurm takes it: minutes, hours:minutes:seconds, days-hours")
	days, rest, hasDays := strings.Cut(s, "-")
	units := []time.Duration{time.Minute, time.Second}
	var d time.Duration
	if hasDays {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 {
			return 0, wrong
		}
		d = time.Duration(n) * 24 * time.Hour
		units = []time.Duration{time.Hour, time.Minute, time.Second}
	} else {
		rest = s
		if strings.Count(s, ":") == 2 {
			units = []time.Duration{time.Hour, time.Minute, time.Second}
		}
	}
	parts := strings.Split(rest, ":")
	if len(parts) > len(units) {
		return 0, wrong
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || n > 1e6 {
			return 0, wrong
		}
		d += time.Duration(n) * units[i]
	}
	return d, nil
}

// Submitted is an array of jobs that a cluster has taken.
type Submitted struct {
	ID       string
	Elements int
	Script   string
}

const (
	usefulElements = 16 // where nobody says how many: an element takes a second to start
	clusterTime    = 60 * time.Second
)

// Submit writes the job script and submits the array, for the runs of a local sweep that are left. It does not wait for
// them. Two arrays of one sweep at a time are refused.
func (c *Slurm) Submit(ctx context.Context, l *Local, program, devices string) (*Submitted, error) {
	left := l.left()
	if left == 0 {
		return nil, nil
	}
	if _, err := exec.LookPath("sbatch"); err != nil {
		return nil, errors.New("--executor slurm: there is no sbatch here; give the command on a machine of the " +
			"cluster from which jobs are submitted")
	}
	folder, err := filepath.Abs(l.Folder.Path)
	if err != nil {
		return nil, err
	}
	name := jobName(folder)
	queue, err := command(ctx, "squeue", "-h", "-n", name, "-o", "%A %T")
	if err != nil {
		return nil, err
	}
	if queue := strings.TrimSpace(queue); queue != "" {
		id, _, _ := strings.Cut(queue, " ")
		return nil, fmt.Errorf("this sweep is with the cluster already: %s of job %s (%s); wait for it, or end it "+
			"with scancel -n %s", words.Count(strings.Count(queue, "\n")+1, "element"), id, states(queue), name)
	}
	n, err := c.count(ctx, left)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(folder, "slurm")
	if err := atomicfile.MkdirAll(dir); err != nil {
		return nil, err
	}
	script := filepath.Join(dir, "job.sh")
	text := c.script(jobScript{
		name: name, folder: folder, program: program, devices: devices, elements: n, log: filepath.Join(dir, "%a.log"),
		environ: environment(os.Getenv),
	})
	err = atomicfile.Write(script, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := command(ctx, "sbatch", "--parsable", script)
	if err != nil {
		return nil, err
	}
	id, _, _ := strings.Cut(strings.TrimSpace(out), ";")
	if _, err := strconv.Atoi(id); err != nil {
		return nil, fmt.Errorf("sbatch answered %q, which is no job's number; ask squeue -n %s", out, name)
	}
	return &Submitted{id, n, script}, nil
}

// states counts the states of a queue's elements.
func states(queue string) string {
	count := map[string]int{}
	for line := range strings.Lines(queue) {
		if f := strings.Fields(line); len(f) == 2 {
			count[strings.ToLower(f[1])]++
		}
	}
	var parts []string
	for state, n := range count {
		parts = append(parts, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// count is how many elements the array gets.
func (c *Slurm) count(ctx context.Context, left int) (int, error) {
	n := c.elements
	if n == 0 {
		n = usefulElements
	}
	n = min(n, left)
	config, err := command(ctx, "scontrol", "show", "config")
	if err != nil {
		return 0, err
	}
	if m := regexp.MustCompile(`(?m)^MaxArraySize\s*=\s*(\d+)`).FindStringSubmatch(config); m != nil {
		if most, err := strconv.Atoi(m[1]); err == nil && most > 0 {
			n = min(n, most)
		}
	}
	return n, nil
}

// jobScript is what a job script says.
type jobScript struct {
	name, folder, program, devices, log string
	elements                            int
	environ                             []string
}

// jobName is the same for the same folder, so that its elements are found again.
func jobName(folder string) string {
	return fmt.Sprintf("neuroloupe-%x", sha256.Sum256([]byte(folder)))[:20]
}

// environment is what an element needs of the environment of whoever submits it; nothing else is carried over.
func environment(get func(string) string) []string {
	var all []string
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "NEUROLOUPE_CPU"} {
		if v := get(name); v != "" {
			all = append(all, name+"="+v)
		}
	}
	return all
}

// script is the job script. Its last line becomes the program, so that each signal reaches it once.
func (c *Slurm) script(j jobScript) string {
	var b strings.Builder
	b.WriteString("#!/bin/bash\n" +
		"# An element of a sweep's array: it trains the shard of its number, or goes on with it.\n")
	array := fmt.Sprintf("0-%d", j.elements-1)
	if c.most > 0 {
		array += fmt.Sprintf("%%%d", c.most)
	}
	for _, o := range slices.Concat([]string{
		"--job-name=" + j.name, "--array=" + array, "--ntasks=1", "--requeue", "--open-mode=append",
		fmt.Sprintf("--signal=B:USR1@%d", nearEnd), "--export=NONE", "--output=" + j.log, "--chdir=" + j.folder,
	}, c.options) {
		fmt.Fprintf(&b, "#SBATCH %s\n", quoteOption(o))
	}
	b.WriteString("set -eu\n")
	for _, e := range j.environ {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(value))
	}
	fmt.Fprintf(&b, "echo \"$(date +%%FT%%T) element $SLURM_ARRAY_TASK_ID on ${SLURMD_NODENAME:-?}, start "+
		"$((${SLURM_RESTART_COUNT:-0} + 1))\"\n")
	fmt.Fprintf(&b, "exec %s sweep %s --element --devices %s --shard \"$SLURM_ARRAY_TASK_ID/%d\"\n", quote(j.program),
		quote(j.folder), quote(j.devices), j.elements)
	return b.String()
}

// quote writes a word for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quoteOption writes an option for a line of #SBATCH, where a value with a space stands in quotes.
func quoteOption(s string) string {
	if strings.ContainsAny(s, " \t\"'") {
		name, value, _ := strings.Cut(s, "=")
		return name + "=\"" + strings.ReplaceAll(value, `"`, `\"`) + "\""
	}
	return s
}

// command runs a command of Slurm. They wait for a minute, or for ever, for a controller that does not answer.
func command(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, clusterTime, fmt.Errorf("no answer in %v", clusterTime))
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = time.Second
	if err := c.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		said := strings.Join(strings.Fields(errs.String()), " ")
		if said != "" {
			said = ": " + said
		}
		return "", fmt.Errorf("%s %s: %w%s", name, strings.Join(args, " "), err, said)
	}
	return out.String(), nil
}

// ErrNearEnd ends an element of an array whose time limit is near.
var ErrNearEnd = errors.New("the time limit is near")

// Element is the context of an element of an array: it ends also when Slurm says that the time limit is near.
func Element(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := onNearEnd(func() { cancel(ErrNearEnd) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Requeue queues the element that this process is once more, after it has saved what it was at. It is never told by
// SLURM_JOB_ID: that of the last element is the array's, and would queue all of them.
func Requeue(get func(string) string) error {
	array, task := get("SLURM_ARRAY_JOB_ID"), get("SLURM_ARRAY_TASK_ID")
	if array == "" || task == "" {
		return errors.New("this is no element of an array of Slurm: SLURM_ARRAY_JOB_ID and SLURM_ARRAY_TASK_ID are " +
			"not set; what was trained is saved, give the command again")
	}
	_, err := command(context.Background(), "scontrol", "requeue", array+"_"+task)
	return err
}
