package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Free is the number of bytes that this user may yet write on the file system of a path.
func Free(path string) (int64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, &os.PathError{Op: "free", Path: path, Err: err}
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, &os.PathError{Op: "free", Path: path, Err: err}
	}
	return int64(free), nil
}

// DiskFull reports whether an error says that there is no room left, or none for this user.
func DiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
