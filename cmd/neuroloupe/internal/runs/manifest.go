package runs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/BurntSushi/toml"

	"neuroloupe/cmd/neuroloupe/internal/recipe"
	"neuroloupe/cuda"
	"neuroloupe/engine"
)

// Manifest is run.toml: everything needed to repeat a run.
type Manifest struct {
	Format  int           `toml:"format"` // of the run folder; FormatVersion
	Version string        `toml:"version"`
	Created time.Time     `toml:"created"`
	Import  *Import       `toml:"import"` // where the network came from; nil for one trained here
	Device  Device        `toml:"device"`
	Data    Data          `toml:"data"`
	Train   recipe.Recipe `toml:"train"`
}

// FormatVersion is the version of the run folder that this program writes and reads.
const FormatVersion = 1

// Import is where a network that was made elsewhere came from.
type Import struct {
	File   string   `toml:"file"` // as it was named
	SHA256 string   `toml:"sha256"`
	Form   string   `toml:"form"`   // what kind of file it was, in words
	Layout string   `toml:"layout"` // which way round its weights were: in-out or out-in
	Layers []string `toml:"layers"` // what it called them
	Mean   float64  `toml:"mean"`   // the pixels of its training were (pixel/255 − Mean)/Std, which is folded into layer 1;
	Std    float64  `toml:"std"`    // 0 and 1 when they were taken as they are

	Transpose bool   `toml:"transpose,omitempty"` // what its images were is folded into layer 1 too
	Flip      string `toml:"flip,omitempty"`      // rows, cols, both; empty when they were not mirrored
	Invert    bool   `toml:"invert,omitempty"`
}

// Device is what a run was trained on.
type Device struct {
	ID      string `toml:"id"`
	Name    string `toml:"name"`
	Reason  string `toml:"reason"`
	Workers int    `toml:"workers"` // as asked for; 0 = one per core

	Mode      cuda.Mode      `toml:"cuda_mode"` // as asked for
	Precision cuda.Precision `toml:"precision"`
}

// Data is what a run was trained with.
type Data struct {
	Name       string   `toml:"name"`   // what to load: mnist, fashion, or the path of a folder; "" = imported without data
	Title      string   `toml:"title"`  // its name in print
	Folder     string   `toml:"folder"` // where --folder pointed; may be empty
	Rows       int      `toml:"rows"`
	Cols       int      `toml:"cols"`
	Classes    []string `toml:"classes"` // names of the outputs
	Train      int      `toml:"train"`   // images
	Validation int      `toml:"validation"`
	Test       int      `toml:"test"`
	Dead       []int    `toml:"dead"` // pixels never inked in the training images, row-major indices
	Files      []File   `toml:"files"`
}

// File is one file of the data set.
type File struct {
	Name   string `toml:"name"`
	SHA256 string `toml:"sha256"`
}

// Spec returns the network that the manifest describes.
func (m *Manifest) Spec() (engine.Spec, error) {
	return m.Train.Spec(m.Data.Rows*m.Data.Cols, len(m.Data.Classes), m.Data.Train)
}

// DeadMask returns Data.Dead as a mask of Rows×Cols.
func (m *Manifest) DeadMask() []bool {
	mask := make([]bool, m.Data.Rows*m.Data.Cols)
	for _, i := range m.Data.Dead {
		mask[i] = true
	}
	return mask
}

func (m *Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# A neuroloupe run: everything needed to repeat it. --resume reads it.\n")
	err := toml.NewEncoder(&b).Encode(m)
	return b.Bytes(), err
}

func readManifest(path string) (Manifest, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%s is missing: not a run folder, or the run never began", path)
	}
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if _, err := toml.Decode(string(text), &m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	if m.Format != FormatVersion {
		return Manifest{}, fmt.Errorf("%s: format %d, this program reads %d", path, m.Format, FormatVersion)
	}
	if n := m.Data.Rows * m.Data.Cols; m.Data.Rows < 1 || m.Data.Cols < 1 || n > engine.MaxUnits {
		return Manifest{}, fmt.Errorf("%s: images of %d×%d", path, m.Data.Rows, m.Data.Cols)
	}
	for _, i := range m.Data.Dead {
		if i < 0 || i >= m.Data.Rows*m.Data.Cols {
			return Manifest{}, fmt.Errorf("%s: dead pixel %d of %d", path, i, m.Data.Rows*m.Data.Cols)
		}
	}
	if _, err := m.Spec(); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}
