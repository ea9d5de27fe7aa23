package sweep

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/talk"
)

// What is left of halving is reckoned by its table: of 27 runs with a reduction of 3, 18 for 1 epoch, 6 for 3, 2 for 9,
// 1 for 27 (Jamieson and Talwalkar 2016).
func TestExpected(t *testing.T) {
	w := newWorld(t)
	var seeds []string
	for i := range 27 {
		seeds = append(seeds, fmt.Sprint(i))
	}
	tables := "[set]\nepochs = 27\nnet = \"120-8-4\"\n[grid]\nseed = [" + strings.Join(seeds, ", ") + "]\n"
	for rule, want := range map[string]string{
		"": "map[27:27]", "[stop]\nfirst = 1\n": "map[1:18 3:6 9:2 27:1]",
	} {
		l := w.local(w.plan(tables+rule), nil)
		count := map[int]int{}
		for _, n := range l.expected(l.entries) {
			count[n]++
		}
		if got := fmt.Sprint(count); got != want {
			t.Errorf("%q: %s, want %s", rule, got, want)
		}
	}
}

// The time is that of the place that is busy longest, when each takes the longest run that is left.
func TestMakespan(t *testing.T) {
	w := newWorld(t)
	l := w.local(w.plan("[set]\nbatch = 10\nnet = \"120-8-4\"\n[grid]\nepochs = [2, 9, 4, 5, 3]\n"), nil)
	kinds := map[string]*entry{l.entries[0].kind(): l.entries[0]}
	costs := map[string]job.Cost{
		l.entries[0].kind(): {
			Begin: time.Second, First: 10 * time.Second, Epoch: 10 * time.Second, Finish: 2 * time.Second,
		},
	}
	// Of 23 epochs on two places: 9 and 3 on one, 5 and 4 and 2 on the other, with 3 s for each run besides.
	if got := l.makespan(l.entries, kinds, costs); got != 126*time.Second {
		t.Errorf("%v", got)
	}
}

// An estimate counts what is left, and costs nothing when that is nothing.
func TestEstimate(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six)
	if err := w.local(p, func(o *Options) { o.Shard = Shard{0, 2} }).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := w.local(p, nil).Estimate(t.Context())
	if err != nil || e.Left != 3 || e.Time <= 0 || e.Took <= 0 || e.Bytes <= 0 || e.Free <= e.Bytes {
		t.Errorf("%+v, %v", e, err)
	}
	if err := w.local(p, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err = w.local(p, nil).Estimate(t.Context()); err != nil || e.Left != 0 || e.Time != 0 || e.Bytes != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if n := w.once(); n != 18 {
		t.Errorf("%d epochs", n)
	}
}

// Devices are opened before anything is trained, and a job of Slurm uses the cores that it was given.
func TestSite(t *testing.T) {
	w := newWorld(t)
	p := w.plan(six)
	t.Setenv("SLURM_CPUS_ON_NODE", "1")
	for _, c := range []struct {
		devices string
		jobs    int
		want    int
	}{{"auto", 0, 1}, {"cpu", 0, 1}, {"cpu", 3, 3}, {"cpu", 100, 6}, {"tape", 0, 1}, {"cpu, tape", 4, 3}} {
		s, err := NewSite(t.Context(), c.devices, c.jobs, p, talk.Silent{})
		if err != nil || len(s.Places) != c.want || s.Cores != 1 {
			t.Errorf("%+v: %+v, %v", c, s, err)
		}
	}
	for devices, want := range map[string]string{
		"cpu,cpu": "cpu stands there twice", "gpu": `no device "gpu"`, "cpu,": `no device ""`,
	} {
		s, err := NewSite(t.Context(), devices, 0, p, talk.Silent{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", devices, s, err)
		}
	}
	if _, err := NewSite(t.Context(), "cpu", -1, p, talk.Silent{}); err == nil {
		t.Error("-1 jobs")
	}
}
