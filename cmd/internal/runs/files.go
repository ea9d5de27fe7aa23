package runs

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/safetensors"
)

// Everything that changes a file of the folder is here: each first makes sure that the folder is still this process's.

// replace makes write's output the content of a file.
func (f *Folder) replace(name string, write func(io.Writer) error) error {
	if err := f.held(); err != nil {
		return err
	}
	return atomicfile.Write(f.file(name), write)
}

// appendTo adds data at the end of a file and flushes it. flag may be [os.O_CREATE].
func (f *Folder) appendTo(name string, data []byte, flag int) error {
	if err := f.held(); err != nil {
		return err
	}
	file, err := os.OpenFile(f.file(name), flag|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, werr := file.Write(data)
	return errors.Join(werr, file.Sync(), file.Close())
}

// truncate cuts a file to its first size bytes.
func (f *Folder) truncate(name string, size int64) error {
	if err := f.held(); err != nil {
		return err
	}
	file, err := os.OpenFile(f.file(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Sync(), file.Close())
}

func (f *Folder) remove(names ...string) error {
	if err := f.held(); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Remove(f.file(name)); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes what kills in the middle of a write have left of the run's own files.
func (f *Folder) sweep() error {
	if err := f.held(); err != nil {
		return err
	}
	for _, name := range []string{
		manifestFile, initialFile, weightsFile, checkpointFile, metricsFile, framesFile, frameLogFile, sheetFile,
		errorFile, stoppedFile,
	} {
		atomicfile.Clean(f.file(name))
	}
	return nil
}

// settingsKey is where a file's metadata holds the sum of the settings that it belongs to; see [Manifest.Settings].
const settingsKey = "settings_sha256"

// writeTensors writes a file of tensors that says which settings it belongs to.
func (f *Folder) writeTensors(name string, tensors []engine.Tensor, meta map[string]string) error {
	all := maps.Clone(meta)
	if f.Manifest.Format >= sumsSince { // an older folder gets the bytes that its own version would have written
		sum, err := f.Manifest.Settings()
		if err != nil {
			return err
		}
		if all == nil {
			all = map[string]string{}
		}
		all[settingsKey] = sum
	}
	if err := f.held(); err != nil {
		return err
	}
	return safetensors.WriteFile(f.file(name), tensors, all)
}

// readTensors reads a file of tensors and checks that it belongs to the folder's settings.
func (f *Folder) readTensors(name string) ([]engine.Tensor, map[string]string, error) {
	tensors, meta, err := safetensors.ReadFile(f.file(name))
	if err != nil {
		return nil, nil, err
	}
	return tensors, meta, f.checkMeta(name, meta)
}

// checkMeta checks what a file of tensors says of itself, and that it belongs to the folder's settings.
func (f *Folder) checkMeta(name string, meta map[string]string) error {
	for key := range meta {
		if !slices.Contains([]string{settingsKey, "net", "layout", gammaKey, "tensor", engine.ProgressKey}, key) {
			// Of another name a checksum would not be checked.
			return &safetensors.FormatError{
				File:   f.file(name),
				Reason: fmt.Sprintf("unknown metadata %q: the file is damaged", key),
			}
		}
	}
	got, ok := meta[settingsKey]
	if !ok && f.Manifest.Format < sumsSince {
		return nil
	}
	return f.belongs(name, got)
}

// belongs reports as an error that a file was written for other settings than those of run.toml.
func (f *Folder) belongs(name, sum string) error {
	want, err := f.Manifest.Settings()
	if err != nil || sum == want {
		return err
	}
	return fmt.Errorf("%s belongs to another run than %s: it was written for settings of sha256 %.12q, these have "+
		"%.12q; put back the file of this run", f.file(name), manifestFile, sum, want)
}

// readParams reads a file of the network's parameters, and its metadata.
func (f *Folder) readParams(name string) (engine.Params, map[string]string, error) {
	tensors, meta, err := f.readTensors(name)
	if err != nil {
		return nil, nil, err
	}
	ps, err := f.Spec.MatchParams(tensors)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.file(name), err)
	}
	return ps, meta, nil
}
