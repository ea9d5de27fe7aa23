package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"neuroloupe/mnist"
)

//go:embed peers.py
var script []byte

// unpack writes peers.py and the four plain IDX files that the other programs read.
func unpack(folder string, d *mnist.Dataset) error {
	if err := os.WriteFile(filepath.Join(folder, "peers.py"), script, 0o600); err != nil {
		return err
	}
	for name, s := range map[string]*mnist.Set{"train": d.Train, "t10k": d.Test} {
		if err := os.WriteFile(filepath.Join(folder, name+"-images-idx3-ubyte"), append(make([]byte, 16), s.Images...),
			0o600); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name+"-labels-idx1-ubyte"), append(make([]byte, 8), s.Labels...),
			0o600); err != nil {
			return err
		}
	}
	return nil
}

// buildGoMLX compiles the module in the folder source, which the go command may have to fetch modules for.
func buildGoMLX(source, program string) error {
	c := exec.Command("go", "build", "-o", program, ".")
	c.Dir, c.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build in %s: %w: %s", source, err, bytes.TrimSpace(out))
	}
	return nil
}

// others says where the programs beside us are.
type others struct {
	folder string // has what unpack writes
	python string
	gomlx  string // the program; empty if it could not be built
}

// command returns how to start a peer.
func (o others) command(peer string, t task, batch, threads int) *exec.Cmd {
	work := []string{t.name, fmt.Sprint(batch)}
	lr := fmt.Sprint(t.lr[batch])
	if peer == gomlx {
		c := exec.Command(o.gomlx, append([]string{o.folder}, append(work, lr)...)...)
		c.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", threads))
		return c
	}
	args := append([]string{filepath.Join(o.folder, "peers.py"), o.folder, peer}, work...)
	return exec.Command(o.python, append(args, fmt.Sprint(threads), lr)...)
}

// start runs c, which says hello with its version, and trains an epoch for each line it reads.
func start(name string, threads int, c *exec.Cmd) (*runner, error) {
	var said bytes.Buffer // to standard error; read after Wait alone
	c.Stderr = &said
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
	end := func() error { // it ends when its input does
		in.Close()
		return c.Wait()
	}
	read := func(v any) error {
		if !lines.Scan() {
			err := end()
			last := strings.TrimSpace(said.String())
			return fmt.Errorf("it ended (%v): %s", err, last[strings.LastIndexByte(last, '\n')+1:])
		}
		return json.Unmarshal(lines.Bytes(), v)
	}
	var hello struct{ Version string }
	if err := read(&hello); err != nil {
		_ = end()
		return nil, err
	}
	plural := "s"
	if threads == 1 {
		plural = ""
	}
	return &runner{
		name: fmt.Sprintf("%s %s, %d thread%s", name, hello.Version, threads, plural),
		epoch: func() (float64, float64, error) {
			if _, err := io.WriteString(in, "epoch\n"); err != nil {
				return 0, 0, err
			}
			var got struct{ Seconds, Accuracy float64 }
			err := read(&got)
			return got.Seconds, got.Accuracy, err
		},
		close: func() { _ = end() },
	}, nil
}
