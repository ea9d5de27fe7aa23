package runs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"neuroloupe/engine/atomicfile"
)

// appendFile adds data at the end of a file and syncs it.
func appendFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, werr := f.Write(data)
	return errors.Join(werr, f.Sync(), f.Close())
}

// sweep removes what a kill in the middle of a write has left in the folder, which must be locked.
func (f *Folder) sweep() error {
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), atomicfile.Suffix) {
			if err := os.Remove(filepath.Join(f.Path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
