// Command gomlx is GoMLX as a peer of the benchmark: it trains an epoch for each line it reads and prints a line of
// JSON for it, as peers.py does. It is a module of its own so that neuroloupe does not depend on GoMLX.
//
//	gomlx FOLDER TASK BATCH LR
//
// with the four unpacked IDX files in FOLDER, on GoMLX's backend in pure Go ("go"). Tasks are those of package peers.
// The number of threads is GOMAXPROCS.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/backends/simplego"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gomlx:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%d arguments, want FOLDER TASK BATCH LR", len(args))
	}
	batch, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	lr, err := strconv.ParseFloat(args[3], 32)
	if err != nil {
		return fmt.Errorf("learning rate: %w", err)
	}
	train, err := load(args[0], "train")
	if err != nil {
		return err
	}
	test, err := load(args[0], "t10k")
	if err != nil {
		return err
	}
	backend, err := simplego.New("")
	if err != nil {
		return err
	}
	n, err := newNetwork(backend, args[1], lr, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		return err
	}
	n.data(train)
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]string{"version": version()}); err != nil {
		return err
	}
	order := make([]int32, len(train.labels))
	for i := range order {
		order[i] = int32(i)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		began := time.Now()
		n.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for i := 0; i < len(order); i += batch {
			if err := n.step(order[i:min(i+batch, len(order))]); err != nil {
				return err
			}
		}
		seconds := time.Since(began).Seconds()
		accuracy, err := n.accuracy(test)
		if err != nil {
			return err
		}
		if err := out.Encode(map[string]float64{"seconds": seconds, "accuracy": accuracy}); err != nil {
			return err
		}
	}
	return nil
}

// version returns the version of GoMLX that this program was built with.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/gomlx/gomlx" {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return ""
}

type set struct {
	images []float32 // n×784 row-major, 0 to 1
	labels []int32
}

func load(folder, name string) (s set, err error) {
	images, err := os.ReadFile(filepath.Join(folder, name+"-images-idx3-ubyte"))
	if err != nil {
		return s, err
	}
	labels, err := os.ReadFile(filepath.Join(folder, name+"-labels-idx1-ubyte"))
	if err != nil {
		return s, err
	}
	if len(labels) < 8 || len(images) != 16+inputs*(len(labels)-8) {
		return s, fmt.Errorf("%s: %d bytes of images and %d of labels do not fit", name, len(images), len(labels))
	}
	s.images, s.labels = make([]float32, len(images)-16), make([]int32, len(labels)-8)
	for i, v := range images[16:] {
		s.images[i] = float32(v) / 255
	}
	for i, v := range labels[8:] {
		s.labels[i] = int32(v)
	}
	return s, nil
}
