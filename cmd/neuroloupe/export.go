package main

import (
	"bytes"
	"fmt"
	"io"

	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine/atomicfile"
)

type exportCmd struct {
	Folder string `arg:"" name:"run" predictor:"run" help:"Run folder."`

	Safetensors string `predictor:"file" placeholder:"FILE" help:"layer1.weight In×Out, layer1.bias, …, with activations, image size and class names in the header."`
	NPZ         string `name:"npz" predictor:"file" placeholder:"FILE" help:"For numpy.load: W1 In×Out, b1, W2, b2, ….  float32."`
	ONNX        string `name:"onnx" predictor:"file" placeholder:"FILE" help:"Opset 13: takes pixels, N×inputs float32 of pixel/255; gives output, N×classes."`
	CSV         string `name:"csv" predictor:"dir" placeholder:"DIR" help:"A folder with a file per array: layer1.weight.csv, a row per input and a column per neuron, layer1.bias.csv, …."`
}

func (exportCmd) Help() string {
	return `Writes a run's network for other programs, in one form or several, and prints the paths.

Examples:

    neuroloupe export runs/mnist-784-100-10-clear-s1 --onnx digits.onnx
    neuroloupe export runs/mnist-784-100-10-clear-s1 --npz digits.npz --csv digits
`
}

func (c *exportCmd) Run(a *app) error {
	if c.Safetensors == "" && c.NPZ == "" && c.ONNX == "" && c.CSV == "" {
		return talk.Usage("nothing to write: give --safetensors FILE, --npz FILE, --onnx FILE or --csv DIR")
	}
	for _, file := range [][2]string{{"--safetensors", c.Safetensors}, {"--npz", c.NPZ}, {"--onnx", c.ONNX}} {
		if err := checkOutput(file[0], file[1]); err != nil {
			return err
		}
	}
	f, err := runs.Open(c.Folder)
	if err != nil {
		return err
	}
	gallery.Notices(f, a)
	ps, _, err := f.Weights()
	if err != nil {
		return err
	}
	d := f.Manifest.Data
	labels := exchange.Labels{Rows: d.Rows, Cols: d.Cols, Classes: d.Classes}
	for _, form := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{c.Safetensors, func(w io.Writer) error { return exchange.WriteSafetensors(w, f.Spec, ps, labels) }},
		{c.NPZ, func(w io.Writer) error { return exchange.WriteNPZ(w, f.Spec, ps) }},
		{c.ONNX, func(w io.Writer) error { return exchange.WriteONNX(w, f.Spec, ps, labels, version()) }},
	} {
		if form.path == "" {
			continue
		}
		var b bytes.Buffer
		if err := form.write(&b); err != nil {
			return fmt.Errorf("export: %s: %w", form.path, err)
		}
		if err := atomicfile.WriteBytes(form.path, b.Bytes()); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if _, err := fmt.Fprintln(a.stdout, form.path); err != nil {
			return err
		}
	}
	if c.CSV == "" {
		return nil
	}
	paths, err := exchange.WriteCSV(c.CSV, ps)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for _, p := range paths {
		if _, err := fmt.Fprintln(a.stdout, p); err != nil {
			return err
		}
	}
	return nil
}
