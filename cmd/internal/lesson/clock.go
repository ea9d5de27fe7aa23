package lesson

import "sync"

// clock has the lessons that play take turns: the one that is furthest behind goes next, and one at a time.
type clock struct {
	mu   sync.Mutex
	turn sync.Cond
	at   map[*Lesson]float64 // epochs done by those that play
	busy *Lesson             // whose turn it is; nil for nobody's
}

func newClock() *clock {
	c := &clock{at: map[*Lesson]float64{}}
	c.turn.L = &c.mu
	return c
}

// take waits for the turn of a lesson that has done so many epochs.
func (c *clock) take(l *Lesson, epochs float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[l] = epochs
	c.turn.Broadcast()
	for !c.next(l) {
		c.turn.Wait()
	}
	c.busy = l
}

// next reports whether a lesson may go.
func (c *clock) next(l *Lesson) bool {
	for _, other := range c.at {
		if other < c.at[l] {
			return false
		}
	}
	return c.busy == nil
}

// give ends the turn of a lesson; of one that has none it does nothing.
func (c *clock) give(l *Lesson) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy == l {
		c.busy = nil
	}
	c.turn.Broadcast()
}

// rest has nobody wait for a lesson any more.
func (c *clock) rest(l *Lesson) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.at, l)
	if c.busy == l {
		c.busy = nil
	}
	c.turn.Broadcast()
}
