// Command peers measures neuroloupe's CPU backend beside PyTorch, scikit-learn, plain Gorgonia and GoMLX on the same
// work, in alternating rounds, and writes docs/benchmarks.md. Run it from the module's folder with `make bench-peers`.
//
// Same work: the same layers, loss, optimiser, float32, batch size and 60,000 MNIST images, shuffled every epoch, in
// memory before the clock starts, evaluation outside it; the accuracy at the end shows that each peer learned.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/mnist"
)

func main() {
	rounds := flag.Int("rounds", 7, "measured rounds")
	out := flag.String("out", filepath.Join("docs", "benchmarks.md"), "page to write")
	python := flag.String("python", "/usr/bin/python3", "Python that has torch, numpy and sklearn")
	source := flag.String("gomlx", filepath.Join("cmd", "peers", "gomlx"),
		"folder of the module that trains with GoMLX")
	only := flag.String("only", "", "measure only the task of this name")
	flag.Parse()
	if err := run(*rounds, *out, *python, *source, *only); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(rounds int, out, python, source, only string) error {
	chosen := tasks()
	if only != "" {
		i := slices.IndexFunc(chosen, func(t task) bool { return t.name == only })
		if i < 0 {
			return fmt.Errorf("no task %q; want quadratic, softmax or large", only)
		}
		chosen = chosen[i : i+1]
	}
	if rounds < 1 {
		return fmt.Errorf("%d rounds, want 1 or more", rounds)
	}
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
	o := others{folder: folder, python: python, gomlx: filepath.Join(folder, "gomlx")}
	if err := buildGoMLX(source, o.gomlx); err != nil {
		fmt.Fprintln(os.Stderr, "left out: GoMLX:", err)
		o.gomlx = ""
	}
	backends, err := open()
	defer func() {
		for _, b := range backends {
			b.Close()
		}
	}()
	if err != nil {
		return err
	}
	peaker, ok := backends[0].(engine.Peaker)
	if !ok {
		return errors.New("the CPU backend does not measure its peak")
	}
	p := newPage(backends[0].Device(), d.Train, rounds, time.Now())
	for _, t := range chosen {
		var sizes []size
		for _, batch := range t.batches {
			fmt.Fprintf(os.Stderr, "%s, batch %d\n", t.title, batch)
			rs, err := contenders(t, batch, d, backends, o)
			if err != nil {
				return err
			}
			peaks, err := measure(rs, rounds, func() float64 { return peaker.Peak(peakTime) })
			for _, r := range rs {
				r.close()
			}
			if err != nil {
				return err
			}
			sizes = append(sizes, size{batch, rs, peaks})
		}
		p.task(t, sizes)
	}
	return atomicfile.WriteBytes(out, []byte(p.String()))
}

// contenders returns all that train a task, ours first and the best of ours before all.
func contenders(t task, batch int, d *mnist.Dataset, backends []engine.Backend, o others) ([]*runner, error) {
	var rs []*runner
	for _, b := range backends {
		r, err := ourRunner(t, batch, d, b)
		if err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	for _, peer := range t.peers {
		if peer == gorgonia {
			rs = append(rs, gorgoniaRunner(t, batch, d))
			continue
		}
		if peer == gomlx && o.gomlx == "" {
			continue // said when it was not built
		}
		first := 1
		if peer == gomlx {
			first = runtime.NumCPU() // it is slow and never slower so
		}
		for threads := first; threads <= runtime.NumCPU(); threads *= 2 {
			r, err := start(peerNames[peer], threads, o.command(peer, t, batch, threads))
			if err != nil {
				fmt.Fprintf(os.Stderr, "left out: %s: %v\n", peerNames[peer], err)
				break
			}
			rs = append(rs, r)
		}
	}
	return rs, nil
}

var peerNames = map[string]string{
	torch: "PyTorch", torchByHand: "PyTorch by hand", sklearn: "scikit-learn",
	gomlx: "GoMLX by hand",
}
