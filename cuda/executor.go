//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/engine"
)

// executor is a Program on a device.
type executor struct {
	*memory
	runtime    *runtime
	p          *engine.Program
	stream     *driver.Stream
	products   products                  // cuBLAS; nil where it is not wanted
	resident   map[engine.Ref]driver.Ptr // parameters and state
	byName     map[string]engine.Ref
	pairs      [][2]float32 // Adam's β₁ and β₂ among the updates
	data       []dataset
	job        driver.Ptr // the Job that kernels read
	call       driver.Ptr // rates and order of a call, grown as needed
	callBytes  int64
	losses     driver.Ptr // of a call, grown as needed
	lossCount  int64
	rowLoss    driver.Ptr
	count      driver.Ptr
	scratch    driver.Ptr // for what cuBLAS computes and a kernel finishes
	halves     map[driver.Ptr]half
	graphs     graphs
	inference  inference
	persistent *persistent // nil where steps run as graphs
	why        string      // they do
	broken     error       // of a call that failed half-way: nothing can be trusted any more
	closed     bool
}

var _ engine.Executor = (*executor)(nil)

// dataset is a bound data set on the device.
type dataset struct {
	images, labels driver.Ptr
	n              int
}

// job is laid out as the C struct Job in kernels/job.h.
type job struct {
	images, labels, order, rates, loss driver.Ptr
	first                              uint64
	done, batch, lo, stride            int32
	examples, steps                    int32
}

const jobBytes = 72

// newExecutor is called inside Context.Do.
func newExecutor(r *runtime, p *engine.Program) (_ *executor, err error) {
	e := &executor{
		memory: &memory{ctx: r.ctx}, runtime: r, p: p,
		resident: map[engine.Ref]driver.Ptr{}, byName: map[string]engine.Ref{}, halves: map[driver.Ptr]half{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.free())
		}
	}()
	if e.stream, err = r.ctx.NewStream(); err != nil {
		return nil, err
	}
	e.graphs.name(e)
	if err := e.allocateParameters(); err != nil {
		return nil, err
	}
	if err := e.planPersistent(); err != nil {
		return nil, err
	}
	if e.persistent == nil {
		if err := e.openProducts(); err != nil {
			return nil, err
		}
		e.graphs.plan(e)
	}
	e.inference.plan(e)
	if err := e.allocateValues(); err != nil {
		return nil, err
	}
	return e, e.stream.Sync()
}

// request is room that is wanted for n numbers.
type request struct {
	n    int64
	what string
	set  func(driver.Ptr)
}

// allocateParameters makes room for parameters and state, which are 0 at first, and for what every call uses.
func (e *executor) allocateParameters() error {
	all := []request{
		{jobBytes / 4, "the job", func(p driver.Ptr) { e.job = p }},
		{1, "a counter", func(p driver.Ptr) { e.count = p }},
		{int64(e.p.Capacity), "the losses of a batch", func(p driver.Ptr) { e.rowLoss = p }},
	}
	for _, r := range slices.Concat(e.p.Params, e.p.State) {
		b := e.p.Buffers[r]
		e.byName[b.Name] = r
		all = append(all, request{int64(b.Rows) * int64(b.Cols), b.Name, func(p driver.Ptr) { e.resident[r] = p }})
	}
	return e.allocate(all)
}

// allocateValues makes room for what the kernels of a step leave each other.
func (e *executor) allocateValues() error {
	var all []request
	if e.products != nil {
		var most int64
		rows, in := int64(max(e.p.Capacity, e.inference.rows)), int64(e.p.Spec.Inputs)
		for _, l := range e.p.Spec.Layers {
			most = max(most, rows*int64(l.Units), in*int64(l.Units))
			in = int64(l.Units)
		}
		all = append(all, request{most, "a product", func(p driver.Ptr) { e.scratch = p }})
	}
	if e.persistent == nil {
		for _, v := range e.graphs.stored() {
			b := e.graphs.flow.buffer(v)
			all = append(all, request{elements(b, e.p.Capacity), b.Name, func(p driver.Ptr) { e.graphs.room[v] = p }})
		}
	}
	return e.allocate(all)
}

