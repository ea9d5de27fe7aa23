package engine

import (
	"errors"
	"fmt"
	"slices"
)

// Fleeter is implemented by a Backend that trains many networks of one shape side by side.
type Fleeter interface {
	// Fleet makes room for at most so many networks that are alike p, see [Program.Alike]; 0 asks for as many as the
	// device runs side by side. The error wraps ErrNoFleet where it does not run a network of that shape so: one after
	// the other, by Compile, is then the way. The caller closes the Fleet before the Backend.
	//
	// While slots are in use from several goroutines, nothing of the Backend may be used but Fleets.
	Fleet(p *Program, slots int) (Fleet, error)
}

// Fleet is slots that hold a network each. It is safe for use by several goroutines at once, and so are its slots, each
// by one goroutine at a time. Calls of Train that wait at the same time are done at the same time.
//
// A network's bytes depend on its own calls alone: not on the other slots, on what they do or when, on which slot it
// has, on who had it before, or on how many slots there are. On the CPU they are also those of an Executor of Compile;
// a device may add up the terms of a sum in another order there.
type Fleet interface {
	// Slots returns how many networks there is room for.
	Slots() int
	// Take makes a free slot the Executor of a Program that is alike the Fleet's; ErrNoSlot when none is free. As after
	// Compile, parameters and state are 0. Numbers, such as penalties, momentum, the seed and the probability of
	// dropout, are p's own. Close of the Executor frees the slot for another network.
	//
	// A data set that is bound in a second slot, the same arrays, is not made resident again. It stays so until Close
	// of the Fleet, and the caller must not change its bytes until then.
	Take(p *Program) (Executor, error)
	// Close closes the slots that are in use and frees everything; more calls do nothing. No other call may be under
	// way.
	Close() error
}

// ErrNoFleet is wrapped by the error of a Fleeter that does not run networks of that shape side by side.
var ErrNoFleet = errors.New("engine: networks of this shape do not run side by side")

// ErrNoSlot is wrapped by the error of a Fleet whose slots are all in use.
var ErrNoSlot = errors.New("engine: all slots of the fleet are in use")

// Alike says whether p and q differ in numbers alone: penalties, momentum, β₁, β₂, ε, the probability of dropout where
// both have it, seed and start weights. Such Programs do the same to other values; one layout in memory and one kernel
// serve both. The error names the first thing that is different, and is nil when nothing is.
func (p *Program) Alike(q *Program) error {
	differ := func(what string, a, b any) error {
		return fmt.Errorf("engine: networks %v and %v are not alike: %s %v and %v", p.Spec, q.Spec, what, a, b)
	}
	s, t := p.Spec, q.Spec
	switch {
	case !slices.Equal(s.Sizes(), t.Sizes()):
		return differ("sizes", s, t)
	case s.Loss != t.Loss:
		return differ("losses", s.Loss, t.Loss)
	case s.Update.Method != t.Update.Method:
		return differ("optimizers", s.Update.Method, t.Update.Method)
	case p.Capacity != q.Capacity:
		return differ("batches of at most", p.Capacity, q.Capacity)
	case (s.Dropout > 0) != (t.Dropout > 0):
		return differ("dropout", s.Dropout, t.Dropout)
	}
	for l := range s.Layers {
		if a, b := s.Layers[l].Activation, t.Layers[l].Activation; a != b {
			return differ(fmt.Sprintf("layer %d: activations", l+1), a, b)
		}
	}
	if !slices.Equal(p.Buffers, q.Buffers) || !slices.Equal(p.Params, q.Params) || !slices.Equal(p.State, q.State) ||
		!slices.Equal(p.Layers, q.Layers) || p.Loss != q.Loss {
		return fmt.Errorf("engine: programs of network %v are not alike: their buffers have other names, shapes "+
			"or places", s)
	}
	for _, code := range []struct {
		of   string
		p, q []Instr
	}{{"training", p.Train, q.Train}, {"inference", p.Infer, q.Infer}} {
		if i := different(code.p, code.q); i >= 0 {
			return fmt.Errorf("engine: programs of network %v are not alike: instruction %d of %s is another", s, i,
				code.of)
		}
	}
	return nil
}

// different returns the first instruction in which two lists differ by more than numbers, or −1.
func different(p, q []Instr) int {
	for i := range max(len(p), len(q)) {
		if i >= len(p) || i >= len(q) || p[i].withoutNumbers() != q[i].withoutNumbers() {
			return i
		}
	}
	return -1
}

// withoutNumbers returns the instruction with those of its constants 0 that are numbers. A layer's is no number but a
// name.
func (i Instr) withoutNumbers() Instr {
	i.Keep, i.L2, i.L1, i.Momentum, i.Beta1, i.Beta2, i.Epsilon = 0, 0, 0, 0, 0, 0, 0
	return i
}
