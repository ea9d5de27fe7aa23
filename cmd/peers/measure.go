package main

import (
	"fmt"
	"slices"
	"time"
)

// runner is one contender: it trains an epoch at a time.
type runner struct {
	name  string // as in the table
	epoch func() (seconds, accuracy float64, err error)
	close func()

	seconds  []float64 // of the epochs that count
	accuracy float64   // after the last epoch
	epochs   int       // trained, with the warm-up
}

const (
	slow     = 10  // seconds of an epoch from which two rounds are enough
	verySlow = 100 // seconds of an epoch from which the warm-up is enough

	peakTime = 50 * time.Millisecond
)

// done reports whether r is too slow to go on with.
func (r *runner) done() bool {
	n := len(r.seconds)
	return n > 0 && (r.seconds[n-1] > verySlow || r.seconds[n-1] > slow && n >= 2)
}

// measure runs a warm-up and then the rounds, all contenders taking turns, and the machine's peak once in each round: a
// virtual machine's share of the cores changes within a run.
func measure(rs []*runner, rounds int, peak func() float64) (peaks []float64, err error) {
	for round := range rounds + 1 {
		for _, r := range rs {
			if r.done() {
				continue
			}
			seconds, accuracy, err := r.epoch()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			r.accuracy = accuracy
			r.epochs++
			if round > 0 || seconds > verySlow {
				r.seconds = append(r.seconds, seconds)
			}
		}
		if round > 0 {
			peaks = append(peaks, peak())
		}
	}
	return peaks, nil
}

// median returns the middle of v, which has one element or more.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
