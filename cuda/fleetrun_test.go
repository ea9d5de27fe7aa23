//go:build gpu && linux && cgo && amd64

package cuda

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cuda/sim"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// fleetOf opens a fleet for spec.
func fleetOf(t *testing.T, o Options, spec engine.Spec, capacity, slots int) (*fleet, error) {
	t.Helper()
	b, err := Driver{Options: o}.Open("cuda:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := graph.Compile(spec, capacity)
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.(engine.Fleeter).Fleet(p, slots)
	if err != nil {
		return nil, err
	}
	return f.(*fleet), nil
}

// A network has as few blocks as hold it, and as many networks run side by side as the device has room for: on one with
// an H200's multiprocessors 66 of 784-100-10 at batch 10. docs/gpu.md has these figures. By hand, two
// blocks hold 50 units of 784 weights each, 156,800 bytes, and two sets of ten images, 15,680; the rest is the output
// layer, activations and losses.
func TestFleetsFit(t *testing.T) {
	const sigmoid, softmax, ce = engine.Sigmoid, engine.Softmax, engine.CrossEntropy
	momentum := network([]int{784, 100, 10}, sigmoid, softmax, ce)
	momentum.Update = engine.Update{Method: engine.Momentum, Momentum: 0.9}
	for _, c := range []struct {
		name                  string
		spec                  engine.Spec
		capacity              int
		blocks, slots, shared int
		why                   string
	}{
		{"784-100-10", network([]int{784, 100, 10}, sigmoid, softmax, ce), 10, 2, 66, 185064, ""},
		{"784-100-10, batch 64", network([]int{784, 100, 10}, sigmoid, softmax, ce), 64, 4, 33, 227608, ""},
		{"784-100-10, momentum", momentum, 10, 4, 33, 188104, ""},
		{"784-30-10", network([]int{784, 30, 10}, sigmoid, softmax, ce), 10, 1, 132, 116024, ""},
		{"784-10", network([]int{784, 10}, sigmoid, softmax, ce), 10, 0, 0, 0, "2 to 4 layers, not 1"},
		{
			"784-8192-8192-10", network([]int{784, 8192, 8192, 10}, sigmoid, softmax, ce), 10, 0, 0, 0,
			"shared memory",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Start(t, "sms=132")
			f, err := fleetOf(t, Options{}, c.spec, c.capacity, 0)
			if err != nil {
				if c.why == "" || !errors.Is(err, engine.ErrNoFleet) || !strings.Contains(err.Error(), c.why) {
					t.Errorf("error %v, want %q in it", err, c.why)
				}
				return
			}
			if f.shape.blocks != c.blocks || f.Slots() != c.slots || f.shape.shared != c.shared {
				t.Errorf("%d blocks each of %d bytes, %d slots, want %d of %d, and %d", f.shape.blocks, f.shape.shared,
					f.Slots(), c.blocks, c.shared, c.slots)
			}
			if _, err := fleetOf(t, Options{Mode: Graph}, c.spec, c.capacity, 0); !errors.Is(err, engine.ErrNoFleet) {
				t.Errorf("in graph mode: error %v", err)
			}
		})
	}
}

// Where a driver that shares the device among processes refuses the launch, there is no fleet.
func TestSharedDeviceHasNoFleet(t *testing.T) {
	sim.Start(t, "share=0")
	spec := network([]int{23, 17, 5}, engine.ReLU, engine.Softmax, engine.CrossEntropy)
	if _, err := fleetOf(t, Options{}, spec, 8, 0); !errors.Is(err, engine.ErrNoFleet) {
		t.Errorf("error %v, want %v", err, engine.ErrNoFleet)
	}
}

// racer is a network of TestFleetFaults and what it trains on.
type racer struct {
	spec engine.Spec
	s    engine.Steps
	data engine.Data
}

func racers(n int) []racer {
	const examples, batch = 30, 4
	all := make([]racer, n)
	for i := range all {
		spec := network([]int{9, 8, 6, 3}, engine.Tanh, engine.Softmax, engine.CrossEntropy)
		spec.Update = engine.Update{Method: engine.Adam, Beta1: 0.9 - 0.1*float64(i)}
		spec.Dropout, spec.Seed, spec.N, spec.L2 = 0.2, uint64(7+i), examples, float64(1+i)
		d := engine.Data{Images: make([]byte, examples*9), Labels: make([]uint8, examples)}
		s := engine.Steps{Batch: batch, First: uint64(5 * i)}
		for k := range examples {
			d.Labels[k] = uint8((k + i) % 3)
			s.Order = append(s.Order, int32((7*k+i)%examples))
		}
		for k := range d.Images {
			d.Images[k] = byte(k * (k + i))
		}
		s.LR, s.Loss = slices.Repeat([]float32{0.01 / float32(1+i)}, s.Count()), make([]float32, s.Count())
		all[i] = racer{spec, s, d}
	}
	return all
}

// enter takes a slot for r.
func (r racer) enter(f *fleet) (engine.Executor, engine.Steps, error) {
	p, err := graph.Compile(r.spec, 4)
	if err != nil {
		return nil, r.s, err
	}
	e, err := f.Take(p)
	if err != nil {
		return nil, r.s, err
	}
	s := r.s
	s.Loss = make([]float32, s.Count())
	if s.Data, err = e.Bind(r.data); err != nil {
		return nil, s, err
	}
	return e, s, e.Write(r.spec.NewParams()...)
}

// result is what came out, in one slice.
func (r racer) result(e engine.Executor, s engine.Steps) ([]float32, error) {
	out := slices.Clone(s.Loss)
	for _, t := range append([]engine.Tensor(r.spec.ParamInfo()), r.spec.StateInfo()...) {
		t.Data = make([]float32, t.Len())
		if err := e.Read(t); err != nil {
			return nil, err
		}
		out = append(out, t.Data...)
	}
	return out, nil
}

