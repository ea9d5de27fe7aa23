package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Suffix ends the names of the files that Write writes beside its target. Only a process that is killed leaves one
// behind, until the next Write of the same target or Clean.
const Suffix = ".tmp"

const hexDigits = 8 // of the random part of such a name

// renamesOpen is false where a file that is open cannot be renamed. A file being written is then not locked, so nobody
// can know what is left behind, and nothing is cleaned.
const renamesOpen = runtime.GOOS != "windows"

// TempOf returns the target of a file that Write writes beside it, by its name; ok is false for every other name.
func TempOf(name string) (target string, ok bool) {
	rest, ok := strings.CutSuffix(name, Suffix)
	i := len(rest) - hexDigits - 1
	if !ok || i < 1 || rest[i] != '.' || strings.Trim(rest[i+1:], "0123456789abcdef") != "" {
		return "", false
	}
	return rest[:i], true
}

// createBeside creates PATH.HEX.tmp and locks it, as long as it is written: what is not locked, a killed process has
// left. os.CreateTemp is not it: its files are for their owner only, and the process's umask should decide.
func createBeside(path string) (*os.File, error) {
	for {
		name := fmt.Sprintf("%s.%0*x%s", path, hexDigits, rand.Uint32(), Suffix)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil || !renamesOpen {
			return f, err
		}
		ours := false
		switch err := TryLock(f); {
		case err == nil:
			if ours, err = Names(name, f); err != nil {
				return nil, errors.Join(err, f.Close(), os.Remove(name))
			}
		case !errors.Is(err, ErrLocked):
			ours = true // where files cannot be locked Clean cannot lock them either, and leaves them
		}
		if ours {
			return f, nil
		}
		f.Close() // Clean came between creating and locking
	}
}

// Names reports whether path is still the name of the open file or folder f, or a link to it. That there is nothing of
// that name is no error.
func Names(path string, f *os.File) (bool, error) {
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	here, err := f.Stat()
	return err == nil && os.SameFile(there, here), err
}

// Clean removes what killed processes have left of their writes to path. What a living process is writing stays, and so
// does whatever Write would not have named.
func Clean(path string) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	folder, base := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	entries, err := os.ReadDir(folder)
	if err != nil || !renamesOpen {
		return
	}
	for _, e := range entries {
		if target, ok := TempOf(e.Name()); ok && target == base && e.Type().IsRegular() {
			cleanOne(filepath.Join(folder, e.Name()))
		}
	}
}

// cleanOne removes a file that nobody has locked.
func cleanOne(path string) {
	f, err := Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if TryLock(f) != nil {
		return
	}
	if ours, err := Names(path, f); err == nil && ours {
		os.Remove(path)
	}
}
