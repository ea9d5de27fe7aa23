//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"time"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/engine"
)

// backend is a GPU.
type backend struct {
	device engine.Device
	ctx    *driver.Context
	*runtime
}

var (
	_ engine.Backend = (*backend)(nil)
	_ engine.Peaker  = (*backend)(nil)
	_ engine.Fleeter = (*backend)(nil)
)

func (b *backend) Device() engine.Device { return b.device }

func (b *backend) Compile(p *engine.Program) (engine.Executor, error) { return b.runtime.compile(p) }

func (b *backend) Fleet(p *engine.Program, slots int) (engine.Fleet, error) {
	return b.runtime.newFleet(p, slots)
}

// Close closes what was compiled, and then the device.
func (b *backend) Close() error { return errors.Join(b.runtime.close(), b.ctx.Close()) }

const (
	peakThreads = 256
	peakFMAs    = 8 * 16 // a thread's in a round: see kernels/peak.cu
)

// Peak fills the device with threads that multiply and add for about d. It returns 0 when the device fails.
func (b *backend) Peak(d time.Duration) float64 {
	var best float64
	err := b.ctx.Do(func() error {
		f := b.runtime.function("peak")
		perSM, err := f.MaxBlocksPerSM(peakThreads, 0)
		if err != nil {
			return err
		}
		blocks := perSM * b.ctx.Info().SMs
		out, err := b.ctx.Alloc(int64(4 * blocks * peakThreads))
		if err != nil {
			return err
		}
		defer b.ctx.Free(out)
		s, err := b.ctx.NewStream()
		if err != nil {
			return err
		}
		defer s.Close()
		timer, err := newTimer(b.ctx)
		if err != nil {
			return err
		}
		defer timer.close()
		// Rounds double until a launch takes long enough to be timed; the rest of d goes to launches of that length.
		for rounds, end := 16, time.Now().Add(d); ; {
			l := driver.NewLaunch(f, [3]int{blocks, 1, 1}, [3]int{peakThreads, 1, 1}, 0, rounds, float32(0.999),
				float32(0.001), out)
			ms, err := timer.run(s, func() error { return l.Run(s) })
			if err != nil {
				return err
			}
			if ms < 1 && rounds < 1<<24 {
				rounds *= 2
			} else if ms > 0 {
				best = max(best, 2*float64(rounds)*peakFMAs*float64(blocks*peakThreads)/ms/1e6)
			}
			if time.Now().After(end) && best > 0 {
				return nil
			}
		}
	})
	if err != nil {
		return 0
	}
	return best
}

// timer times work by the device's own clock.
type timer struct{ start, end *driver.Event }

func newTimer(c *driver.Context) (*timer, error) {
	start, err := c.NewEvent()
	if err != nil {
		return nil, err
	}
	end, err := c.NewEvent()
	if err != nil {
		return nil, errors.Join(err, start.Close())
	}
	return &timer{start, end}, nil
}

// run returns the milliseconds that what f gives to s takes.
func (t *timer) run(s *driver.Stream, f func() error) (float64, error) {
	if err := t.start.Record(s); err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	if err := t.end.Record(s); err != nil {
		return 0, err
	}
	if err := t.end.Sync(); err != nil {
		return 0, err
	}
	return t.end.ElapsedMS(t.start)
}

func (t *timer) close() error { return errors.Join(t.start.Close(), t.end.Close()) }
