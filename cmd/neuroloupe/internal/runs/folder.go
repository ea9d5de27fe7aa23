// Package runs keeps what a training run writes: the run folder.
//
//	run.toml               what is needed to repeat the run
//	initial.safetensors    the start weights W₀
//	weights.safetensors    the weights handed out, and γ
//	checkpoint.safetensors everything needed to go on
//	metrics.jsonl          a line per epoch
//	frames.safetensors     the first layer's weights per kept epoch, epoch 0 included
//	sheet.png              the contact sheet
//
// Of a network that was made elsewhere there are run.toml, weights.safetensors and sheet.png: see [ImportNet].
//
// Every file is replaced whole, by renaming; only metrics.jsonl and frames.log, the frames of a run that has not ended,
// grow at the end. The checkpoint is written last, so what those two have beyond it is cut off when the run goes on.
package runs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/safetensors"
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

	unlock func() error
}

// Create makes a new run folder at path, with its manifest and start weights, and locks it until Close. The path must
// not exist or be an empty folder.
func Create(path string, m Manifest, initial engine.Params) (*Folder, error) {
	return create(path, m, func(f *Folder) error { return f.writeStart(initial) })
}

// ImportNet makes a new run folder at path for a network that was made elsewhere, m.Import saying where, and locks it
// until Close. It holds the weights alone: no start, no γ, no metrics, no frames.
func ImportNet(path string, m Manifest, weights engine.Params) (*Folder, error) {
	return create(path, m, func(f *Folder) error {
		if err := f.writeWeights(weights, nil); err != nil {
			return err
		}
		return f.WriteManifest()
	})
}

// create makes the folder, and has write fill it, the manifest last.
func create(path string, m Manifest, write func(*Folder) error) (*Folder, error) {
	fail := func(err error) (*Folder, error) { return nil, fmt.Errorf("run folder: %w", err) }
	if err := os.MkdirAll(path, 0o777); err != nil {
		return fail(err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fail(err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == lockFile, name == initialFile, name == frameLogFile, strings.HasSuffix(name, atomicfile.Suffix):
			// of a run killed before its manifest, and so before its first step
		default:
			return fail(fmt.Errorf("%s is not empty; go on with --resume %s, or choose another --out", path, path))
		}
	}
	m.Format = FormatVersion
	f := &Folder{Path: path, Manifest: m}
	if f.Spec, err = f.Manifest.Spec(); err != nil {
		return fail(err)
	}
	if err := f.lock(); err != nil {
		return fail(err)
	}
	if err := errors.Join(f.sweep(), write(f)); err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	return f, nil
}

func (f *Folder) writeStart(initial engine.Params) error {
	if err := safetensors.WriteFile(f.file(initialFile), initial, nil); err != nil {
		return err
	}
	if err := os.RemoveAll(f.file(frameLogFile)); err != nil {
		return err
	}
	if err := f.appendFrame(0, initial); err != nil {
		return err
	}
	return f.WriteManifest()
}

// WriteManifest writes run.toml from f.Manifest.
func (f *Folder) WriteManifest() error {
	text, err := f.Manifest.encode()
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(f.file(manifestFile), text)
}

// Open opens a run folder to read it.
func Open(path string) (*Folder, error) {
	fail := func(err error) (*Folder, error) { return nil, fmt.Errorf("run folder: %w", err) }
	if info, err := os.Stat(path); err != nil {
		return fail(err)
	} else if !info.IsDir() {
		return fail(fmt.Errorf("%s is a file; name the folder of the run", path))
	}
	m, err := readManifest(filepath.Join(path, manifestFile))
	if err != nil {
		return fail(err)
	}
	spec, err := m.Spec()
	if err != nil {
		return fail(err)
	}
	return &Folder{Path: path, Manifest: m, Spec: spec}, nil
}

// Resume opens a run folder to go on training and locks it until Close. It returns the last state saved, or the start
// when none was. Metrics and frames of later epochs are cut off.
func Resume(path string) (*Folder, *engine.State, error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	if err := f.lock(); err != nil {
		return nil, nil, err
	}
	var st *engine.State
	if f.Manifest.Import != nil {
		err = fmt.Errorf("%s was made elsewhere: its start, its optimiser and its place in the data are not known, "+
			"so its training cannot go on", path)
	} else if err = f.sweep(); err == nil {
		st, err = f.resumeState()
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, st, nil
}

func (f *Folder) resumeState() (*engine.State, error) {
	var st *engine.State
	if _, err := os.Stat(f.file(checkpointFile)); err == nil {
		if st, err = f.Spec.LoadState(f.file(checkpointFile)); err != nil {
			return nil, err
		}
	} else {
		initial, err := f.Initial()
		if err != nil {
			return nil, err
		}
		st = f.Spec.NewState(initial.Clone())
	}
	if err := f.cutMetrics(st.Epoch); err != nil {
		return nil, err
	}
	return st, f.cutFrames(st.Epoch)
}

// Close unlocks the folder.
func (f *Folder) Close() error {
	if f.unlock == nil {
		return nil
	}
	err := f.unlock()
	f.unlock = nil
	return err
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
	return fmt.Sprintf("%s was made elsewhere; its start weights are not known (%s holds the trained ones alone)", e.Run, e.File)
}

// Initial reads the start weights W₀. The error is a [*StartError] for a network that was made elsewhere.
func (f *Folder) Initial() (engine.Params, error) {
	if im := f.Manifest.Import; im != nil {
		return nil, &StartError{Run: f.Path, File: filepath.Base(im.File)}
	}
	return f.readParams(initialFile)
}

func (f *Folder) readParams(name string) (engine.Params, error) {
	tensors, _, err := safetensors.ReadFile(f.file(name))
	if err != nil {
		return nil, err
	}
	ps, err := f.Spec.MatchParams(tensors)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.file(name), err)
	}
	return ps, nil
}

