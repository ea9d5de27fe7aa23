package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

//go:embed pytorch.py
var torchScript []byte

// torchWays are the ways to train with PyTorch that pytorch.py knows.
func torchWays() []string { return []string{"eager", "CUDA graphs", compiled} }

const compiled = "compile"

// torches are the processes that train with PyTorch. What is compiled has one of its own: where that takes too long, or
// ends the process, the others stay.
type torches struct{ plain, compiler *torch }

func newTorches(python, folder, device string) *torches {
	return &torches{
		plain:    &torch{python: python, folder: folder, device: device},
		compiler: &torch{python: python, folder: folder, device: device, once: true},
	}
}

// prepare writes what the script reads, and starts the plain process.
func (t *torches) prepare(ctx context.Context, d *mnist.Dataset) error {
	err := t.plain.prepare(ctx, d)
	t.compiler.none = err
	return err
}

// of returns the process for a way.
func (t *torches) of(how string) *torch {
	if how == compiled {
		return t.compiler
	}
	return t.plain
}

func (t *torches) close() {
	t.plain.close()
	t.compiler.close()
}

// torch is a process that trains with PyTorch. One that ends or does not answer is started again for the next
// contender.
type torch struct {
	python, folder string // the script and the images are in folder
	device         string // cuda:0 or cpu
	version        string
	none           error // why there is no PyTorch
	once           bool  // it is not asked again when it has once not answered

	process *exec.Cmd
	in      io.WriteCloser
	lines   chan []byte // closed when the process ends
}

// How long the process may take.
const (
	torchStart  = 60 * time.Second // to import PyTorch and to bring the images to the card
	torchAnswer = 60 * time.Second // for anything else; compile takes longest
)

// prepare writes what the script reads, and starts it.
func (t *torch) prepare(ctx context.Context, d *mnist.Dataset) error {
	t.none = t.write(d)
	if t.none == nil {
		t.none = t.start(ctx)
	}
	return t.none
}

// ready says that there is a PyTorch that works.
func (t *torch) ready() bool { return t.none == nil }

func (t *torch) write(d *mnist.Dataset) error {
	for name, data := range map[string][]byte{
		"pytorch.py": torchScript, "train-images": d.Train.Images, "train-labels": d.Train.Labels,
		"test-images": d.Test.Images, "test-labels": d.Test.Labels,
	} {
		if err := os.WriteFile(filepath.Join(t.folder, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// start runs the script until it says hello.
func (t *torch) start(ctx context.Context) error {
	c := exec.Command(t.python, filepath.Join(t.folder, "pytorch.py"), t.folder, t.device)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	lines := make(chan []byte)
	go func() { // it ends with the process
		s := bufio.NewScanner(out)
		for s.Scan() {
			lines <- append([]byte(nil), s.Bytes()...)
		}
		close(lines)
	}()
	t.process, t.in, t.lines = c, in, lines
	var hello struct{ Version string }
	if err := t.read(ctx, torchStart, &hello); err != nil {
		return err
	}
	t.version = hello.Version
	return nil
}

// ask sends the script a request and reads the answer.
func (t *torch) ask(ctx context.Context, request map[string]any, answer any) error {
	if t.none != nil {
		return t.none
	}
	if t.process == nil {
		if err := t.start(ctx); err != nil {
			return err
		}
	}
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := t.in.Write(append(line, '\n')); err != nil {
		t.close()
		return err
	}
	return t.read(ctx, torchAnswer, answer)
}

// read reads a line of JSON. After an error that the script does not tell of itself, the process is ended.
func (t *torch) read(ctx context.Context, limit time.Duration, v any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var line []byte
	select {
	case <-ctx.Done():
		t.close()
		err := fmt.Errorf("PyTorch did not answer within %v", limit)
		if t.once {
			t.none = err
		}
		return err
	case l, ok := <-t.lines:
		if !ok {
			t.close()
			return errors.New("PyTorch's process ended; is it installed, and can it use the card?")
		}
		line = l
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err != nil {
		t.close()
		return fmt.Errorf("PyTorch answered %q: %w", line, err)
	}
	if failed.Error != "" {
		return errors.New(failed.Error)
	}
	return json.Unmarshal(line, v)
}

// close ends the process; more calls do nothing.
func (t *torch) close() {
	if t.process == nil {
		return
	}
	t.in.Close()
	_ = t.process.Process.Kill() // it may not be reading
	for range t.lines {          // what it still said
	}
	_ = t.process.Wait()
	t.process = nil
}

// peak returns 10⁹ operations a second of a large product.
func (t *torch) peak(ctx context.Context, p cuda.Precision) (float64, error) {
	var got struct{ GFLOPS float64 }
	err := t.ask(ctx, map[string]any{"do": "peak", "precision": p.String()}, &got)
	return got.GFLOPS, err
}

// contender makes c train with PyTorch.
func (t *torch) contender(ctx context.Context, c *contender, w work, d *mnist.Dataset, how string) error {
	spec := w.spec(d)
	names := map[engine.Activation]string{engine.Sigmoid: "sigmoid", engine.ReLU: "relu"}
	var made struct{ Case int }
	err := t.ask(ctx, map[string]any{
		"do": "make", "how": how, "sizes": spec.Sizes(), "hidden": names[w.activation], "batch": w.batch, "lr": w.lr,
		"precision": w.precision.String(),
	}, &made)
	if err != nil {
		return err
	}
	process := t.process
	ask := func(request map[string]any, answer any) error {
		if t.process != process {
			return errors.New("PyTorch's process ended in another's turn")
		}
		request["case"] = made.Case
		return t.ask(ctx, request, answer)
	}
	c.train = func(epochs int) (float64, error) {
		var got struct{ Seconds float64 }
		err := ask(map[string]any{"do": "train", "epochs": epochs}, &got)
		return got.Seconds, err
	}
	c.accuracy = func() (float64, error) {
		var got struct{ Accuracy float64 }
		err := ask(map[string]any{"do": "accuracy"}, &got)
		return got.Accuracy, err
	}
	c.close = func() error {
		if t.process == process {
			var nothing struct{}
			return ask(map[string]any{"do": "drop"}, &nothing)
		}
		return nil
	}
	return nil
}
