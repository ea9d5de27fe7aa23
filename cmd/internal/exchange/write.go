package exchange

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/exchange/npz"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/safetensors"
)

// Keys and texts of the metadata that is written and read.
const (
	netKey     = "net"
	layoutKey  = "layout"
	hiddenKey  = "hidden"
	outputKey  = "output"
	lossKey    = "loss"
	imageKey   = "image"
	inputKey   = "input"
	classesKey = "classes"

	layoutText = "weights are In×Out, one column per neuron"
	inputText  = "pixels / 255, row by row: 0 background, 1 full ink"
)

// Labels say what a network's inputs and outputs are.
type Labels struct {
	Rows, Cols int      // of the image; Rows·Cols inputs
	Classes    []string // one per output
}

// metadata is what is written beside the numbers.
func metadata(s engine.Spec, l Labels) map[string]string {
	meta := map[string]string{
		netKey: s.String(), layoutKey: layoutText, inputKey: inputText, lossKey: s.Loss.String(),
		outputKey: s.Layers[len(s.Layers)-1].Activation.String(),
		imageKey:  fmt.Sprintf("%dx%d", l.Rows, l.Cols), classesKey: strings.Join(l.Classes, "\n"),
	}
	if len(s.Layers) > 1 {
		meta[hiddenKey] = s.Layers[0].Activation.String()
	}
	return meta
}

func metaOf(text map[string]string) Meta {
	m := Meta{Hidden: text[hiddenKey], Output: text[outputKey], Loss: text[lossKey], Image: text[imageKey]}
	if c := text[classesKey]; c != "" {
		m.Classes = strings.Split(c, "\n")
	}
	return m
}

// WriteSafetensors writes layer1.weight In×Out, layer1.bias, … with what Read needs to know the network again.
func WriteSafetensors(w io.Writer, s engine.Spec, ps engine.Params, l Labels) error {
	return safetensors.Write(w, ps, metadata(s, l))
}

// WriteNPZ writes what numpy.load opens: W1 In×Out, b1, W2, b2, … as float32.
func WriteNPZ(w io.Writer, s engine.Spec, ps engine.Params) error {
	z := npz.NewWriter(w, false)
	for i := range s.Layers {
		weight, bias, n := ps.Weight(i+1), ps.Bias(i+1), strconv.Itoa(i+1)
		if err := npz.Add(z, "W"+n, weight.Data, weight.Shape...); err != nil {
			return err
		}
		if err := npz.Add(z, "b"+n, bias.Data, bias.Shape...); err != nil {
			return err
		}
	}
	return z.Close()
}

// rawData returns the values as little-endian float32.
func rawData(t engine.Tensor) []byte {
	b := make([]byte, 0, 4*len(t.Data))
	for _, v := range t.Data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// WriteCSV writes a file for each array into the folder dir, which is made when it is not there, and returns their
// paths: layer1.weight.csv with a row per input and a column per neuron, layer1.bias.csv with one row. The first line
// numbers the neurons; numbers have the digits that float32 needs to come back the same.
func WriteCSV(dir string, ps engine.Params) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	var paths []string
	for _, t := range ps {
		out := t.Shape[len(t.Shape)-1]
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		row := make([]string, out)
		for j := range row {
			row[j] = strconv.Itoa(j)
		}
		errs := []error{w.Write(row)}
		for i := 0; i < len(t.Data); i += out {
			for j, v := range t.Data[i : i+out] {
				row[j] = strconv.FormatFloat(float64(v), 'g', -1, 32)
			}
			errs = append(errs, w.Write(row))
		}
		w.Flush()
		path := filepath.Join(dir, t.Name+".csv")
		if err := errors.Join(append(errs, w.Error(), atomicfile.WriteBytes(path, b.Bytes()))...); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}
