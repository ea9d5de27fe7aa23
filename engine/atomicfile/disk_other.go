//go:build !(darwin || dragonfly || freebsd || linux || windows)

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// Free always fails with [errors.ErrUnsupported].
func Free(path string) (int64, error) {
	return 0, &os.PathError{Op: "free", Path: path, Err: errors.ErrUnsupported}
}

// DiskFull reports whether an error says that there is no room left, or none for this user.
func DiskFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }
