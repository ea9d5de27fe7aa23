package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// Estimate is what a sweep is going to take.
type Estimate struct {
	Left  int           `json:"left"` // runs
	Time  time.Duration `json:"nanoseconds"`
	Took  time.Duration `json:"measurement_nanoseconds"` // what the measurement took
	Bytes int64         `json:"bytes"`                   // that are going to be written
	Free  int64         `json:"free_bytes"`              // -1 where it is not known
}

// Rows say it for people, each under a name; there are none when nothing is left.
func (e *Estimate) Rows() [][2]string {
	if e.Left == 0 {
		return nil
	}
	return [][2]string{
		{"time", fmt.Sprintf("about %s for the %s left, by a measurement of %s", words.Duration(e.Time),
			words.Count(e.Left, "run"), words.Duration(e.Took))},
		{"disk", fmt.Sprintf("%s, and %s free", words.Bytes(e.Bytes), words.Bytes(max(0, e.Free)))},
	}
}

const (
	maxMeasured = 12              // kinds of runs that are measured
	measureTime = 4 * time.Second // for an epoch of one
)

// kind is what the time of an epoch depends on.
func (r *Run) kind() string {
	c := r.Order.Recipe
	return fmt.Sprint(r.Order.Name, c.Net, c.Batch, c.Optimizer, c.Hidden, c.Output, c.Loss, c.Dropout > 0, c.L1 > 0,
		c.Classes, c.Split)
}

// Estimate measures an epoch of each kind of run that is left, as many side by side as there are places, and reckons
// from that how long all of them take.
func (l *Local) Estimate(ctx context.Context) (e Estimate, err error) {
	began := time.Now()
	if e.Bytes, e.Free, err = l.room(); err != nil {
		return e, err
	}
	var left []*entry
	kinds := map[string]*entry{}
	for _, x := range l.entries {
		if !x.wanted || !x.open() || x.standing.State == runs.Stopped {
			continue
		}
		left = append(left, x)
		if kinds[x.kind()] == nil && len(kinds) < maxMeasured {
			kinds[x.kind()] = x
		}
	}
	e.Left = len(left)
	if e.Left == 0 {
		return e, nil
	}
	costs, err := l.measure(ctx, kinds)
	if err != nil {
		return e, err
	}
	e.Took = time.Since(began)
	e.Time = l.makespan(left, kinds, costs)
	return e, nil
}

// measure measures a run of each kind in all places at once: cores that share a memory are slower together, as they are
// later.
func (l *Local) measure(ctx context.Context, kinds map[string]*entry) (map[string]job.Cost, error) {
	costs := map[string]job.Cost{}
	for kind, e := range kinds {
		all := make([]job.Cost, len(l.Site.Places))
		errs := make([]error, len(all))
		var each sync.WaitGroup
		for i, p := range l.Site.Places {
			each.Go(func() {
				o := e.Order
				o.Device = p.Device
				if p.Shares {
					o.Device.Workers = l.share()
				}
				all[i], errs[i] = job.Measure(ctx, o, measureTime, talk.Silent{})
			})
		}
		each.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		var sum job.Cost
		for _, c := range all {
			sum.Begin += c.Begin
			sum.First += c.First
			sum.Epoch += c.Epoch
			sum.Finish += c.Finish
		}
		n := time.Duration(len(all))
		costs[kind] = job.Cost{Begin: sum.Begin / n, First: sum.First / n, Epoch: sum.Epoch / n, Finish: sum.Finish / n}
	}
	return costs, nil
}

// makespan is how long the places are busy, each taking the longest run that is left when it is free.
func (l *Local) makespan(left []*entry, kinds map[string]*entry, costs map[string]job.Cost) time.Duration {
	slices.SortStableFunc(left, func(a, b *entry) int { return cmp.Compare(b.cost(), a.cost()) })
	epochs := l.expected(left)
	busy := make([]time.Duration, len(l.Site.Places))
	for i, e := range left {
		c, ok := costs[e.kind()]
		if !ok { // not measured: as the one of the nearest size
			near := nearest(e, kinds)
			c = costs[near.kind()]
			times := float64(e.parameters) / float64(near.parameters)
			c.First, c.Epoch = time.Duration(float64(c.First)*times), time.Duration(float64(c.Epoch)*times)
		}
		took := c.Of(epochs[i]-len(e.result.accuracy), epochs[i] >= e.Order.Recipe.Epochs)
		free := slices.Index(busy, slices.Min(busy))
		busy[free] += took
	}
	return slices.Max(busy)
}

