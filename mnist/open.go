package mnist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"neuroloupe/engine/atomicfile"
)

// hashingFile hashes a file as it is read.
type hashingFile struct {
	f    *os.File
	ctx  context.Context // for this one reading
	hash hash.Hash
	n    int64 // bytes read
	size int64 // bytes when it was opened
}

func openHashing(ctx context.Context, path string) (*hashingFile, error) {
	f, err := atomicfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if target, bad := os.Readlink(path); bad == nil {
			return nil, fmt.Errorf("mnist: %s is a link to %s: %w", path, target, fs.ErrNotExist)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("mnist: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("mnist: %w", err)
	}
	return &hashingFile{f: f, ctx: ctx, hash: sha256.New(), size: info.Size()}, nil
}

// Read reads from the file until the context ends.
func (f *hashingFile) Read(p []byte) (int, error) {
	if f.ctx.Err() != nil {
		return 0, context.Cause(f.ctx)
	}
	n, err := f.f.Read(p)
	f.hash.Write(p[:n])
	f.n += int64(n)
	return n, err
}

// Len returns the bytes left, for [ReadImages].
func (f *hashingFile) Len() int { return int(max(0, f.size-f.n)) }

// file describes what was read. raw is the sha256 of what it decompresses to, empty when that is the file itself.
func (f *hashingFile) file(raw string) File {
	path := f.f.Name()
	sum := hex.EncodeToString(f.hash.Sum(nil))
	if raw == "" {
		raw = sum
	}
	return File{Name: filepath.Base(path), Path: path, SHA256: sum, RawSHA256: raw, Bytes: f.n}
}

// hashFile describes the file at path as it is stored.
func hashFile(ctx context.Context, path string) (File, error) {
	f, err := openHashing(ctx, path)
	if err != nil {
		return File{}, err
	}
	defer f.f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return File{}, fmt.Errorf("mnist: %s: %w", path, err)
	}
	d := f.file("")
	d.RawSHA256 = "" // not decompressed
	return d, nil
}

// isFolder reports whether path is a folder. That there is nothing is no error; that it cannot be told is one.
func isFolder(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil:
		return info.IsDir(), nil
	case isNothing(err):
		return false, nil
	}
	return false, fmt.Errorf("mnist: %w", err)
}

// isNothing reports whether an error says that a path names nothing, also because a file stands where it wants a
// folder.
func isNothing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// absolute makes a path absolute, or leaves it when there is no working directory.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
