package runs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// removedSuffix ends the name of a run folder that is being removed, .NAME.HEX.removed.
const removedSuffix = ".removed"

// Remove removes a run folder. The error is a [*BusyError] while the run is being trained; a folder without run.toml or
// error.txt is no run, and one that holds folders is not removed, because they may be runs of their own. First it gets
// another name, and loses its run.toml: what a kill leaves is no run and no longer lies where one was. See
// [SweepRemoved].
func Remove(path string) error {
	fail := func(err error) error { return fmt.Errorf("run folder: %w", err) }
	entries, err := os.ReadDir(path)
	if err != nil {
		return fail(err)
	}
	is := false
	for _, e := range entries {
		if e.IsDir() {
			return fail(fmt.Errorf("%s holds the folder %s, which may be another run: move it away first", path,
				e.Name()))
		}
		is = is || e.Name() == manifestFile || e.Name() == errorFile
	}
	if !is {
		return fail(fmt.Errorf("%s is no run: it has no %s", path, manifestFile))
	}
	f := &Folder{Path: path}
	if err := f.takeLock(); err != nil {
		return fail(err)
	}
	var salt [8]byte
	rand.Read(salt[:]) // never fails
	away := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+hex.EncodeToString(salt[:])+removedSuffix)
	if err = os.Rename(path, away); err != nil { // some systems rename nothing in which a file is open
		err = errors.Join(f.Close(), os.Rename(path, away))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fail(err)
	}
	if err := removeAway(away); err != nil {
		return fail(err)
	}
	return nil
}

// removeAway removes a run folder that has been renamed, run.toml first.
func removeAway(away string) error {
	if err := os.RemoveAll(filepath.Join(away, manifestFile)); err != nil {
		return err
	}
	return os.RemoveAll(away)
}

// SweepRemoved removes what kills have left of run folders that were being removed in a folder.
func SweepRemoved(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && removing(e.Name()) {
			if err := removeAway(filepath.Join(folder, e.Name())); err != nil {
				return fmt.Errorf("run folder: %w", err)
			}
		}
	}
	return nil
}

// removing reports whether a name is one that Remove gives.
func removing(name string) bool {
	rest, ok := strings.CutSuffix(name, removedSuffix)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 2 || rest[0] != '.' {
		return false
	}
	salt, err := hex.DecodeString(rest[dot+1:])
	return err == nil && len(salt) == 8
}
