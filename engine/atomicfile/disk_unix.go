//go:build darwin || dragonfly || freebsd || linux

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// Free is the number of bytes that this user may yet write on the file system of a path.
func Free(path string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(uint64(s.Bavail) * uint64(s.Bsize)), nil
}

// DiskFull reports whether an error says that there is no room left, or none for this user.
func DiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
