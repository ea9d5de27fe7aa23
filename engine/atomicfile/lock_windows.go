package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// TryLock locks an open file for this process without waiting. The lock ends when f is closed, or its process does. The
// error is [ErrLocked] when another has it; any other says why files cannot be locked there.
func TryLock(f *os.File) error { return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// TrySharedLock is TryLock for a lock that others may have too who ask for a shared one.
func TrySharedLock(f *os.File) error { return lock(f, 0) }

func lock(f *os.File, how uint32) error {
	how |= windows.LOCKFILE_FAIL_IMMEDIATELY
	switch err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped)); {
	case err == nil:
		return nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return ErrLocked
	default:
		return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
}
