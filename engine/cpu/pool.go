package cpu

import "sync"

// pool is a fixed set of workers. The caller's goroutine is worker 0; the others wait for work on a channel each.
type pool struct {
	size int
	work []chan part // of workers 1…
	done sync.WaitGroup
	live sync.WaitGroup
}

// part asks for rows lo ≤ i < hi of an instruction's split.
type part struct {
	e      *executor
	instr  int
	lo, hi int
}

func newPool(size int) *pool {
	p := &pool{size: size}
	for range size - 1 {
		c := make(chan part, 1)
		p.work = append(p.work, c)
		p.live.Add(1)
		go func() {
			defer p.live.Done()
			for w := range c {
				w.e.runPart(w.instr, w.lo, w.hi)
				p.done.Done()
			}
		}()
	}
	return p
}

// run cuts n rows of an instruction evenly over the workers and waits for all.
func (p *pool) run(e *executor, instr, n int) {
	k := min(p.size, n)
	p.done.Add(k - 1)
	for w := 1; w < k; w++ {
		p.work[w-1] <- part{e, instr, n * w / k, n * (w + 1) / k}
	}
	e.runPart(instr, 0, n/k)
	p.done.Wait()
}

func (p *pool) close() {
	for _, c := range p.work {
		close(c)
	}
	p.work = nil
	p.live.Wait()
}
