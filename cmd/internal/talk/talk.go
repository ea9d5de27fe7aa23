// Package talk is how the rooms of the program speak with whoever asked for something: what they say and count while
// they work, and that what was asked for is itself the mistake. They know no terminal.
package talk

import (
	"context"
	"fmt"
)

// Talk hears what long work says.
type Talk interface {
	// Say is told a line.
	Say(format string, args ...any)

	// Count is told of n things to be done: done how many are, end that no more will be told. rate puts things per
	// second into words.
	Count(what string, n int, rate func(perSecond float64) string) (done func(int), end func())
}

// Silent is a Talk that nobody hears.
type Silent struct{}

// Say says nothing.
func (Silent) Say(string, ...any) {}

// Count counts nothing.
func (Silent) Count(string, int, func(float64) string) (done func(int), end func()) {
	return func(int) {}, func() {}
}

// UsageError is a mistake in what was asked for, which asking otherwise mends.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error that was found.
func (e UsageError) Unwrap() error { return e.Err }

// Usage returns a UsageError.
func Usage(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Parts has f do n things, step at a time, and tells how far that is. It ends with the context's error between two
// parts when that is done.
func Parts(ctx context.Context, t Talk, what string, n, step int, f func(lo, hi int) error) error {
	done, end := t.Count(what, n, func(r float64) string { return fmt.Sprintf("%.0f/s", r) })
	defer end()
	for lo := 0; lo < n; lo += step {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := f(lo, min(n, lo+step)); err != nil {
			return err
		}
		done(min(n, lo+step))
	}
	return nil
}
