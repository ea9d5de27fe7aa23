package main

import (
	"cmp"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
	"neuroloupe/graph/plain"
	"neuroloupe/mnist"
)

func shuffled(n int, r *rand.Rand) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	r.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// ours is the name of our rows.
func ours(tier string) string { return "neuroloupe, " + tier }

// tierEnv caps the instructions of a backend that is opened; see BUILD.md.
const tierEnv = "NEUROLOUPE_CPU"

// open opens the CPU with each set of instructions that it has, the best first. The caller closes the backends.
func open() (bs []engine.Backend, err error) {
	before, was := os.LookupEnv(tierEnv)
	defer func() {
		if was {
			err = cmp.Or(err, os.Setenv(tierEnv, before))
		} else {
			err = cmp.Or(err, os.Unsetenv(tierEnv))
		}
	}()
	seen := map[string]bool{}
	for _, limit := range []string{before, "avx2", "go"} {
		if err := os.Setenv(tierEnv, limit); err != nil {
			return bs, err
		}
		b, err := cpu.Driver{}.Open("cpu")
		if err != nil {
			return bs, err
		}
		if name := tier(b); seen[name] {
			err = b.Close()
		} else {
			seen[name], bs = true, append(bs, b)
		}
		if err != nil {
			return bs, err
		}
	}
	return bs, nil
}

// tier returns the name of the instructions that a CPU backend uses.
func tier(b engine.Backend) string {
	name, _, _ := strings.Cut(b.Device().Capability, ",")
	return name
}

func ourRunner(t task, batch int, d *mnist.Dataset, b engine.Backend) (*runner, error) {
	p, err := graph.Compile(t.spec, batch)
	if err != nil {
		return nil, err
	}
	e, err := b.Compile(p)
	if err != nil {
		return nil, err
	}
	train, err := e.Bind(engine.Data{Images: d.Train.Images, Labels: d.Train.Labels})
	if err != nil {
		return nil, err
	}
	tests := engine.Data{Images: d.Test.Images, Labels: d.Test.Labels}
	test, err := e.Bind(tests)
	if err != nil {
		return nil, err
	}
	if err := e.Write(t.spec.NewParams()...); err != nil {
		return nil, err
	}
	rng, steps := rand.New(rand.NewPCG(1, 1)), uint64(0)
	epoch := func() (float64, float64, error) {
		began := time.Now() // the shuffle counts, as it does for the others
		s := engine.Steps{Data: train, Order: shuffled(d.Train.Len(), rng), Batch: batch, First: steps}
		s.LR, s.Loss = make([]float32, s.Count()), make([]float32, s.Count())
		for i := range s.LR {
			s.LR[i] = float32(t.lr[batch])
		}
		if err := e.Train(s); err != nil {
			return 0, 0, err
		}
		seconds := time.Since(began).Seconds()
		steps += uint64(s.Count())
		score, err := engine.Evaluate(e, p, test, tests)
		return seconds, score.Accuracy(), err
	}
	return &runner{name: ours(tier(b)), epoch: epoch, close: func() { e.Close() }}, nil
}

func gorgoniaRunner(t task, batch int, d *mnist.Dataset) *runner {
	images := make([]float32, len(d.Train.Images))
	for i, v := range d.Train.Images {
		images[i] = float32(v) / 255
	}
	tr, rng := plain.NewTrainer(t.spec, t.lr[batch]), rand.New(rand.NewPCG(1, 1))
	epoch := func() (float64, float64, error) {
		began := time.Now()
		if err := tr.Epoch(images, d.Train.Labels, shuffled(d.Train.Len(), rng), batch); err != nil {
			return 0, 0, err
		}
		seconds := time.Since(began).Seconds()
		accuracy, err := evaluate(t.spec, tr.Params(), d.Test)
		return seconds, accuracy, err
	}
	return &runner{name: "plain Gorgonia " + gorgoniaVersion(), epoch: epoch, close: func() {}}
}

// gorgoniaVersion returns the version of Gorgonia that this program was built with.
func gorgoniaVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "gorgonia.org/gorgonia" {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return ""
}

// evaluate runs another's parameters through our own forward pass.
func evaluate(s engine.Spec, ps engine.Params, test *mnist.Set) (float64, error) {
	b, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		return 0, err
	}
	defer b.Close()
	p, err := graph.Compile(s, 1)
	if err != nil {
		return 0, err
	}
	e, err := b.Compile(p)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	if err := e.Write(ps...); err != nil {
		return 0, err
	}
	d := engine.Data{Images: test.Images, Labels: test.Labels}
	ref, err := e.Bind(d)
	if err != nil {
		return 0, err
	}
	score, err := engine.Evaluate(e, p, ref, d)
	return score.Accuracy(), err
}