// Weights reads the weights handed out, and γ, which is NaN for a network that was made elsewhere.
func (f *Folder) Weights() (ps engine.Params, gamma float64, err error) {
	tensors, meta, err := safetensors.ReadFile(f.file(weightsFile))
	if errors.Is(err, os.ErrNotExist) && f.Manifest.Import == nil {
		return nil, 0, fmt.Errorf("%s has no weights yet: its training has not finished an epoch; "+
			"go on with neuroloupe train --resume %s", f.Path, f.Path)
	}
	if err != nil {
		return nil, 0, err
	}
	if ps, err = f.Spec.MatchParams(tensors); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", f.file(weightsFile), err)
	}
	if f.Manifest.Import != nil {
		return ps, math.NaN(), nil
	}
	if gamma, err = strconv.ParseFloat(meta["gamma"], 64); err != nil {
		return nil, 0, fmt.Errorf("%s: gamma: %w", f.file(weightsFile), err)
	}
	return ps, gamma, nil
}

// Save writes the state between two steps: the checkpoint, nothing else.
func (f *Folder) Save(st *engine.State) error { return st.Save(f.file(checkpointFile)) }

// EndEpoch writes what an epoch leaves: weights, its line of metrics, its frame when it is one to keep, and last the
// checkpoint.
func (f *Folder) EndEpoch(m engine.Metrics, st *engine.State, frame bool) error {
	ps, gamma := st.Kept()
	if err := f.writeWeights(ps, map[string]string{"gamma": strconv.FormatFloat(gamma, 'g', -1, 64)}); err != nil {
		return err
	}
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("run folder: metrics of epoch %d: %w", m.Epoch, err)
	}
	if err := appendFile(f.file(metricsFile), append(line, '\n')); err != nil {
		return err
	}
	if frame {
		if err := f.appendFrame(m.Epoch, st.Params); err != nil {
			return err
		}
	}
	return f.Save(st)
}

// writeWeights writes the weights to hand out. meta is added to what the file says of itself.
func (f *Folder) writeWeights(ps engine.Params, meta map[string]string) error {
	all := map[string]string{"net": f.Spec.String(), "layout": "weights are In×Out, one column per neuron"}
	maps.Copy(all, meta)
	if err := safetensors.WriteFile(f.file(weightsFile), ps, all); err != nil {
		return fmt.Errorf("%s: %w", f.file(weightsFile), err)
	}
	return nil
}

// Metrics reads the lines of metrics.jsonl.
func (f *Folder) Metrics() ([]engine.Metrics, error) {
	text, err := os.ReadFile(f.file(metricsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ms []engine.Metrics
	for line := range strings.Lines(string(text)) {
		var m engine.Metrics
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", f.file(metricsFile), len(ms)+1, err)
		}
		ms = append(ms, m)
	}
	return ms, nil
}

// cutMetrics drops the lines after an epoch, and a last line that a kill left unfinished.
func (f *Folder) cutMetrics(epoch int) error {
	text, err := os.ReadFile(f.file(metricsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept []byte
	for line := range strings.Lines(string(text)) {
		var m engine.Metrics
		if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &m) != nil || m.Epoch > epoch {
			break
		}
		kept = append(kept, line...)
	}
	return atomicfile.WriteBytes(f.file(metricsFile), kept)
}
