package mnist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"neuroloupe/engine/atomicfile"
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
			return "", fmt.Errorf("mnist: there is no cache folder: %w: set one of them, or set Options.Dir", err)
		}
		root = filepath.Join(user, "neuroloupe", "data")
	}
	return filepath.Join(absolute(root), set.name), nil
}

// readOfficial reads the official file f from f.Path. The error is a *ChecksumError for another file and wraps
// fs.ErrNotExist for none.
func readOfficial(ctx context.Context, f File) (kept, error) {
	file, err := atomicfile.Open(f.Path)
	if err != nil {
		return kept{}, err
	}
	defer file.Close()
	data, err := readChecked(ctx, file, f, f.Path, io.Discard, nil)
	return kept{f, data}, err
}

// keep copies the official file f from r to f.Path: into the folder temp first, then renamed, so that the path holds
// what it held or the whole file at any moment, whoever else writes it. source names r in errors.
func keep(ctx context.Context, r io.Reader, f File, source, folder string, o Options) (_ kept, err error) {
	temp, err := os.CreateTemp(folder, f.Name+".*.part")
	if err != nil {
		return kept{}, &cacheError{err: err}
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	data, err := readChecked(ctx, r, f, source, temp, o.progress)
	if err != nil {
		return kept{}, err
	}
	// CreateTemp makes files that only their owner can read; a cache may be shared.
	if err := errors.Join(temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return kept{}, &cacheError{err: err}
	}
	if err := os.Rename(temp.Name(), f.Path); err != nil {
		return kept{}, &cacheError{err: err}
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
type cacheError struct {
	err     error
	reading bool // what is there cannot be read
}

func (e *cacheError) Error() string {
	advice := "make room, choose another cache folder, or set Options.Dir"
	if e.reading {
		advice = "mend or remove it, or set Options.Dir"
	}
	return "mnist: cannot use the cache: " + trimPackage(e.err) + ": " + advice
}

func (e *cacheError) Unwrap() error { return e.err }

// readChecked returns what r gives if it is the official file f, copying it to w on the way. It never reads more than a
// byte beyond the official size, and stops when the context ends.
func readChecked(
	ctx context.Context, r io.Reader, f File, source string, w io.Writer, progress func(string, int64, int64),
) ([]byte, error) {
	data := make([]byte, f.Bytes+1)
	n := 0
	for n < len(data) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		got, err := r.Read(data[n:min(len(data), n+1<<18)])
		if _, err := w.Write(data[n : n+got]); err != nil {
			return nil, &cacheError{err: err}
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

// readCache returns the files of a set that are in the cache and whole, and what is wrong with those that are not: they
// stay until a good copy is there to replace them.
func readCache(ctx context.Context, files []File, o Options) (
	have [roleCount]*kept, bad [roleCount]*ChecksumError, err error,
) {
	results := make([]kept, len(files))
	errs := make([]error, len(files))
	parallel(len(files), func(i int) {
		if o.wants(i) {
			results[i], errs[i] = readOfficial(ctx, files[i])
		} else {
			results[i].File = File{Name: files[i].Name, Path: files[i].Path}
		}
	})
	if ctx.Err() != nil {
		return have, bad, fmt.Errorf("mnist: reading stopped: %w", context.Cause(ctx))
	}
	for i, err := range errs {
		switch {
		case err == nil:
			have[i] = &results[i]
		case errors.As(err, &bad[i]):
			o.notice("%s: a good copy will replace it", trimPackage(bad[i]))
		case !isNothing(err):
			return have, bad, &cacheError{err: err, reading: true}
		}
	}
	return have, bad, nil
}
