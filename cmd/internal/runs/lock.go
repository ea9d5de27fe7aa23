package runs

import (
	"errors"
	"fmt"
	"os"

	"neuroloupe/engine/atomicfile"
)

// takeLock takes the folder's lock file for this process; the system gives it back when the process dies.
func (f *Folder) takeLock() error {
	for {
		file, err := os.OpenFile(f.file(lockFile), os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return err
		}
		if err := atomicfile.TryLock(file); err != nil {
			file.Close()
			if errors.Is(err, atomicfile.ErrLocked) {
				return fmt.Errorf("%s is being trained by another process; wait for it, or end it", f.Path)
			}
			return fmt.Errorf("%s cannot be locked, so another process could write to it too: %w; "+
				"choose a folder on another file system", f.Path, err)
		}
		f.lock = file
		switch err := f.held(); {
		case err == nil:
			return nil
		case !errors.Is(err, errLost): // removed between opening and locking
			return errors.Join(err, f.Close())
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
}

var errLost = errors.New("its lock is gone or another's, so that this process may no longer write there")

// held reports as an error that the folder is no longer this process's: a person has removed the lock or moved the
// folder, and another process may be at work where it was.
func (f *Folder) held() error {
	if f.lock == nil {
		return fmt.Errorf("run folder: %s was opened to be read", f.Path)
	}
	switch ours, err := atomicfile.Names(f.file(lockFile), f.lock); {
	case err != nil:
		return err
	case !ours:
		return fmt.Errorf("run folder: %s: %w; if nobody else trains it, go on with --resume", f.Path, errLost)
	}
	return nil
}

// Close unlocks the folder; more calls do nothing.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	err := f.lock.Close()
	f.lock = nil
	return err
}
