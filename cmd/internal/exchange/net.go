package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// Layout is which way round the weight matrices of a file are.
type Layout uint8

// The layouts. Auto decides by the shapes.
const (
	Auto  Layout = iota
	InOut        // In×Out, one column per neuron: x·W, as Keras and scikit-learn save them
	OutIn        // Out×In, one row per neuron: W·x, as Nielsen's book and PyTorch save them
)

// String returns the name that UnmarshalText takes.
func (l Layout) String() string { return [...]string{"auto", "in-out", "out-in"}[l] }

// UnmarshalText sets l from its name.
func (l *Layout) UnmarshalText(text []byte) error {
	for _, v := range []Layout{Auto, InOut, OutIn} {
		if v.String() == string(text) {
			*l = v
			return nil
		}
	}
	return fmt.Errorf("unknown layout %q; want one of %v %v %v", text, Auto, InOut, OutIn)
}

// Options says what a file may leave open. The zero value decides by the file alone.
type Options struct {
	Layout Layout
	// BiasRow is where the biases stand in weight matrices that hold them.
	BiasRow End
	// Inputs is how many pixels an image has, which tells 784 inputs and a bias from 785 inputs; 0 when it is not
	// known.
	Inputs int
	// Layers names the layers in their order, the first one first, by what their arrays' names have in common: fc1 for
	// fc1.weight and fc1.bias. Arrays of other layers are left out. Empty for all, in the order of their numbers.
	Layers []string
	// MaxValues bounds the numbers read from a file; 0 for 2²⁸, a GiB of float32.
	MaxValues int64

	memory int64 // bytes that may be taken; 0 for what is free
}

func (o Options) maxValues() int64 {
	if o.MaxValues == 0 {
		return 1 << 28
	}
	return o.MaxValues
}

// Net is a network as a file holds it.
type Net struct {
	Form     string        // what kind of file it was, in words
	Layout   Layout        // which way round its matrices were: InOut or OutIn
	Layers   []string      // what each layer was called
	Sizes    []int         // of the layers, inputs first
	Params   engine.Params // named and laid out as in engine: In×Out, biases of Out
	Meta     Meta
	Warnings []string // what is odd about it, one sentence each

	// A file can often be read in more than one way. This one is the likeliest.
	How    string    // how it was read, a phrase; empty when there is no other way
	Flags  string    // the flags of import that ask for just this reading
	Unsure string    // a sentence that warns of the other readings, for who has no data to try them on; empty without
	Others []Reading // the other readings, the likeliest first
}

// Meta is what a file may say about its network beyond the numbers; empty fields are not said. The texts are not
// checked.
type Meta struct {
	Hidden, Output, Loss string   // names as in engine
	Image                string   // rows×columns of the input, "28x28"
	Classes              []string // names of the outputs
}

// Read reads the network in the file at path. The error names the file, what is wrong, and what to do about it.
func Read(path string, o Options) (*Net, error) {
	f, err := atomicfile.Open(path)
	if not := (*atomicfile.NotRegularError)(nil); errors.As(err, &not) && not.Mode.IsDir() {
		return nil, folderError(path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n, err := read(f, info.Size(), o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// read tells the form by the first bytes.
func read(r io.ReaderAt, size int64, o Options) (*Net, error) {
	head := make([]byte, min(size, 4096))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	n := &Net{Form: "npz"}
	var c *contents
	var err error
	// A safetensors file begins with a length, so with any byte.
	tensors := len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 1<<32
	if err := notNetwork(head, size); err != nil && !tensors {
		return nil, err
	}
	switch text := bytes.TrimLeft(head, " \t\r\n\ufeff"); {
	case bytes.HasPrefix(head, []byte("PK")):
		c, err = openNPZ(r, size)
	case tensors:
		var meta map[string]string
		c, meta, err = openSafetensors(r, size)
		n.Form, n.Meta = "safetensors", metaOf(meta)
	case len(text) > 0 && (text[0] == '{' || text[0] == '['):
		c, n, err = openJSON(io.NewSectionReader(r, 0, size), size, o)
	default:
		err = errors.New("not the JSON of Nielsen's network2.py, not npz and not safetensors" + saveArrays)
	}
	if err != nil {
		return nil, err
	}
	return n, n.assemble(c, o)
}

// warnNonFinite counts the values that are no numbers.
func (n *Net) warnNonFinite() {
	for _, t := range n.Params {
		bad := 0
		for _, v := range t.Data {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				bad++
			}
		}
		if bad > 0 {
			n.Warnings = append(n.Warnings, fmt.Sprintf("%s: %d of %d values are infinite or not a number; "+
				"the network's training diverged, or the file was written wrongly", t.Name, bad, len(t.Data)))
		}
	}
}

// Normalize makes a network that was trained on (x − mean)/std one that takes x: W₁ ← W₁/std, b₁ ← b₁ − mean/std·ΣW₁,
// the sum over the inputs. std must not be 0.
func (n *Net) Normalize(mean, std float64) {
	w, b := n.Params.Weight(1), n.Params.Bias(1)
	in, out := w.Shape[0], w.Shape[1]
	for j := range out {
		var sum float64
		for i := range in {
			v := float64(w.Data[i*out+j]) / std
			sum += v
			w.Data[i*out+j] = float32(v)
		}
		b.Data[j] = float32(float64(b.Data[j]) - mean*sum)
	}
}
