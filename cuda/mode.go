package cuda

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is how a network's training steps are put on the device.
type Mode uint8

// The modes. The results of both are the textbook's up to rounding; each gives the same bytes for the same calls.
const (
	// Auto is Persistent for networks that fit it, else Graph.
	Auto Mode = iota
	// Persistent runs the steps of a call in one kernel that keeps the parameters in the multiprocessors' shared
	// memory. A network that does not fit is an error.
	Persistent
	// Graph runs a kernel for each product of a step, recorded as a CUDA graph. Every Program fits.
	Graph
)

var modeNames = []string{"auto", "persistent", "graph"}

// String returns the mode's name, as --cuda-mode takes it.
func (m Mode) String() string { return nameOf(modeNames, int(m), "mode") }

// MarshalText returns the mode's name.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText sets the mode by its name.
func (m *Mode) UnmarshalText(text []byte) error {
	i, err := numberOf(modeNames, string(text), "mode")
	*m = Mode(i)
	return err
}

// Precision is that of the factors of the products of large layers; sums, parameters and optimiser state are always
// float32.
type Precision uint8

// The precisions. All but FP32 need cuBLAS.
const (
	FP32 Precision = iota
	TF32           // factors rounded to 10 bits behind the point
	BF16           // factors, and what large layers hand to each other, rounded to 7 bits behind the point
)

var precisionNames = []string{"fp32", "tf32", "bf16"}

// String returns the precision's name, as --precision takes it.
func (p Precision) String() string { return nameOf(precisionNames, int(p), "precision") }

// MarshalText returns the precision's name.
func (p Precision) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText sets the precision by its name.
func (p *Precision) UnmarshalText(text []byte) error {
	i, err := numberOf(precisionNames, string(text), "precision")
	*p = Precision(i)
	return err
}

// Options say how a device runs Programs. The zero value is the usual.
type Options struct {
	Mode      Mode
	Precision Precision
}

func nameOf(names []string, i int, what string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}

func numberOf(names []string, name, what string) (int, error) {
	i := slices.Index(names, name)
	if i < 0 {
		return 0, fmt.Errorf("cuda: unknown %s %q, want one of %s", what, name, strings.Join(names, ", "))
	}
	return i, nil
}
