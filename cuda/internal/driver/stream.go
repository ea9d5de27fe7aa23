//go:build gpu && linux && (amd64 || arm64)

package driver

// #include "shim.h"
import "C"

import (
	"unsafe"

	"gorgonia.org/cu"
)

// Stream runs what it is given in order, beside the program. It does not wait for the default stream.
type Stream struct{ s cu.Stream }

// NewStream makes a stream; the caller closes it.
func (c *Context) NewStream() (*Stream, error) {
	s, err := cu.MakeStream(cu.NonBlocking)
	if err = check("cuStreamCreate", err); err != nil {
		return nil, err
	}
	return &Stream{s}, nil
}

func (s *Stream) c() C.CUstream { return C.CUstream(unsafe.Pointer(s.s.C())) }

// Handle returns the stream as the C libraries of CUDA take it.
func (s *Stream) Handle() unsafe.Pointer { return unsafe.Pointer(s.s.C()) }

// Sync waits until all that the stream was given is done, and returns the error of any of it.
func (s *Stream) Sync() error { return check("cuStreamSynchronize", s.s.Synchronize()) }

// Close frees the stream; more calls do nothing.
func (s *Stream) Close() error {
	if s.s == cu.NoStream {
		return nil
	}
	return check("cuStreamDestroy", s.s.Destroy())
}

// Event marks a moment in a stream.
type Event struct{ e cu.Event }

// NewEvent makes an event; the caller closes it.
func (c *Context) NewEvent() (*Event, error) {
	e, err := cu.MakeEvent(cu.DefaultEvent)
	if err = check("cuEventCreate", err); err != nil {
		return nil, err
	}
	return &Event{e}, nil
}

// Record marks the moment when the stream has done what it was given so far.
func (e *Event) Record(s *Stream) error { return check("cuEventRecord", e.e.Record(s.s)) }

// Sync waits for the moment.
func (e *Event) Sync() error { return check("cuEventSynchronize", e.e.Synchronize()) }

// ElapsedMS returns the milliseconds from the moment of start to that of e, to about half a microsecond. Both must have
// come: see Sync.
func (e *Event) ElapsedMS(start *Event) (float64, error) {
	ms, err := start.e.Elapsed(e.e)
	return ms, check("cuEventElapsedTime", err)
}

// Close frees the event; more calls do nothing.
func (e *Event) Close() error {
	if e.e == (cu.Event{}) {
		return nil
	}
	return check("cuEventDestroy", cu.DestroyEvent(&e.e))
}

// Graph is recorded work that is given to a stream as one.
type Graph struct{ exec C.CUgraphExec }

// Capture calls f and keeps what it gives to s, which is not run, as a Graph; the caller closes it. f must not wait for
// s, and must not allocate or copy other than by the Async methods.
func Capture(s *Stream, f func() error) (*Graph, error) {
	if err := result("cuStreamBeginCapture", C.cuStreamBeginCapture(s.c(),
		C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)); err != nil {
		return nil, err
	}
	ferr := f()
	var g C.CUgraph
	// The capture is ended even when f fails, else the stream would stay in it.
	err := result("cuStreamEndCapture", C.cuStreamEndCapture(s.c(), &g))
	if g != nil {
		defer C.cuGraphDestroy(g)
	}
	if ferr != nil {
		return nil, ferr
	}
	if err != nil {
		return nil, err
	}
	exec := &Graph{}
	if err := result("cuGraphInstantiate", C.cuGraphInstantiateWithFlags(&exec.exec, g, 0)); err != nil {
		return nil, err
	}
	return exec, nil
}

// Launch gives the recorded work to a stream.
func (g *Graph) Launch(s *Stream) error {
	return result("cuGraphLaunch", C.cuGraphLaunch(g.exec, s.c()))
}

// Close frees the graph; more calls do nothing.
func (g *Graph) Close() error {
	if g.exec == nil {
		return nil
	}
	x := g.exec
	g.exec = nil
	return result("cuGraphExecDestroy", C.cuGraphExecDestroy(x))
}
