// Package atomicfile replaces files whole: whatever happens, a file is the old or the new one.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Write makes write's output the content of path: into a file beside it, named PATH.HEX.tmp, which is flushed to the
// disk and then renamed over path. When anything fails the file that was there stays as it was. Last the folder is
// flushed; when that fails the new file is in place, but a power cut may yet undo it. What killed processes have left
// of the same is removed first; see Clean.
//
// A link is followed. What is not a regular file, such as /dev/stdout, cannot be replaced and is written to.
func Write(path string, write func(io.Writer) error) (err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // also a link that points nowhere, which is replaced
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return writeTo(path, write)
	default:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	Clean(path)
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
	if err := f.Sync(); err != nil {
		return err
	}
	if !renamesOpen {
		if err := f.Close(); err != nil {
			return err
		}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	f.Close() // what it could say, Sync has said
	return syncFolder(filepath.Dir(path))
}

// MkdirAll makes a folder and those above it that are missing, and flushes each folder that it made one in: a power cut
// does not take a new folder with what was written into it.
func MkdirAll(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return &os.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
		}
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := Mkdir(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Mkdir makes a folder, and flushes the one that it lies in. That something of its name is there is [fs.ErrExist].
func Mkdir(path string) error {
	if err := os.Mkdir(path, 0o777); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(filepath.Clean(path)))
}

// WriteBytes makes data the content of path, as Write does.
func WriteBytes(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// writeTo never waits for somebody to read a named pipe.
func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) {
		return fmt.Errorf("%s is a named pipe that nobody reads", path)
	}
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
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
