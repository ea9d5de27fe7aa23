package cpu

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// spinTime is how long a worker spins before it sleeps: longer than a stage of a small batch, and about what it takes
// to wake a processor that has gone to sleep.
const spinTime = 50 * time.Microsecond

// sleeper lets workers sleep while a word has a value: futex(2). Go's own means wake a goroutine on the processor of
// the one that wakes it, so that two workers can go on taking turns on one core for good.
type sleeper struct{}

const (
	futexWait = 0 | futexPrivate
	futexWake = 1 | futexPrivate

	futexPrivate = 128 // of this process alone
)

func (sleeper) init() {}

// wait sleeps while *word is v; it may also return without reason.
func (sleeper) wait(word *atomic.Uint32, v uint32) {
	_, _, _ = syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(v), 0, 0, 0)
}

// wake wakes all that sleep, after *word has changed.
func (sleeper) wake(word *atomic.Uint32) {
	const all = 1<<31 - 1
	_, _, _ = syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, all, 0, 0, 0)
}
