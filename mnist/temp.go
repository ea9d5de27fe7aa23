package mnist

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"neuroloupe/engine/atomicfile"
)

// tempStart begins the names of the folders in a cache folder that hold what is not whole yet, one for each fetch.
const tempStart = ".fetch-"

// makeTemp makes a folder for what a fetch writes until it is whole. It is locked for this process until remove, which
// deletes it with all that is in it; when the process is killed, sweep does later.
func makeTemp(cache string) (path string, remove func() error, err error) {
	for {
		if path, err = os.MkdirTemp(cache, tempStart); err != nil {
			return "", nil, err
		}
		f, err := os.Open(path)
		if err == nil {
			err = atomicfile.TryLock(f)
		}
		ours := err == nil
		if ours {
			if ours, err = atomicfile.Names(path, f); err != nil {
				return "", nil, errors.Join(err, f.Close(), os.Remove(path))
			}
		}
		// Between its making and its locking a sweep may have taken the folder for a dead process's.
		if err == nil && !ours || errors.Is(err, atomicfile.ErrLocked) || errors.Is(err, os.ErrNotExist) {
			f.Close()
			continue
		}
		// Where folders cannot be locked nobody sweeps them either.
		return path, func() error {
			err := os.RemoveAll(path)
			if err != nil { // once more: what is left lies there until the next fetch
				err = os.RemoveAll(path)
			}
			if f == nil {
				return err
			}
			return errors.Join(err, f.Close())
		}, nil
	}
}

// sweep deletes what fetches that were killed have left in a cache folder. What cannot be deleted stays.
func sweep(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(cache, e.Name())
		switch {
		case e.IsDir() && strings.HasPrefix(e.Name(), tempStart):
			f, err := os.Open(path)
			if err != nil {
				continue
			}
			if atomicfile.TryLock(f) == nil {
				os.RemoveAll(path)
			}
			f.Close()
		case e.Type().IsRegular() && strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".part"):
			// Earlier versions wrote these beside the files, without a lock; a download that stands still for a day has
			// long been given up.
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
				os.Remove(path)
			}
		}
	}
}
