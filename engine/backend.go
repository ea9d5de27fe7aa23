package engine

import (
	"errors"
	"fmt"
	"time"
)

// Device describes what a Backend runs on.
type Device struct {
	ID         string `json:"id"`         // what --device takes: cpu, tape, cuda:0
	Name       string `json:"name"`       // the maker's name of it
	Backend    string `json:"backend"`    // cpu, cuda, tape
	Memory     int64  `json:"memory"`     // bytes; 0 = not known
	Capability string `json:"capability"` // instruction set or compute capability; may be empty
	Driver     string `json:"driver"`     // version; may be empty
	Usable     bool   `json:"usable"`
	Oracle     bool   `json:"-"`      // slow and for comparison: never chosen by itself
	Reason     string `json:"reason"` // why it is not usable, or when it is not chosen by itself; may be empty
}

// Driver finds devices of one kind and opens them. Finding must never fail a program that does not want the device; it
// is not asked of a driver whose devices cannot be meant.
type Driver interface {
	// Name is the Backend of all its devices. Their IDs are the name, or begin with it and a colon. It is known without
	// looking for devices.
	Name() string
	// Devices lists what is there, and what is not usable with the reason. It never returns an empty list: where there
	// is none, one that is not usable has the name for its ID and says why.
	Devices() []Device
	// Open opens the device with that ID; the caller closes the Backend.
	Open(id string) (Backend, error)
}

// Backend runs Programs on one device. It is safe for use by one goroutine at a time.
type Backend interface {
	Device() Device
	// Compile makes p ready to run: buffers, kernels, parameters set to 0. The caller closes the Executor before the
	// Backend. p is not changed and must not be changed while the Executor lives.
	Compile(p *Program) (Executor, error)
	// Close frees the device; more calls do nothing.
	Close() error
}

// Peaker is implemented by a Backend that can measure how fast its device multiplies and adds at best.
type Peaker interface {
	// Peak runs nothing but fused multiply-adds in registers for about d and returns 10⁹ operations per second, a
	// multiply and an add counted as two.
	Peak(d time.Duration) float64
}

// Executor is a compiled Program with its parameters, optimiser state and data sets resident on the device. It is safe
// for use by one goroutine at a time. A call that returns an error has changed nothing. After Close every method but
// Close returns ErrClosed, even for a call with nothing to do.
type Executor interface {
	// Bind makes a data set resident until Close. The caller must not change its bytes. Labels ≥ Spec.Classes() and
	// sizes that do not fit are an error.
	Bind(d Data) (DataRef, error)
	// Write sets resident tensors, parameters or state, by name.
	Write(tensors ...Tensor) error
	// Read copies resident tensors by name into the Data of each, which has the full length.
	Read(tensors ...Tensor) error
	// Train runs steps. The same calls from the same state give the same bytes, however the steps are cut into calls.
	Train(s Steps) error
	// Infer computes one layer for a range of examples, without dropout.
	Infer(q Query) error
	Close() error
}

// DataRef names a data set bound to an Executor.
type DataRef int

// Data is a labelled data set as bytes; a pixel's value is byte/255.
type Data struct {
	Images []byte  // n×Inputs row-major
	Labels []uint8 // n
}

// Len returns the number of examples.
func (d Data) Len() int { return len(d.Labels) }

// Same reports whether d and other are the same arrays.
func (d Data) Same(other Data) bool {
	return len(d.Images) > 0 && len(d.Labels) > 0 && len(d.Images) == len(other.Images) &&
		len(d.Labels) == len(other.Labels) && &d.Labels[0] == &other.Labels[0] && &d.Images[0] == &other.Images[0]
}

// first returns the first n examples, or all when there are fewer.
func (d Data) first(n int) Data {
	if n >= d.Len() {
		return d
	}
	return Data{Images: d.Images[:len(d.Images)/d.Len()*n], Labels: d.Labels[:n]}
}

// Steps asks for ⌈len(Order)/Batch⌉ training steps, in order.
type Steps struct {
	Data  DataRef
	Order []int32   // examples by index, batch after batch
	Batch int       // rows of each step, at most Program.Capacity; the last step takes what is left
	First uint64    // steps run before since the start of training: Adam's t and the dropout masks depend on it
	LR    []float32 // learning rate of each step
	Loss  []float32 // out: mean data loss of each step; may be NaN or infinite, the step is done all the same
}

// Count returns the number of steps.
func (s Steps) Count() int {
	if s.Batch < 1 || len(s.Order) == 0 {
		return 0
	}
	return (len(s.Order)-1)/s.Batch + 1
}

// Rows returns the rows of step i.
func (s Steps) Rows(i int) int { return min(s.Batch, len(s.Order)-i*s.Batch) }

// Validate checks s against a Program and the number n of examples of its data set.
func (s Steps) Validate(p *Program, n int) error {
	if s.Batch < 1 || s.Batch > p.Capacity {
		return fmt.Errorf("engine: batch of %d rows, want 1 to the program's capacity %d", s.Batch, p.Capacity)
	}
	if k := s.Count(); len(s.LR) != k || len(s.Loss) != k {
		return fmt.Errorf("engine: %d steps with %d learning rates and room for %d losses", k, len(s.LR), len(s.Loss))
	}
	for i, e := range s.Order {
		if e < 0 || int(e) >= n {
			return fmt.Errorf("engine: order[%d] is example %d of %d", i, e, n)
		}
	}
	return nil
}

// Query asks for one layer's values for the examples Lo ≤ i < Hi.
type Query struct {
	Data   DataRef
	Lo, Hi int
	Layer  int       // 0 is the first layer after the inputs
	Z      bool      // weighted inputs z instead of activations a
	Dst    []float32 // out: (Hi−Lo)×Units row-major
}

// Validate checks q against a Program and the number n of examples of its data set.
func (q Query) Validate(p *Program, n int) error {
	if q.Layer < 0 || q.Layer >= len(p.Layers) {
		return fmt.Errorf("engine: layer %d of %d", q.Layer, len(p.Layers))
	}
	if q.Lo < 0 || q.Hi < q.Lo || q.Hi > n {
		return fmt.Errorf("engine: examples %d to %d of %d", q.Lo, q.Hi, n)
	}
	if want := (q.Hi - q.Lo) * p.Spec.Layers[q.Layer].Units; len(q.Dst) != want {
		return fmt.Errorf("engine: room for %d values, want %d×%d = %d",
			len(q.Dst), q.Hi-q.Lo, p.Spec.Layers[q.Layer].Units, want)
	}
	return nil
}

// Validate checks d against a Spec.
func (d Data) Validate(s Spec) error {
	if len(d.Labels) == 0 {
		return errors.New("engine: data set without examples")
	}
	if want := len(d.Labels) * s.Inputs; len(d.Images) != want {
		return fmt.Errorf("engine: %d bytes of images for %d labels, want %d×%d = %d",
			len(d.Images), len(d.Labels), len(d.Labels), s.Inputs, want)
	}
	for i, l := range d.Labels {
		if int(l) >= s.Classes() {
			return fmt.Errorf("engine: label %d is %d, but the network has %d outputs", i, l, s.Classes())
		}
	}
	return nil
}

// ErrClosed is returned by a closed Executor or Backend.
var ErrClosed = errors.New("engine: closed")

// ErrNoAnswer is wrapped by the error of a Driver that did not answer in the time it was given.
var ErrNoAnswer = errors.New("no answer")
