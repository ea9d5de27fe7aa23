package cpu

import (
	"runtime"
	"sync/atomic"
	"time"

	"neuroloupe/engine/cpu/internal/simd"
)

// barrier holds workers until all have come. They spin, then sleep: with a core for each worker a barrier costs a
// fraction of a microsecond; with fewer, or with cores that other programs are busy on, nobody burns for long the time
// that the one waited for needs. See the package's documentation.
type barrier struct {
	n     int32
	spin  bool
	pause func()
	_     [64]byte // counters that all write lie on lines of their own
	come  atomic.Int32
	_     [64]byte
	turn  atomic.Uint32
	_     [64]byte
	sleep atomic.Int32 // workers that sleep or are about to
	beds  sleeper
}

func newBarrier(n int, k *simd.Kernels) *barrier {
	b := &barrier{n: int32(n), spin: n <= runtime.GOMAXPROCS(0), pause: k.Pause}
	b.beds.init()
	return b
}

func (b *barrier) wait() {
	turn := b.turn.Load()
	if b.come.Add(1) == b.n {
		b.come.Store(0)
		b.turn.Add(1)
		if b.sleep.Load() > 0 {
			b.beds.wake(&b.turn)
		}
		return
	}
	if b.spin && b.spinUntil(turn) {
		return
	}
	b.sleep.Add(1)
	for b.turn.Load() == turn {
		b.beds.wait(&b.turn, turn)
	}
	b.sleep.Add(-1)
}

// spinUntil looks for the end of the turn for about spinTime, and reports whether it came. A pause takes anything from
// ten to a hundred and forty cycles, by processor, so pauses alone tell no time; and asking for the time takes as long
// as some.
func (b *barrier) spinUntil(turn uint32) bool {
	var began time.Time
	for i := 1; ; i++ {
		if b.turn.Load() != turn {
			return true
		}
		b.pause()
		if i%32 == 0 {
			now := time.Now()
			if began.IsZero() {
				began = now
			} else if now.Sub(began) > spinTime {
				return false
			}
		}
	}
}
