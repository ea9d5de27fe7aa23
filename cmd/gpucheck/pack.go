package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/mnist"
)

//go:embed run.sh
var runScript []byte

// What a folder to carry holds.
const (
	programName = "gpucheck"
	testsName   = "cuda.test"
	scriptName  = "run.sh"
	dataFolder  = "data"
	results     = "results" // of a run here; not carried

	mostBytes = 60 << 20 // of all
)

// pack completes folder, in which the programs are, and runs the check when there is a card.
func pack(ctx context.Context, folder string) error {
	files, err := mnist.Fetch(ctx, "mnist", mnist.Options{})
	if err != nil {
		return err
	}
	data := filepath.Join(folder, dataFolder)
	if err := os.MkdirAll(data, 0o777); err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(filepath.Join(data, filepath.Base(f.Path)), f.Path); err != nil {
			return err
		}
	}
	script := filepath.Join(folder, scriptName)
	if err := os.WriteFile(script, runScript, 0o777); err != nil {
		return err
	}
	names := []string{programName, testsName, scriptName}
	for _, f := range files {
		names = append(names, filepath.Join(dataFolder, filepath.Base(f.Path)))
	}
	total := int64(0)
	fmt.Printf("what to carry, all in %s:\n", folder)
	for _, name := range names {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		total += info.Size()
		fmt.Printf("  %-40s %6.1f MiB\n", name, float64(info.Size())/(1<<20))
	}
	fmt.Printf("  %-40s %6.1f MiB\n", "together", float64(total)/(1<<20))
	if total > mostBytes {
		return fmt.Errorf("%d MiB to carry, want at most %d", total>>20, mostBytes>>20)
	}
	fmt.Printf("on a Linux machine with the same kind of processor, glibc 2.34 or newer and an NVIDIA driver, no Go "+
		"and no CUDA:\n  %s OUTDIR\nwhich takes less than 8 minutes and writes %s and %s into OUTDIR\n", script,
		reportName, textName)
	for _, d := range (cuda.Driver{Wait: cuda.Wait{Context: ctx, Limit: 20 * time.Second}}).Devices() {
		if !d.Usable {
			fmt.Printf("not run here: %s: %s\n", d.ID, d.Reason)
			continue
		}
		c := exec.CommandContext(ctx, script, filepath.Join(folder, results))
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		return c.Run()
	}
	return nil
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o666)
}
