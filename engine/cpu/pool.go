package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"

	"neuroloupe/engine/cpu/internal/simd"
)

// pool is a fixed set of workers. The caller's goroutine is worker 0; the others sleep on a channel each between jobs.
type pool struct {
	size int
	work []chan func(worker int) // of workers 1…
	done sync.WaitGroup
	live sync.WaitGroup
}

func newPool(size int) *pool {
	p := &pool{size: size}
	for id := 1; id < size; id++ {
		c := make(chan func(int), 1)
		p.work = append(p.work, c)
		p.live.Add(1)
		go func() {
			defer p.live.Done()
			for job := range c {
				job(id)
				p.done.Done()
			}
		}()
	}
	return p
}

// run runs job on the first n workers and waits for all.
func (p *pool) run(n int, job func(worker int)) {
	p.done.Add(n - 1)
	for _, c := range p.work[:n-1] {
		c <- job
	}
	job(0)
	p.done.Wait()
}

func (p *pool) close() {
	for _, c := range p.work {
		close(c)
	}
	p.work = nil
	p.live.Wait()
}

// spins is how often a waiting worker looks before it lets others run: some hundred microseconds, longer than a stage takes
// and than it takes to wake a worker that sleeps; see the package's documentation.
const spins = 1 << 14

// yields is how often it then lets others run before it sleeps.
const yields = 1 << 4

// barrier holds workers until all have come. They spin, then yield, then sleep: with a core for each worker a barrier
// costs a fraction of a microsecond; with fewer cores nobody burns for long the time that the one waited for needs.
type barrier struct {
	n     int32
	spins int
	pause func()
	_     [64]byte // counters that all write lie on lines of their own
	come  atomic.Int32
	_     [64]byte
	turn  atomic.Uint32
	_     [64]byte
	sleep atomic.Int32 // workers that sleep or are about to
	mu    sync.Mutex
	wake  sync.Cond
}

func newBarrier(n int, k *simd.Kernels) *barrier {
	b := &barrier{n: int32(n), pause: k.Pause}
	if n <= runtime.GOMAXPROCS(0) {
		b.spins = spins
	}
	b.wake.L = &b.mu
	return b
}

func (b *barrier) wait() {
	turn := b.turn.Load()
	if b.come.Add(1) == b.n {
		b.come.Store(0)
		b.turn.Add(1)
		if b.sleep.Load() > 0 {
			b.mu.Lock() // after a sleeper's look at turn, or before it
			b.wake.Broadcast()
			b.mu.Unlock()
		}
		return
	}
	for range b.spins {
		if b.turn.Load() != turn {
			return
		}
		b.pause()
	}
	for range yields {
		if b.turn.Load() != turn {
			return
		}
		runtime.Gosched()
	}
	b.sleep.Add(1)
	b.mu.Lock()
	for b.turn.Load() == turn {
		b.wake.Wait()
	}
	b.mu.Unlock()
	b.sleep.Add(-1)
}
