//go:build unix

package sweep

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"neuroloupe/cmd/internal/job"
)

// cluster puts commands of Slurm on the path that say what they were called with and answer as answers say, by the name
// of the command.
func cluster(t *testing.T, answers map[string]string) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	for name, answer := range answers {
		text := "#!/bin/sh\necho " + name + " \"$@\" >>" + log + "\n" + answer + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return func() string {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// answers is a cluster that takes an array.
func answers() map[string]string {
	return map[string]string{
		"sbatch": "echo '77;loupe'", "squeue": "",
		"scontrol": "echo 'Configuration data as of 2026'; echo 'MaxArraySize            = 1001'",
	}
}

func submit(t *testing.T, w *world, options string) (*Submitted, error) {
	t.Helper()
	c, err := ParseSlurm(options)
	if err != nil {
		t.Fatal(err)
	}
	return c.Submit(t.Context(), w.local(w.plan(six), nil), "/opt/it's here/neuroloupe", "auto")
}

// The script asks for what the person and the sweep want, and becomes the program with its last line.
func TestSubmit(t *testing.T) {
	calls := cluster(t, answers())
	t.Setenv("NEUROLOUPE_CPU", "avx2")
	t.Setenv("XDG_CACHE_HOME", "/scratch/my cache")
	w := newWorld(t)
	s, err := submit(t, w, "partition=gpu --gres=gpu:1 time=1:00:00 array=4%2")
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "77" || s.Elements != 4 {
		t.Errorf("%+v", s)
	}
	if got := calls(); !strings.Contains(got, "sbatch --parsable "+s.Script+"\n") ||
		!strings.Contains(got, "squeue -h -n neuroloupe-") {
		t.Errorf("called:\n%s", got)
	}
	text, err := os.ReadFile(s.Script)
	if err != nil {
		t.Fatal(err)
	}
	script := string(text)
	for _, want := range []string{
		"#!/bin/bash\n", "#SBATCH --array=0-3%2\n", "#SBATCH --requeue\n", "#SBATCH --open-mode=append\n",
		"#SBATCH --signal=B:USR1@120\n", "#SBATCH --export=NONE\n", "#SBATCH --partition=gpu\n",
		"#SBATCH --gres=gpu:1\n", "#SBATCH --time=1:00:00\n", "#SBATCH --chdir=" + w.folder.Path + "\n",
		"export XDG_CACHE_HOME='/scratch/my cache'\n", "export NEUROLOUPE_CPU='avx2'\n",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %q:\n%s", want, script)
		}
	}
	last := `exec '/opt/it'\''s here/neuroloupe' sweep '` + w.folder.Path +
		`' --element --devices 'auto' --shard "$SLURM_ARRAY_TASK_ID/4"` + "\n"
	if !strings.HasSuffix(script, "\n"+last) {
		t.Errorf("the script ends otherwise:\n%s", script)
	}
}

// No more elements than runs, nor than the cluster allows.
func TestElements(t *testing.T) {
	for _, c := range []struct {
		options, size string
		want          int
	}{{"", "1001", 6}, {"array=100", "1001", 6}, {"array=2", "1001", 2}, {"array=5", "3", 3}} {
		a := answers()
		a["scontrol"] = "echo 'MaxArraySize            = " + c.size + "'"
		cluster(t, a)
		s, err := submit(t, newWorld(t), c.options)
		if err != nil || s.Elements != c.want {
			t.Errorf("%+v: %+v, %v", c, s, err)
		}
	}
}

func TestSubmitErrors(t *testing.T) {
	for want, change := range map[string]func(map[string]string){
		"there is no sbatch here": func(a map[string]string) { delete(a, "sbatch") },
		"2 elements of job 41 (1 pending, 1 running); wait for it": func(a map[string]string) {
			a["squeue"] = "echo '41 RUNNING'; echo '42 PENDING'"
		},
		"error: Batch job submission failed: Invalid partition": func(a map[string]string) {
			a["sbatch"] = "echo 'sbatch: error: Batch job submission failed: " +
				"Invalid partition name specified' >&2; exit 1"
		},
		`sbatch answered "ok\n"`: func(a map[string]string) { a["sbatch"] = "echo ok" },
		"Unable to contact slurm controller": func(a map[string]string) {
			a["squeue"] = "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1"
		},
	} {
		a := answers()
		change(a)
		cluster(t, a)
		if a["sbatch"] == "" && len(a) == 2 {
			t.Setenv("PATH", t.TempDir())
		}
		if _, err := submit(t, newWorld(t), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A controller that never answers is not waited for longer than the context lasts.
func TestSilentController(t *testing.T) {
	cluster(t, map[string]string{"squeue": "exec sleep 1000"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := command(ctx, "squeue", "-h"); err == nil || !strings.Contains(err.Error(), "squeue -h: ") {
		t.Error(err)
	}
}

// Nothing is submitted for a sweep that is trained.
func TestSubmitNothing(t *testing.T) {
	cluster(t, map[string]string{})
	w := newWorld(t)
	p := w.plan(strings.Replace(six, "l2 = [0, 1, 5]", "l2 = [0]", 1))
	if err := w.local(p, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := new(Slurm).Submit(t.Context(), w.local(p, nil), "neuroloupe", "auto")
	if s != nil || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

// An element queues itself again by the array's number and its own.
func TestRequeue(t *testing.T) {
	calls := cluster(t, answers())
	env := map[string]string{"SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_ID": "77"}
	if err := Requeue(func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	if got := calls(); got != "scontrol requeue 77_3\n" {
		t.Errorf("called %q", got)
	}
	delete(env, "SLURM_ARRAY_JOB_ID")
	if err := Requeue(func(name string) string { return env[name] }); err == nil ||
		!strings.Contains(err.Error(), "no element of an array") {
		t.Error(err)
	}
}

func TestParseSlurm(t *testing.T) {
	for options, want := range map[string]string{
		"gpu":            `"gpu" is none`,
		"partition=":     `"partition=" is none`,
		"Partition=gpu":  `"Partition=gpu" is none`,
		"requeue=1":      "--slurm requeue=1: the sweep sets that itself",
		"--export=ALL":   "the sweep sets that itself",
		"array=0":        "want how many elements",
		"array=0-7":      "want how many elements",
		"array=4%0":      "want how many elements",
		"array=4%":       "want how many elements",
		"array=4x":       "want how many elements",
		"time=4":         "want 5 minutes or more",
		"time=0:04:00":   "want 5 minutes or more",
		"time=1h":        "want a time as Slurm takes it",
		"time=1-2:3:4:5": "want a time as Slurm takes it",
		"time=-1":        "want a time as Slurm takes it",
	} {
		if c, err := ParseSlurm(options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %q", options, c, err, want)
		}
	}
	// sbatch(1), --time.
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Minute, "6:30": 6*time.Minute + 30*time.Second, "2:00:01": 2*time.Hour + time.Second,
		"1-6": 30 * time.Hour, "1-6:30": 30*time.Hour + 30*time.Minute, "0-0:5:1": 5*time.Minute + time.Second,
	} {
		if d, err := slurmTime(text); err != nil || d != want {
			t.Errorf("%q: %v, %v, want %v", text, d, err, want)
		}
	}
}

// An element that is told, more than once, that its time limit is near saves what it is at and ends with that reason;
// whoever goes on with it ends with the bytes of an undisturbed sweep.
func TestNearEnd(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six)
	undisturbed := w.folder
	if err := w.local(p, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.folder = Folder{filepath.Join(t.TempDir(), "sweep")}
	if err := w.folder.Write(p); err != nil {
		t.Fatal(err)
	}
	ctx, stop := Element(t.Context())
	defer stop()
	l := w.local(p, func(o *Options) {
		o.Site.Places, o.Shard = []Place{{Device: job.Device{Want: "cpu", Workers: 1}}}, Shard{1, 2}
		o.Watch = func(e Event) {
			if e.Kind == Epoch && e.Epoch == 2 {
				tellNearEnd(t)
				tellNearEnd(t)
				<-ctx.Done()
			}
		}
	})
	err := l.Run(ctx)
	if !strings.Contains(err.Error(), ErrNearEnd.Error()) {
		t.Fatal(err)
	}
	if err := w.local(p, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.once()
	want, got := w.files(undisturbed), w.files(w.folder)
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is another one", name)
		}
	}
}
