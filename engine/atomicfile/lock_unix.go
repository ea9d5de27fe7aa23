//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// TryLock locks an open file for this process without waiting. The lock ends when f is closed, or its process does. The
// error is [ErrLocked] when another has it; any other says why files cannot be locked there.
func TryLock(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// TrySharedLock is TryLock for a lock that others may have too who ask for a shared one.
func TrySharedLock(f *os.File) error { return flock(f, syscall.LOCK_SH) }

func flock(f *os.File, how int) error {
	for {
		switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		case !errors.Is(err, syscall.EINTR):
			return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}
