//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/cuda/kernels"
	"neuroloupe/engine"
)

// runtime is what the executors of a backend share: the device's context and the kernels compiled for it.
type runtime struct {
	ctx        *driver.Context
	options    Options
	modules    []*driver.Module
	functions  map[string]driver.Func
	blas       blas  // cuBLAS, once it is asked for: see library
	blasErr    error // why it is not there
	blasAlways bool  // all products go to it, in tests
	executors  map[*executor]bool
	fleets     map[*fleet]bool
	device     chan struct{}   // holds one while a fleet uses the device
	launched   map[string]bool // names of kernels asked for, where a test wants to know; else nil
	lost       bool            // the device; an executor has told it
	closed     bool
}

// newRuntime compiles the kernels for the context's device. The caller closes it before the context.
func newRuntime(ctx *driver.Context, o Options) (*runtime, error) {
	r := &runtime{
		ctx: ctx, options: o, functions: map[string]driver.Func{}, executors: map[*executor]bool{},
		fleets: map[*fleet]bool{}, device: make(chan struct{}, 1),
	}
	err := ctx.Do(func() error {
		if err := r.load(kernels.PTX); err != nil {
			return err
		}
		if err := r.checkBLAS(); err != nil {
			return errors.Join(err, r.unload())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// load compiles the kernels of PTX that are not there yet, all or none.
func (r *runtime) load(ptx string) error {
	names := slices.DeleteFunc(kernelNames(ptx), func(name string) bool { _, ok := r.functions[name]; return ok })
	if len(names) == 0 {
		return nil
	}
	m, err := r.ctx.LoadPTX([]byte(ptx))
	if err != nil {
		return err
	}
	found := map[string]driver.Func{}
	for _, name := range names {
		if found[name], err = m.Function(name); err != nil {
			return errors.Join(err, m.Unload())
		}
	}
	maps.Copy(r.functions, found)
	r.modules = append(r.modules, m)
	return nil
}

// unload frees the kernels.
func (r *runtime) unload() error {
	var errs []error
	for _, m := range r.modules {
		errs = append(errs, m.Unload())
	}
	r.modules = nil
	return errors.Join(errs...)
}

// kernelNames lists the kernels in PTX.
func kernelNames(ptx string) []string {
	var names []string
	for line := range strings.Lines(ptx) {
		if _, after, ok := strings.Cut(line, ".entry "); ok {
			names = append(names, strings.TrimRight(strings.TrimSpace(after), "("))
		}
	}
	return names
}

// function returns a kernel; a launch of one that is not there fails.
func (r *runtime) function(name string) driver.Func {
	if r.launched != nil {
		r.launched[name] = true
	}
	return r.functions[name]
}

// close closes all executors and unloads the kernels; more calls do nothing.
func (r *runtime) close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	for f := range r.fleets {
		errs = append(errs, f.Close())
	}
	for e := range r.executors {
		errs = append(errs, e.Close())
	}
	errs = append(errs, r.ctx.Do(func() error {
		if r.blas != nil {
			errs = append(errs, r.blas.Close())
		}
		return r.unload()
	}))
	if r.lost {
		return nil // a device that is lost frees nothing
	}
	return errors.Join(errs...)
}

// compile makes an executor for p with all parameters and state 0.
func (r *runtime) compile(p *engine.Program) (engine.Executor, error) {
	if r.closed {
		return nil, engine.ErrClosed
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	var e *executor
	err := r.ctx.Do(func() error {
		var err error
		e, err = newExecutor(r, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.executors[e] = true
	return e, nil
}