// allocate makes room for all or for nothing, and sets it to 0.
func (e *executor) allocate(all []request) error {
	total := int64(0)
	for _, r := range all {
		total += 4 * max(r.n, 1)
	}
	what := fmt.Sprintf("network %v with batches of %d", e.p.Spec, e.p.Capacity)
	if free, _, err := e.ctx.MemInfo(); err != nil {
		return err
	} else if total > free {
		return fmt.Errorf("cuda: %s needs %s of device memory, %s are free; try a smaller batch", what,
			megabytes(total), megabytes(free))
	}
	for _, r := range all {
		p, err := e.alloc(r.n, 4, what+": "+r.what)
		if err != nil {
			return err
		}
		if err := e.ctx.Memset32(p, 0, int(max(r.n, 1)), e.stream); err != nil {
			return err
		}
		r.set(p)
	}
	return nil
}

// elements returns the number of values of a buffer in a step of so many rows.
func elements(b *engine.Buffer, rows int) int64 {
	if b.Batch {
		return int64(rows) * int64(b.Cols)
	}
	return int64(b.Rows) * int64(b.Cols)
}

// do calls f with the device's context current, unless the executor is closed or broken.
func (e *executor) do(f func() error) error {
	if e.closed {
		return engine.ErrClosed
	}
	if e.broken != nil {
		return e.broken
	}
	return e.ctx.Do(f)
}

// fail keeps the error of work that was under way: it may have been done in part.
func (e *executor) fail(err error) error {
	if err == nil {
		return nil
	}
	e.broken = fmt.Errorf("cuda: network %v: %w", e.p.Spec, err)
	if driver.IsLost(err) {
		e.runtime.lost = true
		e.broken = fmt.Errorf("cuda: %s no longer answers; start the program again, the last checkpoint is good: %w",
			e.ctx.Info().Name, err)
	}
	return e.broken
}

func (e *executor) Bind(d engine.Data) (engine.DataRef, error) {
	var ref engine.DataRef
	err := e.do(func() error {
		if err := d.Validate(e.p.Spec); err != nil {
			return err
		}
		images, err := e.alloc(int64(len(d.Images)), 1, fmt.Sprintf("a data set of %d images", len(d.Labels)))
		if err != nil {
			return err
		}
		labels, err := e.alloc(int64(len(d.Labels)), 1, fmt.Sprintf("a data set of %d labels", len(d.Labels)))
		if err != nil {
			return errors.Join(err, e.release(images))
		}
		if err := errors.Join(e.ctx.CopyIn(images, d.Images, e.stream),
			e.ctx.CopyIn(labels, d.Labels, e.stream)); err != nil {
			return e.fail(err)
		}
		e.data = append(e.data, dataset{images, labels, len(d.Labels)})
		ref = engine.DataRef(len(e.data) - 1)
		return nil
	})
	return ref, err
}

func (e *executor) bound(r engine.DataRef) (*dataset, error) {
	if r < 0 || int(r) >= len(e.data) {
		return nil, fmt.Errorf("cuda: data set %d of %d", r, len(e.data))
	}
	return &e.data[r], nil
}

// exchange checks names and sizes of all tensors, then moves each.
func (e *executor) exchange(tensors []engine.Tensor, move func(t []byte, p driver.Ptr) error) error {
	return e.do(func() error {
		for _, t := range tensors {
			r, ok := e.byName[t.Name]
			if !ok {
				return fmt.Errorf("cuda: the program has no parameter or state %q", t.Name)
			}
			if want := e.p.Buffers[r].Len(0); len(t.Data) != want {
				return fmt.Errorf("cuda: %s: %d values, want %d", t.Name, len(t.Data), want)
			}
		}
		for _, t := range tensors {
			if err := move(bytesOf(t.Data), e.resident[e.byName[t.Name]]); err != nil {
				return e.fail(err)
			}
		}
		return nil
	})
}

func (e *executor) Write(tensors ...engine.Tensor) error {
	return e.exchange(tensors, func(t []byte, p driver.Ptr) error { return e.ctx.CopyIn(p, t, e.stream) })
}

func (e *executor) Read(tensors ...engine.Tensor) error {
	return e.exchange(tensors, func(t []byte, p driver.Ptr) error { return e.ctx.CopyOut(t, p, e.stream) })
}

