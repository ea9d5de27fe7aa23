package mnist

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// kept is an official file in the cache with its checked bytes. They stay in memory, so that nothing another process
// does to the cache after the check can matter.
type kept struct {
	File
	data []byte
}

// cacheFolder returns the absolute path of the folder that keeps the files of a set.
func cacheFolder(set official, o Options) (string, error) {
	root := o.Cache
	if root == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("mnist: there is no cache folder: %w: set one of them, or pass --folder DIR", err)
		}
		root = filepath.Join(user, "neuroloupe", "data")
	}
	return filepath.Join(absolute(root), set.name), nil
}

// readOfficial reads the official file f from f.Path. The error is a *ChecksumError for another file and wraps
// fs.ErrNotExist for none.
func readOfficial(f File) (kept, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return kept{}, err
	}
	defer file.Close()
	data, err := readChecked(file, f, f.Path, io.Discard, nil)
	return kept{f, data}, err
}

// keep copies the official file f from r to f.Path: beside it first, then renamed, so that the path holds nothing or
// the whole file at any moment, whoever else writes it. source names r in errors.
func keep(r io.Reader, f File, source string, o Options) (_ kept, err error) {
	temp, err := os.CreateTemp(filepath.Dir(f.Path), "."+f.Name+".*.part")
	if err != nil {
		return kept{}, &cacheError{err}
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	data, err := readChecked(r, f, source, temp, o.progress)
	if err != nil {
		return kept{}, err
	}
	// CreateTemp makes files that only their owner can read; a cache may be shared.
	if err := errors.Join(temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return kept{}, &cacheError{err}
	}
	if err := os.Rename(temp.Name(), f.Path); err != nil {
		return kept{}, &cacheError{err}
	}
	syncFolder(filepath.Dir(f.Path))
	return kept{f, data}, nil
}

// syncFolder makes a rename last through a power cut. Some file systems cannot, and the file is checked at each use, so
// an error is no loss.
func syncFolder(path string) {
	if dir, err := os.Open(path); err == nil {
		dir.Sync()
		dir.Close()
	}
}

// cacheError is a failure of the cache, which no other source can help.
type cacheError struct{ err error }

func (e *cacheError) Error() string {
	return "mnist: cannot use the cache: " + trimPackage(e.err) + ": make room, choose another cache folder, or pass --folder DIR"
}

func (e *cacheError) Unwrap() error { return e.err }

// readChecked returns what r gives if it is the official file f, copying it to w on the way. It never reads more than a
// byte beyond the official size.
func readChecked(r io.Reader, f File, source string, w io.Writer, progress func(string, int64, int64)) ([]byte, error) {
	data := make([]byte, f.Bytes+1)
	n := 0
	for n < len(data) {
		got, err := r.Read(data[n:min(len(data), n+1<<18)])
		if _, err := w.Write(data[n : n+got]); err != nil {
			return nil, &cacheError{err}
		}
		n += got
		if progress != nil {
			progress(f.Name, min(int64(n), f.Bytes), f.Bytes)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("mnist: %s: after %d of %d bytes: %w", source, n, f.Bytes, err)
		}
	}
	bad := &ChecksumError{File: source, Want: f.SHA256, WantBytes: f.Bytes, GotBytes: int64(n)}
	if int64(n) != f.Bytes {
		return nil, bad
	}
	data = data[:n:n]
	sum := sha256.Sum256(data)
	if bad.Got = hex.EncodeToString(sum[:]); bad.Got != f.SHA256 {
		return nil, bad
	}
	return data, nil
}

// readCache returns the files of a set that are in the cache and whole. Bad ones are deleted and named in a notice.
func readCache(files []File, o Options) (have [roleCount]*kept, err error) {
	results := make([]kept, len(files))
	errs := make([]error, len(files))
	parallel(len(files), func(i int) {
		if o.wants(i) {
			results[i], errs[i] = readOfficial(files[i])
		} else {
			results[i].File = File{Name: files[i].Name, Path: files[i].Path}
		}
	})
	for i, err := range errs {
		var bad *ChecksumError
		switch {
		case err == nil:
			have[i] = &results[i]
		case errors.As(err, &bad):
			if err := os.Remove(files[i].Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return have, &cacheError{err}
			}
			o.notice("%s: deleted, it will be fetched again", trimPackage(bad))
		case !errors.Is(err, fs.ErrNotExist):
			return have, &cacheError{err}
		}
	}
	return have, nil
}
