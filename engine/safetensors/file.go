package safetensors

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

// WriteFile writes the file at path as [Write] does, whole or not at all: into a file beside it, named
// PATH.HEX.tmp, which is flushed to the disk and then renamed over path. Whatever fails, the file that was there
// before stays as it was and the one beside it is removed; only a process that is killed leaves one behind. Last the
// folder is flushed; when that fails the new file is in place, but a power cut may yet undo it.
func WriteFile(path string, tensors []Tensor, meta map[string]string) error {
	err := replace(path, func(w io.Writer) error { return Write(w, tensors, meta) })
	return inFile(err, path)
}

// replace makes write's output the content of path, whole or not at all.
func replace(path string, write func(io.Writer) error) (err error) {
	f, err := createBeside(path)
	if err != nil {
		return fmt.Errorf("safetensors: %s: %w", path, err)
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
		return fmt.Errorf("safetensors: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// createBeside creates PATH.HEX.tmp. os.CreateTemp is not it: its files are for their owner only, and the process's
// umask should decide.
func createBeside(path string) (*os.File, error) {
	for {
		name := fmt.Sprintf("%s.%08x.tmp", path, rand.Uint32())
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
		return fmt.Errorf("safetensors: %w", err)
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}
