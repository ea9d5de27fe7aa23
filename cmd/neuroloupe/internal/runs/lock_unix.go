//go:build unix

package runs

import (
	"fmt"
	"os"
	"syscall"
)

// lock takes the folder's lock file for this process; the system gives it back when the process dies.
func (f *Folder) lock() error {
	file, err := os.OpenFile(f.file(lockFile), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return fmt.Errorf("%s is being trained by another process; wait for it, or end it (%w)", f.Path, err)
	}
	f.unlock = file.Close
	return nil
}
