// Command peers measures neuroloupe's CPU backend beside PyTorch, scikit-learn and plain Gorgonia on the same work, in
// alternating rounds, and writes docs/benchmarks.md. Run it from the module's folder with `make bench-peers`.
//
// Same work: the same layers, loss, optimiser, float32, batch size and 60,000 MNIST images, shuffled every epoch, in
// memory before the clock starts, evaluation outside it; the accuracy at the end shows that each peer learned.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"neuroloupe/cmd/neuroloupe/internal/bench"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
	"neuroloupe/graph/plain"
	"neuroloupe/mnist"
)

//go:embed peers.py
var script []byte

// task is one kind of work; peers.py knows it by its name.
type task struct {
	name, title string
	spec        engine.Spec
	batches     []int
	lr          map[int]float64
	peers       []string
}

func tasks() []task {
	mlp := func(hidden, out engine.Activation, sizes ...int) []engine.Layer {
		var ls []engine.Layer
		for i, n := range sizes {
			act := hidden
			if i == len(sizes)-1 {
				act = out
			}
			ls = append(ls, engine.Layer{Units: n, Activation: act})
		}
		return ls
	}
	momentum := engine.Update{Method: engine.Momentum, Momentum: 0.9}
	return []task{
		{
			name: "quadratic", title: "784-100-10, sigmoid, quadratic loss, SGD", batches: []int{10, 64, 256},
			spec:  engine.Spec{Inputs: 784, Layers: mlp(engine.Sigmoid, engine.Sigmoid, 100, 10)},
			lr:    map[int]float64{10: 3, 64: 3, 256: 2},
			peers: []string{"torch", "torch-by-hand", "gorgonia"},
		},
		{
			name: "softmax", title: "784-100-10, sigmoid, softmax and cross-entropy, momentum 0.9", batches: []int{10, 64, 256},
			spec:  engine.Spec{Inputs: 784, Layers: mlp(engine.Sigmoid, engine.Softmax, 100, 10), Loss: engine.CrossEntropy, Update: momentum},
			lr:    map[int]float64{10: 0.02, 64: 0.1, 256: 0.2},
			peers: []string{"torch", "torch-by-hand", "sklearn"},
		},
		{
			name: "large", title: "784-1024-1024-10, relu, softmax and cross-entropy, momentum 0.9", batches: []int{128},
			spec: engine.Spec{
				Inputs: 784, Layers: mlp(engine.ReLU, engine.Softmax, 1024, 1024, 10), Loss: engine.CrossEntropy,
				Init: engine.InitHe, Update: momentum,
			},
			lr:    map[int]float64{128: 0.05},
			peers: []string{"torch", "torch-by-hand"},
		},
	}
}

// runner is one contender: it trains an epoch at a time.
type runner struct {
	name    string // as in the table
	version string
	epoch   func() (seconds, accuracy float64, err error)
	close   func()

	seconds  []float64
	accuracy float64
	skip     bool // too slow to go on with
}

