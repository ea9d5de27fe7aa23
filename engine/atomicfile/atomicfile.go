// Package atomicfile replaces files whole: whatever happens, a file is the old or the new one.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Suffix ends the names of the files that Write writes beside its target. Only a process that is killed leaves one
// behind.
const Suffix = ".tmp"

// Write makes write's output the content of path: into a file beside it, named PATH.HEX.tmp, which is flushed to the
// disk and then renamed over path. When anything fails the file that was there stays as it was. Last the folder is
// flushed; when that fails the new file is in place, but a power cut may yet undo it.
//
// A link is followed. What is not a regular file, such as /dev/stdout, cannot be replaced and is written to.
func Write(path string, write func(io.Writer) error) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil && path != "" { // "" is "." to EvalSymlinks
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeTo(path, write)
	}
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // an error when it is closed already
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// WriteBytes makes data the content of path, as Write does.
func WriteBytes(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// createBeside creates PATH.HEX.tmp. os.CreateTemp is not it: its files are for their owner only, and the process's
// umask should decide.
func createBeside(path string) (*os.File, error) {
	for {
		name := fmt.Sprintf("%s.%08x%s", path, rand.Uint32(), Suffix)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// syncFolder makes a rename in the folder last. Windows cannot flush a folder, and some network file systems refuse:
// there is then nothing more to do.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
