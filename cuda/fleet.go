//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"sync"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/cuda/kernels"
	"neuroloupe/engine"
)

// fleet trains networks side by side in one launch: each has as few blocks as hold it, and waits for no other. Steps of
// all calls of Train that wait for the device go into one launch; those that come while it runs go into the next. See
// kernels/fleet.cu.
type fleet struct {
	*memory
	runtime *runtime
	p       *engine.Program
	shape   *persistent // the layout of all
	stream  *driver.Stream
	rooms   []*executor       // of the slots
	jobs    driver.Ptr        // of a launch: a fleetJob a slot
	values  map[id]driver.Ptr // what inference leaves between its kernels, for all
	data    []fleetData
	most    int   // steps of a launch
	spoil   spoil // in tests
	broken  error // of work that failed half-way: nothing can be trusted any more

	free   []*executor
	taken  map[*slot]bool
	closed bool

	mu      sync.Mutex // guards waiting; all else belongs to who has the device
	waiting []*fleetCall
}

// fleetData is a data set that lies on the device. The arrays are kept so that no others can have their place.
type fleetData struct {
	engine.Data
	dataset
}

// slot is the executor of a network in a fleet. Another one takes its room when it is closed.
type slot struct {
	fleet  *fleet
	room   *executor
	closed bool // set by who has the device
}

// fleetCall is a call of Train on its way.
type fleetCall struct {
	room *executor
	data *dataset
	s    engine.Steps
	job  job
	at   int // steps done
	done chan struct{}
	err  error // once it is done
}

// spoil plants faults, in tests: nil functions plant none.
type spoil struct {
	launch func(jobs []fleetJob)  // before a launch
	keep   func(name string) bool // what is not set to 0 when a room is furnished
}

// fleetJob is laid out as the C struct FleetJob in kernels/persistent.h.
type fleetJob struct {
	own      persistentOwn
	job      job
	from, to int32
	tag      uint32
	_        int32
}

const (
	fleetJobBytes = persistentOwnBytes + jobBytes + 16
	// fleetSteps is how many steps of each network a launch has at most: some milliseconds, so that a network that
	// comes too late for a launch waits for little, and moving the parameters in and out costs little too.
	fleetSteps = 1 << 9
)

var (
	_ engine.Fleet    = (*fleet)(nil)
	_ engine.Executor = (*slot)(nil)
)

