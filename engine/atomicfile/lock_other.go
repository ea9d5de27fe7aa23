//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package atomicfile

import (
	"errors"
	"os"
)

// TryLock always fails with [errors.ErrUnsupported]: this system has no locks that end with their process.
func TryLock(f *os.File) error {
	return &os.PathError{Op: "lock", Path: f.Name(), Err: errors.ErrUnsupported}
}

// TrySharedLock always fails with [errors.ErrUnsupported], as TryLock does.
func TrySharedLock(f *os.File) error { return TryLock(f) }