// gathered runs a call of Train of each executor; all of them wait for the device before it is theirs.
func gathered(f *fleet, es []engine.Executor, ss []engine.Steps) error {
	f.runtime.hold()
	errs := make(chan error, len(es))
	for i := range es {
		go func() { errs <- es[i].Train(ss[i]) }()
		for n := 0; n <= i; {
			goruntime.Gosched()
			f.mu.Lock()
			n = len(f.waiting)
			f.mu.Unlock()
		}
	}
	f.runtime.release()
	var err error
	for range es {
		err = errors.Join(err, <-errs)
	}
	return err
}

// race runs two networks side by side, and a third in the slot that the first leaves; with what is spoiled.
func race(f *fleet) (results [][]float32, err error) {
	rs := racers(3)
	var es []engine.Executor
	var ss []engine.Steps
	for _, r := range rs[:2] {
		e, s, err := r.enter(f)
		if err != nil {
			return nil, err
		}
		es, ss = append(es, e), append(ss, s)
	}
	if err := gathered(f, es, ss); err != nil {
		return nil, err
	}
	results = make([][]float32, 3)
	for i := range es {
		if results[i], err = rs[i].result(es[i], ss[i]); err != nil {
			return nil, err
		}
	}
	if err := es[0].Close(); err != nil {
		return nil, err
	}
	if es[0], ss[0], err = rs[2].enter(f); err != nil {
		return nil, err
	}
	if err := gathered(f, es, ss); err != nil {
		return nil, err
	}
	results[2], err = rs[2].result(es[0], ss[0])
	return results, err
}

// Calls that wait together go into one launch; however long a launch is, and when the numbers of steps begin again, the
// bytes are those of fleets of one; and each planted fault makes them others.
func TestFleetFaults(t *testing.T) {
	run := func(t *testing.T, change func(f *fleet)) ([][]float32, error) {
		f, err := fleetOf(t, Options{}, racers(1)[0].spec, 4, 2)
		if err != nil {
			t.Fatal(err)
		}
		change(f)
		return race(f)
	}
	var want [][]float32
	t.Run("alone", func(t *testing.T) {
		sim.Start(t)
		for _, r := range racers(3) {
			f, err := fleetOf(t, Options{}, r.spec, 4, 1)
			if err != nil {
				t.Fatal(err)
			}
			e, s, err := r.enter(f)
			if err == nil {
				err = e.Train(s)
			}
			if err != nil {
				t.Fatal(err)
			}
			result, err := r.result(e, s)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, result)
		}
	})
	different := func(got [][]float32) error {
		for i := range want {
			for k := range want[i] {
				if want[i][k] != got[i][k] {
					return fmt.Errorf("network %d: number %d is %v, alone %v", i, k, got[i][k], want[i][k])
				}
			}
		}
		return nil
	}
	for _, c := range []struct {
		name     string
		most     int
		tag      uint32
		launches int
	}{
		{"one launch a call", fleetSteps, 1, 2},
		{"one step a launch", 1, 1, 16},
		{"three steps a launch", 3, 2, 6},
		{"numbers run out", 3, 1<<32 - 6, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Start(t)
			var f *fleet
			before := 0
			got, err := run(t, func(made *fleet) {
				f = made
				f.most, f.rooms[0].persistent.tag = c.most, c.tag
				before = sim.Counts()["launches"]
			})
			if err == nil {
				err = different(got)
			}
			if err != nil {
				t.Error(err)
			}
			if n := sim.Counts()["launches"] - before; n != c.launches && os.Getenv(sim.CardEnv) == "" {
				t.Errorf("%d launches, want %d", n, c.launches)
			}
		})
	}
	of := func(change func(mine, first *fleetJob)) spoil {
		return spoil{launch: func(jobs []fleetJob) {
			for i := range jobs[1:] {
				change(&jobs[1+i], &jobs[0])
			}
		}}
	}
	for _, c := range []struct {
		name  string
		spoil spoil
	}{
		{"networks share an exchange", of(func(mine, first *fleetJob) {
			mine.own.layer[0].forward, mine.tag = first.own.layer[0].forward, first.tag
		})},
		{"networks share a layer", of(func(mine, first *fleetJob) { mine.own.layer[1].w = first.own.layer[1].w })},
		{"networks share a moment", of(func(mine, first *fleetJob) { mine.own.layer[0].bs = first.own.layer[0].bs })},
		{"rates of the first", of(func(mine, first *fleetJob) { mine.job.rates = first.job.rates })},
		{"order of the first", of(func(mine, first *fleetJob) { mine.job.order = first.job.order })},
		{"images of the first", of(func(mine, first *fleetJob) { mine.job.images = first.job.images })},
		{"steps of the first", of(func(mine, first *fleetJob) { mine.job.first = first.job.first })},
		{"losses of the first", of(func(mine, first *fleetJob) { mine.job.loss = first.job.loss })},
		{"seed of the first", of(func(mine, first *fleetJob) { mine.own.seed = first.own.seed })},
		{"penalty of the first", of(func(mine, first *fleetJob) { mine.own.layer[1].l2 = first.own.layer[1].l2 })},
		{"a step too few", of(func(mine, _ *fleetJob) { mine.to-- })},
		{"a refill keeps old moments", spoil{keep: func(name string) bool { return strings.HasSuffix(name, ".m") }}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Start(t, "order=forward") // a card might not survive it
			got, err := run(t, func(f *fleet) { f.spoil = c.spoil })
			if found := sim.Faults(); err == nil && found == "" {
				err = different(got)
			}
			if err == nil {
				t.Error("not found")
			} else {
				t.Log(err)
			}
		})
	}
}
