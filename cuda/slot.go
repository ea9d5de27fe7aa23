//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"neuroloupe/engine"
)

// do calls f with the slot's room when nobody else uses the device.
func (s *slot) do(f func(e *executor) error) error {
	s.fleet.runtime.hold()
	defer s.fleet.runtime.release()
	if err := s.ended(); err != nil {
		return err
	}
	return s.fleet.keep(s.room, f(s.room))
}

// ended says why the slot is of no use any more.
func (s *slot) ended() error {
	if s.closed {
		return engine.ErrClosed
	}
	return s.fleet.broken
}

// Bind shares what another slot has bound: the same arrays.
func (s *slot) Bind(d engine.Data) (engine.DataRef, error) {
	var ref engine.DataRef
	err := s.do(func(e *executor) error {
		for _, b := range s.fleet.data {
			if b.Same(d) {
				e.data = append(e.data, b.dataset)
				ref = engine.DataRef(len(e.data) - 1)
				return nil
			}
		}
		var err error
		if ref, err = e.Bind(d); err == nil {
			s.fleet.data = append(s.fleet.data, fleetData{d, e.data[ref]})
		}
		return err
	})
	return ref, err
}

func (s *slot) Write(tensors ...engine.Tensor) error {
	return s.do(func(e *executor) error { return e.Write(tensors...) })
}

func (s *slot) Read(tensors ...engine.Tensor) error {
	return s.do(func(e *executor) error { return e.Read(tensors...) })
}

func (s *slot) Infer(q engine.Query) error {
	return s.do(func(e *executor) error { return e.Infer(q) })
}

// Mode is that of the fleet.
func (s *slot) Mode() (m Mode, why string) { return Persistent, "" }

// Close frees the slot.
func (s *slot) Close() error {
	f := s.fleet
	f.runtime.hold()
	defer f.runtime.release()
	if s.closed {
		return nil
	}
	s.closed = true
	delete(f.taken, s)
	f.free = append(f.free, s.room)
	return nil
}

// Train waits until its steps are done. Whoever gets the device while calls wait launches the next steps of all that
// do, which may include its own.
func (s *slot) Train(steps engine.Steps) error {
	f := s.fleet
	c, err := s.newCall(steps)
	if c == nil || err != nil {
		return err
	}
	f.mu.Lock()
	f.waiting = append(f.waiting, c)
	f.mu.Unlock()
	for {
		select {
		case <-c.done:
			return c.err
		case f.runtime.device <- struct{}{}:
			select {
			case <-c.done:
			default:
				f.step()
			}
			f.runtime.release()
		}
	}
}

// newCall checks the steps of a call; nil is a call with nothing to do. What it reads nobody else writes while the
// slot's goroutine is here.
func (s *slot) newCall(steps engine.Steps) (*fleetCall, error) {
	if s.closed {
		return nil, engine.ErrClosed
	}
	d, err := s.room.bound(steps.Data)
	if err != nil {
		return nil, err
	}
	if err := steps.Validate(s.room.p, d.n); err != nil {
		return nil, err
	}
	if steps.Count() == 0 {
		return nil, nil
	}
	return &fleetCall{room: s.room, data: d, s: steps, done: make(chan struct{})}, nil
}

// step launches the next steps of all calls that wait, and waits for them. The caller has the device.
func (f *fleet) step() {
	f.mu.Lock()
	calls := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	left, err := calls, f.broken
	if err == nil {
		err = f.ctx.Do(func() error {
			var err error
			left, err = f.run(calls)
			return err
		})
	}
	if err != nil {
		for _, c := range left {
			c.end(err)
		}
		return
	}
	f.mu.Lock()
	f.waiting = append(left, f.waiting...)
	f.mu.Unlock()
}

func (c *fleetCall) end(err error) {
	c.err = err
	close(c.done)
}

// run launches steps of calls and returns those that are not done, with the error of all of them.
func (f *fleet) run(calls []*fleetCall) (left []*fleetCall, err error) {
	var jobs []fleetJob
	for _, c := range calls {
		if c.at == 0 {
			if c.job, err = c.room.prepare(c.data, c.s); err != nil { // nothing was done, and the others can go on
				c.end(f.keep(c.room, err))
				continue
			}
		}
		left = append(left, c)
		p, n := c.room.persistent, min(f.most, c.s.Count()-c.at)
		if err := p.number(c.room, n); err != nil {
			return left, f.keep(c.room, c.room.fail(err))
		}
		jobs = append(jobs, fleetJob{
			own: p.own, job: c.job, from: int32(c.at), to: int32(c.at + n), tag: p.tag,
		})
		p.tag += uint32(n)
		c.at += n
	}
	if len(jobs) == 0 || f.broken != nil {
		return left, f.broken
	}
	if f.spoil.launch != nil {
		f.spoil.launch(jobs)
	}
	err = f.launch(jobs)
	if err == nil {
		err = f.stream.Sync()
	}
	if err != nil {
		return left, f.keep(left[0].room, left[0].room.fail(err))
	}
	launched := left
	left = nil
	for i, c := range launched {
		if c.at < c.s.Count() {
			left = append(left, c)
			continue
		}
		loss := make([]float32, c.s.Count())
		if err := f.ctx.CopyOut(bytesOf(loss), c.room.losses, f.stream); err != nil {
			return append(left, launched[i:]...), f.keep(c.room, c.room.fail(err))
		}
		copy(c.s.Loss, loss)
		c.end(nil)
	}
	return left, nil
}
