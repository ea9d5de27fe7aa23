package mnist

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
)

// FileStatus says what [Verify] found of one file.
type FileStatus struct {
	File            // as it lies there; SHA256 and Bytes are empty when it cannot be read
	Want     string // sha256 of the official file; empty for a folder given by its path
	Official string // name of the official set whose file this is, compressed or not; empty for none
	// Err is nil for a good file. It wraps [io/fs.ErrNotExist] for a missing one, is a [*ChecksumError] for a file of
	// the cache that is not the official one, and a [*FormatError] for a file of a folder that is not what it must be.
	Err error
}

// Verify checks the four files of a data set where they lie, and changes, deletes and fetches nothing. A file in the
// cache must be the official one. A file in a person's own folder must be good IDX; whether it is the official one is
// reported, compressed or not, and is no fault.
//
// The error is for what keeps Verify from looking; what it sees is in the result.
func Verify(ctx context.Context, name string, o Options) ([]FileStatus, error) {
	return standard().verify(ctx, name, o)
}

func (l *library) verify(ctx context.Context, name string, o Options) ([]FileStatus, error) {
	place, err := l.place(name, o)
	if err != nil {
		return nil, err
	}
	var statuses []FileStatus
	if place.folder != "" {
		statuses, err = l.verifyFolder(ctx, place)
	} else {
		statuses, err = l.verifyCache(ctx, place.set, o)
	}
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("mnist: checking stopped: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, err
	}
	return statuses, nil
}

func (l *library) verifyCache(ctx context.Context, set official, o Options) ([]FileStatus, error) {
	folder, err := cacheFolder(set, o)
	if err != nil {
		return nil, err
	}
	statuses := make([]FileStatus, roleCount)
	for role, want := range set.files(folder) {
		got, err := hashFile(ctx, want.Path)
		if err == nil && got.SHA256 != want.SHA256 {
			err = &ChecksumError{
				File: want.Path, Want: want.SHA256, Got: got.SHA256, WantBytes: want.Bytes, GotBytes: got.Bytes,
			}
		}
		got.Name, got.Path = want.Name, want.Path
		statuses[role] = FileStatus{File: got, Want: want.SHA256, Err: err}
		if err == nil {
			statuses[role].Official = set.name
		}
	}
	return statuses, nil
}

func (l *library) verifyFolder(ctx context.Context, p place) ([]FileStatus, error) {
	at, err := findFiles(p.folder, p.set.folders)
	if err != nil {
		return nil, err
	}
	statuses := make([]FileStatus, roleCount)
	for role, path := range at.paths {
		f, err := openHashing(ctx, path)
		if err != nil {
			return nil, err
		}
		raw, err := checkIDX(f, path, role == trainImages || role == testImages)
		if _, drain := io.Copy(io.Discard, f); err == nil && drain != nil { // the hash needs what a bad file has left
			err = fmt.Errorf("mnist: %s: %w", path, drain)
		}
		f.f.Close()
		s := FileStatus{File: f.file(raw), Err: err}
		if err != nil {
			s.RawSHA256 = "" // not all of it was decompressed
		}
		if p.set.name != "" {
			s.Want = p.set.pins[role].sha256
		}
		for _, set := range l.sets {
			if s.RawSHA256 == set.pins[role].rawSHA256 {
				s.Official = set.name
			}
		}
		statuses[role] = s
	}
	return statuses, nil
}

// checkIDX reads a file to its end, and returns the sha256 of what a gzip file decompresses to, "" for a plain file.
func checkIDX(f io.Reader, path string, images bool) (raw string, err error) {
	d, err := openIDX(f, path, images, true)
	if err != nil {
		return "", err
	}
	if err := d.skip(); err != nil || !d.gzip {
		return "", err
	}
	return hex.EncodeToString(d.hash.Sum(nil)), nil
}
