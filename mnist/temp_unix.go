//go:build unix && !solaris && !aix

package mnist

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a folder for this process, until f is closed or the process ends; errLocked when another has it.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