func main() {
	rounds := flag.Int("rounds", 7, "measured rounds")
	out := flag.String("out", filepath.Join("docs", "benchmarks.md"), "page to write")
	python := flag.String("python", "/usr/bin/python3", "Python that has torch, numpy and sklearn")
	only := flag.String("only", "", "measure only the task of this name")
	flag.Parse()
	if err := run(*rounds, *out, *python, *only); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(rounds int, out, python, only string) error {
	d, err := mnist.Load(context.Background(), "mnist", mnist.Options{})
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := unpack(folder, d); err != nil {
		return err
	}
	backend, err := cpu.Driver{}.Open("cpu")
	if err != nil {
		return err
	}
	defer backend.Close()
	p := &page{}
	p.begin(backend, rounds)
	for _, t := range tasks() {
		if only != "" && only != t.name {
			continue
		}
		p.task(t)
		for _, batch := range t.batches {
			fmt.Fprintf(os.Stderr, "%s, batch %d\n", t.title, batch)
			rs, err := contenders(t, batch, d, backend, folder, python)
			if err != nil {
				return err
			}
			peak, err := measure(rs, rounds, backend)
			if err != nil {
				return err
			}
			p.rows(t, batch, rs, peak)
			for _, r := range rs {
				r.close()
			}
		}
	}
	return atomicfile.WriteBytes(out, []byte(p.String()))
}

// unpack writes the four plain IDX files that peers.py reads.
func unpack(folder string, d *mnist.Dataset) error {
	if err := os.WriteFile(filepath.Join(folder, "peers.py"), script, 0o600); err != nil {
		return err
	}
	for name, s := range map[string]*mnist.Set{"train": d.Train, "t10k": d.Test} {
		if err := os.WriteFile(filepath.Join(folder, name+"-images-idx3-ubyte"), append(make([]byte, 16), s.Images...), 0o600); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name+"-labels-idx1-ubyte"), append(make([]byte, 8), s.Labels...), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// measure runs a warm-up and then the rounds, all contenders taking turns, and the machine's peak in the end.
func measure(rs []*runner, rounds int, b engine.Backend) (peak float64, err error) {
	const slow = 10 // seconds of an epoch from which two rounds are enough
	for round := range rounds + 1 {
		for _, r := range rs {
			if r.skip {
				continue
			}
			seconds, accuracy, err := r.epoch()
			if err != nil {
				return 0, fmt.Errorf("%s: %w", r.name, err)
			}
			r.accuracy = accuracy
			if round > 0 {
				r.seconds = append(r.seconds, seconds)
				r.skip = seconds > slow && round == 2
			}
		}
	}
	return bench.Peak(b), nil
}

func contenders(t task, batch int, d *mnist.Dataset, b engine.Backend, folder, python string) ([]*runner, error) {
	ours, err := ourRunner(t, batch, d, b)
	if err != nil {
		return nil, err
	}
	rs := []*runner{ours}
	for _, peer := range t.peers {
		if peer == "gorgonia" {
			rs = append(rs, gorgoniaRunner(t, batch, d))
			continue
		}
		for threads := 1; threads <= runtime.NumCPU(); threads *= 2 {
			r, err := pythonRunner(python, folder, peer, t, batch, threads)
			if err != nil {
				fmt.Fprintf(os.Stderr, "left out: %s: %v\n", peer, err)
				break
			}
			rs = append(rs, r)
		}
	}
	return rs, nil
}

func shuffled(n int, r *rand.Rand) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	r.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
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
	return &runner{
		name: "neuroloupe", version: b.Device().Capability, epoch: epoch,
		close: func() { e.Close() },
	}, nil
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
	return &runner{name: "plain Gorgonia", version: gorgoniaVersion(), epoch: epoch, close: func() {}}
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

func pythonRunner(python, folder, peer string, t task, batch, threads int) (*runner, error) {
	c := exec.Command(python, filepath.Join(folder, "peers.py"), folder, peer, t.name, fmt.Sprint(batch), fmt.Sprint(threads), fmt.Sprint(t.lr[batch]))
	c.Stderr = io.Discard
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	read := func(v any) error {
		if !lines.Scan() {
			return fmt.Errorf("%s ended: %w", peer, c.Wait())
		}
		return json.Unmarshal(lines.Bytes(), v)
	}
	var hello struct{ Version string }
	if err := read(&hello); err != nil {
		return nil, err
	}
	r := &runner{
		name: fmt.Sprintf("%s, %d threads", peer, threads), version: hello.Version,
		epoch: func() (float64, float64, error) {
			if _, err := io.WriteString(in, "epoch\n"); err != nil {
				return 0, 0, err
			}
			var got struct{ Seconds, Accuracy float64 }
			err := read(&got)
			return got.Seconds, got.Accuracy, err
		},
		close: func() {
			in.Close()
			_ = c.Wait() // it ends when its input does
		},
	}
	return r, nil
}

// page is docs/benchmarks.md as it grows.
type page struct{ strings.Builder }

func (p *page) begin(b engine.Backend, rounds int) {
	dev := b.Device()
	fmt.Fprintf(p, `# Training speed beside other programs

Written by `+"`make bench-peers`"+` on %s: %s, %s, Go %s. Nothing here is typed by hand.

Every program does the same work: the same layers, loss, optimiser, float32, batch size and 60,000 MNIST images, in memory
before the clock starts, in a new random order every epoch, evaluation outside the clock. They take turns, an epoch each,
for %d rounds after a warm-up; a program that needs more than ten seconds an epoch has two. Figures are seconds per epoch:
the median, and in brackets the fastest and slowest. "Times faster" is a peer's median over ours. PyTorch and scikit-learn
run with 1 and with %d threads. "By hand" is backpropagation written out in PyTorch, without autograd. GFLOP/s count the
dense work asked for, also where zero pixels are skipped. An absolute time on this machine says little about another.

`, time.Now().UTC().Format("2006-01-02"), dev.Name, dev.Capability, strings.TrimPrefix(runtime.Version(), "go"), rounds, runtime.NumCPU())
}

func (p *page) task(t task) {
	fmt.Fprintf(p, "## %s\n\n| batch | program | seconds per epoch | times faster | GFLOP/s | of peak | test accuracy |\n|---|---|---|---|---|---|---|\n", t.title)
}

func (p *page) rows(t task, batch int, rs []*runner, peak float64) {
	work := bench.FLOPs(t.spec) * 60000 / 1e9
	ours := median(rs[0].seconds)
	for i, r := range rs {
		m := median(r.seconds)
		ratio, gflops, share := "", "", ""
		if i > 0 {
			ratio = fmt.Sprintf("%.1f", m/ours)
		} else {
			gflops = fmt.Sprintf("%.0f", work/m)
			if peak > 0 {
				share = fmt.Sprintf("%.0f %%", 100*work/m/peak)
			}
		}
		fmt.Fprintf(p, "| %d | %s %s | %.3g (%.3g–%.3g) | %s | %s | %s | %.2f %% |\n", batch, r.name, r.version, m,
			slices.Min(r.seconds), slices.Max(r.seconds), ratio, gflops, share, 100*r.accuracy)
	}
	if batch == t.batches[len(t.batches)-1] {
		p.WriteString("\n")
	}
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
