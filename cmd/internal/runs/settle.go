package runs

import (
	"errors"
	"fmt"
	"os"
)

// Settle moves the folder, which this process holds, to a name that is free: base, or base with a number. Whatever
// holds it writes there from then on; no other call on it may be under way. When it fails the folder is where it was.
func (f *Folder) Settle(base string) error {
	if err := f.held(); err != nil {
		return err
	}
	to, err := NewFolder(base)
	if err != nil {
		return err
	}
	if err = os.Rename(f.Path, to); err != nil { // some systems put no folder in the place of an empty one,
		err = errors.Join(os.Remove(to), os.Rename(f.Path, to))
	}
	if err != nil { // nor rename one in which a file is open
		from := f.Path
		err = errors.Join(f.Close(), os.Rename(from, to))
		if err == nil {
			f.Path = to
		}
		err = errors.Join(err, f.takeLock())
	}
	if err != nil {
		return fmt.Errorf("run folder: it could not be moved to %s: %w", to, err)
	}
	f.Path = to
	return nil
}
