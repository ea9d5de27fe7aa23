package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"neuroloupe/cuda"
)

const usageText = `usage: gpucheck run [flags] OUTDIR     check and measure the card; write the results into OUTDIR
       gpucheck pack FOLDER           put data and run.sh beside the programs in FOLDER; run it if there is a card
       gpucheck docs FOLDER PAGE.md   write the page about the results in FOLDER
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, usageText)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gpucheck:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong arguments")

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "run":
		return runCommand(ctx, args[1:])
	case "step":
		return stepCommand(ctx, args[1:])
	case "pack":
		if len(args) == 2 {
			return pack(ctx, args[1])
		}
	case "docs":
		if len(args) == 3 {
			return writePage(args[1], args[2])
		}
	}
	return errUsage
}

// options are those of a check, and of its steps.
type options struct {
	device string        // as --device takes it
	data   string        // folder with MNIST's files; empty for the cache
	tests  string        // test binary of package cuda; empty for none
	python string        // that may have PyTorch
	mode   cuda.Mode     // of the steps of training; Auto for all
	small  bool          // few images and small networks, for a check of the check
	limit  time.Duration // of the whole
	until  time.Time     // when a step should have ended
}

func (o *options) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.StringVar(&o.device, "device", "cuda", "`NAME` of the device: cuda, cuda:1")
	f.StringVar(&o.data, "data", "", "`FOLDER` with MNIST's files; empty for the cache")
	f.StringVar(&o.tests, "tests", "", "test `PROGRAM` of the CUDA backend; empty for none")
	f.StringVar(&o.python, "python", "python3", "Python `PROGRAM` that may have PyTorch")
	f.TextVar(&o.mode, "mode", cuda.Auto, "`MODE` of training steps: persistent, graph, or auto for both")
	f.BoolVar(&o.small, "small", false, "few images and small networks")
	f.DurationVar(&o.limit, "limit", 7*time.Minute+40*time.Second, "of the whole check")
	return f
}

// args are the arguments that give a step these options.
func (o *options) args() []string {
	return []string{
		"-device", o.device, "-data", o.data, "-tests", o.tests, "-python", o.python, fmt.Sprintf("-small=%v", o.small),
		"-mode", o.mode.String(),
		"-limit", time.Until(o.until).String(),
	}
}

func runCommand(ctx context.Context, args []string) error {
	var o options
	f := o.flags("run")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errUsage
	}
	return check(ctx, o, f.Arg(0))
}

func stepCommand(ctx context.Context, args []string) error {
	var o options
	f := o.flags("step")
	if len(args) == 0 {
		return errUsage
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	o.until = time.Now().Add(o.limit)
	return runStep(ctx, args[0], o, os.Stdout)
}

// self is the path of this program.
func self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
