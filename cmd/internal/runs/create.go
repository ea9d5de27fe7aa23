package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// Create makes a new run folder at path, with its manifest and start weights, and locks it until Close. The path must
// not exist, be an empty folder, or hold what a kill has left of a folder being made.
func Create(path string, m Manifest, initial engine.Params) (*Folder, error) {
	return create(path, m, func(f *Folder) error {
		if err := f.writeTensors(initialFile, initial, nil); err != nil {
			return err
		}
		if err := f.writeLog([]Frame{f.frameOf(0, initial)}); err != nil {
			return err
		}
		return f.Save(f.Spec.NewState(initial))
	})
}

// ImportNet makes a new run folder at path, as Create does, for a network that was made elsewhere, m.Import saying
// where. It holds the weights alone: no start, no γ, no metrics, no frames.
func ImportNet(path string, m Manifest, weights engine.Params) (*Folder, error) {
	return create(path, m, func(f *Folder) error { return f.writeWeights(weights, nil) })
}

// NewFolder makes an empty folder of a name that is free: base, or base with a number. No two callers get the same.
func NewFolder(base string) (string, error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("run folder: %w", err) }
	if err := atomicfile.MkdirAll(filepath.Dir(base)); err != nil {
		return fail(err)
	}
	for i := 1; ; i++ {
		name := base
		if i > 1 {
			name = fmt.Sprintf("%s-%d", base, i)
		}
		switch err := atomicfile.Mkdir(name); {
		case err == nil:
			return name, nil
		case !errors.Is(err, fs.ErrExist):
			return fail(err)
		}
	}
}

// create makes the folder, and has write fill it; the manifest comes last.
func create(path string, m Manifest, write func(*Folder) error) (*Folder, error) {
	fail := func(err error) (*Folder, error) { return nil, fmt.Errorf("run folder: %w", err) }
	m.Format = FormatVersion
	f := &Folder{Path: path, Manifest: m}
	var err error
	if f.Spec, err = f.Manifest.Spec(); err != nil {
		return fail(err)
	}
	if err := atomicfile.MkdirAll(path); err != nil {
		return fail(err)
	}
	if _, err := f.halfMade(); err != nil { // nothing is put into a folder of other things, not even a lock
		return fail(err)
	}
	if err := f.takeLock(); err != nil {
		return fail(err)
	}
	old, err := f.halfMade() // again: another process may have been faster
	if err == nil {
		err = f.remove(old...)
	}
	if err == nil {
		err = f.clearEnding()
	}
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.WriteManifest()
	}
	if err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	return f, nil
}

// halfMade returns the files that a kill has left of a run folder being made. That anything else is there is an error.
func (f *Folder) halfMade() ([]string, error) {
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != lockFile && e.Name() != errorFile { // that of a run that could not begin
			names = append(names, e.Name())
		}
	}
	foreign := func(files ...string) int {
		return slices.IndexFunc(names, func(name string) bool {
			target, temp := atomicfile.TempOf(name)
			return !slices.Contains(files, name) &&
				!(temp && (slices.Contains(files, target) || target == manifestFile))
		})
	}
	i := foreign(initialFile, frameLogFile, checkpointFile) // of Create
	if i < 0 || foreign(weightsFile) < 0 {                  // or of ImportNet
		return names, nil
	}
	m, err := readManifest(f.file(manifestFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is not empty and no run that could go on (%s is in it); choose another --out",
			f.Path, names[i])
	case err == nil && m.Import != nil:
		return nil, fmt.Errorf("%s is not empty: it holds the network of %s; draw it with neuroloupe sheet %s, or "+
			"choose another --out",
			f.Path, m.Import.File, f.Path)
	}
	return nil, fmt.Errorf("%s is not empty; go on with --resume %s, or choose another --out", f.Path, f.Path)
}
