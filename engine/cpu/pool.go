package cpu

import "sync"

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