func (r *runtime) newFleet(p *engine.Program, slots int) (engine.Fleet, error) {
	r.hold()
	defer r.release()
	if r.closed {
		return nil, engine.ErrClosed
	}
	if slots < 0 {
		return nil, fmt.Errorf("cuda: fleet of %d slots, want 1 or more, or 0 for as many as fit", slots)
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	f := &fleet{
		memory: &memory{ctx: r.ctx}, runtime: r, p: p, values: map[id]driver.Ptr{}, most: fleetSteps,
		taken: map[*slot]bool{},
	}
	err := r.ctx.Do(func() error {
		err := f.open(slots)
		if err != nil && !driver.IsLost(err) {
			err = errors.Join(err, f.freeAll())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.fleets[f] = true
	return f, nil
}

// hold waits until nobody else uses the device, and release lets the next in, in the order in which they came.
func (r *runtime) hold()    { r.device <- struct{}{} }
func (r *runtime) release() { <-r.device }

// open makes room for at most so many slots, or all that run side by side for 0.
func (f *fleet) open(slots int) error {
	var err error
	if f.stream, err = f.ctx.NewStream(); err != nil {
		return err
	}
	if err := f.runtime.load(kernels.FleetPTX); err != nil {
		return err
	}
	first := f.newRoom()
	fit, err := f.fit(first)
	if err != nil {
		return fmt.Errorf("cuda: %w: network %v with batches of %d: %w", engine.ErrNoFleet, f.p.Spec, f.p.Capacity, err)
	}
	if slots == 0 || slots > fit {
		slots = fit
	}
	for range slots {
		e := f.newRoom()
		e.persistent = new(*f.shape)
		if err := e.allocateParameters(); err != nil {
			return err
		}
		if err := e.persistent.bind(e); err != nil {
			return err
		}
		f.rooms = append(f.rooms, e)
	}
	f.free = append(f.free, f.rooms...)
	if f.jobs, err = f.alloc(int64(slots), fleetJobBytes, "the networks of a launch"); err != nil {
		return err
	}
	return f.try()
}

// newRoom is an executor for a slot, with no memory yet.
func (f *fleet) newRoom() *executor {
	e := &executor{
		memory: f.memory, runtime: f.runtime, p: f.p, stream: f.stream,
		resident: map[engine.Ref]driver.Ptr{}, byName: map[string]engine.Ref{}, halves: map[driver.Ptr]half{},
	}
	e.graphs.name(e)
	return e
}

// fit finds the fewest blocks that hold a network, and returns how many networks run side by side.
func (f *fleet) fit(e *executor) (int, error) {
	if f.runtime.options.Mode == Graph {
		return 0, errors.New("steps run as graphs because that was asked for")
	}
	p, err := e.newPersistent()
	if err != nil {
		return 0, err
	}
	f.shape = p
	sms := f.ctx.Info().SMs
	for blocks := 1; blocks <= min(sms, widest(f.p.Spec)); blocks++ {
		perSM, why := p.fit(e, blocks, f.kernel(), fleetJobBytes)
		if driver.IsLost(why) {
			return 0, why
		}
		if err = why; err == nil {
			if n := perSM * sms / blocks; n > 0 {
				return n, nil
			}
			err = fmt.Errorf("%d blocks of %d bytes of shared memory do not run at once", blocks, p.shared)
		}
	}
	return 0, err
}

func (f *fleet) kernel() string { return fmt.Sprintf("fleet_%d", len(f.shape.plain.l2)) }

// try launches all slots with no steps, for the reason that persistent.try has.
func (f *fleet) try() error {
	jobs := make([]fleetJob, len(f.rooms))
	for i, e := range f.rooms {
		jobs[i].own = e.persistent.own
	}
	err := f.launch(jobs)
	if err == nil {
		err = f.stream.Sync()
	}
	if err != nil && !driver.IsLost(err) {
		return fmt.Errorf("cuda: %w: %w", engine.ErrNoFleet, err)
	}
	return err
}

// launch gives the steps of jobs to the stream.
func (f *fleet) launch(jobs []fleetJob) error {
	if err := f.ctx.CopyIn(f.jobs, bytesOf(jobs), f.stream); err != nil {
		return err
	}
	p := f.shape
	l := driver.NewLaunch(f.runtime.function(f.kernel()), [3]int{p.blocks, len(jobs), 1}, [3]int{p.threads, 1, 1},
		p.shared, bytesOf([]persistentNet{p.net}), f.jobs)
	return l.Cooperative(f.stream)
}

func (f *fleet) Slots() int { return len(f.rooms) }

func (f *fleet) Take(p *engine.Program) (engine.Executor, error) {
	f.runtime.hold()
	defer f.runtime.release()
	switch {
	case f.closed:
		return nil, engine.ErrClosed
	case f.broken != nil:
		return nil, f.broken
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := f.p.Alike(p); err != nil {
		return nil, err
	}
	if len(f.free) == 0 {
		return nil, fmt.Errorf("cuda: %w: there are %d", engine.ErrNoSlot, len(f.rooms))
	}
	e := f.free[0]
	if err := f.ctx.Do(func() error { return f.furnish(e, p) }); err != nil {
		return nil, err
	}
	s := &slot{fleet: f, room: e}
	f.free = f.free[1:]
	f.taken[s] = true
	return s, nil
}

// furnish makes a room p's, with parameters and state 0.
func (f *fleet) furnish(e *executor, p *engine.Program) error {
	e.p, e.data, e.pairs = p, nil, nil
	e.graphs.name(e)
	e.inference.plan(e)
	e.inference.room = f.values // alike Programs have the same values
	plain, err := matchPlain(e.graphs.flow)
	if err != nil {
		return err
	}
	e.persistent.plain = plain
	e.persistent.setNumbers(p.Spec)
	for r, at := range e.resident {
		if f.spoil.keep != nil && f.spoil.keep(p.Buffers[r].Name) {
			continue
		}
		if err := f.ctx.Memset32(at, 0, p.Buffers[r].Len(0), f.stream); err != nil {
			return f.keep(e, e.fail(err))
		}
	}
	return nil
}

// keep notes for all slots that one is broken.
func (f *fleet) keep(e *executor, err error) error {
	if e.broken != nil {
		f.broken = e.broken
	}
	return err
}

// Close closes all slots.
func (f *fleet) Close() error {
	f.runtime.hold()
	defer f.runtime.release()
	if f.closed {
		return nil
	}
	f.closed = true
	for s := range f.taken {
		s.closed = true
	}
	delete(f.runtime.fleets, f)
	err := f.ctx.Do(f.freeAll)
	if f.broken != nil {
		return nil // it has been told; a device that is lost frees nothing
	}
	return err
}

// freeAll frees everything, inside Context.Do.
func (f *fleet) freeAll() error {
	var errs []error
	if f.stream != nil {
		errs = append(errs, f.stream.Sync())
	}
	errs = append(errs, f.memory.free())
	if f.stream != nil {
		errs = append(errs, f.stream.Close())
	}
	return errors.Join(errs...)
}
