// Package runs says how a network is trained, with the presets (recipe.go), and keeps what a training run writes: the
// run folder.
//
//	run.toml               what is needed to repeat the run
//	initial.safetensors    the start weights W₀
//	weights.safetensors    the weights handed out, and γ
//	checkpoint.safetensors everything needed to go on
//	metrics.jsonl          a line per epoch
//	frames.safetensors     the network, or its first layer's weights alone, per kept epoch, epoch 0 included
//	sheet.png              the contact sheet
//	error.txt              why the training failed
//	stopped.txt            which rule has decided that it is not worth going on
//
// Of a network that was made elsewhere there are run.toml, weights.safetensors and sheet.png: see [ImportNet].
//
// Every file is replaced whole, by renaming; only metrics.jsonl and frames.log, the frames of a run that has not ended,
// grow at the end. The checkpoint is written last, so what those two have beyond it is cut off when the run goes on. A
// new folder gets its run.toml last: without one, what is there was never finished.
//
// Nothing is taken on trust: run.toml carries a sum of what it says, and every other file a sum of its own and that of
// the settings that it belongs to, see [Manifest.Settings]. Only "not there" means not there: any other error of the
// system is returned as it is.
package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"neuroloupe/engine"
)

const (
	manifestFile   = "run.toml"
	initialFile    = "initial.safetensors"
	weightsFile    = "weights.safetensors"
	checkpointFile = "checkpoint.safetensors"
	metricsFile    = "metrics.jsonl"
	framesFile     = "frames.safetensors"
	frameLogFile   = "frames.log"
	lockFile       = "lock"
	sheetFile      = "sheet.png"
)

// Folder is a run folder.
type Folder struct {
	Path     string
	Manifest Manifest
	Spec     engine.Spec

	lock    *os.File // locked; nil in a folder that is only read
	notices []string
}

// Open opens a run folder to read it.
func Open(path string) (*Folder, error) {
	fail := func(err error) (*Folder, error) { return nil, fmt.Errorf("run folder: %w", err) }
	if info, err := os.Stat(path); err != nil {
		return fail(err)
	} else if !info.IsDir() {
		return fail(fmt.Errorf("%s is a file; name the folder of the run", path))
	}
	f := &Folder{Path: path}
	var err error
	f.Manifest, err = readManifest(f.file(manifestFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(f.noManifest(err))
	case err != nil:
		return fail(err)
	}
	if f.Spec, err = f.Manifest.Spec(); err != nil {
		return fail(err)
	}
	if f.Manifest.Format < sumsSince {
		f.notice("%s was made by an older version, which kept no checksums of run.toml and frames.log, nor which "+
			"files belong together: that cannot be checked", path)
	}
	return f, nil
}

// noManifest says what can be done with a folder that has no run.toml.
func (f *Folder) noManifest(missing error) error {
	if _, err := os.Stat(f.file(metricsFile)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w, though a run's other files are there: put it back from a copy, or see its weights "+
			"alone: neuroloupe import %s", missing, f.file(weightsFile))
	}
	return fmt.Errorf("%w: not a run folder, or the run never began; then give the command that was to make it once "+
		"more", missing)
}

// notice notes what a person should know and need not stop for.
func (f *Folder) notice(format string, args ...any) {
	f.notices = append(f.notices, fmt.Sprintf(format, args...))
}

// Notices returns, once, what was found that a person should know: a check that cannot be made, what was damaged and is
// left out.
func (f *Folder) Notices() []string {
	all := f.notices
	f.notices = nil
	return all
}

func (f *Folder) file(name string) string { return filepath.Join(f.Path, name) }

// Sheet returns the path of the contact sheet.
func (f *Folder) Sheet() string { return f.file(sheetFile) }

// StartError says that a network was made elsewhere, so that what needs its start cannot be had.
type StartError struct {
	Run  string // path of the run folder
	File string // that the network came from
}

// Error says what is not known and why.
func (e *StartError) Error() string {
	return fmt.Sprintf("%s was made elsewhere; its start weights are not known (%s holds the trained ones alone)",
		e.Run, e.File)
}

// noStart is the error of a network that was made elsewhere; nil for one that was trained here.
func (f *Folder) noStart() error {
	if im := f.Manifest.Import; im != nil {
		return &StartError{Run: f.Path, File: filepath.Base(im.File)}
	}
	return nil
}