// pairOf numbers Adam's constants of an update.
func (e *executor) pairOf(u *step) int {
	if u.Method != engine.Adam {
		return 0
	}
	pair := [2]float32{u.Beta1, u.Beta2}
	if i := slices.Index(e.pairs, pair); i >= 0 {
		return i
	}
	e.pairs = append(e.pairs, pair)
	return len(e.pairs) - 1
}

// rates returns for each step η, and 1/(1−β₁ᵗ) and 1/(1−β₂ᵗ) for each pair of Adam's constants.
func (e *executor) rates(s engine.Steps) []float32 {
	rates := make([]float32, 0, len(s.LR)*e.stride())
	for i, lr := range s.LR {
		rates = append(rates, lr)
		t := float64(s.First+uint64(i)) + 1
		for _, p := range e.pairs {
			rates = append(rates,
				float32(1/(1-math.Pow(float64(p[0]), t))),
				float32(1/(1-math.Pow(float64(p[1]), t))))
		}
	}
	return rates
}

func (e *executor) stride() int { return 1 + 2*len(e.pairs) }

func (e *executor) Train(s engine.Steps) error {
	return e.do(func() error {
		d, err := e.bound(s.Data)
		if err != nil {
			return err
		}
		if err := s.Validate(e.p, d.n); err != nil {
			return err
		}
		n := s.Count()
		if n == 0 {
			return nil
		}
		train := e.graphs.train
		if e.persistent != nil {
			train = e.persistent.train
		} else if err := e.graphs.prepare(e, s); err != nil {
			return err
		}
		j, err := e.prepare(d, s)
		if err != nil {
			return err
		}
		if err := train(e, s, j); err != nil {
			return e.fail(err)
		}
		loss := make([]float32, n)
		if err := e.ctx.CopyOut(bytesOf(loss), e.losses, e.stream); err != nil {
			return e.fail(err)
		}
		copy(s.Loss, loss)
		return nil
	})
}

// prepare brings what a call's steps need to the device.
func (e *executor) prepare(d *dataset, s engine.Steps) (job, error) {
	n := s.Count()
	rates := e.rates(s)
	var err error
	if bytes := int64(4 * (len(rates) + len(s.Order))); bytes > e.callBytes {
		if err = e.release(e.call); err == nil {
			e.call, e.callBytes = 0, 0
			e.call, err = e.alloc(bytes, 1, fmt.Sprintf("a call of %d steps", n))
		}
		if err != nil {
			return job{}, err
		}
		e.callBytes = bytes
	}
	if int64(n) > e.lossCount {
		if err = e.release(e.losses); err == nil {
			e.losses, e.lossCount = 0, 0
			e.losses, err = e.alloc(int64(n), 4, fmt.Sprintf("the losses of %d steps", n))
		}
		if err != nil {
			return job{}, err
		}
		e.lossCount = int64(n)
	}
	j := job{
		images: d.images, labels: d.labels, rates: e.call, order: e.call + driver.Ptr(4*len(rates)), loss: e.losses,
		first: s.First, done: 0, batch: int32(s.Batch), stride: int32(e.stride()), examples: int32(len(s.Order)),
		steps: int32(n),
	}
	err = errors.Join(
		e.ctx.CopyIn(j.rates, bytesOf(rates), e.stream),
		e.ctx.CopyIn(j.order, bytesOf(s.Order), e.stream))
	if err != nil {
		return job{}, e.fail(err)
	}
	return j, nil
}

func (e *executor) setJob(j job) error { return e.ctx.CopyIn(e.job, bytesOf([]job{j}), e.stream) }

// free frees everything, inside Context.Do.
func (e *executor) free() error {
	errs := []error{e.graphs.close()}
	if e.stream != nil {
		errs = append(errs, e.stream.Sync())
	}
	if e.products != nil {
		errs = append(errs, e.products.Close())
	}
	errs = append(errs, e.memory.free())
	if e.stream != nil {
		errs = append(errs, e.stream.Close())
	}
	return errors.Join(errs...)
}

func (e *executor) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	delete(e.runtime.executors, e)
	err := e.ctx.Do(e.free)
	if e.broken != nil {
		return nil // it has been told; a device that is lost frees nothing
	}
	return err
}
