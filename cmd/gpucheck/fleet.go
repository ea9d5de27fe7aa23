package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// How fleets are measured.
const (
	fleetEpochs = 30 // of a network, by which networks an hour are counted
	fleetRounds = 3
	fleetTime   = 8 * time.Second // that a size takes at least
	torchSteps  = 200             // that PyTorch is measured by: an epoch would take it long
)

// fleetSizes are how many networks are trained.
func fleetSizes() []int { return []int{1, 8, 64, 256} }

// fleetWorks are the networks; the others of works fill a card by themselves.
func fleetWorks() []work { return works()[:2] }

// fleetStep measures how many networks an hour the device trains side by side.
func fleetStep(ctx context.Context, o options, tell func(Findings) error) error {
	o, err := toMeasure(o)
	if err != nil {
		return err
	}
	if o.mode == cuda.Graph {
		return skip("fleets run in the persistent mode, which failed")
	}
	d, err := load(ctx, o)
	if err != nil {
		return err
	}
	return measureFleets(ctx, o, d, fleetWorks(), fleetSizes(), tell)
}

func measureFleets(ctx context.Context, o options, d *mnist.Dataset, ws []work, sizes []int,
	tell func(Findings) error,
) (err error) {
	o.until = o.until.Add(-2 * time.Second) // to tell of what has been measured
	ctx, cancel := context.WithDeadline(ctx, o.until)
	defer cancel()
	folder, err := os.MkdirTemp("", "gpucheck")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b, err := openDevice(o, cuda.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	var ours, theirs []fleetTurn
	for _, w := range ws {
		ours = append(ours, w.alone(b, d))
		for _, n := range sizes {
			ours = append(ours, w.fleet(b, d, n))
		}
	}
	if err := turns(ctx, o, ours, tell); err != nil {
		return err
	}
	t := &torch{python: o.python, folder: folder, device: o.device}
	defer t.close()
	if err := t.prepare(ctx, d); err != nil {
		fmt.Fprintf(os.Stderr, "without PyTorch: %v\n", err)
	}
	for _, how := range stackedWays() {
		for _, w := range ws {
			for _, n := range sizes {
				theirs = append(theirs, t.stacked(ctx, w, d, n, how))
			}
		}
	}
	return turns(ctx, o, theirs, tell)
}

// fleetTurn is a row of Fleets and what measures it: run trains row.Networks networks for row.Steps steps each, and
// fills in what is known by then.
type fleetTurn struct {
	row   Fleet
	epoch int // steps of an epoch
	run   func(row *Fleet) (seconds float64, err error)
	close func() error
}

// turns measures one row after the other, once to warm up and then for some rounds.
func turns(ctx context.Context, o options, all []fleetTurn, tell func(Findings) error) error {
	for _, t := range all {
		var seconds []float64
		for round := range fleetRounds + 1 {
			if t.row.LeftOut != "" || ctx.Err() != nil ||
				time.Until(o.until) < fleetTime/2 && (round == 0 || len(seconds) > 0) {
				break
			}
			s, err := t.run(&t.row)
			if err != nil {
				t.row.LeftOut = err.Error()
			} else if round > 0 {
				seconds = append(seconds, s)
			}
		}
		if t.close != nil {
			if err := t.close(); err != nil && t.row.LeftOut == "" {
				t.row.LeftOut = err.Error()
			}
		}
		t.row.finish(seconds, t.epoch)
		if err := tell(Findings{Fleets: []Fleet{t.row}}); err != nil {
			return err
		}
	}
	return nil
}

// finish works out the figures; an epoch has so many steps.
func (r *Fleet) finish(seconds []float64, epoch int) {
	if r.LeftOut == "" && len(seconds) == 0 {
		r.LeftOut = "no time was left"
	}
	if r.LeftOut != "" {
		r.Steps, r.Slots = 0, 0
		return
	}
	s := slices.Sorted(slices.Values(seconds))
	r.Rounds, r.Seconds = len(s), (s[(len(s)-1)/2]+s[len(s)/2])/2
	each := r.Seconds / float64(r.Networks*r.Steps) // a step of a network
	r.MicrosPerStep = 1e6 * each
	r.PerHour = 3600 / (each * float64(fleetEpochs*epoch))
}

// fleetRow is a row of w for so many networks.
func (w work) fleetRow(d *mnist.Dataset, networks int, program, how string) fleetTurn {
	epoch := d.Train.Len() / w.batch
	return fleetTurn{epoch: epoch, row: Fleet{
		Net: w.spec(d).String(), Batch: w.batch, Program: program, How: how, Networks: networks, Steps: epoch,
	}}
}

// alone trains a network by itself, on the whole device: this is how fast one after the other is.
func (w work) alone(b engine.Backend, d *mnist.Dataset) fleetTurn {
	t := w.fleetRow(d, 1, "neuroloupe", "one after another")
	t.run = func(*Fleet) (float64, error) {
		p, err := graph.Compile(w.spec(d), w.batch)
		if err != nil {
			return 0, err
		}
		e, err := b.Compile(p)
		if err != nil {
			return 0, err
		}
		run, err := w.newRun(e, d, 1)
		if err != nil {
			return 0, errors.Join(err, e.Close())
		}
		began := time.Now()
		err = run()
		return time.Since(began).Seconds(), errors.Join(err, e.Close())
	}
	return t
}

// fleet trains networks in a fleet's slots; as one ends, another goes in.
func (w work) fleet(b engine.Backend, d *mnist.Dataset, networks int) fleetTurn {
	t := w.fleetRow(d, networks, "neuroloupe", "fleet")
	t.run = func(row *Fleet) (seconds float64, err error) {
		p, err := graph.Compile(w.spec(d), w.batch)
		if err != nil {
			return 0, err
		}
		f, err := b.(engine.Fleeter).Fleet(p, networks)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		row.Slots = f.Slots()
		first, err := f.Take(p) // brings the images to the device before the clock starts
		if err != nil {
			return 0, err
		}
		_, err = first.Bind(engine.Data{Images: d.Train.Images, Labels: d.Train.Labels})
		if err := errors.Join(err, first.Close()); err != nil {
			return 0, err
		}
		queue := make(chan int, networks)
		for i := range networks {
			queue <- i
		}
		close(queue)
		errs := make([]error, f.Slots())
		began := time.Now()
		var wg sync.WaitGroup
		for s := range errs {
			wg.Go(func() {
				for i := range queue {
					e, err := f.Take(p)
					if err != nil {
						errs[s] = err
						return
					}
					run, err := w.newRun(e, d, uint64(i))
					if err == nil {
						err = run()
					}
					if errs[s] = errors.Join(err, e.Close()); errs[s] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		return time.Since(began).Seconds(), errors.Join(errs...)
	}
	return t
}

// newRun brings a network into e and returns what trains it for an epoch and reads its parameters.
func (w work) newRun(e engine.Executor, d *mnist.Dataset, seed uint64) (func() error, error) {
	spec := w.spec(d)
	spec.Seed += seed
	ref, err := e.Bind(engine.Data{Images: d.Train.Images, Labels: d.Train.Labels})
	if err != nil {
		return nil, err
	}
	params := spec.NewParams()
	if err := e.Write(params...); err != nil {
		return nil, err
	}
	return func() error {
		order := shuffled(d.Train.Len(), 1)
		rng := rand.New(rand.NewPCG(1, seed))
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		s := engine.Steps{Data: ref, Order: order[:len(order)/w.batch*w.batch], Batch: w.batch}
		s.LR, s.Loss = slices.Repeat([]float32{float32(w.lr)}, s.Count()), make([]float32, s.Count())
		return errors.Join(e.Train(s), e.Read(params...))
	}, nil
}

// stackedWays are the ways to train many networks at once with PyTorch that pytorch.py knows.
func stackedWays() []string { return []string{"vmap", "vmap, CUDA graphs"} }

// stacked trains networks with PyTorch whose parameters are stacked.
func (t *torch) stacked(ctx context.Context, w work, d *mnist.Dataset, networks int, how string) fleetTurn {
	turn := w.fleetRow(d, networks, "PyTorch", how)
	turn.row.Version, turn.row.Steps = t.version, min(torchSteps, turn.epoch)
	number := -1
	turn.run = func(row *Fleet) (float64, error) {
		if number < 0 {
			var made struct{ Case int }
			err := t.ask(ctx, map[string]any{
				"do": "stack", "how": how, "networks": networks, "sizes": w.spec(d).Sizes(), "hidden": "sigmoid",
				"batch": w.batch, "lr": w.lr,
			}, &made)
			if err != nil {
				return 0, err
			}
			number = made.Case
		}
		var got struct{ Seconds float64 }
		err := t.ask(ctx, map[string]any{"do": "train", "case": number, "steps": row.Steps}, &got)
		return got.Seconds, err
	}
	turn.close = func() error {
		if number < 0 || t.process == nil {
			return nil
		}
		var nothing struct{}
		return t.ask(ctx, map[string]any{"do": "drop", "case": number}, &nothing)
	}
	return turn
}