func nearest(e *entry, kinds map[string]*entry) *entry {
	var best *entry
	off := func(x *entry) int { return max(x.parameters-e.parameters, e.parameters-x.parameters) }
	for _, x := range kinds {
		if best == nil || off(x) < off(best) || off(x) == off(best) && x.ID < best.ID {
			best = x
		}
	}
	return best
}

// expected is how many epochs each run is going to be trained: all of them, or as its rule lets one in so many go on.
func (l *Local) expected(left []*entry) []int {
	epochs := make([]int, len(left))
	rule := l.Plan.File.Stop
	for i, e := range left {
		epochs[i] = e.Order.Recipe.Epochs
		if rule == nil {
			continue
		}
		for rung, kept := 1, len(left)/rule.Reduction; rule.level(rung) < epochs[i]; rung++ {
			if i >= max(1, kept) {
				epochs[i] = rule.level(rung)
				break
			}
			kept /= rule.Reduction
		}
	}
	return epochs
}

// bytes is about what a run's folder holds when it is done, and what it holds besides while it is being finished.
func (r *Run) bytes() (kept, besides int64) {
	c := r.Order.Recipe
	params := int64(4 * r.parameters)
	checkpoint := params
	switch c.Optimizer.String() {
	case "momentum", "nesterov":
		checkpoint *= 2
	case "adam":
		checkpoint *= 3
	}
	if c.Keep == "best" {
		checkpoint += params
	}
	inputs := int64(r.Order.Examples.Train.Pixels())
	hidden := int64(1)
	if layers, err := engine.ParseSizes(c.Net); err == nil && len(layers) > 2 {
		hidden = int64(layers[1])
	}
	frames := int64(4) * inputs * hidden
	if params <= 2*frames { // then the whole network is kept of each moment
		frames = params
	}
	if every, err := c.FrameEvery(); err == nil && every > 0 {
		frames *= int64(c.Epochs/every + 1)
	}
	const folder, tile = 64 << 10, 8 << 10 // run.toml, metrics, room for the last block of each; a neuron of the sheet
	return 2*params + checkpoint + frames + folder + hidden*tile, max(frames, checkpoint)
}

// room is what the runs that are left are going to write, and what is free.
func (l *Local) room() (need, free int64, err error) {
	var besides []int64
	for _, e := range l.entries {
		if !e.wanted || !e.open() {
			continue
		}
		kept, more := e.bytes()
		need += kept
		besides = append(besides, more)
	}
	slices.Sort(besides)
	slices.Reverse(besides)
	for _, more := range besides[:min(len(besides), len(l.Site.Places))] {
		need += more
	}
	free, err = l.free()
	if errors.Is(err, errors.ErrUnsupported) {
		return need, -1, nil
	}
	return need, free, err
}

// free is the room where the sweep's folder is, or will be.
func (l *Local) free() (int64, error) {
	for path := l.Folder.Path; ; path = filepath.Dir(path) {
		free, err := l.freeAt(path)
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return free, err
		}
	}
}

// roomFor returns an error where the disk has no room for a run, which is then not begun.
func (l *Local) roomFor(e *entry) error {
	kept, besides := e.bytes()
	free, err := l.free()
	if errors.Is(err, errors.ErrUnsupported) || err == nil && kept+besides <= free {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the disk is nearly full: the run %s is going to write about %s, and %s has %s free; free some "+
		"room, what is trained is safe, and the same command goes on", e.name, words.Bytes(kept+besides), l.Folder.Path,
		words.Bytes(free))
}

// Room returns an error where the disk has no room for the runs that are left.
func (l *Local) Room() error {
	need, free, err := l.room()
	if err != nil || free < 0 || need <= free {
		return err
	}
	return fmt.Errorf("the runs that are left are going to write about %s, and %s has %s free: free some room, or "+
		"keep fewer frames (frames = \"none\" under [set])", words.Bytes(need), l.Folder.Path, words.Bytes(free))
}
