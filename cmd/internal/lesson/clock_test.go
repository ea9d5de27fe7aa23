package lesson

import (
	"sync"
	"testing"
)

// Whoever is furthest behind has the next turn, one at a time, until only one is left who plays.
func TestClock(t *testing.T) {
	c := newClock()
	type player struct {
		l     *Lesson
		turns int
		long  float64 // epochs a turn
	}
	slow, fast := &player{&Lesson{}, 64, 0.125}, &player{&Lesson{}, 8, 1}
	at := map[*player]float64{}
	for _, p := range []*player{slow, fast} {
		c.take(p.l, 0)
		c.give(p.l)
	}
	var wg sync.WaitGroup
	busy := false // not under a mutex: the race detector sees two turns at once too
	for p, other := range map[*player]*player{slow: fast, fast: slow} {
		wg.Go(func() {
			for n := range p.turns {
				c.take(p.l, p.long*float64(n))
				if busy {
					t.Error("two have their turn at once")
				}
				busy = true
				at[p] = p.long * float64(n)
				if at[p] > at[other]+other.long {
					t.Errorf("one begins at %v, and the other has only begun at %v", at[p], at[other])
				}
				busy = false
				c.give(p.l)
			}
			c.rest(p.l)
		})
	}
	wg.Wait()
	if len(c.at) > 0 || c.busy != nil {
		t.Errorf("left: %v, %v", c.at, c.busy)
	}
}
