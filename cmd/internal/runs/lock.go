package runs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"neuroloupe/engine/atomicfile"
)

// BusyError says that another process trains a run, or another job of this one.
type BusyError struct {
	Run    string // path of the run folder
	Holder string // who; "" when that is not known
}

// Error says what to do.
func (e *BusyError) Error() string {
	by := "another process"
	if e.Holder != "" {
		by = e.Holder
	}
	return fmt.Sprintf("%s is being trained by %s; wait for it, or end it", e.Run, by)
}

// takeLock takes the folder's lock file for this process; the system gives it back when the process dies, on a network
// file system the server does when it hears no more of the machine.
func (f *Folder) takeLock() error {
	for tries := 1; ; tries++ {
		file, err := os.OpenFile(f.file(lockFile), os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return err
		}
		if err := atomicfile.TryLock(file); err != nil {
			file.Close()
			if errors.Is(err, atomicfile.ErrLocked) {
				held, holder, err := lockedBy(f.Path)
				if err != nil || held || tries > maxTries {
					return errors.Join(&BusyError{f.Path, holder}, err)
				}
				continue // it was only asked for at that moment
			}
			return fmt.Errorf("%s cannot be locked, so another process could write to it too: %w; "+
				"choose a folder on another file system", f.Path, err)
		}
		f.lock = file
		switch err := f.held(); {
		case err == nil:
			f.sign()
			return nil
		case !errors.Is(err, errLost): // removed between opening and locking
			return errors.Join(err, f.Close())
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
}

// maxTries is how often a lock that nobody holds is tried for.
const maxTries = 1000

// sign writes into the lock who holds it, for people to read. That a lock holds does not depend on it.
func (f *Folder) sign() {
	host, err := os.Hostname()
	if err != nil {
		return
	}
	if f.lock.Truncate(0) == nil {
		fmt.Fprintf(f.lock, "process %d on %s\n", os.Getpid(), host)
	}
}

// lockedBy reports whether the lock of a run folder is held, and what its holder has signed. Of a folder without a
// lock, and where files cannot be locked, it is not.
func lockedBy(path string) (held bool, holder string, err error) {
	file, err := os.Open(filepath.Join(path, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, "", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("run folder: %w", err)
	}
	defer file.Close()
	if err := atomicfile.TrySharedLock(file); !errors.Is(err, atomicfile.ErrLocked) {
		return false, "", nil
	}
	const maxHolder = 300
	text, err := io.ReadAll(io.LimitReader(file, maxHolder))
	if err != nil { // a locked file cannot be read on some systems
		return true, "", nil
	}
	return true, strings.TrimSpace(string(text)), nil
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
