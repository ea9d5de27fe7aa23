//go:build !linux

package cpu

import (
	"sync"
	"sync/atomic"
	"time"
)

// spinTime is how long a worker spins before it sleeps: longer than it takes to wake one, so that two workers do not go
// on taking turns on one core; see the package's documentation.
const spinTime = 300 * time.Microsecond

// sleeper lets workers sleep while a word has a value.
type sleeper struct {
	mu   sync.Mutex
	cond sync.Cond
}

func (s *sleeper) init() { s.cond.L = &s.mu }

// wait sleeps while *word is v.
func (s *sleeper) wait(word *atomic.Uint32, v uint32) {
	s.mu.Lock()
	for word.Load() == v {
		s.cond.Wait()
	}
	s.mu.Unlock()
}

// wake wakes all that sleep, after *word has changed.
func (s *sleeper) wake(*atomic.Uint32) {
	s.mu.Lock() // after a sleeper's look at the word, or before it
	s.cond.Broadcast()
	s.mu.Unlock()
}
